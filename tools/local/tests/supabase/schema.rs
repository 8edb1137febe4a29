//! The schema the migrations make.

use local::{node::Node, postgres::Cluster, project, schema, supabase::Supabase};

use crate::support::{run, shared};

/// Makes a copy of the template in which `sql` has been run as migrations are.
async fn copy(name: &str, sql: &str) -> &'static (Node, Cluster) {
    let shared = shared().await;
    shared.1.create_database(name, Supabase::TEMPLATE).await.unwrap();
    let client = shared.1.connect(name).await.unwrap();
    client.batch_execute(&format!("set role postgres; {sql}")).await.unwrap();
    shared
}

#[test]
fn the_committed_schema_is_that_of_the_migrations() {
    run(async {
        let (node, cluster) = copy("dumped", "").await;
        let of_migrations = schema::of_migrations(node, cluster).await.unwrap();
        let committed = std::fs::read_to_string(project::root().join("supabase/schema.sql"));
        assert!(
            committed.unwrap() == of_migrations,
            "supabase/schema.sql is out of date: run `cargo dev -- schema`",
        );

        let client = cluster.connect("dumped").await.unwrap();
        let of_template = schema::dump(&client).await.unwrap();

        // The only difference is the local stack's clock.
        let without_clock = |text: &str| {
            let parts = text.split("\n\n").filter(|part| !part.contains("FUNCTION app.clock()"));
            parts.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(without_clock(&of_migrations), without_clock(&of_template));
    });
}

/// A deployment that has data already takes every migration, and keeps what it has.
#[test]
fn migrations_apply_to_a_database_that_is_in_use() {
    run(async {
        let (node, cluster) = shared().await;
        let fill = include_str!("in_use_20261123150300.sql");
        schema::upgrade(node, cluster, "upgraded", "20261123150300", fill).await.unwrap();

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

        // Each conversation has its newest text.
        let newest = "select string_agg((c.last_message_id = m.id)::text, ' ')
                      from app.conversations c
                      cross join lateral (
                        select id from app.messages where lead_id = c.lead_id order by id desc limit 1
                      ) m";
        assert_eq!(value(newest).await, "true");

        // As good as new.
        let committed = std::fs::read_to_string(project::root().join("supabase/schema.sql"));
        assert_eq!(schema::dump(&client).await.unwrap(), committed.unwrap());
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
