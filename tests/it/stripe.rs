//! Stripe's events and the daily comparison, through the real functions.

use std::{
    fs,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use futures_util::future::join_all;
use leadslock::{edge::headers, paths};
use reqwest::Response;
use secrecy::SecretString;
use serde_json::{Value, json};
use trust::signatures;

use crate::support::{TestStack, interceptor::Manner, random::Random, run, stripe::Stripe};

/// The secret of the local stack's webhook endpoint.
const SECRET: &str = "whsec_local_not_a_secret";
/// The demo shop, which the payloads name too.
const BUSINESS: &str = "0193a000-0000-7000-8000-000000000010";
const SUBSCRIPTION: &str = "sub_1PdemoMileEndBikes0001";

/// A stack whose Stripe is ours, without the demo shop's subscription.
struct Billed {
    stack: TestStack,
    stripe: Stripe,
}

impl Billed {
    async fn start() -> Self {
        Self::with_secrets(SECRET).await
    }

    async fn with_secrets(secrets: &str) -> Self {
        let stripe = Stripe::start().await;
        let changes = [
            ("STRIPE_API_URL", Some(stripe.url.as_str())),
            ("STRIPE_WEBHOOK_SECRET", Some(secrets)),
        ];
        let stack = TestStack::with_variables(changes).await;
        let clear = "delete from app.subscriptions; delete from app.stripe_customers";
        stack.database.batch_execute(clear).await.unwrap();
        Self { stack, stripe }
    }

    async fn post(&self, header: Option<&str>, body: &[u8]) -> Response {
        let mut request =
            self.stack.client.post(self.stack.url(paths::STRIPE_EVENT)).body(body.to_vec());
        if let Some(header) = header {
            request = request.header(signatures::stripe::HEADER.as_str(), header);
        }
        request.send().await.unwrap()
    }

    /// Delivers a body as Stripe does, and returns the status.
    async fn deliver(&self, body: &[u8]) -> u16 {
        self.post(Some(&signed(&[SECRET], body)), body).await.status().as_u16()
    }

    /// Delivers a payload of `tests/stripe`.
    async fn deliver_file(&self, file: &str) -> u16 {
        self.deliver(&payload(file)).await
    }

    /// What Stripe has of the payloads' subscription from now on.
    fn set(&self, changes: Value) {
        let text = payload("2026-07-29.dahlia/subscription.json");
        let mut subscription: Value = serde_json::from_slice(&text).unwrap();
        subscription["latest_invoice"]["created"] = json!(now());
        for (name, value) in changes.as_object().unwrap() {
            subscription[name] = value.clone();
        }
        let id = subscription["id"].as_str().unwrap().to_owned();
        self.stripe.world().subscriptions.insert(id, subscription);
    }

    async fn standing(&self) -> String {
        self.stack.value(&format!("select app.billing_standing('{BUSINESS}')")).await
    }

    async fn logged(&self) -> String {
        let count = "select count(*) from app.webhook_events where provider = 'stripe'";
        self.stack.value(count).await
    }

    async fn assert_nothing_written(&self) {
        for table in ["webhook_events", "subscriptions", "stripe_customers", "audit_events"] {
            let count = self.stack.value(&format!("select count(*) from app.{table}")).await;
            assert_eq!(count, "0", "{table}");
        }
        assert!(self.stripe.world().requests.is_empty());
    }

    async fn reconcile(&self) -> u16 {
        self.stack.run_cron(paths::CRON_RECONCILE).await
    }
}

fn payload(file: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stripe").join(file)).unwrap()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn secrets(secrets: &[&str]) -> Vec<SecretString> {
    secrets.iter().map(|&secret| secret.into()).collect()
}

fn signed(with: &[&str], body: &[u8]) -> String {
    signatures::stripe::sign(&secrets(with), body, now())
}

/// An event about the payloads' subscription.
fn event(id: &str, created: u64) -> Value {
    json!({
        "id": id, "object": "event", "api_version": "2026-07-29.dahlia", "created": created,
        "type": "customer.subscription.updated", "livemode": false,
        "data": { "object": { "id": SUBSCRIPTION, "object": "subscription" } },
    })
}

#[test]
fn promise_webhook_stripe_what_stripe_did_not_sign_is_refused_and_changes_nothing() {
    run(async {
        let billed = Billed::start().await;
        billed.set(json!({ "status": "active" }));
        let body = payload("2026-07-29.dahlia/customer.subscription.updated.json");
        let at = |time: u64| signatures::stripe::sign(&secrets(&[SECRET]), &body, time);
        let good = at(now());
        let (time, digest) = good.split_once(",v1=").unwrap();
        let live = String::from_utf8(body.clone()).unwrap();
        let live = live.replace(r#""livemode": false"#, r#""livemode": true"#).into_bytes();
        let mut changed = body.clone();
        changed[100] ^= 1;
        let with_bom = [b"\xef\xbb\xbf", body.as_slice()].concat();

        let mut answers = Vec::new();
        for (told, header, body) in [
            ("no header", None, &body),
            ("an empty header", Some(String::new()), &body),
            ("no signature", Some(time.to_owned()), &body),
            ("no time", Some(format!("v1={digest}")), &body),
            ("another scheme", Some(format!("{time},v0={digest}")), &body),
            ("two times", Some(format!("{time},{good}")), &body),
            ("a digest too short", Some(format!("{time},v1={}", &digest[1..])), &body),
            ("another digest", Some(format!("{time},v1={}", "0".repeat(64))), &body),
            ("another secret", Some(signed(&["whsec_other"], &body)), &body),
            ("another body", Some(good.clone()), &changed),
            ("another encoding", Some(good.clone()), &with_bom),
            ("another time", Some(format!("t={},v1={digest}", now() - 1)), &body),
            ("a time long ago", Some(at(now() - 310)), &body),
            ("a time to come", Some(at(now() + 310)), &body),
            ("the end of time", Some(at(u64::MAX)), &body),
            ("another mode", Some(signed(&[SECRET], &live)), &live),
        ] {
            let response = billed.post(header.as_deref(), body).await;
            assert_eq!(response.status(), 400, "{told}");
            for (name, value) in headers::POLICY {
                assert_eq!(
                    response.headers().get_all(&name).iter().collect::<Vec<_>>(),
                    [value],
                    "{told}"
                );
            }
            answers.push(response.text().await.unwrap());
        }
        let twice =
            billed.stack.client.post(billed.stack.url(paths::STRIPE_EVENT)).body(body.clone());
        let twice = twice
            .header(signatures::stripe::HEADER.as_str(), &good)
            .header(signatures::stripe::HEADER.as_str(), &good);
        let response = twice.send().await.unwrap();
        assert_eq!(response.status(), 400);
        answers.push(response.text().await.unwrap());

        // Nothing tells which of the checks failed.
        let only = r#"{"error":"the request is not signed by its sender"}"#;
        assert!(answers.iter().all(|answer| answer == only), "{answers:#?}");
        billed.assert_nothing_written().await;
        let log = billed.stack.log().join("\n");
        for canary in [SECRET, "owner@example.com", digest] {
            assert!(!log.contains(canary), "{canary} is in the log: {log}");
        }
        // The one they are all made from is good.
        assert_eq!(billed.post(Some(&good), &body).await.status(), 200);
        billed.stack.stop().await;
    });
}

#[test]
fn what_is_signed_but_no_event_is_refused() {
    run(async {
        let billed = Billed::start().await;
        for body in [&b"{}"[..], b"", b"[]", b"\xff", b"\xef\xbb\xbf{}", br#"{"object":"event"}"#] {
            assert_eq!(billed.deliver(body).await, 400, "{body:?}");
        }
        billed.assert_nothing_written().await;
        billed.stack.stop().await;
    });
}

#[test]
fn large_events_are_taken_in_up_to_the_limit() {
    run(async {
        let billed = Billed::start().await;
        let large = |id: &str, size: usize| {
            let mut event = json!({
                "id": id, "object": "event", "type": "customer.updated", "livemode": false,
                "data": { "object": { "object": "customer", "description": "" } },
            });
            let missing = size - event.to_string().len();
            event["data"]["object"]["description"] = json!("x".repeat(missing));
            event.to_string().into_bytes()
        };
        assert_eq!(billed.deliver(&large("evt_1", 200_000)).await, 200);
        assert_eq!(billed.deliver(&large("evt_2", 1_000_000)).await, 200);
        assert_eq!(billed.deliver(&large("evt_3", 1024 * 1024)).await, 200);
        assert_eq!(billed.deliver(&large("evt_4", 1024 * 1024 + 1)).await, 413);
        assert_eq!(billed.logged().await, "3");
        billed.stack.stop().await;
    });
}

#[test]
fn a_rolled_secret_loses_no_event() {
    run(async {
        let billed = Billed::with_secrets("whsec_new, whsec_old").await;
        // Before, while Stripe signs with both, and after; and from two endpoints.
        let with: [&[&str]; 5] = [
            &["whsec_old"],
            &["whsec_old", "whsec_new"],
            &["whsec_new", "whsec_old"],
            &["whsec_new"],
            &["whsec_unknown", "whsec_new"],
        ];
        for (number, with) in with.iter().enumerate() {
            let body = format!(
                r#"{{"id":"evt_{number}","object":"event","type":"a.b","livemode":false,"data":{{}}}}"#
            );
            let body = body.as_bytes();
            assert_eq!(
                billed.post(Some(&signed(with, body)), body).await.status(),
                200,
                "{with:?}"
            );
        }
        assert_eq!(billed.logged().await, "5");
        billed.stack.stop().await;
    });
}

/// Trial, payment, failure, recovery, end: the shop's rights follow each event.
#[test]
fn a_shops_rights_follow_within_one_event() {
    run(async {
        let billed = Billed::start().await;
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
        billed.stack.stop().await;
    });
}

#[test]
fn thin_events_and_checkouts_lead_to_the_subscription_too() {
    run(async {
        let billed = Billed::start().await;
        for (file, status) in [
            ("2025-03-31.basil/checkout.session.completed.json", "trialing"),
            ("thin/v1.customer.subscription.updated.json", "active"),
            ("thin/v1.customer.subscription.deleted.json", "canceled"),
        ] {
            billed.set(json!({ "status": status }));
            assert_eq!(billed.deliver_file(file).await, 200, "{file}");
            assert_eq!(billed.standing().await, status, "{file}");
        }
        billed.stack.stop().await;
    });
}

#[test]
fn events_we_have_no_use_for_are_logged_and_acknowledged() {
    run(async {
        let billed = Billed::start().await;
        for file in ["2026-07-29.dahlia/charge.refunded.json", "thin/v1.customer.updated.json"] {
            assert_eq!(billed.deliver_file(file).await, 200);
            assert_eq!(billed.deliver_file(file).await, 200);
        }
        let mut connected = event("evt_connected", now());
        connected["account"] = json!("acct_1");
        assert_eq!(billed.deliver(connected.to_string().as_bytes()).await, 200);
        assert_eq!(billed.logged().await, "3");
        assert!(billed.stripe.world().requests.is_empty());
        billed.stack.stop().await;
    });
}

#[test]
fn a_subscription_of_no_shop_is_acknowledged_and_leaves_nothing() {
    run(async {
        let billed = Billed::start().await;
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
        billed.stack.stop().await;
    });
}

#[test]
fn promise_webhook_stripe_deliveries_at_the_same_instant_have_one_effect() {
    run(async {
        let billed = Billed::start().await;
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
        billed.stack.stop().await;
    });
}

/// Different events of one subscription, all at once, while it changes.
#[test]
fn a_burst_of_events_ends_in_what_stripe_has() {
    run(async {
        let billed = Billed::start().await;
        let statuses = ["trialing", "active", "past_due", "active", "unpaid", "active"];
        for seed in 0..10 {
            let mut random = Random::new(seed);
            let deliveries = (0..12).map(|number| {
                let body = event(&format!("evt_{seed}_{}", number % 6), now()).to_string();
                billed.set(json!({ "status": statuses[random.below(6)], "id": SUBSCRIPTION }));
                let billed = &billed;
                async move { while billed.deliver(body.as_bytes()).await != 200 {} }
            });
            join_all(deliveries).await;
            let want = billed.stripe.world().subscriptions[SUBSCRIPTION]["status"].clone();
            assert_eq!(billed.standing().await, want.as_str().unwrap(), "seed {seed}");
        }
        billed.stack.stop().await;
    });
}

#[test]
fn what_fails_here_or_at_stripe_is_a_503_and_comes_again() {
    run(async {
        let billed = Billed::start().await;
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
        billed.stack.stop().await;
    });
}

#[test]
fn the_daily_comparison_repairs_what_was_missed_in_thirty_days() {
    run(async {
        let billed = Billed::start().await;
        let other = "sub_other";
        let days = 24 * 3600;
        // The function was away for 32 days. Of the first two Stripe has forgotten.
        let begin = now();
        local::clock::advance(&billed.stack.database, std::time::Duration::from_secs(32 * days))
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
        billed.stack.stop().await;
    });
}

#[test]
fn a_listing_goes_on_where_it_was_cut_off() {
    run(async {
        let billed = Billed::start().await;
        billed.set(json!({ "status": "active" }));
        let begin = now();
        local::clock::advance(&billed.stack.database, std::time::Duration::from_secs(3600))
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
        local::clock::advance(&billed.stack.database, std::time::Duration::from_secs(24 * 3600))
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
        billed.stack.stop().await;
    });
}

#[test]
fn a_subscription_is_asked_about_when_no_event_came() {
    run(async {
        let billed = Billed::start().await;
        billed.set(json!({ "status": "active" }));
        let body = event("evt_1", now()).to_string();
        assert_eq!(billed.deliver(body.as_bytes()).await, 200);
        billed.set(json!({ "status": "canceled" }));
        assert_eq!(billed.reconcile().await, 200);
        // Its period was over when it was asked for: nothing is due yet.
        assert_eq!(billed.standing().await, "active");

        // One that Stripe does not have must not keep the others back.
        let lost = "insert into app.subscriptions (id, business_id, customer_id, status, cancel_at_period_end,
               is_collection_paused, created_at)
             select 'sub_0lost', business_id, customer_id, 'active', false, false, created_at
             from app.subscriptions";
        billed.stack.database.batch_execute(lost).await.unwrap();
        local::clock::advance(
            &billed.stack.database,
            std::time::Duration::from_secs(8 * 24 * 3600),
        )
        .await
        .unwrap();
        assert_eq!(billed.reconcile().await, 200);
        let status = format!("select status from app.subscriptions where id = '{SUBSCRIPTION}'");
        assert_eq!(billed.stack.value(&status).await, "canceled");
        billed.stack.stop().await;
    });
}

#[test]
fn a_shop_stands_as_its_newest_subscription_that_is_served() {
    run(async {
        let billed = Billed::start().await;
        let insert = "insert into app.subscriptions (id, business_id, customer_id, status,
               cancel_at_period_end, is_collection_paused, unpaid_since, created_at)
             values ($1, $2::text::uuid, 'cus_1', $3, false, $4,
               case when $3 = 'past_due' then app.clock() - make_interval(secs => $5) end,
               to_timestamp($6))";
        let known = format!("insert into app.stripe_customers values ('cus_1', '{BUSINESS}')");
        billed.stack.database.batch_execute(&known).await.unwrap();
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
                billed
                    .stack
                    .database
                    .execute(insert, &[&id, &BUSINESS, status, is_paused, since, &created])
                    .await
                    .unwrap();
            }
            let allows = format!("select app.billing_allows('{BUSINESS}')");
            let found = (billed.standing().await, billed.stack.value(&allows).await);
            assert_eq!(found, (standing.to_owned(), is_served.to_string()), "{subscriptions:?}");
        }
        billed.stack.stop().await;
    });
}

/// With the simulator's Stripe: what is done there, the shop stands by.
#[test]
fn a_subscription_made_at_stripe_serves_the_shop_until_it_is_cancelled() {
    run(async {
        let stack = TestStack::start().await;
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
        stack.stop().await;
    });
}

#[test]
fn the_demo_shop_is_paid_for() {
    run(async {
        let stack = TestStack::start().await;
        let allows = format!("select app.billing_allows('{BUSINESS}')");
        assert_eq!(stack.value(&allows).await, "true");
        stack.stop().await;
    });
}
