//! Time passes at Stripe: what is due happens, and what is told of it is sent.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;
use thiserror::Error;

use super::{Account, webhook};
use crate::shared::{Held, Shared};

/// How long to sleep when nothing is to come. Whatever changes that wakes earlier.
const LONG: Duration = Duration::from_secs(3600);

/// Why time cannot be made to pass.
#[derive(Debug, Error)]
pub(crate) enum TimeError {
    /// It is the stack's clock that is moved.
    #[error("this simulator runs without the rest of the stack")]
    NoStack,
    /// Stripe does nothing by itself any more.
    #[error("nothing is to come")]
    NothingToCome,
    /// The stack's clock cannot be moved.
    #[error("{0:#}")]
    Stack(anyhow::Error),
}

impl TimeError {
    /// The HTTP status that says so.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::NoStack => StatusCode::NOT_IMPLEMENTED,
            Self::NothingToCome => StatusCode::CONFLICT,
            Self::Stack(_) => StatusCode::BAD_GATEWAY,
        }
    }
}

impl IntoResponse for TimeError {
    fn into_response(self) -> Response {
        (self.status(), Json(json!({ "error": self.to_string() }))).into_response()
    }
}

/// Lets happen what is due by now.
pub(crate) fn catch_up(account: &mut Held<'_, Account>) {
    let now = seconds(account);
    account.catch_up(now);
}

/// Changes the account with all that is due before and after, and with the deliveries of
/// the events that come of it.
pub(crate) fn change<T>(
    shared: &Arc<Shared<Account>>,
    change: impl FnOnce(&mut Held<'_, Account>) -> T,
) -> T {
    let (changed, outgoing) = shared.change(|account| {
        catch_up(account);
        let changed = change(account);
        catch_up(account);
        (changed, account.take_outgoing())
    });
    webhook::send(shared, outgoing);
    changed
}

/// Lets happen what is due as time passes, until this future is dropped.
pub(crate) async fn keep(shared: Arc<Shared<Account>>) {
    let next = |account: &Held<'_, Account>| {
        (account.next_due().map(|(at, ..)| at), account.clock_offset())
    };
    loop {
        let (planned, wait) = shared.read(|account| {
            let planned = next(account);
            let wait = planned.0.map(|at| (at - seconds(account)).max(0).unsigned_abs());
            (planned, wait.map_or(LONG, |wait| Duration::from_secs(wait).min(LONG)))
        });
        // It ends with the time, or as soon as the time is no longer the right one.
        let is_over = |account: &Held<'_, Account>| {
            (is_due(account) || next(account) != planned).then_some(())
        };
        let _ = shared.wait(wait, is_over).await;
        if shared.read(is_due) {
            change(&shared, |_| ());
        }
    }
}

/// Sets how far the simulators' time is ahead. What becomes due by that has happened when
/// this returns.
pub(crate) fn set_clock(shared: &Arc<Shared<Account>>, offset: Duration) {
    // Looking at the clock changes nothing, and wakes nobody.
    if shared.common().clock_offset() != offset {
        change(shared, |_| shared.common().set_clock_offset(offset));
    }
}

/// Lets so many seconds pass in the whole stack. What becomes due by that has happened
/// when this returns.
pub(crate) async fn let_pass(shared: &Arc<Shared<Account>>, seconds: u64) -> Result<(), TimeError> {
    let stack = shared.common().controls().ok_or(TimeError::NoStack)?;
    let passed = stack.advance_clock(Duration::from_secs(seconds)).await;
    set_clock(shared, passed.map_err(TimeError::Stack)?);
    Ok(())
}

/// Lets time pass until Stripe does something by itself, if it ever will.
pub(crate) async fn let_pass_until_next(shared: &Arc<Shared<Account>>) -> Result<(), TimeError> {
    let wait = shared.read(|account| {
        let (at, ..) = account.next_due()?;
        Some((at - seconds(account)).max(0).unsigned_abs())
    });
    let_pass(shared, wait.ok_or(TimeError::NothingToCome)?).await
}

/// Whether something is due.
fn is_due(account: &Held<'_, Account>) -> bool {
    account.next_due().is_some_and(|(at, ..)| at <= seconds(account))
}

/// The time in seconds.
fn seconds(account: &Held<'_, Account>) -> i64 {
    account.now().as_second()
}
