//! The deliveries of events: how they are signed and repeated, and in which order,
//! how often and whether at all they come.

use hmac::{Hmac, KeyInit as _, Mac as _};
use hyper::Method;
use serde_json::{Value, json};
use sha2::Sha256;
use simulators::stripe::{
    Payload, SigningSecret,
    behaviour::{Fate, WebhookBehaviour},
    version::Version,
    webhook::{DeliveryState, Order, Outcome},
};

use super::support::{GOOD_CARD, NEXT_SECRET, OLD_VERSION, SECRET, Stripe, id};
use crate::support::{Answer, Call, Product};

/// The parts of the header `Stripe-Signature`: the time, and all of scheme `v1`.
fn parts(header: &str) -> (i64, Vec<String>) {
    let pairs: Vec<_> = header.split(',').map(|pair| pair.split_once('=').unwrap()).collect();
    let times: Vec<_> = pairs.iter().filter(|(name, _)| *name == "t").collect();
    assert_eq!(times.len(), 1, "{header}");
    let signatures = pairs.iter().filter(|(name, _)| *name == "v1");
    (times[0].1.parse().unwrap(), signatures.map(|(_, digits)| (*digits).to_owned()).collect())
}

/// The signature by Stripe's published scheme, written down once more.
fn signature(secret: &str, header: &str, body: &str) -> String {
    let (time, _) = parts(header);
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{time}.{body}").as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn event(call: &Call) -> Value {
    serde_json::from_str(&call.form).unwrap()
}

fn kinds(calls: &[Call]) -> Vec<String> {
    calls.iter().map(|call| event(call)["type"].as_str().unwrap().to_owned()).collect()
}

/// Orders what is done with events.
fn order(stripe: &Stripe, behaviours: impl IntoIterator<Item = WebhookBehaviour>) {
    stripe.simulator.change(|world| world.stripe.webhook_behaviours.set(behaviours));
}

/// The types and states of all deliveries.
fn states(stripe: &Stripe) -> Vec<(&'static str, DeliveryState)> {
    stripe.simulator.read(|world| {
        world.stripe.deliveries.iter().map(|delivery| (delivery.kind, delivery.state)).collect()
    })
}

#[tokio::test]
async fn a_delivery_is_signed_by_the_published_scheme() {
    let (stripe, product) = Stripe::start_with_product().await;
    stripe.post("/v1/customers", &[("name", "Où? 🍞 \"quoted\" & <b>")]).await;
    stripe.subscribe(GOOD_CARD, &[]).await;
    for call in product.wait_for_calls(10).await {
        let header = call.header("stripe-signature");
        let (time, signatures) = parts(header);
        assert_eq!(signatures, [signature(SECRET, header, &call.form)]);
        let age = jiff::Timestamp::now().as_second() - time;
        assert!((0..300).contains(&age), "{age}");
        assert_eq!(call.header("content-type"), "application/json; charset=utf-8");
        assert_eq!(call.path_and_query, "/api/stripe/event");
    }
}

#[tokio::test]
async fn the_time_of_a_signature_is_the_real_one() {
    let (stripe, product) = Stripe::start_with_product().await;
    let now = stripe.simulator.read(|world| world.now().as_second());
    stripe.travel_to(now + 90 * 86_400);
    stripe.customer(None).await;
    let call = product.wait_for_calls(1).await.remove(0);
    let (time, _) = parts(call.header("stripe-signature"));
    assert!(event(&call)["created"].as_i64().unwrap() - time > 89 * 86_400);
}

#[tokio::test]
async fn while_a_secret_is_rolled_both_sign() {
    let (stripe, product) = Stripe::start_with_product().await;
    for (count, sign_with, secrets) in [
        (1, SigningSecret::Current, vec![SECRET]),
        (2, SigningSecret::Both, vec![NEXT_SECRET, SECRET]),
        (3, SigningSecret::Next, vec![NEXT_SECRET]),
    ] {
        stripe.set(|settings| settings.sign_with = sign_with);
        stripe.customer(None).await;
        let call = product.wait_for_calls(count).await.pop().unwrap();
        let header = call.header("stripe-signature");
        let expected: Vec<_> =
            secrets.iter().map(|secret| signature(secret, header, &call.form)).collect();
        assert_eq!(parts(header).1, expected);
    }
}

#[tokio::test]
async fn events_come_in_the_order_they_were_made() {
    let (stripe, product) = Stripe::start_with_product().await;
    stripe.subscribe(GOOD_CARD, &[]).await;
    stripe.settled(9).await;
    let calls = product.calls();
    let delivered: Vec<_> = calls.iter().map(|call| id(&event(call))).collect();
    let mut made = stripe.get("/v1/events", &[("limit", "100")]).await;
    let made: Vec<_> = made["data"].as_array_mut().unwrap().iter().rev().map(id).collect();
    assert_eq!(delivered, made);
    let seconds: Vec<_> = calls[1..].iter().map(|call| event(call)["created"].clone()).collect();
    assert!(seconds.windows(2).all(|pair| pair[0] == pair[1]), "all but the first in one second");
    let listed = stripe.get("/v1/events", &[("delivery_success", "true")]).await;
    assert_eq!(listed["data"].as_array().unwrap().len(), 9);
    assert_eq!(listed["data"][0]["pending_webhooks"], 0);
    assert_eq!(event(&calls[0])["pending_webhooks"], 1);
}

#[tokio::test]
async fn what_is_not_2xx_is_repeated_and_signed_anew() {
    let failures = [Answer::status(500), Answer::status(302), Answer::HangUp, Answer::status(404)];
    for failures in failures.windows(2) {
        let (stripe, product) = Stripe::start_with_product().await;
        product.answer(failures.iter().cloned());
        stripe.customer(None).await;
        stripe.settled(1).await;

        let calls = product.calls();
        assert_eq!(calls.len(), 3);
        for call in &calls {
            assert_eq!(id(&event(call)), id(&event(&calls[0])));
            let header = call.header("stripe-signature");
            assert_eq!(parts(header).1, [signature(SECRET, header, &call.form)]);
        }
        stripe.simulator.read(|world| {
            let delivery = world.stripe.deliveries.iter().next().unwrap();
            assert_eq!(delivery.state, DeliveryState::Answered);
            assert_eq!(delivery.attempts.len(), 3);
            let signatures: Vec<_> = calls.iter().map(|c| c.header("stripe-signature")).collect();
            let recorded: Vec<_> = delivery.attempts.iter().map(|a| a.signature.as_str()).collect();
            assert_eq!(recorded, signatures);
            let last = &delivery.attempts[2].outcome;
            assert!(matches!(last, Outcome::Answered { status: 200, .. }), "{last:?}");
        });
    }
}

#[tokio::test]
async fn a_retry_carries_the_time_of_its_own() {
    let (stripe, product) = Stripe::start_with_product().await;
    stripe.set(|settings| settings.retry_pauses_milliseconds = vec![1100]);
    product.answer([Answer::status(503)]);
    stripe.customer(None).await;
    stripe.settled(1).await;
    let times: Vec<_> =
        product.calls().iter().map(|call| parts(call.header("stripe-signature")).0).collect();
    assert!(times[1] > times[0], "{times:?}");
}

#[tokio::test]
async fn after_the_last_retry_a_delivery_has_failed_and_the_event_can_be_found() {
    let (stripe, product) = Stripe::start_with_product().await;
    product.answer([Answer::status(500), Answer::status(500), Answer::status(500)]);
    stripe.customer(None).await;
    stripe.settled(1).await;
    assert_eq!(states(&stripe), [("customer.created", DeliveryState::Failed)]);
    assert_eq!(product.calls().len(), 3);
    let missed = stripe.get("/v1/events", &[("delivery_success", "false")]).await;
    assert_eq!(missed["data"][0]["type"], "customer.created");
    assert_eq!(missed["data"][0]["pending_webhooks"], 1);
}

#[tokio::test]
async fn a_product_that_does_not_answer_is_given_up_after_the_timeout() {
    let (stripe, product) = Stripe::start_with_product().await;
    stripe.set(|settings| {
        settings.timeout_milliseconds = 50;
        settings.retry_pauses_milliseconds = Vec::new();
    });
    product.answer([Answer::Stall]);
    stripe.customer(None).await;
    stripe.settled(1).await;
    stripe.simulator.read(|world| {
        let delivery = world.stripe.deliveries.iter().next().unwrap();
        assert_eq!(delivery.attempts[0].outcome, Outcome::TimedOut);
        assert_eq!(delivery.state, DeliveryState::Failed);
    });
}

#[tokio::test]
async fn an_event_has_the_shape_of_the_endpoints_version() {
    let (stripe, product) = Stripe::start_with_product().await;
    let subscription = |calls: Vec<Call>| {
        let mut events = calls.iter().map(event);
        events.find(|event| event["type"] == "customer.subscription.created").unwrap()
    };
    stripe.subscribe(GOOD_CARD, &[]).await;
    stripe.settled(9).await;
    let new = subscription(product.calls());
    assert_eq!(new["api_version"], "2025-03-31.basil");
    assert!(new["data"]["object"].get("current_period_end").is_none());

    stripe.set(|settings| settings.webhook_api_version = Version::parse(OLD_VERSION));
    let before = product.calls().len();
    stripe.subscribe(GOOD_CARD, &[]).await;
    stripe.settled(18).await;
    let old = subscription(product.calls().split_off(before));
    assert_eq!(old["api_version"], OLD_VERSION);
    assert!(old["data"]["object"]["current_period_end"].is_i64());
    let read = stripe.get(&format!("/v1/events/{}", id(&old)), &[]).await;
    assert_eq!(read["api_version"], "2025-03-31.basil", "that of the account");
    assert_eq!((&old["livemode"], &old["object"]), (&json!(false), &json!("event")));
}

#[tokio::test]
async fn a_thin_event_names_its_object() {
    let (stripe, product) = Stripe::start_with_product().await;
    stripe.set(|settings| settings.payload = Payload::Thin);
    let (subscription, _) = stripe.subscribe(GOOD_CARD, &[]).await;
    stripe.settled(9).await;
    let thin: Vec<_> = product.calls().iter().map(event).collect();
    let created =
        thin.iter().find(|event| event["type"] == "v1.customer.subscription.created").unwrap();
    assert_eq!(created["object"], "v2.core.event");
    assert!(created.get("data").is_none());
    let related = &created["related_object"];
    assert_eq!((&related["id"], &related["type"]), (&json!(subscription), &json!("subscription")));
    let read = stripe.get(related["url"].as_str().unwrap(), &[]).await;
    assert_eq!(read["id"], subscription.as_str());
    let snapshot = created["snapshot_event"].as_str().unwrap();
    let event = stripe.get(&format!("/v1/events/{snapshot}"), &[]).await;
    let time: jiff::Timestamp = created["created"].as_str().unwrap().parse().unwrap();
    assert_eq!(event["created"], time.as_second());
}

#[tokio::test]
async fn an_event_is_delivered_as_was_ordered() {
    let (stripe, product) = Stripe::start_with_product().await;
    let of = |kind: &str| WebhookBehaviour { kind: Some(kind.to_owned()), ..Default::default() };
    let lost = WebhookBehaviour { delivery: Fate::Lose, ..of("invoice.paid") };
    let twice = WebhookBehaviour { copies: Some(2), events: Some(1), ..of("invoice.created") };
    order(&stripe, [lost, twice]);

    stripe.subscribe(GOOD_CARD, &[]).await;
    stripe.settled(10).await;
    let kinds = kinds(&product.calls());
    let count = |kind: &str| kinds.iter().filter(|one| *one == kind).count();
    assert_eq!((count("invoice.paid"), count("invoice.created")), (0, 2));
    assert!(states(&stripe).contains(&("invoice.paid", DeliveryState::Lost)));
    let paid = stripe.get("/v1/events", &[("type", "invoice.paid")]).await;
    assert_eq!(paid["data"].as_array().unwrap().len(), 1, "it can be found all the same");
}

#[tokio::test]
async fn an_event_that_is_late_is_overtaken() {
    let (stripe, product) = Stripe::start_with_product().await;
    let late = |delay_milliseconds| WebhookBehaviour {
        kind: Some("customer.subscription.created".to_owned()),
        delay_milliseconds,
        ..Default::default()
    };
    // Far later than all others, however slow the machine.
    order(&stripe, [late(600_000)]);
    stripe.subscribe(GOOD_CARD, &[]).await;
    let kinds = kinds(&product.wait_for_calls(8).await);
    assert!(!kinds.contains(&"customer.subscription.created".to_owned()));
    assert_eq!(kinds.last().unwrap(), "checkout.session.completed");

    order(&stripe, [late(1)]);
    stripe.subscribe(GOOD_CARD, &[]).await;
    product.wait_for_calls(8 + 9).await;
}

#[tokio::test]
async fn two_events_can_tell_of_one_change() {
    let (stripe, product) = Stripe::start_with_product().await;
    order(&stripe, [WebhookBehaviour { twin: true, ..Default::default() }]);
    stripe.customer(None).await;
    stripe.settled(2).await;
    let events: Vec<_> = product.calls().iter().map(event).collect();
    assert_ne!(events[0]["id"], events[1]["id"]);
    assert_eq!(events[0]["data"], events[1]["data"]);
    let listed = stripe.get("/v1/events", &[]).await;
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn only_enabled_events_are_delivered() {
    let (stripe, product) = Stripe::start_with_product().await;
    stripe.set(|settings| settings.enabled_events = vec!["checkout.session.completed".to_owned()]);
    stripe.subscribe(GOOD_CARD, &[]).await;
    stripe.settled(1).await;
    assert_eq!(kinds(&product.calls()), ["checkout.session.completed"]);
}

/// Holds back the events of a subscription, and returns their ids in their order.
async fn held(stripe: &Stripe, product: &Product) -> Vec<String> {
    order(stripe, [WebhookBehaviour { delivery: Fate::Hold, ..Default::default() }]);
    stripe.subscribe(GOOD_CARD, &[]).await;
    assert_eq!(product.calls().len(), 0);
    assert!(states(stripe).iter().all(|(_, state)| *state == DeliveryState::Held));
    stripe
        .simulator
        .read(|world| world.stripe.events.iter().map(|event| event.id.clone()).collect())
}

async fn release(stripe: &Stripe, how: Value, count: usize) {
    let released = stripe.control(Method::POST, "/stripe/webhooks/release", how).await;
    assert_eq!(released.status, 202, "{}", released.body);
    assert_eq!(released.json()["deliveries"], count);
    stripe.settled(count).await;
}

fn delivered(product: &Product) -> Vec<String> {
    product.calls().iter().map(|call| id(&event(call))).collect()
}

#[tokio::test]
async fn held_events_are_released_in_any_order_and_number() {
    let (stripe, product) = Stripe::start_with_product().await;
    let events = held(&stripe, &product).await;
    let some = [&events[4], &events[1], &events[4], &events[0]];
    release(&stripe, json!({ "events": some }), 4).await;
    assert_eq!(delivered(&product), some.map(String::clone));

    release(&stripe, json!({ "order": "reversed" }), events.len() - 3).await;
    let mut rest: Vec<_> = events.iter().filter(|event| !some.contains(event)).cloned().collect();
    rest.reverse();
    assert_eq!(delivered(&product)[4..], rest);
    release(&stripe, json!({}), 0).await;
}

#[tokio::test]
async fn a_lot_is_drawn_again_from_the_same_seed() {
    let mut drawn = Vec::new();
    for seed in [1, 1, 2] {
        let (stripe, product) = Stripe::start_with_product().await;
        let events = held(&stripe, &product).await;
        release(&stripe, json!({ "order": { "shuffled": { "seed": seed } } }), 9).await;
        let place = |id: &String| events.iter().position(|event| event == id).unwrap();
        let places: Vec<_> = delivered(&product).iter().map(place).collect();
        let mut sorted = places.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..9).collect::<Vec<_>>(), "each comes once");
        drawn.push(places);
    }
    assert_eq!(drawn[0], drawn[1]);
    assert_ne!(drawn[0], drawn[2]);
}

#[tokio::test]
async fn the_accounts_order_holds_for_all_that_comes_together() {
    for (order, is_reversed) in [(Order::Reversed, true), (Order::AtOnce, false)] {
        let (stripe, product) = Stripe::start_with_product().await;
        stripe.set(|settings| settings.order = order);
        if !is_reversed {
            // Whoever waited for the first would wait for ever.
            product.answer([Answer::Stall]);
        }
        stripe.subscribe(GOOD_CARD, &[]).await;
        let calls = product.wait_for_calls(9).await;
        if is_reversed {
            assert_eq!(kinds(&calls)[1], "checkout.session.completed");
        }
    }
}

#[tokio::test]
async fn an_event_is_delivered_again_on_request() {
    let (stripe, product) = Stripe::start_with_product().await;
    stripe.customer(None).await;
    stripe.settled(1).await;
    let event = delivered(&product).remove(0);
    let path = format!("/stripe/webhooks/{event}/redeliver");
    let how = json!({ "times": 3, "at_once": true });
    assert_eq!(stripe.control(Method::POST, &path, how).await.status, 202);
    stripe.settled(4).await;
    assert_eq!(delivered(&product), vec![event; 4]);
}
