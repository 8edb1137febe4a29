//! A closed account is sealed whole, and comes back whole.

use std::collections::{BTreeMap, BTreeSet};

use leadslock::{
    backup::{
        self, Receipt,
        archive::{self, Part},
    },
    seal::{DataKey, Keyring, Opener, Place, WrappedKey},
};
use local::{product, simulator::twilio::inbound::Medium};
use uuid::Uuid;

use crate::support::{LEAD, SHOP, TestStack, calls::Calls, run};

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
    // No obligation is open any more.
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

/// A table that is added later is in backups, or somebody says here why not.
#[test]
fn every_table_is_in_a_backup_or_left_out_on_purpose() {
    const NOT_IN_IT: [&str; 13] = [
        // The same for everybody.
        "area_codes",
        // It stays while an account is closed, and names nobody.
        "audit_events",
        // Copies of rows, for minutes.
        "backup_chunks",
        // What is kept of the closure itself.
        "closure_receipts",
        "closures",
        "export_chunks",
        // What was asked for ends with the account, its bundles too. That it was asked for
        // is in the audit trail.
        "exports",
        // Objects that are to be deleted are to be deleted.
        "object_deletions",
        // The service's own counts.
        "refusals",
        "stripe_listing",
        // They stay while an account is closed: who opted out has opted out.
        "suppressions",
        // What Twilio is still to forget.
        "twilio_redactions",
        // By ids of events; they stay.
        "webhook_events",
    ];
    run(async {
        let stack = TestStack::start().await;
        let listed: BTreeSet<String> =
            tables(&stack).await.into_iter().map(|(name, _)| name).collect();
        let all = "select table_name::text from information_schema.tables
                   where table_schema = 'app' and table_type = 'BASE TABLE'";
        let mut all: BTreeSet<String> =
            stack.rows(all, &[]).await.iter().map(|row| row.get(0)).collect();
        // Not a table of ours.
        all.insert("owner".to_owned());
        let left: Vec<_> = all.difference(&listed).map(String::as_str).collect();
        assert_eq!(left, NOT_IN_IT);
        assert!(listed.is_subset(&all));
        stack.stop().await;
    });
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
        // The second chunk of rows is lost.
        let lose = "create function local.lose() returns trigger language plpgsql as $$
                    begin return case when new.number < 9 then new end; end $$;
                    create trigger lose before insert on app.backup_chunks
                    for each row execute function local.lose()";
        stack.database.batch_execute(lose).await.unwrap();
        let place = Place { closure_id: Uuid::nil(), path: "cut/off".to_owned() };
        let (key, _) = keyring().new_data_key(&place).unwrap();
        let made = backup::make(&stack.api(), &stack.storage(), shop, &place, &key).await;
        assert!(made.is_err(), "{made:?}");
        let object = stack.storage().download(backup::BUCKET, &place.path, usize::MAX).await;
        assert!(object.unwrap().is_none());
        assert_eq!(stack.value("select count(*) from app.backup_chunks").await, "0");
        stack.stop().await;
    });
}

async fn one_picture(stack: &TestStack) -> String {
    stack.value("select storage_path from app.media order by storage_path limit 1").await
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    leadslock::export::bundle::hex(&sha2::Sha256::digest(bytes))
}
