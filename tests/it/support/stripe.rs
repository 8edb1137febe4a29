//! The least that Stripe can be: it answers for subscriptions and events that a
//! test gave it, and fails when told to.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Form, Json, Router,
    extract::{Path, Query, Request, State},
    http::{HeaderMap, StatusCode, Uri},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use leadslock::providers::stripe::API_VERSION;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

/// The key of the local stack's account.
const AUTHORIZATION: &str = "Bearer sk_test_local";

/// A running Stripe. It ends when this value is dropped.
pub(crate) struct Stripe {
    /// What `STRIPE_API_URL` is set to.
    pub(crate) url: String,
    world: Arc<Mutex<World>>,
    server: JoinHandle<()>,
}

/// What Stripe has, and what it was asked.
#[derive(Default)]
pub(crate) struct World {
    /// Subscriptions by their ids.
    pub(crate) subscriptions: BTreeMap<String, Value>,
    /// Events, the oldest first.
    pub(crate) events: Vec<Value>,
    /// With what status the next requests to make something fail, after it was made.
    pub(crate) post_failures: VecDeque<u16>,
    /// With what status the next requests fail.
    pub(crate) failures: VecDeque<u16>,
    /// The paths that were asked for.
    pub(crate) requests: Vec<String>,
    /// What was to be made, failures included: path, idempotency key and form.
    pub(crate) posts: Vec<(String, String, BTreeMap<String, String>)>,
}

impl Stripe {
    /// Starts one that has nothing.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let world = Arc::<Mutex<World>>::default();
        let router = Router::new()
            .route("/v1/subscriptions/{id}", get(subscription))
            .route("/v1/events", get(events))
            .route("/v1/customers", post(created))
            .route("/v1/checkout/sessions", post(created))
            .route("/v1/billing_portal/sessions", post(created))
            .layer(middleware::from_fn_with_state(Arc::clone(&world), meet))
            .with_state(Arc::clone(&world));
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.unwrap();
        });
        Self { url, world, server }
    }

    /// What it has.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }
}

impl Drop for Stripe {
    fn drop(&mut self) {
        self.server.abort();
    }
}

type Shared = State<Arc<Mutex<World>>>;

/// Lets in who has the key and asks in our version, unless it is to fail.
async fn meet(State(world): Shared, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let is_known = [("authorization", AUTHORIZATION), ("stripe-version", API_VERSION)]
        .iter()
        .all(|(name, value)| headers.get(*name).is_some_and(|given| given == value));
    if !is_known {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let failure = {
        let mut world = world.lock().unwrap();
        world.requests.push(request.uri().path().to_owned());
        world.failures.pop_front()
    };
    match failure {
        Some(status) => StatusCode::from_u16(status).unwrap().into_response(),
        None => next.run(request).await,
    }
}

/// Something made: another for each key.
async fn created(
    State(world): Shared,
    uri: Uri,
    headers: HeaderMap,
    Form(form): Form<BTreeMap<String, String>>,
) -> Response {
    let key = headers["idempotency-key"].to_str().unwrap().to_owned();
    let mut world = world.lock().unwrap();
    world.posts.push((uri.path().to_owned(), key.clone(), form));
    let id = format!("cus_{}", key.replace('-', "_"));
    let url = format!("https://stripe.example{}/{key}", uri.path());
    match world.post_failures.pop_front() {
        // Made, and yet.
        Some(status) => StatusCode::from_u16(status).unwrap().into_response(),
        None => Json(json!({ "id": id, "url": url })).into_response(),
    }
}

async fn subscription(State(world): Shared, Path(id): Path<String>) -> Response {
    match world.lock().unwrap().subscriptions.get(&id) {
        Some(found) => Json(found.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A page, the newest event first.
async fn events(State(world): Shared, Query(query): Query<HashMap<String, String>>) -> Response {
    let number = |name: &str| query.get(name).and_then(|value| value.parse::<i64>().ok());
    let limit = usize::try_from(number("limit").unwrap_or(10)).unwrap();
    let kind = query["type"].trim_end_matches('*');
    let world = world.lock().unwrap();
    let mut found = world.events.iter().rev().filter(|event| {
        let created = event["created"].as_i64().unwrap();
        event["type"].as_str().unwrap().starts_with(kind)
            && number("created[gte]").is_none_or(|since| created >= since)
            && number("created[lt]").is_none_or(|until| created < until)
    });
    if let Some(after) = query.get("starting_after")
        && !found.any(|event| event["id"] == after.as_str())
    {
        return StatusCode::NOT_FOUND.into_response();
    }
    let data: Vec<_> = found.by_ref().take(limit).collect();
    let has_more = found.next().is_some();
    Json(json!({ "object": "list", "data": data, "has_more": has_more, "url": "/v1/events" }))
        .into_response()
}
