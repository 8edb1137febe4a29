//! The control API, by which a script does all that the phone's page can do.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::anyhow;
use futures_util::future::{BoxFuture, FutureExt as _};
use hyper::Method;
use serde_json::{Value, json};
use simulators::{Controls, Simulator, twilio::behaviour::Behaviour};
use url::Url;

use crate::support::{Answer, Answered, LEAD, SHOP, Twilio, request, start, start_with_product};

/// Makes a control call.
async fn control(simulator: &Simulator, method: Method, path: &str, body: Value) -> Answered {
    let url = format!("{}control{path}", simulator.url());
    let (headers, body) = match body {
        Value::Null => (Vec::new(), String::new()),
        body => (vec![("content-type", "application/json")], body.to_string()),
    };
    request(method, &url, &headers, &body).await
}

async fn get(simulator: &Simulator, path: &str) -> Value {
    let answered = control(simulator, Method::GET, path, Value::Null).await;
    assert_eq!(answered.status, 200, "{path}: {}", answered.body);
    answered.json()
}

async fn text(simulator: &Simulator, body: &str) -> String {
    let text = json!({ "from": LEAD, "to": SHOP, "body": body });
    let sent = control(simulator, Method::POST, "/texts", text).await;
    assert_eq!(sent.status, 201);
    sent.json()["message_sid"].as_str().unwrap().to_owned()
}

/// The path of the conversation, with more to its query.
fn conversation(more: &str) -> String {
    format!("/conversation?phone=%2B15145550123&shop=%2B15145550100{more}")
}

#[tokio::test]
async fn a_script_texts_and_waits_for_the_answer() {
    let (simulator, product) = start_with_product().await;
    product.answer([Answer::twiml("<Response><Message>Salut!</Message></Response>")]);

    let sid = text(&simulator, "Bonjour").await;
    let seen = get(&simulator, &conversation("&until=delivered&timeout=20")).await;

    assert_eq!(seen["is_until_met"], true);
    assert_eq!(seen["is_opted_out"], false);
    assert_eq!(seen["texts"][0]["sid"], sid);
    assert_eq!(seen["texts"][0]["author"], "phone");
    assert_eq!(
        seen["texts"][0]["webhooks"][0]["attempts"][0]["outcome"]["answered"]["status"],
        200
    );
    assert_eq!(seen["texts"][1]["body"], "Salut!");
    assert_eq!(seen["texts"][1]["status"], "delivered");
    let pair = json!([{ "phone": LEAD, "shop": SHOP }]);
    assert_eq!(get(&simulator, "/conversations").await, pair);
}

#[tokio::test]
async fn what_the_providers_hold_of_somebody_is_counted() {
    let (simulator, _product) = start_with_product().await;
    text(&simulator, "This is Quokka, call 514 555 0123").await;
    text(&simulator, "Hello").await;
    let search = async |sought: Value| {
        let answered = control(&simulator, Method::POST, "/search", sought).await;
        (answered.status, answered.json())
    };

    let (_, hits) = search(json!({ "phones": [LEAD] })).await;
    assert_eq!(hits, json!({ "twilio: numbers of texts": 2, "twilio: bodies of texts": 1 }));
    let (_, hits) = search(json!({ "names": ["QUOKKA"] })).await;
    assert_eq!(hits, json!({ "twilio: bodies of texts": 1 }));
    assert_eq!(search(json!({ "emails": ["nobody@example.com"] })).await, (200, json!({})));
    assert_eq!(search(json!({ "names": ["Q"] })).await.0, 422);
}

#[tokio::test]
async fn waiting_ends_when_the_time_is_up() {
    let (simulator, _product) = start_with_product().await;
    text(&simulator, "Hello").await;

    let seen = get(&simulator, &conversation("&until=answered&timeout=0.05")).await;

    assert_eq!(seen["is_until_met"], false);
    assert_eq!(seen["texts"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_page_waits_for_whatever_changes() {
    let (simulator, _product) = start_with_product().await;
    let before = get(&simulator, &conversation("")).await["version"].as_u64().unwrap();

    let path = conversation(&format!("&until=changed&after={before}&timeout=20"));
    let (changed, _) = tokio::join!(get(&simulator, &path), text(&simulator, "Hello"));

    assert_eq!(changed["is_until_met"], true);
    assert!(changed["version"].as_u64().unwrap() > before);
}

#[tokio::test]
async fn what_the_simulators_saw_can_be_read() {
    let (simulator, _product) = start_with_product().await;
    let sid = text(&simulator, "Hello").await;
    get(&simulator, &conversation("&until=settled")).await;
    Twilio::of(&simulator).send("hi", None).await;

    let messages = get(&simulator, "/twilio/messages").await;
    assert_eq!((&messages[0]["sid"], &messages[1]["body"]), (&json!(sid), &json!("hi")));
    let newest = get(&simulator, "/twilio/messages?newest=1").await;
    assert_eq!((newest.as_array().unwrap().len(), &newest[0]["body"]), (1, &json!("hi")));
    let webhooks = get(&simulator, "/twilio/webhooks").await;
    assert_eq!(
        (&webhooks[0]["event"], &webhooks[0]["state"]),
        (&json!("inbound"), &json!("answered"))
    );
    let requests = get(&simulator, "/twilio/requests").await;
    assert_eq!(requests[0]["answer"]["answered"]["status"], 201);
    assert_eq!(get(&simulator, "/groq/requests").await, json!([]));
}

#[tokio::test]
async fn behaviours_are_ordered_read_and_removed() {
    let (simulator, _product) = start_with_product().await;
    for (path, ordered) in [
        ("/twilio/behaviour", json!([{ "requests": 2, "answer": "rate_limited" }])),
        (
            "/twilio/behaviour",
            json!([
                { "requests": 1, "answer": { "refuse": { "status": 503, "code": 20503 } } },
                { "callbacks": {
                    "order": "reversed", "copies": 2, "withheld": ["sending"],
                    "end": { "undelivered": { "error_code": 30003 } },
                } },
            ]),
        ),
        (
            "/groq/behaviour",
            json!([{ "model": "a", "answer": "stall" }, { "delay_milliseconds": 9 }]),
        ),
        (
            "/groq/behaviour",
            json!([{ "answer": { "rate_limited": { "retry_after_seconds": 3 } } }]),
        ),
        ("/groq/behaviour", json!([{ "answer": { "reply": { "text": "Oui" } } }])),
    ] {
        let answered = control(&simulator, Method::PUT, path, ordered.clone()).await;
        assert_eq!(answered.status, 200, "{}", answered.body);
        assert_eq!(get(&simulator, path).await, answered.json());
        assert_eq!(answered.json().as_array().unwrap().len(), ordered.as_array().unwrap().len());

        assert_eq!(control(&simulator, Method::DELETE, path, Value::Null).await.status, 204);
        assert_eq!(get(&simulator, path).await, json!([]));
    }
}

#[tokio::test]
async fn a_spent_behaviour_is_gone() {
    let (simulator, _product) = start_with_product().await;
    let ordered = json!([{ "requests": 1, "answer": "rate_limited" }]);
    control(&simulator, Method::PUT, "/twilio/behaviour", ordered).await;

    assert_eq!(Twilio::of(&simulator).send("hi", None).await.status, 429);

    assert_eq!(get(&simulator, "/twilio/behaviour").await, json!([]));
    assert!(simulator.read(|world| world.twilio.behaviours.behaviours() == [] as [Behaviour; 0]));
}

#[tokio::test]
async fn a_mistake_is_answered_in_one_sentence() {
    let (simulator, _product) = start_with_product().await;
    for (method, path, body, status) in [
        (Method::GET, "/nothing", Value::Null, 404),
        (Method::GET, "/texts", Value::Null, 405),
        (Method::POST, "/texts", Value::Null, 415),
        (Method::POST, "/texts", json!({ "from": LEAD }), 422),
        (Method::POST, "/texts", json!({ "from": LEAD, "to": SHOP, "text": "hi" }), 422),
        (Method::GET, "/conversation", Value::Null, 400),
        (Method::GET, "/conversation?phone=1&shop=2&until=christmas", Value::Null, 400),
        (Method::GET, "/conversation?phone=1&shop=2&timeout=-1", Value::Null, 400),
        (Method::GET, "/twilio/messages?newest=few", Value::Null, 400),
        (Method::PUT, "/twilio/behaviour", json!({ "answer": "stall" }), 422),
        (Method::PUT, "/twilio/behaviour", json!([{ "answer": "explode" }]), 422),
        (Method::PUT, "/twilio/behaviour", json!([{ "answr": "stall" }]), 422),
        (
            Method::PUT,
            "/twilio/behaviour",
            json!([{ "answer": { "refuse": { "status": 200, "code": 1 } } }]),
            422,
        ),
        (Method::POST, "/twilio/webhooks/SM0/redeliver", json!({}), 404),
        (Method::POST, "/scheduler", json!({ "path": "/api/cron/deliver" }), 501),
        (Method::GET, "/clock", Value::Null, 501),
    ] {
        let refused = control(&simulator, method, path, body).await;
        assert_eq!(refused.status, status, "{path}: {}", refused.body);
        assert!(!refused.json()["error"].as_str().unwrap().is_empty(), "{path}");
    }
}

#[tokio::test]
async fn a_webhook_is_delivered_again_on_request() {
    let (simulator, product) = start_with_product().await;
    let sid = text(&simulator, "Hello").await;
    product.wait_for_calls(1).await;

    let path = format!("/twilio/webhooks/{sid}/redeliver");
    let how = json!({ "times": 4, "at_once": true });
    assert_eq!(control(&simulator, Method::POST, &path, how).await.status, 202);

    product.wait_for_calls(5).await;
}

#[tokio::test]
async fn numbers_and_settings_are_replaced() {
    let (simulator, product) = start_with_product().await;
    let numbers = json!([{ "number": "+15145550101", "webhook": format!("{}other", product.url) }]);
    let answered = control(&simulator, Method::PUT, "/twilio/numbers", numbers.clone()).await;
    assert_eq!(answered.json(), numbers);
    assert_eq!(get(&simulator, "/twilio/numbers").await, numbers);

    let settings = json!({ "sign_with": "secondary", "automatic_replies": false });
    control(&simulator, Method::PUT, "/twilio/settings", settings).await;
    let settings = get(&simulator, "/twilio/settings").await;
    assert_eq!(settings["sign_with"], "secondary");
    assert_eq!(settings["advanced_opt_out"], false, "what is left out is at its default");

    assert_eq!(control(&simulator, Method::POST, "/reset", Value::Null).await.status, 204);
    assert_eq!(get(&simulator, "/twilio/settings").await["sign_with"], "primary");
}

#[tokio::test]
async fn a_page_of_another_site_is_refused() {
    let (simulator, _product) = start_with_product().await;
    let url = format!("{}control/reset", simulator.url());
    for (site, status) in
        [("cross-site", 403), ("same-site", 403), ("same-origin", 204), ("none", 204)]
    {
        let headers = [("sec-fetch-site", site)];
        assert_eq!(request(Method::POST, &url, &headers, "").await.status, status, "{site}");
    }
}

/// A stack with a clock and one cron.
#[derive(Default)]
pub(crate) struct Stack {
    offset_seconds: AtomicU64,
}

impl Controls for Stack {
    fn product(&self) -> Url {
        Url::parse("http://127.0.0.1:3000/").unwrap()
    }

    fn crons(&self) -> Vec<String> {
        vec!["/api/cron/deliver".to_owned(), "/api/cron/broken".to_owned()]
    }

    fn run_cron(&self, path: String) -> BoxFuture<'_, anyhow::Result<u16>> {
        async move {
            if path == "/api/cron/deliver" { Ok(200) } else { Err(anyhow!("it does not start")) }
        }
        .boxed()
    }

    fn clock_offset(&self) -> BoxFuture<'_, anyhow::Result<Duration>> {
        async { Ok(Duration::from_secs(self.offset_seconds.load(Ordering::Relaxed))) }.boxed()
    }

    fn advance_clock(&self, by: Duration) -> BoxFuture<'_, anyhow::Result<Duration>> {
        self.offset_seconds.fetch_add(by.as_secs(), Ordering::Relaxed);
        self.clock_offset()
    }

    fn reset_clock(&self) -> BoxFuture<'_, anyhow::Result<()>> {
        self.offset_seconds.store(0, Ordering::Relaxed);
        async { Ok(()) }.boxed()
    }
}

#[tokio::test]
async fn the_rest_of_the_stack_is_controlled_through_the_simulator() {
    let simulator = start().await;
    let stack = Stack { offset_seconds: AtomicU64::new(60) };
    let alone = get(&simulator, "/stack").await;
    assert_eq!((&alone["product"], &alone["crons"]), (&Value::Null, &json!([])));
    assert_eq!(alone["models"].as_array().unwrap().len(), 2);
    simulator.set_controls(Arc::new(stack)).await.unwrap();

    let around = get(&simulator, "/stack").await;
    assert_eq!(around["product"], "http://127.0.0.1:3000/");
    assert_eq!(around["crons"][0], "/api/cron/deliver");
    for (path, status) in
        [("/api/cron/deliver", 200), ("/api/cron/broken", 502), ("/api/sms/inbound", 404)]
    {
        let ran = control(&simulator, Method::POST, "/scheduler", json!({ "path": path })).await;
        assert_eq!(ran.status, status, "{}", ran.body);
    }

    let version = simulator.read(|world| world.version);
    assert_eq!(get(&simulator, "/clock").await["offset_seconds"], 60);
    assert_eq!(simulator.read(|world| world.version), version, "who waits is not woken");
    let moved = control(&simulator, Method::POST, "/clock", json!({ "advance_seconds": 86_400 }));
    assert_eq!(moved.await.json()["offset_seconds"], 86_460);
    assert_eq!(simulator.read(|world| world.clock_offset), Duration::from_secs(86_460));
    let back = control(&simulator, Method::DELETE, "/clock", Value::Null).await.json();
    assert_eq!(back["offset_seconds"], 0);
}

#[tokio::test]
async fn the_page_asks_nothing_of_any_other_host() {
    let simulator = start().await;
    for (path, media_type) in [
        ("", "text/html"),
        ("phone.css", "text/css"),
        ("phone.js", "text/javascript"),
        ("phone.svg", "image/svg+xml"),
    ] {
        let file = request(Method::GET, &format!("{}{path}", simulator.url()), &[], "").await;
        assert_eq!(file.status, 200);
        assert!(file.headers["content-type"].to_str().unwrap().starts_with(media_type));
        let policy = file.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert!(!file.body.is_empty(), "{path}");
        let text = file.body.replace("http://www.w3.org/", "");
        assert!(!text.contains("http://") && !text.contains("https://"), "{path}");
        assert!(!text.contains("innerHTML"), "{path}");
    }
}

#[test]
fn every_call_is_documented() {
    let document = include_str!("../../CONTROL.md");
    for source in
        [include_str!("../../src/control.rs"), include_str!("../../src/control/stripe.rs")]
    {
        let quoted = source.split('"').skip(1).step_by(2);
        let routes: Vec<_> = quoted.filter(|text| text.starts_with('/')).collect();
        assert!(routes.len() > 10, "{routes:?}");
        for route in routes {
            assert!(document.contains(&format!("{route}`")), "{route}");
        }
    }
}
