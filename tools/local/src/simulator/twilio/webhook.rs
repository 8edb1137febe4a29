//! Calls to the product: signed as Twilio signs them, repeated as Twilio repeats
//! them, each attempt kept to be looked at.

use std::time::{Duration, Instant};

use form_urlencoded::Serializer;
use jiff::Timestamp;
use serde::Serialize;
use trust::signatures;
use url::Url;
use uuid::Uuid;

use super::{attempt, message::Status, overrides::Overrides};
pub use crate::simulator::caller::Outcome;
use crate::simulator::{World, shared::Shared};

/// What a call to the product is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A phone texted a number of the account.
    Inbound,
    /// A text changed its status.
    Status(Status),
}

/// A call to be made.
#[derive(Debug, Clone, Serialize)]
pub struct Call {
    /// What it is about.
    pub event: Event,
    /// The message it is about.
    pub message_sid: String,
    /// The URL as configured. Its fragment is neither sent nor signed.
    pub url: Url,
    /// The form, as it is on the wire.
    pub form: String,
    /// The token that stays the same when a call is repeated.
    pub idempotency_token: Uuid,
}

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

/// An entry of the account's error log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// Twilio's code, where it has one.
    pub code: Option<u32>,
    /// What is wrong.
    pub message: String,
}

impl Call {
    /// A call that was not made before.
    pub(super) fn new(event: Event, message_sid: &str, url: Url, fields: &Fields) -> Self {
        Self {
            event,
            message_sid: message_sid.to_owned(),
            url,
            form: Serializer::new(String::new()).extend_pairs(&fields.0).finish(),
            idempotency_token: Uuid::new_v4(),
        }
    }
}

/// The fields of a form, in the order they are sent.
#[derive(Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Adds a field at the end.
    pub(super) fn add(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.push((name.into(), value.into()));
    }
}

/// A call on record, to be made.
pub(super) struct Due {
    id: Uuid,
    call: Call,
}

impl Due {
    /// Puts `call` on record. That is done in the same change of the world that
    /// makes the call due, so that nobody takes what is pending for done.
    pub(super) fn record(world: &mut World, call: Call) -> Self {
        let id = Uuid::new_v4();
        let due = world.now();
        world.twilio.deliveries.push(Delivery {
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
    pub(super) async fn make(&self, shared: &Shared) {
        let (outcome, troubles) = self.attempt(shared).await;
        shared.change(|world| self.end(world, &outcome, troubles));
    }

    /// Makes the call, with all the retries its URL asks for.
    ///
    /// What comes back is how the last attempt ended, and what else was wrong.
    /// The call stays on record as running until [`Self::end`].
    pub(super) async fn attempt(&self, shared: &Shared) -> (Outcome, Vec<Trouble>) {
        let (overrides, troubles) = Overrides::of(&self.call.url);
        let deadline = Instant::now() + overrides.total_time;
        let mut retries = overrides.retries;
        loop {
            let (signature, pause) = shared.read(|world| {
                let form = self.call.form.as_bytes();
                let signature =
                    signatures::twilio::sign(world.twilio.signing_token(), &self.call.url, form);
                let pause = world.twilio.settings.retry_pause_milliseconds;
                (signature, Duration::from_millis(pause))
            });
            let began = Instant::now();
            let outcome = attempt::make(&self.call, &signature, &overrides, deadline).await;
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
    pub(super) fn end(&self, world: &mut World, outcome: &Outcome, troubles: Vec<Trouble>) {
        if let Some(delivery) = self.find(world) {
            delivery.end(outcome);
            delivery.troubles.extend(troubles);
        }
    }

    fn update(&self, shared: &Shared, update: impl FnOnce(&mut Delivery)) {
        shared.change(|world| self.find(world).map(update));
    }

    /// The call on record. A log this long may have dropped it.
    fn find<'a>(&self, world: &'a mut World) -> Option<&'a mut Delivery> {
        world.twilio.deliveries.newest_mut(|delivery| delivery.id == self.id)
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

impl Trouble {
    /// An entry with a code of Twilio's.
    pub(super) fn new(code: u32, message: impl Into<String>) -> Self {
        Self { code: Some(code), message: message.into() }
    }
}
