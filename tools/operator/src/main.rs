//! `cargo operator`: what an operator does to a running deployment.
#![expect(clippy::print_stderr, reason = "this program talks to the person who started it")]

use std::{
    collections::BTreeMap,
    env, fs,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context as _, Result};
use clap::Parser;
use leadslock::settings::Reader;
use operator::Task;

/// Look after a running deployment. Its variables are those of .env.example.
#[derive(Debug, Parser)]
#[command(name = "cargo operator", bin_name = "cargo operator")]
struct Arguments {
    /// A file of NAME=VALUE lines to use instead of the environment; `cargo dev` names its own
    #[arg(long, value_name = "FILE")]
    env: Option<PathBuf>,
    #[command(subcommand)]
    task: Task,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Of a search, a failure must not pass for a finding.
    let failure = match arguments.task {
        Task::Scan(_) => ExitCode::from(2),
        _ => ExitCode::FAILURE,
    };
    match run(arguments).await {
        Ok(false) => ExitCode::SUCCESS,
        Ok(true) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            failure
        }
    }
}

/// Does what is asked for. True if it found what nobody wants to see.
async fn run(arguments: Arguments) -> Result<bool> {
    let variables = arguments.env.as_ref().map(read).transpose()?;
    let lookup = |name: &str| match &variables {
        Some(variables) => variables.get(name).cloned(),
        None => env::var(name).ok(),
    };
    let answer = operator::run(&arguments.task, Reader::new(&lookup)).await?;
    match writeln!(io::stdout(), "{answer:#}") {
        // Whoever read has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        written => written.context("the answer cannot be written")?,
    }
    Ok(operator::is_finding(&arguments.task, &answer))
}

fn read(file: &PathBuf) -> Result<BTreeMap<String, String>> {
    let text =
        fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let variables = lines.filter_map(|line| line.split_once('='));
    Ok(variables.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect())
}
