//! Twilio's auth token is replaced while texts stream in: none is refused.

use std::collections::HashSet;

use secrecy::ExposeSecret as _;
use simulators::{
    World,
    twilio::{
        message::{Author, Status},
        webhook::{DeliveryState, Outcome},
    },
};

use crate::support::{PATIENCE, SHOP, TestStack, on_a_stack};

/// Texts before each step, and after the last one.
const TEXTS: usize = 8;

/// How many texts are under way at a time.
const UNDER_WAY: usize = 6;

const NEXT: &str = "the-next-auth-token";

/// Sends texts, each of another lead, without a pause; returns when the last is under way.
async fn stream(stack: &TestStack, sent: &mut usize) {
    for _ in 0..TEXTS {
        *sent += 1;
        let from = format!("+1514556{sent:04}");
        stack.simulator().text(&from, SHOP, "What are your opening hours?").unwrap();
        let room = |world: &World| (under_way(world) < UNDER_WAY).then_some(());
        stack.simulator().wait_for("room", PATIENCE, room).await.unwrap();
    }
}

fn under_way(world: &World) -> usize {
    let deliveries = world.twilio.deliveries.iter();
    deliveries.filter(|delivery| delivery.state == DeliveryState::Running).count()
}

/// Waits until each lead has its answer, and Twilio has told of it.
async fn wait_for_answers(stack: &TestStack, texts: usize) {
    let all = |world: &World| {
        let messages = world.twilio.messages.iter();
        let answers = messages.filter(|message| message.author == Author::Product);
        let delivered = answers.filter(|message| message.status == Status::Delivered).count();
        (delivered >= texts && under_way(world) == 0).then_some(())
    };
    stack.simulator().wait_for("every answer", PATIENCE, all).await.unwrap();
}

#[test]
fn promise_webhook_twilio_a_rotation_of_the_token_drops_nothing() {
    on_a_stack(async |stack| {
        let old = stack.simulator().read(|world| world.twilio.auth_token.clone());
        let mut sent = 0_usize;

        stream(stack, &mut sent).await;
        // A secondary token is made, and both are deployed.
        stack.simulator().change(|world| world.twilio.secondary_auth_token = Some(NEXT.into()));
        stack.edge().deploy("TWILIO_AUTH_TOKEN_NEXT", Some(NEXT));
        stream(stack, &mut sent).await;
        // It is promoted: from this moment Twilio signs with it, and the old one is gone.
        stack.simulator().change(|world| {
            world.twilio.auth_token = NEXT.into();
            world.twilio.secondary_auth_token = None;
        });
        stream(stack, &mut sent).await;
        // What was signed before the promotion has come in by now.
        wait_for_answers(stack, sent).await;
        stream(stack, &mut sent).await;
        stack.edge().deploy("TWILIO_AUTH_TOKEN", Some(NEXT));
        stack.edge().deploy("TWILIO_AUTH_TOKEN_NEXT", None);
        stream(stack, &mut sent).await;
        wait_for_answers(stack, sent).await;

        stack.simulator().read(|world| {
            for delivery in world.twilio.deliveries.iter() {
                assert_eq!(delivery.state, DeliveryState::Answered, "{:?}", delivery.call.event);
                for attempt in &delivery.attempts {
                    // One that meets a process that is just ending is made again.
                    let is_refused =
                        matches!(attempt.outcome, Outcome::Answered { status: 400..500, .. });
                    assert!(!is_refused, "{:?}: {:?}", delivery.call.event, attempt.outcome);
                }
            }
            let answers = world.twilio.messages.iter();
            let answers = answers.filter(|message| message.author == Author::Product);
            let answered: Vec<_> = answers.map(|message| message.to.as_str()).collect();
            assert_eq!(answered.len(), sent);
            assert_eq!(answered.iter().collect::<HashSet<_>>().len(), answered.len());
        });
        assert_eq!(stack.value("select count(*) from app.jobs where state <> 'done'").await, "0");

        // The old token opens nothing any more.
        stack.simulator().change(|world| world.twilio.auth_token = old.expose_secret().into());
        let sid = stack.text("What are your opening hours?");
        let refused = |world: &World| {
            let mut deliveries = world.twilio.deliveries.iter();
            let delivery = deliveries.find(|delivery| delivery.call.message_sid == sid)?;
            let attempt = delivery.attempts.first()?;
            Some(matches!(attempt.outcome, Outcome::Answered { status: 403, .. }))
        };
        let refused = stack.simulator().wait_for("the old token's text", PATIENCE, refused).await;
        assert!(refused.unwrap());
    });
}
