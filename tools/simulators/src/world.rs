//! All simulated providers together, as the control API, the phone and tests see them.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use url::Url;

use crate::{
    groq,
    shared::{Common, Held, Shared},
    stripe, twilio,
};

/// Everything one simulator knows, while somebody looks at it. Nothing changes meanwhile.
#[derive(Debug)]
pub struct World<'a> {
    /// How often anything changed; who waits for a change compares it.
    pub version: u64,
    /// How far the simulators' time is ahead.
    pub clock_offset: Duration,
    /// The Twilio account.
    pub twilio: Held<'a, twilio::Account>,
    /// The Groq account.
    pub groq: Held<'a, groq::Account>,
    /// The Stripe account.
    pub stripe: Held<'a, stripe::Account>,
}

impl World<'_> {
    /// The time as the simulators tell it.
    pub fn now(&self) -> Timestamp {
        self.twilio.now()
    }
}

/// The simulated providers.
pub(crate) struct Providers {
    pub(crate) common: Arc<Common>,
    pub(crate) twilio: Arc<Shared<twilio::Account>>,
    pub(crate) groq: Arc<Shared<groq::Account>>,
    pub(crate) stripe: Arc<Shared<stripe::Account>>,
}

impl Providers {
    /// The providers behind a server at `url`.
    pub(crate) fn new(
        twilio: twilio::Options,
        groq: groq::Options,
        stripe: stripe::Options,
        url: &Url,
    ) -> Self {
        let common = Arc::new(Common::default());
        let twilio = twilio::Account::new(twilio, format!("{url}twilio"));
        let groq = groq::Account::new(groq);
        let stripe = stripe::Account::new(stripe, format!("{url}stripe"));
        Self {
            twilio: Arc::new(Shared::new(twilio, Arc::clone(&common))),
            groq: Arc::new(Shared::new(groq, Arc::clone(&common))),
            stripe: Arc::new(Shared::new(stripe, Arc::clone(&common))),
            common,
        }
    }

    /// Whoever holds several holds them in this order.
    fn hold(&self) -> World<'_> {
        World {
            version: self.common.version(),
            clock_offset: self.common.clock_offset(),
            twilio: self.twilio.hold(),
            groq: self.groq.hold(),
            stripe: self.stripe.hold(),
        }
    }

    /// Looks at everything.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&World<'_>) -> T) -> T {
        look(&self.hold())
    }

    /// Changes anything. What becomes due at Stripe by that has happened when this returns.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut World<'_>) -> T) -> T {
        let (changed, outgoing) = {
            let mut world = self.hold();
            stripe::time::catch_up(&mut world.stripe);
            let changed = change(&mut world);
            stripe::time::catch_up(&mut world.stripe);
            (changed, world.stripe.take_outgoing())
        };
        self.common.tell();
        stripe::webhook::send(&self.stripe, outgoing);
        changed
    }

    /// Waits until `condition` finds something.
    pub(crate) async fn wait<T>(
        &self,
        timeout: Duration,
        mut condition: impl FnMut(&World<'_>) -> Option<T>,
    ) -> Option<T> {
        self.common.wait(timeout, || self.read(&mut condition)).await
    }

    /// Forgets what happened; see [`crate::Simulator::reset`].
    pub(crate) async fn reset(&self) {
        // Waited for, so that no task writes into the world that begins after.
        self.common.end_tasks().await;
        self.twilio.change(|account| account.reset());
        self.groq.change(|account| account.reset());
        self.stripe.change(|account| account.reset());
    }
}
