//! A closed account is sealed whole, and comes back whole.

mod large;
mod making;
mod restoring;

use std::{
    collections::BTreeMap,
    env,
    process::{Child, Command, Stdio},
};

use leadslock::{
    data::{
        backup::{
            self, Receipt,
            archive::{self, Part},
        },
        seal::{DataKey, Keyring, Opener, Place, WrappedKey},
    },
    providers::{
        egress::Egress,
        supabase::{Supabase, storage::Storage},
    },
    settings::Reader,
};
use operator::Task;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use simulators::{conversation::Until, twilio::inbound::Medium};
use stack::product;
use trust::text::hex;
use trust::text::phone::{Phone, SuppressionKey};
use url::Url;
use uuid::Uuid;

use crate::support::{LEAD, PATIENCE, SHOP, TestStack, calls::Calls, run};

/// Somebody else who texts.
const OTHER_LEAD: &str = "+15145550124";

/// What the demo shop has after this: texts, answers and what became of them, pictures,
/// somebody who said stop, and bodies that are hard to write down.
async fn keep_busy(stack: &TestStack, texts: i32) {
    stack.text_and_wait("How much is a tune-up?").await;
    let picture = |seed: u8| {
        let mut bytes: Vec<u8> =
            (0..70_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8 ^ seed).collect();
        bytes[..4].copy_from_slice(b"\xff\xd8\xff\xe0");
        Medium::file("image/jpeg", &bytes)
    };
    let media = vec![picture(1), picture(2)];
    stack.simulator().text_with_media(LEAD, SHOP, "my bike", media).unwrap();
    stack.simulator().text(OTHER_LEAD, SHOP, "STOP").unwrap();
    let sql = "select count(*) from app.media where state = 'stored' and removed_at is not null";
    stack.wait_for_value(sql, "2").await;
    stack.wait_for_value("select count(*) from app.suppressions", "1").await;
    let bodies = [0, 1, 150, 299].map(|length| {
        format!("a \"quote\", \\ and\r\nlines\n\u{1}\u{feff} 🚲 {}", "x".repeat(length))
    });
    stack.add_texts(texts, &bodies.each_ref().map(String::as_str)).await;
    // Nothing is under way any more.
    for lead in [LEAD, OTHER_LEAD] {
        stack.simulator().wait_until(lead, SHOP, Until::Settled, PATIENCE).await.unwrap();
    }
    stack.wait_for_value("select count(*) from app.jobs where state = 'open'", "0").await;
}

/// Another shop, with a text, that must not be touched.
async fn add_other_shop(stack: &TestStack) {
    stack.shop("Other").with_number("+15145550111").open().await;
    Calls(stack).receive_at("+15145550111", 900, "text", "of somebody else").await;
}

async fn demo_shop(stack: &TestStack) -> Uuid {
    stack.value("select id from app.businesses where name <> 'Other'").await.parse().unwrap()
}

/// A sealed backup, and all it takes to open it.
struct Sealed {
    place: Place,
    key: DataKey,
    wrapped: WrappedKey,
    receipt: Receipt,
}

impl Sealed {
    async fn of(stack: &TestStack, business_id: Uuid) -> Self {
        let closure_id = Uuid::new_v4();
        let place = Place { closure_id, path: format!("{closure_id}/1") };
        let (key, wrapped) = keyring().new_data_key(&place).unwrap();
        let (api, storage) = (stack.api(), stack.storage());
        let receipt = backup::make(&api, &storage, business_id, &place, &key).await.unwrap();
        Self { place, key, wrapped, receipt }
    }

    async fn object(&self, stack: &TestStack) -> Vec<u8> {
        let storage = stack.storage();
        let object = storage.download(backup::BUCKET, &self.place.path, usize::MAX).await;
        object.unwrap().unwrap().to_vec()
    }
}

fn keyring() -> Keyring {
    Keyring::parse(product::BACKUP_KEYS).unwrap()
}

/// Rows by table, as lines of JSON in their order; pictures by path.
type Content = (BTreeMap<String, Vec<String>>, BTreeMap<String, Vec<u8>>);

fn open(sealed: &[u8], key: &DataKey, place: &Place) -> Content {
    let (mut rows, mut pictures) = (BTreeMap::<_, Vec<String>>::new(), BTreeMap::new());
    archive::read(Opener::begin(sealed, key, place).unwrap(), |part| {
        match part {
            Part::Rows { table, lines } => {
                rows.entry(table).or_default().extend(lines.lines().map(str::to_owned));
            }
            Part::Picture { path, content } => drop(pictures.insert(path, content.to_vec())),
        }
        Ok(())
    })
    .unwrap();
    (rows, pictures)
}

/// The rows of a table that are of an account, as the backup writes them.
async fn rows_of(stack: &TestStack, source: &str, business_id: Uuid) -> Vec<String> {
    let source = source.replace("$1", &format!("'{business_id}'"));
    let sql = format!("select row_to_json(t)::text from {source}");
    stack.rows(&sql, &[]).await.iter().map(|row| row.get(0)).collect()
}

/// What `app.backup_tables` lists: each table, and which of its rows are of an account.
async fn tables(stack: &TestStack) -> Vec<(String, String)> {
    let sql = "select name, source from app.backup_tables() order by place";
    stack.rows(sql, &[]).await.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// An account as it is when its closure waits for the purge date, as far as a restore
/// can tell.
struct Closed {
    sealed: Sealed,
    business_id: Uuid,
    /// All rows of the database before it was closed.
    before: Rows,
    /// All pictures then.
    pictures: BTreeMap<String, Vec<u8>>,
}

/// Every row of every table, as JSON, by table.
type Rows = BTreeMap<String, Vec<Value>>;

impl Closed {
    async fn of(stack: &TestStack) -> Self {
        stack.database.batch_execute("set timezone = 'UTC'").await.unwrap();
        let business_id = demo_shop(stack).await;
        let (before, pictures) = (all_rows(stack).await, all_pictures(stack).await);
        let close = "update app.businesses set state = 'closing' where name <> 'Other'";
        stack.database.batch_execute(close).await.unwrap();
        let sealed = Sealed::of(stack, business_id).await;
        let Sealed { place, wrapped, receipt, .. } = &sealed;
        let row = json!({
            "id": place.closure_id, "business_id": business_id, "step": "rows",
            "ends_owner": stack.value("select count(*) from app.businesses").await == "1",
            "key_id": wrapped.key_id, "wrapped_key": format!("\\x{}", hex::encode(&wrapped.bytes)),
            "storage_path": place.path, "byte_count": receipt.byte_count,
            "sha256": format!("\\x{}", receipt.sha256), "counts": receipt.counts,
        });
        let closure = "insert into app.closures
                         (id, business_id, owner_id, ends_owner, purge_at, step, key_id,
                          wrapped_key, storage_path, byte_count, sha256, counts, sealed_at)
                       select c.id, c.business_id, b.owner_id, c.ends_owner,
                              app.clock() + interval '90 days', c.step, c.key_id, c.wrapped_key,
                              c.storage_path, c.byte_count, c.sha256, c.counts, app.clock()
                       from jsonb_populate_record(null::app.closures, $1) c
                       join app.businesses b on b.id = c.business_id";
        stack.database.execute(closure, &[&row]).await.unwrap();
        while stack.value("select app.erase_rows(c) from app.closures c").await == "true" {}
        let rest = "select app.erase_shop(c) from app.closures c;
                    select app.erase_owner(c) from app.closures c where c.ends_owner;
                    update app.closures set step = 'key';
                    select app.owe_job('closure', p_closure_id => id, p_run_at => purge_at)
                    from app.closures";
        stack.database.batch_execute(rest).await.unwrap();
        for path in pictures.keys() {
            stack.storage().delete("media", &[path]).await.unwrap();
        }
        let left = "select count(*) from app.businesses where name <> 'Other'";
        assert_eq!(stack.value(left).await, "0");
        Self { sealed, business_id, before, pictures }
    }

    fn id(&self) -> Uuid {
        self.sealed.place.closure_id
    }

    async fn restore(&self, stack: &TestStack) -> Value {
        stack.operator(Task::Restore { closure: self.id() }).await
    }

    /// Why it is not restored. Nothing was written.
    async fn refusal(&self, stack: &TestStack) -> String {
        let before = all_rows(stack).await;
        let refused = stack.try_operator(Task::Restore { closure: self.id() }).await;
        assert_eq!(without_leases(all_rows(stack).await), without_leases(before));
        format!("{:#}", refused.unwrap_err())
    }

    /// Everything is as it was before, but for what is meant to differ.
    async fn check_restored(&self, stack: &TestStack) {
        let (mut after, mut before) = (all_rows(stack).await, self.before.clone());
        // What is kept of the closure itself, and what Twilio is still to forget.
        for table in ["closures", "closure_receipts", "twilio_redactions"] {
            assert!(before.remove(table).unwrap().is_empty());
            after.remove(table);
        }
        after.get_mut("jobs").unwrap().retain(|job| job["kind"] != "closure");
        // The trail goes on.
        let trail = after.remove("audit_events").unwrap();
        assert!(before.remove("audit_events").unwrap().iter().all(|row| trail.contains(row)));
        assert!(trail.iter().any(|row| row["action"] == "account_restored"));
        // Nothing is paid, whatever was when the backup was made.
        for row in before.get_mut("subscriptions").unwrap() {
            row["status"] = "canceled".into();
        }
        for row in after.get_mut("subscriptions").unwrap() {
            assert!(!row["canceled_at"].is_null());
            row["canceled_at"] = Value::Null;
        }
        for (table, rows) in &before {
            assert_eq!(&after[table], rows, "{table}");
        }
        assert_eq!(after.len(), before.len());
        assert_eq!(all_pictures(stack).await, self.pictures);
        // Its chains of evidence are whole.
        let broken = "select count(*) from app.consent_ledgers
                      where app.first_break_of_consent(business_id, phone_hmac) is not null";
        assert_eq!(stack.value(broken).await, "0");
        let key = "select wrapped_key is null and restored_at is not null from app.closures";
        assert_eq!(stack.value(key).await, "true");
    }
}

/// Every row of every table of ours, found from the catalog.
async fn all_rows(stack: &TestStack) -> Rows {
    let tables = "select table_name::text from information_schema.tables
                  where table_schema = 'app' and table_type = 'BASE TABLE'";
    let mut all = Rows::new();
    for row in stack.rows(tables, &[]).await {
        let table: String = row.get(0);
        let rows = format!("select to_jsonb(t) from app.{table} t order by to_jsonb(t)::text");
        let rows = stack.rows(&rows, &[]).await.iter().map(|row| row.get(0)).collect();
        all.insert(table, rows);
    }
    all
}

/// Rows without what an attempt to restore may move: from when the purge may be claimed.
fn without_leases(mut rows: Rows) -> Rows {
    for row in rows.get_mut("jobs").unwrap() {
        if row["kind"] == "closure" {
            row["run_at"] = Value::Null;
        }
    }
    rows
}

async fn all_pictures(stack: &TestStack) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for row in stack.rows("select name from storage.objects where bucket_id = 'media'", &[]).await {
        let path: String = row.get(0);
        let content = stack.storage().download("media", &path, usize::MAX).await.unwrap();
        all.insert(path, content.unwrap().to_vec());
    }
    all
}

/// The operator's program, in a process of its own: this one, started again.
fn restoring(url: &Url, stack: &TestStack, closure: Uuid) -> Child {
    process(url, stack, "LEADSLOCK_RESTORE", closure)
}

fn process(url: &Url, stack: &TestStack, task: &str, id: Uuid) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "backup::works_as_a_process", "--ignored"])
        .env(task, id.to_string())
        .env("SUPABASE_URL", url.as_str())
        .env("SUPABASE_SECRET_KEY", stack.secret_key())
        .env("BACKUP_KEYS", product::BACKUP_KEYS)
        .env("VERCEL_ENV", "development")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// No test: what [`process`] starts.
#[test]
#[ignore = "started by other tests"]
fn works_as_a_process() {
    let id = |task| Some(env::var(task).ok()?.parse::<Uuid>().unwrap());
    if let Some(closure) = id("LEADSLOCK_RESTORE") {
        run(operator::run(&Task::Restore { closure }, Reader::process())).unwrap();
    }
    if let Some(business_id) = id("LEADSLOCK_SEAL") {
        let reader = Reader::process();
        let project = reader.supabase().unwrap();
        let egress = Egress::from_settings(&reader, &[&project.url]).unwrap();
        let storage = Storage::new(&project, egress.clone()).unwrap();
        let place = Place { closure_id: business_id, path: "of a process".to_owned() };
        let (key, _) = keyring().new_data_key(&place).unwrap();
        let api = Supabase::new(&project, egress);
        run(backup::make(&api, &storage, business_id, &place, &key)).unwrap();
    }
}

fn phone_hmac(phone: &str) -> String {
    let phone = Phone::parse(phone).unwrap();
    SuppressionKey::new(&product::SUPPRESSION_KEY.into()).hash(&phone)
}

async fn one_picture(stack: &TestStack) -> String {
    stack.value("select storage_path from app.media order by storage_path limit 1").await
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes))
}
