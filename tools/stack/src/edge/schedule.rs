//! When a cron is due.

use std::{ops::RangeInclusive, str::FromStr};

use anyhow::{Context as _, bail};
use jiff::civil::DateTime;

/// A cron expression as Vercel takes it: minute, hour, day of the month, month and day of the
/// week, in UTC; each `*`, a number, a range or a list of these, with or without a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Schedule {
    minutes: Values,
    hours: Values,
    days: Values,
    months: Values,
    /// Sunday is 0.
    weekdays: Values,
}

impl Schedule {
    /// Whether the cron is due in the minute of `time`, which is in UTC.
    pub(super) fn is_due(&self, time: DateTime) -> bool {
        self.minutes.contain(time.minute())
            && self.hours.contain(time.hour())
            && self.days.contain(time.day())
            && self.months.contain(time.month())
            && self.weekdays.contain(time.weekday().to_sunday_zero_offset())
    }
}

impl FromStr for Schedule {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields.as_slice() else {
            bail!("a schedule has five fields: `{text}`");
        };
        // With both, cron would take either and a reader both; Vercel refuses it too.
        if *days != "*" && *weekdays != "*" {
            bail!("a schedule has a day of the month or a day of the week, not both: `{text}`");
        }
        let field = |field: &str, range| {
            Values::parse(field, range)
                .with_context(|| format!("`{field}` of the schedule `{text}` is not understood"))
        };
        Ok(Self {
            minutes: field(minutes, 0..=59)?,
            hours: field(hours, 0..=23)?,
            days: field(days, 1..=31)?,
            months: field(months, 1..=12)?,
            weekdays: field(weekdays, 0..=6)?,
        })
    }
}

/// The values of one field, each a bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Values(u64);

impl Values {
    /// Reads one field whose values lie in `range`.
    fn parse(text: &str, range: RangeInclusive<i8>) -> Option<Self> {
        let mut values = 0;
        for part in text.split(',') {
            let (span, step) = part.split_once('/').unwrap_or((part, "1"));
            let (first, last) = match span.split_once('-') {
                Some((first, last)) => (first.parse().ok()?, last.parse().ok()?),
                None if span == "*" => (*range.start(), *range.end()),
                None => (span.parse().ok()?, span.parse().ok()?),
            };
            let step: usize = step.parse().ok().filter(|step| *step > 0)?;
            if first > last || !range.contains(&first) || !range.contains(&last) {
                return None;
            }
            for value in (first..=last).step_by(step) {
                values |= 1 << value;
            }
        }
        Some(Self(values))
    }

    fn contain(self, value: i8) -> bool {
        self.0 & 1 << value != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether `schedule` is due at `time`.
    #[track_caller]
    fn check(schedule: &str, time: &str, due: bool) {
        let is_due = schedule.parse::<Schedule>().unwrap().is_due(time.parse().unwrap());
        assert_eq!(is_due, due, "{schedule} at {time}");
    }

    #[test]
    fn a_schedule_is_due_when_all_fields_fit() {
        check("* * * * *", "2026-11-23T14:50:59", true);
        check("30 4 * * *", "2026-11-23T04:30:00", true);
        check("30 4 * * *", "2026-11-23T04:31:00", false);
        check("30 4 * * *", "2026-11-23T16:30:00", false);
        check("*/15 * * * *", "2026-11-23T16:45:00", true);
        check("*/15 * * * *", "2026-11-23T16:46:00", false);
        check("0 8-18/5,23 * * *", "2026-11-23T13:00:00", true);
        check("0 8-18/5,23 * * *", "2026-11-23T23:00:00", true);
        check("0 8-18/5,23 * * *", "2026-11-23T14:00:00", false);
        check("0 0 1 1 *", "2027-01-01T00:00:00", true);
        check("0 0 1 1 *", "2027-02-01T00:00:00", false);
        // The 22nd of November 2026 is a Sunday.
        check("0 0 * * 0", "2026-11-22T00:00:00", true);
        check("0 0 * * 1-5", "2026-11-22T00:00:00", false);
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for schedule in [
            "",
            "* * * *",
            "* * * * * *",
            "60 * * * *",
            "* * 0 * *",
            "5-1 * * * *",
            "*/0 * * * *",
            "* * 1 * 1",
            "* * * * MON",
            "-1 * * * *",
            "+1 * * * *, * * * *",
        ] {
            assert!(schedule.parse::<Schedule>().is_err(), "{schedule}");
        }
    }
}
