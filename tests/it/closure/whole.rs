//! A closed account, from the request to the certificate.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{Router, extract::State, http::Uri};
use bytes::Bytes;
use operator::Task;
use serde_json::json;
use simulators::{
    stripe::checkout,
    twilio::behaviour::{Answer, Behaviour, On},
};
use tokio::{net::TcpListener, task::JoinHandle};
use uuid::Uuid;

use super::{
    IDENTIFIERS, Owner, STEPS, Standing, WORD, drive, drive_to_the_end, endings, find,
    left_at_providers, live, receipts, shown, subscribe, wait_as_it_does,
};
use crate::support::{PATIENCE, TestStack, interceptor::Manner, on_a_stack, run};

#[test]
fn promise_own_delete_an_account_is_closed_and_after_90_days_gone() {
    on_a_stack(async |stack| {
        let subscription = subscribe(stack).await;
        live(stack).await;
        let texts = stack.value("select count(*) from app.messages").await;
        let places: BTreeSet<String> = find(stack, &IDENTIFIERS)
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

        let closure = Owner::of(stack).await.close().await;
        assert_eq!(closure["state"], "closing");
        assert_eq!(stack.value("select state from app.businesses").await, "closing");
        let purge = "select purge_at - requested_at = interval '90 days' from app.closures";
        assert_eq!(stack.value(purge).await, "true");
        drive(stack, "key", PATIENCE).await;

        // The live stores.
        assert_eq!(find(stack, &IDENTIFIERS).await, BTreeSet::new());
        assert_eq!(left_at_providers(stack), Vec::<String>::new());
        assert_eq!(endings(stack).await, BTreeMap::from([(subscription, 1)]));
        let checkouts = stack
            .simulator()
            .read(|world| world.stripe.sessions.iter().map(|one| one.status).collect::<Vec<_>>());
        assert_eq!(checkouts, [checkout::Status::Expired]);
        let objects = "select string_agg(distinct bucket_id, ',') from storage.objects";
        assert_eq!(stack.value(objects).await, "backups");
        assert_eq!(stack.value("select count(*) from auth.users").await, "0");
        assert_eq!(stack.value("select count(*) from auth.audit_log_entries").await, "1");
        assert_eq!(stack.value("select count(*) from app.suppressions").await, "1");
        let receipts = receipts(stack).await;
        assert_eq!(
            receipts.keys().map(String::as_str).collect::<BTreeSet<_>>(),
            STEPS[..7].iter().copied().collect()
        );
        assert_eq!(receipts["rows"]["messages"].to_string(), texts);
        assert_eq!(receipts["rows"]["businesses"], 1);
        assert_eq!(receipts["owner"]["users"], 1);
        let shown_then = shown(stack, &closure).await;
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
        stack::clock::advance(&stack.database, Duration::from_secs(90 * 86_400)).await.unwrap();
        assert_eq!(stack.run_scheduler().await, 200);
        let failed =
            "select count(*) from app.jobs where kind = 'closure' and last_fault is not null";
        stack.wait_for_value(failed, "1").await;
        assert_eq!(stack.value("select wrapped_key from app.closures").await, "null");
        assert_eq!(stack.value("select count(*) from storage.objects").await, "1");
        stack.interceptor.clear();
        drive(stack, "done", PATIENCE).await;
        assert_eq!(stack.value("select count(*) from storage.objects").await, "0");
        let kept =
            "select count(*) from app.closures where wrapped_key is null and owner_id is null";
        assert_eq!(stack.value(kept).await, "1");
        let gone = shown(stack, &closure).await;
        assert_eq!(gone["state"], "purged");
        let certificate = &gone["certificate"];
        assert_eq!(certificate["closure_id"], closure["closure_id"]);
        assert_eq!(certificate["receipts"].as_array().unwrap().len(), 9);
        assert_eq!(find(stack, &IDENTIFIERS).await, BTreeSet::new());

        let file = std::env::temp_dir().join(format!("leadslock-certificate-{}", Uuid::new_v4()));
        std::fs::write(&file, format!("{certificate:#}")).unwrap();
        let verified = stack.operator(Task::VerifyCertificate { file: file.clone() }).await;
        std::fs::remove_file(file).unwrap();
        assert_eq!(verified["receipts"], certificate["receipts"]);
    });
}

/// Whatever Twilio does or does not do: after 90 days the backup is gone.
#[test]
fn a_twilio_that_forgets_nothing_holds_up_no_purge() {
    on_a_stack(async |stack| {
        live(stack).await;
        let closure = Owner::of(stack).await.close().await;
        let fails = Behaviour { on: On::Every, answer: Answer::RateLimited, ..Default::default() };
        stack.set_twilio([fails]);
        drive(stack, "twilio", PATIENCE).await;
        let tried = "select min(attempts) > 1 from app.twilio_redactions";
        while stack.value(tried).await != "true" {
            let standing = Standing::of(stack).await;
            if standing.due_in > 0.0 && !standing.is_held(PATIENCE) {
                wait_as_it_does(stack, &standing).await;
            }
            assert_eq!(stack.run_scheduler().await, 200);
        }
        stack::clock::advance(&stack.database, Duration::from_secs(90 * 86_400)).await.unwrap();
        drive(stack, "done", PATIENCE).await;
        assert_eq!(stack.value("select count(*) from storage.objects").await, "0");
        let shown = shown(stack, &closure).await;
        let left = stack.value("select count(*) from app.twilio_redactions").await;
        assert_ne!(left, "0");
        let receipt = &shown["certificate"]["receipts"][6];
        assert_eq!(
            (&receipt["step"], receipt["detail"]["texts_left"].to_string()),
            (&json!("twilio"), left)
        );

        stack.set_twilio([]);
        stack::clock::advance(&stack.database, Duration::from_secs(3600)).await.unwrap();
        assert_eq!(stack.run_scheduler().await, 200);
        stack.wait_for_value("select count(*) from app.twilio_redactions", "0").await;
        assert_eq!(left_at_providers(stack), Vec::<String>::new());
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
