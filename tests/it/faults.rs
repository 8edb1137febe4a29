//! What goes wrong at the providers, and what the lead gets all the same.

use operator::Task;
use simulators::{
    conversation::Until,
    groq::behaviour::{Answer as GroqAnswer, Behaviour as Groq},
    twilio::behaviour::{Answer as TwilioAnswer, Behaviour as Twilio, Callbacks, End, Order},
};

use crate::support::{TestStack, calls::Calls, on_a_stack};

/// Groq takes requests and never answers.
pub(crate) fn stalled_groq() -> Groq {
    Groq { answer: GroqAnswer::Stall, ..Default::default() }
}

const CANNED: &str = "Thanks for your message! We will get back to you as soon as possible.";

#[test]
fn a_lead_gets_a_good_answer_whatever_groq_does() {
    on_a_stack(async |stack| {
        let nonsense = GroqAnswer::Reply { text: "It is $5.".to_owned(), needs_owner: false };
        for answer in [
            GroqAnswer::EmptyReply,
            GroqAnswer::LongReply,
            GroqAnswer::ForeignLink,
            GroqAnswer::MalformedReply,
            GroqAnswer::MalformedResponse,
            GroqAnswer::RateLimited { retry_after_seconds: 60 },
            GroqAnswer::InternalError,
            GroqAnswer::Unavailable,
            GroqAnswer::HangUp,
            GroqAnswer::Decommissioned,
            nonsense,
        ] {
            let told = format!("{answer:?}");
            stack
                .database
                .execute(
                    "update app.leads set needs_owner_since = null, needs_owner_reason = null",
                    &[],
                )
                .await
                .unwrap();
            // A cap holds for an hour; this conversation is longer.
            stack::clock::advance(&stack.database, std::time::Duration::from_secs(3600))
                .await
                .unwrap();
            stack.set_groq([Groq { answer, ..Default::default() }]);

            let conversation = stack.text_and_wait("How much is a tune-up?").await;

            let [answer] = conversation.answers() else { panic!("{told}: not one answer") };
            assert!(answer.message.body.ends_with(CANNED), "{told}: {}", answer.message.body);
            let flag = stack.value("select needs_owner_reason from app.leads").await;
            assert_eq!(flag, "assistant_unavailable", "{told}");
        }
    });
}

#[test]
fn a_stalled_groq_is_given_up_on() {
    on_a_stack(async |stack| {
        stack.set_groq([stalled_groq()]);
        let conversation = stack.text_and_wait("How much is a tune-up?").await;
        assert!(conversation.answers()[0].message.body.ends_with(CANNED));
    });
}

#[test]
fn the_next_model_is_asked_when_one_fails() {
    on_a_stack(async |stack| {
        stack.set_groq([Groq {
            requests: Some(1),
            answer: GroqAnswer::Unavailable,
            ..Default::default()
        }]);
        let conversation = stack.text_and_wait("What are your opening hours?").await;
        assert!(!conversation.answers()[0].message.body.ends_with(CANNED));
        let models = stack.simulator().read(|world| {
            let models = world.groq.requests.iter().map(|request| request.body["model"].clone());
            models.collect::<Vec<_>>()
        });
        assert_eq!(models.len(), 2);
        assert_ne!(models[0], models[1]);
    });
}

#[test]
fn an_unsure_assistant_hands_over_to_the_owner() {
    on_a_stack(async |stack| {
        stack.set_groq([Groq {
            answer: GroqAnswer::Reply {
                text: "The owner will get back to you.".to_owned(),
                needs_owner: true,
            },
            ..Default::default()
        }]);
        stack.text_and_wait("Can you paint my frame?").await;
        let flag = stack.value("select needs_owner_reason from app.leads").await;
        assert_eq!(flag, "assistant_unsure");
    });
}

#[test]
fn two_machines_do_not_text_each_other_for_ever() {
    on_a_stack(async |stack| {
        for _ in 0..10 {
            stack.text_and_wait("What are your opening hours?").await;
        }
        stack.text("What are your opening hours?");
        let refused = "select count(*) from app.jobs where outcome = 'refused_cap'";
        stack.wait_for_value(refused, "1").await;
        assert_eq!(stack.value("select needs_owner_reason from app.leads").await, "cap");
        assert_eq!(stack.answers().len(), 10);

        stack::clock::advance(&stack.database, std::time::Duration::from_secs(3601)).await.unwrap();
        stack.text_and_wait("What are your opening hours?").await;
    });
}

/// Each fault, and one text on the phone in the end.
#[test]
fn a_text_is_sent_once_whatever_twilio_does() {
    on_a_stack(async |stack| {
        let mut sent = 0;
        for answer in [
            TwilioAnswer::HangUp,
            TwilioAnswer::RateLimited,
            TwilioAnswer::Refuse { status: 500, code: 20500 },
            TwilioAnswer::AcceptThenFail,
            TwilioAnswer::AcceptThenHangUp,
            TwilioAnswer::AcceptThenStall,
            TwilioAnswer::Stall,
        ] {
            for withheld in [false, true] {
                let told = format!("{answer:?}, callbacks withheld: {withheld}");
                stack::clock::advance(&stack.database, std::time::Duration::from_secs(3600))
                    .await
                    .unwrap();
                let callbacks = Callbacks {
                    withheld: if withheld { all_statuses() } else { Vec::new() },
                    ..Default::default()
                };
                stack.set_twilio([Twilio {
                    requests: Some(1),
                    answer,
                    callbacks,
                    ..Default::default()
                }]);

                stack.text("What are your opening hours?");
                stack
                    .simulator()
                    .wait_for("the order to be carried out", crate::support::PATIENCE, |world| {
                        world.twilio.behaviours.behaviours().is_empty().then_some(())
                    })
                    .await
                    .unwrap();
                // An attempt that hangs is given up by its own deadline.
                settle_jobs(stack).await;

                sent += 1;
                assert_eq!(stack.answers().len(), sent, "{told}");
                let unsettled = "select count(*) from app.messages
                                 where direction = 'outbound' and twilio_sid is null";
                assert_eq!(stack.value(unsettled).await, "0", "{told}");
            }
        }
        let twice = "select count(*) from app.audit_events where action = 'message_sent_twice'";
        assert_eq!(stack.value(twice).await, "0");
    });
}

pub(crate) fn all_statuses() -> Vec<simulators::twilio::message::Status> {
    use simulators::twilio::message::Status::{Delivered, Sending, Sent};
    vec![Sending, Sent, Delivered]
}

/// Lets the scheduler come as often as it takes.
async fn settle_jobs(stack: &TestStack) {
    for _ in 0..20 {
        if stack.value("select count(*) from app.jobs where state = 'open'").await == "0" {
            return;
        }
        stack.run_scheduler_later().await;
    }
    panic!("jobs stay open: {}", stack.value("select jsonb_agg(j) from app.jobs j").await);
}

#[test]
fn an_opted_out_number_twilio_tells_of_is_suppressed() {
    on_a_stack(async |stack| {
        stack.set_twilio([Twilio {
            answer: TwilioAnswer::Refuse { status: 400, code: 21610 },
            ..Default::default()
        }]);
        stack.text("What are your opening hours?");
        stack
            .simulator()
            .wait_for("the request", crate::support::PATIENCE, |world| {
                (world.twilio.requests.len() == 1).then_some(())
            })
            .await
            .unwrap();
        settle_jobs(stack).await;
        assert_eq!(stack.value("select reason from app.suppressions").await, "opted_out");
        let evidence =
            "select source || ' ' || change from app.consent_events order by id desc limit 1";
        assert_eq!(stack.value(evidence).await, "provider withdrawn");
    });
}

#[test]
fn callbacks_in_any_order_and_number_end_in_one_state() {
    on_a_stack(async |stack| {
        for order in [Order::InOrder, Order::Reversed, Order::AtOnce] {
            for before_response in [false, true] {
                stack::clock::advance(&stack.database, std::time::Duration::from_secs(3600))
                    .await
                    .unwrap();
                stack.set_twilio([Twilio {
                    callbacks: Callbacks {
                        order,
                        copies: Some(3),
                        before_response,
                        end: End::Undelivered { error_code: 30003 },
                        ..Default::default()
                    },
                    ..Default::default()
                }]);
                stack.text("What are your opening hours?");
                stack.wait(Until::Answered).await;
                stack.wait(Until::Settled).await;
                let last = "select status || ' ' || error_code from app.messages
                            where direction = 'outbound' order by id desc limit 1";
                let told = format!("{order:?}, before the response: {before_response}");
                assert_eq!(stack.value(last).await, "undelivered 30003", "{told}");
            }
        }
    });
}

/// A look-up finds what the attempt made, and no text of before that reads the same, though
/// we know that one no more: its lead was erased.
#[test]
fn an_older_text_that_reads_the_same_is_not_the_one_just_tried() {
    on_a_stack(async |stack| {
        stack.text_and_wait("What are your opening hours?").await;
        let [first] = &stack.answers()[..] else { panic!("{:?}", stack.answers()) };
        let erase = "delete from app.status_events; delete from app.jobs; delete from app.messages;
                     delete from app.leads";
        stack.database.batch_execute(erase).await.unwrap();
        let hour = std::time::Duration::from_secs(3600);
        let offset = stack::clock::advance(&stack.database, hour).await.unwrap();
        stack.simulator().set_clock_offset(offset);

        let hang_up =
            Twilio { requests: Some(1), answer: TwilioAnswer::HangUp, ..Default::default() };
        stack.set_twilio([hang_up]);
        stack.text("What are your opening hours?");
        let tried = "select count(*) from app.messages where attempted_at is not null";
        stack.wait_for_value(tried, "1").await;
        for _ in 0..3 {
            stack.run_scheduler_later().await;
        }
        stack.wait(Until::Delivered).await;
        let answers = stack.answers();
        assert_eq!(answers, [first.clone(), first.clone()]);
        let sids =
            "select count(distinct twilio_sid) from app.messages where direction = 'outbound'";
        assert_eq!(stack.value(sids).await, "1");
    });
}

/// Work of a kind that only a newer deployment knows: it goes back, its neighbours are done,
/// and no attempt of anybody's is used up.
#[test]
fn one_unreadable_job_keeps_no_other_back() {
    on_a_stack(async |stack| {
        let calls = Calls(stack);
        for number in 1..=8 {
            calls.receive(number, "text", &format!("Question {number}?")).await;
        }
        let newer = "alter function app.reply_work(uuid) rename to reply_work_known;
                     create function app.reply_work(p_job_id uuid) returns jsonb language sql stable as
                       $$ select app.reply_work_known(p_job_id)
                            || case when number = 3 then '{\"kind\": \"hologram\"}' else '{}'::jsonb end
                          from (
                            select row_number() over (order by id) as number, id
                            from app.jobs where kind = 'reply'
                          ) n
                          where id = p_job_id $$";
        stack.database.batch_execute(newer).await.unwrap();
        let left = "select string_agg(concat_ws(' ', attempts, last_fault), ',') from app.jobs
                    where kind = 'reply' and state = 'open'";
        for _ in 0..3 {
            calls.wait(6 * 60).await;
            assert_eq!(stack.run_scheduler().await, 200);
            assert_eq!(stack.value(left).await, "1 unreadable");
        }
        assert_eq!(stack.operator(Task::Status).await["jobs_unreadable"], 1);
        assert!(stack.log().iter().any(|line| line.contains("a job cannot be read")));

        let older = "drop function app.reply_work(uuid);
                     alter function app.reply_work_known(uuid) rename to reply_work";
        stack.database.batch_execute(older).await.unwrap();
        calls.wait(6 * 60).await;
        assert_eq!(stack.run_scheduler().await, 200);
        assert_eq!(stack.value(left).await, "null");
    });
}

/// Who is given up holds nobody up: the number's pace counts what waits. An operator has it
/// tried again.
#[test]
fn a_text_that_is_given_up_waits_no_longer() {
    on_a_stack(async |stack| {
        let refuse = TwilioAnswer::Refuse { status: 401, code: 20003 };
        stack.set_twilio([Twilio { answer: refuse, ..Default::default() }]);
        stack.text("What are your opening hours?");
        let given_up = "select count(*) from app.jobs where kind = 'send' and state = 'dead'";
        stack.run_scheduler_until(given_up, "1").await;
        let job = "select id from app.jobs where kind = 'send' and state = 'dead'";
        let status = "select status from app.messages where direction = 'outbound'";
        assert_eq!(stack.value(status).await, "failed");
        assert_eq!(stack.value("select needs_owner_reason from app.leads").await, "send_failed");
        let pace = "update app.sender_numbers set texts_per_minute = 1";
        stack.database.batch_execute(pace).await.unwrap();
        let turn = "select app.paced_until(phone, false) is null from app.sender_numbers
                    where business_id is not null";
        assert_eq!(stack.value(turn).await, "true");

        stack.set_twilio([]);
        let job = stack.value(job).await.parse().unwrap();
        assert_eq!(stack.operator(Task::Revive { job }).await["outcome"], "revived");
        stack.run_scheduler_later().await;
        stack.wait(Until::Delivered).await;
        assert_eq!(stack.answers().len(), 1);
        stack.wait_for_value(status, "delivered").await;
    });
}
