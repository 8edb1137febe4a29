//! What the database's functions cost when the database is large, compared with
//! the same calls on one that is nearly empty.
//!
//! The time is the server's own, from the start of the statement to the end of
//! the function, so what a connection costs hides nothing. Both databases are of
//! one cluster, take turns, and get the same calls about the same kind of people;
//! each turn is rolled back.

mod calls;
mod fill;
mod plans;
pub mod purge;

use std::fmt;

use anyhow::Result;
use tokio_postgres::Client;

use self::{
    calls::{Database, MEASURED, Measured, SCRIPTS},
    plans::Plan,
};
use super::{
    statistics::Summary,
    table::{Table, cell},
};
use stack::{
    node::Node,
    postgres::{Cluster, Data},
    progress::Progress,
    supabase,
};

/// How much is written and measured.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// People in the large database; each has ten texts.
    pub leads: u32,
    /// Shops in the large database; half of the people are at one of them.
    pub shops: u32,
    /// Texts and answers with one person of that shop, beside all others.
    pub long_conversation: u32,
    /// How often each call is measured on each of the databases.
    pub turns: u32,
}

/// The small database: a person for each turn, at one shop. One of them has texted
/// so much that what is read of a conversation at most is there to be read.
const SMALL_LONG_CONVERSATION: u32 = 200;

/// Turns before those that count: caches fill, and plans settle after five.
const WARM_UP: u32 = 10;

/// What was measured, as Markdown.
#[derive(Debug)]
pub struct Report {
    extent: Extent,
    large: String,
    small: String,
    figures: Table<5>,
    plans: Vec<Plan>,
}

impl Report {
    /// The figures alone, to be read at a terminal.
    pub fn figures(&self) -> String {
        format!("{}\n{}\n{}", self.large, self.small, self.figures)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "# The database's functions on a large database\n\n\
             Written by `cargo run --package local -- bench-scale`: {} turns on a large \
             database and a nearly empty one of the same cluster (Postgres 17 as it comes, \
             128 MB of shared buffers), one after the other, each rolled back. The time is the \
             server's, without the commit. Each turn was made once before it was measured, so that \
             what it needs was in memory: what the first time took depends on how much of the \
             database the machine holds there. \
             Medians, with the middle half of all measurements in parentheses; the ratio is that \
             of measurements taken in turn. Goal: at most 1.5.\n\n- {}\n- {}\n\n```text\n{}```\n\n\
             ## Plans on the large database\n\n\
             What auto_explain saw (`analyze`, `buffers`) of each statement that reads or writes a \
             table, in the call where it was seen first.",
            self.extent.turns, self.large, self.small, self.figures,
        )?;
        for plan in &self.plans {
            write!(f, "\n{plan}")?;
        }
        Ok(())
    }
}

/// Makes the databases, measures, and drops them.
pub async fn run(extent: Extent, progress: &Progress) -> Result<Report> {
    let node = Node::prepare(progress).await?;
    let cluster = Cluster::start(&node, Data::Temporary, None).await?;
    let report = measure(&node, &cluster, extent, progress).await;
    cluster.stop().await?;
    report
}

async fn measure(
    node: &Node,
    cluster: &Cluster,
    extent: Extent,
    progress: &Progress,
) -> Result<Report> {
    const SMALL: &str = "scale_small";
    const LARGE: &str = "scale_large";
    let small = Extent {
        leads: extent.turns.max(calls::CLAIMED).max(calls::LISTED * 4),
        shops: 1,
        long_conversation: SMALL_LONG_CONVERSATION,
        ..extent
    };

    progress.say("applying the migrations");
    supabase::make_migrated(node, cluster, SMALL).await?;
    fill::seed(&cluster.connect(SMALL).await?).await?;
    cluster.create_database(LARGE, SMALL).await?;
    fill::prepare(cluster).await?;
    progress.say("the nearly empty database");
    fill::fill(&cluster.connect(SMALL).await?, small, &Progress::silent()).await?;
    progress.say("the large database");
    fill::fill(&cluster.connect(LARGE).await?, extent, progress).await?;

    progress.say("measuring");
    let small = Database::open(&cluster.url(SMALL), small).await?;
    let mut large = Database::open(&cluster.url(LARGE), extent).await?;
    let figures = compare(&small, &large, extent.turns).await?;
    progress.say("asking for plans");
    Ok(Report {
        extent,
        large: format!("large: {}", size(large.client()).await?),
        small: format!("nearly empty: {}", size(small.client()).await?),
        figures,
        plans: plans::of(&mut large).await?,
    })
}

/// What was measured of one call.
#[derive(Default)]
struct Times {
    /// On the small and on the large database, one right after the other.
    pairs: Vec<(f64, f64)>,
    /// On the large database, before.
    first: Vec<f64>,
}

/// Has both databases take turns, and compares what they took.
///
/// Each turn is made once before it is measured, which brings what it needs into
/// memory. How much of a large database is there otherwise depends on the machine.
async fn compare(small: &Database, large: &Database, turns: u32) -> Result<Table<5>> {
    let mut times = MEASURED.map(|_| Times::default());
    for turn in 0..WARM_UP + turns {
        for script in SCRIPTS {
            small.turn(script, turn).await?;
            let first = large.turn(script, turn).await?;
            // Neither always comes first.
            let (of_small, of_large) = if turn % 2 == 0 {
                let of_small = small.turn(script, turn).await?;
                (of_small, large.turn(script, turn).await?)
            } else {
                let of_large = large.turn(script, turn).await?;
                (small.turn(script, turn).await?, of_large)
            };
            if turn < WARM_UP {
                continue;
            }
            for (((measured, first), (_, small)), (_, large)) in
                first.into_iter().zip(of_small).zip(of_large)
            {
                if let Some(times) = times.get_mut(measured as usize) {
                    times.pairs.push((small, large));
                    times.first.push(first);
                }
            }
        }
    }

    let mut table =
        Table::new(["", "nearly empty, µs", "large, µs", "ratio", "large, the first time, µs"]);
    for (measured, Times { pairs, first }) in MEASURED.iter().zip(times) {
        let summary = |of: fn(&(f64, f64)) -> f64| Summary::of(pairs.iter().map(of));
        table.row([
            measured.name().to_owned(),
            cell(summary(|(small, _)| *small), |small| format!("{small:.0}")),
            cell(summary(|(_, large)| *large), |large| format!("{large:.0}")),
            cell(summary(|(small, large)| large / small), |ratio| format!("{ratio:.2}")),
            cell(Summary::of(first), |first| format!("{first:.0}")),
        ]);
    }
    Ok(table)
}

/// How much there is in a database.
async fn size(client: &Client) -> Result<String> {
    let row = client
        .query_one(
            "select format(
               '%s leads, %s messages, %s jobs, %s webhook events at %s shops, %s',
               (select count(*) from app.leads), (select count(*) from app.messages),
               (select count(*) from app.jobs), (select count(*) from app.webhook_events),
               (select count(*) from app.businesses),
               pg_size_pretty(pg_database_size(current_database()))
             )",
            &[],
        )
        .await?;
    Ok(row.get(0))
}

/// One measurement: of what, and its microseconds.
type Time = (Measured, f64);
