//! How long a program kept a processor busy, and what memory it took.
//!
//! On a machine that does other things at the same time, this says more of what
//! a program costs than the time that passes.

use std::{fs, time::Duration};

/// The time all threads of process `id` have run so far, where the system tells
/// it to the nanosecond (Linux does).
pub(super) fn time(id: u32) -> Option<Duration> {
    let threads = fs::read_dir(format!("/proc/{id}/task")).ok()?;
    let nanoseconds = threads.map(|thread| {
        let told = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        told.split_ascii_whitespace().next()?.parse::<u64>().ok()
    });
    Some(Duration::from_nanos(nanoseconds.sum::<Option<u64>>()?))
}

/// The most memory process `id` has had so far, in bytes, where the system tells it.
pub(super) fn memory(id: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? * 1024)
}
