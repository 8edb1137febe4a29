//! Events, in any order and number.

use futures_util::future::join_all;
use serde_json::json;

use super::{BUSINESS, SUBSCRIPTION, billed, event, now};
use crate::support::{interceptor::Manner, random::Random};

/// Trial, payment, failure, recovery, end: the shop's rights follow each event.
#[test]
fn a_shops_rights_follow_within_one_event() {
    billed(async |billed| {
        assert_eq!(billed.standing().await, "none");
        for (kind, status, is_served) in [
            ("customer.subscription.created", "trialing", true),
            ("customer.subscription.paused", "paused", false),
            ("customer.subscription.resumed", "active", true),
            ("invoice.payment_failed", "past_due", true),
            ("customer.subscription.trial_will_end", "unpaid", false),
            ("invoice.paid", "active", true),
            ("customer.subscription.deleted", "canceled", false),
        ] {
            billed.set(json!({ "status": status }));
            for version in ["2024-06-20", "2026-07-29.dahlia"] {
                assert_eq!(billed.deliver_file(&format!("{version}/{kind}.json")).await, 200);
            }
            assert_eq!(billed.standing().await, status, "{kind}");
            let allows = format!("select app.billing_allows('{BUSINESS}')");
            assert_eq!(billed.stack.value(&allows).await, is_served.to_string(), "{kind}");
        }
        let audit = "select string_agg(action, ' ' order by id) from app.audit_events where business_id is not null";
        assert_eq!(
            billed.stack.value(audit).await,
            "billing_trialing billing_paused billing_active billing_past_due billing_unpaid \
             billing_active billing_canceled"
        );
        // Half of the events were of another version than the endpoint should have.
        let audit = "select count(*) from app.audit_events where action = 'stripe_version_differs'";
        assert_eq!(billed.stack.value(audit).await, "1");
        let log = billed.stack.log().join("\n");
        assert!(log.contains("2024-06-20"), "{log}");
    });
}

#[test]
fn thin_events_and_checkouts_lead_to_the_subscription_too() {
    billed(async |billed| {
        for (file, status) in [
            ("2025-03-31.basil/checkout.session.completed.json", "trialing"),
            ("thin/v1.customer.subscription.updated.json", "active"),
            ("thin/v1.customer.subscription.deleted.json", "canceled"),
        ] {
            billed.set(json!({ "status": status }));
            assert_eq!(billed.deliver_file(file).await, 200, "{file}");
            assert_eq!(billed.standing().await, status, "{file}");
        }
    });
}

#[test]
fn events_we_have_no_use_for_are_logged_and_acknowledged() {
    billed(async |billed| {
        for file in ["2026-07-29.dahlia/charge.refunded.json", "thin/v1.customer.updated.json"] {
            assert_eq!(billed.deliver_file(file).await, 200);
            assert_eq!(billed.deliver_file(file).await, 200);
        }
        let mut connected = event("evt_connected", now());
        connected["account"] = json!("acct_1");
        assert_eq!(billed.deliver(connected.to_string().as_bytes()).await, 200);
        assert_eq!(billed.logged().await, "3");
        assert!(billed.stripe.world().requests.is_empty());
    });
}

#[test]
fn a_subscription_of_no_shop_is_acknowledged_and_leaves_nothing() {
    billed(async |billed| {
        for business in ["0193a000-0000-7000-8000-0000000000ff", "not an id"] {
            billed.set(json!({ "metadata": { "business_id": business }, "customer": "cus_other" }));
            let body = event(&format!("evt_{}", business.len()), now()).to_string();
            assert_eq!(billed.deliver(body.as_bytes()).await, 200);
        }
        assert_eq!(billed.logged().await, "2");
        assert_eq!(billed.stack.value("select count(*) from app.subscriptions").await, "0");

        // A customer we know needs no shop's name in the subscription.
        let known = format!("insert into app.stripe_customers values ('cus_other', '{BUSINESS}')");
        billed.stack.database.batch_execute(&known).await.unwrap();
        billed.set(json!({ "status": "active", "metadata": {}, "customer": "cus_other" }));
        let body = event("evt_known", now()).to_string();
        assert_eq!(billed.deliver(body.as_bytes()).await, 200);
        assert_eq!(billed.standing().await, "active");
    });
}

#[test]
fn promise_webhook_stripe_deliveries_at_the_same_instant_have_one_effect() {
    billed(async |billed| {
        billed.set(json!({ "status": "active" }));
        for round in 1..=10 {
            let body = event(&format!("evt_{round}"), now()).to_string();
            let statuses = join_all((0..6).map(|_| billed.deliver(body.as_bytes()))).await;
            assert_eq!(statuses, [200; 6]);
            // Each answer that is stored counts the version up.
            let version = billed.stack.value("select version from app.subscriptions").await;
            assert_eq!((version, billed.logged().await), (round.to_string(), round.to_string()));
        }
        let audit = billed.stack.value("select count(*) from app.audit_events").await;
        assert_eq!(audit, "1");
    });
}

/// Different events of one subscription, all at once, while it changes.
#[test]
fn a_burst_of_events_ends_in_what_stripe_has() {
    billed(async |billed| {
        let statuses = ["trialing", "active", "past_due", "active", "unpaid", "active"];
        for seed in 0..10 {
            let mut random = Random::new(seed);
            let deliveries = (0..12).map(|number| {
                let body = event(&format!("evt_{seed}_{}", number % 6), now()).to_string();
                billed.set(json!({ "status": statuses[random.below(6)], "id": SUBSCRIPTION }));
                async move { while billed.deliver(body.as_bytes()).await != 200 {} }
            });
            join_all(deliveries).await;
            let want = billed.stripe.world().subscriptions[SUBSCRIPTION]["status"].clone();
            assert_eq!(billed.standing().await, want.as_str().unwrap(), "seed {seed}");
        }
    });
}

#[test]
fn what_fails_here_or_at_stripe_is_a_503_and_comes_again() {
    billed(async |billed| {
        billed.set(json!({ "status": "active" }));
        let body = event("evt_1", now()).to_string();

        // Two attempts, then it is for Stripe to send it again.
        billed.stripe.world().failures = [500, 503].into();
        assert_eq!(billed.deliver(body.as_bytes()).await, 503);
        billed.stripe.world().failures = [429, 429].into();
        assert_eq!(billed.deliver(body.as_bytes()).await, 503);
        billed.stripe.world().failures = [401].into();
        assert_eq!(billed.deliver(body.as_bytes()).await, 503);
        for function in ["apply_stripe_event", "store_subscription"] {
            billed.stack.interceptor.set(function, Manner::Unavailable);
            assert_eq!(billed.deliver(body.as_bytes()).await, 503, "{function}");
            billed.stack.interceptor.clear();
        }
        // Stripe's answer is older than its event.
        let deleted = "2026-07-29.dahlia/customer.subscription.deleted.json";
        assert_eq!(billed.deliver_file(deleted).await, 503);
        // A status that is new to us is not for us to guess.
        billed.set(json!({ "status": "delighted" }));
        assert_eq!(billed.deliver(body.as_bytes()).await, 503);
        assert_eq!(
            (billed.logged().await, billed.standing().await),
            ("0".to_owned(), "none".to_owned())
        );

        billed.set(json!({ "status": "active" }));
        billed.stripe.world().failures = [500].into();
        assert_eq!(billed.deliver(body.as_bytes()).await, 200);
        assert_eq!(
            (billed.logged().await, billed.standing().await),
            ("1".to_owned(), "active".to_owned())
        );
    });
}
