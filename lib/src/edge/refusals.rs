//! Counts of refused requests, for an operator who asks whether somebody tries
//! doors, or whether a genuine sender is turned away.
//!
//! Each refusal is in the log. The counts are kept in the process and written to
//! the database in sums, at most once a minute, so that nobody can make us write
//! much by asking much. What a process has not written when it ends is lost.

use std::{
    collections::BTreeMap,
    mem,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use crate::providers::supabase::Supabase;

/// How long counts are gathered before they are written.
const GATHER_FOR: Duration = Duration::from_secs(60);

/// The refusals of one function in this process.
#[derive(Debug)]
pub struct Refusals {
    function: &'static str,
    gathered: Mutex<Gathered>,
}

#[derive(Debug, Default)]
struct Gathered {
    counts: BTreeMap<&'static str, u64>,
    written_at: Option<Instant>,
}

/// What `rpc/count_refusals` is told.
#[derive(Serialize)]
struct CountRefusals<'a> {
    function: &'static str,
    counts: &'a BTreeMap<&'static str, u64>,
}

#[derive(Deserialize)]
struct Counted {}

impl Refusals {
    /// Counts for the function at `path`.
    pub fn of(path: &'static str) -> Self {
        Self { function: path, gathered: Mutex::default() }
    }

    /// Counts a refusal; true if it is time to [`write`](Self::write).
    pub fn count(&self, reason: &'static str) -> bool {
        self.count_at(reason, Instant::now())
    }

    fn count_at(&self, reason: &'static str, now: Instant) -> bool {
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        *gathered.counts.entry(reason).or_default() += 1;
        let is_time = gathered.written_at.is_none_or(|at| now >= at + GATHER_FOR);
        if is_time {
            gathered.written_at = Some(now);
        }
        is_time
    }

    /// Adds what was counted to the database.
    pub async fn write(&self, supabase: &Supabase) {
        let counts = {
            let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
            mem::take(&mut gathered.counts)
        };
        let request = CountRefusals { function: self.function, counts: &counts };
        if let Err(error) = supabase.call::<_, Counted>("count_refusals", &request).await {
            tracing::warn!(%error, "counts of refusals were lost");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_written_at_once_and_then_once_a_minute() {
        let refusals = Refusals::of("/api/x");
        let start = Instant::now();
        for (after, reason, is_time) in
            [(0, "a", true), (1, "a", false), (59, "b", false), (60, "b", true), (61, "b", false)]
        {
            let now = start + Duration::from_secs(after);
            assert_eq!(refusals.count_at(reason, now), is_time, "{after} s");
        }
        let gathered = refusals.gathered.into_inner().unwrap();
        assert_eq!(gathered.counts, [("a", 2), ("b", 3)].into());
    }
}
