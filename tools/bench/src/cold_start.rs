//! How long each function takes from nothing to its first answer, and what it holds by then.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use leadslock::functions::table::FUNCTIONS;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
};

use super::{
    Extent,
    connection::Connection,
    processor, sample,
    statistics::Summary,
    table::{Table, cell},
};
use crate::stand_in::StandIn;
use stack::{port::Port, progress::Progress};

/// A program to start, and its first request.
struct Subject {
    name: String,
    executable: PathBuf,
    variables: BTreeMap<String, String>,
    request: Vec<u8>,
}

/// One start.
#[derive(Clone, Copy)]
struct Start {
    /// From the start of the program until it listens.
    listening: Duration,
    /// From the start of the program until its first answer is there.
    answer: Duration,
    /// How long the program has run by then, on all processors together.
    processor: Option<Duration>,
    /// The most memory it had by then, in bytes.
    memory: Option<u64>,
}

/// Starts each function many times, in turn with `hello_world`, or with the same function of
/// another build in the folder `against`, and compares the two.
pub(super) async fn measure(
    executables: &Path,
    hello_world: &Path,
    against: Option<&Path>,
    extent: Extent,
    progress: &Progress,
) -> Result<String> {
    let stand_in = StandIn::start_tls().await?;
    let hello = Subject {
        name: "hello_world".to_owned(),
        executable: hello_world.to_owned(),
        variables: BTreeMap::new(),
        request: sample::hello(),
    };
    let mut subjects = Vec::new();
    for function in FUNCTIONS {
        let name = function.name();
        let ours = Subject {
            executable: executables.join(&name),
            name: name.clone(),
            variables: sample::variables(&stand_in),
            request: sample::first_request(function)?,
        };
        let other = against.map(|folder| Subject {
            name: format!("{name}, other build"),
            executable: folder.join(&name),
            variables: ours.variables.clone(),
            request: ours.request.clone(),
        });
        subjects.push((ours, other));
    }

    let mut table = Table::new([
        "",
        "listening, ms",
        "first answer, ms",
        "ratio",
        "processor, ms",
        "ratio",
        "memory, MB",
        "ratio",
    ]);
    let mut hello_starts = Vec::new();
    for (function, other) in &subjects {
        let (name, other) = (function.name.as_str(), other.as_ref().unwrap_or(&hello));
        let told = format!("starting {name} {} times, and {} as often", extent.pairs, other.name);
        progress.say(&told);
        let mut pairs = Vec::new();
        for pair in 0..extent.pairs {
            // Neither is always the one that comes after the other.
            let (ours, other) = if pair % 2 == 0 {
                let other = other.start().await?;
                (function.start().await?, other)
            } else {
                let ours = function.start().await?;
                (ours, other.start().await?)
            };
            pairs.push((ours, other));
        }
        table.row(row(name, &pairs));
        hello_starts.extend(pairs.into_iter().map(|(_, other)| (other, other)));
    }
    if against.is_none() {
        table.row(row(&hello.name, &hello_starts));
    }
    Ok(table.to_string())
}

impl Subject {
    /// Starts the program and sends it its request.
    ///
    /// The runtime's first line tells when it listens. It is started by us directly:
    /// nothing else runs between the beginning of the measurement and the program.
    async fn start(&self) -> Result<Start> {
        let port = Port::reserve()?;
        let mut command = Command::new(&self.executable);
        command
            .env_clear()
            .envs(&self.variables)
            .env("VERCEL_DEV_PORT", port.number().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);

        let begin = Instant::now();
        let mut process = command.spawn().with_context(|| format!("{} cannot run", self.name))?;
        let output = process.stdout.take().context("a function has no output")?;
        let mut lines = BufReader::new(output).lines();
        if lines.next_line().await?.is_none() {
            bail!("{} did not start; the reason is above", self.name);
        }
        let listening = begin.elapsed();
        let mut connection = Connection::open((Ipv4Addr::LOCALHOST, port.number()).into()).await?;
        let status = connection.ask(&self.request).await.with_context(|| self.name.clone())?;
        let answer = begin.elapsed();
        // Who is not signed in is refused; that is an answer too.
        ensure!(status < 500, "{} answered {status}: {}", self.name, connection.answer());

        let processor = process.id().and_then(processor::time);
        let memory = process.id().and_then(processor::memory);
        process.kill().await?;
        Ok(Start { listening, answer, processor, memory })
    }
}

/// A row of the table: the first of each pair, and how it compares with the second.
fn row(name: &str, pairs: &[(Start, Start)]) -> [String; 8] {
    type Time = fn(&Start) -> Option<Duration>;
    let times = |time: Time| {
        let times = pairs.iter().filter_map(|(start, _)| time(start));
        two_decimals(times.map(|time| time.as_secs_f64() * 1e3))
    };
    let ratios = |time: Time| {
        let ratios = pairs.iter().filter_map(|(start, hello)| Some((time(start)?, time(hello)?)));
        two_decimals(ratios.map(|(start, hello)| start.div_duration_f64(hello)))
    };
    let answer: Time = |start| Some(start.answer);
    let processor: Time = |start| start.processor;
    [
        name.to_owned(),
        times(|start| Some(start.listening)),
        times(answer),
        ratios(answer),
        times(processor),
        ratios(processor),
        two_decimals(pairs.iter().filter_map(|(start, _)| Some(start.memory? as f64 / 1e6))),
        two_decimals(
            pairs
                .iter()
                .filter_map(|(start, hello)| Some(start.memory? as f64 / hello.memory? as f64)),
        ),
    ]
}

fn two_decimals(measurements: impl Iterator<Item = f64>) -> String {
    cell(Summary::of(measurements), |summary| format!("{summary:.2}"))
}
