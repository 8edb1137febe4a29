//! The calls of the control API about Stripe.

use std::sync::Arc;

use hyper::Method;
use serde_json::{Value, json};

use super::support::{DAY, DECLINED_CARD, GOOD_CARD, Stripe, id};
use crate::control::Stack;

async fn get(stripe: &Stripe, path: &str) -> Value {
    let answered = stripe.control(Method::GET, path, Value::Null).await;
    assert_eq!(answered.status, 200, "{path}: {}", answered.body);
    answered.json()
}

#[tokio::test]
async fn what_the_account_holds_can_be_read() {
    let (stripe, _product) = Stripe::start_with_product().await;
    let (subscription, customer) = stripe.subscribe(GOOD_CARD, &[]).await;
    let webhooks = get(&stripe, "/stripe/webhooks?until=settled&timeout=20").await;
    assert_eq!(webhooks.as_array().unwrap().len(), 9);
    assert_eq!(
        (&webhooks[0]["type"], &webhooks[0]["state"]),
        (&json!("customer.created"), &json!("answered"))
    );
    assert_eq!(webhooks[0]["attempts"][0]["outcome"]["answered"]["status"], 200);

    for (path, first) in
        [("/stripe/customers", &customer), ("/stripe/subscriptions", &subscription)]
    {
        assert_eq!(id(&get(&stripe, path).await[0]), *first);
    }
    let invoice = &get(&stripe, "/stripe/invoices").await[0];
    assert_eq!((&invoice["status"], &invoice["amount_paid"]), (&json!("paid"), &json!(4900)));
    assert_eq!(get(&stripe, "/stripe/sessions").await[0]["status"], "complete");
    let events = get(&stripe, "/stripe/events?newest=1").await;
    assert_eq!(events[0]["type"], "checkout.session.completed");
    assert_eq!(events[0]["id"], webhooks[8]["event"]);
    let requests = get(&stripe, "/stripe/requests").await;
    assert_eq!(requests[0]["path"], "/v1/customers");
    assert_eq!(requests[0]["answer"]["answered"]["status"], 200);
}

#[tokio::test]
async fn orders_settings_and_prices_are_set_and_read() {
    let stripe = Stripe::start().await;
    for (path, ordered) in [
        ("/stripe/behaviour", json!([{ "requests": 2, "answer": "rate_limited" }])),
        ("/stripe/behaviour", json!([{ "method": "POST", "path": "/v1/customers" }])),
        ("/stripe/behaviour", json!([{ "answer": { "refuse": { "status": 503 } } }])),
        ("/stripe/payments/behaviour", json!([{ "payments": 1, "decline": "insufficient_funds" }])),
        ("/stripe/webhooks/behaviour", json!([{ "type": "invoice.paid", "delivery": "lose" }])),
        ("/stripe/webhooks/behaviour", json!([{ "copies": 2, "delay_milliseconds": 5 }])),
    ] {
        let answered = stripe.control(Method::PUT, path, ordered).await;
        assert_eq!(answered.status, 200, "{}", answered.body);
        assert_eq!(get(&stripe, path).await, answered.json());
        assert_eq!(answered.json().as_array().unwrap().len(), 1);
        assert_eq!(stripe.control(Method::DELETE, path, Value::Null).await.status, 204);
        assert_eq!(get(&stripe, path).await, json!([]));
    }

    let settings = json!({ "api_version": "2024-06-20", "order": "reversed", "retry_days": [1] });
    stripe.control(Method::PUT, "/stripe/settings", settings).await;
    let settings = get(&stripe, "/stripe/settings").await;
    assert_eq!(
        (&settings["api_version"], &settings["order"]),
        (&json!("2024-06-20"), &json!("reversed"))
    );
    assert_eq!(settings["after_retries"], "cancel", "what is left out is at its default");

    let price = json!([{
        "id": "price_week", "plan": "By the week", "unit_amount": 900, "currency": "usd",
        "interval": "week",
    }]);
    assert_eq!(stripe.control(Method::PUT, "/stripe/prices", price.clone()).await.json(), price);
    assert_eq!(stripe.get("/v1/prices", &[]).await["data"][0]["unit_amount"], 900);
    let endpoint = json!({ "url": "http://127.0.0.1:1/api/stripe/event" });
    stripe.control(Method::PUT, "/stripe/endpoint", endpoint.clone()).await;
    assert_eq!(get(&stripe, "/stripe/endpoint").await, endpoint);

    assert_eq!(stripe.control(Method::POST, "/reset", Value::Null).await.status, 204);
    assert_eq!(get(&stripe, "/stripe/settings").await["order"], "in_order");
    assert_eq!(get(&stripe, "/stripe/prices").await, price, "it is what the account is");
}

#[tokio::test]
async fn after_a_reset_nothing_of_stripe_is_left() {
    let (stripe, product) = Stripe::start_with_product().await;
    let (subscription, _) = stripe.subscribe(GOOD_CARD, &[]).await;
    stripe.settled(9).await;
    stripe.control(Method::POST, "/reset", Value::Null).await;
    for path in
        ["customers", "sessions", "subscriptions", "invoices", "events", "webhooks", "requests"]
    {
        assert_eq!(get(&stripe, &format!("/stripe/{path}")).await, json!([]), "{path}");
    }
    let path = format!("/v1/subscriptions/{subscription}");
    assert_eq!(stripe.call(Method::GET, &path, &[]).await.status, 404);
    stripe.customer(None).await;
    product.wait_for_calls(10).await;
}

#[tokio::test]
async fn time_passes_until_stripe_does_something() {
    let stripe = Stripe::start().await;
    stripe.simulator.set_controls(Arc::new(Stack::default())).await.unwrap();
    let nothing = stripe.control(Method::POST, "/stripe/next", Value::Null).await;
    assert_eq!((nothing.status, get(&stripe, "/stripe/next").await), (409, json!({ "at": null })));

    let trial = [("subscription_data[trial_period_days]", "14")];
    let (subscription, _) = stripe.subscribe(GOOD_CARD, &trial).await;
    let start = stripe.subscription(&subscription).await["created"].as_i64().unwrap();
    for (kind, after, next) in [
        ("customer.subscription.trial_will_end", 11 * DAY, 14 * DAY),
        ("invoice.created", 14 * DAY, 14 * DAY + 3600),
    ] {
        let passed = stripe.control(Method::POST, "/stripe/next", Value::Null).await;
        assert_eq!(passed.json()["at"], start + next);
        assert_eq!(stripe.events_since(start).last().unwrap(), &(kind, after));
    }
    let page = stripe.browse(Method::POST, &stripe.url(""), &[("act", "next")]).await;
    assert_eq!(page.status, 303);
    assert_eq!(stripe.events_since(start).last().unwrap().1, 14 * DAY + 3600);
    for act in ["day", "month"] {
        let before = stripe.simulator.read(|world| world.now());
        stripe.browse(Method::POST, &stripe.url(""), &[("act", act)]).await;
        let passed = stripe.simulator.read(|world| world.now()).duration_since(before);
        let days = passed.as_secs() / DAY;
        assert!(if act == "day" { days == 1 } else { (28..=31).contains(&days) }, "{act}: {days}");
    }
}

#[tokio::test]
async fn a_mistake_is_answered_in_one_sentence() {
    let stripe = Stripe::start().await;
    let session = stripe.session(&[]).await;
    let complete = format!("/stripe/sessions/{}/complete", id(&session));
    let customer = stripe.customer(None).await;
    let card = format!("/stripe/customers/{customer}/card");
    let (get, put, post) = (Method::GET, Method::PUT, Method::POST);
    for (method, path, body, status) in [
        (&get, "/stripe/nothing", Value::Null, 404),
        (&put, "/stripe/behaviour", json!([{ "answer": "explode" }]), 422),
        (&put, "/stripe/behaviour", json!([{ "answer": { "refuse": { "status": 200 } } }]), 422),
        (&put, "/stripe/webhooks/behaviour", json!([{ "kind": "invoice.paid" }]), 422),
        (&put, "/stripe/settings", json!({ "api_version": "latest" }), 422),
        (&put, "/stripe/settings", json!({ "sign": "both" }), 422),
        (&post, complete.as_str(), json!({}), 422),
        (&post, complete.as_str(), json!({ "card": DECLINED_CARD }), 402),
        (&post, "/stripe/sessions/cs_0/complete", json!({ "card": GOOD_CARD }), 404),
        (&post, card.as_str(), json!({ "card": DECLINED_CARD }), 402),
        (&post, "/stripe/customers/cus_0/card", json!({ "card": GOOD_CARD }), 404),
        (&post, "/stripe/webhooks/release", json!({}), 409),
        (&post, "/stripe/webhooks/evt_0/redeliver", json!({}), 409),
        (&get, "/stripe/webhooks?until=christmas", Value::Null, 400),
        (&post, "/stripe/next", Value::Null, 501),
    ] {
        let refused = stripe.control(method.clone(), path, body).await;
        assert_eq!(refused.status, status, "{path}: {}", refused.body);
        assert!(!refused.json()["error"].as_str().unwrap().is_empty(), "{path}");
    }
    stripe.simulator.set_stripe_endpoint("http://127.0.0.1:1/".parse().unwrap());
    for (path, body, status) in [
        ("/stripe/webhooks/release", json!({ "events": ["evt_0"] }), 404),
        ("/stripe/webhooks/release", json!({ "events": [] }), 422),
        ("/stripe/webhooks/evt_0/redeliver", json!({ "times": 1001 }), 422),
    ] {
        let refused = stripe.control(Method::POST, path, body).await;
        assert_eq!(refused.status, status, "{path}: {}", refused.body);
    }
}
