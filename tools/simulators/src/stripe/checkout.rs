//! Sessions of the hosted pages: Checkout, which opens a subscription, and the
//! billing portal.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::{price::Price, subscription::WithoutCard};

/// What stands in an address for the id of the session.
pub(super) const ID_PLACEHOLDER: &str = "{CHECKOUT_SESSION_ID}";

/// A session of Checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// `cs_test_…`
    pub id: String,
    /// Where its page is.
    pub url: String,
    /// When it was created.
    pub created: i64,
    /// When it expires.
    pub expires_at: i64,
    /// Where it stands.
    pub status: Status,
    /// Who subscribes. Without one, Checkout makes one.
    pub customer: Option<String>,
    /// The address to fill in.
    pub customer_email: Option<String>,
    /// The account's own id for it.
    pub client_reference_id: Option<String>,
    /// What is subscribed to.
    pub price: Price,
    /// How many of it.
    pub quantity: u32,
    /// When the trial ends, if there is one.
    pub trial: Option<Trial>,
    /// What happens when the trial ends and there is no card.
    pub without_card: WithoutCard,
    /// Whether a card is asked for even if nothing is to be paid yet.
    pub always_card: bool,
    /// Where the browser goes when all is done.
    pub success_url: String,
    /// Where it goes otherwise.
    pub cancel_url: Option<String>,
    /// The language of the page.
    pub locale: Option<String>,
    /// The account's own data.
    pub metadata: BTreeMap<String, String>,
    /// The same, for the subscription.
    pub subscription_metadata: BTreeMap<String, String>,
    /// The subscription, once there is one.
    pub subscription: Option<String>,
    /// Its first invoice.
    pub invoice: Option<String>,
}

/// When a trial ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trial {
    /// So many days after it begins.
    Days(u32),
    /// At this time.
    Until(i64),
}

impl Trial {
    /// When it ends, if it begins at `now`.
    pub(super) fn end(self, now: i64) -> i64 {
        match self {
            Self::Days(days) => now + i64::from(days) * 86_400,
            Self::Until(end) => end,
        }
    }
}

/// Where a session of Checkout stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Its page can be used.
    Open,
    /// There is a subscription.
    Complete,
    /// It is too late.
    Expired,
}

impl Status {
    /// All of them, with Stripe's words.
    pub(super) const CHOICES: [(&'static str, Self); 3] =
        [("open", Self::Open), ("complete", Self::Complete), ("expired", Self::Expired)];
}

impl Session {
    /// What one period costs.
    pub(super) fn amount(&self) -> i64 {
        i64::from(self.price.unit_amount) * i64::from(self.quantity)
    }

    /// What is to be paid at once.
    pub(super) fn amount_now(&self) -> i64 {
        if self.trial.is_some() { 0 } else { self.amount() }
    }

    /// Whether a card has to be given.
    pub(super) fn needs_card(&self) -> bool {
        self.always_card || self.amount_now() > 0
    }

    /// Where the browser goes when all is done.
    pub(super) fn success_url(&self) -> String {
        self.success_url.replace(ID_PLACEHOLDER, &self.id)
    }

    /// The API's object.
    pub(super) fn resource(&self, livemode: bool) -> Value {
        let is_open = self.status == Status::Open;
        let payment_status = match (self.status, self.amount_now()) {
            (Status::Complete, 0) => "no_payment_required",
            (Status::Complete, _) => "paid",
            _ => "unpaid",
        };
        json!({
            "id": self.id,
            "object": "checkout.session",
            "after_expiration": null,
            "allow_promotion_codes": null,
            "amount_subtotal": self.amount_now(),
            "amount_total": self.amount_now(),
            "automatic_tax": { "enabled": false, "liability": null, "status": null },
            "billing_address_collection": null,
            "cancel_url": self.cancel_url,
            "client_reference_id": self.client_reference_id,
            "consent": null,
            "created": self.created,
            "currency": self.price.currency,
            "customer": self.customer,
            "customer_creation": if self.customer.is_some() { Value::Null } else { "always".into() },
            "customer_details": self.customer_email.as_ref().map(|email| json!({
                "address": null,
                "email": email,
                "name": null,
                "phone": null,
                "tax_exempt": "none",
                "tax_ids": null,
            })),
            "customer_email": self.customer_email,
            "expires_at": self.expires_at,
            "invoice": self.invoice,
            "livemode": livemode,
            "locale": self.locale,
            "metadata": self.metadata,
            "mode": "subscription",
            "payment_intent": null,
            "payment_method_collection": if self.always_card { "always" } else { "if_required" },
            "payment_method_types": ["card"],
            "payment_status": payment_status,
            "setup_intent": null,
            "status": self.status,
            "subscription": self.subscription,
            "success_url": self.success_url,
            "ui_mode": "hosted",
            "url": is_open.then_some(&self.url),
        })
    }
}

/// A session of the billing portal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portal {
    /// `bps_…`
    pub id: String,
    /// Where its page is.
    pub url: String,
    /// When it was created.
    pub created: i64,
    /// Whose portal it is.
    pub customer: String,
    /// Where its link back leads.
    pub return_url: Option<String>,
    /// The language of the page.
    pub locale: Option<String>,
}

impl Portal {
    /// The API's object.
    pub(super) fn resource(&self, livemode: bool) -> Value {
        json!({
            "id": self.id,
            "object": "billing_portal.session",
            "configuration": "bpc_local",
            "created": self.created,
            "customer": self.customer,
            "flow": null,
            "livemode": livemode,
            "locale": self.locale,
            "on_behalf_of": null,
            "return_url": self.return_url,
            "url": self.url,
        })
    }
}
