//! A closed account is sealed whole, and comes back whole.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use leadslock::{
    data::{
        backup::{
            self, BackupError, Receipt,
            archive::{self, Part},
        },
        seal::{DataKey, Keyring, Opener, Place, WrappedKey},
    },
    paths,
    providers::{
        egress::Egress,
        supabase::{Supabase, storage::Storage},
    },
    settings::Reader,
};
use local::{
    product,
    simulator::{conversation::Until, twilio::inbound::Medium},
};
use operator::Task;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use trust::text::hex;
use trust::text::phone::{Phone, SuppressionKey};
use url::Url;
use uuid::Uuid;

use crate::{
    closure,
    support::{LEAD, OWNER, PATIENCE, SHOP, TestStack, calls::Calls, interceptor::Manner, run},
};

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
    let more = "insert into app.messages
                  (business_id, lead_id, sender_phone, direction, author, body, status)
                select l.business_id, l.id, '+15145550100', 'inbound', 'lead',
                       e'a \"quote\", \\\\ and\r\nlines\n\u{1}\u{feff} 🚲 ' || repeat('x', n % 300),
                       'received'
                from app.leads l, generate_series(1, $1::integer) n
                where l.phone = '+15145550123'";
    stack.database.execute(more, &[&texts]).await.unwrap();
    // Nothing is under way any more.
    for lead in [LEAD, OTHER_LEAD] {
        stack.simulator().wait_until(lead, SHOP, Until::Settled, PATIENCE).await.unwrap();
    }
    stack.wait_for_value("select count(*) from app.jobs where state = 'open'", "0").await;
}

/// Another shop, with a text, that must not be touched.
async fn add_other_shop(stack: &TestStack) {
    let sql = "insert into app.businesses (owner_id, name, mailing_address, contact_email)
               select owner_id, 'Other', 'Elsewhere', 'x@example.com' from app.businesses;
               insert into app.sender_numbers (phone, business_id)
               select '+15145550111', id from app.businesses where name = 'Other'";
    stack.database.batch_execute(sql).await.unwrap();
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

#[test]
fn a_backup_is_all_of_an_account_and_nothing_of_another() {
    run(async {
        let stack = TestStack::start().await;
        keep_busy(&stack, 3000).await;
        add_other_shop(&stack).await;
        let shop = demo_shop(&stack).await;
        let sealed = Sealed::of(&stack, shop).await;

        let object = sealed.object(&stack).await;
        assert_eq!(object.len() as u64, sealed.receipt.byte_count);
        assert_eq!(sha256(&object), sealed.receipt.sha256);
        let key = keyring().unwrap(&sealed.wrapped, &sealed.place).unwrap();
        let (rows, pictures) = open(&object, &key, &sealed.place);

        stack.database.batch_execute("set timezone = 'UTC'").await.unwrap();
        for (table, source) in tables(&stack).await {
            let want = rows_of(&stack, &source, shop).await;
            assert_eq!(rows.get(&table).cloned().unwrap_or_default(), want, "{table}");
            assert_eq!(sealed.receipt.counts[&table], want.len() as u64, "{table}");
            assert!(!want.is_empty(), "the test has no row of {table}");
        }
        assert_eq!((sealed.receipt.pictures, sealed.receipt.pictures_missing), (2, 0));
        for (path, content) in &pictures {
            let stored = stack.storage().download("media", path, usize::MAX).await.unwrap();
            assert_eq!(stored.unwrap(), content);
        }
        let all = format!("{rows:?}");
        assert!(!all.contains("of somebody else") && !all.contains("encrypted_password"));
        let hash = stack.value("select encrypted_password from auth.users limit 1").await;
        assert!(!all.contains(&hash));
        // Nothing readable, and no copy left.
        assert!(!object.windows(LEAD.len()).any(|window| window == LEAD.as_bytes()));
        assert_eq!(stack.value("select count(*) from app.backup_chunks").await, "0");
        stack.stop().await;
    });
}

#[test]
fn a_backup_made_again_replaces_the_one_before() {
    run(async {
        let stack = TestStack::start().await;
        keep_busy(&stack, 10).await;
        let shop = demo_shop(&stack).await;
        let first = Sealed::of(&stack, shop).await;
        let before = first.object(&stack).await;
        stack.storage().delete("media", &[&one_picture(&stack).await]).await.unwrap();
        let made =
            backup::make(&stack.api(), &stack.storage(), shop, &first.place, &first.key).await;
        let receipt = made.unwrap();
        let after = first.object(&stack).await;
        assert_ne!(before, after);
        assert_eq!(sha256(&after), receipt.sha256);
        assert_eq!(receipt.counts, first.receipt.counts);
        assert_eq!((receipt.pictures, receipt.pictures_missing), (1, 1));
        assert_eq!(open(&after, &first.key, &first.place).1.len(), 1);
        let objects = "select count(*) from storage.objects where bucket_id = 'backups'";
        assert_eq!(stack.value(objects).await, "1");
        stack.stop().await;
    });
}

/// What fails on the way leaves no object, and no copy of a row.
#[test]
fn a_backup_that_is_cut_off_is_no_object() {
    run(async {
        let stack = TestStack::start().await;
        keep_busy(&stack, 3000).await;
        let shop = demo_shop(&stack).await;
        // One of the chunks of texts is lost.
        let lose = "create function local.lose() returns trigger language plpgsql as $$
                    begin delete from app.backup_chunks where number = 9; return null; end $$;
                    create trigger lose after insert on app.backup_chunks
                    for each statement execute function local.lose()";
        stack.database.batch_execute(lose).await.unwrap();
        let place = Place { closure_id: Uuid::nil(), path: "cut/off".to_owned() };
        let (key, _) = keyring().new_data_key(&place).unwrap();
        let made = backup::make(&stack.api(), &stack.storage(), shop, &place, &key).await;
        assert!(matches!(made, Err(BackupError::Lost)), "{made:?}");
        let object = stack.storage().download(backup::BUCKET, &place.path, usize::MAX).await;
        assert!(object.unwrap().is_none());
        assert_eq!(stack.value("select count(*) from app.backup_chunks").await, "0");
        stack.stop().await;
    });
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

#[test]
fn a_restored_account_is_what_it_was() {
    run(async {
        let stack = TestStack::start().await;
        keep_busy(&stack, 3000).await;
        add_other_shop(&stack).await;
        let closed = Closed::of(&stack).await;
        let report = closed.restore(&stack).await;
        assert_eq!(report["business_id"], json!(closed.business_id));
        assert_eq!(report["rows"]["messages"], closed.sealed.receipt.counts["messages"]);
        assert_eq!(report["pictures"], 2);
        assert_eq!(report["left_out"], json!({}));
        closed.check_restored(&stack).await;
        assert_eq!(
            closed.refusal(&stack).await,
            "the account was not restored: the account is restored already"
        );
        stack.stop().await;
    });
}

/// The owner, who has no password any more, has the account again.
#[test]
fn the_owner_comes_back_without_a_password() {
    run(async {
        let stack = TestStack::start().await;
        keep_busy(&stack, 10).await;
        let user = "select to_jsonb(u) from (
                      select id, email, phone, raw_app_meta_data, raw_user_meta_data, created_at,
                        email_confirmed_at, banned_until
                      from auth.users
                    ) u";
        let before = stack.value(user).await;
        let closed = Closed::of(&stack).await;
        assert_eq!(stack.value("select count(*) from auth.users").await, "0");
        closed.restore(&stack).await;
        assert_eq!(stack.value(user).await, before);
        assert_eq!(stack.value("select encrypted_password from auth.users").await, "");
        assert_eq!(stack.value("select count(*) from auth.identities").await, "1");
        closed.check_restored(&stack).await;
        stack.stop().await;
    });
}

#[test]
fn an_address_that_somebody_else_has_by_now_gives_nobody_the_account() {
    run(async {
        let stack = TestStack::start().await;
        keep_busy(&stack, 10).await;
        let closed = Closed::of(&stack).await;
        let other =
            format!("insert into auth.users (id, email) values (gen_random_uuid(), '{OWNER}')");
        stack.database.batch_execute(&other).await.unwrap();
        let refusal = closed.refusal(&stack).await;
        assert!(refusal.contains("another user has the owner's e-mail address"), "{refusal}");
        stack.stop().await;
    });
}

/// Who opted out while the account was closed has opted out, also in the ledger; who
/// asked to be erased is not in it; a number that another shop has stays there.
#[test]
fn what_happened_meanwhile_holds() {
    run(async {
        let stack = TestStack::start().await;
        keep_busy(&stack, 50).await;
        add_other_shop(&stack).await;
        let calls = Calls(&stack);
        // Three more: one who will say stop, one who will ask to be erased, one as before.
        for (number, from, hmac) in
            [(801, "+15145550131", "01"), (802, "+15145550132", "02"), (803, "+15145550133", "03")]
        {
            let hmac = if from.ends_with('2') { phone_hmac(from) } else { hmac.repeat(32) };
            let text = json!({
                "from": from, "phone_hmac": hmac, "meaning": "start", "body": "I agree, Marie",
            });
            calls.receive_with(number, text).await;
        }
        stack
            .database
            .batch_execute(
                "update app.jobs set state = 'done', finished_at = now() where state = 'open'",
            )
            .await
            .unwrap();
        let closed = Closed::of(&stack).await;

        let stop = json!({
            "from": "+15145550131", "phone_hmac": "01".repeat(32), "meaning": "stop", "body": "STOP",
        });
        assert_eq!(calls.receive_with(804, stop).await["outcome"], "closed");
        let phone = Phone::parse("+15145550132").unwrap();
        let erase = Task::EraseFromBackup { closure: closed.id(), phone };
        assert_eq!(stack.operator(erase).await["outcome"], "erased");

        let report = closed.restore(&stack).await;
        assert_eq!(report["opted_out_meanwhile"], 1);
        assert_eq!(report["left_out"]["leads"], 1);
        let standing = "select string_agg(l.phone || ' ' || (c.express_since is not null), ', ' order by l.phone)
                        from app.leads l
                        join app.consent_ledgers c
                          on c.business_id = l.business_id and c.phone_hmac = l.phone_hmac
                        where l.phone like '+1514555013_'";
        assert_eq!(stack.value(standing).await, "+15145550131 false, +15145550133 true");
        let gate = "select (app.gate(id, 'owner', null)).refusal from app.leads
                    where phone = '+15145550131'";
        assert_eq!(stack.value(gate).await, "opted_out");
        let chains = "select count(*) filter (
                        where app.first_break_of_consent(business_id, phone_hmac) is null
                      ) || ' of ' || count(*)
                      from app.consent_ledgers";
        assert_eq!(stack.value(chains).await, "6 of 6");
        // Of the person who was erased there is the evidence, without a word.
        let words = "select count(*) from app.consent_events
                     where phone_hmac = (select phone_hmac from app.erased_leads)
                       and wording is null";
        assert_eq!(stack.value(words).await, "1");
        let everywhere = format!("{:?}", all_rows(&stack).await);
        assert!(!everywhere.contains("+15145550132"));
        stack.stop().await;
    });
}

#[test]
fn a_number_that_another_shop_has_stays_there() {
    run(async {
        let stack = TestStack::start().await;
        keep_busy(&stack, 10).await;
        add_other_shop(&stack).await;
        let closed = Closed::of(&stack).await;
        // An opt-out of its texts holds without it.
        stack.simulator().text(LEAD, SHOP, "STOP").unwrap();
        stack.wait_for_value("select count(*) from app.suppressions", "2").await;
        let give = "update app.sender_numbers
                    set business_id = (select id from app.businesses where name = 'Other')
                    where phone = '+15145550100'";
        stack.database.batch_execute(give).await.unwrap();
        let report = closed.restore(&stack).await;
        assert_eq!(report["numbers_lost"], json!([SHOP]));
        assert_eq!(report["left_out"], json!({ "sender_numbers": 1 }));
        assert_eq!(report["opted_out_meanwhile"], 1);
        let numbers = "select count(*) from app.sender_numbers n
                       join app.businesses b on b.id = n.business_id where b.name = 'Other'";
        assert_eq!(stack.value(numbers).await, "2");
        stack.stop().await;
    });
}

/// Verified first, then written: an object that is not what was stored writes nothing.
#[test]
fn an_object_that_was_changed_is_refused_before_a_row_is_written() {
    run(async {
        let stack = TestStack::start().await;
        keep_busy(&stack, 2000).await;
        // What compresses less, so that it is several chunks.
        let noise = "update app.messages set body = body || repeat(gen_random_uuid()::text, 3)";
        stack.database.batch_execute(noise).await.unwrap();
        let closed = Closed::of(&stack).await;
        let object = closed.sealed.object(&stack).await;
        let put = async |bytes: &[u8]| {
            let bytes = bytes.to_vec().into();
            let path = &closed.sealed.place.path;
            let kind = "application/octet-stream";
            stack.storage().upload(backup::BUCKET, path, kind, bytes).await.unwrap();
        };
        // With a receipt that fits, too: then it is the seal that finds it.
        let receipt = async |bytes: &[u8]| {
            let sql = "update app.closures set byte_count = $1, sha256 = decode($2, 'hex')";
            let length = bytes.len() as i64;
            stack.database.execute(sql, &[&length, &sha256(bytes)]).await.unwrap();
        };
        let flipped = |at: usize| {
            let mut bytes = object.clone();
            bytes[at] ^= 1;
            bytes
        };
        let changed = [
            flipped(0),
            flipped(60),
            flipped(100),
            flipped(object.len() / 2),
            flipped(object.len() - 1),
            object[..object.len() - 1].to_vec(),
            object[..83 + 65_552].to_vec(),
            object[..83].to_vec(),
            [&object[..], b"x"].concat(),
        ];
        for bytes in &changed {
            put(bytes).await;
            receipt(&object).await;
            let refusal = closed.refusal(&stack).await;
            assert!(refusal.contains("not the one that was stored"), "{refusal}");
            receipt(bytes).await;
            let refusal = closed.refusal(&stack).await;
            assert!(refusal.contains("the backup cannot be read"), "{refusal}");
        }
        receipt(&object).await;
        stack.storage().delete(backup::BUCKET, &[&closed.sealed.place.path]).await.unwrap();
        assert!(closed.refusal(&stack).await.contains("storage has no such backup"));

        // With a key that was changed, and after its time.
        put(&object).await;
        let change = "update app.closures
                      set wrapped_key = set_byte(wrapped_key, 20, get_byte(wrapped_key, 20) # 1)";
        stack.database.batch_execute(change).await.unwrap();
        assert!(closed.refusal(&stack).await.contains("cannot be unwrapped"));
        let bytes = &closed.sealed.wrapped.bytes;
        stack.database.execute("update app.closures set wrapped_key = $1", &[bytes]).await.unwrap();
        local::clock::advance(&stack.database, Duration::from_secs(90 * 86_400)).await.unwrap();
        assert!(closed.refusal(&stack).await.contains("past its time"));
        stack.stop().await;
    });
}

/// Where a restore is killed: at a call, before or after its effect.
const POINTS: [(&str, Manner); 8] = [
    ("begin_restore", Manner::HoldResponse),
    ("1", Manner::HoldRequest),
    ("restore_rows", Manner::HoldRequest),
    ("restore_rows", Manner::HoldResponse),
    // A picture, by its place in the text.
    ("0", Manner::HoldResponse),
    ("finish_restore", Manner::HoldRequest),
    ("finish_restore", Manner::HoldResponse),
    ("none", Manner::HoldRequest),
];

#[test]
fn a_restore_that_is_killed_is_done_again() {
    run(async {
        let stack = TestStack::start().await;
        keep_busy(&stack, 3000).await;
        let closed = Closed::of(&stack).await;
        for (function, manner) in POINTS {
            let before = stack.interceptor.calls(function);
            stack.interceptor.set(function, manner);
            let mut process = restoring(stack.interceptor.url(), &stack, closed.id());
            if function != "none" {
                stack.interceptor.wait_for_calls(function, before + 1).await;
                process.kill().unwrap();
                process.wait().unwrap();
                stack.interceptor.clear();
                // The shop is closed until the last call.
                let open = "select count(*) from app.businesses where state = 'active'";
                let is_finished = manner == Manner::HoldResponse && function == "finish_restore";
                assert_eq!(stack.value(open).await, if is_finished { "1" } else { "0" });
            } else {
                process.wait().unwrap();
            }
        }
        closed.check_restored(&stack).await;
        stack.stop().await;
    });
}

/// Killed after any number of calls.
#[test]
fn a_restore_that_is_killed_anywhere_is_done_again() {
    run(async {
        let stack = TestStack::start().await;
        keep_busy(&stack, 3000).await;
        let closed = Closed::of(&stack).await;
        for calls in [1, 3, 6, 9, 12, 14] {
            let before = stack.interceptor.calls("restore_rows");
            let mut process = restoring(stack.interceptor.url(), &stack, closed.id());
            stack.interceptor.wait_for_calls("restore_rows", before + calls).await;
            process.kill().unwrap();
            process.wait().unwrap();
        }
        closed.restore(&stack).await;
        closed.check_restored(&stack).await;
        stack.stop().await;
    });
}

/// What a restore leaves that nobody finishes goes at the purge date, with the backup.
#[test]
fn a_restore_that_is_given_up_is_erased_at_the_purge_date() {
    run(async {
        let stack = TestStack::start().await;
        closure::live(&stack).await;
        let asked = closure::Owner::of(&stack).await.close().await;
        closure::drive(&stack, "key", PATIENCE).await;
        for (function, manner) in
            [("restore_rows", Manner::HoldResponse), ("finish_restore", Manner::HoldRequest)]
        {
            stack.interceptor.set(function, manner);
            let mut process = restoring(stack.interceptor.url(), &stack, id_of(&asked));
            stack.interceptor.wait_for_calls(function, 1).await;
            process.kill().unwrap();
            process.wait().unwrap();
            stack.interceptor.clear();
            assert_eq!(stack.value("select count(*) from app.businesses").await, "1");
            assert_eq!(stack.value("select count(*) from auth.users").await, "1");
        }
        assert_ne!(closure::find(&stack, &closure::IDENTIFIERS).await, BTreeSet::new());
        local::clock::advance(&stack.database, Duration::from_secs(90 * 86_400)).await.unwrap();
        closure::drive(&stack, "done", PATIENCE).await;
        assert_eq!(closure::shown(&stack, &asked).await["state"], "purged");
        assert_eq!(closure::find(&stack, &closure::IDENTIFIERS).await, BTreeSet::new());
        assert_eq!(stack.value("select count(*) from auth.users").await, "0");
        assert_eq!(stack.value("select count(*) from storage.objects").await, "0");
        stack.stop().await;
    });
}

/// What a large account takes. `cargo test --test it -- --ignored --nocapture a_large`
#[test]
#[ignore = "takes minutes; measures"]
fn a_large_account_takes_no_more_memory_than_a_small_one() {
    run(async {
        let mut peaks = Vec::new();
        for (texts, pictures) in [(1_000, 20), (100_000, 2_000)] {
            let stack = TestStack::start().await;
            keep_busy(&stack, texts).await;
            add_pictures(&stack, pictures).await;
            let shop = demo_shop(&stack).await;
            let url = stack.supabase().0.clone();
            let begun = Instant::now();
            let sealing = peak_memory(process(&url, &stack, "LEADSLOCK_SEAL", shop)).await;
            println!(
                "{texts} texts, {pictures} pictures: sealed in {:.1?}, {sealing} KB",
                begun.elapsed()
            );
            let closed = Closed::of(&stack).await;
            let begun = Instant::now();
            let restored = peak_memory(restoring(&url, &stack, closed.id())).await;
            println!("restored in {:.1?}, {restored} KB", begun.elapsed());
            println!("{} bytes", closed.sealed.receipt.byte_count);
            closed.check_restored(&stack).await;
            peaks.push([sealing, restored]);
            stack.stop().await;
        }
        // 16 MB for what an allocator keeps.
        let [small, large] = peaks[..] else { panic!("{peaks:?}") };
        assert!(large[0] < small[0] + 16_384 && large[1] < small[1] + 16_384, "{peaks:?}");
    });
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

/// Waits until a process has done its work, and returns the most memory it had, in KB.
async fn peak_memory(mut process: Child) -> u64 {
    let mut peak = 0;
    let mut pace = tokio::time::interval(Duration::from_millis(5));
    let outcome = loop {
        pace.tick().await;
        let status = std::fs::read_to_string(format!("/proc/{}/status", process.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let found = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        peak = peak.max(found.unwrap_or(0));
        if let Some(outcome) = process.try_wait().unwrap() {
            break outcome;
        }
    };
    assert!(outcome.success());
    peak
}

/// Adds pictures of 20 KB to the newest texts.
async fn add_pictures(stack: &TestStack, count: i64) {
    let add = "insert into app.media
                 (message_id, business_id, position, twilio_sid, told_type, state, found_type,
                  byte_count, sha256, settled_at, removed_at)
               select id, business_id, 0, 'ME' || md5(id::text), 'image/jpeg', 'stored',
                      'image/jpeg', 20000, sha256(''), now(), now()
               from (select * from app.messages where media_count = 0 order by id desc limit $1) m
               returning storage_path";
    for (number, row) in stack.rows(add, &[&count]).await.iter().enumerate() {
        let noise = |at: usize| ((at + number).wrapping_mul(2_654_435_761) >> 13) as u8;
        let content: Vec<u8> = (0..20_000).map(noise).collect();
        let path: String = row.get(0);
        let storage = stack.storage();
        storage.upload("media", &path, "image/jpeg", content.into()).await.unwrap();
    }
}

/// A key is taken out after all that it wrapped was wrapped by the new one.
#[test]
fn a_wrapping_key_is_rotated() {
    run(async {
        let stack = TestStack::start().await;
        keep_busy(&stack, 10).await;
        let closed = Closed::of(&stack).await;
        let new = "next:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        let both = format!("{new},{}", product::BACKUP_KEYS);
        for (keys, want) in [
            (product::BACKUP_KEYS, json!({ "keys": 1, "rewrapped": 0 })),
            (&both, json!({ "keys": 1, "rewrapped": 1 })),
            (&both, json!({ "keys": 1, "rewrapped": 0 })),
            (new, json!({ "keys": 1, "rewrapped": 0 })),
        ] {
            assert_eq!(stack.operator_with(Task::Rewrap, keys).await.unwrap(), want);
        }
        let task = || Task::Restore { closure: closed.id() };
        let refused = stack.operator_with(task(), product::BACKUP_KEYS).await.unwrap_err();
        assert!(format!("{refused:#}").contains("not in BACKUP_KEYS"), "{refused:#}");
        stack.operator_with(task(), new).await.unwrap();
        closed.check_restored(&stack).await;
        stack.stop().await;
    });
}

/// The drill: on day 60 an account that was closed works again.
#[test]
fn promise_own_delete_on_day_60_an_operator_brings_the_account_back() {
    run(async {
        let stack = TestStack::start().await;
        closure::subscribe(&stack).await;
        closure::live(&stack).await;
        let texts = stack.value("select count(*) from app.messages").await;
        let customer = stack.value("select id from app.stripe_customers").await;
        let asked = closure::Owner::of(&stack).await.close().await;
        let early = stack.try_operator(Task::Restore { closure: id_of(&asked) }).await;
        let early = format!("{:#}", early.unwrap_err());
        assert!(early.contains("still being closed"), "{early}");
        closure::drive(&stack, "key", PATIENCE).await;
        assert_eq!(stack.value("select count(*) from app.messages").await, "0");

        // Meanwhile a customer texts STOP to the number that nobody has.
        stack.simulator().text(LEAD, SHOP, "STOP").unwrap();
        closure::wait_for_webhooks(&stack).await;
        local::clock::advance(&stack.database, Duration::from_secs(60 * 86_400)).await.unwrap();

        let report = stack.operator(Task::Restore { closure: id_of(&asked) }).await;
        assert_eq!(report["opted_out_meanwhile"], 1);
        assert_eq!(report["numbers_lost"], json!([]));
        assert_eq!(stack.value("select count(*) from app.messages").await, texts);
        closure::drive(&stack, "done", PATIENCE).await;
        assert_eq!(closure::shown(&stack, &asked).await["state"], "restored");
        let objects = "select count(*) from storage.objects where bucket_id = 'backups'";
        assert_eq!(stack.value(objects).await, "0");
        assert_eq!(
            stack.value("select count(*) from storage.objects where bucket_id = 'media'").await,
            "2"
        );

        // The owner signs in by a code, and sees the account.
        let token = sign_in_by_code(&stack).await;
        let response = stack
            .client
            .get(stack.url(&format!("{}?id={}", paths::ACCOUNT_EXPORT, Uuid::nil())))
            .bearer_auth(&token)
            .send()
            .await
            .unwrap();
        // No such export, but an owner's session.
        assert_eq!(response.status(), 404);

        // Nothing is answered, until it is paid for anew.
        let new_lead = "+15145550141";
        let answered = async |body: &str| {
            stack.simulator().text(new_lead, SHOP, body).unwrap();
            closure::wait_for_webhooks(&stack).await;
            stack.wait_for_value("select count(*) from app.jobs where state = 'open'", "0").await;
            let texts = stack.simulator().conversation(new_lead, SHOP).texts;
            texts.iter().filter(|text| text.is_by_product()).count()
        };
        assert_eq!(answered("Are you open again?").await, 0);
        let form = [
            ("customer", &*customer),
            ("items[0][price]", "price_local_month"),
            ("trial_period_days", "14"),
            ("metadata[business_id]", closure::BUSINESS),
        ];
        closure::stripe(&stack, "/v1/subscriptions", &form).await;
        let served = format!("select app.billing_allows('{}')", closure::BUSINESS);
        stack.wait_for_value(&served, "true").await;
        assert_eq!(answered("And now?").await, 1);

        // Who opted out, before or meanwhile, has opted out.
        for phone in [LEAD, closure::STOPPED] {
            let gate = format!(
                "select (app.gate(id, 'owner', null)).refusal from app.leads where phone = '{phone}'"
            );
            assert_eq!(stack.value(&gate).await, "opted_out", "{phone}");
        }
        let standing =
            "select count(*) from app.consent_ledgers c join app.leads l using (phone_hmac)
                        where l.phone in ('+15145550123', '+15145550177')
                          and num_nonnulls(express_since, inquiry_until, purchase_until) > 0";
        assert_eq!(stack.value(standing).await, "0");
        stack.stop().await;
    });
}

fn id_of(closure: &Value) -> Uuid {
    closure["closure_id"].as_str().unwrap().parse().unwrap()
}

/// Signs the owner in by the code that an e-mail brings.
async fn sign_in_by_code(stack: &TestStack) -> String {
    let (url, key) = stack.supabase();
    let post = async |path: &str, body: Value| {
        let request = stack.client.post(url.join(path).unwrap()).header("apikey", key);
        let request = request.header("content-type", "application/json").body(body.to_string());
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        serde_json::from_str::<Value>(&response.text().await.unwrap()).unwrap()
    };
    post("/auth/v1/recover", json!({ "email": OWNER })).await;
    let hash = stack.value("select recovery_token from auth.users").await;
    let session = post("/auth/v1/verify", json!({ "type": "recovery", "token_hash": hash })).await;
    session["access_token"].as_str().unwrap().to_owned()
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
