//! Requests with an `Idempotency-Key`. <https://docs.stripe.com/api/idempotent_requests>

use hyper::Method;
use simulators::{
    World,
    stripe::{
        ApiAnswer,
        behaviour::{Answer, Behaviour, PaymentBehaviour},
        card::Decline,
    },
};

use super::support::{DAY, Stripe, id};
use crate::support::{Answered, PATIENCE};

/// Creates a customer under a key.
async fn create(stripe: &Stripe, key: &str, email: &str) -> Answered {
    let fields = [("email", email)];
    let headers = [("idempotency-key", key)];
    stripe.try_call(Method::POST, "/v1/customers", &fields, &headers).await.unwrap()
}

fn customers(stripe: &Stripe) -> usize {
    stripe.simulator.read(|world| world.stripe.customers.len())
}

#[tokio::test]
async fn the_same_key_brings_the_same_answer() {
    let stripe = Stripe::start().await;
    let first = create(&stripe, "k1", "a@example.com").await;
    let again = create(&stripe, "k1", "a@example.com").await;

    assert_eq!((first.status, again.status), (200, 200));
    assert_eq!(first.body, again.body);
    assert!(!first.headers.contains_key("idempotent-replayed"));
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert_eq!(again.headers["idempotency-key"], "k1");
    assert_ne!(first.headers["request-id"], again.headers["request-id"]);
    assert_eq!(again.headers["original-request"], first.headers["request-id"]);
    assert_eq!(customers(&stripe), 1);
    let event = stripe.get("/v1/events", &[]).await["data"][0].clone();
    assert_eq!(event["request"]["idempotency_key"], "k1");
    assert_eq!(event["request"]["id"], first.headers["request-id"].to_str().unwrap());

    assert_ne!(create(&stripe, "k2", "a@example.com").await.body, first.body);
}

#[tokio::test]
async fn a_key_is_for_one_request_only() {
    let stripe = Stripe::start().await;
    let first = create(&stripe, "k1", "a@example.com").await;
    for (path, email) in [
        ("/v1/customers", "b@example.com"),
        (format!("/v1/customers/{}", id(&first.json())).as_str(), "a@example.com"),
    ] {
        let (fields, headers) = ([("email", email)], [("idempotency-key", "k1")]);
        let refused = stripe.try_call(Method::POST, path, &fields, &headers).await.unwrap();
        assert_eq!(refused.status, 400);
        assert_eq!(refused.json()["error"]["type"], "idempotency_error");
    }
    let long = "k".repeat(256);
    assert_eq!(create(&stripe, &long, "a@example.com").await.status, 400);
    assert_eq!(create(&stripe, &long[1..], "a@example.com").await.status, 200);
}

#[tokio::test]
async fn a_key_is_in_use_while_its_request_is_under_way() {
    let stripe = Stripe::start().await;
    stripe.simulator.change(|world| {
        let (requests, delay_milliseconds) = (Some(1), 600_000);
        let slow = Behaviour { requests, delay_milliseconds, ..Behaviour::default() };
        world.stripe.behaviours.set([slow]);
    });
    let second = async {
        let is_pending = |world: &World| {
            let mut requests = world.stripe.requests.iter();
            requests.any(|request| request.answer == ApiAnswer::Pending).then_some(())
        };
        stripe.simulator.wait_for("a request", PATIENCE, is_pending).await.unwrap();
        create(&stripe, "k1", "a@example.com").await
    };
    let second = tokio::select! {
        _ = create(&stripe, "k1", "a@example.com") => panic!("the first one takes far longer"),
        second = second => second,
    };

    assert_eq!(second.status, 409);
    assert_eq!(second.json()["error"]["code"], "idempotency_key_in_use");
    assert_eq!(customers(&stripe), 0);
}

#[tokio::test]
async fn what_was_refused_before_anything_was_done_is_not_kept() {
    let stripe = Stripe::start().await;
    assert_eq!(create(&stripe, "k1", "nobody").await.status, 400);
    let fixed = create(&stripe, "k1", "a@example.com").await;
    assert_eq!(fixed.status, 200, "the parameters may be put right");

    for (key, answer, status) in
        [("k2", Answer::RateLimited, 429), ("k3", Answer::Refuse { status: 500 }, 500)]
    {
        stripe.simulator.change(|world| {
            let requests = Some(1);
            world.stripe.behaviours.set([Behaviour { requests, answer, ..Behaviour::default() }]);
        });
        assert_eq!(create(&stripe, key, "a@example.com").await.status, status);
        let retried = create(&stripe, key, "a@example.com").await;
        assert_eq!(retried.status, 200);
        assert!(!retried.headers.contains_key("idempotent-replayed"));
    }
    assert_eq!(customers(&stripe), 3);
}

#[tokio::test]
async fn a_failure_after_the_work_is_kept() {
    let stripe = Stripe::start().await;
    stripe.simulator.change(|world| {
        let (requests, answer) = (Some(1), Answer::AcceptThenFail);
        world.stripe.behaviours.set([Behaviour { requests, answer, ..Behaviour::default() }]);
    });
    for _ in 0..2 {
        assert_eq!(create(&stripe, "k1", "a@example.com").await.status, 500);
    }
    assert_eq!(customers(&stripe), 1);
}

#[tokio::test]
async fn a_declined_payment_is_kept() {
    let stripe = Stripe::start().await;
    let headers = [("idempotency-key", "k1")];
    let fields = [("payment_method", "pm_card_chargeDeclined")];
    for _ in 0..2 {
        let declined = stripe.try_call(Method::POST, "/v1/customers", &fields, &headers).await;
        assert_eq!(declined.unwrap().status, 402);
    }

    // A subscription is made all the same, so nothing is refused there.
    let customer = stripe.customer(Some("pm_card_visa")).await;
    stripe.simulator.change(|world| {
        let decline = Some(Decline::InsufficientFunds);
        let order = PaymentBehaviour { payments: Some(1), decline, ..PaymentBehaviour::default() };
        world.stripe.payments.set([order]);
    });
    let fields = [("customer", customer.as_str()), ("items[0][price]", "price_local_month")];
    let created = stripe.post("/v1/subscriptions", &fields).await;
    assert_eq!(created["status"], "incomplete");
}

#[tokio::test]
async fn a_lost_answer_is_had_by_asking_again() {
    for answer in [Answer::AcceptThenHangUp, Answer::HangUp] {
        let stripe = Stripe::start().await;
        stripe.simulator.change(|world| {
            let requests = Some(1);
            world.stripe.behaviours.set([Behaviour { requests, answer, ..Behaviour::default() }]);
        });
        let (fields, headers) = ([("email", "a@example.com")], [("idempotency-key", "k1")]);
        let lost = stripe.try_call(Method::POST, "/v1/customers", &fields, &headers).await;
        assert!(lost.is_none());
        let had = create(&stripe, "k1", "a@example.com").await;
        assert_eq!(had.status, 200);
        let was_done = answer == Answer::AcceptThenHangUp;
        assert_eq!(had.headers.contains_key("idempotent-replayed"), was_done);
        assert_eq!(customers(&stripe), 1);
    }
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let stripe = Stripe::start().await;
    let first = create(&stripe, "k1", "a@example.com").await;
    let created = first.json()["created"].as_i64().unwrap();
    stripe.travel_to(created + DAY - 60);
    assert_eq!(create(&stripe, "k1", "a@example.com").await.body, first.body);
    stripe.travel_to(created + DAY + 60);
    assert_ne!(create(&stripe, "k1", "a@example.com").await.body, first.body);
}
