//! The clock of a local stack's database, which can be moved.
//!
//! All of the product's own time is told by the database's `app.clock()`. A hosted project
//! has the real time there; the local stack's version of the function adds an offset.

use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio_postgres::Client;

/// How far the clock is ahead.
pub async fn offset(database: &Client) -> Result<Duration> {
    let row = database.query_one("select seconds from local.clock_offset", &[]).await;
    seconds(row.context("the clock cannot be read")?.try_get(0)?)
}

/// Moves the clock forward by whole seconds, and returns how far ahead it is then.
pub async fn advance(database: &Client, by: Duration) -> Result<Duration> {
    let by = i64::try_from(by.as_secs()).context("the clock does not reach that far")?;
    let moved = "update local.clock_offset set seconds = seconds + $1 returning seconds";
    let row = database.query_one(moved, &[&by]).await;
    seconds(row.context("the clock cannot be moved")?.try_get(0)?)
}

/// Sets the clock back to the present.
pub async fn reset(database: &Client) -> Result<()> {
    let reset = database.execute("update local.clock_offset set seconds = 0", &[]).await;
    reset.context("the clock cannot be set back")?;
    Ok(())
}

fn seconds(seconds: i64) -> Result<Duration> {
    Ok(Duration::from_secs(seconds.try_into().context("the clock is behind")?))
}
