//! The calls about Stripe: reading what the account holds, doing what people do on
//! its pages, ordering how the API, payments and deliveries behave.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::{Body, ListQuery, Parameters, Problem, Redeliver, listed, wait_time};
use crate::{
    log::Log,
    script::{Limited, Script},
    shared::Held,
    stripe::{
        Account, Settings,
        behaviour::{Behaviour, PaymentBehaviour, WebhookBehaviour},
        life::{CardError, CheckoutError},
        price::Price,
        time,
        webhook::{self, DeliveryError, DeliveryState, Order},
    },
    world::Providers,
};

/// Every call about Stripe.
pub(super) fn router() -> Router<Arc<Providers>> {
    Router::new()
        .route("/stripe/customers", get(list_customers))
        .route("/stripe/customers/{customer}/card", post(replace_card))
        .route("/stripe/sessions", get(list_sessions))
        .route("/stripe/sessions/{session}/complete", post(complete_session))
        .route("/stripe/subscriptions", get(list_subscriptions))
        .route("/stripe/invoices", get(list_invoices))
        .route("/stripe/events", get(list_events))
        .route("/stripe/requests", get(list_requests))
        .route("/stripe/webhooks", get(list_webhooks))
        .route("/stripe/webhooks/release", post(release))
        .route("/stripe/webhooks/{event}/redeliver", post(redeliver))
        .route(
            "/stripe/webhooks/behaviour",
            get(read_webhook_behaviour)
                .put(replace_webhook_behaviour)
                .delete(remove_webhook_behaviour),
        )
        .route(
            "/stripe/behaviour",
            get(read_behaviour).put(replace_behaviour).delete(remove_behaviour),
        )
        .route(
            "/stripe/payments/behaviour",
            get(read_payment_behaviour)
                .put(replace_payment_behaviour)
                .delete(remove_payment_behaviour),
        )
        .route("/stripe/settings", get(read_settings).put(replace_settings))
        .route("/stripe/prices", get(read_prices).put(replace_prices))
        .route("/stripe/endpoint", get(read_endpoint).put(replace_endpoint))
        .route("/stripe/next", get(read_next).post(pass_until_next))
}

impl From<CheckoutError> for Problem {
    fn from(error: CheckoutError) -> Self {
        let status = match error {
            CheckoutError::Unknown => StatusCode::NOT_FOUND,
            CheckoutError::Closed => StatusCode::CONFLICT,
            CheckoutError::CardMissing => StatusCode::UNPROCESSABLE_ENTITY,
            CheckoutError::Declined(_) => StatusCode::PAYMENT_REQUIRED,
        };
        Self::new(status, error.to_string())
    }
}

impl From<CardError> for Problem {
    fn from(error: CardError) -> Self {
        let status = match error {
            CardError::Unknown => StatusCode::NOT_FOUND,
            CardError::Declined(_) => StatusCode::PAYMENT_REQUIRED,
        };
        Self::new(status, error.to_string())
    }
}

impl From<DeliveryError> for Problem {
    fn from(error: DeliveryError) -> Self {
        let status = match error {
            DeliveryError::Unknown(_) => StatusCode::NOT_FOUND,
            DeliveryError::Count => StatusCode::UNPROCESSABLE_ENTITY,
            DeliveryError::NoEndpoint => StatusCode::CONFLICT,
        };
        Self::new(status, error.to_string())
    }
}

/// A list of objects, oldest first, as the API shows them in the account's version.
fn objects<T>(
    shared: &Providers,
    query: &ListQuery,
    list: impl FnOnce(&Account) -> &Log<T>,
    resource: impl Fn(&Account, &T) -> Value,
) -> Json<Value> {
    shared.stripe.read(|account| {
        let list = list(account);
        let skipped = list.len().saturating_sub(query.newest.unwrap_or(usize::MAX));
        let objects = list.iter().skip(skipped).map(|object| resource(account, object));
        Json(objects.collect())
    })
}

/// `GET /control/stripe/customers`: the customers, deleted ones too.
async fn list_customers(
    State(shared): State<Arc<Providers>>,
    Parameters(query): Parameters<ListQuery>,
) -> Json<Value> {
    objects(&shared, &query, |account| &account.customers, Account::customer_resource)
}

/// `GET /control/stripe/sessions`: the sessions of Checkout.
async fn list_sessions(
    State(shared): State<Arc<Providers>>,
    Parameters(query): Parameters<ListQuery>,
) -> Json<Value> {
    objects(&shared, &query, |account| &account.sessions, Account::session_resource)
}

/// `GET /control/stripe/subscriptions`: the subscriptions.
async fn list_subscriptions(
    State(shared): State<Arc<Providers>>,
    Parameters(query): Parameters<ListQuery>,
) -> Json<Value> {
    objects(&shared, &query, |account| &account.subscriptions, Account::subscription_resource)
}

/// `GET /control/stripe/invoices`: the invoices.
async fn list_invoices(
    State(shared): State<Arc<Providers>>,
    Parameters(query): Parameters<ListQuery>,
) -> Json<Value> {
    objects(&shared, &query, |account| &account.invoices, Account::invoice_resource)
}

/// `GET /control/stripe/events`: the events.
async fn list_events(
    State(shared): State<Arc<Providers>>,
    Parameters(query): Parameters<ListQuery>,
) -> Json<Value> {
    objects(&shared, &query, |account| &account.events, Account::event_resource)
}

/// `GET /control/stripe/requests`: the requests to the API.
async fn list_requests(
    State(shared): State<Arc<Providers>>,
    Parameters(query): Parameters<ListQuery>,
) -> Result<Json<Value>, Problem> {
    listed(&shared, &query, |world| &world.stripe.requests)
}

/// Which deliveries to read, and what to wait for before.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WebhookQuery {
    newest: Option<usize>,
    until: Option<Until>,
    /// In seconds.
    timeout: Option<f64>,
}

/// What a call can wait for.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Until {
    Settled,
}

/// `GET /control/stripe/webhooks`: the deliveries of events.
async fn list_webhooks(
    State(shared): State<Arc<Providers>>,
    Parameters(query): Parameters<WebhookQuery>,
) -> Result<Json<Value>, Problem> {
    let wait = wait_time(query.timeout)?;
    if let Some(Until::Settled) = query.until {
        let is_settled = |account: &Held<'_, Account>| {
            let mut deliveries = account.deliveries.iter();
            (!deliveries.any(|one| one.state == DeliveryState::Running)).then_some(())
        };
        let settled = shared.stripe.wait(wait, is_settled).await;
        settled.ok_or_else(|| {
            Problem::new(StatusCode::REQUEST_TIMEOUT, "some deliveries are still under way")
        })?;
    }
    listed(&shared, &ListQuery { newest: query.newest }, |world| &world.stripe.deliveries)
}

/// What is given on the Checkout page.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Completion {
    email: Option<String>,
    card: Option<String>,
}

/// `POST /control/stripe/sessions/{session}/complete`: presses Checkout's button.
async fn complete_session(
    State(shared): State<Arc<Providers>>,
    Path(session): Path<String>,
    Body(given): Body<Completion>,
) -> Result<Json<Value>, Problem> {
    time::change(&shared.stripe, |account| {
        let now = account.now().as_second();
        let (email, card) = (given.email.as_deref(), given.card.as_deref());
        account.complete_checkout(&session, email, card, now)?;
        let session = account.session(&session);
        Ok(Json(session.map_or(Value::Null, |session| account.session_resource(session))))
    })
}

/// A card's number.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CardNumber {
    card: String,
}

/// `POST /control/stripe/customers/{customer}/card`: changes the card.
async fn replace_card(
    State(shared): State<Arc<Providers>>,
    Path(customer): Path<String>,
    Body(number): Body<CardNumber>,
) -> Result<Json<Value>, Problem> {
    let card = time::change(&shared.stripe, |account| {
        let now = account.now().as_second();
        account.replace_card(&customer, &number.card, now)
    })?;
    Ok(Json(json!({ "payment_method": card })))
}

/// Which events to deliver, and how.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Release {
    /// All that are held when absent.
    events: Option<Vec<String>>,
    #[serde(default = "in_order")]
    order: Order,
}

fn in_order() -> Order {
    Order::InOrder
}

/// `POST /control/stripe/webhooks/release`: delivers what is held, or these events.
async fn release(
    State(shared): State<Arc<Providers>>,
    Body(release): Body<Release>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let count = webhook::release(&shared.stripe, release.events, release.order)?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "deliveries": count }))))
}

/// `POST /control/stripe/webhooks/{event}/redeliver`: delivers an event again.
async fn redeliver(
    State(shared): State<Arc<Providers>>,
    Path(event): Path<String>,
    Body(how): Body<Redeliver>,
) -> Result<StatusCode, Problem> {
    let times = usize::try_from(how.times).unwrap_or(usize::MAX);
    let events = std::iter::repeat_n(event, times.min(webhook::LIMIT + 1)).collect();
    let order = if how.at_once { Order::AtOnce } else { Order::InOrder };
    webhook::release(&shared.stripe, Some(events), order)?;
    Ok(StatusCode::ACCEPTED)
}

/// What was ordered and still holds.
fn ordered<B: Limited + Clone>(
    shared: &Providers,
    script: impl FnOnce(&Account) -> &Script<B>,
) -> Json<Vec<B>> {
    Json(shared.stripe.read(|account| script(account).behaviours().to_vec()))
}

/// Orders something instead of what was ordered before.
fn order<B: Limited + Clone>(
    shared: &Arc<Providers>,
    behaviours: Vec<B>,
    script: impl FnOnce(&mut Account) -> &mut Script<B>,
) -> Vec<B> {
    time::change(&shared.stripe, |account| {
        let script = script(account);
        script.set(behaviours);
        script.behaviours().to_vec()
    })
}

/// `GET /control/stripe/behaviour`: what the API will do differently.
async fn read_behaviour(State(shared): State<Arc<Providers>>) -> Json<Vec<Behaviour>> {
    ordered(&shared, |account| &account.behaviours)
}

/// `PUT /control/stripe/behaviour`: orders that.
async fn replace_behaviour(
    State(shared): State<Arc<Providers>>,
    Body(behaviours): Body<Vec<Behaviour>>,
) -> Json<Vec<Behaviour>> {
    Json(order(&shared, behaviours, |account| &mut account.behaviours))
}

/// `DELETE /control/stripe/behaviour`: back to normal.
async fn remove_behaviour(State(shared): State<Arc<Providers>>) -> StatusCode {
    order(&shared, Vec::new(), |account| &mut account.behaviours);
    StatusCode::NO_CONTENT
}

/// `GET /control/stripe/payments/behaviour`: what payments will come to.
async fn read_payment_behaviour(
    State(shared): State<Arc<Providers>>,
) -> Json<Vec<PaymentBehaviour>> {
    ordered(&shared, |account| &account.payments)
}

/// `PUT /control/stripe/payments/behaviour`: orders that.
async fn replace_payment_behaviour(
    State(shared): State<Arc<Providers>>,
    Body(behaviours): Body<Vec<PaymentBehaviour>>,
) -> Json<Vec<PaymentBehaviour>> {
    Json(order(&shared, behaviours, |account| &mut account.payments))
}

/// `DELETE /control/stripe/payments/behaviour`: back to normal.
async fn remove_payment_behaviour(State(shared): State<Arc<Providers>>) -> StatusCode {
    order(&shared, Vec::new(), |account| &mut account.payments);
    StatusCode::NO_CONTENT
}

/// `GET /control/stripe/webhooks/behaviour`: how events will be delivered differently.
async fn read_webhook_behaviour(
    State(shared): State<Arc<Providers>>,
) -> Json<Vec<WebhookBehaviour>> {
    ordered(&shared, |account| &account.webhook_behaviours)
}

/// `PUT /control/stripe/webhooks/behaviour`: orders that.
async fn replace_webhook_behaviour(
    State(shared): State<Arc<Providers>>,
    Body(behaviours): Body<Vec<WebhookBehaviour>>,
) -> Json<Vec<WebhookBehaviour>> {
    Json(order(&shared, behaviours, |account| &mut account.webhook_behaviours))
}

/// `DELETE /control/stripe/webhooks/behaviour`: back to normal.
async fn remove_webhook_behaviour(State(shared): State<Arc<Providers>>) -> StatusCode {
    order(&shared, Vec::new(), |account| &mut account.webhook_behaviours);
    StatusCode::NO_CONTENT
}

/// `GET /control/stripe/settings`: how the account is set.
async fn read_settings(State(shared): State<Arc<Providers>>) -> Json<Settings> {
    Json(shared.stripe.read(|account| account.settings.clone()))
}

/// `PUT /control/stripe/settings`: sets it; what is left out goes to its default.
async fn replace_settings(
    State(shared): State<Arc<Providers>>,
    Body(settings): Body<Settings>,
) -> Json<Settings> {
    time::change(&shared.stripe, |account| account.settings.clone_from(&settings));
    Json(settings)
}

/// `GET /control/stripe/prices`: what is sold.
async fn read_prices(State(shared): State<Arc<Providers>>) -> Json<Vec<Price>> {
    Json(shared.stripe.read(|account| account.prices.clone()))
}

/// `PUT /control/stripe/prices`: replaces that. Subscriptions keep their prices.
async fn replace_prices(
    State(shared): State<Arc<Providers>>,
    Body(prices): Body<Vec<Price>>,
) -> Json<Vec<Price>> {
    time::change(&shared.stripe, |account| account.prices.clone_from(&prices));
    Json(prices)
}

/// Where events are delivered to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Endpoint {
    url: Option<Url>,
}

/// `GET /control/stripe/endpoint`: where events are delivered to.
async fn read_endpoint(State(shared): State<Arc<Providers>>) -> Json<Value> {
    Json(json!({ "url": shared.stripe.read(|account| account.endpoint.clone()) }))
}

/// `PUT /control/stripe/endpoint`: sets that.
async fn replace_endpoint(
    State(shared): State<Arc<Providers>>,
    Body(endpoint): Body<Endpoint>,
) -> Json<Value> {
    time::change(&shared.stripe, |account| account.endpoint.clone_from(&endpoint.url));
    Json(json!({ "url": endpoint.url }))
}

/// `GET /control/stripe/next`: when Stripe does something by itself.
async fn read_next(State(shared): State<Arc<Providers>>) -> Json<Value> {
    Json(json!({ "at": shared.stripe.read(|account| account.next_due().map(|(at, ..)| at)) }))
}

/// `POST /control/stripe/next`: lets time pass until then.
async fn pass_until_next(State(shared): State<Arc<Providers>>) -> Result<Json<Value>, Problem> {
    time::let_pass_until_next(&shared.stripe).await?;
    Ok(read_next(State(shared)).await)
}
