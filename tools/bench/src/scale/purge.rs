//! What a text notices of a purge.
//!
//! Texts come in on connections of their own, at a pace, and are committed. The purge
//! is made of the calls that `cron/retention` makes, one after the other and without
//! the way over HTTP between them, which makes it worse than it is. It takes turns
//! with nothing, so that both are measured within seconds of each other.
#![expect(clippy::indexing_slicing, reason = "where JSON has no member, its index is null")]

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use leadslock::data::retention::LIMITS;
use serde_json::{Value, json};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_postgres::Client;

use super::{
    Extent,
    calls::{connect, phone, text},
    fill,
};
use crate::{
    statistics::{Summary, percentile},
    table::{Table, cell},
};
use stack::{
    node::Node,
    postgres::{Cluster, Data},
    progress::Progress,
    supabase,
};

/// How many rows `cron/retention` deletes at once.
const BATCH: usize = 1000;

/// How many connections texts come in on, and how often on each.
const CONNECTIONS: usize = 4;
const PACE: Duration = Duration::from_millis(40);

/// How long a turn takes.
const TURN: Duration = Duration::from_secs(2);

/// How long vacuum may take to come and be done: it looks once a minute.
const VACUUM_WITHIN: Duration = Duration::from_secs(300);

/// What waits longer than this for a lock is told.
const LOCK_WAIT: Duration = Duration::from_millis(1);

const DATABASE: &str = "purge";

/// What was measured, as Markdown.
#[derive(Debug)]
pub struct Report {
    purged: u64,
    batches: Vec<f64>,
    pairs: usize,
    texts: usize,
    lock_waits: usize,
    /// The least, as measured with a lock that was held on purpose.
    shown_waits: usize,
    dead: String,
    figures: Table<5>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut batches = self.batches.clone();
        batches.sort_unstable_by(f64::total_cmp);
        let batch = |percent| cell(percentile(&batches, percent), |time| format!("{time:.1}"));
        writeln!(
            f,
            "# Texts while a million rows are purged\n\n\
             Written by `cargo run --release --package local -- bench-purge`. Postgres 17 as it \
             comes: 128 MB of shared buffers, commits that reach the disk, autovacuum. \
             {CONNECTIONS} connections each take in a text (`receive_sms`, committed) every \
             {} ms; beside them, in turns of {} s with nothing, the purge of `cron/retention`, \
             as fast as the database lets it; and then, until autovacuum has been there, what the \
             purge left behind. Times are the callers'.\n\n\
             - {} rows were purged, {BATCH} in a transaction of {} ms (99 % within {} ms)\n\
             - {} texts in {} pairs of turns; the ratio is that of turns one after the other\n\
             - {} of the texts waited longer than {} ms for a lock (the count works: with a row \
             locked on purpose it is {})\n\
             - {}\n\n```text\n{}```",
            PACE.as_millis(),
            TURN.as_secs(),
            self.purged,
            batch(50),
            batch(99),
            self.texts,
            self.pairs,
            self.lock_waits,
            LOCK_WAIT.as_millis(),
            self.shown_waits,
            self.dead,
            self.figures,
        )
    }
}

/// Makes a database with more than a million rows past their time, measures, drops it.
pub async fn run(leads: u32, progress: &Progress) -> Result<Report> {
    let node = Node::prepare(progress).await?;
    let cluster = Cluster::start(&node, Data::Temporary, None).await?;
    let report = measure(&node, &cluster, leads, progress).await;
    cluster.stop().await?;
    report
}

async fn measure(
    node: &Node,
    cluster: &Cluster,
    leads: u32,
    progress: &Progress,
) -> Result<Report> {
    progress.say("applying the migrations");
    supabase::make_migrated(node, cluster, DATABASE).await?;
    let client = cluster.connect(DATABASE).await?;
    fill::seed(&client).await?;
    fill::prepare(cluster).await?;
    let extent = Extent { leads, shops: 20, long_conversation: 100, turns: 0 };
    fill::fill(&client, extent, progress).await?;
    fill::undo_prepare(cluster).await?;
    let client = cluster.connect(DATABASE).await?;

    progress.say("measuring");
    let texts = Texts::start(&cluster.url(DATABASE), leads).await?;
    // Caches fill, plans settle.
    texts.of(TURN).await;
    let run = call(&client, "begin_retention", &json!({})).await?;
    let mut purge = Purge::of(&client, run["run_id"].clone());
    let mut turns = Vec::new();
    while !purge.courses.is_empty() {
        let (quiet, busy);
        // Neither always comes first.
        if turns.len() % 2 == 0 {
            quiet = texts.of(TURN).await;
            busy = texts.beside(purge.go_on(TURN)).await?;
        } else {
            busy = texts.beside(purge.go_on(TURN)).await?;
            quiet = texts.of(TURN).await;
        }
        // The last one has ended early.
        if !purge.courses.is_empty() || turns.is_empty() {
            turns.push((quiet, busy));
        }
    }
    let Purge { purged, batches, .. } = purge;
    progress.say("waiting for autovacuum");
    let end = Instant::now() + VACUUM_WITHIN;
    let mut afterwards = Vec::new();
    while Instant::now() < end && !is_vacuumed(&client).await? {
        afterwards.push(texts.of(TURN).await);
    }
    ensure!(purged >= 10 * u64::from(leads), "only {purged} rows were past their time");
    let lock_waits = texts.lock_waits();
    let shown_waits = texts.of_locked_lead(&cluster.connect(DATABASE).await?).await?;
    texts.stop().await?;
    Ok(Report {
        purged,
        batches,
        pairs: turns.len(),
        texts: turns.iter().map(|(quiet, busy)| quiet.len() + busy.len()).sum(),
        lock_waits,
        shown_waits,
        dead: dead(&client).await?,
        figures: figures(&turns, &afterwards),
    })
}

/// Times of texts, in milliseconds.
type Times = Vec<f64>;

fn figures(turns: &[(Times, Times)], afterwards: &[Times]) -> Table<5> {
    let mut table = Table::new([
        "receive_sms, ms",
        "alone",
        "beside the purge",
        "ratio",
        "until vacuum was there",
    ]);
    let of = |times: &Times, percent| {
        let mut sorted = times.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        percentile(&sorted, percent)
    };
    for (name, percent) in [("p50", 50), ("p99", 99), ("longest", 100)] {
        let pairs: Vec<(f64, f64)> = turns
            .iter()
            .filter_map(|(quiet, busy)| Some((of(quiet, percent)?, of(busy, percent)?)))
            .collect();
        let summary = |of: fn(&(f64, f64)) -> f64| {
            cell(Summary::of(pairs.iter().map(of)), |summary| format!("{summary:.2}"))
        };
        table.row([
            name.to_owned(),
            summary(|(quiet, _)| *quiet),
            summary(|(_, busy)| *busy),
            summary(|(quiet, busy)| busy / quiet),
            cell(
                Summary::of(afterwards.iter().filter_map(|times| of(times, percent))),
                |summary| format!("{summary:.2}"),
            ),
        ]);
    }
    table
}

/// Texts that come in for as long as they are counted.
struct Texts {
    shared: Arc<Shared>,
    tasks: JoinSet<Result<()>>,
}

#[derive(Default)]
struct Shared {
    times: std::sync::Mutex<Times>,
    lock_waits: AtomicUsize,
    is_over: AtomicBool,
}

impl Shared {
    fn take(&self) -> Times {
        std::mem::take(&mut *self.times.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

impl Texts {
    async fn start(url: &str, leads: u32) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let mut tasks = JoinSet::new();
        for connection in 0..CONNECTIONS {
            let (client, mut notices) = connect(url).await?;
            client
                .batch_execute(&format!(
                    "set log_lock_waits = on; set client_min_messages = log; \
                     set deadlock_timeout = '{}ms'",
                    LOCK_WAIT.as_millis()
                ))
                .await?;
            let shared = Arc::clone(&shared);
            tasks.spawn(async move {
                let statement = client.prepare("select public.receive_sms($1)").await?;
                let mut pace = interval(PACE);
                pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
                for number in 0_u32.. {
                    if shared.is_over.load(Ordering::Relaxed) {
                        break;
                    }
                    pace.tick().await;
                    // A prime walks through all people; none texts on two connections.
                    let places = leads / (4 * CONNECTIONS as u32);
                    let person =
                        (number * 7919 % places * CONNECTIONS as u32 + connection as u32) * 4;
                    let request = text(&phone(person), &format!("SM{connection:04x}{number:028x}"));
                    let began = Instant::now();
                    let answer: Value = client.query_one(&statement, &[&request]).await?.get(0);
                    let time = began.elapsed().as_secs_f64() * 1000.0;
                    ensure!(answer["outcome"] == "received", "a text was {answer}");
                    let waits = std::iter::from_fn(|| notices.try_recv().ok())
                        .filter(|notice| notice.message().contains("still waiting for"))
                        .count();
                    shared.lock_waits.fetch_add(waits, Ordering::Relaxed);
                    let mut times =
                        shared.times.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    times.push(time);
                }
                Ok(())
            });
        }
        Ok(Self { shared, tasks })
    }

    /// The times of the texts that come in for so long.
    async fn of(&self, turn: Duration) -> Times {
        drop(self.shared.take());
        tokio::time::sleep(turn).await;
        self.shared.take()
    }

    /// The times of the texts that come in while something is done.
    async fn beside(&self, what: impl Future<Output = Result<()>>) -> Result<Times> {
        drop(self.shared.take());
        what.await?;
        Ok(self.shared.take())
    }

    /// How many have waited for a lock so far.
    fn lock_waits(&self) -> usize {
        self.shared.lock_waits.load(Ordering::Relaxed)
    }

    /// How many wait while all people are locked for a moment.
    async fn of_locked_lead(&self, client: &Client) -> Result<usize> {
        let before = self.lock_waits();
        client.batch_execute("begin; lock table app.leads in exclusive mode").await?;
        tokio::time::sleep(Duration::from_millis(200)).await;
        client.batch_execute("rollback").await?;
        self.of(Duration::from_millis(200)).await;
        Ok(self.lock_waits() - before)
    }

    async fn stop(mut self) -> Result<()> {
        self.shared.is_over.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended??;
        }
        Ok(())
    }
}

/// The calls of `cron/retention`.
struct Purge<'a> {
    client: &'a Client,
    run_id: Value,
    /// The kinds that are not done: name, seconds, and after which key to go on.
    courses: Vec<(&'static str, u64, Value)>,
    purged: u64,
    /// How long each took, in milliseconds.
    batches: Vec<f64>,
}

impl<'a> Purge<'a> {
    fn of(client: &'a Client, run_id: Value) -> Self {
        let limits = LIMITS.iter().filter(|limit| limit.kind != "stray_objects");
        let courses = limits.map(|limit| (limit.kind, limit.age().as_secs(), Value::Null));
        Self { client, run_id, courses: courses.collect(), purged: 0, batches: Vec::new() }
    }

    /// Purges for so long, or until nothing is due.
    async fn go_on(&mut self, turn: Duration) -> Result<()> {
        let end = Instant::now() + turn;
        while !self.courses.is_empty() {
            let mut left = Vec::new();
            for (kind, seconds, after) in std::mem::take(&mut self.courses) {
                if Instant::now() >= end {
                    left.push((kind, seconds, after));
                    continue;
                }
                let request = json!({
                    "run_id": self.run_id, "kind": kind, "seconds": seconds, "after": after,
                    "limit": BATCH,
                });
                let began = Instant::now();
                let answer = call(self.client, "purge", &request).await?;
                self.batches.push(began.elapsed().as_secs_f64() * 1000.0);
                self.purged += answer["count"].as_u64().context("nothing was counted")?;
                if answer["is_done"] != true {
                    left.push((kind, seconds, answer["after"].clone()));
                }
            }
            self.courses = left;
            if Instant::now() >= end {
                break;
            }
        }
        Ok(())
    }
}

async fn call(client: &Client, function: &str, request: &Value) -> Result<Value> {
    let row = client.query_one(&format!("select public.{function}($1)"), &[request]).await;
    Ok(row.with_context(|| format!("{function} failed"))?.get(0))
}

/// Whether autovacuum has cleaned up what was purged.
async fn is_vacuumed(client: &Client) -> Result<bool> {
    let row = client
        .query_one(
            "select bool_and(autovacuum_count > 0) from pg_stat_user_tables
             where schemaname = 'app' and relname in ('jobs', 'status_events', 'webhook_events')",
            &[],
        )
        .await?;
    Ok(row.get(0))
}

/// What the purge left for vacuum, and whether that has come.
async fn dead(client: &Client) -> Result<String> {
    let row = client
        .query_one(
            "select string_agg(
               format('%s: %s rows live, %s dead, autovacuum came %s times', relname, n_live_tup,
                 n_dead_tup, autovacuum_count),
               E'\n- ' order by relname
             )
             from pg_stat_user_tables
             where schemaname = 'app' and relname in ('jobs', 'status_events', 'webhook_events')",
            &[],
        )
        .await?;
    Ok(row.get(0))
}
