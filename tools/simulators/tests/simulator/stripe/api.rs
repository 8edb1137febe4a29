//! The API: each of its objects, who may call it, how it refuses.

use hyper::Method;
use serde_json::{Value, json};
use simulators::World;

use super::support::{DAY, GOOD_CARD, OLD_VERSION, Stripe, id};
use crate::support::{PATIENCE, basic, request};

#[tokio::test]
async fn a_customer_is_created_changed_listed_and_deleted() {
    let stripe = Stripe::start().await;
    let fields = [
        ("email", "owner@example.com"),
        ("name", "Zoë & Co"),
        ("metadata[business_id]", "b1"),
        ("metadata[plan]", "basic"),
    ];
    let created = stripe.post("/v1/customers", &fields).await;
    assert_eq!(created["object"], "customer");
    assert_eq!(created["name"], "Zoë & Co");
    assert_eq!(created["metadata"], json!({ "business_id": "b1", "plan": "basic" }));
    assert_eq!(created["livemode"], false);
    let path = format!("/v1/customers/{}", id(&created));
    assert_eq!(stripe.get(&path, &[]).await, created);

    let changed = stripe.post(&path, &[("metadata[plan]", ""), ("name", "")]).await;
    assert_eq!(changed["metadata"], json!({ "business_id": "b1" }));
    assert_eq!((&changed["name"], &changed["email"]), (&Value::Null, &created["email"]));

    stripe.customer(None).await;
    let listed = stripe.get("/v1/customers", &[("limit", "1")]).await;
    assert_eq!((&listed["object"], &listed["has_more"]), (&json!("list"), &json!(true)));
    assert_ne!(listed["data"][0]["id"], created["id"], "the newest comes first");

    let deleted = stripe.call(Method::DELETE, &path, &[]).await.json();
    assert_eq!(deleted, json!({ "id": created["id"], "object": "customer", "deleted": true }));
    assert_eq!(stripe.get(&path, &[]).await, deleted);
    assert_eq!(stripe.call(Method::DELETE, &path, &[]).await.status, 404);
    let kinds: Vec<_> = stripe.events_since(0).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(
        kinds,
        ["customer.created", "customer.updated", "customer.created", "customer.deleted"]
    );
}

#[tokio::test]
async fn a_session_of_checkout_is_opened_read_and_expired() {
    let stripe = Stripe::start().await;
    let customer = stripe.customer(None).await;
    let session = stripe
        .session(&[
            ("customer", &customer),
            ("client_reference_id", "b1"),
            ("metadata[business_id]", "b1"),
            ("subscription_data[metadata][business_id]", "b1"),
            ("subscription_data[trial_period_days]", "14"),
            ("locale", "fr-CA"),
        ])
        .await;
    assert_eq!(session["object"], "checkout.session");
    assert!(id(&session).starts_with("cs_test_"));
    assert_eq!(
        (&session["status"], &session["payment_status"]),
        (&json!("open"), &json!("unpaid"))
    );
    assert_eq!(session["customer"], customer.as_str());
    assert_eq!(session["client_reference_id"], "b1");
    assert_eq!(session["metadata"], json!({ "business_id": "b1" }));
    assert_eq!(session["amount_total"], 0, "a trial costs nothing yet");
    let created = session["created"].as_i64().unwrap();
    assert_eq!(session["expires_at"], created + DAY);
    let page = session["url"].as_str().unwrap();
    assert_eq!(request(Method::GET, page, &[], "").await.status, 200);

    let path = format!("/v1/checkout/sessions/{}", id(&session));
    assert_eq!(stripe.get(&path, &[]).await, session);
    stripe.session(&[]).await;
    for (fields, count) in
        [(vec![], 2), (vec![("customer", customer.as_str())], 1), (vec![("status", "expired")], 0)]
    {
        let listed = stripe.get("/v1/checkout/sessions", &fields).await;
        assert_eq!(listed["data"].as_array().unwrap().len(), count, "{fields:?}");
    }
    let expired = stripe.post(&format!("{path}/expire"), &[]).await;
    assert_eq!((&expired["status"], &expired["url"]), (&json!("expired"), &Value::Null));
    let again = stripe.call(Method::POST, &format!("{path}/expire"), &[]).await;
    assert_eq!(again.status, 400);
    assert_eq!(stripe.events_since(created).last().unwrap().0, "checkout.session.expired");
}

#[tokio::test]
async fn a_session_of_checkout_expires_by_itself() {
    let stripe = Stripe::start().await;
    let session = stripe.session(&[]).await;
    let created = session["created"].as_i64().unwrap();

    stripe.travel_to(created + DAY - 60);
    let path = format!("/v1/checkout/sessions/{}", id(&session));
    assert_eq!(stripe.get(&path, &[]).await["status"], "open");
    stripe.travel_to(created + 3 * DAY);

    assert_eq!(stripe.get(&path, &[]).await["status"], "expired");
    assert_eq!(stripe.events_since(created), [("checkout.session.expired", DAY)]);
}

#[tokio::test]
async fn what_is_due_happens_without_anybody_asking() {
    let stripe = Stripe::start().await;
    let session = stripe.session(&[]).await;
    stripe.travel_to(session["expires_at"].as_i64().unwrap() - 1);
    let expired = |world: &World| (!world.stripe.events.is_empty()).then_some(());
    stripe.simulator.wait_for("the end of a session", PATIENCE, expired).await.unwrap();
}

#[tokio::test]
async fn a_session_of_the_portal_leads_to_its_page() {
    let stripe = Stripe::start().await;
    let customer = stripe.customer(None).await;
    let back = "http://127.0.0.1:3000/console";
    let fields = [("customer", customer.as_str()), ("return_url", back)];
    let portal = stripe.post("/v1/billing_portal/sessions", &fields).await;
    assert_eq!(portal["object"], "billing_portal.session");
    assert_eq!((&portal["customer"], &portal["return_url"]), (&json!(customer), &json!(back)));
    let page = request(Method::GET, portal["url"].as_str().unwrap(), &[], "").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains(back));
}

#[tokio::test]
async fn prices_are_read_one_by_one_and_together() {
    let stripe = Stripe::start().await;
    let month = stripe.get("/v1/prices/price_local_month", &[]).await;
    assert_eq!((&month["unit_amount"], &month["currency"]), (&json!(4900), &json!("cad")));
    assert_eq!(month["recurring"]["interval"], "month");
    let all = stripe.get("/v1/prices", &[("active", "true")]).await;
    assert_eq!(all["data"].as_array().unwrap().len(), 2);
    let none = stripe.get("/v1/prices", &[("active", "false")]).await;
    assert_eq!(none["data"], json!([]));
}

#[tokio::test]
async fn only_the_accounts_key_opens_the_api() {
    let stripe = Stripe::start().await;
    let user = basic("sk_test_local", "");
    let stranger = basic("sk_test_other", "");
    for (authorization, status) in [
        (None, 401),
        (Some("Bearer "), 401),
        (Some("Bearer sk_test_other"), 401),
        (Some("Bearer sk_live_local"), 401),
        (Some(stranger.as_str()), 401),
        (Some("Bearer sk_test_local"), 200),
        (Some(user.as_str()), 200),
    ] {
        let headers: Vec<_> =
            authorization.map(|value| ("authorization", value)).into_iter().collect();
        let answered = request(Method::GET, &stripe.url("/v1/prices"), &headers, "").await;
        assert_eq!(answered.status, status, "{authorization:?}");
        assert!(answered.headers["request-id"].to_str().unwrap().starts_with("req_"));
        if status == 401 {
            assert_eq!(answered.json()["error"]["type"], "invalid_request_error");
            assert!(answered.headers.contains_key("www-authenticate"));
            assert!(!answered.body.contains("sk_"), "no key is repeated");
        }
    }
}

#[tokio::test]
async fn a_version_decides_where_the_period_is() {
    let stripe = Stripe::start().await;
    let (subscription, _) = stripe.subscribe(GOOD_CARD, &[]).await;
    let path = format!("/v1/subscriptions/{subscription}");
    let read = async |path: &str, version: &str| {
        let headers = [("stripe-version", version)];
        let answered = stripe.try_call(Method::GET, path, &[], &headers).await.unwrap();
        assert_eq!(answered.status, 200, "{}", answered.body);
        assert_eq!(answered.headers["stripe-version"], version);
        answered.json()
    };

    let old = read(&path, OLD_VERSION).await;
    assert!(old["current_period_end"].as_i64() > old["current_period_start"].as_i64());
    assert_eq!(old["items"]["data"][0]["current_period_end"], Value::Null);
    for version in ["2025-03-31.basil", "2026-07-29.dahlia"] {
        let new = read(&path, version).await;
        assert!(new.get("current_period_end").is_none());
        let item = &new["items"]["data"][0];
        assert_eq!(item["current_period_end"], old["current_period_end"]);
        assert_eq!(item["current_period_start"], old["current_period_start"]);
    }

    let invoice = format!("/v1/invoices/{}", old["latest_invoice"].as_str().unwrap());
    let old = read(&invoice, OLD_VERSION).await;
    assert_eq!((&old["subscription"], &old["paid"]), (&json!(subscription), &json!(true)));
    assert!(old.get("parent").is_none());
    let new = read(&invoice, "2025-03-31.basil").await;
    assert!(new.get("subscription").is_none() && new.get("paid").is_none());
    assert_eq!(new["parent"]["subscription_details"]["subscription"], subscription.as_str());
    assert_eq!((&new["status"], &new["amount_paid"]), (&json!("paid"), &json!(4900)));

    let headers = [("stripe-version", "yesterday")];
    let refused = stripe.try_call(Method::GET, &path, &[], &headers).await.unwrap();
    assert_eq!(refused.status, 400);
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_in_stripes_words() {
    let stripe = Stripe::start().await;
    let customer = stripe.customer(None).await;
    let carded = stripe.customer(Some("pm_card_visa")).await;
    let (gone, _) = stripe.subscribe(GOOD_CARD, &[]).await;
    stripe.call(Method::DELETE, &format!("/v1/subscriptions/{gone}"), &[]).await;
    let gone = format!("/v1/subscriptions/{gone}");
    let (price, item) = ("price_local_month", "line_items[0][price]");
    let url = "http://127.0.0.1:3000/";
    let mode = ("mode", "subscription");
    let sessions = "/v1/checkout/sessions";
    let (get, post, delete) = (Method::GET, Method::POST, Method::DELETE);
    let missing = Some("resource_missing");
    let invalid = None;
    type Row<'a> =
        (&'a Method, &'a str, Vec<(&'a str, &'a str)>, u16, Option<&'a str>, Option<&'a str>);
    let rows: Vec<Row<'_>> = vec![
        (&get, "/v1/nothing", vec![], 404, None, None),
        (&get, "/v2/core/events", vec![], 404, None, None),
        (&Method::PUT, "/v1/customers", vec![], 404, None, None),
        (&get, "/v1/customers/cus_0", vec![], 404, missing, Some("id")),
        (&get, "/v1/subscriptions/sub_0", vec![], 404, missing, Some("id")),
        (&get, "/v1/invoices/in_0", vec![], 404, missing, Some("id")),
        (&get, "/v1/prices/price_0", vec![], 404, missing, Some("id")),
        (&get, "/v1/events/evt_0", vec![], 404, missing, Some("id")),
        (&get, "/v1/checkout/sessions/cs_0", vec![], 404, missing, Some("id")),
        (&post, "/v1/checkout/sessions/cs_0/expire", vec![], 404, missing, Some("id")),
        (&delete, &gone, vec![], 404, missing, Some("id")),
        (&post, &gone, vec![("cancel_at_period_end", "true")], 400, None, None),
        (&post, "/v1/customers", vec![("mail", "x")], 400, Some("parameter_unknown"), Some("mail")),
        (&post, "/v1/customers", vec![("email", "x")], 400, Some("email_invalid"), Some("email")),
        (
            &post,
            "/v1/customers",
            vec![("payment_method", "pm_card_chargeDeclined")],
            402,
            Some("card_declined"),
            None,
        ),
        (&post, sessions, vec![], 400, Some("parameter_missing"), Some("mode")),
        (&post, sessions, vec![("mode", "payment")], 400, invalid, Some("mode")),
        (&post, sessions, vec![mode], 400, Some("parameter_missing"), Some(item)),
        (&post, sessions, vec![mode, (item, "price_0")], 400, missing, Some(item)),
        (
            &post,
            sessions,
            vec![mode, (item, price)],
            400,
            Some("parameter_missing"),
            Some("success_url"),
        ),
        (
            &post,
            sessions,
            vec![mode, (item, price), ("success_url", "here")],
            400,
            Some("url_invalid"),
            Some("success_url"),
        ),
        (
            &post,
            sessions,
            vec![mode, (item, price), ("success_url", url), ("customer", "cus_0")],
            400,
            missing,
            Some("customer"),
        ),
        (
            &post,
            sessions,
            vec![
                mode,
                (item, price),
                ("success_url", url),
                ("subscription_data[trial_period_days]", "0"),
            ],
            400,
            invalid,
            Some("subscription_data[trial_period_days]"),
        ),
        (
            &post,
            sessions,
            vec![mode, (item, price), ("success_url", url), ("expires_at", "soon")],
            400,
            Some("parameter_invalid_integer"),
            Some("expires_at"),
        ),
        (
            &post,
            "/v1/billing_portal/sessions",
            vec![],
            400,
            Some("parameter_missing"),
            Some("customer"),
        ),
        (
            &post,
            "/v1/billing_portal/sessions",
            vec![("customer", "cus_0")],
            400,
            missing,
            Some("customer"),
        ),
        (
            &post,
            "/v1/subscriptions",
            vec![("customer", &customer), ("items[0][price]", price)],
            400,
            None,
            None,
        ),
        (
            &post,
            "/v1/subscriptions",
            vec![("customer", &carded), ("items[0][price]", price), ("items[0][quantity]", "0")],
            400,
            invalid,
            Some("items[0][quantity]"),
        ),
        (&get, "/v1/subscriptions", vec![("status", "ended")], 400, invalid, Some("status")),
        (&get, "/v1/customers", vec![("limit", "101")], 400, invalid, Some("limit")),
        (&get, "/v1/customers", vec![("limit", "0")], 400, invalid, Some("limit")),
        (
            &get,
            "/v1/customers",
            vec![("starting_after", "cus_0")],
            400,
            missing,
            Some("starting_after"),
        ),
        (
            &get,
            "/v1/customers",
            vec![("starting_after", &customer), ("ending_before", &customer)],
            400,
            None,
            None,
        ),
        (
            &get,
            "/v1/prices/price_local_month",
            vec![("expand[]", "x")],
            400,
            invalid,
            Some("expand"),
        ),
    ];
    for (method, path, fields, status, code, parameter) in rows {
        let refused = stripe.call(method.clone(), path, &fields).await;
        assert_eq!(refused.status, status, "{path} {fields:?}: {}", refused.body);
        let error = &refused.json()["error"];
        assert_eq!(error["code"].as_str(), code, "{path} {fields:?}: {error}");
        assert_eq!(error["param"].as_str(), parameter, "{path} {fields:?}: {error}");
        let kind = if status == 402 { "card_error" } else { "invalid_request_error" };
        assert_eq!(error["type"], kind, "{path} {fields:?}");
        assert!(!error["message"].as_str().unwrap().is_empty());
    }
    let headers = [("authorization", "Bearer sk_test_local"), ("content-type", "application/json")];
    let refused = request(Method::POST, &stripe.url("/v1/customers"), &headers, "{}").await;
    assert_eq!(refused.status, 400);
}

#[tokio::test]
async fn a_list_is_walked_page_by_page() {
    let stripe = Stripe::start().await;
    let mut created = Vec::new();
    for _ in 0..23 {
        created.push(stripe.customer(None).await);
    }
    created.reverse();

    let mut walked: Vec<String> = Vec::new();
    loop {
        let after = walked.last().cloned().unwrap_or_default();
        let page = stripe.get("/v1/customers", &[("limit", "5"), ("starting_after", &after)]).await;
        assert_eq!(page["url"], "/v1/customers");
        walked.extend(page["data"].as_array().unwrap().iter().map(id));
        if page["has_more"] == false {
            break;
        }
    }
    assert_eq!(walked, created);

    let before = [("limit", "5"), ("ending_before", created[10].as_str())];
    let page = stripe.get("/v1/customers", &before).await;
    let page_ids: Vec<_> = page["data"].as_array().unwrap().iter().map(id).collect();
    assert_eq!((page_ids.as_slice(), &page["has_more"]), (&created[5..10], &json!(true)));
    let default = stripe.get("/v1/customers", &[]).await;
    assert_eq!(default["data"].as_array().unwrap().len(), 10);
}

#[tokio::test]
async fn subscriptions_are_listed_by_customer_and_status() {
    let stripe = Stripe::start().await;
    let (active, customer) = stripe.subscribe(GOOD_CARD, &[]).await;
    let (other, _) = stripe.subscribe(GOOD_CARD, &[]).await;
    stripe.call(Method::DELETE, &format!("/v1/subscriptions/{other}"), &[]).await;
    let listed = async |fields: &[(&str, &str)]| -> Vec<String> {
        let list = stripe.get("/v1/subscriptions", fields).await;
        list["data"].as_array().unwrap().iter().map(id).collect()
    };
    assert_eq!(listed(&[]).await, [active.as_str()], "what was cancelled is left out");
    assert_eq!(listed(&[("status", "all")]).await, [other.as_str(), active.as_str()]);
    assert_eq!(listed(&[("status", "canceled")]).await, [other.as_str()]);
    let of_customer = [("customer", customer.as_str()), ("status", "all")];
    assert_eq!(listed(&of_customer).await, [active.as_str()]);
}

#[tokio::test]
async fn a_subscription_is_changed_by_the_api() {
    let stripe = Stripe::start().await;
    let (subscription, customer) = stripe.subscribe(GOOD_CARD, &[]).await;
    let path = format!("/v1/subscriptions/{subscription}");
    let fields = [("cancel_at_period_end", "true"), ("metadata[a]", "1")];
    let changed = stripe.post(&path, &fields).await;
    let end = &changed["items"]["data"][0]["current_period_end"];
    assert_eq!((&changed["cancel_at_period_end"], &changed["cancel_at"]), (&json!(true), end));
    assert_eq!(changed["cancellation_details"]["reason"], "cancellation_requested");
    assert_eq!(changed["status"], "active");
    let changed = stripe.post(&path, &[("cancel_at_period_end", "false")]).await;
    assert_eq!((&changed["canceled_at"], &changed["cancel_at"]), (&Value::Null, &Value::Null));
    let paused = stripe.post(&path, &[("pause_collection[behavior]", "void")]).await;
    assert_eq!(paused["pause_collection"], json!({ "behavior": "void", "resumes_at": null }));
    let resumed = stripe.post(&path, &[("pause_collection", "")]).await;
    assert_eq!(resumed["pause_collection"], Value::Null);

    let before = stripe.events_since(0).len();
    stripe.post(&path, &[("metadata[a]", "1")]).await;
    assert_eq!(stripe.events_since(0).len(), before, "nothing changed, so there is no event");

    let expand = [("expand[]", "customer"), ("expand[]", "latest_invoice.customer")];
    let expanded = stripe.get(&path, &expand).await;
    assert_eq!(expanded["customer"]["id"], customer.as_str());
    assert_eq!(expanded["latest_invoice"]["customer"]["email"], "owner@example.com");
}

#[tokio::test]
async fn events_are_found_by_time_and_type_for_thirty_days() {
    let stripe = Stripe::start().await;
    let (subscription, _) = stripe.subscribe(GOOD_CARD, &[]).await;
    let created = stripe.subscription(&subscription).await["created"].as_i64().unwrap();
    stripe.travel_to(created + 5 * DAY);
    stripe.customer(None).await;
    let kinds = async |fields: &[(&str, &str)]| -> Vec<String> {
        let list = stripe.get("/v1/events", fields).await;
        let data = list["data"].as_array().unwrap();
        data.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    };

    let later = (created + DAY).to_string();
    assert_eq!(kinds(&[("created[gte]", &later)]).await, ["customer.created"]);
    let invoices = [("types[]", "invoice.paid"), ("types[]", "invoice.created")];
    assert_eq!(kinds(&invoices).await, ["invoice.paid", "invoice.created"], "the newest first");
    assert_eq!(kinds(&[("type", "checkout.*")]).await, ["checkout.session.completed"]);
    assert_eq!(kinds(&[("created[lt]", &later), ("limit", "100")]).await.len(), 9);
    assert_eq!(kinds(&[("delivery_success", "true")]).await.len(), 0, "nobody is there");

    let list = stripe.get("/v1/events", &[("type", "customer.subscription.updated")]).await;
    let event = &list["data"][0];
    let path = format!("/v1/events/{}", id(event));
    assert_eq!(&stripe.get(&path, &[]).await, event);
    assert_eq!(event["data"]["object"]["status"], "active");
    assert_eq!(event["data"]["previous_attributes"], json!({ "status": "incomplete" }));
    stripe.travel_to(created + 31 * DAY);
    assert_eq!(stripe.call(Method::GET, &path, &[]).await.status, 404);
    assert!(!kinds(&[("limit", "100")]).await.contains(&"checkout.session.completed".to_owned()));
}
