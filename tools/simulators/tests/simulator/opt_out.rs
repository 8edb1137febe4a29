//! STOP, START and HELP, as Twilio minds them.

use simulators::{
    Simulator,
    twilio::{Number, message::Author},
};

use crate::support::{LEAD, SHOP, Twilio, deliveries, request, start_with_product};

/// Texts the shop, and waits until its webhook was called.
async fn text(simulator: &Simulator, body: &str) {
    let sid = simulator.text(LEAD, SHOP, body).unwrap();
    deliveries(simulator, &sid, 1).await;
}

/// What Twilio itself has texted the phone, without the standard endings.
fn automatic_replies(simulator: &Simulator) -> Vec<String> {
    let conversation = simulator.conversation(LEAD, SHOP);
    let own = conversation.texts.iter().filter(|text| text.message.author == Author::Twilio);
    own.map(|text| text.message.body.chars().take(37).collect()).collect()
}

#[tokio::test]
async fn after_stop_a_text_is_refused_with_21610_until_start() {
    let (simulator, product) = start_with_product().await;
    let twilio = Twilio::of(&simulator);
    assert_eq!(twilio.send("before", None).await.status, 201);

    text(&simulator, "Stop").await;
    assert!(simulator.conversation(LEAD, SHOP).is_opted_out);
    let refused = twilio.send("after", None).await;
    assert_eq!((refused.status, refused.json()["code"].as_u64()), (400, Some(21610)));

    text(&simulator, "START").await;
    assert!(!simulator.conversation(LEAD, SHOP).is_opted_out);
    assert_eq!(twilio.send("again", None).await.status, 201);

    assert_eq!(product.told("Body"), ["Stop", "START"], "the product is told all the same");
    assert_eq!(twilio.bodies().await, ["again", "START", "Stop", "before"]);
}

#[tokio::test]
async fn the_block_stands_before_the_product_is_told() {
    let (simulator, _product) = start_with_product().await;

    simulator.text(LEAD, SHOP, "STOP").unwrap();

    // Nothing is waited for: not even the webhook can have been called yet.
    assert!(simulator.read(|world| world.twilio.is_opted_out(SHOP, LEAD)));
}

#[tokio::test]
async fn an_opt_out_is_from_one_number_only() {
    let (simulator, product) = start_with_product().await;
    let other_shop = "+15145550101";
    let webhook = product.url.join("/other").unwrap();
    simulator.change(|world| {
        world.twilio.numbers.push(Number { number: other_shop.to_owned(), webhook });
    });

    text(&simulator, "STOP").await;

    let fields = [("To", LEAD), ("From", other_shop), ("Body", "hi")];
    let sent = Twilio::of(&simulator).call(hyper::Method::POST, "/Messages.json", &fields).await;
    assert_eq!(sent.status, 201);
}

#[tokio::test]
async fn twilio_answers_keywords_itself_where_they_change_something() {
    let (simulator, _product) = start_with_product().await;
    let unsubscribed = "You have successfully been unsubscrib";
    let resubscribed = "You have successfully been re-subscri";
    let help = "Reply STOP to unsubscribe. Msg&Data R";

    for (body, replies) in [
        ("hello", vec![]),
        ("HELP", vec![help]),
        ("STOP", vec![help, unsubscribed]),
        ("STOP", vec![help, unsubscribed]),
        ("HELP", vec![help, unsubscribed]),
        ("START", vec![help, unsubscribed, resubscribed]),
        ("YES", vec![help, unsubscribed, resubscribed]),
    ] {
        text(&simulator, body).await;
        assert_eq!(automatic_replies(&simulator), replies, "{body}");
    }
    assert!(!Twilio::of(&simulator).bodies().await.iter().any(|body| body.contains("Msg&Data")));
}

#[tokio::test]
async fn twilios_own_answers_can_be_switched_off() {
    let (simulator, _product) = start_with_product().await;
    simulator.change(|world| world.twilio.settings.automatic_replies = false);

    text(&simulator, "STOP").await;

    assert!(automatic_replies(&simulator).is_empty());
    assert!(simulator.conversation(LEAD, SHOP).is_opted_out);
}

#[tokio::test]
async fn with_advanced_opt_out_the_webhook_names_the_keyword() {
    let (simulator, product) = start_with_product().await;
    text(&simulator, "STOP").await;
    simulator.change(|world| world.twilio.settings.advanced_opt_out = true);

    for body in ["STOP", "start", "HELP", "hello"] {
        text(&simulator, body).await;
    }

    let types: Vec<_> = product.calls().iter().map(|call| call.field("OptOutType")).collect();
    let want = [None, Some("STOP"), Some("START"), Some("HELP"), None];
    assert_eq!(types, want.map(|value| value.map(str::to_owned)));
    assert!(product.calls()[4].field("MessagingServiceSid").unwrap().starts_with("MG"));
}

#[tokio::test]
async fn a_text_that_cannot_be_is_not_sent() {
    let (simulator, _product) = start_with_product().await;
    let long = "a".repeat(1601);
    for (from, to, body) in [
        ("5145550123", SHOP, "hi"),
        (LEAD, "+15145550999", "hi"),
        (LEAD, SHOP, ""),
        (LEAD, SHOP, &long),
    ] {
        assert!(simulator.text(from, to, body).is_err(), "{from} {to}");
        let url = format!("{}control/texts", simulator.url());
        let text = serde_json::json!({ "from": from, "to": to, "body": body }).to_string();
        let json = [("content-type", "application/json")];
        let refused = request(hyper::Method::POST, &url, &json, &text).await;
        assert_eq!(refused.status, 422);
        assert!(!refused.json()["error"].as_str().unwrap().is_empty());
    }
    assert!(simulator.read(|world| world.twilio.messages.is_empty()));
}
