//! Supabase's official command line program, run on a database of ours.

use std::{process::Stdio, time::Duration};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use tokio::{process::Command, time::timeout};

use crate::{node::Node, project};

/// How long a run may take. When it cannot go on it may hang instead of saying so.
const LONGEST_RUN: Duration = Duration::from_secs(120);

/// What a database may get besides the migrations it does not have yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seed {
    /// `supabase/seed.sql`.
    Included,
    /// Nothing.
    LeftOut,
}

/// Applies the migrations that the database at `url` does not have yet.
pub(super) async fn push(node: &Node, url: &str, seed: Seed) -> Result<()> {
    let mut arguments = vec!["db", "push", "--yes", "--skip-vault"];
    if seed == Seed::Included {
        arguments.push("--include-seed");
    }
    run(node, url, &arguments).await.context("the migrations could not be applied")?;
    Ok(())
}

/// What Supabase's advisors find in the database at `url`, from warnings up, one line each.
pub(super) async fn advise(node: &Node, url: &str) -> Result<Vec<String>> {
    let arguments = ["db", "advisors", "--type=all", "--level=warn", "--output-format=json"];
    let output = run(node, url, &arguments).await.context("the advisors could not be asked")?;
    let report: Report = serde_json::from_str(&output)
        .with_context(|| format!("the advisors answered something else: {output}"))?;
    Ok(report
        .results
        .into_iter()
        .map(|finding| format!("{}: {}", finding.name, finding.detail))
        .collect())
}

/// The SQL that brings the database at `from` to the schema of the one at `to`.
pub(super) async fn difference(node: &Node, from: &str, to: &str) -> Result<String> {
    let (from, to) = (format!("--from={from}"), format!("--to={to}"));
    execute(node, &["db", "diff", &from, &to]).await.context("the databases could not be compared")
}

/// The part of the advisors' answer that is read.
#[derive(Debug, Deserialize)]
struct Report {
    results: Vec<Finding>,
}

/// One thing the advisors have found.
#[derive(Debug, Deserialize)]
struct Finding {
    name: String,
    detail: String,
}

/// Runs the program on the database at `url` and returns what it prints.
async fn run(node: &Node, url: &str, arguments: &[&str]) -> Result<String> {
    let remote = format!("--remote={url}");
    execute(node, &[arguments, &[&remote]].concat()).await
}

/// Runs the program and returns what it prints.
async fn execute(node: &Node, arguments: &[&str]) -> Result<String> {
    // Nothing it finds on the machine, a login least of all, may turn it to another database.
    let mut command = Command::new(node.supabase_cli());
    command
        .env_clear()
        .env("SUPABASE_HOME", project::state().join("supabase-cli"))
        .env("SUPABASE_NO_KEYRING", "1")
        .env("SUPABASE_NO_UPDATE_NOTIFIER", "1")
        .env("SUPABASE_TELEMETRY_DISABLED", "1")
        .arg("--workdir")
        .arg(project::root())
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let Ok(output) = timeout(LONGEST_RUN, command.output()).await else {
        bail!("supabase {} did not end within {LONGEST_RUN:?}", arguments.join(" "));
    };
    let output = output.context("the Supabase CLI could not be run")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
