//! An owner takes everything along: all of it, of one moment, and nobody else's.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Cursor, Read as _},
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use leadslock::{
    data::export::{schema::FILES, verify::verify},
    paths,
};
use local::simulator::twilio::inbound::Medium;
use operator::Task;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use trust::text::hex;
use uuid::Uuid;

use crate::support::{
    LEAD, OWNER, OWNER_PASSWORD, PATIENCE, SHOP, TestStack, calls::Calls, interceptor::Manner, run,
};

/// What a lead may write.
const NASTY: [&str; 12] = [
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(1)",
    "\t=1",
    "'quoted'",
    "a \"quote\", a comma\r\nand lines\n\n",
    "\u{1}\u{7f}\u{feff}\\u0000 \\",
    "\u{202e}עברית العربية\u{202c}",
    "🚲👩‍🔧 é e\u{301}",
    "",
    "</script>{\"a\":1}",
];

/// The owner of the demo shop, signed in.
struct Owner<'a> {
    stack: &'a TestStack,
    token: String,
}

impl<'a> Owner<'a> {
    async fn of(stack: &'a TestStack) -> Self {
        Self { stack, token: stack.sign_in(OWNER, OWNER_PASSWORD).await }
    }

    async fn send(&self, method: Method, path: &str, body: &str) -> (u16, Value) {
        let response = self.response(method, path, body).await;
        let status = response.status().as_u16();
        (status, serde_json::from_str(&response.text().await.unwrap()).unwrap())
    }

    async fn response(&self, method: Method, path: &str, body: &str) -> Response {
        let url = self.stack.url(path);
        let request = self.stack.client.request(method, url).bearer_auth(&self.token);
        request.body(body.to_owned()).send().await.unwrap()
    }

    fn request(&self, body: &'static str) -> reqwest::RequestBuilder {
        let url = self.stack.url(paths::ACCOUNT_EXPORT);
        self.stack.client.post(url).bearer_auth(&self.token).body(body)
    }

    /// The session, as the database is told of it.
    async fn session(&self) -> Value {
        let sql = "select jsonb_build_object('user_id', user_id, 'session_id', id, 'aal', 'aal1')
                   from auth.sessions order by created_at desc limit 1";
        self.stack.rows(sql, &[]).await[0].get(0)
    }

    /// Asks for an export, and returns it.
    async fn ask(&self, format: &str) -> Value {
        let body = json!({ "format": format }).to_string();
        let (status, export) = self.send(Method::POST, paths::ACCOUNT_EXPORT, &body).await;
        assert_eq!(status, 202, "{export}");
        export
    }

    async fn show(&self, export: &Value) -> Value {
        let path = export["status_url"].as_str().unwrap();
        let (status, export) = self.send(Method::GET, path, "").await;
        assert_eq!(status, 200, "{export}");
        export
    }

    /// Waits until an export is ready, while the scheduler comes again and again.
    async fn wait(&self, export: &Value) -> Value {
        let wait = async {
            loop {
                let shown = self.show(export).await;
                if shown["state"] == "ready" {
                    return shown;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, wait).await;
        waited.unwrap_or_else(|_| panic!("{export} is not ready"))
    }

    /// The bundle of an export that is ready, which is what it is said to be.
    async fn fetch(&self, export: &Value) -> Bundle {
        let response =
            self.stack.client.get(export["link"]["url"].as_str().unwrap()).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let bytes = response.bytes().await.unwrap().to_vec();
        assert_eq!(export["byte_count"], bytes.len());
        assert_eq!(export["sha256"], sha256(&bytes));
        let report = verify(Cursor::new(&bytes)).unwrap();
        assert_eq!(report.faults, Vec::<String>::new());
        let rows = report
            .manifest
            .files
            .iter()
            .filter_map(|file| Some((file.name.split('.').next()?.to_owned(), file.rows?)));
        Bundle { rows: rows.collect(), bytes }
    }

    async fn take(&self, format: &str) -> Bundle {
        let export = self.ask(format).await;
        self.fetch(&self.wait(&export).await).await
    }
}

struct Bundle {
    bytes: Vec<u8>,
    /// How many rows each file has.
    rows: BTreeMap<String, u64>,
}

impl Bundle {
    fn file(&self, name: &str) -> String {
        let mut zip = zip::ZipArchive::new(Cursor::new(&self.bytes)).unwrap();
        let mut text = String::new();
        zip.by_name(name).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    /// The rows of a file of JSON Lines.
    fn json(&self, name: &str) -> Vec<Value> {
        let text = self.file(&format!("{name}.jsonl"));
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The rows of a CSV file, as somebody reads them who knows the rule of the apostrophe.
    fn csv(&self, name: &str) -> Vec<BTreeMap<String, String>> {
        let text = self.file(&format!("{name}.csv"));
        let mut reader =
            csv::Reader::from_reader(text.strip_prefix('\u{feff}').unwrap().as_bytes());
        let plain = |(name, cell): (String, String)| {
            (name, cell.strip_prefix('\'').unwrap_or(&cell).to_owned())
        };
        reader
            .deserialize::<BTreeMap<String, String>>()
            .map(|row| row.unwrap().into_iter().map(plain).collect())
            .collect()
    }
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes))
}

/// Adds texts to the demo shop, with every kind of body.
async fn fill(stack: &TestStack, count: i32) {
    let calls = Calls(stack);
    calls.receive(1, "text", NASTY[0]).await;
    calls.receive(2, "stop", "STOP").await;
    let bodies: Vec<&str> = NASTY.to_vec();
    let more = "insert into app.messages
                  (business_id, lead_id, sender_phone, direction, author, body, status)
                select l.business_id, l.id, '+15145550100', 'inbound', 'lead',
                       ($1::text[])[n % cardinality($1::text[]) + 1], 'received'
                from app.leads l, generate_series(1, $2::integer) n";
    stack.database.execute(more, &[&bodies, &count]).await.unwrap();
}

/// No object is left but those of exports that are ready.
async fn check_objects(stack: &TestStack) {
    let orphans = "select count(*) from storage.objects o
                   where o.bucket_id = 'exports'
                     and not exists (
                       select from app.exports e
                       where e.storage_path = o.name and e.state = 'ready'
                     )";
    assert_eq!(stack.value(orphans).await, "0");
}

#[test]
fn everything_is_in_the_bundle_in_both_formats() {
    run(async {
        let stack = TestStack::start().await;
        fill(&stack, 2000).await;
        let owner = Owner::of(&stack).await;
        let bodies = stack
            .rows("select body from app.messages order by id", &[])
            .await
            .iter()
            .map(|row| row.get::<_, String>(0))
            .collect::<Vec<_>>();

        let bundle = owner.take("json").await;
        for (file, count) in &bundle.rows {
            assert_eq!(bundle.json(file).len() as u64, *count, "{file}");
        }
        assert_eq!(bundle.rows.keys().map(String::as_str).collect::<BTreeSet<_>>(), names());
        for (file, sql) in [
            ("profile", "select count(*) from app.businesses"),
            ("numbers", "select count(*) from app.sender_numbers where business_id is not null"),
            ("leads", "select count(*) from app.leads"),
            ("messages", "select count(*) from app.messages"),
            ("consent", "select count(*) from app.consent_events"),
            ("suppressions", "select count(*) from app.suppressions"),
            ("audit", "select count(*) from app.audit_events where action <> 'export_ready'"),
        ] {
            assert_eq!(bundle.rows[file].to_string(), stack.value(sql).await, "{file}");
        }
        let messages = bundle.json("messages");
        assert_eq!(messages.iter().map(|row| row["body"].clone()).collect::<Vec<_>>(), bodies);
        assert_eq!(bundle.json("leads")[0]["phone"], LEAD);
        assert_eq!(bundle.json("profile")[0]["owner_email"], OWNER);

        let bundle = owner.take("csv").await;
        let messages = bundle.csv("messages");
        assert_eq!(messages.iter().map(|row| row["body"].clone()).collect::<Vec<_>>(), bodies);
        assert_eq!(bundle.csv("leads")[0]["phone"], LEAD);
        let raw = bundle.file("messages.csv");
        assert!(raw.contains("\"'=cmd|") && !raw.contains("\"=cmd|"));
        assert!(bundle.file("README.txt").contains("le français suit"));
        check_objects(&stack).await;
        assert_eq!(stack.value("select count(*) from app.export_chunks").await, "0");

        let file = std::env::temp_dir().join(format!("leadslock-bundle-{}.zip", Uuid::new_v4()));
        std::fs::write(&file, &bundle.bytes).unwrap();
        let report = stack.operator(Task::VerifyBundle { file: file.clone() }).await;
        std::fs::remove_file(file).unwrap();
        assert_eq!(report["sha256"], sha256(&bundle.bytes));
        stack.stop().await;
    });
}

fn names() -> BTreeSet<&'static str> {
    FILES.iter().map(|file| file.name).collect()
}

/// What is in the bundle is what its snapshot could see: not one text more or less.
#[test]
fn it_is_all_of_one_moment_while_texts_keep_arriving() {
    run(async {
        let stack = TestStack::start().await;
        fill(&stack, 3000).await;
        let owner = Owner::of(&stack).await;
        let (stop, mut stopped) = tokio::sync::oneshot::channel();
        let writer = stack.connect().await;
        let arriving = tokio::spawn(async move {
            let text = "insert into app.messages
                          (business_id, lead_id, sender_phone, direction, author, body, status)
                        select business_id, id, '+15145550100', 'inbound', 'lead', 'more', 'received'
                        from app.leads";
            let mut pace = tokio::time::interval(Duration::from_millis(20));
            while stopped.try_recv().is_err() {
                writer.execute(text, &[]).await.unwrap();
                pace.tick().await;
            }
        });
        let more = "select count(*) >= 3050 from app.messages";
        stack.wait_for_value(more, "true").await;

        let export = owner.ask("json").await;
        let ready = owner.wait(&export).await;
        let then = stack.value("select count(*) from app.messages").await;
        stop.send(()).unwrap();
        arriving.await.unwrap();

        let bundle = owner.fetch(&ready).await;
        let visible = "select m.id::text
                       from app.messages m, app.exports e
                       where pg_visible_in_snapshot(m.xmin::text::xid8, e.snapshot::pg_snapshot)
                       order by m.id";
        let visible: Vec<String> =
            stack.rows(visible, &[]).await.iter().map(|row| row.get(0)).collect();
        let exported = bundle.json("messages");
        let exported: Vec<_> = exported.iter().map(|row| row["id"].as_str().unwrap()).collect();
        assert_eq!(exported, visible);
        assert!(visible.len() > 3050 && visible.len() <= then.parse().unwrap());
        stack.stop().await;
    });
}

#[test]
fn who_asks_again_gets_the_one_under_way() {
    run(async {
        let stack = TestStack::start().await;
        let owner = Owner::of(&stack).await;
        stack.interceptor.set("snapshot_export", Manner::HoldRequest);
        let response =
            owner.response(Method::POST, paths::ACCOUNT_EXPORT, r#"{"format":"csv"}"#).await;
        let place = response.headers()["location"].to_str().unwrap().to_owned();
        let first: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        assert_eq!(first["status_url"], place);
        assert_eq!(owner.ask("csv").await["export_id"], first["export_id"]);
        assert_ne!(owner.ask("json").await["export_id"], first["export_id"]);
        let shown = owner.show(&first).await;
        assert_eq!((&shown["state"], &shown["rows_done"]), (&json!("open"), &json!(0)));
        assert!(shown.get("link").is_none() && shown.get("storage_path").is_none());

        stack.kill("account_export").await;
        stack.interceptor.clear();
        stack.run_scheduler_later().await;
        stack.run_scheduler_later().await;
        let owner = Owner::of(&stack).await;
        owner.fetch(&owner.wait(&first).await).await;
        assert_ne!(owner.ask("csv").await["export_id"], first["export_id"]);
        stack.stop().await;
    });
}

#[test]
fn only_the_owner_gets_it_and_only_while_signed_in() {
    run(async {
        let stack = TestStack::start().await;
        let owner = Owner::of(&stack).await;
        let export = owner.ask("json").await;
        let export = owner.wait(&export).await;
        let path = export["status_url"].as_str().unwrap();

        // Somebody else who owns a shop.
        let other = "with u as (
                       insert into auth.users
                         (id, aud, role, email, encrypted_password, email_confirmed_at,
                          raw_app_meta_data, raw_user_meta_data, created_at, updated_at)
                       select gen_random_uuid(), aud, role, 'other@example.com',
                              encrypted_password, now(), raw_app_meta_data, '{}', now(), now()
                       from auth.users
                       returning id
                     ),
                     i as (
                       insert into auth.identities
                         (id, provider_id, user_id, provider, identity_data, last_sign_in_at,
                          created_at, updated_at)
                       select gen_random_uuid(), id::text, id, 'email',
                              jsonb_build_object('sub', id, 'email', 'other@example.com'),
                              now(), now(), now()
                       from u
                     )
                     insert into app.businesses (owner_id, name, mailing_address, contact_email)
                     select id, 'Other', 'Elsewhere', 'x@example.com' from u";
        stack.database.batch_execute(other).await.unwrap();
        let token = stack.sign_in("other@example.com", OWNER_PASSWORD).await;
        let other = Owner { stack: &stack, token };
        let none = json!({ "error": "the request is not valid: there is no such export" });
        assert_eq!(other.send(Method::GET, path, "").await, (404, none.clone()));
        let business = stack.value("select id from app.businesses where name <> 'Other'").await;
        let body = json!({ "format": "csv", "business_id": business }).to_string();
        assert_eq!(
            other.send(Method::POST, paths::ACCOUNT_EXPORT, &body).await,
            (404, none.clone())
        );

        for path in ["", "?id=", "?id=x", &format!("?id={}", Uuid::nil())] {
            let path = format!("{}{path}", paths::ACCOUNT_EXPORT);
            assert_eq!(owner.send(Method::GET, &path, "").await, (404, none.clone()), "{path}");
        }
        for body in ["", "{}", "[]", r#"{"format":"xml"}"#, r#"{"format":"csv","a":1}"#] {
            let (status, told) = owner.send(Method::POST, paths::ACCOUNT_EXPORT, body).await;
            assert_eq!(status, 400, "{told}");
        }
        for (token, sentence) in [
            ("", "the access token is not readable"),
            ("x", "the access token is not readable"),
            // {"alg":"none"}, and the key type of a secret.
            ("eyJhbGciOiJub25lIn0.e30.", "the access token is not valid"),
            ("eyJhbGciOiJIUzI1NiJ9.e30.AAAA", "the access token is not valid"),
        ] {
            let stranger = Owner { stack: &stack, token: token.to_owned() };
            for method in [Method::GET, Method::POST] {
                let (status, told) = stranger.send(method, path, r#"{"format":"csv"}"#).await;
                assert_eq!(status, 401, "{token}");
                assert_eq!(told["error"], sentence, "{token}");
            }
        }

        // A link is good for its time, and only for its object.
        let link = export["link"]["url"].as_str().unwrap();
        let token = link.split("token=").nth(1).unwrap().split('&').next().unwrap();
        let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        let lifetime = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
        assert_eq!((lifetime, &export["link"]["expires_in"]), (900, &json!(900)));
        for spoilt in [link.replace("token=", "token=x"), link.replace(".zip", ".zip2")] {
            assert_ne!(stack.client.get(spoilt).send().await.unwrap().status(), 200);
        }

        // Signed out: the token is genuine, and no good.
        let (url, key) = stack.supabase();
        let request = stack.client.post(url.join("/auth/v1/logout?scope=global").unwrap());
        let request = request.header("apikey", key).bearer_auth(&owner.token);
        assert_eq!(request.send().await.unwrap().status(), 204);
        let (status, told) = owner.send(Method::GET, path, "").await;
        assert_eq!((status, &told["error"]), (401, &json!("the session has ended")));
        stack.stop().await;
    });
}

/// A renewed token is as genuine as the first, and says that the sign-in was long ago.
#[test]
fn who_signed_in_long_ago_or_by_half_has_to_show_more() {
    run(async {
        let stack = TestStack::start().await;
        let owner = Owner::of(&stack).await;
        let ready = owner.wait(&owner.ask("csv").await).await;
        let path = ready["status_url"].as_str().unwrap();

        let signed_in = "update auth.sessions set created_at = created_at - interval '11 minutes'";
        stack.database.batch_execute(signed_in).await.unwrap();
        let refresh_token = "select token from auth.refresh_tokens
                             where not revoked order by created_at desc limit 1";
        let refresh_token = stack.value(refresh_token).await;
        let (url, key) = stack.supabase();
        let url = url.join("/auth/v1/token?grant_type=refresh_token").unwrap();
        let body = json!({ "refresh_token": refresh_token }).to_string();
        let request = stack.client.post(url).header("apikey", key).body(body);
        let response = request.header("content-type", "application/json").send().await.unwrap();
        let session: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        let token = session["access_token"].as_str().unwrap().to_owned();
        let stale = Owner { stack: &stack, token };
        let sentence = json!({ "error": "this needs a sign-in of the last 10 minutes" });
        assert_eq!(stale.send(Method::GET, path, "").await, (401, sentence.clone()));
        let asked = stale.send(Method::POST, paths::ACCOUNT_EXPORT, r#"{"format":"csv"}"#).await;
        assert_eq!(asked, (401, sentence));

        let enrol = "insert into auth.mfa_factors
                       (id, user_id, factor_type, status, created_at, updated_at)
                     select gen_random_uuid(), id, 'totp', 'verified', now(), now()
                     from auth.users";
        stack.database.batch_execute(enrol).await.unwrap();
        let sentence = json!({ "error": "this needs the second factor" });
        assert_eq!(owner.send(Method::GET, path, "").await, (401, sentence.clone()));
        let asked = owner.send(Method::POST, paths::ACCOUNT_EXPORT, r#"{"format":"csv"}"#).await;
        assert_eq!(asked, (401, sentence));
        stack.stop().await;
    });
}

/// Killed at whatever point: one valid bundle at the end, and no other object.
#[test]
fn killed_at_any_point_it_is_finished() {
    run(async {
        let stack = TestStack::start().await;
        fill(&stack, 4000).await;
        for (step, manner) in [
            ("request_export", Manner::HoldResponse),
            ("snapshot_export", Manner::HoldRequest),
            ("snapshot_export", Manner::HoldResponse),
            ("export_chunk", Manner::HoldRequest),
            ("export_chunk", Manner::HoldResponse),
            ("finish_export", Manner::HoldRequest),
            ("finish_export", Manner::HoldResponse),
        ] {
            let before = stack.interceptor.calls(step);
            let owner = Owner::of(&stack).await;
            stack.interceptor.set(step, manner);
            let asking = tokio::spawn(owner.request(r#"{"format":"json"}"#).send());
            stack.interceptor.wait_for_calls(step, before + 1).await;
            stack.kill("account_export").await;
            stack.interceptor.clear();
            stack.run_scheduler_later().await;
            let state = "select count(*) from app.exports where state <> 'ready'";
            stack.wait_for_value(state, "0").await;
            // It had its answer, or the process died over it.
            let _ = asking.await.unwrap();
            let newest = "select id from app.exports order by id desc limit 1";
            let id = stack.value(newest).await;
            let place = format!("{}?id={id}", paths::ACCOUNT_EXPORT);
            let owner = Owner::of(&stack).await;
            let (_, export) = owner.send(Method::GET, &place, "").await;
            assert_eq!(owner.fetch(&export).await.rows["messages"], 4002, "{step} {manner:?}");
            check_objects(&stack).await;
        }
        stack.stop().await;
    });
}

/// Killed at random points, again and again. `EXPORT_SEEDS` says how many lives to try.
#[test]
fn killed_at_random_points_there_is_one_valid_bundle_at_the_end() {
    let seeds = std::env::var("EXPORT_SEEDS").map_or(4, |seeds| seeds.parse().unwrap());
    run(async {
        let stack = TestStack::start().await;
        fill(&stack, 20_000).await;
        for seed in 1..=seeds {
            let mut random = Random(seed);
            let owner = Owner::of(&stack).await;
            let calls = stack.interceptor.calls("export_chunk");
            let export = owner.ask("json").await;
            for _ in 0..random.below(4) {
                // So many chunks on, or when it is over; and anywhere in between.
                let point = calls + random.below(40);
                let id = export["export_id"].as_str().unwrap();
                let state = format!("select state from app.exports where id = '{id}'");
                let mut scheduler = Scheduler::of(&stack);
                while stack.interceptor.calls("export_chunk") < point
                    && stack.value(&state).await == "open"
                {
                    scheduler.come().await;
                }
                tokio::time::sleep(Duration::from_micros(random.below(5000) as u64)).await;
                stack.kill("account_export").await;
                stack.kill("cron_deliver").await;
                stack.run_scheduler_later().await;
            }
            let mut scheduler = Scheduler::of(&stack);
            let open = "select count(*) from app.exports where state = 'open'";
            let wait = async {
                while stack.value(open).await != "0" {
                    scheduler.come().await;
                }
            };
            let waited = tokio::time::timeout(2 * PATIENCE, wait).await;
            assert!(waited.is_ok(), "seed {seed} is not over");
            let owner = Owner::of(&stack).await;
            let ready = owner.wait(&export).await;
            assert_eq!(owner.fetch(&ready).await.rows["messages"], 20_002, "seed {seed}");
            check_objects(&stack).await;
            assert_eq!(stack.value("select count(*) from app.export_chunks").await, "0");
        }
        let ready = "select count(*) from storage.objects where bucket_id = 'exports'";
        assert_eq!(stack.value(ready).await, seeds.to_string());
        stack.stop().await;
    });
}

/// Comes again when nobody has been at work for long: what a killed function had asked
/// for may have renewed its lease when it was gone.
struct Scheduler<'a> {
    stack: &'a TestStack,
    came: Instant,
    calls: usize,
}

impl<'a> Scheduler<'a> {
    fn of(stack: &'a TestStack) -> Self {
        Self { stack, came: Instant::now(), calls: stack.interceptor.calls("export_chunk") }
    }

    async fn come(&mut self) {
        let calls = self.stack.interceptor.calls("export_chunk");
        if calls > self.calls {
            (self.came, self.calls) = (Instant::now(), calls);
        } else if self.came.elapsed() > Duration::from_secs(5) {
            self.stack.run_scheduler_later().await;
            self.came = Instant::now();
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Numbers that look random and are the same for a seed (Knuth's MMIX).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % end
    }
}

#[test]
fn storage_or_database_that_fails_delays_it_and_nothing_else() {
    run(async {
        let stack = TestStack::start().await;
        fill(&stack, 100).await;
        let owner = Owner::of(&stack).await;
        let failed =
            "select count(*) from app.jobs where state = 'open' and last_fault is not null";
        for step in ["snapshot_export", "export_chunk", "finish_export"] {
            stack.interceptor.set(step, Manner::Unavailable);
            let export = owner.ask("csv").await;
            stack.wait_for_value(failed, "1").await;
            stack.interceptor.clear();
            stack.run_scheduler_later().await;
            owner.fetch(&owner.wait(&export).await).await;
        }
        // Storage: the object's name is the last part of the path.
        let export = {
            let busy = stack.interceptor.calls("snapshot_export");
            stack.interceptor.set("snapshot_export", Manner::HoldRequest);
            let export = owner.ask("csv").await;
            stack.interceptor.wait_for_calls("snapshot_export", busy + 1).await;
            export
        };
        stack.kill("account_export").await;
        stack.interceptor.clear();
        let object = format!("{}.zip", export["export_id"].as_str().unwrap());
        stack.interceptor.set(&object, Manner::Unavailable);
        stack.run_scheduler_later().await;
        stack.wait_for_value(failed, "1").await;
        check_objects(&stack).await;
        stack.interceptor.clear();
        stack.run_scheduler_later().await;
        owner.fetch(&owner.wait(&export).await).await;
        check_objects(&stack).await;
        stack.stop().await;
    });
}

#[test]
fn old_bundles_are_deleted_after_seven_days() {
    run(async {
        let stack = TestStack::start().await;
        let owner = Owner::of(&stack).await;
        let export = owner.ask("json").await;
        owner.wait(&export).await;
        let objects = "select count(*) from storage.objects where bucket_id = 'exports'";
        assert_eq!(stack.value(objects).await, "1");

        let calls = Calls(&stack);
        calls.wait(7 * 24 * 3600 - 3600).await;
        assert_eq!(stack.run_scheduler().await, 200);
        stack.interceptor.wait_for_calls("claim_jobs exports", 1).await;
        assert_eq!(stack.value(objects).await, "1");

        calls.wait(3600).await;
        assert_eq!(stack.run_scheduler().await, 200);
        stack.wait_for_value("select state from app.exports", "expired").await;
        assert_eq!(stack.value(objects).await, "0");
        stack.stop().await;
    });
}

/// Counted by hand from the calendars of 2026 to 2028: the holidays all of Canada has.
#[test]
fn an_export_is_due_after_five_business_days() {
    run(async {
        let stack = TestStack::start().await;
        for (day, due) in [
            ("2026-11-23", "2026-11-30"),
            ("2026-11-27", "2026-12-04"),
            ("2026-11-28", "2026-12-04"),
            ("2026-11-29", "2026-12-04"),
            // Christmas and New Year, but not Boxing Day.
            ("2026-12-18", "2026-12-28"),
            ("2026-12-24", "2027-01-04"),
            // A Christmas on a Saturday is not made up for.
            ("2027-12-20", "2027-12-27"),
            // Good Friday, and not Easter Monday.
            ("2026-03-31", "2026-04-08"),
            ("2027-03-25", "2027-04-02"),
            ("2028-04-13", "2028-04-21"),
            // Canada Day: on a Wednesday, and on a Saturday.
            ("2026-06-29", "2026-07-07"),
            ("2028-06-30", "2028-07-07"),
            // Labour Day; Victoria Day and Thanksgiving do not count.
            ("2026-09-04", "2026-09-14"),
            ("2028-09-01", "2028-09-11"),
            ("2026-05-15", "2026-05-22"),
            ("2026-10-09", "2026-10-16"),
        ] {
            let sql = format!("select app.business_days_after('{day}', 5)");
            assert_eq!(stack.value(&sql).await, due, "{day}");
        }
        stack.stop().await;
    });
}

/// Asked for by e-mail: it is owed from then on, and begins when the owner asks too.
#[test]
fn a_request_by_other_means_waits_for_the_owner_and_shows_when_it_is_urgent() {
    run(async {
        let stack = TestStack::start().await;
        let business: Uuid = stack.value("select id from app.businesses").await.parse().unwrap();
        let asked = stack.operator(Task::Export { business, format: "csv".to_owned() }).await;
        assert_eq!(asked["state"], "unconfirmed");
        assert_eq!(stack.run_scheduler().await, 200);
        let status = stack.operator(Task::Status).await;
        assert_eq!(
            (&status["exports_unconfirmed"], &status["exports_close_to_due"]),
            (&json!(1), &json!(0))
        );
        assert_eq!(stack.value("select count(*) from app.jobs").await, "0");

        // Due in 5 business days: at most 9 days, of which 60 % are over after 6.
        Calls(&stack).wait(6 * 24 * 3600).await;
        let status = stack.operator(Task::Status).await;
        assert_eq!(status["exports_most_urgent"][0]["export_id"], asked["export_id"]);
        Calls(&stack).wait(4 * 24 * 3600).await;
        let status = stack.operator(Task::Status).await;
        assert_eq!(status["exports_overdue"], 1);
        assert_eq!(stack.run_scheduler().await, 200);
        stack.interceptor.wait_for_calls("claim_jobs exports", 2).await;
        let warned = async {
            while !stack.log().iter().any(|line| line.contains("jobs are late")) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, warned).await.expect("nobody is warned");

        let owner = Owner::of(&stack).await;
        let export = owner.ask("csv").await;
        assert_eq!(export["export_id"], asked["export_id"]);
        assert_eq!(export["due_on"], asked["due_on"]);
        owner.fetch(&owner.wait(&export).await).await;
        let trail =
            "select string_agg(actor || ' ' || action, ', ' order by id) from app.audit_events
                     where action like 'export%'";
        assert_eq!(
            stack.value(trail).await,
            "operator export_requested, owner export_confirmed, system export_ready"
        );
        stack.stop().await;
    });
}

/// Pictures are in the bundle as they came, and are erased with the person.
#[test]
fn pictures_are_taken_along_and_erased() {
    run(async {
        let stack = TestStack::start().await;
        let picture = b"\x89PNG\r\n\x1a\n and what is in it".to_vec();
        let media = vec![Medium::file("image/png", &picture)];
        stack.simulator().text_with_media(LEAD, SHOP, "", media).unwrap();
        stack.wait_for_value("select count(*) from app.media where state = 'stored'", "1").await;
        let owner = Owner::of(&stack).await;
        let bundle = owner.take("json").await;
        let row = &bundle.json("media")[0];
        let mut zip = zip::ZipArchive::new(Cursor::new(&bundle.bytes)).unwrap();
        let mut content = Vec::new();
        let mut file = zip.by_name(row["file"].as_str().unwrap()).unwrap();
        file.read_to_end(&mut content).unwrap();
        assert_eq!(content, picture);
        assert_eq!(row["sha256"], sha256(&picture));

        let session = owner.session().await;
        let lead: Value = stack.rows("select to_jsonb(id) from app.leads", &[]).await[0].get(0);
        let calls = Calls(&stack);
        calls.call("erase_lead", json!({ "session": session, "lead_id": lead })).await;
        let objects = "select count(*) from storage.objects where bucket_id = 'media'";
        assert_eq!(stack.value(objects).await, "1");
        stack.run_scheduler_later().await;
        stack.wait_for_value(objects, "0").await;
        stack.wait_for_value("select count(*) from app.object_deletions", "0").await;
        stack.stop().await;
    });
}

/// A person asks what there is about them, and to have it erased.
#[test]
fn a_lead_is_exported_and_erased_and_never_texted_again() {
    run(async {
        let stack = TestStack::start().await;
        let calls = Calls(&stack);
        calls.receive(1, "text", "hello, it is Zoe").await;
        calls.receive(2, "stop", "please stop, says Zoe").await;
        let session =
            "select jsonb_build_object('user_id', user_id, 'session_id', id, 'aal', 'aal1')
                       from auth.sessions order by created_at desc limit 1";
        let _owner = Owner::of(&stack).await;
        let session: Value = stack.rows(session, &[]).await[0].get(0);
        let lead: Value = stack.rows("select to_jsonb(id) from app.leads", &[]).await[0].get(0);
        let request = json!({ "session": session, "lead_id": lead });

        let export = calls.call("export_lead", request.clone()).await;
        assert_eq!(export["person"]["phone"], LEAD);
        assert_eq!(export["texts"][1]["body"], "please stop, says Zoe");
        assert_eq!(export["consent"][1]["wording"], "please stop, says Zoe");
        assert_eq!(export["suppressed"][0]["reason"], "opted_out");

        let foreign = json!({ "session": session, "lead_id": Uuid::nil() });
        for function in ["export_lead", "erase_lead"] {
            let sql = format!("select public.{function}($1)");
            let refused = stack.database.query_one(&sql, &[&foreign]).await.unwrap_err();
            assert_eq!(refused.code().unwrap().code(), "PT404");
        }

        assert_eq!(calls.call("erase_lead", request).await["outcome"], "erased");
        let traces = "select count(*) from (
                        select to_jsonb(t) as row from app.leads t
                        union all select to_jsonb(t) from app.messages t
                        union all select to_jsonb(t) from app.jobs t
                        union all select to_jsonb(t) from app.consent_events t
                        union all select to_jsonb(t) from app.audit_events t
                        union all select to_jsonb(t) from app.suppressions t
                      ) r
                      where row::text like '%Zoe%' or row::text like '%+15145550123%'";
        assert_eq!(stack.value(traces).await, "0");
        let proof = "select actor from app.audit_events where action = 'lead_erased'";
        assert_eq!(stack.value(proof).await, "owner");
        let whole =
            "select app.first_break_of_consent(business_id, phone_hmac) from app.consent_ledgers";
        assert_eq!(stack.value(whole).await, "null");

        // Whoever comes back is known by the hash, and has still said stop.
        let again = "select app.is_suppressed(business_id, phone_hmac) from app.consent_ledgers";
        assert_eq!(stack.value(again).await, "true");
        stack.stop().await;
    });
}

/// What the kernel counts of a function's memory, in kB.
fn memory(pid: u32, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// To be run by hand, with functions built for release: it prints how long an export takes,
/// beside psql's `\\copy` of the same texts, and how much memory.
#[test]
#[ignore = "takes minutes, and /proc and psql"]
fn a_million_texts() {
    run(async {
        let stack = TestStack::start().await;
        fill(&stack, 1_000_000).await;
        stack.database.batch_execute("analyze app.messages").await.unwrap();
        let owner = Owner::of(&stack).await;
        owner.send(Method::GET, paths::ACCOUNT_EXPORT, "").await;
        let pid = stack.pid("account_export").await;
        let idle = memory(pid, "VmRSS:");

        let start = Instant::now();
        let export = owner.ask("csv").await;
        let mut seen = BTreeSet::new();
        let ready = loop {
            let shown = owner.show(&export).await;
            seen.insert(shown["rows_done"].as_u64());
            if shown["state"] == "ready" {
                break shown;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        let took = start.elapsed();
        let peak = memory(pid, "VmHWM:");
        let bundle = owner.fetch(&ready).await;
        assert_eq!(bundle.rows["messages"], 1_000_002);
        assert!(seen.len() > 10, "progress stands still: {seen:?}");

        let start = Instant::now();
        let copy = "\\copy (select * from app.messages order by id) to '/dev/null' csv";
        let copied = tokio::process::Command::new("psql")
            .args([stack.database_url(), "-c", copy])
            .status()
            .await
            .unwrap();
        assert!(copied.success());
        let copying = start.elapsed();
        eprintln!(
            "an export of 1,000,000 texts took {took:.1?}, {:.1} times psql's {copying:.1?}; \
             its {} MB were made with {} MB of memory more than at rest",
            took.as_secs_f64() / copying.as_secs_f64(),
            bundle.bytes.len() / 1_000_000,
            (peak - idle) / 1000,
        );
        assert!(peak - idle < 64_000, "{idle} kB at rest, {peak} kB at most");
        stack.stop().await;
    });
}
