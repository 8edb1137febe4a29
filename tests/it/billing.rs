//! An owner's way to Stripe's pages.

use reqwest::Response;
use serde_json::{Value, json};

use crate::support::{TestStack, run, stripe::Stripe};

const BUSINESS: &str = "0193a000-0000-7000-8000-000000000010";

/// A stack whose Stripe is ours, with the demo shop's owner signed in and no subscription.
struct Signed {
    stack: TestStack,
    stripe: Stripe,
    token: String,
}

/// Runs a test as such an owner.
fn signed_in(test: impl AsyncFnOnce(&Signed)) {
    run(async {
        let signed = Signed::in_().await;
        test(&signed).await;
        signed.stack.stop().await;
    });
}

impl Signed {
    async fn in_() -> Self {
        let stripe = Stripe::start().await;
        let stack =
            TestStack::with_variables([("STRIPE_API_URL", Some(stripe.url.as_str()))]).await;
        let clear = "delete from app.subscriptions; delete from app.stripe_customers";
        stack.database.batch_execute(clear).await.unwrap();
        let token = stack.sign_in_owner().await;
        Self { stack, stripe, token }
    }

    async fn post(&self, token: Option<&str>, body: &str) -> Response {
        let url = self.stack.url(leadslock::paths::BILLING);
        let mut request = self.stack.client.post(url).body(body.to_owned());
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        request.send().await.unwrap()
    }

    /// Asks, and returns the status and what was answered.
    async fn open(&self, request: Value) -> (u16, Value) {
        let response = self.post(Some(&self.token), &request.to_string()).await;
        let status = response.status().as_u16();
        (status, serde_json::from_str(&response.text().await.unwrap()).unwrap())
    }

    /// Gives the shop a subscription of this status.
    async fn subscribe(&self, id: &str, status: &str) {
        let customer = self.stack.value("select id from app.stripe_customers").await;
        self.stack.subscription(id, status).by(&customer).add().await;
    }
}

#[test]
fn promise_cards_never_an_owner_subscribes_at_stripe() {
    signed_in(async |signed| {
        let (status, answer) = signed.open(json!({ "plan": "yearly" })).await;
        assert_eq!((status, &answer["page"]), (200, &json!("checkout")));

        let posts = std::mem::take(&mut signed.stripe.world().posts);
        let [customer, checkout] = posts.try_into().unwrap();
        let (path, key, form) = customer;
        assert_eq!((path.as_str(), key), ("/v1/customers", format!("customer-{BUSINESS}")));
        let want = json!({
            "name": "Mile End Bikes", "email": "owner@example.com", "metadata[business_id]": BUSINESS,
        });
        assert_eq!(json!(form), want);

        let (path, key, form) = checkout;
        assert!(key.starts_with("checkout-"), "{key}");
        assert_eq!(answer["url"], format!("https://stripe.example{path}/{key}"));
        let origin = signed.stack.url("/");
        let id = signed.stack.value("select id from app.stripe_customers").await;
        let want = json!({
            "mode": "subscription", "customer": id, "client_reference_id": BUSINESS,
            "line_items[0][price]": "price_local_year", "line_items[0][quantity]": "1",
            "locale": "en", "success_url": format!("{origin}billing?subscribed"),
            "cancel_url": format!("{origin}billing"),
            "subscription_data[metadata][business_id]": BUSINESS,
            "subscription_data[trial_period_days]": "14",
            "payment_method_collection": "if_required",
            "subscription_data[trial_settings][end_behavior][missing_payment_method]": "pause",
        });
        assert_eq!(json!(form), want);

        // The next time there is a customer, and another page.
        let (_, again) = signed.open(json!({})).await;
        assert_ne!(again["url"], answer["url"]);
        let posts = std::mem::take(&mut signed.stripe.world().posts);
        let [(path, _, form)] = posts.try_into().unwrap();
        assert_eq!(path, "/v1/checkout/sessions");
        assert_eq!(form["line_items[0][price]"], "price_local_month");
    });
}

#[test]
fn what_can_still_be_paid_is_for_the_portal_and_a_trial_comes_once() {
    signed_in(async |signed| {
        signed.open(json!({})).await;
        for (number, (status, page, has_trial)) in [
            ("incomplete", "checkout", true),
            ("incomplete_expired", "checkout", true),
            ("canceled", "checkout", false),
            ("unpaid", "portal", false),
            ("past_due", "portal", false),
            ("paused", "portal", false),
            ("trialing", "portal", false),
            ("active", "portal", false),
        ]
        .into_iter()
        .enumerate()
        {
            signed.stack.database.batch_execute("delete from app.subscriptions").await.unwrap();
            signed.subscribe(&format!("sub_{number}"), status).await;
            signed.stripe.world().posts.clear();
            let (_, answer) = signed.open(json!({})).await;
            assert_eq!(answer["page"], page, "{status}");
            let posts = std::mem::take(&mut signed.stripe.world().posts);
            let [(_, _, form)] = posts.try_into().unwrap();
            let trial = form.contains_key("subscription_data[trial_period_days]");
            assert_eq!(trial, has_trial, "{status}");
        }
    });
}

#[test]
fn what_stripe_did_without_saying_so_is_asked_for_by_the_same_key() {
    signed_in(async |signed| {
        // The customer and then the page are made, and the answers lost.
        signed.stripe.world().post_failures = [500].into();
        assert_eq!(signed.open(json!({})).await.0, 200);
        let posts = std::mem::take(&mut signed.stripe.world().posts);
        let [(_, first, _), (_, second, _), _] = posts.try_into().unwrap();
        assert_eq!(first, second);

        signed.stripe.world().post_failures = [503].into();
        assert_eq!(signed.open(json!({})).await.0, 200);
        let posts = std::mem::take(&mut signed.stripe.world().posts);
        let [(_, first, _), (_, second, _)] = posts.try_into().unwrap();
        assert_eq!(first, second);

        // Too often: the owner tries again.
        signed.stripe.world().post_failures = [503, 503].into();
        let (status, answer) = signed.open(json!({})).await;
        assert_eq!(status, 503);
        assert_eq!(answer, json!({ "error": "the service is temporarily unavailable" }));
    });
}

#[test]
fn nobody_but_the_owner_gets_there() {
    signed_in(async |signed| {
        assert_eq!(signed.post(None, "{}").await.status(), 401);
        assert_eq!(signed.post(Some("a.b.c"), "{}").await.status(), 401);
        for body in ["", "[]", "{", r#"{"business_id":"x"}"#] {
            assert_eq!(signed.post(Some(&signed.token), body).await.status(), 400, "{body}");
        }
        assert_eq!(signed.open(json!({ "plan": "free" })).await.0, 400);

        // Another owner's shop is none of theirs.
        let other = signed.stack.shop("Another").owned_by("x@example.com").open().await;
        assert_eq!(signed.open(json!({ "business_id": other })).await.0, 404);
        assert!(signed.stripe.world().posts.is_empty());

        let close = "update app.businesses set state = 'closing'";
        signed.stack.database.batch_execute(close).await.unwrap();
        assert_eq!(signed.open(json!({})).await.0, 404);
        let open = "update app.businesses set state = 'active'; delete from auth.sessions";
        signed.stack.database.batch_execute(open).await.unwrap();
        assert_eq!(signed.open(json!({})).await.0, 401);
        assert!(signed.stripe.world().posts.is_empty());
    });
}
