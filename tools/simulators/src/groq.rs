//! A simulator of Groq: chat completions and the list of models.
//!
//! <https://console.groq.com/docs/api-reference>

pub mod behaviour;
mod completion;
mod refusal;
mod reply;

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use self::{
    behaviour::{Answer, Behaviour, Outcome},
    completion::Request,
    refusal::Refusal,
};
use super::{
    log::Log,
    script::Script,
    server::{hang_up, stall},
    shared::Shared,
};

/// The account a simulator is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The API key.
    pub api_key: SecretString,
    /// The models there are.
    pub models: Vec<String>,
}

impl Default for Options {
    /// A made-up key, and the models Groq recommends.
    fn default() -> Self {
        Self {
            api_key: "gsk_local".into(),
            models: vec!["openai/gpt-oss-120b".to_owned(), "openai/gpt-oss-20b".to_owned()],
        }
    }
}

/// A request for a completion, kept to be looked at.
#[derive(Debug, Clone, Serialize)]
pub struct ApiRequest {
    /// Tells requests apart.
    pub id: Uuid,
    /// When it came.
    pub at: Timestamp,
    /// Whether it carried the account's key.
    pub is_authentic: bool,
    /// What it asked; a text when it is not JSON.
    pub body: Value,
    /// What became of it.
    pub answer: ApiAnswer,
}

/// What became of a request for a completion.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ApiAnswer {
    /// It is still being worked on, or its caller went away meanwhile.
    Pending,
    /// It was answered.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The reply, or the code it was refused with.
        content: String,
    },
    /// The connection was closed without an answer, as ordered.
    HungUp,
    /// No answer is given, as ordered, however long the caller waits.
    Withheld,
}

/// Everything about the account.
#[derive(Debug)]
pub struct Account {
    /// The API key.
    pub api_key: SecretString,
    /// The models there are.
    pub models: Vec<String>,
    /// What completions were ordered to be like.
    pub behaviours: Script<Behaviour>,
    /// The requests for completions.
    pub requests: Log<ApiRequest>,
}

impl Account {
    pub(super) fn new(options: Options) -> Self {
        Self {
            api_key: options.api_key,
            models: options.models,
            behaviours: Script::default(),
            requests: Log::default(),
        }
    }

    /// Forgets what happened, and keeps what the account is.
    pub(super) fn reset(&mut self) {
        self.behaviours = Script::default();
        self.requests.clear();
    }

    fn is_authentic(&self, headers: &HeaderMap) -> bool {
        let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        value.and_then(|value| value.strip_prefix("Bearer ")) == Some(self.api_key.expose_secret())
    }
}

/// Groq's API.
pub(super) fn router() -> Router<Arc<Shared<Account>>> {
    Router::new()
        .route("/openai/v1/models", get(models))
        .route("/openai/v1/chat/completions", post(complete))
        .fallback(async || Refusal::NotFound)
}

/// `GET /openai/v1/models`: the models there are.
async fn models(
    State(shared): State<Arc<Shared<Account>>>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    shared.read(|account| {
        if !account.is_authentic(&headers) {
            return Err(Refusal::Unauthenticated);
        }
        let models: Vec<_> = account
            .models
            .iter()
            .map(|id| {
                json!({
                    "id": id,
                    "object": "model",
                    "created": 1_754_408_224,
                    "owned_by": id.split_once('/').map_or("Groq", |(owner, _)| owner),
                    "active": true,
                    "context_window": 131_072,
                    "max_completion_tokens": 65_536,
                    "public_apps": null,
                })
            })
            .collect();
        Ok(Json(json!({ "object": "list", "data": models })))
    })
}

/// `POST /openai/v1/chat/completions`: a completion.
async fn complete(
    State(shared): State<Arc<Shared<Account>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let id = Uuid::new_v4();
    let request = shared.change(|account| {
        let is_authentic = account.is_authentic(&headers);
        let request = Request::parse(&body);
        let at = account.now();
        account.requests.push(ApiRequest {
            id,
            at,
            is_authentic,
            body: serde_json::from_slice(&body)
                .unwrap_or_else(|_| String::from_utf8_lossy(&body).into()),
            answer: ApiAnswer::Pending,
        });
        if !is_authentic {
            return Err(Refusal::Unauthenticated);
        }
        let request = request?;
        let applies = |behaviour: &Behaviour| {
            behaviour.model.as_ref().is_none_or(|model| *model == request.model)
        };
        let behaviour = account.behaviours.take(applies).unwrap_or_default();
        // Asked for last: an order may be about a model there is not.
        if behaviour.answer == Answer::Normal && !account.models.contains(&request.model) {
            return Err(Refusal::ModelNotFound(request.model));
        }
        Ok((request, behaviour))
    });
    let outcome = match request {
        Err(refusal) => Outcome::Refuse(refusal),
        Ok((request, behaviour)) => {
            tokio::time::sleep(Duration::from_millis(behaviour.delay_milliseconds)).await;
            behaviour.answer.outcome(&request)
        }
    };

    let (answer, response) = match outcome {
        Outcome::Complete { content, response } => {
            (ApiAnswer::Answered { status: 200, content }, Some(response))
        }
        Outcome::Refuse(refusal) => {
            let status = refusal.status().as_u16();
            let answer = ApiAnswer::Answered { status, content: refusal.code().to_owned() };
            (answer, Some(refusal.into_response()))
        }
        Outcome::HangUp => (ApiAnswer::HungUp, Some(hang_up())),
        Outcome::Stall => (ApiAnswer::Withheld, None),
    };
    shared.change(|account| {
        if let Some(request) = account.requests.newest_mut(|entry| entry.id == id) {
            request.answer = answer;
        }
    });
    match response {
        Some(response) => response,
        None => stall().await,
    }
}
