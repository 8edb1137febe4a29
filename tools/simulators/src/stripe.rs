//! A simulator of Stripe's billing: the API, Checkout and the billing portal as
//! pages to click through, the life of subscriptions as time passes, and signed
//! events.
//!
//! What Stripe documents is kept to; where it says nothing, the comment at that
//! place says what is assumed. All times are whole seconds of the simulators'
//! clock, as in Stripe's objects.

mod api;
pub mod behaviour;
mod call;
pub mod card;
pub mod checkout;
pub mod customer;
mod endpoints;
pub mod event;
mod expand;
mod form;
pub mod invoice;
pub mod life;
mod listing;
mod pages;
pub mod price;
mod refusal;
pub mod signature;
pub mod subscription;
pub(crate) mod time;
pub mod version;
pub mod webhook;

use std::sync::Arc;

use axum::{
    Router, middleware,
    routing::{MethodRouter, get, post},
};
use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;
use uuid::Uuid;

use self::{
    api::Kept,
    behaviour::{Behaviour, PaymentBehaviour, WebhookBehaviour},
    card::Card,
    checkout::{Portal, Session},
    customer::Customer,
    event::{Cause, Event, Object},
    invoice::Invoice,
    price::{Interval, Price},
    subscription::Subscription,
    version::Version,
    webhook::{Delivery, Order, Outgoing},
};
use super::{log::Log, same_site::refuse_other_sites, script::Script, shared::Shared};

/// The account a simulator is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The secret key.
    pub secret_key: SecretString,
    /// The secret webhooks are signed with.
    pub webhook_secret: SecretString,
    /// The one that is being rolled in.
    pub next_webhook_secret: SecretString,
    /// What is sold.
    pub prices: Vec<Price>,
    /// What can be set at run time.
    pub settings: Settings,
}

impl Default for Options {
    /// Made-up keys, which open nothing but a simulator, and two plans.
    fn default() -> Self {
        let price = |id: &str, plan: &str, unit_amount, interval| Price {
            id: id.to_owned(),
            plan: plan.to_owned(),
            unit_amount,
            currency: "cad".to_owned(),
            interval,
        };
        Self {
            secret_key: "sk_test_local".into(),
            webhook_secret: "whsec_local_not_a_secret".into(),
            next_webhook_secret: "whsec_local_next_not_a_secret".into(),
            prices: vec![
                price("price_local_month", "LeadsLock by the month", 4900, Interval::Month),
                price("price_local_year", "LeadsLock by the year", 49_000, Interval::Year),
            ],
            settings: Settings::default(),
        }
    }
}

/// What can be set at an account at run time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The version of requests that name none, and of events that are read.
    pub api_version: Version,
    /// The version of events that are delivered; that of the account when absent.
    pub webhook_api_version: Option<Version>,
    /// Whether objects and events say that they are live.
    pub livemode: bool,
    /// What is delivered of an event.
    pub payload: Payload,
    /// The types of events that are delivered; all when empty.
    pub enabled_events: Vec<String>,
    /// The secrets webhooks are signed with.
    pub sign_with: SigningSecret,
    /// The order in which events that come together are delivered.
    pub order: Order,
    /// How long a delivery may take.
    pub timeout_milliseconds: u64,
    /// The times between a delivery's failures and its retries. Stripe's reach over
    /// three days.
    pub retry_pauses_milliseconds: Vec<u64>,
    /// The days between a payment's failures and its retries.
    pub retry_days: Vec<u32>,
    /// What becomes of a subscription when the last retry has failed.
    pub after_retries: AfterRetries,
    /// How long the invoice of a new period stays a draft.
    pub finalize_after_seconds: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            api_version: Version::current(),
            webhook_api_version: None,
            livemode: false,
            payload: Payload::Snapshot,
            enabled_events: Vec::new(),
            sign_with: SigningSecret::Current,
            order: Order::InOrder,
            timeout_milliseconds: 20_000,
            retry_pauses_milliseconds: vec![250, 1000, 4000, 16_000, 60_000],
            retry_days: vec![3, 5, 7],
            after_retries: AfterRetries::Cancel,
            finalize_after_seconds: 3600,
        }
    }
}

/// What is delivered of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payload {
    /// The object as it was.
    Snapshot,
    /// A reference to the object.
    Thin,
}

/// The secrets webhooks are signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SigningSecret {
    /// The one in use.
    Current,
    /// The one to come.
    Next,
    /// Both, as while one is rolled.
    Both,
}

/// What becomes of a subscription that is not paid for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterRetries {
    /// It is cancelled.
    Cancel,
    /// It is unpaid, and goes on with drafts of invoices.
    MarkUnpaid,
    /// It stays past due.
    LeavePastDue,
}

/// A request to the API, kept to be looked at.
#[derive(Debug, Clone, Serialize)]
pub struct ApiRequest {
    /// `req_…`, as in the header `Request-Id`.
    pub id: String,
    /// When it came.
    pub at: Timestamp,
    /// Its method.
    pub method: String,
    /// Its path.
    pub path: String,
    /// Its parameters, in their order.
    pub parameters: Vec<(String, String)>,
    /// The version of the API it asks for.
    pub version: Option<String>,
    /// The key that makes it idempotent.
    pub idempotency_key: Option<String>,
    /// What became of it.
    pub answer: ApiAnswer,
}

/// What became of a request to the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ApiAnswer {
    /// It is still being worked on.
    Pending,
    /// It was answered.
    Answered {
        /// The HTTP status.
        status: u16,
        /// Stripe's error code, when it was refused with one.
        code: Option<&'static str>,
        /// Whether it is the answer of an earlier request with the same key.
        is_replayed: bool,
    },
    /// The connection was closed without an answer, as ordered.
    HungUp,
    /// No answer is given, as ordered, however long the caller waits.
    Withheld,
}

/// Everything about the account.
#[derive(Debug)]
pub struct Account {
    /// Where its pages are, without a slash at the end.
    pub origin: String,
    /// The secret key.
    pub secret_key: SecretString,
    /// The secret webhooks are signed with.
    pub webhook_secret: SecretString,
    /// The one that is being rolled in.
    pub next_webhook_secret: SecretString,
    /// What is sold.
    pub prices: Vec<Price>,
    /// Where events are delivered to.
    pub endpoint: Option<Url>,
    /// What is set at run time.
    pub settings: Settings,
    /// What the account starts with, and goes back to on a reset.
    initial_settings: Settings,
    /// What the API was ordered to do.
    pub behaviours: Script<Behaviour>,
    /// What payments were ordered to come to.
    pub payments: Script<PaymentBehaviour>,
    /// What was ordered about the delivery of events.
    pub webhook_behaviours: Script<WebhookBehaviour>,
    /// All customers.
    pub customers: Log<Customer>,
    /// Their cards.
    pub cards: Log<Card>,
    /// All sessions of Checkout.
    pub sessions: Log<Session>,
    /// All sessions of the billing portal.
    pub portals: Log<Portal>,
    /// All subscriptions.
    pub subscriptions: Log<Subscription>,
    /// All invoices.
    pub invoices: Log<Invoice>,
    /// All events.
    pub events: Log<Event>,
    /// The deliveries of events.
    pub deliveries: Log<Delivery>,
    /// The requests to the API.
    pub requests: Log<ApiRequest>,
    /// The answers kept for requests with the same key.
    kept: Log<Kept>,
    /// The request that is being worked on.
    cause: Option<Cause>,
    /// The deliveries that are due and not under way.
    outgoing: Vec<Outgoing>,
    /// How many times events were sent out together.
    batches: u64,
}

impl Account {
    /// An account whose pages are at `origin`.
    pub(super) fn new(options: Options, origin: String) -> Self {
        Self {
            origin,
            secret_key: options.secret_key,
            webhook_secret: options.webhook_secret,
            next_webhook_secret: options.next_webhook_secret,
            prices: options.prices,
            endpoint: None,
            settings: options.settings.clone(),
            initial_settings: options.settings,
            behaviours: Script::default(),
            payments: Script::default(),
            webhook_behaviours: Script::default(),
            customers: Log::default(),
            cards: Log::default(),
            sessions: Log::default(),
            portals: Log::default(),
            subscriptions: Log::default(),
            invoices: Log::default(),
            events: Log::default(),
            deliveries: Log::default(),
            requests: Log::default(),
            kept: Log::default(),
            cause: None,
            outgoing: Vec::new(),
            batches: 0,
        }
    }

    /// Forgets what happened, and keeps what the account is.
    pub(super) fn reset(&mut self) {
        self.settings = self.initial_settings.clone();
        self.behaviours = Script::default();
        self.payments = Script::default();
        self.webhook_behaviours = Script::default();
        self.customers.clear();
        self.cards.clear();
        self.sessions.clear();
        self.portals.clear();
        self.subscriptions.clear();
        self.invoices.clear();
        self.events.clear();
        self.deliveries.clear();
        self.requests.clear();
        self.kept.clear();
        self.outgoing.clear();
        self.batches = 0;
    }

    /// The customer with this id, if it was not deleted.
    pub fn customer(&self, id: &str) -> Option<&Customer> {
        self.customers.iter().rev().find(|one| one.id == id && !one.is_deleted)
    }

    /// The session of Checkout with this id.
    pub fn session(&self, id: &str) -> Option<&Session> {
        self.sessions.iter().rev().find(|one| one.id == id)
    }

    /// The session of the billing portal with this id.
    pub fn portal(&self, id: &str) -> Option<&Portal> {
        self.portals.iter().rev().find(|one| one.id == id)
    }

    /// The subscription with this id.
    pub fn subscription(&self, id: &str) -> Option<&Subscription> {
        self.subscriptions.iter().rev().find(|one| one.id == id)
    }

    /// The invoice with this id.
    pub fn invoice(&self, id: &str) -> Option<&Invoice> {
        self.invoices.iter().rev().find(|one| one.id == id)
    }

    /// The price with this id.
    pub fn price(&self, id: &str) -> Option<&Price> {
        self.prices.iter().find(|one| one.id == id)
    }

    /// The event with this id.
    pub fn event(&self, id: &str) -> Option<&Event> {
        self.events.iter().rev().find(|one| one.id == id)
    }

    /// The customer as the API shows it.
    pub(super) fn customer_resource(&self, customer: &Customer) -> Value {
        customer.resource(self.settings.livemode)
    }

    /// The session of Checkout as the API shows it.
    pub(super) fn session_resource(&self, session: &Session) -> Value {
        session.resource(self.settings.livemode)
    }

    /// The subscription as the API shows it in the account's version.
    pub(super) fn subscription_resource(&self, subscription: &Subscription) -> Value {
        subscription.resource(&self.settings.api_version, self.settings.livemode)
    }

    /// The invoice as the API shows it in the account's version.
    pub(super) fn invoice_resource(&self, invoice: &Invoice) -> Value {
        invoice.resource(&self.settings.api_version, self.settings.livemode)
    }

    /// The event as the API shows it in the account's version.
    pub(super) fn event_resource(&self, event: &Event) -> Value {
        let Settings { api_version, livemode, .. } = &self.settings;
        event.snapshot(api_version, *livemode, self.pending_webhooks(&event.id))
    }

    /// Makes an event, and what is to be delivered of it.
    fn emit(&mut self, kind: &'static str, now: i64, object: Object, before: Option<Object>) {
        let cause = self.cause.clone();
        let event = Event { id: id("evt_"), kind, created: now, object, before, cause };
        self.events.push(event.clone());
        self.plan_deliveries(&event);
    }
}

/// Stripe's API and pages.
pub(super) fn router() -> Router<Arc<Shared<Account>>> {
    Router::new()
        .route("/", get(pages::overview).merge(own(post(pages::act_on_overview))))
        .route("/stripe.css", get(pages::stylesheet))
        .route("/checkout/{session}", get(pages::checkout).merge(own(post(pages::pay))))
        .route("/portal/{session}", get(pages::portal).merge(own(post(pages::act_on_portal))))
        .fallback(api::serve)
}

/// A form that only a page of this server may send. (The product's pages lead to these
/// pages, but fill in nothing.)
fn own(form: MethodRouter<Arc<Shared<Account>>>) -> MethodRouter<Arc<Shared<Account>>> {
    form.layer(middleware::from_fn(refuse_other_sites))
}

/// A new id, as random as Stripe's.
fn id(prefix: &str) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut rest = Uuid::new_v4().as_u128();
    let mut id = prefix.to_owned();
    while rest > 0 {
        let digit = usize::try_from(rest % 62).unwrap_or_default();
        id.extend(DIGITS.get(digit).map(|digit| char::from(*digit)));
        rest /= 62;
    }
    id
}

/// Adds the members of one object to another.
fn extend(object: &mut Value, more: Value) {
    if let (Value::Object(object), Value::Object(more)) = (object, more) {
        object.extend(more);
    }
}
