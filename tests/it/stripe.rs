//! Stripe's events and the daily comparison, through the real functions.

mod events;
mod reconcile;
mod signing;
mod standing;

use std::{
    fs,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use leadslock::paths;
use reqwest::Response;
use secrecy::SecretString;
use serde_json::{Value, json};
use trust::signatures;

use crate::support::{TestStack, run, stripe::Stripe};

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

/// Runs a test on such a stack.
fn billed(test: impl AsyncFnOnce(&Billed)) {
    run(async {
        let billed = Billed::start().await;
        test(&billed).await;
        billed.stack.stop().await;
    });
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
