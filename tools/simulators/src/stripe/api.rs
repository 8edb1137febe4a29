//! The API: who may call it, in which version, once for each idempotency key.
//!
//! <https://docs.stripe.com/api>

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::{
    Account, ApiAnswer, ApiRequest,
    behaviour::{Behaviour, Ending, Outcome},
    call::ApiCall,
    endpoints,
    event::Cause,
    form::Form,
    id,
    refusal::Refusal,
    version::Version,
};
use crate::{
    server::{hang_up, stall},
    shared::{Held, Shared},
};

/// How long an answer is kept for requests with the same key, in seconds.
const KEY_LIFETIME: i64 = 24 * 3600;

/// The longest key.
const KEY_LENGTH: usize = 255;

const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const ORIGINAL_REQUEST: HeaderName = HeaderName::from_static("original-request");
const VERSION: HeaderName = HeaderName::from_static("stripe-version");
const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The answer kept for requests with the same key.
#[derive(Debug)]
pub(super) struct Kept {
    key: String,
    at: i64,
    method: Method,
    path: String,
    form: Form,
    /// The id of the first request.
    request: String,
    state: KeptState,
}

#[derive(Debug, Clone)]
enum KeptState {
    /// The first request is being worked on.
    Pending,
    /// It was answered.
    Answered(StatusCode, Value),
    /// Nothing was done, so the key is as good as new.
    Released,
}

/// What is to be done with a request.
enum Plan {
    /// Its work, then the ordered ending.
    Work(Behaviour, Version),
    /// The answer of an earlier request with the same key.
    Replay {
        behaviour: Behaviour,
        version: Version,
        original: String,
        status: StatusCode,
        body: Value,
    },
}

/// How a request ends.
enum Final {
    Respond(Response),
    HangUp,
    Stall,
}

/// Any request to the API.
pub(super) async fn serve(
    State(shared): State<Arc<Shared<Account>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let text = |name: &HeaderName| {
        headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let is_post = method == Method::POST;
    let sent = if is_post { &body } else { uri.query().unwrap_or_default().as_bytes() };
    let call = ApiCall {
        path: uri.path().to_owned(),
        form: Form::parse(sent),
        key: text(&KEY).filter(|_| is_post),
        method,
    };
    let request = id("req_");
    let plan = super::time::change(&shared, |account| {
        let at = account.now();
        account.requests.push(ApiRequest {
            id: request.clone(),
            at,
            method: call.method.to_string(),
            path: call.path.clone(),
            parameters: call.form.pairs().to_vec(),
            version: text(&VERSION),
            idempotency_key: call.key.clone(),
            answer: ApiAnswer::Pending,
        });
        plan(account, &call, &request, &headers)
    });

    let (shared_with_task, request_with_task) = (Arc::clone(&shared), request.clone());
    let key = call.key.clone();
    let ended = shared
        .complete(async move {
            let (shared, request) = (shared_with_task, request_with_task);
            let (ended, answer) = match plan {
                Err(refusal) => refuse(refusal),
                Ok(plan) => carry_out(&shared, call, &request, plan).await,
            };
            shared.change(|account| {
                if let Some(entry) = account.requests.newest_mut(|entry| entry.id == request) {
                    entry.answer = answer;
                }
            });
            ended
        })
        .await;
    match ended {
        Some(Final::Respond(mut response)) => {
            let headers = response.headers_mut();
            let mut insert = |name, value: &str| {
                if let Ok(value) = HeaderValue::from_str(value) {
                    headers.insert(name, value);
                }
            };
            insert(REQUEST_ID, &request);
            if let Some(key) = key {
                insert(KEY, &key);
            }
            response
        }
        Some(Final::Stall) => stall().await,
        // A reset while the request was under way leaves nothing to answer.
        Some(Final::HangUp) | None => hang_up(),
    }
}

/// Looks who asks for what, and claims the idempotency key.
fn plan(
    account: &mut Held<'_, Account>,
    call: &ApiCall,
    request: &str,
    headers: &HeaderMap,
) -> Result<Plan, Refusal> {
    let now = account.now().as_second();
    authenticate(account, headers)?;
    let version = match headers.get(&VERSION) {
        None => account.settings.api_version.clone(),
        Some(asked) => {
            let asked = String::from_utf8_lossy(asked.as_bytes()).into_owned();
            Version::parse(&asked).ok_or(Refusal::VersionInvalid(asked))?
        }
    };
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_form =
        content_type.is_none_or(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    if call.method == Method::POST && !is_form {
        let message = "Invalid request (check that your POST content type is \
                       application/x-www-form-urlencoded).";
        return Err(Refusal::Impossible(message.to_owned()));
    }
    let applies = |behaviour: &Behaviour| {
        let is_method =
            behaviour.method.as_ref().is_none_or(|method| call.method == method.as_str());
        is_method && behaviour.path.as_ref().is_none_or(|path| call.path.starts_with(path))
    };
    let behaviour = account.behaviours.take(applies).unwrap_or_default();

    let Some(key) = &call.key else { return Ok(Plan::Work(behaviour, version)) };
    if key.is_empty() || key.chars().count() > KEY_LENGTH {
        let message = format!("Idempotency keys have 1 to {KEY_LENGTH} characters.");
        return Err(Refusal::Impossible(message));
    }
    let kept = account.kept.newest_mut(|kept| {
        let is_alive = now < kept.at + KEY_LIFETIME && !matches!(kept.state, KeptState::Released);
        kept.key == *key && is_alive
    });
    let Some(kept) = kept else {
        account.kept.push(Kept {
            key: key.clone(),
            at: now,
            method: call.method.clone(),
            path: call.path.clone(),
            form: call.form.clone(),
            request: request.to_owned(),
            state: KeptState::Pending,
        });
        return Ok(Plan::Work(behaviour, version));
    };
    if kept.method != call.method || kept.path != call.path || kept.form != call.form {
        return Err(Refusal::KeyReused(key.clone()));
    }
    match kept.state.clone() {
        KeptState::Answered(status, body) => {
            let original = kept.request.clone();
            Ok(Plan::Replay { behaviour, version, original, status, body })
        }
        KeptState::Pending | KeptState::Released => Err(Refusal::KeyInUse(key.clone())),
    }
}

/// Refuses whoever does not have the account's key, as a bearer's token or as the
/// user of HTTP's Basic authentication.
fn authenticate(account: &Account, headers: &HeaderMap) -> Result<(), Refusal> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let value = value.ok_or(Refusal::KeyMissing)?;
    let basic = || {
        let pair = STANDARD.decode(value.strip_prefix("Basic ")?).ok()?;
        let pair = String::from_utf8(pair).ok()?;
        Some(pair.split_once(':')?.0.to_owned())
    };
    let bearer = value.strip_prefix("Bearer ").map(|key| key.trim().to_owned());
    let key = bearer.or_else(basic).filter(|key| !key.is_empty()).ok_or(Refusal::KeyMissing)?;
    if key == account.secret_key.expose_secret() {
        return Ok(());
    }
    // Stripe too shows the end of a key that is wrong.
    let end: Vec<char> = key.chars().rev().take(4).collect();
    let end: String = end.into_iter().rev().collect();
    Err(Refusal::KeyInvalid(format!("{}{end}", "*".repeat(8))))
}

/// Does the work, or what was ordered instead.
async fn carry_out(
    shared: &Arc<Shared<Account>>,
    call: ApiCall,
    request: &str,
    plan: Plan,
) -> (Final, ApiAnswer) {
    let (Plan::Work(behaviour, _) | Plan::Replay { behaviour, .. }) = &plan;
    tokio::time::sleep(Duration::from_millis(behaviour.delay_milliseconds)).await;
    let ending = match behaviour.answer.outcome() {
        Outcome::Accept(ending) => ending,
        ended => {
            release(shared, request);
            return match ended {
                Outcome::Refuse(refusal) => refuse(refusal),
                Outcome::HangUp => (Final::HangUp, ApiAnswer::HungUp),
                Outcome::Stall | Outcome::Accept(_) => (Final::Stall, ApiAnswer::Withheld),
            };
        }
    };
    let (mut response, answer) = match plan {
        Plan::Replay { version, original, status, body, .. } => {
            let mut response = respond(status, body, &version);
            let headers = response.headers_mut();
            headers.insert(REPLAYED, HeaderValue::from_static("true"));
            if let Ok(original) = HeaderValue::from_str(&original) {
                headers.insert(ORIGINAL_REQUEST, original);
            }
            let status = status.as_u16();
            (response, ApiAnswer::Answered { status, code: None, is_replayed: true })
        }
        Plan::Work(_, version) => {
            let worked = work(shared, &call, request, &version, ending);
            match worked {
                Ok(body) => {
                    let answer =
                        ApiAnswer::Answered { status: 200, code: None, is_replayed: false };
                    (respond(StatusCode::OK, body, &version), answer)
                }
                Err(refusal) => {
                    let answer = refused(&refusal);
                    (refusal.into_response(), answer)
                }
            }
        }
    };
    match ending {
        Ending::HangUp => (Final::HangUp, ApiAnswer::HungUp),
        Ending::Stall => (Final::Stall, ApiAnswer::Withheld),
        Ending::Answer | Ending::Fail => {
            // Nobody is to take an answer of the API for that of another moment.
            let fresh = HeaderValue::from_static("no-cache, no-store");
            response.headers_mut().insert(header::CACHE_CONTROL, fresh);
            (Final::Respond(response), answer)
        }
    }
}

/// Does what is asked for, and keeps the answer where there is a key.
fn work(
    shared: &Arc<Shared<Account>>,
    call: &ApiCall,
    request: &str,
    version: &Version,
    ending: Ending,
) -> Result<Value, Refusal> {
    super::time::change(shared, |account| {
        let now = account.now().as_second();
        let idempotency_key = call.key.clone();
        account.cause = Some(Cause { request: request.to_owned(), idempotency_key });
        let mut answer = endpoints::answer(account, call, version, now);
        account.cause = None;
        if ending == Ending::Fail && answer.is_ok() {
            answer = Err(Refusal::Failed);
        }
        let kept = account.kept.newest_mut(|kept| kept.request == request);
        if let Some(kept) = kept {
            kept.state = match &answer {
                Ok(body) => KeptState::Answered(StatusCode::OK, body.clone()),
                Err(refusal) if refusal.is_kept() => {
                    KeptState::Answered(refusal.status(), refusal.body())
                }
                Err(_) => KeptState::Released,
            };
        }
        answer
    })
}

/// Gives the key of a request free, for nothing was done.
fn release(shared: &Shared<Account>, request: &str) {
    shared.change(|account| {
        let kept = account.kept.newest_mut(|kept| kept.request == request);
        if let Some(kept) = kept {
            kept.state = KeptState::Released;
        }
    });
}

fn respond(status: StatusCode, body: Value, version: &Version) -> Response {
    let mut response = (status, Json(body)).into_response();
    if let Ok(version) = HeaderValue::from_str(version.as_str()) {
        response.headers_mut().insert(VERSION, version);
    }
    response
}

fn refuse(refusal: Refusal) -> (Final, ApiAnswer) {
    let answer = refused(&refusal);
    (Final::Respond(refusal.into_response()), answer)
}

fn refused(refusal: &Refusal) -> ApiAnswer {
    let status = refusal.status().as_u16();
    ApiAnswer::Answered { status, code: refusal.code(), is_replayed: false }
}
