//! The delivery of events to the product: signed, repeated after a failure with a
//! new signature, each attempt kept to be looked at.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use hyper::header::{self, HeaderName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;
use uuid::Uuid;

pub use crate::caller::Outcome;

use super::{
    Account, Payload, Settings, SigningSecret,
    behaviour::{Fate, WebhookBehaviour},
    event::Event,
    id, signature,
};
use crate::{
    caller::{self, Limits},
    shared::{Held, Shared},
};

/// How many deliveries can be asked for at a time.
pub(crate) const LIMIT: usize = 1000;

/// A delivery of an event, with all its attempts.
#[derive(Debug, Clone, Serialize)]
pub struct Delivery {
    /// Tells deliveries apart: an event can have several.
    pub id: Uuid,
    /// The event's id.
    pub event: String,
    /// The event's type.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Where it goes.
    pub url: Url,
    /// The attempts so far.
    pub attempts: Vec<Attempt>,
    /// What has become of it.
    pub state: DeliveryState,
}

/// What has become of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It waits to be released, as ordered.
    Held,
    /// It never takes place, as ordered.
    Lost,
    /// Under way.
    Running,
    /// Answered with 2xx.
    Answered,
    /// Not answered, or with a failure, and not repeated any more.
    Failed,
}

/// One attempt of a delivery.
#[derive(Debug, Clone, Serialize)]
pub struct Attempt {
    /// The header `Stripe-Signature` it carried.
    pub signature: String,
    /// How long it took.
    pub duration_milliseconds: u64,
    /// How it ended.
    pub outcome: Outcome,
}

/// The order of deliveries that come together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// As the events were made, each after the answer to the one before.
    InOrder,
    /// The last one first.
    Reversed,
    /// In an order drawn by lot, the same for the same seed.
    Shuffled {
        /// What the lot is drawn from.
        seed: u64,
    },
    /// All at the same time.
    AtOnce,
}

/// A delivery on record, to be made.
#[derive(Debug)]
pub(super) struct Outgoing {
    id: Uuid,
    event: Box<Event>,
    delay: Duration,
}

/// Deliveries that come together, in the order they are to be made.
pub(crate) struct Batch {
    deliveries: Vec<Outgoing>,
    order: Order,
}

impl Account {
    /// Puts on record what is to be delivered of a new event. That is done in the
    /// same change of the account, so that nobody takes what is pending for done.
    pub(super) fn plan_deliveries(&mut self, event: &Event) {
        let enabled = &self.settings.enabled_events;
        if !enabled.is_empty() && !enabled.iter().any(|kind| kind == event.kind) {
            return;
        }
        let applies = |kind: &Option<String>| kind.as_ref().is_none_or(|kind| kind == event.kind);
        let behaviour = self.webhook_behaviours.take(|ordered| applies(&ordered.kind));
        let behaviour = behaviour.unwrap_or_default();
        self.plan(event, &behaviour);
        if behaviour.twin {
            let twin = Event { id: id("evt_"), ..event.clone() };
            self.events.push(twin.clone());
            self.plan(&twin, &behaviour);
        }
    }

    fn plan(&mut self, event: &Event, behaviour: &WebhookBehaviour) {
        match behaviour.delivery {
            Fate::Hold => {
                self.record(event, DeliveryState::Held);
            }
            Fate::Lose => {
                self.record(event, DeliveryState::Lost);
            }
            Fate::Normal => {
                let delay = Duration::from_millis(behaviour.delay_milliseconds);
                for _ in 0..behaviour.copies.unwrap_or(1) {
                    let copy = self.record_outgoing(event);
                    self.outgoing.extend(copy.map(|copy| Outgoing { delay, ..copy }));
                }
            }
        }
    }

    fn record(&mut self, event: &Event, state: DeliveryState) -> Option<Uuid> {
        let url = self.endpoint.clone()?;
        let id = Uuid::new_v4();
        let (kind, event) = (event.kind, event.id.clone());
        self.deliveries.push(Delivery { id, event, kind, url, attempts: Vec::new(), state });
        Some(id)
    }

    fn record_outgoing(&mut self, event: &Event) -> Option<Outgoing> {
        let id = self.record(event, DeliveryState::Running)?;
        Some(Outgoing { id, event: event.clone().into(), delay: Duration::ZERO })
    }

    /// What is due to be delivered, in its order.
    pub(crate) fn take_outgoing(&mut self) -> Batch {
        let deliveries = std::mem::take(&mut self.outgoing);
        self.batch(deliveries, self.settings.order)
    }

    fn batch(&mut self, mut deliveries: Vec<Outgoing>, order: Order) -> Batch {
        match order {
            Order::InOrder | Order::AtOnce => {}
            Order::Reversed => deliveries.reverse(),
            Order::Shuffled { seed } => {
                if !deliveries.is_empty() {
                    self.batches += 1;
                }
                shuffle(&mut deliveries, seed.wrapping_add(self.batches));
            }
        }
        Batch { deliveries, order }
    }

    /// How many deliveries of an event are not answered yet.
    pub(super) fn pending_webhooks(&self, event: &str) -> usize {
        let theirs = self.deliveries.iter().filter(|delivery| delivery.event == event);
        theirs.filter(|delivery| delivery.state != DeliveryState::Answered).count()
    }

    /// The secrets that sign now.
    fn signing_secrets(&self) -> Vec<&secrecy::SecretString> {
        match self.settings.sign_with {
            SigningSecret::Current => vec![&self.webhook_secret],
            SigningSecret::Next => vec![&self.next_webhook_secret],
            SigningSecret::Both => vec![&self.next_webhook_secret, &self.webhook_secret],
        }
    }
}

/// Makes deliveries in the background.
pub(crate) fn send(shared: &Arc<Shared<Account>>, batch: Batch) {
    let Batch { deliveries, order } = batch;
    if deliveries.is_empty() {
        return;
    }
    let shared_with_task = Arc::clone(shared);
    shared.spawn(async move {
        let shared = shared_with_task;
        let (at_once, in_turn): (Vec<_>, Vec<_>) =
            deliveries.into_iter().partition(|one| order == Order::AtOnce || !one.delay.is_zero());
        for delivery in at_once {
            let shared_with_task = Arc::clone(&shared);
            shared.spawn(async move {
                tokio::time::sleep(delivery.delay).await;
                if !delivery.attempt(&shared_with_task).await {
                    delivery.retry(&shared_with_task).await;
                }
            });
        }
        for delivery in in_turn {
            if !delivery.attempt(&shared).await {
                // The next one does not wait for the retries.
                let shared_with_task = Arc::clone(&shared);
                shared.spawn(async move { delivery.retry(&shared_with_task).await });
            }
        }
    });
}

impl Outgoing {
    /// Tries again after each of the pauses, until that succeeds.
    async fn retry(&self, shared: &Shared<Account>) {
        let pauses = shared.read(|account| account.settings.retry_pauses_milliseconds.clone());
        for pause in pauses {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            if self.attempt(shared).await {
                return;
            }
        }
        self.update(shared, |delivery| delivery.state = DeliveryState::Failed);
    }

    /// Makes one attempt, and tells whether it was answered with success.
    async fn attempt(&self, shared: &Shared<Account>) -> bool {
        let Some((url, body, signature, limit)) = shared.read(|account| self.prepare(account))
        else {
            // A log this long has dropped it.
            return true;
        };
        let began = Instant::now();
        let limits = Limits { connect: limit, read: limit, deadline: began + limit };
        let headers = [
            (header::USER_AGENT, "Stripe/1.0 (+https://stripe.com/docs/webhooks)"),
            (header::ACCEPT, "*/*; q=0.5, application/xml"),
            (header::CACHE_CONTROL, "no-cache"),
            (header::CONTENT_TYPE, "application/json; charset=utf-8"),
            (HeaderName::from_static(signature::HEADER), &signature),
        ];
        let outcome = caller::post(&url, headers, Bytes::from(body), limits).await;
        let duration = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let is_done = matches!(outcome, Outcome::Answered { status: 200..300, .. });
        self.update(shared, |delivery| {
            if is_done {
                delivery.state = DeliveryState::Answered;
            }
            delivery.attempts.push(Attempt { signature, duration_milliseconds: duration, outcome });
        });
        is_done
    }

    /// What is sent, and how long that may take. The time of the signature is the
    /// real one: a function's clock cannot be moved.
    fn prepare(&self, account: &Held<'_, Account>) -> Option<(Url, Vec<u8>, String, Duration)> {
        let delivery = account.deliveries.iter().rev().find(|one| one.id == self.id)?;
        let Settings { api_version, webhook_api_version, livemode, payload, .. } =
            &account.settings;
        let version = webhook_api_version.as_ref().unwrap_or(api_version);
        let body = match payload {
            Payload::Snapshot => {
                self.event.snapshot(version, *livemode, account.pending_webhooks(&self.event.id))
            }
            Payload::Thin => self.event.thin(*livemode),
        };
        let body = body.to_string().into_bytes();
        let time = Timestamp::now().as_second();
        let signature = signature::header(&account.signing_secrets(), time, &body, *livemode);
        let limit = Duration::from_millis(account.settings.timeout_milliseconds);
        Some((delivery.url.clone(), body, signature, limit))
    }

    fn update(&self, shared: &Shared<Account>, update: impl FnOnce(&mut Delivery)) {
        shared.change(|account| account.deliveries.newest_mut(|one| one.id == self.id).map(update));
    }
}

/// Why nothing is delivered.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DeliveryError {
    /// There is no such event.
    #[error("there is no event {0:?}")]
    Unknown(String),
    /// No delivery, or more than make sense.
    #[error("1 to {LIMIT} deliveries can be made at a time")]
    Count,
    /// Nobody is there to deliver to.
    #[error("no endpoint is set")]
    NoEndpoint,
}

/// Delivers events in this order, whether they are held or were delivered before; all
/// that are held when none is named. Returns how many that are.
pub(crate) fn release(
    shared: &Arc<Shared<Account>>,
    events: Option<Vec<String>>,
    order: Order,
) -> Result<usize, DeliveryError> {
    let batch = shared.change(|account| {
        if account.endpoint.is_none() {
            return Err(DeliveryError::NoEndpoint);
        }
        let is_held = |delivery: &&Delivery| delivery.state == DeliveryState::Held;
        let events = match events {
            Some(events) if !(1..=LIMIT).contains(&events.len()) => {
                return Err(DeliveryError::Count);
            }
            Some(events) => events,
            None => {
                let held = account.deliveries.iter().filter(is_held);
                held.map(|delivery| delivery.event.clone()).collect()
            }
        };
        let named = events
            .iter()
            .map(|id| account.event(id).cloned().ok_or_else(|| DeliveryError::Unknown(id.clone())));
        let named = named.collect::<Result<Vec<_>, _>>()?;
        let deliveries = named.into_iter().filter_map(|event| {
            let held = account.deliveries.newest_mut(|delivery| {
                delivery.event == event.id && delivery.state == DeliveryState::Held
            });
            match held {
                Some(delivery) => {
                    delivery.state = DeliveryState::Running;
                    let id = delivery.id;
                    Some(Outgoing { id, event: event.into(), delay: Duration::ZERO })
                }
                None => account.record_outgoing(&event),
            }
        });
        let deliveries = deliveries.collect();
        Ok(account.batch(deliveries, order))
    })?;
    let count = batch.deliveries.len();
    send(shared, batch);
    Ok(count)
}

/// Draws an order by lot: Fisher and Yates, with SplitMix64 for the lot.
fn shuffle<T>(list: &mut [T], mut seed: u64) {
    for last in (1..list.len()).rev() {
        seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (seed ^ (seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        let count = u64::try_from(last + 1).unwrap_or(u64::MAX);
        list.swap(last, usize::try_from(mixed % count).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_always_draws_the_same_order_and_seeds_draw_all_of_them() {
        let draw = |seed| {
            let mut list = [1, 2, 3, 4];
            shuffle(&mut list, seed);
            list
        };
        assert_eq!(draw(7), draw(7));
        let orders: BTreeSet<_> = (0..500).map(draw).collect();
        assert_eq!(orders.len(), 24);
        shuffle::<u8>(&mut [], 0);
    }
}
