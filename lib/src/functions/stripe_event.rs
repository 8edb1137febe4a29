//! `POST /api/stripe/event`: Stripe says that something has happened.
//!
//! What is not verified is answered alike, whatever is wrong with it. What fails
//! on our side or at Stripe's is a 503 and not in the log, so that Stripe sends
//! it again, for up to three days.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{Method, request::Parts};
use trust::signatures::stripe::{SignatureError, Verifier};

use super::table;
use crate::{
    context::Context,
    edge::{Answer, Flow, Problem, refusals::Refusals},
    paths,
    providers::stripe::{
        API_VERSION,
        event::Event,
        mirror::{Mirror, Outcome},
    },
    settings::{Group, Reader, SettingsError},
};

/// Everything the function holds between requests.
#[derive(Debug)]
pub struct StripeEvent {
    verifier: Verifier,
    /// The mode that events must be of.
    livemode: bool,
    mirror: Mirror,
    refusals: Refusals,
}

impl StripeEvent {
    /// Reads what the function needs, or says all that is wrong with it.
    pub fn from_settings(reader: Reader<'_>) -> Result<Self, SettingsError> {
        Context::build(reader, table::STRIPE_EVENT.settings, |context| {
            let webhooks = context.read(Group::StripeWebhooks, Reader::stripe_webhooks);
            let (stripe, supabase) = (context.stripe(), context.supabase());
            let refusals = context.refusals(paths::STRIPE_EVENT);
            let webhooks = webhooks?;
            Some(Self {
                verifier: Verifier::new(&webhooks.secrets),
                livemode: webhooks.livemode,
                mirror: Mirror::new(stripe?, supabase?),
                refusals: refusals?,
            })
        })
    }
}

impl Flow for StripeEvent {
    const METHODS: &'static [Method] = &[Method::POST];
    /// Events are smaller than a quarter of it.
    const MAX_BODY: usize = 1024 * 1024;

    fn refusals(&self) -> Option<&Refusals> {
        Some(&self.refusals)
    }

    async fn handle(self: Arc<Self>, head: Parts, body: Bytes) -> Result<Answer, Problem> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.verifier.verify(&head.headers, &body, now)?;
        let event = Event::parse(&body)?;
        if event.livemode != self.livemode {
            return Err(SignatureError::Mode.into());
        }
        if let Some(version) = &event.other_version {
            tracing::warn!(
                event.id = event.id.as_str(),
                version = version.as_ref(),
                pinned = API_VERSION,
                "an event is of another version than the webhook endpoint should have"
            );
        }

        let outcome = self.mirror.apply(&event).await?;
        tracing::info!(
            event.id = event.id.as_str(),
            event.type = event.kind.as_ref(),
            subscription.id = event.subscription_id.as_ref().map(|id| id.as_str()),
            ?outcome,
            "took in an event"
        );
        if outcome == Outcome::UnknownCustomer {
            tracing::warn!(event.id = event.id.as_str(), "no shop has this subscription");
        }
        Ok(Answer::ok("application/json", "{}"))
    }
}
