//! The control API: texting from a phone, reading what the simulators saw,
//! ordering how they behave. `CONTROL.md` documents each call.

mod stripe;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{
        DefaultBodyLimit, FromRequest, FromRequestParts, Path, State,
        rejection::{JsonRejection, QueryRejection},
    },
    http::StatusCode,
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use leadslock::data::scan::{IdentifierError, Identifiers};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use trust::text::phone::Phone;

use super::{
    controls::Controls,
    conversation::{self, Conversation, Pair, Until},
    groq,
    log::Log,
    same_site::refuse_other_sites,
    stripe::time::{self, TimeError},
    twilio::{
        self, Number, Settings,
        inbound::{self, Text, TextError},
        redelivery::{self, RedeliveryError},
    },
    world::{Providers, World},
};

/// How long a call waits when it is not told how long.
const DEFAULT_WAIT: Duration = Duration::from_secs(10);

/// The longest a call waits, short enough for what may sit in between.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The longest body of a text: pictures larger than any carrier takes fit in.
const TEXT_LIMIT: usize = 16 * 1024 * 1024;

/// Every call of the control API.
pub(super) fn router() -> Router<Arc<Providers>> {
    Router::new()
        .route("/texts", post(send_text).layer(DefaultBodyLimit::max(TEXT_LIMIT)))
        .route("/conversation", get(read_conversation))
        .route("/conversations", get(list_conversations))
        .route("/search", post(search))
        .route("/reset", post(reset))
        .route("/stack", get(read_stack))
        .route("/scheduler", post(run_scheduler))
        .route("/clock", get(read_clock).post(advance_clock).delete(reset_clock))
        .route("/twilio/messages", get(list_messages))
        .route("/twilio/requests", get(list_twilio_requests))
        .route("/twilio/webhooks", get(list_webhooks))
        .route("/twilio/webhooks/{message_sid}/redeliver", post(redeliver))
        .route("/twilio/numbers", get(read_numbers).put(replace_numbers))
        .route("/twilio/settings", get(read_settings).put(replace_settings))
        .route(
            "/twilio/behaviour",
            get(read_twilio_behaviour)
                .put(replace_twilio_behaviour)
                .delete(remove_twilio_behaviour),
        )
        .route("/groq/requests", get(list_groq_requests))
        .route(
            "/groq/behaviour",
            get(read_groq_behaviour).put(replace_groq_behaviour).delete(remove_groq_behaviour),
        )
        .merge(stripe::router())
        .fallback(async || Problem::new(StatusCode::NOT_FOUND, "there is no such call"))
        .method_not_allowed_fallback(async || {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this call has another method")
        })
        .layer(middleware::from_fn(refuse_other_sites))
}

/// Why a call cannot be done.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    message: String,
}

impl Problem {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "error": self.message }))).into_response()
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

impl From<TextError> for Problem {
    fn from(error: TextError) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string())
    }
}

impl From<IdentifierError> for Problem {
    fn from(error: IdentifierError) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string())
    }
}

impl From<RedeliveryError> for Problem {
    fn from(error: RedeliveryError) -> Self {
        let status = match error {
            RedeliveryError::Unknown(_) => StatusCode::NOT_FOUND,
            RedeliveryError::Times => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self::new(status, error.to_string())
    }
}

impl From<TimeError> for Problem {
    fn from(error: TimeError) -> Self {
        Self::new(error.status(), error.to_string())
    }
}

impl From<anyhow::Error> for Problem {
    /// Another part of the stack failed.
    fn from(error: anyhow::Error) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, format!("{error:#}"))
    }
}

/// A JSON body, refused in the words of this API.
#[derive(FromRequest)]
#[from_request(via(axum::Json), rejection(Problem))]
struct Body<T>(T);

/// A query, refused in the words of this API.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Problem))]
struct Parameters<T>(T);

/// `POST /control/texts`: somebody texts a shop.
async fn send_text(
    State(shared): State<Arc<Providers>>,
    Body(text): Body<Text>,
) -> Result<impl IntoResponse, Problem> {
    let sid = inbound::receive(&shared.twilio, text)?;
    Ok((StatusCode::CREATED, Json(json!({ "message_sid": sid }))))
}

/// Which conversation to read, and what to wait for before.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConversationQuery {
    phone: String,
    shop: String,
    until: Option<UntilOrChanged>,
    /// The version `until=changed` compares with.
    after: Option<u64>,
    /// In seconds.
    timeout: Option<f64>,
}

/// What a call can wait for: a state of the conversation, or any change.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum UntilOrChanged {
    Answered,
    Delivered,
    Settled,
    Changed,
}

/// A conversation, and whether what was waited for came about.
#[derive(Debug, Serialize)]
struct ConversationView {
    #[serde(flatten)]
    conversation: Conversation,
    is_until_met: bool,
}

/// How long a call waits that says `timeout` in seconds, or nothing.
fn wait_time(timeout: Option<f64>) -> Result<Duration, Problem> {
    let Some(seconds) = timeout else { return Ok(DEFAULT_WAIT) };
    let wait = Duration::try_from_secs_f64(seconds)
        .map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "timeout is not a time"))?;
    Ok(wait.min(LONGEST_WAIT))
}

/// `GET /control/conversation`: both sides of a conversation.
async fn read_conversation(
    State(shared): State<Arc<Providers>>,
    Parameters(query): Parameters<ConversationQuery>,
) -> Result<Json<ConversationView>, Problem> {
    let wait = wait_time(query.timeout)?;
    let read = |world: &World<'_>| Conversation::of(world, &query.phone, &query.shop);
    let is_met = |conversation: &Conversation| match query.until {
        None => true,
        Some(UntilOrChanged::Answered) => conversation.is(Until::Answered),
        Some(UntilOrChanged::Delivered) => conversation.is(Until::Delivered),
        Some(UntilOrChanged::Settled) => conversation.is(Until::Settled),
        Some(UntilOrChanged::Changed) => Some(conversation.version) != query.after,
    };
    let met = shared.wait(wait, |world| Some(read(world)).filter(is_met)).await;
    let is_until_met = met.is_some();
    let conversation = met.unwrap_or_else(|| shared.read(read));
    Ok(Json(ConversationView { conversation, is_until_met }))
}

/// `GET /control/conversations`: who texted with whom.
async fn list_conversations(State(shared): State<Arc<Providers>>) -> Json<Vec<Pair>> {
    Json(shared.read(conversation::pairs))
}

/// Who is searched for.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Sought {
    phones: Vec<Phone>,
    emails: Vec<String>,
    names: Vec<String>,
    ids: Vec<String>,
}

impl Sought {
    fn identifiers(&self) -> Result<Identifiers, IdentifierError> {
        let mut identifiers = Identifiers::default();
        self.phones.iter().try_for_each(|phone| identifiers.add_phone(phone))?;
        self.emails.iter().try_for_each(|email| identifiers.add_email(email))?;
        self.names.iter().try_for_each(|name| identifiers.add_name(name))?;
        self.ids.iter().try_for_each(|id| identifiers.add_id(id))?;
        Ok(identifiers)
    }
}

/// `POST /control/search`: what the providers hold of somebody.
async fn search(
    State(shared): State<Arc<Providers>>,
    Body(sought): Body<Sought>,
) -> Result<Json<BTreeMap<&'static str, u64>>, Problem> {
    let identifiers = sought.identifiers()?;
    Ok(Json(shared.read(|world| super::search::search(world, &identifiers))))
}

/// `POST /control/reset`: forgets what happened.
async fn reset(State(shared): State<Arc<Providers>>) -> StatusCode {
    shared.reset().await;
    StatusCode::NO_CONTENT
}

/// `GET /control/stack`: what there is around the simulators.
async fn read_stack(State(shared): State<Arc<Providers>>) -> Json<Value> {
    let controls = shared.common.controls();
    Json(json!({
        "product": controls.as_ref().map(|controls| controls.product()),
        "crons": controls.as_ref().map(|controls| controls.crons()).unwrap_or_default(),
        "models": shared.groq.read(|account| account.models.clone()),
    }))
}

/// The stack around the simulator, for the calls that need it.
fn stack(shared: &Providers) -> Result<Arc<dyn Controls>, Problem> {
    Ok(shared.common.controls().ok_or(TimeError::NoStack)?)
}

/// Which cron to run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cron {
    path: String,
}

/// `POST /control/scheduler`: runs a cron now.
async fn run_scheduler(
    State(shared): State<Arc<Providers>>,
    Body(cron): Body<Cron>,
) -> Result<Json<Value>, Problem> {
    let controls = stack(&shared)?;
    if !controls.crons().contains(&cron.path) {
        let message = format!("{:?} is not the path of a cron", cron.path);
        return Err(Problem::new(StatusCode::NOT_FOUND, message));
    }
    let status = controls.run_cron(cron.path).await?;
    Ok(Json(json!({ "status": status })))
}

/// Shows the clock.
fn clock(shared: &Providers) -> Json<Value> {
    let (offset, now) = (shared.common.clock_offset(), shared.common.now());
    Json(json!({ "offset_seconds": offset.as_secs(), "now": now }))
}

/// `GET /control/clock`: the time in the stack.
async fn read_clock(State(shared): State<Arc<Providers>>) -> Result<Json<Value>, Problem> {
    let offset = stack(&shared)?.clock_offset().await?;
    time::set_clock(&shared.stripe, offset);
    Ok(clock(&shared))
}

/// How far to move the clock.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_seconds: u64,
}

/// `POST /control/clock`: lets time pass.
async fn advance_clock(
    State(shared): State<Arc<Providers>>,
    Body(advance): Body<Advance>,
) -> Result<Json<Value>, Problem> {
    time::let_pass(&shared.stripe, advance.advance_seconds).await?;
    Ok(clock(&shared))
}

/// `DELETE /control/clock`: goes back to the present.
async fn reset_clock(State(shared): State<Arc<Providers>>) -> Result<Json<Value>, Problem> {
    stack(&shared)?.reset_clock().await?;
    time::set_clock(&shared.stripe, Duration::ZERO);
    Ok(clock(&shared))
}

/// How much of a list to read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// Only so many entries, the newest; all when absent.
    newest: Option<usize>,
}

/// A list of what happened, oldest first, as JSON.
fn listed<T: Serialize>(
    shared: &Providers,
    query: &ListQuery,
    list: impl for<'a> FnOnce(&'a World<'_>) -> &'a Log<T>,
) -> Result<Json<Value>, Problem> {
    shared
        .read(|world| {
            let list = list(world);
            let skipped = list.len().saturating_sub(query.newest.unwrap_or(usize::MAX));
            list.iter().skip(skipped).map(serde_json::to_value).collect::<Result<Value, _>>()
        })
        .map(Json)
        .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

/// `GET /control/twilio/messages`: all texts.
async fn list_messages(
    State(shared): State<Arc<Providers>>,
    Parameters(query): Parameters<ListQuery>,
) -> Result<Json<Value>, Problem> {
    listed(&shared, &query, |world| &world.twilio.messages)
}

/// `GET /control/twilio/requests`: the requests to the Messages API.
async fn list_twilio_requests(
    State(shared): State<Arc<Providers>>,
    Parameters(query): Parameters<ListQuery>,
) -> Result<Json<Value>, Problem> {
    listed(&shared, &query, |world| &world.twilio.requests)
}

/// `GET /control/twilio/webhooks`: the webhooks and status callbacks.
async fn list_webhooks(
    State(shared): State<Arc<Providers>>,
    Parameters(query): Parameters<ListQuery>,
) -> Result<Json<Value>, Problem> {
    listed(&shared, &query, |world| &world.twilio.deliveries)
}

/// How to deliver again.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Redeliver {
    times: u32,
    at_once: bool,
}

impl Default for Redeliver {
    fn default() -> Self {
        Self { times: 1, at_once: false }
    }
}

/// `POST /control/twilio/webhooks/{message_sid}/redeliver`: calls webhooks again.
async fn redeliver(
    State(shared): State<Arc<Providers>>,
    Path(message_sid): Path<String>,
    Body(how): Body<Redeliver>,
) -> Result<StatusCode, Problem> {
    redelivery::redeliver(&shared.twilio, &message_sid, how.times, how.at_once)?;
    Ok(StatusCode::ACCEPTED)
}

/// `GET /control/twilio/numbers`: the shops' numbers and their webhooks.
async fn read_numbers(State(shared): State<Arc<Providers>>) -> Json<Vec<Number>> {
    Json(shared.twilio.read(|account| account.numbers.clone()))
}

/// `PUT /control/twilio/numbers`: replaces them.
async fn replace_numbers(
    State(shared): State<Arc<Providers>>,
    Body(numbers): Body<Vec<Number>>,
) -> Json<Vec<Number>> {
    shared.twilio.change(|account| account.numbers.clone_from(&numbers));
    Json(numbers)
}

/// `GET /control/twilio/settings`: how the account is set.
async fn read_settings(State(shared): State<Arc<Providers>>) -> Json<Settings> {
    Json(shared.twilio.read(|account| account.settings))
}

/// `PUT /control/twilio/settings`: sets it; what is left out goes to its default.
async fn replace_settings(
    State(shared): State<Arc<Providers>>,
    Body(settings): Body<Settings>,
) -> Json<Settings> {
    shared.twilio.change(|account| account.settings = settings);
    Json(settings)
}

/// `GET /control/twilio/behaviour`: what Twilio will do differently.
async fn read_twilio_behaviour(
    State(shared): State<Arc<Providers>>,
) -> Json<Vec<twilio::behaviour::Behaviour>> {
    Json(shared.twilio.read(|account| account.behaviours.behaviours().to_vec()))
}

/// `PUT /control/twilio/behaviour`: orders that.
async fn replace_twilio_behaviour(
    State(shared): State<Arc<Providers>>,
    Body(behaviours): Body<Vec<twilio::behaviour::Behaviour>>,
) -> Json<Vec<twilio::behaviour::Behaviour>> {
    Json(shared.change(|world| {
        world.twilio.behaviours.set(behaviours);
        world.twilio.behaviours.behaviours().to_vec()
    }))
}

/// `DELETE /control/twilio/behaviour`: back to normal.
async fn remove_twilio_behaviour(State(shared): State<Arc<Providers>>) -> StatusCode {
    shared.twilio.change(|account| account.behaviours.set([]));
    StatusCode::NO_CONTENT
}

/// `GET /control/groq/requests`: the requests for completions.
async fn list_groq_requests(
    State(shared): State<Arc<Providers>>,
    Parameters(query): Parameters<ListQuery>,
) -> Result<Json<Value>, Problem> {
    listed(&shared, &query, |world| &world.groq.requests)
}

/// `GET /control/groq/behaviour`: what Groq will do differently.
async fn read_groq_behaviour(
    State(shared): State<Arc<Providers>>,
) -> Json<Vec<groq::behaviour::Behaviour>> {
    Json(shared.groq.read(|account| account.behaviours.behaviours().to_vec()))
}

/// `PUT /control/groq/behaviour`: orders that.
async fn replace_groq_behaviour(
    State(shared): State<Arc<Providers>>,
    Body(behaviours): Body<Vec<groq::behaviour::Behaviour>>,
) -> Json<Vec<groq::behaviour::Behaviour>> {
    Json(shared.change(|world| {
        world.groq.behaviours.set(behaviours);
        world.groq.behaviours.behaviours().to_vec()
    }))
}

/// `DELETE /control/groq/behaviour`: back to normal.
async fn remove_groq_behaviour(State(shared): State<Arc<Providers>>) -> StatusCode {
    shared.groq.change(|account| account.behaviours.set([]));
    StatusCode::NO_CONTENT
}
