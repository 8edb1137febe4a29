//! Our idea of what a shop pays for, which is always, in the end, Stripe's.
//!
//! Events are hints. Whatever one says, Stripe is asked, and its answer stored
//! over the version that was there before it was asked. So every answer stored
//! was given after the one before it, and the last event, whichever of them
//! comes last, brings the last state. No clock and no order takes part in this.
//!
//! It costs a request to Stripe for each event, of which a subscription has a few
//! a month. To take the state from an event that seems newest would save it, and
//! rest on times that have one second for everything that happened in it.
//!
//! # Invariant
//!
//! Events of Stripe's are hints; its answers are the state. Whatever an event says,
//! `providers::stripe::mirror` reads the version that is stored, asks Stripe, and stores
//! the answer only over that version, in one transaction with the event's row in the log.
//! So each answer stored was given after the one before it was stored, and the last event
//! to be applied, whichever it is, brings the last state: no order, clock or payload
//! takes part. A second event of the same second, a late one and a thin one are all the
//! same.
//! What cannot be asked or stored now is a 503 and not in the log, so Stripe sends it
//! again; `cron/reconcile` compares Stripe's list of 30 days with the log. A subscription
//! that is `canceled` or `incomplete_expired` stays so, even if an answer says otherwise.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    client::{Stripe, StripeError},
    event::Event,
    id::{EventId, SubscriptionId},
    subscription::Subscription,
};
use crate::providers::supabase::{RpcError, Supabase};

/// How often an event is tried while others store answers about its subscription.
const ATTEMPTS: u32 = 4;

/// Why an event could not be applied. It is not in the log then, and may come again.
#[derive(Debug, Error)]
pub enum MirrorError {
    /// The database could not be asked or told.
    #[error(transparent)]
    Database(#[from] RpcError),
    /// Stripe gave no answer to store.
    #[error(transparent)]
    Stripe(#[from] StripeError),
    /// Stripe's answer is older than its event.
    #[error("stripe has a subscription that it says is deleted")]
    Stale,
    /// Others stored answers about the subscription, again and again.
    #[error("a subscription changed whenever it was to be stored")]
    Contended,
}

/// What became of an event, or of an answer of Stripe's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the log, and has no effect here.
    Ignored,
    /// It was in the log.
    Duplicate,
    /// Stripe's answer is stored.
    Stored,
    /// The subscription has ended; Stripe's answer does not know that yet.
    Ended,
    /// No shop has this subscription.
    UnknownCustomer,
}

/// What `rpc/apply_stripe_event` is told.
#[derive(Serialize)]
struct ApplyStripeEvent<'a> {
    event_id: &'a EventId,
    #[serde(rename = "type")]
    kind: &'a str,
    has_other_version: bool,
    subscription_id: Option<&'a SubscriptionId>,
}

/// What `rpc/apply_stripe_event` decided.
#[derive(Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
enum Applied {
    Ignored,
    Duplicate,
    Fetch { version: i64 },
}

/// What `rpc/store_subscription` is told.
#[derive(Serialize)]
struct StoreSubscription<'a> {
    event: Option<&'a ApplyStripeEvent<'a>>,
    version: i64,
    subscription: &'a Subscription,
}

/// What `rpc/store_subscription` did.
#[derive(Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
enum Verdict {
    Stored,
    Duplicate,
    Ended,
    UnknownCustomer,
    Conflict,
}

/// Brings what we know of subscriptions to what Stripe has.
#[derive(Debug)]
pub struct Mirror {
    stripe: Stripe,
    supabase: Supabase,
}

impl Mirror {
    /// Asks `stripe` and tells `supabase`.
    pub fn new(stripe: Stripe, supabase: Supabase) -> Self {
        Self { stripe, supabase }
    }

    /// Stripe, which who lists its events asks too.
    pub fn stripe(&self) -> &Stripe {
        &self.stripe
    }

    /// The database, for what else its users have to tell it.
    pub fn supabase(&self) -> &Supabase {
        &self.supabase
    }

    /// Applies an event once, however often it comes.
    pub async fn apply(&self, event: &Event<'_>) -> Result<Outcome, MirrorError> {
        let request = ApplyStripeEvent {
            event_id: &event.id,
            kind: &event.kind,
            has_other_version: event.other_version.is_some(),
            subscription_id: event.subscription_id.as_ref(),
        };
        for _ in 0..ATTEMPTS {
            let version = match self.supabase.call("apply_stripe_event", &request).await? {
                Applied::Ignored => return Ok(Outcome::Ignored),
                Applied::Duplicate => return Ok(Outcome::Duplicate),
                Applied::Fetch { version } => version,
            };
            let Some(id) = &event.subscription_id else { return Err(RpcError::Malformed.into()) };
            let subscription = self.stripe.subscription(id).await?;
            if event.is_deletion() && !subscription.status.is_final() {
                return Err(MirrorError::Stale);
            }
            if let Some(outcome) = self.store(Some(&request), version, &subscription).await? {
                return Ok(outcome);
            }
        }
        Err(MirrorError::Contended)
    }

    /// Asks Stripe about a subscription of which `version` is stored. `None` if
    /// somebody else has done so meanwhile.
    pub async fn refresh(
        &self,
        id: &SubscriptionId,
        version: i64,
    ) -> Result<Option<Outcome>, MirrorError> {
        let subscription = self.stripe.subscription(id).await?;
        self.store(None, version, &subscription).await
    }

    /// `None` if another version is there than was before Stripe was asked.
    async fn store(
        &self,
        event: Option<&ApplyStripeEvent<'_>>,
        version: i64,
        subscription: &Subscription,
    ) -> Result<Option<Outcome>, MirrorError> {
        let request = StoreSubscription { event, version, subscription };
        Ok(match self.supabase.call("store_subscription", &request).await? {
            Verdict::Stored => Some(Outcome::Stored),
            Verdict::Duplicate => Some(Outcome::Duplicate),
            Verdict::Ended => Some(Outcome::Ended),
            Verdict::UnknownCustomer => Some(Outcome::UnknownCustomer),
            Verdict::Conflict => None,
        })
    }
}
