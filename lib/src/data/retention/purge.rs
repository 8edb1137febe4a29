//! What is past its time is deleted, and what is overdue is told.
//!
//! A batch at a time, of each kind in turn, so that a backlog of one keeps no other
//! waiting. Each batch is a transaction of its own and notes what it deleted in the
//! record of the run; so a run may be cut off anywhere, come twice at once, or not
//! for days: the next one goes on with what is there.
//!
//! Objects go before the rows that know of them: a bundle's row only when the bundle
//! is gone. Strays are handed to whoever deletes objects ([`crate::data::export`]).

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{LIMITS, Limit};
use crate::{
    context::Context,
    providers::supabase::{RpcError, Supabase},
};

/// How many rows go at once: few enough that whoever waits for one of them waits
/// for milliseconds.
const BATCH: usize = 1000;

/// How many at least: what failed may have been too much at once.
const MIN_BATCH: usize = 10;

/// How long a batch may take: a second more than the database gives it.
const BATCH_WITHIN: Duration = Duration::from_secs(9);

/// How long sampling one table may take; as long as the database lets it.
const SAMPLE_WITHIN: Duration = Duration::from_secs(65);

/// The kind that is looked for in these buckets.
const STRAY_OBJECTS: &str = "stray_objects";
const BUCKETS: [&str; 2] = ["media", "exports"];

/// Deletes what is past its time.
#[derive(Debug)]
pub struct Purger {
    supabase: Supabase,
}

/// What was done.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// How many rows were deleted of each kind.
    pub purged: BTreeMap<&'static str, u64>,
    /// How many obligations are overdue, whoever has them.
    pub overdue: usize,
    /// Whether nothing was left to do.
    pub is_complete: bool,
}

#[derive(Serialize)]
struct Nothing {}

#[derive(Deserialize)]
struct Begun {
    run_id: Uuid,
}

/// What `rpc/purge` and `rpc/purge_stray_objects` are told.
#[derive(Serialize)]
struct Batch<'a> {
    run_id: Uuid,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    bucket: Option<&'static str>,
    seconds: u64,
    after: Option<&'a str>,
    limit: usize,
}

#[derive(Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
enum Purged {
    Purged { count: u64, after: Option<String>, is_done: bool },
    NotPermitted,
}

#[derive(Serialize, Deserialize)]
struct Sampled {
    after: Option<u32>,
}

#[derive(Deserialize)]
struct Deadlines {
    overdue: Vec<Overdue>,
}

/// An obligation that nobody met in time.
#[derive(Deserialize)]
struct Overdue {
    kind: String,
    id: Option<Uuid>,
    since: String,
}

#[derive(Serialize)]
struct FinishRetention {
    run_id: Uuid,
    is_complete: bool,
}

#[derive(Deserialize)]
struct Finished {}

/// A kind that is being purged.
struct PurgeCursor {
    limit: &'static Limit,
    bucket: Option<&'static str>,
    after: Option<String>,
    batch: usize,
}

impl Purger {
    /// Takes what purging needs.
    pub fn of(context: &Context<'_>) -> Option<Self> {
        Some(Self { supabase: context.supabase()? })
    }

    /// Does all there is to do, and begins nothing when `has_time` says no.
    pub async fn run(&self, has_time: impl Fn() -> bool) -> Result<Report, RpcError> {
        // First, so that a purge that fails keeps nobody from hearing of it.
        let mut report = Report { overdue: self.check_deadlines().await?, ..Report::default() };
        let Begun { run_id } = self.supabase.call("begin_retention", &Nothing {}).await?;
        let is_purged = self.purge(run_id, &has_time, &mut report.purged).await;
        report.is_complete = self.refresh_statistics(has_time).await? && is_purged;
        let request = FinishRetention { run_id, is_complete: report.is_complete };
        let _: Finished = self.supabase.call("finish_retention", &request).await?;
        tracing::info!(run.id = %run_id, ?report, "purged what is past its time");
        Ok(report)
    }

    /// Purges every kind until nothing is due. False if time was up before that, or
    /// something failed, which keeps only its own kind back.
    async fn purge(
        &self,
        run_id: Uuid,
        has_time: impl Fn() -> bool,
        purged: &mut BTreeMap<&'static str, u64>,
    ) -> bool {
        let mut is_complete = true;
        let mut cursors: Vec<PurgeCursor> = LIMITS
            .iter()
            .flat_map(|limit| {
                let buckets = match limit.kind {
                    STRAY_OBJECTS => BUCKETS.map(Some).to_vec(),
                    _ => vec![None],
                };
                let cursor = move |bucket| PurgeCursor { limit, bucket, after: None, batch: BATCH };
                buckets.into_iter().map(cursor)
            })
            .collect();
        while !cursors.is_empty() {
            let mut left = Vec::new();
            for mut cursor in cursors {
                if !has_time() {
                    return false;
                }
                match self.purge_batch(run_id, &mut cursor, purged).await {
                    Ok(true) => left.push(cursor),
                    Ok(false) => {}
                    Err(error) if cursor.batch > MIN_BATCH => {
                        tracing::warn!(kind = cursor.limit.kind, %error, "fewer rows are tried");
                        cursor.batch /= 10;
                        left.push(cursor);
                    }
                    Err(error) => {
                        tracing::error!(kind = cursor.limit.kind, %error, "a kind is left for later");
                        is_complete = false;
                    }
                }
            }
            cursors = left;
        }
        is_complete
    }

    /// Purges the next batch of a kind. False if it was the last.
    async fn purge_batch(
        &self,
        run_id: Uuid,
        cursor: &mut PurgeCursor,
        purged: &mut BTreeMap<&'static str, u64>,
    ) -> Result<bool, RpcError> {
        let Limit { kind, .. } = cursor.limit;
        let (seconds, after) = (cursor.limit.age().as_secs(), cursor.after.as_deref());
        let batch =
            Batch { run_id, kind, bucket: cursor.bucket, seconds, after, limit: cursor.batch };
        let function = if cursor.bucket.is_some() { "purge_stray_objects" } else { "purge" };
        match self.supabase.call_within(BATCH_WITHIN, function, &batch).await? {
            Purged::Purged { count, after, is_done } => {
                if count > 0 {
                    *purged.entry(kind).or_default() += count;
                }
                cursor.after = after;
                Ok(!is_done)
            }
            Purged::NotPermitted => {
                tracing::error!(kind, "the database does not let us purge");
                Ok(false)
            }
        }
    }

    /// Has the planner's samples made anew, table by table. False if time was up.
    async fn refresh_statistics(&self, has_time: impl Fn() -> bool) -> Result<bool, RpcError> {
        let mut last = Sampled { after: None };
        while has_time() {
            last = self.supabase.call_within(SAMPLE_WITHIN, "refresh_statistics", &last).await?;
            if last.after.is_none() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reports what is overdue; returns how much.
    async fn check_deadlines(&self) -> Result<usize, RpcError> {
        let Deadlines { overdue } = self.supabase.call("check_deadlines", &Nothing {}).await?;
        for Overdue { kind, id, since } in &overdue {
            tracing::error!(overdue.kind = kind, overdue.id = ?id, since, "a deadline is missed");
        }
        Ok(overdue.len())
    }
}
