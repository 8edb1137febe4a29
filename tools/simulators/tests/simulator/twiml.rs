//! What the product answers a webhook with, and what Twilio makes of it.

use simulators::{
    conversation::Until,
    twilio::message::{Author, Status},
};

use crate::support::{Answer, LEAD, PATIENCE, SHOP, Twilio, deliveries, start_with_product};

#[tokio::test]
async fn messages_in_the_answer_are_sent_to_the_phone() {
    let (simulator, product) = start_with_product().await;
    product.answer([Answer::twiml(
        "<Response><Message>one</Message><Message statusCallback='/x'>two</Message></Response>",
    )]);

    simulator.text(LEAD, SHOP, "Hello").unwrap();

    let conversation = simulator.wait_until(LEAD, SHOP, Until::Delivered, PATIENCE).await.unwrap();
    let answers: Vec<_> = conversation.answers().iter().map(|text| &text.message).collect();
    assert_eq!(answers.iter().map(|text| &text.body).collect::<Vec<_>>(), ["one", "two"]);
    for answer in answers {
        assert_eq!(answer.author, Author::Twiml);
        assert_eq!((answer.from.as_str(), answer.to.as_str()), (SHOP, LEAD));
    }
    let webhook = &conversation.texts[0].webhooks[0];
    assert_eq!(webhook.troubles[0].code, Some(14105), "a status callback is a whole URL");
    assert_eq!(Twilio::of(&simulator).bodies().await, ["two", "one", "Hello"]);
}

#[tokio::test]
async fn a_message_in_the_answer_reports_its_status() {
    let (simulator, product) = start_with_product().await;
    // The attribute cannot name the product's port, so it is this simulator that
    // is told; what matters is that it is told at all.
    product.answer([Answer::twiml(
        "<Response><Message action='http://127.0.0.1:1/status'>hi</Message></Response>",
    )]);

    simulator.text(LEAD, SHOP, "Hello").unwrap();

    let conversation = simulator.wait_until(LEAD, SHOP, Until::Settled, PATIENCE).await.unwrap();
    let answer = &conversation.texts[1];
    assert_eq!(answer.message.status, Status::Delivered);
    let urls: Vec<_> = answer.webhooks.iter().map(|webhook| webhook.call.url.as_str()).collect();
    assert_eq!(urls, ["http://127.0.0.1:1/status"; 3]);
}

#[tokio::test]
async fn an_answer_twilio_cannot_read_is_reported_and_sends_nothing() {
    for (answer, code) in [
        (Answer::Respond { status: 200, content_type: "text/plain", body: "hi" }, 12300),
        (Answer::twiml("<Response><Message>hi</Message>"), 12100),
        (Answer::twiml("hi"), 12100),
        (Answer::twiml("<Response><Reply>hi</Reply></Response>"), 14110),
        (Answer::twiml("<Response><Message to='me'>hi</Message></Response>"), 14101),
        (Answer::twiml("<Response><Message from='+15145550999'>hi</Message></Response>"), 14102),
    ] {
        let (simulator, product) = start_with_product().await;
        product.answer([answer]);

        let sid = simulator.text(LEAD, SHOP, "Hello").unwrap();

        let troubled = simulator.wait_for("trouble", PATIENCE, |world| {
            world.twilio.deliveries.iter().find(|one| !one.troubles.is_empty()).cloned()
        });
        let troubled = troubled.await.unwrap();
        assert_eq!(troubled.call.message_sid, sid);
        assert_eq!(troubled.troubles[0].code, Some(code));
        assert_eq!(simulator.read(|world| world.twilio.messages.len()), 1);
    }
}

#[tokio::test]
async fn an_answer_to_stop_does_not_reach_the_phone() {
    let (simulator, product) = start_with_product().await;
    product.answer([Answer::twiml("<Response><Message>But why?</Message></Response>")]);

    let sid = simulator.text(LEAD, SHOP, "STOP").unwrap();

    deliveries(&simulator, &sid, 1).await;
    let troubled = simulator.wait_for("trouble", PATIENCE, |world| {
        world.twilio.deliveries.iter().find_map(|one| one.troubles.first().cloned())
    });
    assert_eq!(troubled.await.unwrap().code, Some(21610));
    let conversation = simulator.conversation(LEAD, SHOP);
    assert!(!conversation.is(Until::Answered));
}
