//! Status callbacks: what they carry, and the orders they can be told to come in.

use simulators::{
    Simulator,
    conversation::Until,
    twilio::{
        behaviour::{Behaviour, Callbacks, End, Order},
        message::Status,
    },
};

use crate::support::{
    Answer, LEAD, PATIENCE, Product, SHOP, Twilio, deliveries, order, start_with_product,
};

/// Sends a text whose callbacks come as ordered, and returns its id once they
/// all have come.
async fn send(simulator: &Simulator, product: &Product, callbacks: Callbacks) -> String {
    order(simulator, Behaviour { callbacks, ..Behaviour::default() });
    let sent = Twilio::of(simulator).send("hi", Some(&product.callback())).await;
    assert_eq!(sent.status, 201);
    let sid = sent.json()["sid"].as_str().unwrap().to_owned();
    simulator.wait_until(LEAD, SHOP, Until::Settled, PATIENCE).await.unwrap();
    sid
}

#[tokio::test]
async fn each_status_is_told_in_order_with_twilios_fields() {
    let (simulator, product) = start_with_product().await;

    let sid = send(&simulator, &product, Callbacks::default()).await;

    assert_eq!(product.told("MessageStatus"), ["sending", "sent", "delivered"]);
    let delivered = product.calls().pop().unwrap();
    assert_eq!(delivered.path_and_query, "/api/sms/status?message=1");
    assert_eq!(delivered.field("RawDlrDoneDate").unwrap().len(), 10);
    let fields = delivered.fields();
    let fields: Vec<_> = fields.iter().skip(1).map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let account_sid = format!("AC{:032x}", 1);
    assert_eq!(
        fields,
        [
            ("SmsSid", sid.as_str()),
            ("SmsStatus", "delivered"),
            ("MessageStatus", "delivered"),
            ("To", LEAD),
            ("MessageSid", &sid),
            ("AccountSid", &account_sid),
            ("From", SHOP),
            ("ApiVersion", "2010-04-01"),
        ]
    );
}

#[tokio::test]
async fn callbacks_are_repeated_as_their_own_fragment_says() {
    let (simulator, product) = start_with_product().await;
    let mut callback = product.callback();
    callback.set_fragment(Some("rc=2&rp=5xx"));
    product.answer([Answer::status(500), Answer::status(500)]);

    let sent = Twilio::of(&simulator).send("hi", Some(&callback)).await;

    let sid = sent.json()["sid"].as_str().unwrap().to_owned();
    let attempts: Vec<_> = deliveries(&simulator, &sid, 3).await;
    let attempts: Vec<_> = attempts.iter().map(|delivery| delivery.attempts.len()).collect();
    assert_eq!(attempts, [3, 1, 1]);
    assert!(product.calls().iter().all(|call| !call.path_and_query.contains('#')));
}

#[tokio::test]
async fn callbacks_come_in_the_order_and_number_asked_for() {
    let reversed = || Callbacks { order: Order::Reversed, ..Callbacks::default() };
    for (callbacks, want) in [
        (reversed(), vec!["delivered", "sent", "sending"]),
        (
            Callbacks { copies: Some(2), ..Callbacks::default() },
            vec!["sending", "sending", "sent", "sent", "delivered", "delivered"],
        ),
        (
            Callbacks { copies: Some(2), withheld: vec![Status::Sending], ..reversed() },
            vec!["delivered", "delivered", "sent", "sent"],
        ),
        (
            Callbacks {
                withheld: vec![Status::Sending, Status::Delivered],
                ..Callbacks::default()
            },
            vec!["sent"],
        ),
        (
            Callbacks {
                withheld: vec![Status::Sending, Status::Sent, Status::Delivered],
                ..Callbacks::default()
            },
            vec![],
        ),
        (Callbacks { end: End::Sent, ..Callbacks::default() }, vec!["sending", "sent"]),
    ] {
        let (simulator, product) = start_with_product().await;
        let is_sent_for_good = callbacks.end == End::Sent;
        let what = format!("{callbacks:?}");
        order(&simulator, Behaviour { callbacks, ..Behaviour::default() });
        let sent = Twilio::of(&simulator).send("hi", Some(&product.callback())).await;
        let sid = sent.json()["sid"].as_str().unwrap().to_owned();

        let end = if is_sent_for_good { Status::Sent } else { Status::Delivered };
        let reached = simulator.wait_for("the end", PATIENCE, |world| {
            world.twilio.message(&sid).filter(|message| message.status == end).map(|_| ())
        });
        reached.await.unwrap();
        deliveries(&simulator, &sid, want.len()).await;
        assert_eq!(product.told("MessageStatus"), want, "{what}");
    }
}

#[tokio::test]
async fn callbacks_at_once_overtake_each_other() {
    let (simulator, product) = start_with_product().await;
    // None is answered until all are there, which only works at the same time.
    product.answer([Answer::Stall, Answer::Stall, Answer::Stall]);
    let callbacks = Callbacks { order: Order::AtOnce, ..Callbacks::default() };
    order(&simulator, Behaviour { callbacks, ..Behaviour::default() });

    Twilio::of(&simulator).send("hi", Some(&product.callback())).await;

    product.wait_for_calls(3).await;
    let mut told = product.told("MessageStatus");
    told.sort();
    assert_eq!(told, ["delivered", "sending", "sent"]);
}

#[tokio::test]
async fn callbacks_can_come_before_the_response() {
    let (simulator, product) = start_with_product().await;
    let callbacks = Callbacks { before_response: true, ..Callbacks::default() };
    order(&simulator, Behaviour { callbacks, ..Behaviour::default() });

    let sent = Twilio::of(&simulator).send("hi", Some(&product.callback())).await;

    // Read right after the response, with nothing waited for.
    assert_eq!(product.told("MessageStatus"), ["sending", "sent", "delivered"]);
    assert_eq!(sent.json()["status"], "queued");
}

#[tokio::test]
async fn a_text_can_end_badly_with_a_code() {
    for (end, status, code, told) in [
        (
            End::Undelivered { error_code: 30003 },
            Status::Undelivered,
            "30003",
            vec!["sending", "sent", "undelivered"],
        ),
        (End::Failed { error_code: 30008 }, Status::Failed, "30008", vec!["sending", "failed"]),
    ] {
        let (simulator, product) = start_with_product().await;

        let sid = send(&simulator, &product, Callbacks { end, ..Callbacks::default() }).await;

        assert_eq!(product.told("MessageStatus"), told);
        assert_eq!(product.told("ErrorCode"), [code], "with the last callback only");
        let path = format!("/Messages/{sid}.json");
        let resource = Twilio::of(&simulator).call(hyper::Method::GET, &path, &[]).await.json();
        assert_eq!(resource["error_code"].to_string(), code);
        assert!(resource["error_message"].is_string());
        simulator.read(|world| assert_eq!(world.twilio.message(&sid).unwrap().status, status));
    }
}

#[tokio::test]
async fn callbacks_can_be_sent_again_later() {
    let (simulator, product) = start_with_product().await;
    let sid = send(&simulator, &product, Callbacks::default()).await;

    simulator.redeliver(&sid, 1, false).unwrap();

    product.wait_for_calls(6).await;
    let once = ["sending", "sent", "delivered"];
    assert_eq!(product.told("MessageStatus"), [once, once].concat());
}
