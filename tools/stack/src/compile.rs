//! The functions' executables, built by cargo.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::process::Command;

use crate::project;

/// Builds the functions and returns the folder with their executables.
///
/// What cargo tells, and the errors of the compiler, go to the terminal.
pub async fn functions(release: bool) -> Result<PathBuf> {
    let executable = build(command(project::root(), &["--bins"], release)).await?;
    folder_of(&executable)
}

/// Builds the functions of a copy of the project, below the folder `target`, and returns the
/// folder with their executables.
pub async fn functions_of(copy: &Path, target: &Path) -> Result<PathBuf> {
    let mut command = command(copy, &["--bins"], false);
    command.env("CARGO_TARGET_DIR", target);
    folder_of(&build(command).await?)
}

/// Builds an example of the functions' package as the functions are deployed, and returns
/// its executable.
pub async fn example(name: &str) -> Result<PathBuf> {
    build(command(project::root(), &["--example", name], true)).await
}

/// The command that builds targets of the functions' package in the workspace at `folder`.
fn command(folder: &Path, targets: &[&str], release: bool) -> Command {
    let cargo = env::var_os("CARGO").unwrap_or(OsString::from("cargo"));
    let mut command = Command::new(cargo);
    command
        .args(["build", "--package", "functions"])
        .args(targets)
        .args(["--message-format", "json-render-diagnostics"])
        .args(release.then_some("--release"))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    hide_our_package(&mut command);
    command
}

/// Runs what [`command`] made, and returns one of the executables that were built.
async fn build(mut command: Command) -> Result<PathBuf> {
    let cargo = command.spawn().context("cargo cannot be run")?;
    let output = cargo.wait_with_output().await.context("cargo cannot be waited for")?;
    ensure!(output.status.success(), "the functions could not be built; the reason is above");

    // One line for each thing made, in JSON.
    let messages = String::from_utf8(output.stdout).context("cargo's messages cannot be read")?;
    let executable = messages.lines().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        Some(PathBuf::from(message.get("executable")?.as_str()?))
    });
    executable.context("cargo built no executable")
}

/// Where an executable is.
fn folder_of(executable: &Path) -> Result<PathBuf> {
    executable.parent().map(Path::to_owned).context("cargo built no function")
}

/// Keeps from the cargo that `command` leads to what `cargo run` tells us of our own package.
///
/// Build scripts that look at such variables would run again, and all that depends on them,
/// each time it is not cargo that builds.
pub fn hide_our_package(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
}
