//! The functions' executables, built by cargo.

use std::{ffi::OsString, path::PathBuf, process::Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::process::Command;

use crate::project;

/// Builds the functions and returns the folder with their executables.
///
/// What cargo tells, and the errors of the compiler, go to the terminal.
pub async fn functions(release: bool) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or(OsString::from("cargo"));
    let mut command = Command::new(cargo);
    command
        .args(["build", "--package", "functions", "--bins"])
        .args(["--message-format", "json-render-diagnostics"])
        .args(release.then_some("--release"))
        .current_dir(project::root())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let cargo = command.spawn().context("cargo cannot be run")?;
    let output = cargo.wait_with_output().await.context("cargo cannot be waited for")?;
    ensure!(output.status.success(), "the functions could not be built; the reason is above");

    // One line for each thing made, in JSON.
    let messages = String::from_utf8(output.stdout).context("cargo's messages cannot be read")?;
    let executable = messages.lines().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        Some(PathBuf::from(message.get("executable")?.as_str()?))
    });
    let folder = executable.and_then(|path| Some(path.parent()?.to_owned()));
    folder.context("cargo built no function")
}
