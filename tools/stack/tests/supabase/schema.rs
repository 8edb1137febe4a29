//! The schema: the migrations make what the files say, and both keep the rules.

use std::collections::BTreeSet;

use stack::{
    node::Node,
    postgres::Cluster,
    project,
    schema::{self, File, Objects},
    supabase::Supabase,
};

use crate::support::{run, shared};

/// The most lines that a function may have: what fits on a screen.
const LONGEST_FUNCTION: usize = 70;

/// Makes a copy of the template in which `sql` has been run as migrations are.
async fn copy(name: &str, sql: &str) -> &'static (Node, Cluster) {
    let shared = shared().await;
    shared.1.create_database(name, Supabase::TEMPLATE).await.unwrap();
    let client = shared.1.connect(name).await.unwrap();
    client.batch_execute(&format!("set role postgres; {sql}")).await.unwrap();
    shared
}

/// The files say exactly what the migrations make; where not, each object is named. Planted
/// changes of each kind are found.
#[test]
fn the_migrations_make_what_the_files_say() {
    run(async {
        let (node, cluster) = copy("dumped", "").await;
        let migrated = schema::of_migrations(node, cluster).await.unwrap();
        let files = schema::files().unwrap();
        let found =
            schema::differences(&migrated, &schema::of_files(node, cluster, &files).await.unwrap());
        assert!(
            found.is_empty(),
            "run `cargo dev -- migration NAME`, or put the files right:\n{}",
            found.join("\n")
        );

        let client = cluster.connect("dumped").await.unwrap();
        let of_template = schema::objects(&client).await.unwrap();
        // The only difference is the local stack's clock.
        let found = schema::differences(&migrated, &of_template);
        let [clock] = found.as_slice() else { panic!("{found:#?}") };
        assert!(clock.starts_with("function app.clock():"), "{clock}");

        let change = |path: &str, from: &str, to: &str| -> Vec<File> {
            let mut files = files.clone();
            let file = files.iter_mut().find(|file| file.path.ends_with(path)).unwrap();
            assert!(file.sql.contains(from), "{path} has no {from}");
            file.sql = file.sql.replace(from, to);
            files
        };
        for (files, want) in [
            (change("outbound/is_at_cap.sql", ">= 10", ">= 11"), "function app.is_at_cap(uuid): "),
            (
                change("leads/tables.sql", "  notes text,", "  notes text,\n  planted text[],"),
                "table app.leads: ",
            ),
            (
                change("consent/tables.sql", "'opted_out', 'unreachable'", "'opted_out'"),
                "table app.suppressions: ",
            ),
            (change("outbound/rows.sql", "782 902", "902"), "rows of app.area_codes: "),
            (
                change(
                    "conversations/list_conversations.sql",
                    " to authenticated;",
                    " to service_role;",
                ),
                "function public.list_conversations(jsonb): ",
            ),
        ] {
            let objects: Objects = schema::of_files(node, cluster, &files).await.unwrap();
            let found = schema::differences(&migrated, &objects);
            let [found] = found.as_slice() else { panic!("{want}: {found:#?}") };
            assert!(found.starts_with(want), "{found}");
        }
    });
}

/// One function a file, named like it, short enough to be read at once.
#[test]
fn every_function_has_a_file_of_its_name() {
    let mut names = BTreeSet::new();
    for File { path, sql } in schema::files().unwrap() {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let functions: Vec<&str> = sql
            .lines()
            .filter_map(|line| line.strip_prefix("create function "))
            .filter_map(|rest| rest.split(['.', '(']).nth(1))
            .collect();
        assert!(
            !sql.contains("create or replace"),
            "{path:?}: a file says what is, not what changes"
        );
        if ["schema", "types", "tables", "rows"].contains(&name.as_str()) {
            assert_eq!(functions, Vec::<&str>::new(), "{path:?}");
            continue;
        }
        assert_eq!(functions, [name.as_str()], "{path:?}");
        assert!(names.insert(name), "{path:?}: two functions have this name");
        let lines = sql.lines().skip_while(|line| !line.starts_with("create function "));
        let length = lines.take_while(|line| *line != "$$;").count() + 1;
        assert!(length <= LONGEST_FUNCTION, "{path:?} has {length} lines");
    }
    assert!(names.len() > 200, "{} functions are too few", names.len());
}

/// What is wrong with the migrations, given their digests and those that are committed.
fn edited(now: &str, committed: &str) -> Vec<String> {
    let now: BTreeSet<&str> = now.lines().collect();
    let newest = committed.lines().last().unwrap_or_default();
    let changed = committed
        .lines()
        .filter(|line| !now.contains(line))
        .map(|line| format!("{} has landed and may not be edited: add a migration", &line[..14]));
    let unlisted = now
        .iter()
        .filter(|line| !committed.lines().any(|known| known[..14] == line[..14]))
        .map(|line| {
            let is_newer = *line > newest;
            let why = if is_newer {
                "is not in the list: `cargo dev -- migration-digests`"
            } else {
                "is older than what has landed"
            };
            format!("{} {why}", &line[..14])
        });
    changed.chain(unlisted).collect()
}

#[test]
fn no_migration_that_has_landed_is_edited() {
    let now = schema::digests().unwrap();
    let committed = std::fs::read_to_string(project::root().join(schema::DIGESTS)).unwrap();
    assert_eq!(edited(&now, &committed), Vec::<String>::new());

    // That it is found: one that is edited, one that is gone, one that comes late.
    let first = now.lines().next().unwrap();
    let (version, digest) = first.split_once(' ').unwrap();
    let edit = now.replace(digest, &"0".repeat(64));
    assert_eq!(
        edited(&edit, &committed),
        [format!("{version} has landed and may not be edited: add a migration")]
    );
    assert_eq!(edited(&now.replace(&format!("{first}\n"), ""), &committed).len(), 1);
    let late = format!("20260101000000 {digest}\n{now}");
    assert_eq!(edited(&late, &committed), ["20260101000000 is older than what has landed"]);
}

/// The version up to which all is the baseline.
const BASELINE: &str = "20261130101600";

/// A deployment that has data already takes every migration, and keeps what it has.
#[test]
fn migrations_apply_to_a_database_that_is_in_use() {
    run(async {
        let (node, cluster) = shared().await;
        let fill = include_str!("in_use.sql");
        schema::upgrade(node, cluster, "upgraded", BASELINE, fill).await.unwrap();

        let client = cluster.connect("upgraded").await.unwrap();
        let value = async |sql: &str| -> String {
            client.query_one(&format!("select ({sql})::text"), &[]).await.unwrap().get(0)
        };
        let life = "select string_agg(change || ' ' || sequence, ', ' order by id) from app.consent_events";
        assert_eq!(value(life).await, "granted 1, withdrawn 2, granted 3");
        let breaks = "select count(app.first_break_of_consent(business_id, phone_hmac))
                      from app.consent_ledgers";
        assert_eq!(value(breaks).await, "0");
        assert_eq!(value("select count(*) from app.messages").await, "3");
        let owed = "select string_agg(concat_ws(' ', kind, queue, state, attempts, fencing_token,
                      last_fault), ', ' order by kind) from app.jobs";
        assert_eq!(
            value(owed).await,
            "closure closures open 3 7 closing failed, export exports open 2 5 packing failed"
        );

        // As good as new.
        let migrated = schema::of_migrations(node, cluster).await.unwrap();
        let upgraded = schema::objects(&client).await.unwrap();
        assert_eq!(schema::differences(&migrated, &upgraded), Vec::<String>::new());
    });
}

/// A change of one line in a file becomes a migration that makes just that change.
#[test]
fn a_changed_file_is_drafted_as_a_migration() {
    run(async {
        let (node, cluster) = shared().await;
        assert_eq!(
            schema::draft(node, cluster, &schema::files().unwrap()).await.unwrap().trim(),
            ""
        );
        let mut files = schema::files().unwrap();
        let file =
            files.iter_mut().find(|file| file.path.ends_with("outbound/is_at_cap.sql")).unwrap();
        file.sql = file.sql.replace(">= 10", ">= 11");
        let draft = schema::draft(node, cluster, &files).await.unwrap();
        assert!(draft.contains("app.is_at_cap") && draft.contains(">= 11"), "{draft}");
        assert_eq!(draft.matches("FUNCTION").count(), 1, "{draft}");
    });
}

#[test]
fn no_rule_of_the_catalog_is_broken() {
    run(async {
        let (_, cluster) = copy("good", "").await;
        let client = cluster.connect("good").await.unwrap();
        let violations = schema::violations(&client).await.unwrap();
        assert!(violations.is_empty(), "{violations:#?}");
    });
}

#[test]
fn each_rule_of_the_catalog_finds_what_breaks_it() {
    run(async {
        let bad = include_str!("bad.sql");
        let (_, cluster) = copy("bad", bad).await;
        let client = cluster.connect("bad").await.unwrap();

        let found = schema::violations(&client).await.unwrap();
        let want: Vec<_> = bad.lines().filter_map(|line| line.strip_prefix("-- Finds ")).collect();
        let missing: Vec<_> =
            want.iter().filter(|want| !found.contains(&(**want).to_owned())).collect();
        assert!(missing.is_empty(), "missing: {missing:#?}\nfound: {found:#?}");
    });
}

#[test]
fn supabases_advisors_find_nothing_in_ours_and_something_in_worse() {
    run(async {
        let (node, cluster) = copy("advised", "").await;
        let advice = schema::advice(node, cluster, "advised").await.unwrap();
        assert!(advice.is_empty(), "{advice:#?}");

        let unsafe_function =
            "create function public.unsafe() returns integer language sql as 'select 1'";
        copy("worse", unsafe_function).await;
        let advice = schema::advice(node, cluster, "worse").await.unwrap();
        assert!(advice.iter().any(|line| line.contains("public.unsafe")), "{advice:#?}");
    });
}
