//! Prices: what a plan costs, and how often.

use jiff::{Span, Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A recurring price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// `price_…`
    pub id: String,
    /// What the plan is called.
    pub plan: String,
    /// In the smallest unit of the currency.
    pub unit_amount: u32,
    /// The currency's code, in lower case.
    pub currency: String,
    /// How long a period is.
    pub interval: Interval,
}

/// How long a period is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interval {
    /// A day.
    Day,
    /// Seven days.
    Week,
    /// A month of the calendar.
    Month,
    /// A year of the calendar.
    Year,
}

impl Interval {
    /// The name of it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    /// The time `count` intervals after `anchor`. Counted from the anchor, a month
    /// that is too short does not move the months after it.
    pub(super) fn after(self, anchor: i64, count: u32) -> i64 {
        let span = match self {
            Self::Day => Span::new().try_days(count),
            Self::Week => Span::new().try_weeks(count),
            Self::Month => Span::new().try_months(count),
            Self::Year => Span::new().try_years(count),
        };
        let end = span.and_then(|span| {
            let anchor = TimeZone::UTC.to_datetime(Timestamp::from_second(anchor)?);
            TimeZone::UTC.to_timestamp(anchor.checked_add(span)?)
        });
        // Beyond the end of the calendar nothing becomes due.
        end.map_or(i64::MAX, Timestamp::as_second)
    }
}

impl Price {
    /// The API's object.
    pub(super) fn resource(&self, livemode: bool) -> Value {
        json!({
            "id": self.id,
            "object": "price",
            "active": true,
            "billing_scheme": "per_unit",
            "created": 1_735_689_600,
            "currency": self.currency,
            "custom_unit_amount": null,
            "livemode": livemode,
            "lookup_key": null,
            "metadata": {},
            "nickname": self.plan,
            "product": self.product(),
            "recurring": {
                "interval": self.interval.as_str(),
                "interval_count": 1,
                "meter": null,
                "trial_period_days": null,
                "usage_type": "licensed",
            },
            "tax_behavior": "unspecified",
            "tiers_mode": null,
            "transform_quantity": null,
            "type": "recurring",
            "unit_amount": self.unit_amount,
            "unit_amount_decimal": self.unit_amount.to_string(),
        })
    }

    /// The same in the older form, which subscriptions still carry.
    pub(super) fn plan_resource(&self, livemode: bool) -> Value {
        json!({
            "id": self.id,
            "object": "plan",
            "active": true,
            "amount": self.unit_amount,
            "amount_decimal": self.unit_amount.to_string(),
            "billing_scheme": "per_unit",
            "created": 1_735_689_600,
            "currency": self.currency,
            "interval": self.interval.as_str(),
            "interval_count": 1,
            "livemode": livemode,
            "metadata": {},
            "nickname": self.plan,
            "product": self.product(),
            "trial_period_days": null,
            "usage_type": "licensed",
        })
    }

    /// The id of what is sold.
    pub(super) fn product(&self) -> String {
        format!("prod_{}", self.id.trim_start_matches("price_"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_those_of_the_calendar() {
        let second = |text: &str| text.parse::<Timestamp>().unwrap().as_second();
        let anchor = second("2027-01-31T12:00:00Z");
        for (interval, count, end) in [
            (Interval::Month, 1, "2027-02-28T12:00:00Z"),
            (Interval::Month, 2, "2027-03-31T12:00:00Z"),
            (Interval::Year, 1, "2028-01-31T12:00:00Z"),
            (Interval::Week, 2, "2027-02-14T12:00:00Z"),
            (Interval::Day, 1, "2027-02-01T12:00:00Z"),
        ] {
            assert_eq!(interval.after(anchor, count), second(end));
        }
        assert_eq!(Interval::Year.after(anchor, u32::MAX), i64::MAX);
    }
}
