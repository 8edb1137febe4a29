//! `cargo dev`: the whole product on one machine.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this program talks to the person who started it"
)]

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context as _, Result, bail, ensure};
use bench::{self, Extent, scale};
use clap::{Args, Parser, Subcommand};
use corpus::{classify, learn, redaction};
use leadslock::functions::deployment;
use local::dev::{self, Dev, Places, SHOP};
use stack::{
    edge::Log,
    node::Node,
    postgres::{Cluster, Data},
    product::Project,
    progress::Progress,
    project, schema,
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
    /// Print what vercel.json has to say
    VercelJson,
    /// Draft the migration that brings a database to what supabase/schemas says
    Migration {
        /// What it does, in a few words: the end of its file's name
        name: String,
    },
    /// Write the digests of the migrations to supabase/migrations.sha256, when one has landed
    MigrationDigests,
    /// Measure what the functions cost; takes minutes, on a machine that does nothing else
    Bench {
        /// Measure as little as shows that it works
        #[arg(long)]
        quick: bool,
        /// Compare with another build's executables instead: each function's start, and how it runs
        #[arg(long, value_name = "FOLDER")]
        against: Option<PathBuf>,
    },
    /// Measure what the database's functions cost when the database is large; takes about
    /// a quarter of an hour and 15 GB, which it gives back
    BenchScale {
        /// How many people; each has ten texts
        #[arg(long, default_value_t = 1_000_000)]
        leads: u32,
        /// How many shops; half of the people are at one of them
        #[arg(long, default_value_t = 200)]
        shops: u32,
        /// How many texts one person sent beside all others
        #[arg(long, default_value_t = 5000)]
        longest: u32,
        /// How often each call is measured
        #[arg(long, default_value_t = 300)]
        turns: u32,
        /// Where to write the figures with the plans of all statements
        #[arg(long, value_name = "FILE")]
        evidence: Option<PathBuf>,
    },
    /// Measure what texts notice while a million rows are purged; takes some minutes
    BenchPurge {
        /// How many people; each has ten texts, and more than ten rows past their time
        #[arg(long, default_value_t = 100_000)]
        leads: u32,
        /// Where to write the figures
        #[arg(long, value_name = "FILE")]
        evidence: Option<PathBuf>,
    },
    /// Measure how well consent is understood, on lines of a label, a tab and a text
    Classify {
        /// The file; its labels are stop, start, help and text
        file: PathBuf,
    },
    /// Learn the weights of the classifier's second opinion from tests/consent
    Learn {
        /// A file there that is not to be learned from, to be classified afterwards
        #[arg(long, value_name = "FILE")]
        without: Vec<PathBuf>,
    },
    /// Measure how well card and social-insurance numbers are masked, on such lines
    Redaction {
        /// The file; its labels are card, sin and none
        file: PathBuf,
    },
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
    // Whether cargo's alias is called with `--` before the arguments or without: both are
    // meant well.
    let arguments = env::args_os().enumerate().filter(|(at, text)| *at != 1 || text != "--");
    let Arguments { task, run } = Arguments::parse_from(arguments.map(|(_, text)| text));
    let outcome = match task {
        None => run_product(run).await,
        Some(Task::VercelJson) => {
            print!("{}", deployment::vercel_json());
            Ok(())
        }
        Some(Task::Bench { quick, against }) => run_benchmarks(quick, against.as_deref()).await,
        Some(Task::BenchScale { leads, shops, longest, turns, evidence }) => {
            let extent = scale::Extent { leads, shops, long_conversation: longest, turns };
            run_scale_benchmark(extent, evidence.as_deref()).await
        }
        Some(Task::BenchPurge { leads, evidence }) => {
            run_purge_benchmark(leads, evidence.as_deref()).await
        }
        Some(Task::Migration { name }) => draft_migration(&name).await,
        Some(Task::MigrationDigests) => write_digests(),
        Some(Task::Classify { file }) => classify(&file),
        Some(Task::Learn { without }) => learn(&without),
        Some(Task::Redaction { file }) => redaction(&file),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Prints what becomes of labelled messages. Fails if that is not good enough.
fn classify(file: &Path) -> Result<()> {
    let report = classify::evaluate(&lines_of(file)?)?;
    print!("{report}");
    ensure!(report.is_good(), "too many wishes to stop are missed, or seen where there are none");
    Ok(())
}

/// Writes the weights of the second opinion, to be committed.
fn learn(without: &[PathBuf]) -> Result<()> {
    let weights = learn::weights(|set| without.iter().any(|file| set.ends_with(file)))?;
    let path = learn::weights_file();
    fs::write(&path, weights).with_context(|| format!("{} cannot be written", path.display()))
}

/// Prints in which of labelled texts a number is masked. Fails if that is not good enough.
fn redaction(file: &Path) -> Result<()> {
    let report = redaction::evaluate(&lines_of(file)?)?;
    print!("{report}");
    ensure!(report.is_good(), "too many numbers are missed, or masked where they should not be");
    Ok(())
}

fn lines_of(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))
}

/// Drafts a migration for its author to complete.
async fn draft_migration(name: &str) -> Result<()> {
    let is_plain = |letter: char| letter.is_ascii_lowercase() || letter == '_';
    ensure!(!name.is_empty() && name.chars().all(is_plain), "a name is of a-z and _");
    let node = Node::prepare(&Progress::shown()).await?;
    let cluster = Cluster::start(&node, Data::Temporary, None).await?;
    let draft = schema::draft(&node, &cluster, &schema::files()?).await;
    cluster.stop().await?;
    let draft = draft?;
    ensure!(!draft.trim().is_empty(), "the migrations make what supabase/schemas says already");
    let version = jiff::Timestamp::now().strftime("%Y%m%d%H%M%S");
    let path = project::root().join(format!("supabase/migrations/{version}_{name}.sql"));
    let text = format!("-- Drafted. To be completed: why, data that moves, locks.\n\n{draft}");
    fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
    println!("{}", path.display());
    Ok(())
}

/// Writes down what the migrations are, so that none is edited any more.
fn write_digests() -> Result<()> {
    let path = project::root().join(schema::DIGESTS);
    fs::write(&path, schema::digests()?)
        .with_context(|| format!("{} cannot be written", path.display()))
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

/// Measures the functions and shows the figures.
async fn run_benchmarks(quick: bool, against: Option<&Path>) -> Result<()> {
    let extent = if quick { Extent::QUICK } else { Extent::FULL };
    if let Some(against) = against {
        println!("\n{}", bench::compare(against, extent, &Progress::shown()).await?);
        return Ok(());
    }
    let report = bench::run(extent, &Progress::shown()).await?;
    println!("\n{report}");
    Ok(())
}

/// Measures the database's functions at some scale and shows the figures.
async fn run_scale_benchmark(extent: scale::Extent, evidence: Option<&Path>) -> Result<()> {
    let report = scale::run(extent, &Progress::shown()).await?;
    println!("\n{}", report.figures());
    if let Some(path) = evidence {
        fs::write(path, report.to_string())
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(())
}

/// Measures texts beside a purge and shows the figures.
async fn run_purge_benchmark(leads: u32, evidence: Option<&Path>) -> Result<()> {
    let report = scale::purge::run(leads, &Progress::shown()).await?.to_string();
    println!("\n{report}");
    if let Some(path) = evidence {
        fs::write(path, report).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(())
}

/// The Supabase project at `url`.
fn elsewhere(url: Url) -> Result<Project> {
    let key = |name| {
        let value = env::var(name).ok().filter(|value| !value.is_empty());
        value.with_context(|| format!("--supabase needs the project's key in {name}, not set now"))
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
    println!("  Stripe, and the time  {}", places.stripe);
    println!("  the product           {}", places.product);
    println!("  Supabase              {}", places.supabase);
    if let Some(database) = &places.database {
        println!("  the database          {database}");
    }
    if let Some(variables) = &places.operator_variables {
        println!("  for an operator       cargo operator --env {} status", variables.display());
    }
    println!("  the shop's owner      owner@example.com, password: correct horse battery");
    println!();
    println!("Text the shop at {SHOP}. Ctrl-C stops everything.");
    println!("To try a change: cargo build --package functions --bins");
    println!();
}
