//! What no event told.

use serde_json::json;

use super::{SUBSCRIPTION, billed, event, now};
use crate::support::interceptor::Manner;

#[test]
fn the_daily_comparison_repairs_what_was_missed_in_thirty_days() {
    billed(async |billed| {
        let other = "sub_other";
        let days = 24 * 3600;
        // The function was away for 32 days. Of the first two Stripe has forgotten.
        let begin = now();
        stack::clock::advance(&billed.stack.database, std::time::Duration::from_secs(32 * days))
            .await
            .unwrap();
        let mut events = Vec::new();
        for number in 0..90 {
            let mut event =
                event(&format!("evt_{number:03}"), begin + (2 * days + 60) + number * (days / 3));
            if number % 3 == 0 {
                event["data"]["object"]["id"] = json!(other);
            }
            events.push(event);
        }
        // Some had arrived.
        for number in [0, 17, 18, 89] {
            let log = "insert into app.webhook_events (provider, event_id, type) values ('stripe', $1, 'a')";
            billed.stack.database.execute(log, &[&format!("evt_{number:03}")]).await.unwrap();
        }
        // What is not about subscriptions is not asked for.
        let mut foreign = event("evt_foreign", begin + 10 * days);
        foreign["type"] = json!("charge.refunded");
        events.push(foreign);
        events.sort_by_key(|event| event["created"].as_u64());
        billed.stripe.world().events = events;
        billed.set(json!({ "status": "active" }));
        billed.set(json!({ "status": "canceled", "id": other }));

        // The first page is applied, and not known to be: it is compared again.
        billed.stack.interceptor.set("advance_stripe_listing", Manner::Unavailable);
        assert_eq!(billed.reconcile().await, 503);
        billed.stack.interceptor.clear();
        assert_eq!(billed.reconcile().await, 200);

        assert_eq!(billed.logged().await, "90");
        let stored =
            "select string_agg(id || ' ' || status, ', ' order by id) from app.subscriptions";
        let want = format!("{SUBSCRIPTION} active, {other} canceled");
        assert_eq!(billed.stack.value(stored).await, want);
        let listing = "select page_until is null and page_after is null
                       and listed_until > app.clock() - interval '6 minutes' from app.stripe_listing";
        assert_eq!(billed.stack.value(listing).await, "true");

        // Tomorrow there is nothing to do.
        let before = billed.stripe.world().requests.len();
        assert_eq!(billed.reconcile().await, 200);
        assert_eq!(billed.stripe.world().requests[before..], ["/v1/events"]);
    });
}

#[test]
fn a_listing_goes_on_where_it_was_cut_off() {
    billed(async |billed| {
        billed.set(json!({ "status": "active" }));
        let begin = now();
        stack::clock::advance(&billed.stack.database, std::time::Duration::from_secs(3600))
            .await
            .unwrap();
        billed.stripe.world().events =
            (0..50).map(|number| event(&format!("evt_{number:02}"), begin + 10 + number)).collect();
        // In the second page Stripe begins to fail.
        let fail_late = {
            let stripe = &billed.stripe;
            let stack = &billed.stack;
            async move {
                stack.interceptor.wait_for_calls("advance_stripe_listing", 1).await;
                stripe.world().failures = [500; 400].into();
            }
        };
        let (status, ()) = tokio::join!(billed.reconcile(), fail_late);
        assert_eq!(status, 503);
        let cut_off = billed.stack.value("select page_after from app.stripe_listing").await;
        assert_ne!(cut_off, "null");
        billed.stripe.world().failures.clear();
        stack::clock::advance(&billed.stack.database, std::time::Duration::from_secs(24 * 3600))
            .await
            .unwrap();

        // What Stripe has forgotten meanwhile cannot be gone on after.
        billed.stripe.world().events.retain(|event| event["id"] != cut_off.as_str());
        assert_eq!(billed.reconcile().await, 200);
        assert_eq!(billed.logged().await, "50");
        // What happened after the run that was cut off is not left for tomorrow.
        let until =
            "select listed_until > app.clock() - interval '6 minutes' from app.stripe_listing";
        assert_eq!(billed.stack.value(until).await, "true");
    });
}

#[test]
fn a_subscription_is_asked_about_when_no_event_came() {
    billed(async |billed| {
        billed.set(json!({ "status": "active" }));
        let body = event("evt_1", now()).to_string();
        assert_eq!(billed.deliver(body.as_bytes()).await, 200);
        billed.set(json!({ "status": "canceled" }));
        assert_eq!(billed.reconcile().await, 200);
        // Its period was over when it was asked for: nothing is due yet.
        assert_eq!(billed.standing().await, "active");

        // One that Stripe does not have must not keep the others back.
        let customer = billed.stack.value("select id from app.stripe_customers").await;
        billed.stack.subscription("sub_0lost", "active").by(&customer).add().await;
        stack::clock::advance(
            &billed.stack.database,
            std::time::Duration::from_secs(8 * 24 * 3600),
        )
        .await
        .unwrap();
        assert_eq!(billed.reconcile().await, 200);
        let status = format!("select status from app.subscriptions where id = '{SUBSCRIPTION}'");
        assert_eq!(billed.stack.value(&status).await, "canceled");
    });
}
