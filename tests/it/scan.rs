//! Whether anything is left of somebody: the search finds what is planted, everywhere,
//! and nothing after an erasure.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use leadslock::data::scan::Identifiers;
use operator::{Sought, Task};
use serde_json::{Value, json};
use simulators::twilio::inbound::Medium;
use trust::text::phone::Phone;
use uuid::Uuid;

use crate::support::{
    LEAD, OWNER, OWNER_PASSWORD, SHOP, TestStack,
    calls::{Calls, call},
    on_a_stack,
};

const PHONE: &str = "+15145550187";
const EMAIL: &str = "Quokka@Zanzibar.example";
const NAME: &str = "Éloïse Quokka";
const ID: &str = "0193a000-0000-7000-8000-00000000ca4a";

/// The canary, as an operator's file has it.
fn canary() -> String {
    format!("phone {PHONE}\nemail {EMAIL}\n\nname {NAME}\nid {ID}\n")
}

/// What the operator's program finds of who is on `lines`.
async fn scan(stack: &TestStack, lines: &str) -> Value {
    let file: PathBuf = std::env::temp_dir().join(format!("leadslock-sought-{}", Uuid::new_v4()));
    fs::write(&file, lines).unwrap();
    let task = || Task::Scan(Sought::in_file(file.clone()));
    let report = stack.operator(task()).await;
    assert_eq!(operator::is_finding(&task(), &report), report["hits"] != json!({}));
    fs::remove_file(file).unwrap();
    report
}

/// Where something was found, and how often.
fn hits(report: &Value) -> BTreeMap<String, u64> {
    let hits = report["hits"].as_object().unwrap();
    hits.iter().map(|(place, count)| (place.clone(), count.as_u64().unwrap())).collect()
}

/// Each way in which the canary may stand somewhere.
const FORMS: [&str; 6] = [
    "call (514) 555-0187",
    "15145550187",
    "\"quokka@zanzibar.EXAMPLE\"",
    "?to=quokka%40zanzibar.example",
    "for ÉLOÏSE QUOKKA and others",
    "x/0193a000-0000-7000-8000-00000000CA4A/0",
];

/// Plants a row into every table there is, with the canary in every column that can hold
/// it, one form after the other. Returns the columns.
async fn plant(stack: &TestStack) -> BTreeSet<String> {
    // Neither triggers, foreign keys nor checks: the search must not depend on what
    // happens to be allowed where.
    stack.database.batch_execute("
        set session_replication_role = replica;
        delete from app.stripe_listing;
        do $$
        declare v record;
        begin
          for v in
            select format('alter %s %s drop constraint %I',
                     case when contypid = 0 then 'table' else 'domain' end,
                     case when contypid = 0 then conrelid::regclass::text else contypid::regtype::text end,
                     conname) as sql
            from pg_constraint
            where contype = 'c' and connamespace::regnamespace::text
              not in ('pg_catalog', 'information_schema')
            union all
            -- What is planted makes nothing of it.
            select format('alter table %s alter column %I drop not null', attrelid::regclass, attname)
            from pg_attribute
            where attgenerated <> '' and attnotnull
          loop
            execute v.sql;
          end loop;
        end $$").await.unwrap();
    let columns = "
        select format('%I.%I', n.nspname, c.relname), a.attname::text,
          case
            when t.oid = 'bytea'::regtype then 'convert_to($1, ''UTF8'')'
            when t.oid in ('json'::regtype, 'jsonb'::regtype)
              then format('json_build_object(''deep'', array[$1])::%s', t.typname)
            when t.typcategory = 'A' and t.typelem = 'text'::regtype then 'array[''x'', $1]'
            when b.typcategory = 'S' then '$1'
            when not a.attnotnull or d.oid is not null then null
            when b.typcategory = 'B' then 'false'
            when b.typcategory = 'N' then '0'
            when b.typcategory = 'D' then 'now()'
            when t.oid = 'uuid'::regtype then 'gen_random_uuid()'
            when t.typcategory = 'A' then '''{}'''
            else format('null::%s', t.oid::regtype)
          end,
          t.oid = 'bytea'::regtype or t.typcategory in ('S', 'A') or b.typcategory = 'S'
            or t.oid in ('json'::regtype, 'jsonb'::regtype)
        from pg_class c
        join pg_namespace n on n.oid = c.relnamespace
        join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        join pg_type t on t.oid = a.atttypid
        join pg_type b on b.oid = coalesce(nullif(t.typbasetype, 0), t.oid)
        left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
        where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema', 'local')
          and a.attgenerated = ''
        order by 1, a.attnum";
    let mut tables: BTreeMap<String, Vec<(String, String, bool)>> = BTreeMap::new();
    for row in stack.rows(columns, &[]).await {
        if let Some(value) = row.get::<_, Option<String>>(2) {
            let column = (row.get(1), value, row.get(3));
            tables.entry(row.get(0)).or_default().push(column);
        }
    }
    let mut planted = BTreeSet::new();
    let mut forms = FORMS.iter().cycle();
    for (table, columns) in tables {
        let (mut names, mut values) = (Vec::new(), Vec::new());
        for (name, value, is_text) in columns {
            if is_text && value.contains("$1") {
                planted.insert(format!("{table}.{name}"));
            }
            names.push(format!("\"{name}\""));
            let form = forms.next().unwrap();
            values.push(value.replace("$1", &format!("'{form}'::text")));
        }
        let insert =
            format!("insert into {table} ({}) select {}", names.join(", "), values.join(", "));
        let inserted = stack.database.execute(&insert, &[]).await;
        assert_eq!(inserted.unwrap_or_else(|error| panic!("{insert}: {error:?}")), 1);
    }
    planted
}

#[test]
fn what_is_planted_in_any_column_of_any_table_is_found() {
    on_a_stack(async |stack| {
        stack
            .database
            .batch_execute(
                "
            create schema planted authorization postgres;
            set role postgres;
            create table planted.notes (json json, bytes bytea, list text[], words varchar(200));
            create unlogged table planted.\"Odd Name\" (\"a column\" text);
            reset role",
            )
            .await
            .unwrap();
        let before = scan(stack, &canary()).await;
        assert_eq!(before["hits"], json!({}));

        let planted = plant(stack).await;
        for schema in ["app.", "auth.", "storage.", "planted."] {
            assert!(planted.iter().any(|column| column.starts_with(schema)), "{schema}");
        }
        let found = scan(stack, &canary()).await;
        let found = hits(&found);
        // A place is told as it is called, without quotation marks.
        let planted: BTreeSet<String> =
            planted.iter().map(|column| column.replace('"', "")).collect();
        let missed: Vec<_> = planted.iter().filter(|column| !found.contains_key(*column)).collect();
        assert!(missed.is_empty(), "not found: {missed:?}");
        // What is made of a column is found in what it is made to.
        let more: Vec<_> = found.keys().filter(|place| !planted.contains(*place)).collect();
        assert!(
            more.iter().all(|place| {
                ["path_tokens", ".email", ".name_key"].iter().any(|made| place.ends_with(made))
            }),
            "{more:?}"
        );

        // Each search is on record, and nothing of who was searched for.
        let audit = "select count(*) from app.audit_events where action = 'scan'";
        assert_eq!(stack.value(audit).await, "2");
    });
}

/// In the last page of a table that takes many calls, and where the search goes on from one
/// to the next.
#[test]
fn a_large_table_is_searched_to_its_end() {
    on_a_stack(async |stack| {
        stack
            .database
            .batch_execute(&format!(
                "
            create schema planted authorization postgres;
            set role postgres;
            create table planted.pages as
            select case when n % 10000 = 0 then '{PHONE}' else repeat('x', 100) end as text
            from generate_series(1, 100000) n"
            ))
            .await
            .unwrap();
        let pages = "select pg_relation_size('planted.pages') / 8192";
        assert!(stack.value(pages).await.parse::<u32>().unwrap() > 1000);
        let found = scan(stack, &format!("phone {PHONE}")).await;
        assert_eq!(found["hits"], json!({ "planted.pages.text": 10 }));
    });
}

#[test]
fn objects_are_searched_and_bundles_unpacked() {
    on_a_stack(async |stack| {
        Calls(stack).receive(1, "text", &format!("it is {NAME}")).await;
        let token = stack.sign_in(OWNER, OWNER_PASSWORD).await;
        let path = leadslock::paths::ACCOUNT_EXPORT;
        let asked =
            stack.client.post(stack.url(path)).bearer_auth(&token).body("{\"format\":\"csv\"}");
        assert_eq!(asked.send().await.unwrap().status(), 202);
        stack.wait_for_value("select state from app.exports", "ready").await;
        let storage = stack.storage();
        let long = format!("{}{NAME}{}", "x".repeat(300_000), "y".repeat(300_000));
        storage.upload("media", "a/b/0", "image/png", long.into()).await.unwrap();

        // By its name only in a row, in the bundle and in the object.
        let found = scan(stack, &format!("name {NAME}")).await;
        let want = json!({ "app.messages.body": 1, "bucket exports": 1, "bucket media": 1 });
        assert_eq!((&found["hits"], &found["objects"]), (&want, &json!(2)));
        let all: u64 = found["bytes"].as_u64().unwrap();
        assert!(all > 600_000, "{all}");
    });
}

#[test]
fn nothing_is_found_of_a_lead_who_was_erased() {
    on_a_stack(async |stack| {
        let card = format!("BEGIN:VCARD\r\nVERSION:3.0\r\nFN:{NAME}\r\nEND:VCARD\r\n");
        let card = Medium::file("text/vcard", card.as_bytes());
        let body = format!("Hi, {NAME} here, mail me at {EMAIL} or call 514-555-0123");
        stack.simulator().text_with_media(LEAD, SHOP, &body, vec![card]).unwrap();
        stack.wait(simulators::conversation::Until::Delivered).await;
        stack.text_and_wait("stop texting me please").await;
        stack
            .wait_for_value("select string_agg(distinct state, ' ') from app.media", "stored")
            .await;
        let sought = format!("phone {LEAD}\nname {NAME}\nemail {EMAIL}");

        let found = hits(&scan(stack, &sought).await);
        for place in ["app.leads.phone", "app.messages.body", "bucket media"] {
            assert!(found.contains_key(place), "{place} is not in {found:?}");
        }

        let token = stack.sign_in_owner().await;
        assert!(!token.is_empty());
        let session =
            "select jsonb_build_object('user_id', user_id, 'session_id', id, 'aal', 'aal1')
                       from auth.sessions";
        let session: Value = stack.rows(session, &[]).await[0].get(0);
        let lead = stack.value("select id from app.leads").await;
        let erased =
            call(&stack.database, "erase_lead", json!({ "session": session, "lead_id": lead }))
                .await;
        assert_eq!(erased["outcome"], "erased");
        assert_eq!(stack.run_scheduler().await, 200);
        stack
            .wait_for_value("select count(*) from storage.objects where bucket_id = 'media'", "0")
            .await;

        let report = scan(stack, &sought).await;
        assert_eq!(report["hits"], json!({}));
        // The local stack's own, which a hosted project does not have.
        assert_eq!(report["not_searched"], json!(["local.migrations"]));
        assert_eq!(stack.value("select count(*) from app.suppressions").await, "1", "it is no hit");

        // What the model was told named nobody; what Twilio has is Twilio's until it is
        // asked to forget it.
        let mut identifiers = Identifiers::default();
        identifiers.add_phone(&Phone::parse(LEAD).unwrap()).unwrap();
        identifiers.add_email(EMAIL).unwrap();
        let held = stack.simulator().search(&identifiers);
        assert!(held.contains_key("twilio: bodies of texts"), "{held:?}");
        assert_eq!(held.get("groq: prompts"), None);
    });
}
