//! The Messages API: sending texts, looking them up, emptying and deleting them.
//!
//! <https://www.twilio.com/docs/messaging/api/message-resource>

use std::{pin::Pin, sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;
use uuid::Uuid;

use super::{
    Account, ApiAnswer, ApiRequest,
    behaviour::{Behaviour, Ending, On, Outcome},
    callbacks, is_phone_number, listing,
    message::{Author, BODY_LIMIT, Draft, Message, Status},
    refusal::Refusal,
};
use crate::{
    server::{hang_up, stall},
    shared::{Held, Shared},
};

/// `POST …/Messages.json`: sends a text.
pub(super) async fn create(
    State(shared): State<Arc<Shared<Account>>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let call = ApiCall::new(Method::POST, uri, &headers, &body);
    serve(shared, On::Create, call, |shared, call, behaviour| {
        Box::pin(async move {
            let message = shared.change(|account| accept(account, &call))?;
            let sid = message.sid.clone();
            let callbacks = behaviour.callbacks;
            if callbacks.before_response {
                callbacks::run(&shared, &sid, &callbacks).await;
            } else {
                let shared_with_task = Arc::clone(&shared);
                shared.spawn(async move {
                    callbacks::run(&shared_with_task, &sid, &callbacks).await;
                });
            }
            let resource = shared.read(|account| message.resource(&account.sid));
            Ok((StatusCode::CREATED, Json(resource)).into_response())
        })
    })
    .await
}

/// `GET …/Messages.json`: lists texts, newest first.
pub(super) async fn list(
    State(shared): State<Arc<Shared<Account>>>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let call = ApiCall::new(Method::GET, uri, &headers, b"");
    serve(shared, On::Lookup, call, |shared, call, _| {
        Box::pin(async move {
            shared.read(|account| {
                let page = listing::page(account, call.uri.query().unwrap_or_default())?;
                let date = account.now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
                Ok(([(header::DATE, date)], Json(page)).into_response())
            })
        })
    })
    .await
}

/// `GET …/Messages/{sid}.json`: shows a text.
pub(super) async fn fetch(
    State(shared): State<Arc<Shared<Account>>>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let call = ApiCall::new(Method::GET, uri, &headers, b"");
    serve(shared, On::Lookup, call, |shared, call, _| {
        Box::pin(async move {
            shared.change(|account| {
                let account_sid = account.sid.clone();
                let message = named(account, &call)?;
                Ok(Json(message.resource(&account_sid)).into_response())
            })
        })
    })
    .await
}

/// `POST …/Messages/{sid}.json` with an empty `Body`: redacts a text.
pub(super) async fn update(
    State(shared): State<Arc<Shared<Account>>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let call = ApiCall::new(Method::POST, uri, &headers, &body);
    serve(shared, On::Every, call, |shared, call, _| {
        Box::pin(async move {
            shared.change(|account| {
                let account_sid = account.sid.clone();
                let message = named(account, &call)?;
                if call.fields != [("Body".to_owned(), String::new())] {
                    return Err(Refusal::UpdateUnsupported);
                }
                is_finished(message)?;
                message.is_redacted = true;
                Ok(Json(message.resource(&account_sid)).into_response())
            })
        })
    })
    .await
}

/// `DELETE …/Messages/{sid}.json`: deletes a text from the account's log.
pub(super) async fn delete(
    State(shared): State<Arc<Shared<Account>>>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let call = ApiCall::new(Method::DELETE, uri, &headers, b"");
    serve(shared, On::Every, call, |shared, call, _| {
        Box::pin(async move {
            shared.change(|account| {
                let message = named(account, &call)?;
                is_finished(message)?;
                message.is_deleted = true;
                Ok(StatusCode::NO_CONTENT.into_response())
            })
        })
    })
    .await
}

/// Any other path.
pub(super) async fn not_found(uri: Uri) -> Refusal {
    Refusal::NotFound(uri.path().to_owned())
}

/// A request to the API, taken apart.
#[derive(Debug, Clone)]
pub(super) struct ApiCall {
    pub(super) method: Method,
    pub(super) uri: Uri,
    credentials: Option<(String, SecretString)>,
    fields: Vec<(String, String)>,
}

impl ApiCall {
    pub(super) fn new(method: Method, uri: Uri, headers: &HeaderMap, form: &[u8]) -> Self {
        let fields = form_urlencoded::parse(form).into_owned().collect();
        Self { method, uri, credentials: credentials(headers), fields }
    }

    /// Who the request says it is from.
    pub(super) fn username(&self) -> Option<&str> {
        self.credentials.as_ref().map(|(username, _)| username.as_str())
    }

    /// The value of a field that is there and not empty.
    fn field(&self, name: &str) -> Option<&str> {
        let value = self.fields.iter().find(|(key, _)| key == name).map(|(_, value)| value);
        value.map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The account's id in the path.
    fn account_sid(&self) -> Option<&str> {
        self.uri.path().split('/').nth(3)
    }

    /// Whether the request comes from the account itself: with its API key or
    /// with either auth token, as both are valid during a rotation.
    fn is_authentic(&self, account: &Account) -> bool {
        let Some((username, password)) = &self.credentials else { return false };
        let is = |secret: &SecretString| secret.expose_secret() == password.expose_secret();
        if *username == account.api_key_sid {
            is(&account.api_key_secret)
        } else if *username == account.sid {
            is(&account.auth_token) || account.secondary_auth_token.as_ref().is_some_and(is)
        } else {
            false
        }
    }
}

/// The user and password of HTTP's Basic authentication.
fn credentials(headers: &HeaderMap) -> Option<(String, SecretString)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let pair = STANDARD.decode(value.strip_prefix("Basic ")?).ok()?;
    let pair = String::from_utf8(pair).ok()?;
    let (username, password) = pair.split_once(':')?;
    Some((username.to_owned(), password.into()))
}

/// What a request is answered with if nothing else was ordered.
pub(super) type Answer = Result<Response, Refusal>;

/// How a request ends.
enum Final {
    Respond(Response),
    HangUp,
    Stall,
}

/// Logs a request, checks who it is from, and does `work` or what was ordered
/// instead.
pub(super) async fn serve<W>(
    shared: Arc<Shared<Account>>,
    on: On,
    call: ApiCall,
    work: W,
) -> Response
where
    W: FnOnce(
            Arc<Shared<Account>>,
            ApiCall,
            Behaviour,
        ) -> Pin<Box<dyn Future<Output = Answer> + Send>>
        + Send
        + 'static,
{
    let id = Uuid::new_v4();
    let behaviour = shared.change(|account| {
        let at = account.now();
        account.requests.push(ApiRequest {
            id,
            at,
            method: call.method.to_string(),
            path: call.uri.to_string(),
            username: call.username().map(str::to_owned),
            fields: call.fields.clone(),
            answer: ApiAnswer::Pending,
        });
        if !call.is_authentic(account) {
            return Err(Refusal::Unauthenticated);
        }
        if call.account_sid() != Some(&account.sid) {
            return Err(Refusal::NotFound(call.uri.path().to_owned()));
        }
        let applies = |behaviour: &Behaviour| behaviour.on == On::Every || behaviour.on == on;
        Ok(account.behaviours.take(applies).unwrap_or_default())
    });

    let shared_with_task = Arc::clone(&shared);
    let outcome = shared
        .complete(async move {
            let shared = shared_with_task;
            let (outcome, answer) = match behaviour {
                Err(refusal) => refuse(refusal),
                Ok(behaviour) => behave(&shared, call, behaviour, work).await,
            };
            shared.change(|account| {
                if let Some(request) = account.requests.newest_mut(|entry| entry.id == id) {
                    request.answer = answer;
                }
            });
            outcome
        })
        .await;
    match outcome {
        Some(Final::Respond(response)) => response,
        Some(Final::Stall) => stall().await,
        // A reset while the request was under way leaves nothing to answer.
        Some(Final::HangUp) | None => hang_up(),
    }
}

/// Does `work`, or what was ordered instead.
async fn behave<W>(
    shared: &Arc<Shared<Account>>,
    call: ApiCall,
    behaviour: Behaviour,
    work: W,
) -> (Final, ApiAnswer)
where
    W: FnOnce(
        Arc<Shared<Account>>,
        ApiCall,
        Behaviour,
    ) -> Pin<Box<dyn Future<Output = Answer> + Send>>,
{
    tokio::time::sleep(Duration::from_millis(behaviour.delay_milliseconds)).await;
    if let Some(url) = &behaviour.redirect_to {
        let response = redirect(url.as_str());
        let answer = ApiAnswer::Answered { status: response.status().as_u16(), code: None };
        return (Final::Respond(response), answer);
    }
    let ending = match behaviour.answer.outcome() {
        Outcome::Accept(ending) => ending,
        Outcome::Refuse(refusal) => return refuse(refusal),
        Outcome::HangUp => return (Final::HangUp, ApiAnswer::HungUp),
        Outcome::Stall => return (Final::Stall, ApiAnswer::Withheld),
    };
    match (work(Arc::clone(shared), call, behaviour).await, ending) {
        (Err(refusal), _) | (Ok(_), Ending::Refuse(refusal)) => refuse(refusal),
        (Ok(_), Ending::HangUp) => (Final::HangUp, ApiAnswer::HungUp),
        (Ok(_), Ending::Stall) => (Final::Stall, ApiAnswer::Withheld),
        (Ok(response), Ending::Answer) => {
            let answer = ApiAnswer::Answered { status: response.status().as_u16(), code: None };
            (Final::Respond(response), answer)
        }
    }
}

/// A redirect as Twilio gives it.
pub(super) fn redirect(url: &str) -> Response {
    (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, url)]).into_response()
}

fn refuse(refusal: Refusal) -> (Final, ApiAnswer) {
    let answer =
        ApiAnswer::Answered { status: refusal.status().as_u16(), code: Some(refusal.code()) };
    (Final::Respond(refusal.into_response()), answer)
}

/// Accepts a text to be sent, if there is nothing against it.
fn accept(account: &mut Held<'_, Account>, call: &ApiCall) -> Result<Message, Refusal> {
    let to = call.field("To").ok_or(Refusal::ToMissing)?;
    let from = call.field("From").ok_or(Refusal::FromMissing)?;
    let body = call.field("Body").unwrap_or_default();
    let media: Vec<_> = call
        .fields
        .iter()
        .filter(|(name, _)| name == "MediaUrl")
        .map(|(_, value)| value.clone())
        .collect();

    if !is_phone_number(to) {
        return Err(Refusal::ToInvalid(to.to_owned()));
    }
    if body.is_empty() && media.is_empty() {
        return Err(Refusal::BodyMissing);
    }
    if body.chars().count() > BODY_LIMIT {
        return Err(Refusal::BodyTooLong);
    }
    if account.number(from).is_none() {
        return Err(Refusal::FromUnknown(from.to_owned()));
    }
    if to == from {
        return Err(Refusal::ToIsFrom);
    }
    let status_callback = call
        .field("StatusCallback")
        .map(|url| {
            let parsed =
                Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
            parsed.ok_or_else(|| Refusal::StatusCallbackInvalid(url.to_owned()))
        })
        .transpose()?;
    if account.is_opted_out(from, to) {
        return Err(Refusal::OptedOut);
    }

    let draft = Draft {
        author: Author::Product,
        from: from.to_owned(),
        to: to.to_owned(),
        body: body.to_owned(),
        media,
        status_callback,
    };
    let message = Message::new(draft, account.now());
    account.messages.push(message.clone());
    Ok(message)
}

/// The message the path names.
fn named<'a>(
    account: &'a mut Held<'_, Account>,
    call: &ApiCall,
) -> Result<&'a mut Message, Refusal> {
    let path = call.uri.path();
    let sid = path.rsplit('/').next().and_then(|file| file.strip_suffix(".json"));
    let message = account
        .messages
        .newest_mut(|message| message.is_listed() && Some(message.sid.as_str()) == sid);
    message.ok_or_else(|| Refusal::NotFound(path.to_owned()))
}

/// Refuses to touch a message that is still on its way.
fn is_finished(message: &Message) -> Result<(), Refusal> {
    match message.status {
        Status::Queued | Status::Sending => Err(Refusal::NotFinished),
        Status::Sent
        | Status::Delivered
        | Status::Undelivered
        | Status::Failed
        | Status::Received => Ok(()),
    }
}
