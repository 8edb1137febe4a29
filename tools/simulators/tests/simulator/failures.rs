//! A Messages API that is slow, fails, or leaves the outcome of a send open.

use std::time::{Duration, Instant};

use hyper::Method;
use simulators::twilio::{
    ApiAnswer,
    behaviour::{Answer, Behaviour, On},
};

use crate::support::{LEAD, PATIENCE, SHOP, Twilio, order, start_with_product};

/// Long enough for an answer that comes, short enough to wait for one that
/// does not.
const A_MOMENT: Duration = Duration::from_millis(300);

fn answer(answer: Answer) -> Behaviour {
    Behaviour { answer, requests: Some(1), ..Behaviour::default() }
}

#[tokio::test]
async fn a_refused_text_is_not_sent() {
    for (answered, status, code) in [
        (Answer::Refuse { status: 503, code: 20503 }, 503, 20503),
        (Answer::Refuse { status: 400, code: 30034 }, 400, 30034),
        (Answer::RateLimited, 429, 20429),
    ] {
        let (simulator, _product) = start_with_product().await;
        order(&simulator, answer(answered));
        let twilio = Twilio::of(&simulator);

        let refused = twilio.send("hi", None).await;

        assert_eq!(refused.status, status);
        assert_eq!(refused.json()["code"], code);
        assert!(twilio.bodies().await.is_empty());
        assert_eq!(twilio.send("hi", None).await.status, 201, "it was for one request");
    }
}

#[tokio::test]
async fn a_connection_closed_before_acceptance_sends_nothing() {
    let (simulator, _product) = start_with_product().await;
    order(&simulator, answer(Answer::HangUp));
    let twilio = Twilio::of(&simulator);

    assert!(twilio.try_send("hi", None).await.is_none());

    assert!(twilio.bodies().await.is_empty());
    simulator.read(|world| {
        let first = world.twilio.requests.iter().next().unwrap();
        assert_eq!(first.answer, ApiAnswer::HungUp);
    });
}

#[tokio::test]
async fn a_request_that_stalls_sends_nothing() {
    let (simulator, _product) = start_with_product().await;
    order(&simulator, answer(Answer::Stall));
    let twilio = Twilio::of(&simulator);

    let waited = tokio::time::timeout(A_MOMENT, twilio.try_send("hi", None)).await;

    assert!(waited.is_err(), "there is no answer");
    assert!(twilio.bodies().await.is_empty());
}

#[tokio::test]
async fn an_accepted_text_goes_out_whatever_the_caller_learns() {
    for ambiguous in [Answer::AcceptThenFail, Answer::AcceptThenHangUp, Answer::AcceptThenStall] {
        let (simulator, product) = start_with_product().await;
        order(&simulator, answer(ambiguous));
        let twilio = Twilio::of(&simulator);
        let callback = product.callback();

        let sent = tokio::time::timeout(A_MOMENT, twilio.try_send("hi", Some(&callback))).await;

        match ambiguous {
            Answer::AcceptThenFail => {
                let failed = sent.unwrap().unwrap();
                assert_eq!((failed.status, failed.json()["code"].as_u64()), (500, Some(20500)));
            }
            Answer::AcceptThenHangUp => assert!(sent.unwrap().is_none()),
            _ => assert!(sent.is_err()),
        }
        product.wait_for_calls(3).await;
        assert_eq!(product.told("MessageStatus"), ["sending", "sent", "delivered"]);
        assert_eq!(twilio.bodies().await, ["hi"], "a look-up finds it");
    }
}

#[tokio::test]
async fn what_twilio_would_refuse_is_not_accepted_under_any_order() {
    let (simulator, _product) = start_with_product().await;
    order(&simulator, answer(Answer::AcceptThenHangUp));

    let refused = Twilio::of(&simulator)
        .call(Method::POST, "/Messages.json", &[("To", LEAD), ("From", SHOP)])
        .await;

    assert_eq!(refused.json()["code"], 21602);
}

#[tokio::test]
async fn a_slow_request_is_accepted_even_if_its_caller_gives_up() {
    let (simulator, product) = start_with_product().await;
    let delay_milliseconds = 400;
    order(&simulator, Behaviour { delay_milliseconds, ..Behaviour::default() });
    let twilio = Twilio::of(&simulator);
    let begun = Instant::now();

    let callback = product.callback();
    let waited = tokio::time::timeout(A_MOMENT / 3, twilio.try_send("hi", Some(&callback))).await;

    assert!(waited.is_err(), "the caller gave up");
    product.wait_for_calls(1).await;
    assert!(begun.elapsed() >= Duration::from_millis(delay_milliseconds));
}

#[tokio::test]
async fn look_ups_fail_on_their_own_order() {
    let (simulator, _product) = start_with_product().await;
    let refuse = Answer::Refuse { status: 500, code: 20500 };
    let twilio = Twilio::of(&simulator);

    order(&simulator, Behaviour { on: On::Lookup, ..answer(refuse) });
    assert_eq!(twilio.send("hi", None).await.status, 201);
    assert_eq!(twilio.call(Method::GET, "/Messages.json", &[]).await.status, 500);
    assert_eq!(twilio.call(Method::GET, "/Messages.json", &[]).await.status, 200);

    order(&simulator, Behaviour { on: On::Every, ..answer(refuse) });
    assert_eq!(twilio.call(Method::GET, "/Messages.json", &[]).await.status, 500);
    assert_eq!(twilio.send("hi", None).await.status, 201);
}

#[tokio::test]
async fn orders_follow_each_other() {
    let (simulator, _product) = start_with_product().await;
    simulator.change(|world| {
        let behaviours = [
            Behaviour { requests: Some(2), ..answer(Answer::RateLimited) },
            answer(Answer::Refuse { status: 503, code: 20503 }),
        ];
        world.twilio.behaviours.set(behaviours);
    });
    let twilio = Twilio::of(&simulator);

    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(twilio.send("hi", None).await.status);
    }

    assert_eq!(statuses, [429, 429, 503, 201]);
    let sent =
        simulator.wait_for("one text", PATIENCE, |world| Some(world.twilio.messages.len())).await;
    assert_eq!(sent.unwrap(), 1);
}
