//! Webhooks: what they carry, how they are signed, when they are repeated.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use simulators::twilio::{
    AuthToken, Number, Settings,
    inbound::{Medium, Text},
    webhook::{DeliveryState, Outcome},
};
use url::Url;

use crate::support::{
    AUTH_TOKEN, Answer, Call, LEAD, SECONDARY_AUTH_TOKEN, SHOP, deliveries, request, start,
    start_with_product,
};

/// The signature by Twilio's published scheme, written down once more: the URL,
/// then each field sorted by name, name and value run together.
fn signature(auth_token: &str, url: &str, call: &Call) -> String {
    let mut fields = call.fields();
    fields.sort();
    let mut mac = Hmac::<Sha1>::new_from_slice(auth_token.as_bytes()).unwrap();
    mac.update(url.as_bytes());
    for (name, value) in fields {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

#[tokio::test]
async fn a_webhook_is_signed_by_the_published_scheme() {
    let (simulator, product) = start_with_product().await;
    product.serve_shop(&simulator, "/api/sms/inbound?b=2&a=1#rc=2&rp=all");

    for body in ["Hello", "Où êtes-vous? 🍞 50% off & more=less +1", "two\nlines", " "] {
        simulator.text(LEAD, SHOP, body).unwrap();
    }

    for call in product.wait_for_calls(4).await {
        let url = format!("{}api/sms/inbound?b=2&a=1", product.url);
        assert_eq!(call.header("x-twilio-signature"), signature(AUTH_TOKEN, &url, &call));
        assert_eq!(call.path_and_query, "/api/sms/inbound?b=2&a=1", "the fragment is not sent");
    }
}

#[tokio::test]
async fn during_a_rotation_either_token_signs() {
    let (simulator, product) = start_with_product().await;
    let url = format!("{}api/sms/inbound", product.url);

    for (count, sign_with, token) in
        [(1, AuthToken::Secondary, SECONDARY_AUTH_TOKEN), (2, AuthToken::Primary, AUTH_TOKEN)]
    {
        simulator.change(|world| world.twilio.settings.sign_with = sign_with);
        simulator.text(LEAD, SHOP, "Hello").unwrap();
        let call = product.wait_for_calls(count).await.pop().unwrap();
        assert_eq!(call.header("x-twilio-signature"), signature(token, &url, &call));
    }
}

#[tokio::test]
async fn an_inbound_webhook_carries_what_twilio_sends() {
    let (simulator, product) = start_with_product().await;

    let sid = simulator.text(LEAD, SHOP, "Bonjour 🍞").unwrap();

    let call = product.wait_for_calls(1).await.remove(0);
    let fields = call.fields();
    let fields: Vec<_> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let account_sid = format!("AC{:032x}", 1);
    assert_eq!(
        fields,
        [
            ("ToCountry", "CA"),
            ("ToState", ""),
            ("SmsMessageSid", &sid),
            ("NumMedia", "0"),
            ("ToCity", ""),
            ("FromZip", ""),
            ("SmsSid", &sid),
            ("FromState", ""),
            ("SmsStatus", "received"),
            ("FromCity", ""),
            ("Body", "Bonjour 🍞"),
            ("FromCountry", "CA"),
            ("To", SHOP),
            ("ToZip", ""),
            ("NumSegments", "1"),
            ("MessageSid", &sid),
            ("AccountSid", &account_sid),
            ("From", LEAD),
            ("ApiVersion", "2010-04-01"),
        ]
    );
    assert!(sid.starts_with("SM") && sid.len() == 34, "{sid}");
    assert_eq!(call.header("user-agent"), "TwilioProxy/1.1");
    assert_eq!(call.header("content-type"), "application/x-www-form-urlencoded; charset=UTF-8");
    assert_eq!(call.header("i-twilio-idempotency-token").len(), 36);
    assert_eq!(call.header("host"), product.url.authority());
}

#[tokio::test]
async fn media_come_with_their_types_and_addresses() {
    let (simulator, product) = start_with_product().await;
    let medium = |name: &str| {
        let url = Url::parse("https://media.example.com/").unwrap().join(name).unwrap();
        Medium::elsewhere("image/png", url)
    };
    let text = Text {
        from: LEAD.to_owned(),
        to: SHOP.to_owned(),
        body: String::new(),
        media: vec![medium("a.png"), medium("b.png")],
    };

    let url = format!("{}control/texts", simulator.url());
    let body = serde_json::to_string(&text).unwrap();
    let json = [("content-type", "application/json")];
    let sent = request(hyper::Method::POST, &url, &json, &body).await.json();

    let call = product.wait_for_calls(1).await.remove(0);
    assert!(sent["message_sid"].as_str().unwrap().starts_with("MM"));
    assert_eq!(call.field("NumMedia").unwrap(), "2");
    assert_eq!(call.field("MediaContentType1").unwrap(), "image/png");
    assert_eq!(call.field("MediaUrl1").unwrap(), "https://media.example.com/b.png");
}

#[tokio::test]
async fn a_failure_is_repeated_as_the_fragment_says() {
    let fail = || Answer::status(503);
    let ok = || Answer::twiml("<Response/>");
    let answered = DeliveryState::Answered;
    let failed = DeliveryState::Failed;
    for (fragment, answers, attempts, state) in [
        // By default nothing but a failed connection is repeated, and that once.
        ("", vec![fail(), ok()], 1, failed),
        ("", vec![Answer::HangUp, ok()], 1, failed),
        ("#rc=3", vec![fail(), ok()], 1, failed),
        ("#rp=5xx", vec![fail(), ok()], 2, answered),
        ("#rc=3&rp=5xx", vec![fail(), fail(), fail(), ok()], 4, answered),
        ("#rc=3&rp=5xx", vec![fail(), fail(), fail(), fail(), ok()], 4, failed),
        ("#rc=0&rp=5xx", vec![fail(), ok()], 1, failed),
        ("#rc=3&rp=5xx,ct,rt", vec![Answer::status(404), ok()], 1, failed),
        ("#rp=4xx", vec![Answer::status(404), ok()], 2, answered),
        ("#rp=5xx", vec![Answer::HangUp, ok()], 2, answered),
        ("#rt=100&rp=rt", vec![Answer::Stall, ok()], 2, answered),
        ("#rt=100&rp=5xx", vec![Answer::Stall, ok()], 1, failed),
        ("#tt=100&rp=all&rc=5", vec![Answer::Stall, ok()], 1, failed),
        ("#rp=all", vec![Answer::status(301), ok()], 1, failed),
    ] {
        let (simulator, product) = start_with_product().await;
        product.serve_shop(&simulator, &format!("/api/sms/inbound{fragment}"));
        product.answer(answers);

        let sid = simulator.text(LEAD, SHOP, "Hello").unwrap();

        let delivery = deliveries(&simulator, &sid, 1).await.remove(0);
        assert_eq!((delivery.attempts.len(), delivery.state), (attempts, state), "{fragment}");
        let calls = product.calls();
        assert_eq!(calls.len(), attempts, "{fragment}");
        let first = &calls[0];
        for call in &calls {
            assert_eq!(call.form, first.form);
            let token = "i-twilio-idempotency-token";
            assert_eq!(call.header(token), first.header(token));
        }
    }
}

#[tokio::test]
async fn nobody_at_home_is_repeated_and_reported() {
    let simulator = start().await;
    // Bound and closed again, so nobody listens there.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let webhook = format!("http://{}/sms#rc=2", listener.local_addr().unwrap());
    drop(listener);
    let webhook = Url::parse(&webhook).unwrap();
    simulator.set_numbers(vec![Number { number: SHOP.to_owned(), webhook }]);

    let sid = simulator.text(LEAD, SHOP, "Hello").unwrap();

    let delivery = deliveries(&simulator, &sid, 1).await.remove(0);
    assert_eq!(delivery.attempts.len(), 3);
    assert!(matches!(delivery.attempts[0].outcome, Outcome::NotConnected { .. }));
    assert_eq!(delivery.troubles[0].code, Some(11205));
}

#[tokio::test]
async fn an_attempt_is_kept_with_what_it_brought() {
    let (simulator, product) = start_with_product().await;
    let teapot = Answer::Respond { status: 418, content_type: "text/html", body: "<b>no</b>" };
    product.answer([teapot]);

    let sid = simulator.text(LEAD, SHOP, "Hello").unwrap();

    let delivery = deliveries(&simulator, &sid, 1).await.remove(0);
    let attempt = &delivery.attempts[0];
    assert_eq!(
        attempt.outcome,
        Outcome::Answered {
            status: 418,
            content_type: Some("text/html".to_owned()),
            body: "<b>no</b>".to_owned(),
        }
    );
    let call = product.calls().remove(0);
    assert_eq!(attempt.signature, call.header("x-twilio-signature"));
    assert_eq!(delivery.call.form, call.form);
    assert_eq!(delivery.troubles[0].code, Some(11200));
}

#[tokio::test]
async fn the_same_webhook_can_be_delivered_again_many_times_at_once() {
    let (simulator, product) = start_with_product().await;
    let sid = simulator.text(LEAD, SHOP, "Hello").unwrap();
    deliveries(&simulator, &sid, 1).await;

    simulator.redeliver(&sid, 5, true).unwrap();
    simulator.redeliver(&sid, 2, false).unwrap();

    deliveries(&simulator, &sid, 8).await;
    let calls = product.wait_for_calls(8).await;
    let first = &calls[0];
    for call in &calls {
        assert_eq!(call.form, first.form);
        let token = "i-twilio-idempotency-token";
        assert_eq!(call.header(token), first.header(token));
    }
    assert!(simulator.redeliver("SM0", 1, false).is_err());
}

#[tokio::test]
async fn a_reset_forgets_and_stops_what_is_under_way() {
    let (simulator, product) = start_with_product().await;
    product.answer([Answer::Stall]);
    simulator.text(LEAD, SHOP, "STOP").unwrap();
    product.wait_for_calls(1).await;
    simulator.change(|world| world.twilio.settings = Settings::default());

    simulator.reset().await;

    simulator.read(|world| {
        assert!(world.twilio.messages.is_empty());
        assert!(world.twilio.deliveries.is_empty());
        assert!(world.twilio.opt_outs.is_empty());
        assert_eq!(world.twilio.settings.callback_delay_milliseconds, 0);
        assert_eq!(world.twilio.numbers.len(), 1);
    });
    let sid = simulator.text(LEAD, SHOP, "Hello again").unwrap();
    assert_eq!(deliveries(&simulator, &sid, 1).await[0].state, DeliveryState::Answered);
}

#[tokio::test]
async fn several_simulators_know_nothing_of_each_other() {
    let (first, product) = start_with_product().await;
    let second = start().await;

    first.text(LEAD, SHOP, "Hello").unwrap();

    product.wait_for_calls(1).await;
    assert!(second.read(|world| world.twilio.messages.is_empty()));
    assert!(second.text(LEAD, SHOP, "Hello").is_err(), "it has no such number");
    second.stop().await;
}

#[tokio::test]
async fn waiting_in_vain_says_for_what() {
    let simulator = start().await;
    let waited = simulator
        .wait_for("a miracle", Duration::from_millis(1), |_| None::<()>)
        .await
        .unwrap_err();
    assert_eq!(waited.to_string(), "waited 1ms for a miracle, in vain");
}
