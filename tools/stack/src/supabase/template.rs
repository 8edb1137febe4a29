//! The database all others are copies of, and how a kept copy gets what is new.
//!
//! It is made as a hosted project's is: first what Supabase itself provides, then the
//! migrations and the seed by Supabase's official command line program. What is ours comes
//! last, in the schema `local`: a clock that can be moved.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;
use tokio_postgres::Client;

use super::cli::{self, Seed};
use crate::{digest::digest, node::Node, postgres::Cluster, project};

/// The database all others are copies of.
pub(super) const NAME: &str = "template_app";

/// The role that owns a project's database and runs its migrations, on hosted projects too.
const OWNER: &str = "postgres";

/// The roles of a hosted project.
const ROLES: &str = include_str!("../../supabase/hosted/roles.sql");

/// What a hosted project's database begins with, as far as it does not come from Lite.
const PROJECT: &str = include_str!("../../supabase/hosted/project.sql");

/// What the local stack adds.
const LOCAL: &str = include_str!("../../supabase/local.sql");

/// Held while the template is made, so that nobody copies or makes it meanwhile.
const LOCK: i64 = 0x6c65_6164_736c_6f63;

/// Makes the template, unless it is there and nothing it is made of has changed.
pub(super) async fn prepare(node: &Node, cluster: &Cluster) -> Result<()> {
    let client = cluster.connect("postgres").await?;
    client.execute("select pg_advisory_lock($1)", &[&LOCK]).await?;

    let fingerprint = fingerprint()?;
    let of_template =
        "select shobj_description(oid, 'pg_database') from pg_database where datname = $1";
    let row = client.query_opt(of_template, &[&NAME]).await?;
    if row.and_then(|row| row.get::<_, Option<String>>(0)).as_ref() == Some(&fingerprint) {
        return Ok(());
    }

    cluster.drop_database(NAME).await?;
    make_project(node, cluster, NAME).await?;
    cli::push(node, &cluster.url_as(OWNER, NAME), Seed::Included).await?;
    add_ours(&cluster.connect(NAME).await?).await?;
    // A database cannot be copied while someone is connected to it.
    client.batch_execute(&format!("alter database {NAME} with allow_connections false")).await?;
    client.batch_execute(&format!("comment on database {NAME} is '{fingerprint}'")).await?;
    Ok(())
}

/// Applies new migrations to a database that was once a copy of the template.
pub(super) async fn update(node: &Node, cluster: &Cluster, database: &str) -> Result<()> {
    let client = cluster.connect(database).await?;
    let files = digests()?;
    let rows = client.query("select version, sha256 from local.migrations", &[]).await?;
    let applied: BTreeMap<String, String> =
        rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    // Applied and then edited, a migration would silently stay as it was.
    for (version, digest) in &files {
        ensure!(
            applied.get(version).is_none_or(|applied| applied == digest),
            "the migration {version} has changed since it was applied to the kept database: put \
             the change into a new migration, or start over with `cargo dev -- --reset`",
        );
    }
    ensure!(
        applied.keys().all(|version| files.contains_key(version)),
        "the kept database has migrations that are no more: start over with `cargo dev -- --reset`",
    );
    if applied != files {
        cli::push(node, &cluster.url_as(OWNER, database), Seed::LeftOut).await?;
    }
    add_ours(&client).await
}

/// Makes a database with the migrations and nothing else.
pub async fn make_migrated(node: &Node, cluster: &Cluster, database: &str) -> Result<()> {
    make_project(node, cluster, database).await?;
    cli::push(node, &cluster.url_as(OWNER, database), Seed::LeftOut).await
}

/// Makes a database as it was when `version` was the newest migration, runs `fill` in it, and
/// then the migrations that came after.
pub(crate) async fn make_upgraded(
    node: &Node,
    cluster: &Cluster,
    database: &str,
    version: &str,
    fill: &str,
) -> Result<()> {
    make_project(node, cluster, database).await?;
    let client = cluster.connect(database).await?;
    let is_newer = |path: &PathBuf| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().split('_').next() > Some(version))
    };
    let (newer, older): (Vec<_>, Vec<_>) = migrations()?.into_iter().partition(is_newer);
    for path in &older {
        migrate(&client, path).await?;
    }
    client.batch_execute(fill).await.context("the database could not be filled")?;
    for path in &newer {
        migrate(&client, path).await?;
    }
    Ok(())
}

/// Runs a migration in a transaction, as the role that runs them on hosted projects.
async fn migrate(client: &Client, path: &Path) -> Result<()> {
    let sql = String::from_utf8(read(path)?)?;
    let transaction = format!("begin; set local role {OWNER}; {sql}; commit");
    let migrated = client.batch_execute(&transaction).await;
    migrated.with_context(|| format!("{} could not be applied", path.display()))
}

/// What Supabase's advisors find in a database.
pub(crate) async fn advise(node: &Node, cluster: &Cluster, database: &str) -> Result<Vec<String>> {
    cli::advise(node, &cluster.url_as(OWNER, database)).await
}

/// The SQL that brings one database to another's schema.
pub(crate) async fn difference(
    node: &Node,
    cluster: &Cluster,
    from: &str,
    to: &str,
) -> Result<String> {
    cli::difference(node, &cluster.url_as(OWNER, from), &cluster.url_as(OWNER, to)).await
}

/// Makes the database of a hosted project that has no migrations yet.
pub(crate) async fn make_project(node: &Node, cluster: &Cluster, database: &str) -> Result<()> {
    let client = cluster.connect("postgres").await?;
    client.batch_execute(ROLES).await.context("roles.sql could not be run")?;
    cluster.create_database(database, "template1").await?;
    let client = cluster.connect(database).await?;
    client.batch_execute(PROJECT).await.context("project.sql could not be run")?;
    let schemas = auth_and_storage(node).await?;
    client.batch_execute(&schemas).await.context("Auth's and Storage's tables could not be made")
}

/// The SQL that makes the tables of Auth and Storage.
async fn auth_and_storage(node: &Node) -> Result<String> {
    let script = node.script("schemas.mjs");
    let output = Command::new(node.program()).arg(script).env_clear().output().await?;
    ensure!(
        output.status.success(),
        "schemas.mjs failed: {}",
        String::from_utf8_lossy(&output.stderr).trim(),
    );
    Ok(String::from_utf8(output.stdout)?)
}

/// Adds, or puts right after migrations, what the local stack adds.
async fn add_ours(client: &Client) -> Result<()> {
    client.batch_execute(LOCAL).await.context("local.sql could not be run")?;
    for (version, digest) in digests()? {
        client
            .execute(
                "insert into local.migrations (version, sha256) values ($1, $2)
                on conflict do nothing",
                &[&version, &digest],
            )
            .await?;
    }
    Ok(())
}

/// The SHA-256 of each migration, by its version.
pub(crate) fn digests() -> Result<BTreeMap<String, String>> {
    migrations()?
        .iter()
        .map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let version = name.split('_').next().unwrap_or_default().to_owned();
            Ok((version, digest([read(path)?])))
        })
        .collect()
}

/// What tells whether the template is up to date.
fn fingerprint() -> Result<String> {
    let mut files = migrations()?;
    files.push(project::root().join("supabase/seed.sql"));
    files.push(project::npm().join("package-lock.json"));
    let mut parts: Vec<Vec<u8>> =
        [ROLES, PROJECT, LOCAL].iter().map(|text| text.as_bytes().to_vec()).collect();
    for file in files {
        parts.push(read(&file)?);
        parts.push(file.into_os_string().into_encoded_bytes());
    }
    Ok(digest(parts))
}

/// The migrations, in the order they are applied in.
fn migrations() -> Result<Vec<PathBuf>> {
    let folder = project::root().join("supabase/migrations");
    let entries =
        fs::read_dir(&folder).with_context(|| format!("{} could not be read", folder.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "sql"));
    paths.sort();
    Ok(paths)
}

/// The bytes of a file.
fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("{} could not be read", path.display()))
}
