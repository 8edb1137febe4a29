//! The owner's way to Stripe.
//!
//! To Checkout while the shop has no subscription that can still be paid, else
//! to the billing portal. Cards are Stripe's business alone: what goes there is
//! the shop's name and the owner's address, what comes back is where to go.

use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;

use super::OwnerError;
use crate::{
    context::Context,
    paths,
    providers::{
        stripe::{
            client::{Checkout, Stripe},
            id::CustomerId,
            settings::Plan,
        },
        supabase::Supabase,
    },
    session::Session,
    settings::{Group, Reader},
};

/// Sends owners to Stripe.
#[derive(Debug)]
pub struct Billing {
    supabase: Supabase,
    stripe: Stripe,
    plans: Vec<Plan>,
    trial_days: u32,
    portal_configuration: Option<String>,
    return_url: Url,
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
    /// Takes what billing needs.
    pub fn of(context: &Context<'_>) -> Option<Self> {
        let (supabase, stripe) = (context.supabase(), context.stripe());
        let offer = context.read(Group::StripeOffer, Reader::stripe_offer);
        let origins = context.read(Group::PublicOrigins, Reader::public_origins);
        let offer = offer?;
        let mut return_url = origins?.into_iter().next()?;
        return_url.set_path(paths::BILLING_PAGE);
        Some(Self {
            supabase: supabase?,
            stripe: stripe?,
            plans: offer.plans,
            trial_days: offer.trial_days,
            portal_configuration: offer.portal_configuration,
            return_url,
        })
    }

    /// What there is to subscribe to.
    pub fn plans(&self) -> &[Plan] {
        &self.plans
    }

    /// How long the free trial of a first subscription is, in days.
    pub fn trial_days(&self) -> u32 {
        self.trial_days
    }

    /// Where an owner goes who wants to pay, or to see what was paid.
    pub async fn open(
        &self,
        session: &Session,
        business_id: Option<Uuid>,
        plan: Option<&str>,
    ) -> Result<Destination, OwnerError> {
        let plan = self.plan(plan)?;
        let open = OpenBilling { session, business_id };
        let shop = match self.supabase.call("open_billing", &open).await? {
            Opened::Shop(shop) => shop,
            Opened::NoShop => return Err(OwnerError::NoShop),
        };
        let destination = self.destination(session, &shop, plan).await?;
        tracing::info!(business.id = %shop.business_id, page = destination.page, "sent an owner to stripe");
        Ok(destination)
    }

    /// The plan of this name, or the first.
    fn plan(&self, name: Option<&str>) -> Result<&Plan, OwnerError> {
        let plan = match name {
            Some(name) => self.plans.iter().find(|plan| plan.name == name),
            None => self.plans.first(),
        };
        plan.ok_or(OwnerError::NoPlan)
    }

    /// The shop's customer at Stripe, made if there is none.
    async fn customer(&self, session: &Session, shop: &Shop) -> Result<CustomerId, OwnerError> {
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
    ) -> Result<Destination, OwnerError> {
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
