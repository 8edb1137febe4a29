//! What the simulators' page and control API may do to the rest of the stack.

use std::time::Duration;

use futures_util::future::BoxFuture;
use url::Url;

/// The stack around a simulator.
///
/// A simulator that runs by itself, as most tests have it, has none; the calls
/// that need one then say so.
pub trait Controls: Send + Sync + 'static {
    /// The product's own address, which the phone's page links to.
    fn product(&self) -> Url;

    /// The paths of the crons, e.g. `/api/cron/deliver`.
    fn crons(&self) -> Vec<String>;

    /// Runs the cron at `path` now, and returns the status it answered with.
    fn run_cron(&self, path: String) -> BoxFuture<'_, anyhow::Result<u16>>;

    /// How far the stack's clock is ahead.
    fn clock_offset(&self) -> BoxFuture<'_, anyhow::Result<Duration>>;

    /// Moves the stack's clock forward, and returns how far ahead it is then.
    fn advance_clock(&self, by: Duration) -> BoxFuture<'_, anyhow::Result<Duration>>;

    /// Sets the stack's clock back to the present.
    fn reset_clock(&self) -> BoxFuture<'_, anyhow::Result<()>>;
}
