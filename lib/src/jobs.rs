//! The engine for owed work: claims, leases, failures. What a job is about, and what is
//! done for it, says who does the jobs of its queue ([`Queue`]).
//!
//! # Invariant
//!
//! What is owed is a row of `app.jobs`, whatever process is at it. Somebody claims it for
//! the length of a lease. A holder that dies is replaced by the next; a holder that lost
//! its lease changes nothing, because its fencing token is no longer the newest. What
//! fails is done again, later each time. The rules stand once, in `supabase/schemas/jobs`,
//! with the times of each kind in `app.job_kinds`.

use std::{fmt::Display, time::Duration};

use futures_util::future::join_all;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use tokio::time::Instant;
use uuid::Uuid;

use crate::providers::supabase::{RpcError, Supabase};

/// Who does the jobs of a queue.
pub trait Queue: Sync {
    /// The queue's name in `app.job_kinds`.
    const NAME: &'static str;

    /// How many jobs are claimed at once, and done side by side.
    const AT_ONCE: usize;

    /// How long a run goes on before it leaves what is due to the next. The last job may
    /// begin at its very end.
    const RUN_WITHIN: Duration;

    /// What a holder is told of a job, as `app.work_of` puts it.
    type Work: DeserializeOwned + Send;

    /// Why a job is left for later. It is logged and stored: it names no personal data.
    type Error: Display + Send;

    /// The database.
    fn supabase(&self) -> &Supabase;

    /// Does a claimed job, as far as it gets until `end`. Every effect may be had twice.
    fn advance(
        &self,
        job: Job<Self::Work>,
        end: Instant,
    ) -> impl Future<Output = Result<Advanced, Self::Error>> + Send;
}

/// A claimed job.
#[derive(Debug, Deserialize)]
pub struct Job<W> {
    /// What its holder proves the claim with.
    #[serde(flatten)]
    pub lease: Lease,
    /// What is to be done.
    #[serde(flatten)]
    pub work: W,
}

/// What each call about a job is told: which it is, and that the caller holds it.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
pub struct Lease {
    /// The job.
    pub job_id: Uuid,
    fencing_token: i64,
}

/// How far a job got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advanced {
    /// Its row says so: it is done, or put off, or waits for its lease to run out.
    Recorded,
    /// Another holder has it.
    Stale,
    /// The time of the run is over; the next may go on with it at once.
    Unfinished,
}

#[derive(Serialize)]
struct ClaimJobs {
    queue: &'static str,
    limit: usize,
}

#[derive(Deserialize)]
struct Claimed {
    /// What is left to do; less than was claimed where texts must wait.
    work: Vec<Handed>,
    claimed: usize,
    /// How many of the queue somebody should look at.
    #[serde(default)]
    late: u64,
}

/// A claimed job as it comes, to be read by itself: one that this executable does not know,
/// being older than the database, keeps no other back.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Handed(Box<RawValue>);

/// What `rpc/fail_job` and `rpc/release_job` are told: why a job goes back.
#[derive(Serialize)]
struct GiveBack<'a> {
    #[serde(flatten)]
    lease: Lease,
    fault: &'a str,
}

#[derive(Deserialize)]
struct Outcome {
    outcome: String,
}

/// Does what is due of a queue, until nothing is or `end` has come. Returns how many jobs
/// there was something to do for.
pub async fn catch_up<Q: Queue>(queue: &Q, end: Instant) -> Result<usize, RpcError> {
    let mut done = 0;
    loop {
        let request = ClaimJobs { queue: Q::NAME, limit: Q::AT_ONCE };
        let Claimed { work, claimed, late } = queue.supabase().call("claim_jobs", &request).await?;
        if late > 0 {
            tracing::error!(queue = Q::NAME, late, "jobs are late, or will be soon");
        }
        if claimed == 0 {
            return Ok(done);
        }
        done += work.len();
        join_all(work.iter().map(|handed| run_handed(queue, handed, end))).await;
        if Instant::now() >= end {
            return Ok(done);
        }
    }
}

/// Does a job that was claimed just now.
///
/// What fails is logged and left: it is done again.
pub async fn run<Q: Queue>(queue: &Q, job: Job<Q::Work>) {
    run_until(queue, job, Instant::now() + Q::RUN_WITHIN).await;
}

/// Does jobs that were claimed just now, side by side.
pub async fn run_all<Q: Queue>(queue: &Q, handed: &[Handed]) {
    let end = Instant::now() + Q::RUN_WITHIN;
    join_all(handed.iter().map(|handed| run_handed(queue, handed, end))).await;
}

async fn run_handed<Q: Queue>(queue: &Q, handed: &Handed, end: Instant) {
    let text = handed.0.get();
    let error = match serde_json::from_str(text) {
        Ok(job) => return run_until(queue, job, end).await,
        Err(error) => error,
    };
    // Where it is wrong, and nothing of what it says.
    let (line, column) = (error.line(), error.column());
    let Ok(lease) = serde_json::from_str::<Lease>(text) else {
        tracing::error!(queue = Q::NAME, line, column, "a job cannot be read, nor whose it is");
        return;
    };
    tracing::error!(job.id = %lease.job_id, queue = Q::NAME, line, column, "a job cannot be read");
    let request = GiveBack { lease, fault: "unreadable" };
    log_given_back(lease, queue.supabase().call("release_job", &request).await);
}

async fn run_until<Q: Queue>(queue: &Q, job: Job<Q::Work>, end: Instant) {
    let lease = job.lease;
    let recorded = match queue.advance(job, end).await {
        Ok(Advanced::Recorded) => return,
        Ok(Advanced::Stale) => {
            tracing::info!(job.id = %lease.job_id, queue = Q::NAME, "another holder has the job");
            return;
        }
        Ok(Advanced::Unfinished) => queue.supabase().call("release_job", &lease).await,
        Err(error) => {
            tracing::error!(job.id = %lease.job_id, queue = Q::NAME, %error, "a job is left for later");
            let fault: String = error.to_string().chars().take(100).collect();
            queue.supabase().call("fail_job", &GiveBack { lease, fault: &fault }).await
        }
    };
    log_given_back(lease, recorded);
}

fn log_given_back(lease: Lease, recorded: Result<Outcome, RpcError>) {
    match recorded {
        Ok(Outcome { outcome }) => {
            tracing::debug!(job.id = %lease.job_id, outcome, "gave a job back")
        }
        Err(error) => {
            tracing::warn!(job.id = %lease.job_id, %error, "the job's lease has to run out");
        }
    }
}
