//! An account is closed: at once, wholly, whatever happens on the way; and what is
//! left says nothing of anybody.

mod asking;
mod faults;
mod meanwhile;
mod whole;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use leadslock::paths;
use reqwest::Response;
use serde_json::Value;
use simulators::{
    World,
    conversation::Until,
    twilio::{inbound::Medium, message::Author, webhook::DeliveryState},
};

use crate::support::{LEAD, OWNER, PATIENCE, SHOP, TestStack};

pub(crate) const BUSINESS: &str = "0193a000-0000-7000-8000-000000000010";
const CONFIRMATION: &str = r#"{"confirmation":"Mile End Bikes"}"#;

/// Who opts out, and texts again later.
pub(crate) const STOPPED: &str = "+15145550177";

/// A word in a text, and in nothing else there is.
const WORD: &str = "Quokkazanzibar";

/// What nothing may be found of. The number of the shop is the service's own.
pub(crate) const IDENTIFIERS: [&str; 8] = [
    "5145550123",
    "5145550177",
    WORD,
    OWNER,
    "Mile End Bikes",
    "rue de Bordeaux",
    "mileendbikes",
    "5145550199",
];

/// The owner of the demo shop, with a token of a sign-in just now.
pub(crate) struct Owner<'a> {
    stack: &'a TestStack,
    token: String,
}

impl<'a> Owner<'a> {
    pub(crate) async fn of(stack: &'a TestStack) -> Self {
        Self { stack, token: stack.sign_in_owner().await }
    }

    async fn post(&self, body: &str) -> Response {
        let url = self.stack.url(paths::ACCOUNT_DELETE);
        let request = self.stack.client.post(url).bearer_auth(&self.token);
        request.body(body.to_owned()).send().await.unwrap()
    }

    async fn send(&self, body: &str) -> (u16, Value) {
        read(self.post(body).await).await
    }

    /// Closes the account, and returns the closure.
    pub(crate) async fn close(&self) -> Value {
        let (status, closure) = self.send(CONFIRMATION).await;
        assert_eq!(status, 202, "{closure}");
        closure
    }
}

async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    (status, serde_json::from_str(&response.text().await.unwrap()).unwrap())
}

/// What whoever has the link sees, without a session.
async fn show(stack: &TestStack, place: &str) -> (u16, Value) {
    read(stack.client.get(stack.url(place)).send().await.unwrap()).await
}

pub(crate) async fn shown(stack: &TestStack, closure: &Value) -> Value {
    let (status, shown) = show(stack, closure["status_url"].as_str().unwrap()).await;
    assert_eq!(status, 200, "{shown}");
    shown
}

fn picture() -> Medium {
    let mut content = b"\xff\xd8\xff\xe0\0\x10JFIF\0".to_vec();
    content.extend([7; 3000]);
    content.extend(b"\xff\xd9");
    Medium::file("image/jpeg", &content)
}

/// A shop that was busy: conversations with pictures, an opt-out, a bundle, and what
/// Auth writes down. All of it came about as it does.
pub(crate) async fn live(stack: &TestStack) {
    stack.text_and_wait(&format!("Hi, {WORD} here. What is a tune-up?")).await;
    let simulator = stack.simulator();
    simulator.text_with_media(LEAD, SHOP, WORD, vec![picture(), picture()]).unwrap();
    stack.wait(Until::Delivered).await;
    simulator.text(STOPPED, SHOP, &format!("Please stop texting me, {WORD}")).unwrap();
    simulator.wait_until(STOPPED, SHOP, Until::Settled, PATIENCE).await.unwrap();
    stack.wait_for_value("select count(*) from app.suppressions", "1").await;
    stack.wait_for_value("select count(*) from app.jobs where state = 'open'", "0").await;

    let token = stack.sign_in_owner().await;
    let ask = stack.client.post(stack.url(paths::ACCOUNT_EXPORT)).bearer_auth(token);
    let asked = ask.body(r#"{"format":"json"}"#).send().await.unwrap();
    assert_eq!(asked.status(), 202);
    stack.wait_for_value("select count(*) from app.exports where state = 'ready'", "1").await;
    let logged = "insert into auth.audit_log_entries (id, payload, created_at)
                  select gen_random_uuid(), p::json, now()
                  from auth.users u, unnest(array[
                    json_build_object('actor_id', u.id, 'action', 'login')::text,
                    json_build_object('traits', json_build_object('user_email', upper(u.email)))::text,
                    '{\"actor_username\": \"somebody@else.example\"}'
                  ]) p";
    stack.database.execute(logged, &[]).await.unwrap();
}

/// A subscription at the simulator's Stripe, as Checkout makes one, and a page on which
/// another could be made. Returns its id.
pub(crate) async fn subscribe(stack: &TestStack) -> String {
    let clear = "delete from app.subscriptions; delete from app.stripe_customers";
    stack.database.batch_execute(clear).await.unwrap();
    let customer = stripe(stack, "/v1/customers", &[("email", OWNER)]).await;
    let customer = customer["id"].as_str().unwrap();
    let subscription = stripe(
        stack,
        "/v1/subscriptions",
        &[
            ("customer", customer),
            ("items[0][price]", "price_local_month"),
            ("trial_period_days", "14"),
            ("metadata[business_id]", BUSINESS),
        ],
    )
    .await;
    stripe(
        stack,
        "/v1/checkout/sessions",
        &[
            ("mode", "subscription"),
            ("customer", customer),
            ("line_items[0][price]", "price_local_year"),
            ("line_items[0][quantity]", "1"),
            ("success_url", "https://leadslock.example/"),
        ],
    )
    .await;
    let standing = format!("select app.billing_standing('{BUSINESS}')");
    stack.wait_for_value(&standing, "trialing").await;
    subscription["id"].as_str().unwrap().to_owned()
}

pub(crate) async fn stripe(stack: &TestStack, path: &str, form: &[(&str, &str)]) -> Value {
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let url = format!("{}{path}", stack.simulator().stripe_api_url());
    let request = stack.client.post(url).bearer_auth("sk_test_local");
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let (status, made) = read(request.body(form).send().await.unwrap()).await;
    assert_eq!(status, 200, "{made}");
    made
}

/// What is told of a closure that does not get on.
const TOLD: &str =
    "select row(c.step, j.attempts, j.last_fault, j.run_at - app.clock(), c.erased)::text
     from app.closures c join app.jobs j on j.closure_id = c.id";

/// Where the newest closure stands.
struct Standing {
    step: String,
    is_done: bool,
    /// From when it may be claimed, in seconds.
    due_in: f64,
}

impl Standing {
    async fn of(stack: &TestStack) -> Self {
        let newest = "select c.step, c.state = 'done',
                             extract(epoch from j.run_at - app.clock())::float8
                      from app.closures c join app.jobs j on j.closure_id = c.id
                      order by c.requested_at desc limit 1";
        let row = &stack.rows(newest, &[]).await[0];
        Self { step: row.get(0), is_done: row.get(1), due_in: row.get(2) }
    }

    /// Whether somebody works on it. A lease is 15 minutes, and each call renews it; whoever
    /// makes none for a third of the time a test has, or 5 minutes, is dead, for a call of a function that
    /// was killed may still claim it.
    fn is_held(&self, patience: Duration) -> bool {
        let silence = (patience / 3).min(Duration::from_secs(300));
        (900.0 - silence.as_secs_f64()..=900.0).contains(&self.due_in)
    }
}

/// Lets time pass as far as a closure waits for it.
async fn wait_as_it_does(stack: &TestStack, standing: &Standing) {
    let wait = Duration::from_secs_f64(standing.due_in) + Duration::from_secs(1);
    stack::clock::advance(&stack.database, wait).await.unwrap();
}

/// Lets the scheduler come and time pass, until the closure is at `step` or past all
/// of them.
pub(crate) async fn drive(stack: &TestStack, step: &str, patience: Duration) {
    let is_there = async |standing: &Standing| standing.step == step || standing.is_done;
    drive_until(stack, step, patience, is_there).await;
}

/// Lets the scheduler come and time pass, until the closure is as `is_there` wants it.
async fn drive_until(
    stack: &TestStack,
    what: &str,
    patience: Duration,
    is_there: impl AsyncFn(&Standing) -> bool,
) {
    let drive = async {
        loop {
            let standing = Standing::of(stack).await;
            if is_there(&standing).await {
                return;
            }
            if standing.due_in <= 0.0 {
                assert_eq!(stack.run_scheduler().await, 200);
            } else if !standing.is_held(patience) {
                wait_as_it_does(stack, &standing).await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    if tokio::time::timeout(patience, drive).await.is_err() {
        panic!("not at {what}: {}", stack.value(TOLD).await);
    }
}

/// Moves the clock past the purge date, and lets the closure end.
async fn drive_to_the_end(stack: &TestStack) {
    drive(stack, "key", PATIENCE).await;
    stack::clock::advance(&stack.database, Duration::from_secs(90 * 86_400)).await.unwrap();
    drive(stack, "done", PATIENCE).await;
}

/// Rows of any table of any schema, the system's own included, in which something of
/// `identifiers` stands: as text, or in bytes.
pub(crate) async fn find(stack: &TestStack, identifiers: &[&str]) -> BTreeSet<String> {
    let tables = "select format('%I.%I', n.nspname, c.relname)
                  from pg_catalog.pg_class c
                  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
                  where c.relkind in ('r', 'm')";
    let hex = |text: &&str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let patterns: Vec<String> = identifiers
        .iter()
        .map(ToString::to_string)
        .chain(identifiers.iter().map(hex))
        .map(|text| format!("%{text}%"))
        .collect();
    let mut found = BTreeSet::new();
    for table in stack.rows(tables, &[]).await {
        let name: &str = table.get(0);
        let rows = format!("select t::text from {name} t where t::text ilike any ($1)");
        found.extend(
            stack
                .rows(&rows, &[&patterns])
                .await
                .iter()
                .map(|row| format!("{name}: {}", row.get::<_, &str>(0))),
        );
    }
    found
}

/// What is wrong with what the simulators still have.
fn left_at_providers(stack: &TestStack) -> Vec<String> {
    stack.simulator().read(|world| {
        let texts = world
            .twilio
            .messages
            .iter()
            .filter(|text| text.author != Author::Twilio && !text.is_redacted)
            .map(|text| format!("a text of {:?} that is {:?}", text.author, text.status));
        let media = world.twilio.media.iter().filter(|medium| !medium.is_deleted);
        let subscriptions = world.stripe.subscriptions.iter().filter(|one| !one.status.is_over());
        texts
            .chain(media.map(|_| "a picture".to_owned()))
            .chain(subscriptions.map(|one| one.id.clone()))
            .collect()
    })
}

/// How often each subscription has ended, by Stripe's own events.
async fn endings(stack: &TestStack) -> BTreeMap<String, usize> {
    let query = "/v1/events?type=customer.subscription.deleted&limit=100";
    let url = format!("{}{query}", stack.simulator().stripe_api_url());
    let request = stack.client.get(url).bearer_auth("sk_test_local");
    let (_, events) = read(request.send().await.unwrap()).await;
    let mut endings = BTreeMap::new();
    for event in events["data"].as_array().unwrap() {
        let id = event["data"]["object"]["id"].as_str().unwrap().to_owned();
        *endings.entry(id).or_default() += 1;
    }
    endings
}

async fn receipts(stack: &TestStack) -> BTreeMap<String, Value> {
    let rows = "select step, detail from app.closure_receipts";
    stack.rows(rows, &[]).await.iter().map(|row| (row.get(0), row.get(1))).collect()
}

const STEPS: [&str; 10] = [
    "billing",
    "settle",
    "seal",
    "rows",
    "files",
    "owner",
    "twilio",
    "key",
    "object",
    "certificate",
];

/// What became of the webhooks Twilio has called.
fn webhooks(stack: &TestStack) -> (usize, usize) {
    stack.simulator().read(|world| {
        let deliveries = &world.twilio.deliveries;
        let answered = deliveries.iter().filter(|one| one.state == DeliveryState::Answered);
        (deliveries.len(), answered.count())
    })
}

pub(crate) async fn wait_for_webhooks(stack: &TestStack) {
    let is_over = |world: &World| {
        let mut deliveries = world.twilio.deliveries.iter();
        (!deliveries.any(|one| one.state == DeliveryState::Running)).then_some(())
    };
    stack.simulator().wait_for("all webhooks", PATIENCE, is_over).await.unwrap();
    let (called, answered) = webhooks(stack);
    assert_eq!(called, answered, "a webhook was refused");
}
