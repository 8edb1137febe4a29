//! The schema our migrations make: as text to commit, and against the rules it must keep.

use anyhow::Result;
use tokio_postgres::{Client, Row};

use crate::{node::Node, postgres::Cluster, supabase};

/// Gives the schema, one statement or table a row.
const DUMP: &str = include_str!("schema/dump.sql");

/// Gives what breaks a rule about all tables and functions, one a row.
const CATALOG: &str = include_str!("../../../supabase/tests/catalog.sql");

/// The schemas `app` and `public` of a database, as SQL that reads like the migrations.
///
/// The same schema gives the same text, however it came about.
pub async fn dump(client: &Client) -> Result<String> {
    let mut text =
        String::from("-- The schema after all migrations. Generated; not run by anything.\n");
    for row in query(client, DUMP).await? {
        text.push('\n');
        text.push_str(row.get(0));
        text.push('\n');
    }
    Ok(text)
}

/// The text of [`dump`] for a database with our migrations and nothing else: neither the seed
/// nor what the local stack adds. This is what is committed as `supabase/schema.sql`.
pub async fn of_migrations(node: &Node, cluster: &Cluster) -> Result<String> {
    const NAME: &str = "migrations_only";
    cluster.drop_database(NAME).await?;
    supabase::make_migrated(node, cluster, NAME).await?;
    let text = dump(&cluster.connect(NAME).await?).await?;
    cluster.drop_database(NAME).await?;
    Ok(text)
}

/// Makes a database as it was when `version` was the newest migration, runs `fill` in it, and
/// then the migrations that came after: what happens to a deployment with data in it.
pub async fn upgrade(
    node: &Node,
    cluster: &Cluster,
    database: &str,
    version: &str,
    fill: &str,
) -> Result<()> {
    supabase::make_upgraded(node, cluster, database, version, fill).await
}

/// What breaks a rule of `supabase/tests/catalog.sql` in a database, one line each.
pub async fn violations(client: &Client) -> Result<Vec<String>> {
    let rows = query(client, CATALOG).await?;
    let line =
        |row: &Row| format!("{}: {}", row.get::<_, &str>("rule"), row.get::<_, &str>("object"));
    Ok(rows.iter().map(line).collect())
}

/// Runs a query in which Postgres writes all names with their schema.
async fn query(client: &Client, sql: &str) -> Result<Vec<Row>> {
    client.batch_execute("begin read only; set local search_path to ''").await?;
    let rows = client.query(sql, &[]).await;
    client.batch_execute("rollback").await?;
    Ok(rows?)
}

/// What Supabase's own advisors find in a database, about security and performance, one line
/// each.
pub async fn advice(node: &Node, cluster: &Cluster, database: &str) -> Result<Vec<String>> {
    supabase::advise(node, cluster, database).await
}
