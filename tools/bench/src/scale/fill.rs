//! Databases with years of use in them.

use std::fs;

use anyhow::{Context as _, Result};
use tokio_postgres::Client;

use super::Extent;
use stack::{postgres::Cluster, progress::Progress, project};

/// In parts; each begins with a line that names it.
const FILL: &str = include_str!("fill.sql");

/// What begins such a line.
const PART: &str = "-- == ";

/// Puts the demo shop into a migrated database.
pub(super) async fn seed(client: &Client) -> Result<()> {
    let path = project::root().join("supabase/seed.sql");
    let seed = fs::read_to_string(&path)
        .with_context(|| format!("{} could not be read", path.display()))?;
    client.batch_execute(&seed).await.context("seed.sql could not be run")
}

/// Has a cluster write fast what it does not have to keep, and nothing while we measure.
pub(super) async fn prepare(cluster: &Cluster) -> Result<()> {
    configure(
        cluster,
        &[
            "set autovacuum = off",
            "set fsync = off",
            "set full_page_writes = off",
            "set max_wal_size = '2GB'",
            "set checkpoint_timeout = '1h'",
        ],
    )
    .await
}

/// Has a cluster be as it comes again, what it was told by [`prepare`] on the disk.
pub(super) async fn undo_prepare(cluster: &Cluster) -> Result<()> {
    configure(cluster, &["reset all"]).await?;
    cluster.connect("postgres").await?.batch_execute("checkpoint").await?;
    Ok(())
}

async fn configure(cluster: &Cluster, settings: &[&str]) -> Result<()> {
    let client = cluster.connect("postgres").await?;
    for setting in settings {
        client.batch_execute(&format!("alter system {setting}")).await?;
    }
    client.batch_execute("select pg_reload_conf()").await?;
    Ok(())
}

/// Fills a migrated and seeded database, and leaves it as autovacuum would.
pub(super) async fn fill(client: &Client, extent: Extent, progress: &Progress) -> Result<()> {
    let Extent { leads, shops, long_conversation, .. } = extent;
    client
        .batch_execute(&format!(
            "set fill.leads = {leads};
             set fill.shops = {shops};
             set fill.long_conversation = {long_conversation};
             set work_mem = '512MB';
             set maintenance_work_mem = '512MB';"
        ))
        .await?;
    for part in FILL.split(PART).skip(1) {
        let (name, statements) = part.split_once('\n').unwrap_or((part, ""));
        progress.say(name);
        client
            .batch_execute(statements)
            .await
            .with_context(|| format!("the part {name} failed"))?;
    }
    Ok(())
}
