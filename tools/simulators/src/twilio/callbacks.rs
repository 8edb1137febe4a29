//! What becomes of an accepted text: its status changes, and each change is told
//! to the text's `StatusCallback`, in the order and as often as was ordered.
//!
//! As documented, the first status, `queued`, is not told:
//! <https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks>

use std::time::Duration;

use futures_util::future::join_all;

use super::{
    API_VERSION, Account,
    behaviour::{Callbacks, Order},
    call::{Call, Event, Fields},
    message::{Message, Status},
    webhook::Due,
};
use crate::shared::{Held, Shared};

/// Takes the text `sid` through its statuses, until the last one is told.
pub(super) async fn run(shared: &Shared<Account>, sid: &str, callbacks: &Callbacks) {
    let account_delay = shared.read(|account| account.settings.callback_delay_milliseconds);
    let delay = Duration::from_millis(callbacks.delay_milliseconds.unwrap_or(account_delay));
    let path = callbacks.end.path();
    let steps_at_a_time = match callbacks.order {
        Order::InOrder => 1,
        Order::Reversed | Order::AtOnce => path.len(),
    };
    for steps in path.chunks(steps_at_a_time) {
        tokio::time::sleep(delay).await;
        let calls = advance(shared, sid, steps, callbacks);
        let calls = calls.iter().map(|call| call.make(shared));
        if callbacks.order == Order::AtOnce {
            join_all(calls).await;
        } else {
            for call in calls {
                call.await;
            }
        }
    }
}

/// Moves the text through `steps`, and puts the calls on record that tell of them,
/// in the order they are to be made.
fn advance(
    shared: &Shared<Account>,
    sid: &str,
    steps: &[(Status, Option<u32>)],
    callbacks: &Callbacks,
) -> Vec<Due> {
    shared.change(|account| {
        let now = account.now();
        let Some(message) = account.messages.newest_mut(|message| message.sid == sid) else {
            // A log this full has dropped it.
            return Vec::new();
        };
        for &(status, error_code) in steps {
            message.advance(status, error_code, now);
        }
        let message = message.clone();
        let mut told = steps.to_vec();
        if callbacks.order == Order::Reversed {
            told.reverse();
        }
        let mut calls = Vec::new();
        for (status, error_code) in told {
            let is_told = !callbacks.withheld.contains(&status);
            let Some(call) = call(account, &message, status, error_code).filter(|_| is_told) else {
                continue;
            };
            // A copy is the same callback once more, so it has the same token.
            for _ in 0..callbacks.copies.unwrap_or(1) {
                calls.push(Due::record(account, call.clone()));
            }
        }
        calls
    })
}

/// The call that tells of a status, if the text has a callback.
fn call(
    account: &Held<'_, Account>,
    message: &Message,
    status: Status,
    error_code: Option<u32>,
) -> Option<Call> {
    let url = message.status_callback.clone()?;
    let mut fields = Fields::default();
    if matches!(status, Status::Delivered | Status::Undelivered) {
        // When the carrier says it was done, in a form of the carrier's own.
        fields.add("RawDlrDoneDate", account.now().strftime("%y%m%d%H%M").to_string());
    }
    if let Some(code) = error_code {
        fields.add("ErrorCode", code.to_string());
    }
    fields.add("SmsSid", &message.sid);
    fields.add("SmsStatus", status.as_str());
    fields.add("MessageStatus", status.as_str());
    fields.add("To", &message.to);
    fields.add("MessageSid", &message.sid);
    fields.add("AccountSid", &account.sid);
    fields.add("From", &message.from);
    fields.add("ApiVersion", API_VERSION);
    Some(Call::new(Event::Status(status), &message.sid, url, &fields))
}
