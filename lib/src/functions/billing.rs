//! `POST /api/billing`: sends a signed-in owner to Stripe.
//!
//! To Checkout while the shop has no subscription that can still be paid, else
//! to the billing portal. Cards are Stripe's business alone: what goes there is
//! the shop's name and the owner's address, what comes back is where to go.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, request::Parts};
use serde::{Deserialize, Serialize};
use trust::signatures::twilio::form::FieldError;
use url::Url;
use uuid::Uuid;

use crate::{
    edge::{Answer, Flow, Problem, refusals::Refusals},
    providers::{
        egress::Egress,
        stripe::{
            client::{Checkout, Stripe},
            id::CustomerId,
        },
        supabase::Supabase,
    },
    session::{Session, Verifier},
    settings::{Plan, Reader, SettingsError},
};

/// Where owners ask.
pub const PATH: &str = "/api/billing";

/// The page owners come back to.
const RETURN_PATH: &str = "/billing";

/// Everything the function holds between requests.
#[derive(Debug)]
pub struct Billing {
    sessions: Verifier,
    supabase: Supabase,
    stripe: Stripe,
    plans: Vec<Plan>,
    trial_days: u32,
    portal_configuration: Option<String>,
    return_url: Url,
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

/// What `rpc/open_billing` is told.
#[derive(Serialize)]
struct OpenBilling<'a> {
    session: &'a Session,
    business_id: Option<Uuid>,
}

/// What `rpc/open_billing` answers.
#[derive(Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
enum Opened {
    Shop(Shop),
    NoShop,
}

/// A shop, as far as its billing is concerned.
#[derive(Deserialize)]
struct Shop {
    business_id: Uuid,
    name: String,
    language: String,
    email: Option<String>,
    customer_id: Option<CustomerId>,
    is_subscribed: bool,
    had_trial: bool,
    attempt: Uuid,
}

/// What `rpc/link_stripe_customer` is told.
#[derive(Serialize)]
struct LinkStripeCustomer<'a> {
    session: &'a Session,
    business_id: Uuid,
    customer_id: &'a CustomerId,
}

#[derive(Deserialize)]
struct Linked {}

/// Where the owner is to go.
#[derive(Serialize)]
pub struct Destination {
    /// `checkout` or `portal`.
    pub page: &'static str,
    /// Its address at Stripe.
    pub url: String,
}

impl Billing {
    /// Reads what the function needs, or says all that is wrong with it.
    pub fn from_settings(reader: Reader<'_>) -> Result<Self, SettingsError> {
        let flow = Self::read(&reader);
        reader.finish(flow)
    }

    /// Reads what it takes, as a part of another flow.
    pub(crate) fn read(reader: &Reader<'_>) -> Option<Self> {
        let (tokens, supabase) = (reader.access_tokens(), reader.supabase());
        let (stripe, offer) = (reader.stripe_api(), reader.stripe_offer());
        let origins = reader.public_origins();
        let (tokens, supabase, stripe, offer) = (tokens?, supabase?, stripe?, offer?);
        let egress = Egress::from_settings(reader, &[&supabase.url, &stripe.url])?;
        let mut return_url = origins?.into_iter().next()?;
        return_url.set_path(RETURN_PATH);
        Some(Self {
            sessions: Verifier::new(&tokens, egress.clone()),
            supabase: Supabase::new(&supabase, egress.clone()),
            stripe: Stripe::new(&stripe, egress)?,
            plans: offer.plans,
            trial_days: offer.trial_days,
            portal_configuration: offer.portal_configuration,
            return_url,
            refusals: Refusals::of(PATH),
        })
    }

    /// What there is to subscribe to.
    pub(crate) fn plans(&self) -> &[Plan] {
        &self.plans
    }

    /// How long a first subscription is for nothing.
    pub(crate) fn trial_days(&self) -> u32 {
        self.trial_days
    }

    /// Where an owner goes who wants to pay, or to see what was paid.
    pub(crate) async fn open(
        &self,
        session: &Session,
        business_id: Option<Uuid>,
        plan: Option<&str>,
    ) -> Result<Destination, Problem> {
        let plan = self.plan(plan)?;
        let open = OpenBilling { session, business_id };
        let shop = match self.supabase.call("open_billing", &open).await? {
            Opened::Shop(shop) => shop,
            Opened::NoShop => return Err(Problem::Unknown("you have no such shop")),
        };
        let destination = self.destination(session, &shop, plan).await?;
        tracing::info!(business.id = %shop.business_id, page = destination.page, "sent an owner to stripe");
        Ok(destination)
    }

    /// The plan of this name, or the first.
    fn plan(&self, name: Option<&str>) -> Result<&Plan, FieldError> {
        let plan = match name {
            Some(name) => self.plans.iter().find(|plan| plan.name == name),
            None => self.plans.first(),
        };
        plan.ok_or(FieldError::Invalid("plan"))
    }

    /// The shop's customer at Stripe, made if there is none.
    async fn customer(&self, session: &Session, shop: &Shop) -> Result<CustomerId, Problem> {
        if let Some(customer_id) = &shop.customer_id {
            return Ok(customer_id.clone());
        }
        let (name, email) = (shop.name.as_str(), shop.email.as_deref());
        let customer_id = self.stripe.create_customer(shop.business_id, name, email).await?;
        let business_id = shop.business_id;
        let request = LinkStripeCustomer { session, business_id, customer_id: &customer_id };
        let _: Linked = self.supabase.call("link_stripe_customer", &request).await?;
        Ok(customer_id)
    }

    async fn destination(
        &self,
        session: &Session,
        shop: &Shop,
        plan: &Plan,
    ) -> Result<Destination, Problem> {
        let customer_id = self.customer(session, shop).await?;
        if shop.is_subscribed {
            let url = self
                .stripe
                .open_portal(
                    shop.attempt,
                    &customer_id,
                    &self.return_url,
                    self.portal_configuration.as_deref(),
                )
                .await?;
            return Ok(Destination { page: "portal", url });
        }
        let checkout = Checkout {
            attempt: shop.attempt,
            business_id: shop.business_id,
            customer_id: &customer_id,
            price_id: &plan.price_id,
            trial_days: if shop.had_trial { 0 } else { self.trial_days },
            locale: &shop.language,
            return_url: &self.return_url,
        };
        let url = self.stripe.open_checkout(&checkout).await?;
        Ok(Destination { page: "checkout", url })
    }
}

impl Flow for Billing {
    const METHODS: &'static [Method] = &[Method::POST];
    const MAX_BODY: usize = 1024;

    fn refusals(&self) -> Option<(&Refusals, &Supabase)> {
        Some((&self.refusals, &self.supabase))
    }

    async fn handle(self: Arc<Self>, head: Parts, body: Bytes) -> Result<Answer, Problem> {
        let session = self.sessions.verify(&head.headers).await?;
        let request: Request = serde_json::from_slice(&body).map_err(|_| Problem::Unreadable)?;
        let destination = self.open(&session, request.business_id, request.plan.as_deref()).await?;
        Ok(Answer::ok("application/json", serde_json::json!(destination).to_string()))
    }
}
