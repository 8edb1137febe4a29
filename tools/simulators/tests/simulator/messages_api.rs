//! The Messages API as the product uses it.

use hyper::Method;
use serde_json::{Value, json};
use simulators::{
    conversation::Until,
    twilio::{self, ApiAnswer, message::Status},
};

use crate::support::{
    AUTH_TOKEN, LEAD, PATIENCE, SECONDARY_AUTH_TOKEN, SHOP, Twilio, basic, request,
    start_with_product,
};

const OTHER_LEAD: &str = "+15145550124";

#[tokio::test]
async fn a_text_is_accepted_with_twilios_resource() {
    let (simulator, _product) = start_with_product().await;
    simulator.change(|world| world.twilio.settings.callback_delay_milliseconds = 60_000);

    let sent = Twilio::of(&simulator).send("Salut ✂", None).await;

    assert_eq!(sent.status, 201);
    let mut resource = sent.json();
    let sid = resource["sid"].as_str().unwrap().to_owned();
    assert!(sid.starts_with("SM") && sid.len() == 34, "{sid}");
    for date in ["date_created", "date_updated"] {
        let date = resource[date].take();
        let date = date.as_str().unwrap();
        // Such as "Fri, 05 Jan 2024 08:05:00 +0000".
        assert!(date.len() == 31 && date.ends_with(" +0000"), "{date}");
    }
    let account_sid = format!("AC{:032x}", 1);
    let uri = format!("/2010-04-01/Accounts/{account_sid}/Messages/{sid}");
    assert_eq!(
        resource,
        json!({
            "account_sid": account_sid,
            "api_version": "2010-04-01",
            "body": "Salut ✂",
            "date_created": null,
            "date_sent": null,
            "date_updated": null,
            "direction": "outbound-api",
            "error_code": null,
            "error_message": null,
            "from": SHOP,
            "messaging_service_sid": null,
            "num_media": "0",
            "num_segments": "1",
            "price": null,
            "price_unit": "USD",
            "sid": sid,
            "status": "queued",
            "subresource_uris": { "media": format!("{uri}/Media.json") },
            "to": LEAD,
            "uri": format!("{uri}.json"),
        })
    );
}

#[tokio::test]
async fn each_refusal_has_twilios_status_and_code() {
    let (simulator, _product) = start_with_product().await;
    let twilio = Twilio::of(&simulator);
    let long = "a".repeat(1601);
    let (to, from, body) = (("To", LEAD), ("From", SHOP), ("Body", "hi"));
    for (fields, code) in [
        (vec![from, body], 21604),
        (vec![("To", ""), from, body], 21604),
        (vec![("To", "5145550123"), from, body], 21211),
        (vec![("To", "+1"), from, body], 21211),
        (vec![("To", "+05145550123"), from, body], 21211),
        (vec![("To", "+1514555012a"), from, body], 21211),
        (vec![to, body], 21603),
        (vec![to, ("From", "+15145550999"), body], 21606),
        (vec![("To", SHOP), from, body], 21266),
        (vec![to, from], 21602),
        (vec![to, from, ("Body", "")], 21602),
        (vec![to, from, ("Body", &long)], 21617),
        (vec![to, from, body, ("StatusCallback", "/status")], 21609),
        (vec![to, from, body, ("StatusCallback", "ftp://example.com/")], 21609),
    ] {
        let refused = twilio.call(Method::POST, "/Messages.json", &fields).await;

        assert_eq!(refused.status, 400, "{fields:?}");
        let error = refused.json();
        assert_eq!(error["code"], code, "{fields:?}");
        assert_eq!(error["status"], 400);
        assert_eq!(error["more_info"], format!("https://www.twilio.com/docs/errors/{code}"));
        assert!(!error["message"].as_str().unwrap().is_empty());
    }
    let exactly = [to, from, ("Body", &long[..1600])];
    assert_eq!(twilio.call(Method::POST, "/Messages.json", &exactly).await.status, 201);
}

#[tokio::test]
async fn only_the_accounts_own_credentials_open_it() {
    let (simulator, _product) = start_with_product().await;
    let options = twilio::Options::default();
    let (account, key) = (&options.account_sid, &options.api_key_sid);
    let url = Twilio::of(&simulator).url("/Messages.json");
    for (authorization, status) in [
        (basic(key, "local-api-key-secret"), 200),
        (basic(account, AUTH_TOKEN), 200),
        (basic(account, SECONDARY_AUTH_TOKEN), 200),
        (basic(account, "local-api-key-secret"), 401),
        (basic(key, AUTH_TOKEN), 401),
        (basic("", ""), 401),
        ("Basic !".to_owned(), 401),
        (format!("Bearer {AUTH_TOKEN}"), 401),
    ] {
        let headers = [("authorization", authorization.as_str())];
        let answered = request(Method::GET, &url, &headers, "").await;
        assert_eq!(answered.status, status, "{authorization}");
        if status == 401 {
            assert_eq!(answered.json()["code"], 20003);
        }
    }
    assert_eq!(request(Method::GET, &url, &[], "").await.status, 401);
}

#[tokio::test]
async fn paths_that_lead_nowhere_are_not_found() {
    let (simulator, _product) = start_with_product().await;
    let twilio = Twilio::of(&simulator);
    for (method, path) in [
        (Method::GET, "/Messages/SM00000000000000000000000000000000.json"),
        (Method::DELETE, "/Messages/SM00000000000000000000000000000000.json"),
        (Method::GET, "/Messages/SM0"),
        (Method::GET, "/Calls.json"),
    ] {
        let answered = twilio.call(method, path, &[]).await;
        assert_eq!(
            (answered.status, answered.json()["code"].as_u64()),
            (404, Some(20404)),
            "{path}"
        );
    }
    let stranger = twilio.url("/Messages.json").replace("AC00", "AC11");
    let options = twilio::Options::default();
    let authorization = basic(&options.api_key_sid, "local-api-key-secret");
    let headers = [("authorization", authorization.as_str())];
    assert_eq!(request(Method::GET, &stranger, &headers, "").await.status, 404);
}

#[tokio::test]
async fn texts_are_listed_newest_first_by_number_and_date() {
    let (simulator, _product) = start_with_product().await;
    let twilio = Twilio::of(&simulator);
    twilio.send("first", None).await;
    let fields = [("To", OTHER_LEAD), ("From", SHOP), ("Body", "second")];
    twilio.call(Method::POST, "/Messages.json", &fields).await;
    simulator.text(LEAD, SHOP, "third").unwrap();
    let all_sent = simulator.wait_for("all to be sent", PATIENCE, |world| {
        world.twilio.messages.iter().all(|message| message.status.is_final()).then_some(())
    });
    all_sent.await.unwrap();
    simulator.set_clock_offset(std::time::Duration::from_secs(10 * 24 * 3600));
    twilio.send("ten days later", None).await;

    let today = simulator.read(|world| world.twilio.messages.iter().next().unwrap().created);
    let day = |days: i64| {
        let at = today + jiff::SignedDuration::from_hours(24 * days);
        at.strftime("%Y-%m-%d").to_string()
    };
    for (query, want) in [
        (String::new(), vec!["ten days later", "third", "second", "first"]),
        ("To=%2B15145550123".to_owned(), vec!["ten days later", "first"]),
        ("To=%2B15145550124&From=%2B15145550100".to_owned(), vec!["second"]),
        ("From=%2B15145550123".to_owned(), vec!["third"]),
        ("To=%2B15145550125".to_owned(), vec![]),
        (format!("DateSent%3E={}", day(5)), vec!["ten days later"]),
        (format!("DateSent%3C={}", day(5)), vec!["third", "second", "first"]),
        (format!("DateSent={}", day(10)), vec!["ten days later"]),
        (format!("DateSent%3E={}T00:00:00Z", day(5)), vec!["ten days later"]),
        ("PageSize=2".to_owned(), vec!["ten days later", "third"]),
        ("PageSize=2&Page=1".to_owned(), vec!["second", "first"]),
        ("PageSize=3&Page=1".to_owned(), vec!["first"]),
    ] {
        let list = twilio.call(Method::GET, &format!("/Messages.json?{query}"), &[]).await.json();
        let bodies: Vec<_> =
            list["messages"].as_array().unwrap().iter().map(|message| &message["body"]).collect();
        assert_eq!(bodies, want, "{query}");
    }
    for query in ["DateSent=yesterday", "PageSize=many", "Page=-1"] {
        let refused = twilio.call(Method::GET, &format!("/Messages.json?{query}"), &[]).await;
        assert_eq!(refused.status, 400, "{query}");
    }
}

#[tokio::test]
async fn pages_link_to_each_other() {
    let (simulator, _product) = start_with_product().await;
    let twilio = Twilio::of(&simulator);
    for body in ["one", "two", "three"] {
        twilio.send(body, None).await;
    }

    let path = "/Messages.json?To=%2B15145550123&PageSize=2";
    let first = twilio.call(Method::GET, path, &[]).await.json();
    let next = first["next_page_uri"].as_str().unwrap();
    let (_, next) = next.split_once("/Messages.json").unwrap();
    let second = twilio.call(Method::GET, &format!("/Messages.json{next}"), &[]).await.json();

    assert_eq!(first["previous_page_uri"], Value::Null);
    assert_eq!((&first["start"], &first["end"]), (&json!(0), &json!(1)));
    assert_eq!(second["messages"][0]["body"], "one");
    assert_eq!(second["next_page_uri"], Value::Null);
    assert!(second["previous_page_uri"].is_string());
}

#[tokio::test]
async fn a_text_is_redacted_and_deleted_once_it_is_through() {
    let (simulator, _product) = start_with_product().await;
    let twilio = Twilio::of(&simulator);
    let sid = simulator.text(LEAD, SHOP, "my card is 4242").unwrap();
    let path = format!("/Messages/{sid}.json");

    let kept = twilio.call(Method::POST, &path, &[("Body", "other")]).await;
    assert_eq!((kept.status, kept.json()["code"].as_u64()), (400, Some(20001)));
    let redacted = twilio.call(Method::POST, &path, &[("Body", "")]).await;
    assert_eq!((redacted.status, &redacted.json()["body"]), (200, &json!("")));
    assert_eq!(twilio.call(Method::GET, &path, &[]).await.json()["body"], "");
    let on_the_phone = &simulator.conversation(LEAD, SHOP).texts[0].message.body;
    assert_eq!(on_the_phone, "my card is 4242", "the phone keeps what it sent");

    assert_eq!(twilio.call(Method::DELETE, &path, &[]).await.status, 204);
    assert_eq!(twilio.call(Method::GET, &path, &[]).await.status, 404);
    assert!(twilio.bodies().await.is_empty());
}

#[tokio::test]
async fn a_text_on_its_way_is_neither_redacted_nor_deleted() {
    let (simulator, _product) = start_with_product().await;
    simulator.change(|world| world.twilio.settings.callback_delay_milliseconds = 60_000);
    let twilio = Twilio::of(&simulator);
    let sid = twilio.send("hi", None).await.json()["sid"].as_str().unwrap().to_owned();
    let path = format!("/Messages/{sid}.json");

    for (method, fields) in
        [(Method::POST, [("Body", "")].as_slice()), (Method::DELETE, [].as_slice())]
    {
        let refused = twilio.call(method, &path, fields).await;
        assert_eq!((refused.status, refused.json()["code"].as_u64()), (409, Some(20009)));
    }
}

#[tokio::test]
async fn a_sent_text_shows_when_it_was_sent() {
    let (simulator, _product) = start_with_product().await;
    let twilio = Twilio::of(&simulator);
    let sid = twilio.send("hi", None).await.json()["sid"].as_str().unwrap().to_owned();
    simulator.wait_until(LEAD, SHOP, Until::Delivered, PATIENCE).await.unwrap();

    let resource = twilio.call(Method::GET, &format!("/Messages/{sid}.json"), &[]).await.json();

    assert_eq!(resource["status"], "delivered");
    assert!(resource["date_sent"].is_string());
    let statuses = simulator.read(|world| {
        let history = &world.twilio.message(&sid).unwrap().history;
        history.iter().map(|(status, _)| *status).collect::<Vec<_>>()
    });
    assert_eq!(statuses, [Status::Queued, Status::Sending, Status::Sent, Status::Delivered]);
}

#[tokio::test]
async fn every_request_is_kept_without_its_secret() {
    let (simulator, _product) = start_with_product().await;
    let twilio = Twilio::of(&simulator);
    twilio.send("hi", None).await;
    twilio.call(Method::POST, "/Messages.json", &[("To", LEAD)]).await;
    request(Method::GET, &twilio.url("/Messages.json?PageSize=1"), &[], "").await;

    let answered = |status, code| ApiAnswer::Answered { status, code };
    simulator.read(|world| {
        let kept: Vec<_> = world.twilio.requests.iter().collect();
        let answers: Vec<_> = kept.iter().map(|request| request.answer.clone()).collect();
        assert_eq!(
            answers,
            [answered(201, None), answered(400, Some(21603)), answered(401, Some(20003))]
        );
        assert_eq!(kept[0].fields[2], ("Body".to_owned(), "hi".to_owned()));
        assert_eq!(kept[0].username, Some(format!("SK{:032x}", 2)));
        assert!(kept[2].path.ends_with("/Messages.json?PageSize=1"));
        assert_eq!(kept[2].username, None);
        assert!(!serde_json::to_string(&kept).unwrap().contains("secret"));
    });
}
