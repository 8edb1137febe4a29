//! What is under way as an account is closed, and who texts it later.

use std::{collections::BTreeSet, time::Duration};

use serde_json::json;
use simulators::twilio::{
    behaviour::{Answer, Behaviour, Callbacks, On},
    message::{Author, Status},
};

use super::{
    IDENTIFIERS, Owner, STOPPED, WORD, drive, find, left_at_providers, live, picture, receipts,
    wait_for_webhooks,
};
use crate::{
    faults::all_statuses,
    support::{LEAD, PATIENCE, SHOP, TestStack, interceptor::Manner, on_a_stack, run},
};

/// How many rows there are of what a text leaves.
async fn traces(stack: &TestStack) -> String {
    let counts = ["leads", "messages", "jobs", "webhook_events", "status_events", "consent_events"]
        .map(|table| format!("(select count(*) from app.{table})"));
    stack.value(&format!("select row({})::text", counts.join(", "))).await
}

#[test]
fn promise_own_stop_a_text_to_a_closed_shop_leaves_nothing_but_an_opt_out() {
    const OTHERS: [&str; 2] = ["+15145550171", "+15145550172"];
    run(async {
        let stack = TestStack::start().await;
        live(&stack).await;
        // Twilio may report a text after it has let us wait for it.
        let on_their_way = "select count(*) from app.messages where direction = 'outbound'
                            and status in ('pending', 'accepted', 'queued', 'sending', 'sent')";
        stack.wait_for_value(on_their_way, "0").await;
        wait_for_webhooks(&stack).await;
        let known: Vec<String> = stack
            .simulator()
            .read(|world| world.twilio.messages.iter().map(|text| text.sid.clone()).collect());
        stack.interceptor.set("next_closure_step", Manner::HoldRequest);
        let closure = Owner::of(&stack).await.close().await;
        assert_eq!(closure["state"], "closing");

        let simulator = stack.simulator();
        let send = async |from: &str, body: &str| {
            simulator.text_with_media(from, SHOP, body, vec![picture()]).unwrap();
            wait_for_webhooks(&stack).await;
        };
        let before = traces(&stack).await;
        let answers = stack.answers();
        // While it is being closed.
        send(LEAD, &format!("Are you there? {WORD}")).await;
        send(OTHERS[0], &format!("Please stop texting me, {WORD}")).await;
        assert_eq!(traces(&stack).await, before);
        assert_eq!(stack.value("select count(*) from app.suppressions").await, "2");
        stack.kill("account_delete").await;
        stack.interceptor.clear();
        stack::clock::advance(&stack.database, Duration::from_secs(16 * 60)).await.unwrap();
        drive(&stack, "key", PATIENCE).await;

        // And when it is.
        let before = traces(&stack).await;
        send(LEAD, &format!("Hello? {WORD}")).await;
        send(OTHERS[1], "ARRET").await;
        // What was told before is told again, about texts that are gone.
        for sid in known {
            let _ = simulator.redeliver(&sid, 2, true);
        }
        wait_for_webhooks(&stack).await;
        assert_eq!(traces(&stack).await, before);
        assert_eq!(stack.value("select count(*) from app.suppressions").await, "3");
        assert_eq!(stack.answers(), answers);
        // Nor does Twilio keep it.
        let owed = "select count(*) from app.twilio_redactions";
        assert_ne!(stack.value(owed).await, "0");
        assert_eq!(stack.run_scheduler().await, 200);
        stack.wait_for_value(owed, "0").await;
        assert_eq!(left_at_providers(&stack), Vec::<String>::new());
        let identifiers = [&IDENTIFIERS[..], &["5145550171", "5145550172"]].concat();
        assert_eq!(find(&stack, &identifiers).await, BTreeSet::new());

        // A new account gets the number, and imports whom the old one had.
        let shop = stack.shop("New Wheels").owned_by("new@example.com").with_number(SHOP);
        shop.subscribed("active").open().await;
        for phone in [STOPPED, OTHERS[0], OTHERS[1]] {
            simulator.text(phone, SHOP, "What are your opening hours?").unwrap();
            wait_for_webhooks(&stack).await;
            let refused = "select app.gate(id, 'owner', null)::text from app.leads
                           order by id desc limit 1";
            assert_eq!(stack.value(refused).await, "(,opted_out,)", "{phone}");
            let texts = simulator.conversation(phone, SHOP).texts;
            assert!(
                !texts.iter().any(|text| text.message.author == Author::Product
                    && text.message.body.contains("New Wheels")),
                "{phone}"
            );
        }
        stack.text_and_wait("And yours?").await;
        assert_ne!(stack.answers(), answers);
        stack.stop().await;
    });
}

/// An answer that is being made is not sent; a text that Twilio may have is found there
/// before anything is sealed, and emptied like all others.
#[test]
fn what_is_under_way_is_cancelled_or_known_before_the_account_is_sealed() {
    const OTHER: &str = "+15145550124";
    run(async {
        let stack = TestStack::start().await;
        let simulator = stack.simulator();
        stack.set_twilio([Behaviour {
            requests: Some(1),
            answer: Answer::AcceptThenHangUp,
            callbacks: Callbacks {
                withheld: vec![Status::Sending, Status::Sent, Status::Delivered],
                ..Default::default()
            },
            ..Default::default()
        }]);
        stack.interceptor.set("settle_send", Manner::HoldRequest);
        stack.text("Are you open?");
        stack.interceptor.wait_for_calls("settle_send", 1).await;
        stack.interceptor.set("queue_outbound", Manner::HoldRequest);
        simulator.text(OTHER, SHOP, "And now?").unwrap();
        stack.interceptor.wait_for_calls("queue_outbound", 2).await;
        let open = "select string_agg(kind, ',' order by kind) from app.jobs
                    where state = 'open' and queue = 'texts'";
        assert_eq!(stack.value(open).await, "reply,send");

        let owner = Owner::of(&stack).await;
        owner.close().await;
        assert_eq!(stack.value(open).await, "send");
        stack.kill("sms_inbound").await;
        stack.interceptor.clear();
        drive(&stack, "seal", PATIENCE).await;
        let unknown = "select count(*) from app.messages
                       where direction = 'outbound' and twilio_sid is null";
        assert_eq!(stack.value(unknown).await, "0");
        drive(&stack, "key", PATIENCE).await;
        assert_eq!(simulator.conversation(OTHER, SHOP).texts.len(), 1);
        assert_eq!(left_at_providers(&stack), Vec::<String>::new());
        stack.stop().await;
    });
}

/// A text that was given up while nobody knew whether Twilio had it: it has, and its copy
/// there is emptied with the others.
#[test]
fn a_text_that_was_given_up_is_looked_up_before_its_shop_is_sealed() {
    on_a_stack(async |stack| {
        let refuse = Answer::Refuse { status: 503, code: 20503 };
        stack.set_twilio([
            Behaviour {
                answer: Answer::AcceptThenHangUp,
                callbacks: Callbacks { withheld: all_statuses(), ..Default::default() },
                ..Default::default()
            },
            Behaviour { on: On::Lookup, answer: refuse, ..Default::default() },
        ]);
        stack.text("Are you open?");
        let given_up = "select count(*) from app.jobs where kind = 'send' and state = 'dead'";
        stack.run_scheduler_until(given_up, "1").await;
        stack.set_twilio([]);

        Owner::of(stack).await.close().await;
        drive(stack, "key", PATIENCE).await;
        assert_eq!(left_at_providers(stack), Vec::<String>::new());
        let texts = &receipts(stack).await["twilio"];
        assert_eq!((&texts["texts"], &texts["texts_left"]), (&json!(2), &json!(0)));
    });
}
