//! Counts of refused requests, for an operator who asks whether somebody tries
//! doors, or whether a genuine sender is turned away.
//!
//! Each refusal is in the log. The counts are kept in the process and written to
//! the database in sums, at most once a minute, so that nobody can make us write
//! much by asking much. What a process has not written when it ends is lost.

use std::{
    collections::BTreeMap,
    fmt, mem,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde::Serialize;

use super::Background;

/// How long counts are gathered before they are written.
const GATHER_FOR: Duration = Duration::from_secs(60);

/// What has been counted, as `rpc/count_refusals` is told.
#[derive(Debug, Serialize)]
pub struct Counts {
    function: &'static str,
    counts: BTreeMap<&'static str, u64>,
}

/// Has counts written to where they are added up.
type Write = Box<dyn Fn(Counts) -> Background + Send + Sync>;

/// The refusals of one function in this process.
pub struct Refusals {
    function: &'static str,
    gathered: Mutex<Gathered>,
    write: Write,
}

#[derive(Debug, Default)]
struct Gathered {
    counts: BTreeMap<&'static str, u64>,
    written_at: Option<Instant>,
}

impl Refusals {
    /// Counts for the function at `path`, and has `write` keep the sums.
    pub fn of(
        path: &'static str,
        write: impl Fn(Counts) -> Background + Send + Sync + 'static,
    ) -> Self {
        Self { function: path, gathered: Mutex::default(), write: Box::new(write) }
    }

    /// Counts a refusal. If it is time to, returns what writes all that was counted.
    pub fn count(&self, reason: &'static str) -> Option<Background> {
        let counts = self.count_at(reason, Instant::now())?;
        Some((self.write)(Counts { function: self.function, counts }))
    }

    fn count_at(&self, reason: &'static str, now: Instant) -> Option<BTreeMap<&'static str, u64>> {
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        *gathered.counts.entry(reason).or_default() += 1;
        if gathered.written_at.is_some_and(|at| now < at + GATHER_FOR) {
            return None;
        }
        gathered.written_at = Some(now);
        Some(mem::take(&mut gathered.counts))
    }
}

impl fmt::Debug for Refusals {
    /// Names the function.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Refusals({})", self.function)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_written_at_once_and_then_once_a_minute() {
        let refusals = Refusals::of("/api/x", |_| Box::pin(async {}));
        let start = Instant::now();
        for (after, reason, written) in [
            (0, "a", Some(1)),
            (1, "a", None),
            (59, "b", None),
            (60, "b", Some(3)),
            (61, "b", None),
        ] {
            let now = start + Duration::from_secs(after);
            let counts = refusals.count_at(reason, now).map(|counts| counts.values().sum());
            assert_eq!(counts, written, "{after} s");
        }
        let gathered = refusals.gathered.into_inner().unwrap();
        assert_eq!(gathered.counts, [("b", 1)].into());
    }
}
