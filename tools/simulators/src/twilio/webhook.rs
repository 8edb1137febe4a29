//! Calls to the product: signed as Twilio signs them, repeated as Twilio repeats
//! them, each attempt kept to be looked at.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Serialize;
use trust::signatures;
use uuid::Uuid;

use super::{Account, overrides::Overrides};
pub use super::{
    call::{Call, Event},
    trouble::Trouble,
};
pub use crate::caller::Outcome;
use crate::shared::{Held, Shared};

/// A call that was made, with all its attempts.
#[derive(Debug, Clone, Serialize)]
pub struct Delivery {
    /// Tells deliveries apart: a call made again later is another one.
    pub id: Uuid,
    /// The call.
    #[serde(flatten)]
    pub call: Call,
    /// When it became due.
    pub due: Timestamp,
    /// The attempts so far.
    pub attempts: Vec<Attempt>,
    /// What has become of it.
    pub state: DeliveryState,
    /// What Twilio's error log has about it.
    pub troubles: Vec<Trouble>,
}

/// What has become of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Under way.
    Running,
    /// Answered with 2xx.
    Answered,
    /// Not answered, or with a failure, and not repeated any more.
    Failed,
}

/// One attempt of a call.
#[derive(Debug, Clone, Serialize)]
pub struct Attempt {
    /// The signature it carried.
    pub signature: String,
    /// How long it took.
    pub duration_milliseconds: u64,
    /// How it ended.
    pub outcome: Outcome,
}

/// A call on record, to be made.
pub(super) struct Due {
    id: Uuid,
    call: Call,
}

impl Due {
    /// Puts `call` on record. That is done in the same change of the world that
    /// makes the call due, so that nobody takes what is pending for done.
    pub(super) fn record(account: &mut Held<'_, Account>, call: Call) -> Self {
        let id = Uuid::new_v4();
        let due = account.now();
        account.deliveries.push(Delivery {
            id,
            call: call.clone(),
            due,
            attempts: Vec::new(),
            state: DeliveryState::Running,
            troubles: Vec::new(),
        });
        Self { id, call }
    }

    /// The message the call is about.
    pub(super) fn message_sid(&self) -> &str {
        &self.call.message_sid
    }

    /// What the call is about.
    pub(super) fn event(&self) -> Event {
        self.call.event
    }

    /// Makes the call, and puts on record how it ended.
    pub(super) async fn make(&self, shared: &Shared<Account>) {
        let (outcome, troubles) = self.attempt(shared).await;
        shared.change(|account| self.end(account, &outcome, troubles));
    }

    /// Makes the call, with all the retries its URL asks for.
    ///
    /// What comes back is how the last attempt ended, and what else was wrong.
    /// The call stays on record as running until [`Self::end`].
    pub(super) async fn attempt(&self, shared: &Shared<Account>) -> (Outcome, Vec<Trouble>) {
        let (overrides, troubles) = Overrides::of(&self.call.url);
        let deadline = Instant::now() + overrides.total_time;
        let mut retries = overrides.retries;
        loop {
            let (signature, pause) = shared.read(|account| {
                let form = self.call.form.as_bytes();
                let signature =
                    signatures::twilio::sign(account.signing_token(), &self.call.url, form);
                let pause = account.settings.retry_pause_milliseconds;
                (signature, Duration::from_millis(pause))
            });
            let began = Instant::now();
            let outcome = self.call.attempt(&signature, &overrides, deadline).await;
            let duration = began.elapsed().as_millis();
            self.update(shared, |delivery| {
                delivery.attempts.push(Attempt {
                    signature,
                    duration_milliseconds: u64::try_from(duration).unwrap_or(u64::MAX),
                    outcome: outcome.clone(),
                });
            });

            let is_time_left = Instant::now() + pause < deadline;
            if retries == 0 || !is_time_left || !overrides.retries_after(&outcome) {
                return (outcome, troubles);
            }
            retries -= 1;
            tokio::time::sleep(pause).await;
        }
    }

    /// Puts on record that the call is over, and all that was wrong with it.
    pub(super) fn end(
        &self,
        account: &mut Held<'_, Account>,
        outcome: &Outcome,
        troubles: Vec<Trouble>,
    ) {
        if let Some(delivery) = self.find(account) {
            delivery.end(outcome);
            delivery.troubles.extend(troubles);
        }
    }

    fn update(&self, shared: &Shared<Account>, update: impl FnOnce(&mut Delivery)) {
        shared.change(|account| self.find(account).map(update));
    }

    /// The call on record. A log this long may have dropped it.
    fn find<'a>(&self, account: &'a mut Held<'_, Account>) -> Option<&'a mut Delivery> {
        account.deliveries.newest_mut(|delivery| delivery.id == self.id)
    }
}

impl Delivery {
    /// Records that there will be no further attempt.
    fn end(&mut self, outcome: &Outcome) {
        let trouble = match outcome {
            Outcome::Answered { status: 200..300, .. } => {
                self.state = DeliveryState::Answered;
                return;
            }
            Outcome::Answered { status, .. } => {
                Trouble::new(11200, format!("HTTP retrieval failure: status {status}."))
            }
            Outcome::TimedOut => Trouble::new(11200, "HTTP retrieval failure: time is up."),
            Outcome::Broken { reason } => {
                Trouble::new(11200, format!("HTTP retrieval failure: {reason}."))
            }
            Outcome::NotConnected { reason } => {
                Trouble::new(11205, format!("HTTP connection failure: {reason}."))
            }
            Outcome::TooLong => Trouble::new(11750, "TwiML response body too large."),
        };
        self.state = DeliveryState::Failed;
        self.troubles.push(trouble);
    }
}
