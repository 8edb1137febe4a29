//! Lives drawn by lot: whatever happens, the events tell all of it.

use std::collections::BTreeMap;

use hyper::Method;
use serde_json::{Value, json};
use simulators::stripe::{
    AfterRetries, behaviour::PaymentBehaviour, card::Decline, version::Version,
};

use super::support::{ASKING_CARD, DAY, FAILING_CARD, GOOD_CARD, OLD_VERSION, Stripe, id};

/// How many lives, and how much happens in each.
const LIVES: u64 = 60;
const STEPS: usize = 25;

/// SplitMix64.
struct Lot(u64);

impl Lot {
    /// A number below `count`.
    fn draw(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(count).unwrap()).unwrap()
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.draw(choices.len())]
    }
}

/// Does something, which may well be refused.
async fn step(stripe: &Stripe, lot: &mut Lot, subscription: &str, customer: &str) {
    let path = format!("/v1/subscriptions/{subscription}");
    let fields: &[(&str, &str)] = match lot.draw(12) {
        0 => &[("cancel_at_period_end", "true")],
        1 => &[("cancel_at_period_end", "false")],
        2 => &[("metadata[a]", "1")],
        3 => &[("metadata[a]", ""), ("metadata[b]", "2")],
        4 => &[("pause_collection[behavior]", "void")],
        5 => &[("pause_collection", "")],
        6 => {
            let card = lot.pick(&[GOOD_CARD, FAILING_CARD, ASKING_CARD]);
            return stripe.replace_card(customer, card).await;
        }
        7 => {
            let invoice = stripe.subscription(subscription).await["latest_invoice"].clone();
            let pay = format!("/v1/invoices/{}/pay", invoice.as_str().unwrap());
            stripe.call(Method::POST, &pay, &[]).await;
            return;
        }
        8 if lot.draw(6) == 0 => {
            stripe.call(Method::DELETE, &path, &[]).await;
            return;
        }
        9 => {
            let decline = Some(Decline::GenericDecline);
            let order =
                PaymentBehaviour { payments: Some(1), decline, ..PaymentBehaviour::default() };
            return stripe.simulator.change(|world| world.stripe.payments.set([order]));
        }
        _ => {
            let now = stripe.simulator.read(|world| world.now().as_second());
            let days = lot.pick(&[1, 3, 9, 31, 45]);
            return stripe.travel_to(now + days * DAY);
        }
    };
    stripe.call(Method::POST, &path, fields).await;
}

/// `object` as it was before, by the attributes that were different then.
fn undo(mut object: Value, previous: &Value) -> Value {
    for (name, value) in previous.as_object().unwrap() {
        let now = &mut object[name.as_str()];
        *now = match (now.take(), value) {
            (Value::Object(mut metadata), Value::Object(before)) if name == "metadata" => {
                for (key, value) in before {
                    match value {
                        Value::Null => metadata.remove(key),
                        value => metadata.insert(key.clone(), value.clone()),
                    };
                }
                Value::Object(metadata)
            }
            (now @ Value::Object(_), before @ Value::Object(_)) => undo(now, before),
            (_, before) => before.clone(),
        };
    }
    object
}

#[tokio::test]
async fn the_events_tell_every_change_and_end_where_the_api_is() {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for seed in 0..LIVES {
        let mut lot = Lot(seed);
        let stripe = Stripe::start().await;
        let version = lot.pick(&[OLD_VERSION, "2025-03-31.basil"]);
        stripe.set(|settings| {
            settings.api_version = Version::parse(version).unwrap();
            settings.after_retries = lot.pick(&[
                AfterRetries::Cancel,
                AfterRetries::MarkUnpaid,
                AfterRetries::LeavePastDue,
            ]);
        });
        let trial = [("subscription_data[trial_period_days]", "10")];
        let more = if lot.draw(2) == 0 { &trial[..] } else { &[] };
        let (subscription, customer) = stripe.subscribe(GOOD_CARD, more).await;
        for _ in 0..STEPS {
            step(&stripe, &mut lot, &subscription, &customer).await;
        }

        let events = stripe.control(Method::GET, "/stripe/events", Value::Null).await.json();
        let events = events.as_array().unwrap();
        assert!(
            events.is_sorted_by_key(|event| event["created"].as_i64()),
            "seed {seed}: an event is out of its time"
        );
        let mut last: BTreeMap<String, Value> = BTreeMap::new();
        for event in events {
            let (kind, object) = (event["type"].as_str().unwrap(), &event["data"]["object"]);
            *seen.entry(format!("{kind} {}", object["status"])).or_default() += 1;
            let before = last.insert(id(object), object.clone());
            let was_over = before.as_ref().is_some_and(|before| before["status"] == "canceled");
            // Its own data can be changed after the end too.
            assert!(!was_over || object["status"] == "canceled", "seed {seed}: {kind} revives");
            if kind.ends_with(".updated") {
                let previous = &event["data"]["previous_attributes"];
                assert_ne!(*previous, json!({}), "seed {seed}: {kind} of nothing");
                let undone = undo(object.clone(), previous);
                assert_eq!(Some(undone), before, "seed {seed}: {kind} {}", id(event));
            }
        }
        for (id, object) in &last {
            let path = match object["object"].as_str().unwrap() {
                "checkout.session" => format!("/v1/checkout/sessions/{id}"),
                kind => format!("/v1/{kind}s/{id}"),
            };
            assert_eq!(stripe.get(&path, &[]).await, *object, "seed {seed}: {path}");
        }
    }
    // The lot is worth nothing if it draws only dull lives.
    for kind in [
        "customer.subscription.created \"trialing\"",
        "customer.subscription.updated \"active\"",
        "customer.subscription.updated \"past_due\"",
        "customer.subscription.updated \"unpaid\"",
        "customer.subscription.deleted \"canceled\"",
        "invoice.updated \"open\"",
        "invoice.voided \"void\"",
    ] {
        assert!(seen.contains_key(kind), "{kind} is not in {seen:?}");
    }
}
