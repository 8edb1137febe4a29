//! What a running function costs from one request to the next.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Result;
use leadslock::functions::table::FUNCTIONS;

use super::{
    Extent,
    load::{self, Round},
    processor, sample,
    statistics::{Summary, percentile},
    table::{Table, cell},
};
use crate::stand_in::StandIn;
use stack::{edge::Function, progress::Progress};

/// How many requests are under way at once.
const CONNECTIONS: [usize; 3] = [1, 16, 64];

/// A running function, and what it is sent.
struct Target {
    name: &'static str,
    function: Function,
    requests: Arc<[Vec<u8>]>,
    /// The highest status of an answer that is one.
    most: u16,
}

/// A target's turns at one number of connections.
#[derive(Default)]
struct Turns {
    rounds: Vec<Round>,
    /// How long the function ran for each request, in each round.
    processor: Vec<Duration>,
}

/// Sends texts to `sms_inbound`, events to `stripe_event` and greetings to `hello_world`, in
/// turn, and compares them.
pub(super) async fn measure(
    executables: &Path,
    hello_world: &Path,
    extent: Extent,
    progress: &Progress,
) -> Result<String> {
    let (plain, tls) = (StandIn::start().await?, StandIn::start_tls().await?);
    let texts: Arc<[_]> = (0..extent.requests).map(sample::inbound).collect::<Result<_>>()?;
    let events: Arc<[_]> = [sample::event()?].into();
    let target = async |name: &'static str, stand_in, requests: &Arc<[_]>| {
        let (executable, _) = name.split_once(',').unwrap_or((name, ""));
        let variables = sample::variables(stand_in);
        let function = Function::start(&executables.join(executable), variables).await?;
        anyhow::Ok(Target { name, function, requests: Arc::clone(requests), most: 299 })
    };
    let hello = Target {
        name: "hello_world",
        function: Function::start(hello_world, []).await?,
        requests: [sample::hello()].into(),
        most: 299,
    };
    let targets = [
        hello,
        target("sms_inbound, HTTP", &plain, &texts).await?,
        target("sms_inbound, TLS", &tls, &texts).await?,
        target("stripe_event, TLS", &tls, &events).await?,
    ];

    let mut table = Table::new([
        "",
        "connections",
        "requests/s",
        "ratio",
        "p50, µs",
        "p99, µs",
        "processor, µs/request",
    ]);
    for connections in CONNECTIONS {
        progress.say(&format!("sending texts and events over {connections} connections"));
        let turns = take_turns(&targets, connections, extent).await?;
        let [hello, ..] = &turns;
        for (target, turns) in targets.iter().zip(&turns) {
            table.row(row(target.name, connections, turns, hello));
        }
    }
    Ok(table.to_string())
}

/// Asks each function what its first request asks, again and again, in turn with the same
/// function of another build in the folder `against`, and compares the two.
pub(super) async fn compare(
    executables: &Path,
    against: &Path,
    extent: Extent,
    progress: &Progress,
) -> Result<String> {
    const AT_ONCE: usize = 16;
    let stand_in = StandIn::start_tls().await?;
    let mut table = Table::new(["", "p50, µs", "ratio", "processor, µs/request", "ratio"]);
    for function in FUNCTIONS {
        let name = function.name();
        progress.say(&format!("asking {name}, and that of the other build"));
        let requests: Arc<[_]> = [sample::first_request(function)?].into();
        let target = async |folder: &Path| {
            let executable = folder.join(&name);
            let function = Function::start(&executable, sample::variables(&stand_in)).await?;
            // Who is not signed in is refused; that is an answer too.
            anyhow::Ok(Target { name: "", function, requests: Arc::clone(&requests), most: 499 })
        };
        let targets = [target(executables).await?, target(against).await?];
        let [ours, other] = &take_turns(&targets, AT_ONCE, extent).await?;
        let medians = |turns: &Turns| turns.rounds.iter().map(median).collect::<Vec<_>>();
        let (ours_times, other_times) = (medians(ours), medians(other));
        let processor = |turns: &Turns| {
            turns.processor.iter().map(|time| time.as_secs_f64() * 1e6).collect::<Vec<_>>()
        };
        let (ours_work, other_work) = (processor(ours), processor(other));
        let ratios = |ours: &[f64], other: &[f64]| {
            let ratios = ours.iter().zip(other).map(|(ours, other)| ours / other);
            cell(Summary::of(ratios), |ratio| format!("{ratio:.2}"))
        };
        let figures = |figures: &[f64]| {
            cell(Summary::of(figures.iter().copied()), |figure| format!("{figure:.0}"))
        };
        table.row([
            name.clone(),
            figures(&ours_times),
            ratios(&ours_times, &other_times),
            figures(&ours_work),
            ratios(&ours_work, &other_work),
        ]);
    }
    Ok(table.to_string())
}

/// Sends requests to each of `targets` in turn, over so many `connections` at once.
async fn take_turns<const N: usize>(
    targets: &[Target; N],
    connections: usize,
    extent: Extent,
) -> Result<[Turns; N]> {
    let mut turns = targets.each_ref().map(|_| Turns::default());
    for target in targets {
        // The first requests of many at once open the connections to the database.
        target.run(connections, extent.requests / 4).await?;
    }
    for _ in 0..extent.rounds {
        for (target, turns) in targets.iter().zip(&mut turns) {
            target.take_turn(connections, extent.requests, turns).await?;
        }
    }
    Ok(turns)
}

/// The median of a round's latencies, in microseconds.
fn median(round: &Round) -> f64 {
    let mut latencies: Vec<_> =
        round.latencies.iter().map(|latency| latency.as_secs_f64() * 1e6).collect();
    latencies.sort_unstable_by(f64::total_cmp);
    percentile(&latencies, 50).unwrap_or(f64::NAN)
}

impl Target {
    async fn run(&self, connections: usize, count: usize) -> Result<Round> {
        load::run(self.function.address(), &self.requests, connections, count, self.most).await
    }

    async fn take_turn(&self, connections: usize, count: usize, turns: &mut Turns) -> Result<()> {
        let processor = || processor::time(self.function.pid()?);
        let before = processor();
        turns.rounds.push(self.run(connections, count).await?);
        let after = processor();
        if let (Some(before), Some(after)) = (before, after) {
            // A thread that ended in between takes its time with it.
            turns.processor.push(after.saturating_sub(before).div_f64(count as f64));
        }
        Ok(())
    }
}

fn row(name: &str, connections: usize, turns: &Turns, hello: &Turns) -> [String; 7] {
    let rounds = &turns.rounds;
    let rates =
        rounds.iter().map(|round| round.latencies.len() as f64 / round.elapsed.as_secs_f64());
    let pairs = rounds.iter().zip(&hello.rounds);
    let ratios = pairs.map(|(ours, hello)| ours.elapsed.div_duration_f64(hello.elapsed));
    let microseconds = |time: &Duration| time.as_secs_f64() * 1e6;
    let latencies = rounds.iter().flat_map(|round| &round.latencies);
    let mut latencies: Vec<_> = latencies.map(microseconds).collect();
    latencies.sort_unstable_by(f64::total_cmp);
    let latency =
        |percent| cell(percentile(&latencies, percent), |latency| format!("{latency:.0}"));
    [
        name.to_owned(),
        connections.to_string(),
        cell(Summary::of(rates), |rates| format!("{rates:.0}")),
        cell(Summary::of(ratios), |ratios| format!("{ratios:.2}")),
        latency(50),
        latency(99),
        cell(Summary::of(turns.processor.iter().map(microseconds)), |times| format!("{times:.0}")),
    ]
}
