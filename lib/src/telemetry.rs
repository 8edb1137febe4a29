//! Logs: one JSON object a line on standard output, where Vercel collects them.
//!
//! A line names ids, outcomes and counts, never a person: no phone number, no
//! text, no name. Types that hold such have a `Debug` that hides it.

use std::panic::PanicHookInfo;

/// Starts logging for the process.
///
/// Only this project's own events are written: a library's might quote a
/// request. A panic is reported by its place, not its message, for the same
/// reason.
pub fn start() {
    use tracing_subscriber::{filter::Targets, prelude::*};

    let layer = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_ansi(false)
        .with_target(false)
        .with_filter(Targets::new().with_target("leadslock", tracing::Level::INFO));
    // A second start in one process changes nothing.
    let _ = tracing_subscriber::registry().with(layer).try_init();
    std::panic::set_hook(Box::new(report_panic));
}

fn report_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(|at| format!("{}:{}", at.file(), at.line()));
    tracing::error!(target: "leadslock", place, "a panic was caught");
}
