//! A subscription, as Stripe answers when it is asked.
//! <https://docs.stripe.com/api/subscriptions/object>

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::id::{CustomerId, SubscriptionId};

/// What became of a subscription.
///
/// A status that is new to us is no answer we can use: whether such a shop pays
/// is not for us to guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The first payment is still missing.
    Incomplete,
    /// The first payment never came. Final.
    IncompleteExpired,
    /// Nothing is to be paid yet.
    Trialing,
    /// Paid.
    Active,
    /// A payment failed, and Stripe tries again.
    PastDue,
    /// Over. Final.
    Canceled,
    /// A payment failed, and Stripe has given up.
    Unpaid,
    /// The trial is over and there is no card.
    Paused,
}

impl Status {
    /// Whether Stripe never changes it again.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Canceled | Self::IncompleteExpired)
    }
}

/// What a subscription is to us. Times are seconds of the Unix era.
///
/// It is written as `rpc/store_subscription` takes it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Subscription {
    /// Which subscription it is.
    pub id: SubscriptionId,
    customer_id: CustomerId,
    /// The shop that Checkout was opened for.
    business_id: Option<Uuid>,
    /// What became of it.
    pub status: Status,
    price_id: Option<String>,
    current_period_start: Option<i64>,
    current_period_end: Option<i64>,
    trial_end: Option<i64>,
    cancel_at: Option<i64>,
    cancel_at_period_end: bool,
    canceled_at: Option<i64>,
    is_collection_paused: bool,
    unpaid_since: Option<i64>,
    created: i64,
}

/// The parts of Stripe's answer that we read. Before 2025-03-31.basil the period
/// is the subscription's; after that each item has its own.
#[derive(Deserialize)]
struct Answer {
    id: SubscriptionId,
    customer: CustomerId,
    #[serde(default)]
    metadata: Metadata,
    status: Status,
    items: Items,
    current_period_start: Option<i64>,
    current_period_end: Option<i64>,
    trial_end: Option<i64>,
    cancel_at: Option<i64>,
    cancel_at_period_end: bool,
    canceled_at: Option<i64>,
    pause_collection: Option<PauseCollection>,
    latest_invoice: Option<LatestInvoice>,
    created: i64,
}

#[derive(Default, Deserialize)]
struct Metadata {
    business_id: Option<String>,
}

#[derive(Deserialize)]
struct Items {
    data: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    price: Price,
    current_period_start: Option<i64>,
    current_period_end: Option<i64>,
}

#[derive(Deserialize)]
struct Price {
    id: String,
}

#[derive(Deserialize)]
struct PauseCollection {
    behavior: String,
}

/// Whole if the request asked for it, else only named.
#[derive(Deserialize)]
#[serde(untagged)]
enum LatestInvoice {
    Whole { created: i64 },
    Named(serde::de::IgnoredAny),
}

impl Subscription {
    /// Reads Stripe's answer to [`super::client::Stripe::subscription`]. `None`
    /// if it is not one we can use.
    pub fn parse(answer: &[u8]) -> Option<Self> {
        let answer: Answer = serde_json::from_slice(answer).ok()?;
        let items = &answer.items.data;
        let period = |of_all: Option<i64>, of_item: fn(&Item) -> Option<i64>| {
            of_all.or_else(|| items.iter().filter_map(of_item).min())
        };
        let current_period_start =
            period(answer.current_period_start, |item| item.current_period_start);
        let current_period_end = period(answer.current_period_end, |item| item.current_period_end);

        // The invoice that failed is the latest. It is older than the failure by
        // the hour or so that it is a draft.
        let unpaid_since = match (answer.status, &answer.latest_invoice) {
            (Status::PastDue, Some(LatestInvoice::Whole { created })) => Some(*created),
            (Status::PastDue, _) => Some(current_period_start.unwrap_or(answer.created)),
            _ => None,
        };
        Some(Self {
            customer_id: answer.customer,
            business_id: answer.metadata.business_id.and_then(|id| Uuid::try_parse(&id).ok()),
            status: answer.status,
            price_id: items.first().map(|item| item.price.id.clone()),
            current_period_start,
            current_period_end,
            trial_end: answer.trial_end,
            cancel_at: answer.cancel_at,
            cancel_at_period_end: answer.cancel_at_period_end,
            canceled_at: answer.canceled_at,
            // The other behaviours are for a service that goes on.
            // https://docs.stripe.com/billing/subscriptions/pause-payment
            is_collection_paused: answer
                .pause_collection
                .is_some_and(|pause| pause.behavior == "void"),
            unpaid_since,
            created: answer.created,
            id: answer.id,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use serde_json::{Value, json};

    use super::*;

    fn answer(version: &str) -> Value {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/stripe");
        let text = fs::read(folder.join(version).join("subscription.json")).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    fn parse(answer: &Value) -> Option<Value> {
        Subscription::parse(answer.to_string().as_bytes()).map(|found| json!(found))
    }

    #[test]
    fn an_answer_is_the_same_to_us_in_every_version() {
        let want = json!({
            "id": "sub_1PdemoMileEndBikes0001",
            "customer_id": "cus_QdemoMileEndBikes",
            "business_id": "0193a000-0000-7000-8000-000000000010",
            "status": "past_due",
            "price_id": "price_1PdemoMonthly00001",
            "current_period_start": 1_721_001_600,
            "current_period_end": 1_723_680_000,
            "trial_end": 1_721_001_600,
            "cancel_at": null,
            "cancel_at_period_end": false,
            "canceled_at": null,
            "is_collection_paused": false,
            "unpaid_since": 1_721_001_600,
            "created": 1_719_792_000,
        });
        for version in ["2024-06-20", "2025-03-31.basil", super::super::API_VERSION] {
            assert_eq!(parse(&answer(version)), Some(want.clone()), "{version}");
        }
    }

    /// One field of what becomes of an answer with some of its fields changed.
    #[track_caller]
    fn check(changes: Value, field: &str, want: Value) {
        let mut answer = answer(super::super::API_VERSION);
        for (name, value) in changes.as_object().unwrap() {
            answer[name] = value.clone();
        }
        assert_eq!(parse(&answer).unwrap()[field], want, "{changes}");
    }

    #[test]
    fn a_payment_is_missing_since_its_invoice() {
        check(json!({ "latest_invoice": { "created": 5 } }), "unpaid_since", json!(5));
        // What was not expanded or is not there leaves the period.
        for invoice in [json!("in_1"), json!(null), json!({})] {
            check(json!({ "latest_invoice": invoice }), "unpaid_since", json!(1_721_001_600));
        }
        let changes = json!({ "latest_invoice": null, "items": { "data": [] } });
        check(changes, "unpaid_since", json!(1_719_792_000));
        for status in ["active", "unpaid", "canceled", "trialing"] {
            check(json!({ "status": status }), "unpaid_since", json!(null));
        }
    }

    #[test]
    fn only_a_pause_of_the_service_is_one() {
        for (behavior, want) in
            [("void", true), ("keep_as_draft", false), ("mark_uncollectible", false)]
        {
            let pause = json!({ "behavior": behavior, "resumes_at": null });
            check(json!({ "pause_collection": pause }), "is_collection_paused", json!(want));
        }
    }

    #[test]
    fn a_period_ends_when_the_first_of_its_items_does() {
        let item = |end| json!({ "price": { "id": "price_1" }, "current_period_end": end });
        let items = json!({ "items": { "data": [item(9), item(7)] } });
        check(items, "current_period_end", json!(7));
    }

    #[test]
    fn a_shop_is_named_by_its_id_or_not_at_all() {
        for metadata in [json!({}), json!({ "business_id": "1" }), json!({ "other": "x" })] {
            check(json!({ "metadata": metadata }), "business_id", json!(null));
        }
    }

    #[test]
    fn an_answer_we_do_not_understand_is_none() {
        for (field, value) in [
            ("status", json!("delighted")),
            ("status", json!(null)),
            ("id", json!("cus_1")),
            ("customer", json!(null)),
            ("items", json!(null)),
            ("created", json!("yesterday")),
            ("cancel_at_period_end", json!(null)),
        ] {
            let mut answer = answer("2024-06-20");
            answer[field] = value.clone();
            assert_eq!(parse(&answer), None, "{field} {value}");
        }
        for text in ["", "{}", "[]", "null"] {
            assert!(Subscription::parse(text.as_bytes()).is_none(), "{text}");
        }
    }
}
