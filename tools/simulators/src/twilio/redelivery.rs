//! Webhooks called once more, as happens when an answer was lost on its way.

use std::sync::Arc;

use futures_util::future::join_all;
use thiserror::Error;

use super::{
    Account, inbound,
    webhook::{Call, Due, Event},
};
use crate::shared::{Held, Shared};

/// How many copies can be asked for at a time.
const TIMES_LIMIT: u32 = 1000;

/// Why nothing is delivered again.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RedeliveryError {
    /// No webhook was called about this message.
    #[error("no webhook was called about the message {0:?}")]
    Unknown(String),
    /// No copy, or more than make sense.
    #[error("a webhook is delivered again 1 to {TIMES_LIMIT} times")]
    Times,
}

/// Calls all webhooks about a message again, `times` times, in the background.
///
/// A copy has the form and the idempotency token of the first call. At once means
/// that all copies of all calls are under way at the same time.
pub(crate) fn redeliver(
    shared: &Arc<Shared<Account>>,
    message_sid: &str,
    times: u32,
    at_once: bool,
) -> Result<(), RedeliveryError> {
    if !(1..=TIMES_LIMIT).contains(&times) {
        return Err(RedeliveryError::Times);
    }
    let copies = shared.change(|account| {
        let calls = calls(account, message_sid);
        let copies = (0..times).flat_map(|_| &calls);
        copies.map(|call| Due::record(account, call.clone())).collect::<Vec<_>>()
    });
    if copies.is_empty() {
        return Err(RedeliveryError::Unknown(message_sid.to_owned()));
    }
    let shared_with_task = Arc::clone(shared);
    shared.spawn(async move {
        let calls = copies.iter().map(|call| make(&shared_with_task, call));
        if at_once {
            join_all(calls).await;
        } else {
            for call in calls {
                call.await;
            }
        }
    });
    Ok(())
}

/// The different calls made about a message, in the order they were first made.
fn calls(account: &Held<'_, Account>, message_sid: &str) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    let made = account.deliveries.iter().map(|delivery| &delivery.call);
    for call in made.filter(|call| call.message_sid == message_sid) {
        if !calls.iter().any(|known| known.idempotency_token == call.idempotency_token) {
            calls.push(call.clone());
        }
    }
    calls
}

async fn make(shared: &Arc<Shared<Account>>, call: &Due) {
    match call.event() {
        Event::Inbound => inbound::deliver(shared, call).await,
        Event::Status(_) => call.make(shared).await,
    }
}
