//! An API that is slow, fails, or leaves the outcome of a request open.

use hyper::Method;
use simulators::{
    World,
    stripe::{
        ApiAnswer,
        behaviour::{Answer, Behaviour},
    },
};

use super::support::Stripe;
use crate::support::PATIENCE;

fn order(stripe: &Stripe, behaviour: Behaviour) {
    let behaviour = Behaviour { requests: Some(1), ..behaviour };
    stripe.simulator.change(|world| world.stripe.behaviours.set([behaviour]));
}

fn answer(answer: Answer) -> Behaviour {
    Behaviour { answer, ..Behaviour::default() }
}

fn customers(stripe: &Stripe) -> usize {
    stripe.simulator.read(|world| world.stripe.customers.len())
}

#[tokio::test]
async fn a_refused_request_does_nothing() {
    for (answered, status, code) in [
        (Answer::RateLimited, 429, Some("rate_limit")),
        (Answer::LockTimeout, 429, Some("lock_timeout")),
        (Answer::Refuse { status: 500 }, 500, None),
        (Answer::Refuse { status: 503 }, 503, None),
    ] {
        let stripe = Stripe::start().await;
        order(&stripe, answer(answered));
        let refused = stripe.call(Method::POST, "/v1/customers", &[]).await;
        assert_eq!(refused.status, status);
        assert_eq!(refused.json()["error"]["code"].as_str(), code);
        let is_limit = answered == Answer::RateLimited;
        assert_eq!(refused.headers.contains_key("stripe-rate-limited-reason"), is_limit);
        assert_eq!(customers(&stripe), 0);
        assert_eq!(stripe.call(Method::POST, "/v1/customers", &[]).await.status, 200);
    }
}

#[tokio::test]
async fn an_answer_can_be_lost_before_the_work_or_after_it() {
    for (answered, done) in [(Answer::HangUp, 0), (Answer::AcceptThenHangUp, 1)] {
        let stripe = Stripe::start().await;
        order(&stripe, answer(answered));
        assert!(stripe.try_call(Method::POST, "/v1/customers", &[], &[]).await.is_none());
        assert_eq!(customers(&stripe), done);
    }
    for (answered, done) in [(Answer::Stall, 0), (Answer::AcceptThenStall, 1)] {
        let stripe = Stripe::start().await;
        order(&stripe, answer(answered));
        tokio::select! {
            _ = stripe.try_call(Method::POST, "/v1/customers", &[], &[]) => panic!("no answer"),
            () = answered_with(&stripe, ApiAnswer::Withheld) => {}
        }
        assert_eq!(customers(&stripe), done);
    }
}

/// Waits until a request has come to this.
async fn answered_with(stripe: &Stripe, answer: ApiAnswer) {
    let is_answered = |world: &World| {
        let mut requests = world.stripe.requests.iter();
        requests.any(|request| request.answer == answer).then_some(())
    };
    stripe.simulator.wait_for("an answer", PATIENCE, is_answered).await.unwrap();
}

#[tokio::test]
async fn a_request_is_done_even_if_its_caller_gives_up() {
    let stripe = Stripe::start().await;
    order(&stripe, Behaviour { delay_milliseconds: 1000, ..Behaviour::default() });
    tokio::select! {
        _ = stripe.try_call(Method::POST, "/v1/customers", &[], &[]) => panic!("not so soon"),
        () = answered_with(&stripe, ApiAnswer::Pending) => {}
    }
    let is_done = |world: &World| (world.stripe.customers.len() == 1).then_some(());
    stripe.simulator.wait_for("a customer", PATIENCE, is_done).await.unwrap();
}

#[tokio::test]
async fn an_order_is_for_its_method_and_path() {
    let stripe = Stripe::start().await;
    let limited = Behaviour {
        method: Some("POST".to_owned()),
        path: Some("/v1/checkout".to_owned()),
        ..answer(Answer::RateLimited)
    };
    order(&stripe, limited);
    assert_eq!(stripe.call(Method::POST, "/v1/customers", &[]).await.status, 200);
    assert_eq!(stripe.call(Method::GET, "/v1/checkout/sessions/cs_0", &[]).await.status, 404);
    assert_eq!(stripe.call(Method::POST, "/v1/checkout/sessions", &[]).await.status, 429);
    assert_eq!(stripe.call(Method::POST, "/v1/checkout/sessions", &[]).await.status, 400);
}
