//! `POST /api/billing`: sends a signed-in owner to Stripe.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, request::Parts};
use serde::Deserialize;
use uuid::Uuid;

use super::table;
use crate::{
    context::Context,
    edge::{Answer, Flow, Problem, refusals::Refusals},
    owner::{self, OwnerError},
    paths,
    session::Verifier,
    settings::{Reader, SettingsError},
};

/// Everything the function holds between requests.
#[derive(Debug)]
pub struct Billing {
    sessions: Arc<Verifier>,
    billing: owner::billing::Billing,
    refusals: Refusals,
}

/// What an owner asks for.
#[derive(Deserialize)]
struct Request {
    /// One of the plans, by its name; the first if none is named.
    plan: Option<String>,
    /// Which shop, for who has several.
    business_id: Option<Uuid>,
}

impl Billing {
    /// Reads what the function needs, or says all that is wrong with it.
    pub fn from_settings(reader: Reader<'_>) -> Result<Self, SettingsError> {
        Context::build(reader, table::BILLING.settings, |context| {
            let (sessions, billing) = (context.sessions(), owner::billing::Billing::of(context));
            let refusals = context.refusals(paths::BILLING);
            Some(Self { sessions: sessions?, billing: billing?, refusals: refusals? })
        })
    }
}

impl Flow for Billing {
    const METHODS: &'static [Method] = &[Method::POST];
    const MAX_BODY: usize = 1024;

    fn refusals(&self) -> Option<&Refusals> {
        Some(&self.refusals)
    }

    async fn handle(self: Arc<Self>, head: Parts, body: Bytes) -> Result<Answer, Problem> {
        let session = self.sessions.verify(&head.headers).await?;
        let Request { plan, business_id } =
            serde_json::from_slice(&body).map_err(|_| Problem::Unreadable)?;
        let opened = self.billing.open(&session, business_id, plan.as_deref()).await;
        let destination = opened.map_err(|error| match error {
            OwnerError::NoShop => Problem::Unknown("you have no such shop"),
            error => error.into(),
        })?;
        Ok(Answer::ok("application/json", serde_json::json!(destination).to_string()))
    }
}
