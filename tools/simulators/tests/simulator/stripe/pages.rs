//! Checkout, the billing portal and the overview, clicked through.

use hyper::Method;
use serde_json::{Value, json};

use super::support::{DAY, DECLINED_CARD, FAILING_CARD, GOOD_CARD, Stripe, id};
use crate::support::request;

/// Reads a page.
async fn page(url: &str) -> String {
    let page = request(Method::GET, url, &[("sec-fetch-site", "same-site")], "").await;
    assert_eq!(page.status, 200, "{}", page.body);
    page.body
}

#[tokio::test]
async fn checkout_is_paid_and_leads_back() {
    let stripe = Stripe::start().await;
    let session = stripe.session(&[]).await;
    let url = session["url"].as_str().unwrap();
    let shown = page(url).await;
    for text in ["LeadsLock by the month", "CA$49.00", "Pay</button>", "4242 4242 4242 4242"] {
        assert!(shown.contains(text), "{text}");
    }
    assert!(shown.contains("href=\"http://127.0.0.1:3000/console\""), "the way back");

    let fields = [("email", "owner@example.com"), ("card", DECLINED_CARD)];
    let declined = stripe.browse(Method::POST, url, &fields).await;
    assert_eq!(declined.status, 402);
    assert!(declined.body.contains("Your card was declined."));
    assert!(!declined.body.contains(&format!("value=\"{DECLINED_CARD}\"")));
    assert_eq!(stripe.events_since(0), [], "nothing has happened");

    let fields = [("email", "owner@example.com"), ("card", GOOD_CARD)];
    let paid = stripe.browse(Method::POST, url, &fields).await;
    assert_eq!(paid.status, 303);
    let back = format!("http://127.0.0.1:3000/console?paid={}", id(&session));
    assert_eq!(paid.headers["location"].to_str().unwrap(), back);
    let session = stripe.get(&format!("/v1/checkout/sessions/{}", id(&session)), &[]).await;
    assert_eq!(
        (&session["status"], &session["payment_status"]),
        (&json!("complete"), &json!("paid"))
    );
    assert_eq!(session["customer_details"]["email"], "owner@example.com");
    assert_eq!(stripe.status(session["subscription"].as_str().unwrap()).await, "active");

    let again = stripe.browse(Method::POST, url, &fields).await;
    assert_eq!(again.status, 409);
    assert!(page(url).await.contains("already"));
}

#[tokio::test]
async fn a_card_that_only_fails_later_is_taken_for_a_trial() {
    let stripe = Stripe::start().await;
    let fields = [("email", "owner@example.com"), ("card", FAILING_CARD)];
    let session = stripe.session(&[]).await;
    let refused = stripe.browse(Method::POST, session["url"].as_str().unwrap(), &fields).await;
    assert_eq!(refused.status, 402, "there is something to pay at once");

    let session = stripe.session(&[("subscription_data[trial_period_days]", "14")]).await;
    let url = session["url"].as_str().unwrap();
    let shown = page(url).await;
    assert!(shown.contains("Start trial</button>") && shown.contains("CA$0.00"));
    assert_eq!(stripe.browse(Method::POST, url, &[]).await.status, 422, "a card is needed");
    assert_eq!(stripe.browse(Method::POST, url, &fields).await.status, 303);
}

#[tokio::test]
async fn what_expired_cannot_be_paid() {
    let stripe = Stripe::start().await;
    let session = stripe.session(&[]).await;
    stripe.travel_to(session["created"].as_i64().unwrap() + 2 * DAY);
    let url = session["url"].as_str().unwrap();
    assert!(page(url).await.contains("expired"));
    let fields = [("email", "owner@example.com"), ("card", GOOD_CARD)];
    assert_eq!(stripe.browse(Method::POST, url, &fields).await.status, 409);
}

#[tokio::test]
async fn the_portal_cancels_keeps_and_pays() {
    let stripe = Stripe::start().await;
    let trial = [("subscription_data[trial_period_days]", "7")];
    let (subscription, customer) = stripe.subscribe(FAILING_CARD, &trial).await;
    let (others, _) = stripe.subscribe(GOOD_CARD, &[]).await;
    let portal = stripe.post("/v1/billing_portal/sessions", &[("customer", &customer)]).await;
    let url = portal["url"].as_str().unwrap();
    let act = async |act: &str, more: &[(&str, &str)]| {
        let fields = [&[("act", act)], more].concat();
        stripe.browse(Method::POST, url, &fields).await.status
    };
    let on = [("on", subscription.as_str())];
    assert!(page(url).await.contains("trialing"));

    assert_eq!(act("cancel_at_period_end", &on).await, 303);
    assert!(page(url).await.contains("Keep the plan"));
    assert_eq!(stripe.subscription(&subscription).await["cancel_at_period_end"], true);
    assert_eq!(act("resume", &on).await, 303);
    assert_eq!(stripe.subscription(&subscription).await["cancel_at_period_end"], false);

    let start = stripe.subscription(&subscription).await["created"].as_i64().unwrap();
    stripe.travel_to(start + 8 * DAY);
    assert!(page(url).await.contains("past_due"));
    let invoice = stripe.subscription(&subscription).await["latest_invoice"].clone();
    let pay = [("on", invoice.as_str().unwrap())];
    assert_eq!(act("pay", &pay).await, 402, "the card still fails");
    assert_eq!(act("replace_card", &[("card", DECLINED_CARD)]).await, 402);
    assert_eq!(act("replace_card", &[("card", GOOD_CARD)]).await, 303);
    assert_eq!(act("pay", &pay).await, 303);
    assert_eq!(stripe.status(&subscription).await, "active");

    assert_eq!(act("cancel_now", &[("on", &others)]).await, 303);
    assert_eq!(stripe.status(&others).await, "active", "it is another's");
    assert_eq!(act("cancel_now", &on).await, 303);
    assert_eq!(stripe.status(&subscription).await, "canceled");
    assert_eq!(act("explode", &on).await, 422);
}

#[tokio::test]
async fn the_overview_shows_the_account_and_orders_a_failure() {
    let stripe = Stripe::start().await;
    let (subscription, customer) = stripe.subscribe(GOOD_CARD, &[]).await;
    let url = stripe.url("");
    let shown = page(&url).await;
    for text in [subscription.as_str(), &customer, "checkout.session.completed"] {
        assert!(shown.contains(text), "{text}");
    }
    let ordered = stripe.browse(Method::POST, &url, &[("act", "fail")]).await;
    assert_eq!((ordered.status, ordered.headers["location"].to_str().unwrap()), (303, "/stripe"));
    let order = stripe.control(Method::GET, "/stripe/payments/behaviour", Value::Null).await;
    assert_eq!(
        order.json(),
        json!([{ "payments": 1, "customer": null, "decline": "generic_decline" }])
    );
    stripe.browse(Method::POST, &url, &[("act", "normal")]).await;
    let order = stripe.control(Method::GET, "/stripe/payments/behaviour", Value::Null).await;
    assert_eq!(order.json(), json!([]));
    let alone = stripe.browse(Method::POST, &url, &[("act", "day")]).await;
    assert_eq!(alone.status, 501, "there is no stack whose time could be moved");
}

#[tokio::test]
async fn pages_load_nothing_foreign_and_obey_only_themselves() {
    let stripe = Stripe::start().await;
    let customer = stripe
        .post("/v1/customers", &[("email", "\"><script>alert(1)</script>@example.com")])
        .await;
    let customer = id(&customer);
    let session = stripe.session(&[("customer", &customer)]).await;
    let portal = stripe.post("/v1/billing_portal/sessions", &[("customer", &customer)]).await;
    let (checkout, portal) = (session["url"].as_str().unwrap(), portal["url"].as_str().unwrap());
    for url in [checkout, portal, &stripe.url("")] {
        let shown = request(Method::GET, url, &[], "").await;
        let policy = shown.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert!(!policy.contains("script-src"), "{policy}");
        assert!(!shown.body.contains("<script"), "{url}");
        assert_eq!(policy.contains("http://127.0.0.1:3000"), url == checkout, "{policy}");
        for site in ["cross-site", "same-site"] {
            let headers =
                [("sec-fetch-site", site), ("content-type", "application/x-www-form-urlencoded")];
            let refused = request(Method::POST, url, &headers, "act=fail").await;
            assert_eq!(refused.status, 403, "{url}");
        }
    }
    let sheet = request(Method::GET, &stripe.url("/stripe.css"), &[], "").await;
    assert!(sheet.headers["content-type"].to_str().unwrap().starts_with("text/css"));
    for unknown in ["/checkout/cs_0", "/portal/bps_0"] {
        assert_eq!(request(Method::GET, &stripe.url(unknown), &[], "").await.status, 404);
    }
}
