//! An account is closed: at once, wholly, whatever happens on the way; and what is
//! left says nothing of anybody.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{Router, extract::State, http::Uri};
use bytes::Bytes;
use leadslock::paths;
use local::simulator::{
    World,
    conversation::Until,
    stripe::{behaviour as at_stripe, checkout},
    twilio::{
        behaviour::{Answer, Behaviour, Callbacks, On},
        inbound::Medium,
        message::{Author, Status},
        webhook::DeliveryState,
    },
};
use operator::Task;
use reqwest::Response;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};
use uuid::Uuid;

use crate::support::{
    LEAD, OWNER, OWNER_PASSWORD, PATIENCE, SHOP, TestStack, interceptor::Manner, random::Random,
    run,
};

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
    local::clock::advance(&stack.database, wait).await.unwrap();
}

/// Lets the scheduler come and time pass, until the closure is at `step` or past all
/// of them.
pub(crate) async fn drive(stack: &TestStack, step: &str, patience: Duration) {
    let drive = async {
        loop {
            let standing = Standing::of(stack).await;
            if standing.step == step || standing.is_done {
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
        panic!("not at {step}: {}", stack.value(TOLD).await);
    }
}

/// Moves the clock past the purge date, and lets the closure end.
async fn drive_to_the_end(stack: &TestStack) {
    drive(stack, "key", PATIENCE).await;
    local::clock::advance(&stack.database, Duration::from_secs(90 * 86_400)).await.unwrap();
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

#[test]
fn promise_own_delete_an_account_is_closed_and_after_90_days_gone() {
    run(async {
        let stack = TestStack::start().await;
        let subscription = subscribe(&stack).await;
        live(&stack).await;
        let texts = stack.value("select count(*) from app.messages").await;
        let places: BTreeSet<String> = find(&stack, &IDENTIFIERS)
            .await
            .iter()
            .filter_map(|row| Some(row.split_once(':')?.0.to_owned()))
            .collect();
        let want = [
            "app.businesses",
            "app.consent_events",
            "app.leads",
            "app.messages",
            "auth.audit_log_entries",
            "auth.identities",
            "auth.users",
        ];
        assert!(places.is_superset(&want.map(str::to_owned).into()), "{places:?}");

        let closure = Owner::of(&stack).await.close().await;
        assert_eq!(closure["state"], "closing");
        assert_eq!(stack.value("select state from app.businesses").await, "closing");
        let purge = "select purge_at - requested_at = interval '90 days' from app.closures";
        assert_eq!(stack.value(purge).await, "true");
        drive(&stack, "key", PATIENCE).await;

        // The live stores.
        assert_eq!(find(&stack, &IDENTIFIERS).await, BTreeSet::new());
        assert_eq!(left_at_providers(&stack), Vec::<String>::new());
        assert_eq!(endings(&stack).await, BTreeMap::from([(subscription, 1)]));
        let checkouts = stack
            .simulator()
            .read(|world| world.stripe.sessions.iter().map(|one| one.status).collect::<Vec<_>>());
        assert_eq!(checkouts, [checkout::Status::Expired]);
        let objects = "select string_agg(distinct bucket_id, ',') from storage.objects";
        assert_eq!(stack.value(objects).await, "backups");
        assert_eq!(stack.value("select count(*) from auth.users").await, "0");
        assert_eq!(stack.value("select count(*) from auth.audit_log_entries").await, "1");
        assert_eq!(stack.value("select count(*) from app.suppressions").await, "1");
        let receipts = receipts(&stack).await;
        assert_eq!(
            receipts.keys().map(String::as_str).collect::<BTreeSet<_>>(),
            STEPS[..7].iter().copied().collect()
        );
        assert_eq!(receipts["rows"]["messages"].to_string(), texts);
        assert_eq!(receipts["rows"]["businesses"], 1);
        assert_eq!(receipts["owner"]["users"], 1);
        let shown_then = shown(&stack, &closure).await;
        assert_eq!(
            (&shown_then["state"], &shown_then["certificate"]),
            (&json!("erased"), &json!(null))
        );
        let status = stack.operator(Task::Status).await;
        assert_eq!(
            (&status["closures_sealed"], &status["closures_overdue"]),
            (&json!(1), &json!(0))
        );

        // The purge date: the key goes first, and whatever becomes of the object.
        let wait = "select extract(epoch from j.run_at - c.purge_at)::bigint
                    from app.closures c join app.jobs j on j.closure_id = c.id";
        assert_eq!(stack.value(wait).await, "0");
        stack.interceptor.set("backups", Manner::Unavailable);
        local::clock::advance(&stack.database, Duration::from_secs(90 * 86_400)).await.unwrap();
        assert_eq!(stack.run_scheduler().await, 200);
        let failed =
            "select count(*) from app.jobs where kind = 'closure' and last_fault is not null";
        stack.wait_for_value(failed, "1").await;
        assert_eq!(stack.value("select wrapped_key from app.closures").await, "null");
        assert_eq!(stack.value("select count(*) from storage.objects").await, "1");
        stack.interceptor.clear();
        drive(&stack, "done", PATIENCE).await;
        assert_eq!(stack.value("select count(*) from storage.objects").await, "0");
        let kept =
            "select count(*) from app.closures where wrapped_key is null and owner_id is null";
        assert_eq!(stack.value(kept).await, "1");
        let gone = shown(&stack, &closure).await;
        assert_eq!(gone["state"], "purged");
        let certificate = &gone["certificate"];
        assert_eq!(certificate["closure_id"], closure["closure_id"]);
        assert_eq!(certificate["receipts"].as_array().unwrap().len(), 9);
        assert_eq!(find(&stack, &IDENTIFIERS).await, BTreeSet::new());

        let file = std::env::temp_dir().join(format!("leadslock-certificate-{}", Uuid::new_v4()));
        std::fs::write(&file, format!("{certificate:#}")).unwrap();
        let verified = stack.operator(Task::VerifyCertificate { file: file.clone() }).await;
        std::fs::remove_file(file).unwrap();
        assert_eq!(verified["receipts"], certificate["receipts"]);
        stack.stop().await;
    });
}

/// Asked for by the wrong one, or in the wrong way: a clear answer, and nothing done.
#[test]
fn only_its_owner_signed_in_just_now_and_sure_of_it_closes_an_account() {
    run(async {
        let stack = TestStack::start().await;
        let url = stack.url(paths::ACCOUNT_DELETE);
        let anonymous = stack.client.post(url).body(CONFIRMATION).send().await.unwrap();
        assert_eq!(anonymous.status(), 401);
        let owner = Owner::of(&stack).await;
        let forged = Owner { stack: &stack, token: format!("{}x", owner.token) };
        assert_eq!(forged.send(CONFIRMATION).await.0, 401);
        let other =
            format!(r#"{{"confirmation":"Mile End Bikes","business_id":"{}"}}"#, Uuid::new_v4());
        for (body, want) in [
            ("", "it is not like"),
            ("{}", "it is not like"),
            (r#"{"confirmation":"Mile End Bikes","now":true}"#, "it is not like"),
            (r#"{"confirmation":""}"#, "is not the name"),
            (r#"{"confirmation":"Mile  End Bikes"}"#, "is not the name"),
            (r#"{"confirmation":"Mile End Bike"}"#, "is not the name"),
            (r#"{"confirmation":"Mile End Bikes."}"#, "is not the name"),
        ] {
            let (status, told) = owner.send(body).await;
            assert_eq!(status, 400, "{body}");
            assert!(told["error"].as_str().unwrap().contains(want), "{body}: {told}");
        }
        assert_eq!(owner.send(&other).await.0, 404);
        for place in [
            "",
            "?closure=x&token=y",
            &format!("?closure={}&token={}", Uuid::nil(), "0".repeat(64)),
        ] {
            let shown = show(&stack, &format!("{}{place}", paths::ACCOUNT_DELETE)).await;
            assert_eq!(shown.0, 404, "{place}");
        }

        // Genuine, and of a sign-in that is eleven minutes old.
        let ago = "update auth.sessions set created_at = created_at - interval '11 minutes'";
        stack.database.batch_execute(ago).await.unwrap();
        let refresh = "select token from auth.refresh_tokens where not revoked order by created_at desc limit 1";
        let (base, key) = stack.supabase();
        let request = stack
            .client
            .post(base.join("/auth/v1/token?grant_type=refresh_token").unwrap())
            .header("apikey", key)
            .header("content-type", "application/json")
            .body(json!({ "refresh_token": stack.value(refresh).await }).to_string());
        let (_, session) = read(request.send().await.unwrap()).await;
        let stale =
            Owner { stack: &stack, token: session["access_token"].as_str().unwrap().to_owned() };
        let want = json!({ "error": "this needs a sign-in of the last 10 minutes" });
        assert_eq!(stale.send(CONFIRMATION).await, (401, want));

        let owner = Owner::of(&stack).await;
        let enrol = "insert into auth.mfa_factors
                       (id, user_id, factor_type, status, created_at, updated_at)
                     select gen_random_uuid(), id, 'totp', 'verified', now(), now() from auth.users";
        stack.database.batch_execute(enrol).await.unwrap();
        let want = json!({ "error": "this needs the second factor" });
        assert_eq!(owner.send(CONFIRMATION).await, (401, want));
        stack.database.batch_execute("delete from auth.mfa_factors").await.unwrap();
        stack.database.batch_execute("delete from auth.sessions").await.unwrap();
        let want = json!({ "error": "the session has ended" });
        assert_eq!(owner.send(CONFIRMATION).await, (401, want));

        let nothing =
            "select (select state from app.businesses), (select count(*) from app.closures)";
        let nothing = format!("select t::text from ({nothing}) t (state, closures)");
        assert_eq!(stack.value(&nothing).await, "(active,0)");
        assert_eq!(stack.text_and_wait("Are you open?").await.texts.len(), 2);

        // Case and outer spaces are not what it is about.
        let owner = Owner::of(&stack).await;
        assert_eq!(owner.send(r#"{"confirmation":" mile end BIKES\n"}"#).await.0, 202);
        stack.stop().await;
    });
}

#[test]
fn asked_for_twice_or_at_once_there_is_one_closure() {
    run(async {
        let stack = TestStack::start().await;
        let owners = [Owner::of(&stack).await, Owner::of(&stack).await, Owner::of(&stack).await];
        stack.interceptor.set("next_closure_step", Manner::HoldRequest);
        let at_once = owners.iter().flat_map(|owner| (0..4).map(|_| owner.close()));
        let closures = futures_util::future::join_all(at_once).await;
        for closure in &closures {
            assert_eq!(closure["closure_id"], closures[0]["closure_id"]);
            assert_eq!(closure["status_url"], closures[0]["status_url"]);
        }
        assert_eq!(stack.interceptor.calls("request_closure"), 12);
        let owner = &owners[0];
        let response = owner.post(CONFIRMATION).await;
        let place = response.headers()["location"].to_str().unwrap().to_owned();
        assert_eq!(place, closures[0]["status_url"]);
        // The session that asked is gone: what is left of it opens nothing else.
        let export = stack.client.post(stack.url(paths::ACCOUNT_EXPORT)).bearer_auth(&owner.token);
        let export = export.body(r#"{"format":"csv"}"#).send().await.unwrap();
        assert_eq!(export.status(), 401);
        let (base, key) = stack.supabase();
        let request = stack
            .client
            .post(base.join("/auth/v1/token?grant_type=password").unwrap())
            .header("apikey", key)
            .header("content-type", "application/json")
            .body(json!({ "email": OWNER, "password": OWNER_PASSWORD }).to_string());
        let (status, refused) = read(request.send().await.unwrap()).await;
        assert_eq!((status, &refused["error_code"]), (400, &json!("user_banned")), "{refused}");

        stack.kill("account_delete").await;
        stack.interceptor.clear();
        local::clock::advance(&stack.database, Duration::from_secs(16 * 60)).await.unwrap();
        drive(&stack, "key", PATIENCE).await;
        // Erased, and still the same.
        assert_eq!(owner.close().await["closure_id"], closures[0]["closure_id"]);
        assert_eq!(stack.value("select count(*) from app.closures").await, "1");
        stack.stop().await;
    });
}

/// What goes wrong.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// At a call of Supabase's with this last part of its path. Held, the function that
    /// made it is killed.
    Supabase(&'static str, Manner),
    Twilio(On, Answer),
    Stripe(at_stripe::Answer),
}

/// The calls of a closure. Objects: deletions by their bucket, uploads by their last name.
const CALLS: [&str; 17] = [
    "claim_jobs closures",
    "next_closure_step",
    "next_closure_step",
    "end_closure_billing",
    "snapshot_backup",
    "backup_chunk",
    "end_backup",
    "seal_closure",
    "certify_closure",
    "fail_job",
    "claim_twilio_redactions",
    "settle_twilio_redactions",
    "media",
    "exports",
    "backups",
    "1",
    "2",
];

impl Fault {
    fn any(random: &mut Random) -> Self {
        let manner =
            *random.pick(&[Manner::HoldRequest, Manner::HoldResponse, Manner::Unavailable]);
        match random.below(4) {
            0 => Self::Twilio(
                *random.pick(&[On::Every, On::MediaDeletion]),
                *random.pick(&[
                    Answer::Refuse { status: 500, code: 20500 },
                    Answer::RateLimited,
                    Answer::HangUp,
                    Answer::AcceptThenHangUp,
                    Answer::AcceptThenFail,
                ]),
            ),
            1 => Self::Stripe(*random.pick(&[
                at_stripe::Answer::Refuse { status: 500 },
                at_stripe::Answer::RateLimited,
                at_stripe::Answer::HangUp,
                at_stripe::Answer::AcceptThenHangUp,
                at_stripe::Answer::AcceptThenFail,
            ])),
            _ => Self::Supabase(random.pick::<&str>(&CALLS), manner),
        }
    }

    fn set(self, stack: &TestStack, random: &mut Random) {
        let requests = Some(1 + u32::try_from(random.below(4)).unwrap());
        match self {
            Self::Supabase(call, manner) => stack.interceptor.set_once(call, manner),
            Self::Twilio(on, answer) => {
                stack.set_twilio([Behaviour { requests, on, answer, ..Default::default() }]);
            }
            Self::Stripe(answer) => stack.simulator().change(|world| {
                let behaviour = at_stripe::Behaviour { requests, answer, ..Default::default() };
                world.stripe.behaviours.set([behaviour]);
            }),
        }
    }
}

/// Lets the closure go on until it has met `fault`, or there is nothing to do for now.
async fn suffer(stack: &TestStack, fault: Fault, random: &mut Random) {
    let standing = Standing::of(stack).await;
    if standing.due_in > 0.0 {
        wait_as_it_does(stack, &standing).await;
    }
    let (call, is_held) = match fault {
        Fault::Supabase(call, manner) => (call, manner != Manner::Unavailable),
        _ => ("no such call", false),
    };
    let before = stack.interceptor.calls(call);
    fault.set(stack, random);
    let end = async {
        loop {
            let standing = Standing::of(stack).await;
            let is_met = is_held && stack.interceptor.calls(call) > before;
            if is_met || standing.is_done || standing.due_in > 0.0 && !standing.is_held(PATIENCE) {
                return;
            }
            if standing.due_in <= 0.0 {
                assert_eq!(stack.run_scheduler().await, 200);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    if tokio::time::timeout(PATIENCE, end).await.is_err() {
        panic!("{fault:?}: {}\n{}", stack.value(TOLD).await, stack.log().join("\n"));
    }
    if is_held {
        stack.kill("cron_deliver").await;
        local::clock::advance(&stack.database, Duration::from_secs(16 * 60)).await.unwrap();
    }
    stack.interceptor.clear();
}

/// Killed and failed at random points, again and again: it completes, and each effect
/// was had once. `LEADSLOCK_CLOSURE_SEEDS` says how many accounts to close so.
#[test]
fn killed_and_failed_at_any_point_it_completes() {
    let seeds = std::env::var("LEADSLOCK_CLOSURE_SEEDS").map_or(2, |seeds| seeds.parse().unwrap());
    for seed in 1..=seeds {
        println!("seed {seed}");
        let mut random = Random::new(seed);
        run(async {
            let stack = TestStack::start().await;
            let subscription = subscribe(&stack).await;
            live(&stack).await;
            let texts = stack.value("select count(*) from app.messages").await;
            let owner = Owner::of(&stack).await;
            if random.once_in(2) {
                let manner = *random.pick(&[Manner::HoldRequest, Manner::HoldResponse]);
                stack.interceptor.set_once("request_closure", manner);
                let first = owner.post(CONFIRMATION);
                let kill = async {
                    stack.interceptor.wait_for_calls("request_closure", 1).await;
                    stack.kill("account_delete").await;
                };
                futures_util::future::join(first, kill).await;
            }
            let closure = owner.close().await;
            let mut faults = Vec::new();
            for _ in 0..10 {
                let fault = Fault::any(&mut random);
                faults.push(fault);
                if Standing::of(&stack).await.step == "key" {
                    local::clock::advance(&stack.database, Duration::from_secs(90 * 86_400))
                        .await
                        .unwrap();
                }
                suffer(&stack, fault, &mut random).await;
            }
            stack.set_twilio([]);
            stack.simulator().change(|world| world.stripe.behaviours.set([]));
            drive_to_the_end(&stack).await;

            let told = format!("seed {seed}: {faults:?}");
            assert_eq!(find(&stack, &IDENTIFIERS).await, BTreeSet::new(), "{told}");
            assert_eq!(left_at_providers(&stack), Vec::<String>::new(), "{told}");
            assert_eq!(endings(&stack).await, BTreeMap::from([(subscription, 1)]), "{told}");
            assert_eq!(stack.value("select count(*) from storage.objects").await, "0", "{told}");
            let receipts = receipts(&stack).await;
            assert_eq!(receipts.len(), STEPS.len(), "{told}");
            assert_eq!(receipts["rows"]["messages"].to_string(), texts, "{told}");
            let shown = shown(&stack, &closure).await;
            assert_eq!(shown["state"], "purged", "{told}");
            assert_eq!(shown["certificate"]["receipts"][3]["detail"], receipts["rows"], "{told}");
            stack.stop().await;
        });
    }
}

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

/// How many rows there are of what a text leaves.
async fn traces(stack: &TestStack) -> String {
    let counts = ["leads", "messages", "jobs", "webhook_events", "status_events", "consent_events"]
        .map(|table| format!("(select count(*) from app.{table})"));
    stack.value(&format!("select row({})::text", counts.join(", "))).await
}

#[test]
fn promise_own_stop_a_text_to_a_closed_shop_leaves_nothing_but_an_opt_out() {
    const OTHERS: [&str; 2] = ["+15145550171", "+15145550172"];
    run(async {
        let stack = TestStack::start().await;
        live(&stack).await;
        // Twilio may report a text after it has let us wait for it.
        let on_their_way = "select count(*) from app.messages where direction = 'outbound'
                            and status in ('pending', 'accepted', 'queued', 'sending', 'sent')";
        stack.wait_for_value(on_their_way, "0").await;
        wait_for_webhooks(&stack).await;
        let known: Vec<String> = stack
            .simulator()
            .read(|world| world.twilio.messages.iter().map(|text| text.sid.clone()).collect());
        stack.interceptor.set("next_closure_step", Manner::HoldRequest);
        let closure = Owner::of(&stack).await.close().await;
        assert_eq!(closure["state"], "closing");

        let simulator = stack.simulator();
        let send = async |from: &str, body: &str| {
            simulator.text_with_media(from, SHOP, body, vec![picture()]).unwrap();
            wait_for_webhooks(&stack).await;
        };
        let before = traces(&stack).await;
        let answers = stack.answers();
        // While it is being closed.
        send(LEAD, &format!("Are you there? {WORD}")).await;
        send(OTHERS[0], &format!("Please stop texting me, {WORD}")).await;
        assert_eq!(traces(&stack).await, before);
        assert_eq!(stack.value("select count(*) from app.suppressions").await, "2");
        stack.kill("account_delete").await;
        stack.interceptor.clear();
        local::clock::advance(&stack.database, Duration::from_secs(16 * 60)).await.unwrap();
        drive(&stack, "key", PATIENCE).await;

        // And when it is.
        let before = traces(&stack).await;
        send(LEAD, &format!("Hello? {WORD}")).await;
        send(OTHERS[1], "ARRET").await;
        // What was told before is told again, about texts that are gone.
        for sid in known {
            let _ = simulator.redeliver(&sid, 2, true);
        }
        wait_for_webhooks(&stack).await;
        assert_eq!(traces(&stack).await, before);
        assert_eq!(stack.value("select count(*) from app.suppressions").await, "3");
        assert_eq!(stack.answers(), answers);
        // Nor does Twilio keep it.
        let owed = "select count(*) from app.twilio_redactions";
        assert_ne!(stack.value(owed).await, "0");
        assert_eq!(stack.run_scheduler().await, 200);
        stack.wait_for_value(owed, "0").await;
        assert_eq!(left_at_providers(&stack), Vec::<String>::new());
        let identifiers = [&IDENTIFIERS[..], &["5145550171", "5145550172"]].concat();
        assert_eq!(find(&stack, &identifiers).await, BTreeSet::new());

        // A new account gets the number, and imports whom the old one had.
        stack.open_shop("New Wheels", "new@example.com", SHOP).await;
        for phone in [STOPPED, OTHERS[0], OTHERS[1]] {
            simulator.text(phone, SHOP, "What are your opening hours?").unwrap();
            wait_for_webhooks(&stack).await;
            let refused = "select app.gate(id, 'owner', null)::text from app.leads
                           order by id desc limit 1";
            assert_eq!(stack.value(refused).await, "(,opted_out,)", "{phone}");
            let texts = simulator.conversation(phone, SHOP).texts;
            assert!(
                !texts.iter().any(|text| text.message.author == Author::Product
                    && text.message.body.contains("New Wheels")),
                "{phone}"
            );
        }
        stack.text_and_wait("And yours?").await;
        assert_ne!(stack.answers(), answers);
        stack.stop().await;
    });
}

#[test]
fn of_several_shops_one_is_closed_and_with_the_last_the_account() {
    run(async {
        let stack = TestStack::start().await;
        let second = "insert into app.businesses (owner_id, name, mailing_address, contact_email)
                      select owner_id, 'Plateau Bikes', '1 rue Rachel', 'a@example.com'
                      from app.businesses
                      returning id::text";
        let second: String = stack.rows(second, &[]).await[0].get(0);
        let owner = Owner::of(&stack).await;
        assert_eq!(owner.send(CONFIRMATION).await.0, 400);
        let ask =
            |name: &str, id: &str| json!({ "confirmation": name, "business_id": id }).to_string();
        assert_eq!(owner.send(&ask("Mile End Bikes", &second)).await.0, 400);
        let (status, first) = owner.send(&ask("Mile End Bikes", BUSINESS)).await;
        assert_eq!(status, 202);
        // The owner is still there, and may ask how it stands; but not export what goes.
        let export = stack.client.post(stack.url(paths::ACCOUNT_EXPORT)).bearer_auth(&owner.token);
        let body = json!({ "format": "csv", "business_id": BUSINESS }).to_string();
        assert_eq!(export.body(body).send().await.unwrap().status(), 404);
        let (_, again) = owner.send(&ask("Mile End Bikes", BUSINESS)).await;
        assert_eq!(again["closure_id"], first["closure_id"]);
        drive(&stack, "key", PATIENCE).await;
        assert_eq!(receipts(&stack).await["owner"], json!({ "users": 0 }));
        assert_eq!(stack.value("select count(*) from app.businesses").await, "1");

        let owner = Owner::of(&stack).await;
        let (status, last) = owner.send(r#"{"confirmation":"Plateau Bikes"}"#).await;
        assert_eq!(status, 202);
        assert_ne!(last["closure_id"], first["closure_id"]);
        drive(&stack, "key", PATIENCE).await;
        assert_eq!(stack.value("select count(*) from auth.users").await, "0");
        stack.stop().await;
    });
}

/// An answer that is being made is not sent; a text that Twilio may have is found there
/// before anything is sealed, and emptied like all others.
#[test]
fn what_is_under_way_is_cancelled_or_known_before_the_account_is_sealed() {
    const OTHER: &str = "+15145550124";
    run(async {
        let stack = TestStack::start().await;
        let simulator = stack.simulator();
        stack.set_twilio([Behaviour {
            requests: Some(1),
            answer: Answer::AcceptThenHangUp,
            callbacks: Callbacks {
                withheld: vec![Status::Sending, Status::Sent, Status::Delivered],
                ..Default::default()
            },
            ..Default::default()
        }]);
        stack.interceptor.set("settle_send", Manner::HoldRequest);
        stack.text("Are you open?");
        stack.interceptor.wait_for_calls("settle_send", 1).await;
        stack.interceptor.set("queue_outbound", Manner::HoldRequest);
        simulator.text(OTHER, SHOP, "And now?").unwrap();
        stack.interceptor.wait_for_calls("queue_outbound", 2).await;
        let open = "select string_agg(kind, ',' order by kind) from app.jobs
                    where state = 'open' and queue = 'texts'";
        assert_eq!(stack.value(open).await, "reply,send");

        let owner = Owner::of(&stack).await;
        owner.close().await;
        assert_eq!(stack.value(open).await, "send");
        stack.kill("sms_inbound").await;
        stack.interceptor.clear();
        drive(&stack, "seal", PATIENCE).await;
        let unknown = "select count(*) from app.messages
                       where direction = 'outbound' and twilio_sid is null";
        assert_eq!(stack.value(unknown).await, "0");
        drive(&stack, "key", PATIENCE).await;
        assert_eq!(simulator.conversation(OTHER, SHOP).texts.len(), 1);
        assert_eq!(left_at_providers(&stack), Vec::<String>::new());
        stack.stop().await;
    });
}

/// Whatever Twilio does or does not do: after 90 days the backup is gone.
#[test]
fn a_twilio_that_forgets_nothing_holds_up_no_purge() {
    run(async {
        let stack = TestStack::start().await;
        live(&stack).await;
        let closure = Owner::of(&stack).await.close().await;
        let fails = Behaviour { on: On::Every, answer: Answer::RateLimited, ..Default::default() };
        stack.set_twilio([fails]);
        drive(&stack, "twilio", PATIENCE).await;
        let tried = "select min(attempts) > 1 from app.twilio_redactions";
        while stack.value(tried).await != "true" {
            let standing = Standing::of(&stack).await;
            if standing.due_in > 0.0 && !standing.is_held(PATIENCE) {
                wait_as_it_does(&stack, &standing).await;
            }
            assert_eq!(stack.run_scheduler().await, 200);
        }
        local::clock::advance(&stack.database, Duration::from_secs(90 * 86_400)).await.unwrap();
        drive(&stack, "done", PATIENCE).await;
        assert_eq!(stack.value("select count(*) from storage.objects").await, "0");
        let shown = shown(&stack, &closure).await;
        let left = stack.value("select count(*) from app.twilio_redactions").await;
        assert_ne!(left, "0");
        let receipt = &shown["certificate"]["receipts"][6];
        assert_eq!(
            (&receipt["step"], receipt["detail"]["texts_left"].to_string()),
            (&json!("twilio"), left)
        );

        stack.set_twilio([]);
        local::clock::advance(&stack.database, Duration::from_secs(3600)).await.unwrap();
        assert_eq!(stack.run_scheduler().await, 200);
        stack.wait_for_value("select count(*) from app.twilio_redactions", "0").await;
        assert_eq!(left_at_providers(&stack), Vec::<String>::new());
        stack.stop().await;
    });
}

/// Twilio as far as it forgets: as fast as it can, however much it had.
struct Forgetful {
    url: String,
    /// How often each text was emptied, and each picture deleted.
    forgotten: Arc<Mutex<BTreeMap<String, usize>>>,
    server: JoinHandle<()>,
}

impl Forgetful {
    async fn start() -> Self {
        let forgotten = Arc::<Mutex<BTreeMap<String, usize>>>::default();
        let forget = async |State(forgotten): State<Arc<Mutex<BTreeMap<_, _>>>>, uri: Uri| {
            let sid = uri.path().rsplit('/').next().unwrap().replace(".json", "");
            *forgotten.lock().unwrap().entry(sid).or_default() += 1;
            "{}"
        };
        let router = Router::new().fallback(forget).with_state(Arc::clone(&forgotten));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.unwrap();
        });
        Self { url, forgotten, server }
    }
}

impl Drop for Forgetful {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// An account of years: `texts` of them, one in a hundred with a picture that Twilio
/// still has, too.
async fn add_years(stack: &TestStack, texts: i32) {
    let years = "with people as (
                   insert into app.leads (business_id, phone, phone_hmac, name)
                   select id, '+1438555' || lpad(n::text, 4, '0'), sha256(n::text::bytea), $2
                   from app.businesses, generate_series(0, least($1 / 10, 9999)) n
                   returning id, business_id
                 ), numbered as (
                   select *, row_number() over () - 1 as place, count(*) over () as count from people
                 ), texts as (
                   insert into app.messages (
                     business_id, lead_id, sender_phone, direction, author, body, status,
                     twilio_sid, legal_basis
                   )
                   select p.business_id, p.id, '+15145550100',
                     case n % 2 when 0 then 'inbound' else 'outbound' end,
                     case n % 2 when 0 then 'lead' else 'assistant' end,
                     $2 || ' ' || n, case n % 2 when 0 then 'received' else 'delivered' end,
                     'SM' || lpad(to_hex(n), 32, '0'), case n % 2 when 1 then 'response' end
                   from generate_series(1, $1) n
                   join numbered p on p.place = n % p.count
                   returning id, business_id, twilio_sid
                 )
                 insert into app.media (
                   message_id, position, business_id, twilio_sid, state, found_type, byte_count,
                   sha256, settled_at
                 )
                 select id, 0, business_id, replace(twilio_sid, 'SM', 'ME'), 'stored', 'image/jpeg',
                   3, sha256('abc'), now()
                 from texts
                 where twilio_sid like '%00'";
    stack.database.execute(years, &[&texts, &WORD]).await.unwrap();
    let storage = stack.storage();
    let paths = stack.rows("select storage_path from app.media", &[]).await;
    for paths in paths.chunks(8) {
        let uploads = paths.iter().map(async |row| {
            let bytes = Bytes::from_static(b"abc");
            storage.upload("media", row.get(0), "image/jpeg", bytes).await.unwrap();
        });
        futures_util::future::join_all(uploads).await;
    }
}

/// `LEADSLOCK_CLOSURE_TEXTS` says how busy.
#[test]
fn a_busy_account_is_wholly_gone() {
    let texts =
        std::env::var("LEADSLOCK_CLOSURE_TEXTS").map_or(700, |texts| texts.parse().unwrap());
    let patience = PATIENCE + Duration::from_millis(30) * u32::try_from(texts).unwrap();
    run(async {
        let twilio = Forgetful::start().await;
        let stack =
            TestStack::with_variables([("TWILIO_API_URL", Some(twilio.url.as_str()))]).await;
        let subscription = subscribe(&stack).await;
        add_years(&stack, texts).await;
        let pictures = stack.value("select count(*) from app.media").await;
        let began = Instant::now();
        let closure = Owner::of(&stack).await.close().await;
        println!("asked: {:?}", began.elapsed());
        for step in ["seal", "rows", "files", "owner", "twilio", "key"] {
            drive(&stack, step, patience).await;
            println!("until {step}: {:?}", began.elapsed());
        }

        assert_eq!(find(&stack, &IDENTIFIERS).await, BTreeSet::new());
        assert_eq!(endings(&stack).await, BTreeMap::from([(subscription, 1)]));
        let receipts = receipts(&stack).await;
        assert_eq!(receipts["rows"]["messages"], texts);
        assert_eq!(receipts["rows"]["media"].to_string(), pictures);
        assert_eq!(receipts["files"]["objects"].to_string(), pictures);
        assert_eq!(receipts["twilio"], json!({ "texts": texts, "texts_left": 0 }));
        assert_eq!(receipts["seal"]["pictures"].to_string(), pictures);
        let want: BTreeSet<String> = (1..=texts)
            .flat_map(|n| {
                [Some(format!("SM{n:032x}")), (n % 256 == 0).then(|| format!("ME{n:032x}"))]
            })
            .flatten()
            .collect();
        {
            // What is not answered in time on a busy machine is asked for again, to the same
            // effect.
            let forgotten = twilio.forgotten.lock().unwrap();
            assert!(forgotten.keys().eq(&want), "Twilio has forgotten other texts");
            let again = forgotten.values().filter(|times| **times > 1).count();
            println!("asked for more than once: {again}");
        }
        drive_to_the_end(&stack).await;
        assert_eq!(shown(&stack, &closure).await["state"], "purged");
        stack.stop().await;
    });
}
