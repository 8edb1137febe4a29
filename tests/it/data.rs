//! The description of the data (`lib/src/data/tables.rs`) is true, and whole: of the catalog,
//! bundles, persons' files, backups, retention, what owners read and correct.

use std::collections::{BTreeMap, BTreeSet};

use leadslock::data::{
    retention::{LIMITS, Limit, kept},
    tables::{Access, Bundle, Closing, Column, TABLES, Table, Whose},
};
use tokio_postgres::Client;

use crate::support::on_a_stack;

/// What differs between two sets of facts, one line each.
fn differences(what: &str, described: BTreeSet<String>, found: BTreeSet<String>) -> Vec<String> {
    let missing =
        found.difference(&described).map(|fact| format!("{what}: {fact} is not described"));
    let untrue = described.difference(&found).map(|fact| format!("{what}: {fact} is not so"));
    missing.chain(untrue).collect()
}

/// The first column of a query's rows.
async fn facts(database: &Client, sql: &str) -> BTreeSet<String> {
    let rows = database.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// What is described of columns that are `which`.
fn columns(which: impl Fn(&Table, &Column) -> bool) -> BTreeSet<String> {
    let all =
        TABLES.iter().flat_map(|table| table.columns.iter().map(move |column| (table, column)));
    all.filter(|(table, column)| which(table, column))
        .map(|(table, column)| format!("{}.{}", table.name, column.name))
        .collect()
}

/// Everything in which the description and a database differ.
async fn faults(database: &Client) -> Vec<String> {
    let mut faults = Vec::new();

    // Tables and columns, their order and their types.
    let sql = "select c.relname || ' ' || a.attname, format_type(a.atttypid, null)
               from pg_class c
               join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
               where c.relnamespace = 'app'::regnamespace and c.relkind in ('r', 'p')
               order by c.relname, a.attnum";
    let mut catalog = BTreeMap::<String, Vec<(String, String)>>::new();
    for row in database.query(sql, &[]).await.unwrap() {
        let (table, column) = row.get::<_, &str>(0).split_once(' ').unwrap();
        catalog.entry(table.to_owned()).or_default().push((column.to_owned(), row.get(1)));
    }
    for (name, found) in &catalog {
        let Some(table) = leadslock::data::tables::find(name) else {
            faults.push(format!("catalog: the table {name} is not described"));
            continue;
        };
        let described: Vec<String> =
            table.columns.iter().map(|column| column.name.to_owned()).collect();
        let found_names: Vec<String> = found.iter().map(|(column, _)| column.clone()).collect();
        for column in found_names.iter().filter(|column| !described.contains(column)) {
            faults.push(format!("catalog: {name}.{column} is not described"));
        }
        for column in described.iter().filter(|column| !found_names.contains(column)) {
            faults.push(format!("catalog: {name}.{column} is not so"));
        }
        let order: Vec<_> =
            found_names.iter().filter(|column| described.contains(column)).collect();
        let wanted: Vec<_> =
            described.iter().filter(|column| found_names.contains(column)).collect();
        if order != wanted {
            faults.push(format!("catalog: the columns of {name} are in another order"));
        }
        for (column, kind) in found {
            let column = table.columns.iter().find(|described| described.name == column);
            if let Some(column) = column.filter(|column| !column.kind.is_of(kind)) {
                faults.push(format!("catalog: {name}.{} is {kind}", column.name));
            }
        }
    }
    for table in TABLES.iter().filter(|table| !catalog.contains_key(table.name)) {
        faults.push(format!("catalog: the table {} is not so", table.name));
    }

    // The bundle and the person's file.
    let files = TABLES
        .iter()
        .filter_map(|table| match &table.bundle {
            Bundle::File { name, .. } => Some((table.name, *name)),
            Bundle::LeftOut(_) => None,
        })
        .enumerate()
        .map(|(place, (table, file))| format!("{} {file} of {table}", place + 1));
    let sql = "select place || ' ' || file || ' of ' || name from app.export_files()";
    faults.extend(differences("bundle", files.collect(), facts(database, sql).await));
    let is_bundled = |table: &Table| matches!(table.bundle, Bundle::File { .. });
    let is_in_persons_file = |table: &Table| is_bundled(table) && table.whose == Whose::Person;
    for (purpose, described) in [
        ("bundle", columns(|table, column| is_bundled(table) && column.not_in_bundle.is_some())),
        (
            "person",
            columns(|table, column| {
                is_in_persons_file(table) && column.not_in_persons_file.is_some()
            }),
        ),
    ] {
        let sql = format!(
            "select c.relname || '.' || l.name
             from pg_class c
             cross join unnest(app.columns_left_out(c.relname, '{purpose}')) l (name)
             where c.relnamespace = 'app'::regnamespace"
        );
        faults.extend(differences(
            &format!("left out of a {purpose}'s file"),
            described,
            facts(database, &sql).await,
        ));
    }

    // Backups. (The owner is a row of Auth's.)
    let described = TABLES.iter().filter(|table| table.left_out_of_backups.is_none());
    let sql = "select name from app.backup_tables() where name <> 'owner'";
    let described = described.map(|table| table.name.to_owned()).collect();
    faults.extend(differences("backup", described, facts(database, sql).await));

    // Retention.
    let limits = LIMITS.iter().map(Limit::table).filter(|table| table.starts_with("app."));
    let decided: BTreeSet<String> =
        limits.map(str::to_owned).chain(kept().into_iter().map(|(table, _)| table)).collect();
    let tables = catalog.keys().map(|table| format!("app.{table}")).collect();
    faults.extend(differences("retention", decided, tables));
    let kinds = LIMITS.iter().filter(|limit| limit.kind != "stray_objects");
    let kinds = kinds.map(|limit| format!("{} of {}", limit.kind, limit.table())).collect();
    let sql = "select kind || ' of ' || relation from app.purge_kinds()";
    faults.extend(differences("purge", kinds, facts(database, sql).await));

    // What owners may read.
    let readable = columns(|_, column| column.owners != Access::None);
    let sql = "select c.relname || '.' || a.attname
               from pg_class c
               join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
               where c.relnamespace = 'app'::regnamespace and c.relkind in ('r', 'p')
                 and has_column_privilege('authenticated', c.oid, a.attnum, 'select')";
    faults.extend(differences("read by owners", readable, facts(database, sql).await));
    let sql =
        "select 'leads.' || key from jsonb_object_keys(app.editable_fields(null::app.leads)) key";
    let editable = columns(|table, column| table.name == "leads" && column.owners == Access::Edit);
    faults.extend(differences("corrected by owners", editable, facts(database, sql).await));
    faults
}

#[test]
fn the_data_is_as_it_is_described() {
    on_a_stack(async |stack| {
        assert_eq!(faults(&stack.database).await, Vec::<String>::new());

        // What an account's rows are found by when it is closed. What stays says why.
        let sql = "select distinct table_name::text from information_schema.columns
                   where table_schema = 'app' and column_name in ('business_id', 'owner_id')";
        let of_accounts = facts(&stack.database, sql).await;
        let stays = TABLES.iter().filter(|table| matches!(table.closing, Closing::Stays(_)));
        let stays: BTreeSet<String> = stays.map(|table| table.name.to_owned()).collect();
        let stay_with_an_account: Vec<_> = of_accounts.intersection(&stays).collect();
        assert_eq!(stay_with_an_account, ["audit_events", "closures"]);
    });
}

/// That the test above can fail, and names what was forgotten.
#[test]
fn what_is_not_described_is_named() {
    on_a_stack(async |stack| {
        for (change, want) in [
            (
                "alter table app.leads add column planted text[]",
                "catalog: leads.planted is not described",
            ),
            (
                "create table app.pets (id uuid primary key)",
                "catalog: the table pets is not described, retention: app.pets is not described",
            ),
            (
                "alter table app.leads alter column last_inbound_at type text",
                "catalog: leads.last_inbound_at is text",
            ),
            (
                "grant select (request_id) on app.messages to authenticated",
                "read by owners: messages.request_id is not described",
            ),
            (
                "alter function app.editable_fields(app.leads) rename to fields_before;
                 create function app.editable_fields(p_lead app.leads) returns jsonb
                 language sql immutable set search_path = ''
                 as $$ select app.fields_before(p_lead) - 'notes' $$",
                "corrected by owners: leads.notes is not so",
            ),
        ] {
            // Undone by the end of the transaction.
            let sql = format!("begin; {change}");
            stack
                .database
                .batch_execute(&sql)
                .await
                .unwrap_or_else(|error| panic!("{change}: {error}"));
            assert_eq!(faults(&stack.database).await.join(", "), want, "{change}");
            stack.database.batch_execute("rollback").await.unwrap();
        }
    });
}
