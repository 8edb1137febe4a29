//! How a shop stands.

use serde_json::Value;

use super::{BUSINESS, billed};
use crate::support::on_a_stack;

#[test]
fn a_shop_stands_as_its_newest_subscription_that_is_served() {
    billed(async |billed| {
        let week = 7.0 * 24.0 * 3600.0;
        let one = |status, paused, since| vec![(status, paused, since)];
        for (subscriptions, standing, is_served) in [
            (vec![], "none", false),
            (one("incomplete", false, 0.0), "incomplete", false),
            (one("incomplete_expired", false, 0.0), "incomplete_expired", false),
            (one("trialing", false, 0.0), "trialing", true),
            (one("active", false, 0.0), "active", true),
            (one("past_due", false, 0.0), "past_due", true),
            (one("past_due", false, week - 60.0), "past_due", true),
            (one("past_due", false, week), "grace_over", false),
            (one("unpaid", false, 0.0), "unpaid", false),
            (one("paused", false, 0.0), "paused", false),
            (one("canceled", false, 0.0), "canceled", false),
            (one("active", true, 0.0), "paused", false),
            (one("trialing", true, 0.0), "paused", false),
            (one("past_due", true, 2.0 * week), "paused", false),
            (one("canceled", true, 0.0), "canceled", false),
            // The newest that is served counts, else the newest.
            (vec![("active", false, 0.0), ("canceled", false, 0.0)], "active", true),
            (vec![("canceled", false, 0.0), ("trialing", false, 0.0)], "trialing", true),
            (vec![("trialing", false, 0.0), ("active", false, 0.0)], "active", true),
            (vec![("unpaid", false, 0.0), ("incomplete", false, 0.0)], "incomplete", false),
            (vec![("past_due", false, week), ("canceled", false, 0.0)], "canceled", false),
        ] {
            billed.stack.database.batch_execute("delete from app.subscriptions").await.unwrap();
            for (number, (status, is_paused, since)) in subscriptions.iter().enumerate() {
                let number = u32::try_from(number).unwrap();
                let id = format!("sub_{number}");
                let created = f64::from(number);
                let subscription = billed.stack.subscription(&id, status).paused(*is_paused);
                subscription.unpaid_for(*since).created(created).add().await;
            }
            let allows = format!("select app.billing_allows('{BUSINESS}')");
            let found = (billed.standing().await, billed.stack.value(&allows).await);
            assert_eq!(found, (standing.to_owned(), is_served.to_string()), "{subscriptions:?}");
        }
    });
}

/// With the simulator's Stripe: what is done there, the shop stands by.
#[test]
fn a_subscription_made_at_stripe_serves_the_shop_until_it_is_cancelled() {
    on_a_stack(async |stack| {
        let clear = "delete from app.subscriptions; delete from app.stripe_customers";
        stack.database.batch_execute(clear).await.unwrap();
        let base = stack.simulator().stripe_api_url();
        let ask = async |request: reqwest::RequestBuilder| -> Value {
            let response = request.bearer_auth("sk_test_local").send().await.unwrap();
            let status = response.status();
            let text = response.text().await.unwrap();
            assert_eq!(status, 200, "{text}");
            serde_json::from_str(&text).unwrap()
        };
        let make = async |path: &str, form: &[(&str, &str)]| {
            let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
            let request = stack.client.post(format!("{base}{path}"));
            ask(request.header("content-type", "application/x-www-form-urlencoded").body(form))
                .await
        };
        let customer = make("/v1/customers", &[("email", "owner@example.com")]).await;
        let subscription = make(
            "/v1/subscriptions",
            &[
                ("customer", customer["id"].as_str().unwrap()),
                ("items[0][price]", "price_local_month"),
                ("trial_period_days", "14"),
                ("metadata[business_id]", BUSINESS),
            ],
        )
        .await;
        let id = subscription["id"].as_str().unwrap().to_owned();
        let standing = format!("select app.billing_standing('{BUSINESS}')");
        stack.wait_for_value(&standing, "trialing").await;

        ask(stack.client.delete(format!("{base}/v1/subscriptions/{id}"))).await;
        stack.wait_for_value(&standing, "canceled").await;
        // The account's endpoint is of our version, as ours is to be.
        let audit = "select count(*) from app.audit_events where action = 'stripe_version_differs'";
        assert_eq!(stack.value(audit).await, "0");
    });
}

#[test]
fn the_demo_shop_is_paid_for() {
    on_a_stack(async |stack| {
        let allows = format!("select app.billing_allows('{BUSINESS}')");
        assert_eq!(stack.value(&allows).await, "true");
    });
}
