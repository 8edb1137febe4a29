//! The function dies at every point where something is under way; the scheduler
//! comes; the lead has exactly one answer.

use simulators::{
    World,
    conversation::Until,
    twilio::{
        behaviour::{Answer, Behaviour, Callbacks},
        message::Status,
    },
};

use crate::{
    faults::stalled_groq,
    support::{PATIENCE, TestStack, interceptor::Manner, on_a_stack},
};

/// After the kill: everything works again, the leases run out, the scheduler
/// comes. Twice, as it may.
async fn recover(stack: &TestStack) {
    stack.interceptor.clear();
    stack.set_groq([]);
    stack.set_twilio([]);
    for _ in 0..3 {
        stack.run_scheduler_later().await;
    }
    stack.wait(Until::Settled).await;
}

async fn check_answered_once(stack: &TestStack) {
    let answers = stack.answers();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(stack.value("select count(*) from app.messages where author = 'lead'").await, "1");
    let outbound = "select count(*) from app.messages where direction = 'outbound'";
    assert_eq!(stack.value(outbound).await, "1");
    assert_eq!(stack.value("select count(*) from app.jobs where state <> 'done'").await, "0");
    let twice = "select count(*) from app.audit_events where action = 'message_sent_twice'";
    assert_eq!(stack.value(twice).await, "0");
}

#[test]
fn killed_after_the_commit() {
    on_a_stack(async |stack| {
        stack.interceptor.set("receive_sms", Manner::HoldResponse);
        stack.text("What are your opening hours?");
        stack.interceptor.wait_for_calls("receive_sms", 1).await;
        stack.interceptor.clear();
        stack.kill("sms_inbound").await;
        recover(stack).await;
        check_answered_once(stack).await;
    });
}

#[test]
fn killed_during_groq() {
    on_a_stack(async |stack| {
        stack.set_groq([stalled_groq()]);
        stack.text("What are your opening hours?");
        stack
            .simulator()
            .wait_for("groq to be asked", PATIENCE, |world| {
                (!world.groq.requests.is_empty()).then_some(())
            })
            .await
            .unwrap();
        stack.kill("sms_inbound").await;
        recover(stack).await;
        check_answered_once(stack).await;
    });
}

#[test]
fn killed_before_the_send() {
    on_a_stack(async |stack| {
        stack.interceptor.set("queue_outbound", Manner::HoldResponse);
        stack.text("What are your opening hours?");
        stack.interceptor.wait_for_calls("queue_outbound", 1).await;
        stack.kill("sms_inbound").await;
        recover(stack).await;
        check_answered_once(stack).await;
    });
}

#[test]
fn killed_after_the_send_and_before_it_is_marked() {
    on_a_stack(async |stack| {
        // Nothing but a look-up can tell that the text was sent.
        stack.set_twilio([Behaviour {
            callbacks: Callbacks {
                withheld: vec![Status::Sending, Status::Sent, Status::Delivered],
                ..Default::default()
            },
            ..Default::default()
        }]);
        stack.interceptor.set("settle_send", Manner::HoldRequest);
        stack.text("What are your opening hours?");
        stack.interceptor.wait_for_calls("settle_send", 1).await;
        stack.kill("sms_inbound").await;
        recover(stack).await;
        check_answered_once(stack).await;
    });
}

#[test]
fn killed_while_twilio_keeps_silent() {
    on_a_stack(async |stack| {
        stack.set_twilio([Behaviour {
            requests: Some(1),
            answer: Answer::AcceptThenStall,
            ..Default::default()
        }]);
        stack.text("What are your opening hours?");
        stack.wait(Until::Delivered).await;
        stack.kill("sms_inbound").await;
        recover(stack).await;
        check_answered_once(stack).await;
    });
}

#[test]
fn redelivered_five_times_at_once() {
    on_a_stack(async |stack| {
        let sid = stack.text("What are your opening hours?");
        stack.simulator().redeliver(&sid, 5, true).unwrap();
        stack.wait(Until::Delivered).await;
        stack.wait(Until::Settled).await;
        stack.simulator().redeliver(&sid, 5, true).unwrap();
        recover(stack).await;

        // A redelivery is no failure: it is taken in, and changes nothing.
        let outcomes = stack.simulator().read(|world| {
            let deliveries = world.twilio.deliveries.iter();
            let of_text = deliveries.filter(|delivery| delivery.call.message_sid == sid);
            let attempts = of_text.flat_map(|delivery| delivery.attempts.clone());
            attempts.map(|attempt| format!("{:?}", attempt.outcome)).collect::<Vec<_>>()
        });
        assert_eq!(outcomes.len(), 11);
        for outcome in outcomes {
            assert!(outcome.contains("status: 200"), "{outcome}");
        }
        check_answered_once(stack).await;
    });
}

/// Twilio tries again by the overrides in the webhook's URL; nothing is lost.
/// How Twilio's attempts to deliver a text have ended.
fn attempts(stack: &TestStack, sid: &str) -> Vec<String> {
    stack.simulator().read(|world| {
        let delivery = world.twilio.deliveries.iter().find(|d| d.call.message_sid == sid);
        let attempts = delivery.map(|d| d.attempts.clone()).unwrap_or_default();
        attempts.iter().map(|attempt| format!("{:?}", attempt.outcome)).collect()
    })
}

/// For a moment, Twilio does not even notice: we wait for the database as long as it waits
/// for us.
#[test]
fn a_database_that_is_down_for_a_moment_costs_none_of_twilios_attempts() {
    on_a_stack(async |stack| {
        stack.interceptor.set("receive_sms", Manner::Unavailable);
        let sid = stack.text("What are your opening hours?");
        stack.interceptor.wait_for_calls("receive_sms", 4).await;
        stack.interceptor.clear();
        stack.wait(Until::Delivered).await;
        let attempts = attempts(stack, &sid);
        assert!(attempts.len() == 1 && attempts[0].contains("status: 200"), "{attempts:?}");
        check_answered_once(stack).await;
    });
}

#[test]
fn a_database_that_is_down_delays_the_answer_and_nothing_else() {
    on_a_stack(async |stack| {
        stack.interceptor.set("receive_sms", Manner::Unavailable);
        let sid = stack.text("What are your opening hours?");
        let failed = |world: &World<'_>| {
            let delivery = world.twilio.deliveries.iter().find(|d| d.call.message_sid == sid);
            delivery.filter(|delivery| !delivery.attempts.is_empty()).map(|_| ())
        };
        stack.simulator().wait_for("an attempt to fail", PATIENCE, failed).await.unwrap();
        stack.interceptor.clear();
        stack.wait(Until::Delivered).await;

        let statuses = attempts(stack, &sid);
        assert!(statuses[0].contains("status: 503"), "{statuses:?}");
        assert!(statuses.last().unwrap().contains("status: 200"), "{statuses:?}");
        check_answered_once(stack).await;
    });
}

/// Two schedulers at once share the work.
#[test]
fn schedulers_that_overlap_do_nothing_twice() {
    on_a_stack(async |stack| {
        stack.interceptor.set("receive_sms", Manner::HoldResponse);
        stack.text("What are your opening hours?");
        stack.interceptor.wait_for_calls("receive_sms", 1).await;
        stack.interceptor.clear();
        stack.kill("sms_inbound").await;
        stack::clock::advance(&stack.database, std::time::Duration::from_secs(120)).await.unwrap();
        let statuses =
            tokio::join!(stack.run_scheduler(), stack.run_scheduler(), stack.run_scheduler());
        assert_eq!(statuses, (200, 200, 200));
        recover(stack).await;
        check_answered_once(stack).await;
    });
}
