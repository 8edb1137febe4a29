//! The schema: what the migrations make, what the files of `supabase/schemas` make, where
//! the two differ, and the rules that both must keep.
//!
//! The files are what is read and edited; the migrations are how a database comes to be so.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use tokio_postgres::{Client, Row};

use crate::{node::Node, postgres::Cluster, project, supabase};

/// Gives the schema, one object a row.
const DUMP: &str = include_str!("schema/dump.sql");

/// Gives what breaks a rule about all tables and functions, one a row.
const CATALOG: &str = include_str!("../../../supabase/tests/catalog.sql");

/// Where the digests of the migrations are, relative to the project's folder.
pub const DIGESTS: &str = "supabase/migrations.sha256";

/// The digests of the migrations as they are: one line each, its version and its SHA-256. What
/// is committed as [`DIGESTS`] may grow, but a line of it never changes.
pub fn digests() -> Result<String> {
    let lines =
        supabase::digests()?.into_iter().map(|(version, digest)| format!("{version} {digest}\n"));
    Ok(lines.collect())
}

/// A database's own objects: the kind and name of each, and its definition.
pub type Objects = BTreeMap<String, String>;

/// The objects of the schemas `app` and `public`, and the rows that a new database has.
///
/// The same schema gives the same objects, however it came about.
pub async fn objects(client: &Client) -> Result<Objects> {
    let rows = query(client, DUMP).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// The objects of a database with our migrations and nothing else: neither the seed nor
/// what the local stack adds.
pub async fn of_migrations(node: &Node, cluster: &Cluster) -> Result<Objects> {
    const NAME: &str = "of_migrations";
    cluster.drop_database(NAME).await?;
    supabase::make_migrated(node, cluster, NAME).await?;
    of_database(cluster, NAME).await
}

/// The objects of a database made of these files, which are in no order.
pub async fn of_files(node: &Node, cluster: &Cluster, files: &[File]) -> Result<Objects> {
    const NAME: &str = "of_files";
    make_of_files(node, cluster, NAME, files).await?;
    of_database(cluster, NAME).await
}

async fn of_database(cluster: &Cluster, name: &str) -> Result<Objects> {
    let objects = objects(&cluster.connect(name).await?).await?;
    cluster.drop_database(name).await?;
    Ok(objects)
}

/// A file of `supabase/schemas`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Where it is, relative to that folder: its subject, and its name.
    pub path: PathBuf,
    /// What it says.
    pub sql: String,
}

/// What is run before all others: it has who may do what by default.
const FIRST: &str = "base/schema.sql";

/// All files of `supabase/schemas`: the first of all, then by their paths.
pub fn files() -> Result<Vec<File>> {
    let folder = project::root().join("supabase/schemas");
    let mut found = Vec::new();
    for subject in entries(&folder)? {
        for path in entries(&subject)? {
            let sql = fs::read_to_string(&path)
                .with_context(|| format!("{} cannot be read", path.display()))?;
            found.push(File { path: path.strip_prefix(&folder)?.to_owned(), sql });
        }
    }
    found.sort_by_key(|file| (file.path != Path::new(FIRST), file.path.clone()));
    Ok(found)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    entries.map(|entry| Ok(entry?.path())).collect()
}

/// Makes a database of files, as the role that runs migrations on hosted projects.
///
/// A file whose needs are not there yet is tried again after the others, for as long as
/// that helps.
async fn make_of_files(node: &Node, cluster: &Cluster, name: &str, files: &[File]) -> Result<()> {
    cluster.drop_database(name).await?;
    supabase::make_project(node, cluster, name).await?;
    let client = cluster.connect(name).await?;
    // Bodies name objects of other files.
    client.batch_execute("set role postgres; set check_function_bodies = off").await?;
    let mut left: Vec<&File> = files.iter().collect();
    while !left.is_empty() {
        let mut refused = Vec::new();
        for file in &left {
            // One transaction: of a file that fails nothing is left.
            if let Err(error) = client.batch_execute(&file.sql).await {
                refused.push((*file, error));
            }
        }
        if refused.len() == left.len() {
            let why: Vec<String> = refused
                .iter()
                .map(|(file, error)| {
                    let error = error.as_db_error().map_or("no answer", |error| error.message());
                    format!("supabase/schemas/{}: {error}", file.path.display())
                })
                .collect();
            bail!("{}", why.join("\n"));
        }
        left = refused.into_iter().map(|(file, _)| file).collect();
    }
    Ok(())
}

/// Where two sets of objects differ, one line for each object, which it names.
pub fn differences(migrations: &Objects, files: &Objects) -> Vec<String> {
    let names: std::collections::BTreeSet<_> = migrations.keys().chain(files.keys()).collect();
    let told = |name: &String| match (migrations.get(name), files.get(name)) {
        (Some(one), Some(other)) if one == other => None,
        (Some(one), Some(other)) => {
            let line = one.lines().zip(other.lines()).find(|(one, other)| one != other);
            let (one, other) = line.unwrap_or(("fewer lines", "more lines, or the reverse"));
            Some(format!("{name}: migrated {:?}, in the files {:?}", one.trim(), other.trim()))
        }
        (Some(_), None) => Some(format!("{name}: no file has it")),
        (None, _) => Some(format!("{name}: no migration makes it")),
    };
    names.into_iter().filter_map(told).collect()
}

/// Drafts the migration that brings a migrated database to what the files say: SQL to be
/// completed by its author (data moved, locks looked at), empty if there is nothing to do.
pub async fn draft(node: &Node, cluster: &Cluster, files: &[File]) -> Result<String> {
    const FROM: &str = "draft_from";
    const TO: &str = "draft_to";
    cluster.drop_database(FROM).await?;
    supabase::make_migrated(node, cluster, FROM).await?;
    make_of_files(node, cluster, TO, files).await?;
    let drafted = supabase::difference(node, cluster, FROM, TO).await;
    cluster.drop_database(FROM).await?;
    cluster.drop_database(TO).await?;
    drafted
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
