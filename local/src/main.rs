//! `cargo dev`: the whole product on one machine.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this program talks to the person who started it"
)]

use std::{env, io, process::ExitCode, sync::Arc};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Parser, Subcommand};
use leadslock::deployment;
use local::{
    dev::{self, Dev, Places, SHOP},
    edge::Log,
    product::Project,
    progress::Progress,
};
use tokio::signal::unix::{SignalKind, signal};
use url::Url;

/// Run LeadsLock on this machine, offline, with no accounts and no keys.
#[derive(Debug, Parser)]
#[command(name = "cargo dev", bin_name = "cargo dev", args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    task: Option<Task>,
    #[command(flatten)]
    run: Run,
}

/// What else there is to do.
#[derive(Debug, Subcommand)]
enum Task {
    /// Print what vercel.json has to say.
    VercelJson,
}

/// How to run the product.
#[derive(Args, Debug)]
struct Run {
    /// The first of four ports: product, simulators, Supabase, Postgres
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// Delete the data of earlier runs first
    #[arg(long)]
    reset: bool,
    /// Use another Supabase project; its keys are taken from SUPABASE_SECRET_KEY and
    /// SUPABASE_PUBLISHABLE_KEY
    #[arg(long, value_name = "URL", conflicts_with = "reset")]
    supabase: Option<Url>,
    /// Build the functions as they are deployed
    #[arg(long)]
    release: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { task, run } = Arguments::parse();
    let outcome = match task {
        None => run_product(run).await,
        Some(Task::VercelJson) => {
            print!("{}", deployment::vercel_json());
            Ok(())
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Starts the product, runs it until the person has enough, and stops it.
async fn run_product(run: Run) -> Result<()> {
    let progress = Progress::shown();
    let options = dev::Options {
        port: run.port,
        reset: run.reset,
        release: run.release,
        elsewhere: run.supabase.map(elsewhere).transpose()?,
        log: Arc::new(Log::shown(|line| println!("{line}"))),
    };

    // What was started ends with the future that is dropped, or with us.
    let dev = tokio::select! {
        dev = Dev::start(options, &progress) => dev?,
        end = end_wanted() => {
            end?;
            bail!("stopped before everything was started");
        }
    };
    show(&dev.places());
    end_wanted().await?;
    progress.say("stopping");
    tokio::select! {
        stopped = dev.stop() => stopped,
        end = end_wanted() => {
            end?;
            bail!("stopped in haste");
        }
    }
}

/// The Supabase project at `url`.
fn elsewhere(url: Url) -> Result<Project> {
    let key = |name| {
        env::var(name).with_context(|| {
            format!("{name} is not set; --supabase needs it, from the project's settings")
        })
    };
    Ok(Project {
        url,
        publishable_key: key("SUPABASE_PUBLISHABLE_KEY")?,
        secret_key: key("SUPABASE_SECRET_KEY")?,
        database_url: None,
    })
}

/// Waits for Ctrl-C, for the terminal to be closed, or for another request to end.
async fn end_wanted() -> io::Result<()> {
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut hung_up = signal(SignalKind::hangup())?;
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupted.recv() => Ok(()),
        _ = hung_up.recv() => Ok(()),
        _ = terminated.recv() => Ok(()),
    }
}

/// Says where to click.
fn show(places: &Places) {
    println!();
    println!("  a phone to text with  {}", places.phone);
    println!("  the product           {}", places.product);
    println!("  Supabase              {}", places.supabase);
    if let Some(database) = &places.database {
        println!("  the database          {database}");
    }
    println!("  the shop's owner      owner@example.com, password: correct horse battery");
    println!();
    println!("Text the shop at {SHOP}. Ctrl-C stops everything.");
    println!("To try a change: cargo build --package functions --bins");
    println!();
}
