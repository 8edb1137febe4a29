//! Where a request comes in and a response goes out.
//!
//! Nothing but a response leaves a function: `vercel_runtime` would send the
//! text of an error to the caller. So flows return [`Problem`]s, and this one
//! place turns them into what a caller may know.

pub mod headers;
pub mod refusals;
pub mod scheduler;

use std::{
    future::Future,
    panic::AssertUnwindSafe,
    pin::{Pin, pin},
    sync::Arc,
};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use futures_util::FutureExt as _;
use http::{HeaderValue, Method, Request, Response, StatusCode, header, request::Parts};
use http_body::Body;
use http_body_util::BodyExt as _;
use thiserror::Error;
use trust::{
    signatures::twilio::{SignatureError, form::FieldError},
    text::language::Language,
};

use self::refusals::Refusals;
use crate::{
    owner::ConsoleError,
    pages,
    providers::{
        stripe::{client::StripeError, event::EventError, mirror::MirrorError},
        supabase::{RpcError, Supabase, auth::AuthError, storage::StorageError},
    },
    session::SessionError,
};

/// The most that is read of a body, if only to drop it: what Vercel lets through.
/// <https://vercel.com/docs/functions/limitations#request-body-size>
const MAX_READ: usize = 4_500_000;

/// What is said where an owner has no shop yet.
pub(crate) const NO_SHOP: &str = "there is no shop yet";

/// Work that goes on after the response was sent.
pub type Background = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What a function does with one request.
pub trait Flow: Send + Sync + 'static {
    /// The methods the function answers; others are a 405.
    const METHODS: &'static [Method];
    /// How many bytes of body it reads; more are a 413.
    const MAX_BODY: usize;

    /// Where refusals are counted, and the database the counts go to.
    fn refusals(&self) -> Option<(&Refusals, &Supabase)> {
        None
    }

    /// The language in which the caller is refused, where callers are people with
    /// browsers, and refusals pages. Programs are told in JSON.
    fn reads_pages(&self, _head: &Parts) -> Option<Language> {
        None
    }

    /// Answers a request whose method and size are right.
    fn handle(
        self: Arc<Self>,
        head: Parts,
        body: Bytes,
    ) -> impl Future<Output = Result<Answer, Problem>> + Send;
}

/// A response, and what remains to be done once it is sent.
pub struct Answer {
    /// What the caller gets; the header policy is added by [`serve`].
    pub response: Response<Bytes>,
    /// For latency only: it may vanish, so every obligation in it is also a row.
    pub background: Option<Background>,
}

impl Answer {
    /// A 200 of the given content type, with nothing left to do.
    pub fn ok(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { response: respond(StatusCode::OK, content_type, body.into()), background: None }
    }
}

/// What can go wrong in a request, and all a caller gets to know about it.
///
/// The text of a variant is sent to the caller; its source is only logged.
#[derive(Debug, Error)]
pub enum Problem {
    /// The function answers other methods.
    #[error("this address answers {} only", names(.0, " and "))]
    Method(&'static [Method]),
    /// The body is longer than we read.
    #[error("the request body is too large")]
    TooLarge,
    /// The body never arrived whole.
    #[error("the request body could not be read")]
    Unreadable,
    /// The request is genuine but a field of it is not usable.
    #[error("the request is not valid: {0}")]
    Field(#[from] FieldError),
    /// The request is genuine but its body is not what is asked for.
    #[error("the request is not valid: {0}")]
    Body(&'static str),
    /// The request is genuine but about something we do not have.
    #[error("the request is not valid: {0}")]
    Unknown(&'static str),
    /// The request was not sent by whom it should be.
    #[error("the request is not signed by its sender")]
    Unsigned(#[source] SignatureError),
    /// The request was not sent by Stripe, which takes a 400 for that.
    #[error("the request is not signed by its sender")]
    NotStripes(#[from] trust::signatures::stripe::SignatureError),
    /// The request is genuine but no event.
    #[error("the request is not valid: {0}")]
    Event(#[from] EventError),
    /// The caller did not show the secret that this address asks for.
    #[error("the request is not authorized")]
    Unauthorized,
    /// The request was not made by a form of ours.
    #[error("the form was not sent by our own page")]
    Foreign,
    /// Too much was asked; how many seconds to wait.
    #[error("too many requests")]
    TooMany(u32),
    /// The request is not an owner's, or the owner has to show more.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// Nothing is wrong with the request; it may be sent again.
    #[error("the service is temporarily unavailable")]
    Database(#[source] RpcError),
    /// Nothing is wrong with the request; nobody can sign in for now.
    #[error("the service is temporarily unavailable")]
    Auth(#[from] AuthError),
    /// Nothing is wrong with the event; it may be sent again.
    #[error("the service is temporarily unavailable")]
    Mirror(#[from] MirrorError),
    /// Nothing is wrong with the request; Stripe may answer the next one.
    #[error("the service is temporarily unavailable")]
    Stripe(#[from] StripeError),
    /// Nothing is wrong with the request; it may be sent again.
    #[error("the service is temporarily unavailable")]
    Storage(#[from] StorageError),
    /// A defect of ours.
    #[error("the request could not be answered")]
    Panic,
}

impl Problem {
    /// What a refusal is counted as; `None` for a failure of ours.
    fn refused_for(&self) -> Option<&'static str> {
        match self {
            Self::Method(_) => Some("method"),
            Self::TooLarge => Some("too large"),
            Self::Unreadable => Some("unreadable"),
            Self::Field(_) => Some("field"),
            Self::Body(_) => Some("body"),
            Self::Unknown(_) => Some("unknown"),
            Self::Unsigned(error) => Some(error.reason()),
            Self::NotStripes(error) => Some(error.reason()),
            Self::Event(_) => Some("event"),
            Self::Unauthorized => Some("unauthorized"),
            Self::Foreign => Some("foreign form"),
            Self::TooMany(_) => Some("too many"),
            Self::Session(error) => error.reason(),
            Self::Auth(_)
            | Self::Database(_)
            | Self::Mirror(_)
            | Self::Storage(_)
            | Self::Stripe(_)
            | Self::Panic => None,
        }
    }

    /// The status this problem is answered with.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unreadable
            | Self::Field(_)
            | Self::Body(_)
            | Self::NotStripes(_)
            | Self::Event(_) => StatusCode::BAD_REQUEST,
            Self::Unknown(_) => StatusCode::NOT_FOUND,
            Self::Unsigned(_) | Self::Foreign => StatusCode::FORBIDDEN,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Session(error) => match error {
                SessionError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
                SessionError::Anonymous | SessionError::OtherApplication => StatusCode::FORBIDDEN,
                _ => StatusCode::UNAUTHORIZED,
            },
            Self::Auth(_)
            | Self::Database(_)
            | Self::Mirror(_)
            | Self::Storage(_)
            | Self::Stripe(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Panic => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl From<RpcError> for Problem {
    /// A call for an owner may find that the session has ended; else the fault is ours.
    fn from(error: RpcError) -> Self {
        SessionError::of_call(&error).map_or(Self::Database(error), Self::Session)
    }
}

impl From<ConsoleError> for Problem {
    /// What a page does not say next to a field.
    fn from(error: ConsoleError) -> Self {
        match error {
            ConsoleError::Session(error) => Self::Session(error),
            ConsoleError::NoShop => Self::Unknown(NO_SHOP),
            ConsoleError::Unconfirmed => Self::Body("the e-mail address is not confirmed"),
            ConsoleError::NotFound => Self::Unknown("there is no such thing"),
            ConsoleError::Fields(_) => Self::Body("some fields are not usable"),
            ConsoleError::Unavailable(error) => Self::Database(error),
        }
    }
}

/// Runs `flow` on a request and always comes back with a response.
///
/// `wait_until` is given what remains to be done after the response.
pub async fn serve<F, B>(
    flow: Arc<F>,
    request: Request<B>,
    wait_until: impl FnOnce(Background),
) -> Response<Bytes>
where
    F: Flow,
    B: Body + Send,
    B::Data: Send,
{
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let language = flow.reads_pages(&head);
    let answer = async {
        let body = read::<F, B>(&head, body).await?;
        // A panic would drop the connection without a response.
        AssertUnwindSafe(Arc::clone(&flow).handle(head, body))
            .catch_unwind()
            .await
            .unwrap_or(Err(Problem::Panic))
    };
    let mut response = match answer.await {
        Ok(answer) => {
            if let Some(background) = answer.background {
                wait_until(background);
            }
            answer.response
        }
        Err(problem) => {
            let is_time_to_write = problem.refused_for().is_some_and(|reason| {
                flow.refusals().is_some_and(|(refusals, _)| refusals.count(reason))
            });
            if is_time_to_write {
                wait_until(Box::pin(async move {
                    if let Some((refusals, supabase)) = flow.refusals() {
                        refusals.write(supabase).await;
                    }
                }));
            }
            refuse(&path, &problem, language)
        }
    };
    headers::apply(response.headers_mut());
    response
}

async fn read<F, B>(head: &Parts, body: B) -> Result<Bytes, Problem>
where
    F: Flow,
    B: Body,
{
    if !F::METHODS.contains(&head.method) {
        return Err(Problem::Method(F::METHODS));
    }
    let mut whole = BytesMut::new();
    let mut length = 0_usize;
    let mut body = pin!(body);
    // What is too long is read on and dropped: a caller that is still sending
    // when it is answered may never see the answer.
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Err(Problem::Unreadable) };
        let Ok(data) = frame.into_data() else { continue };
        length = length.saturating_add(data.remaining());
        if length > MAX_READ {
            break;
        }
        if length <= F::MAX_BODY {
            whole.put(data);
        }
    }
    if length > F::MAX_BODY { Err(Problem::TooLarge) } else { Ok(whole.freeze()) }
}

fn names(methods: &[Method], separator: &str) -> String {
    methods.iter().map(Method::as_str).collect::<Vec<_>>().join(separator)
}

/// Logs a problem, once and here only, and says to the caller what it may know.
fn refuse(path: &str, problem: &Problem, language: Option<Language>) -> Response<Bytes> {
    let status = problem.status();
    let source = std::error::Error::source(problem).map(ToString::to_string);
    if status.is_server_error() {
        tracing::error!(path, status = status.as_u16(), source, "{problem}");
    } else {
        tracing::warn!(path, status = status.as_u16(), source, "{problem}");
    }

    let mut response = match language {
        Some(language) => {
            respond(status, pages::CONTENT_TYPE, pages::refusal(language, problem).into())
        }
        None => {
            let body = serde_json::json!({ "error": problem.to_string() }).to_string();
            respond(status, "application/json", body.into())
        }
    };
    if let Problem::Method(methods) = problem
        && let Ok(allow) = HeaderValue::try_from(names(methods, ", "))
    {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    if let Problem::TooMany(seconds) = problem {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
    }
    if let Problem::Session(error) = problem
        && let Some(challenge) = error.challenge()
    {
        let challenge = HeaderValue::from_static(challenge);
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

fn respond(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;
    use crate::session::KeysError;

    struct Probe;

    impl Flow for Probe {
        const METHODS: &'static [Method] = &[Method::POST];
        const MAX_BODY: usize = 8;

        async fn handle(self: Arc<Self>, _: Parts, body: Bytes) -> Result<Answer, Problem> {
            match body.as_ref() {
                b"panic" => panic!("a text with +15145550100 in it"),
                b"unsigned" => Err(Problem::Unsigned(SignatureError::Mismatch)),
                b"expired" => Err(SessionError::Expired.into()),
                b"old" => Err(SessionError::NotRecent.into()),
                b"other" => Err(SessionError::OtherApplication.into()),
                b"keyless" => Err(SessionError::Unavailable(KeysError::Unusable).into()),
                b"ended" => Err(refused("PT401").into()),
                b"broken" => Err(refused("42501").into()),
                b"later" => {
                    let mut answer = Answer::ok("text/plain", "soon");
                    answer.background = Some(Box::pin(async {}));
                    Ok(answer)
                }
                _ => Ok(Answer::ok("text/plain", body)),
            }
        }
    }

    fn refused(code: &str) -> RpcError {
        RpcError::Refused { status: StatusCode::UNAUTHORIZED, code: code.to_owned() }
    }

    async fn ask(method: Method, body: &'static str) -> (Response<Bytes>, bool) {
        let request = Request::builder().method(method).body(Full::<Bytes>::from(body)).unwrap();
        let mut has_background = false;
        let response = serve(Arc::new(Probe), request, |_| has_background = true).await;
        (response, has_background)
    }

    #[tokio::test]
    async fn every_response_has_its_status_its_text_and_the_header_policy() {
        for (method, body, status, text) in [
            (Method::POST, "12345678", 200, "12345678"),
            (Method::POST, "", 200, ""),
            (Method::GET, "", 405, r#"{"error":"this address answers POST only"}"#),
            (Method::POST, "123456789", 413, r#"{"error":"the request body is too large"}"#),
            (
                Method::POST,
                "unsigned",
                403,
                r#"{"error":"the request is not signed by its sender"}"#,
            ),
            (Method::POST, "panic", 500, r#"{"error":"the request could not be answered"}"#),
        ] {
            let (response, _) = ask(method, body).await;
            assert_eq!(
                (response.status().as_u16(), response.body().as_ref()),
                (status, text.as_bytes())
            );
            for (name, value) in headers::POLICY {
                assert_eq!(response.headers()[&name], value, "{status} {name}");
            }
        }
    }

    #[tokio::test]
    async fn a_405_names_the_method_that_is_answered() {
        let (response, _) = ask(Method::DELETE, "").await;
        assert_eq!(response.headers()[header::ALLOW], "POST");
    }

    #[tokio::test]
    async fn who_has_to_sign_in_is_told_how() {
        let invalid = r#"Bearer error="invalid_token""#;
        let again = r#"Bearer error="insufficient_user_authentication", max_age="600""#;
        for (body, status, challenge, text) in [
            ("expired", 401, Some(invalid), "the access token has expired"),
            ("old", 401, Some(again), "this needs a sign-in of the last 10 minutes"),
            ("other", 403, None, "this is not open to other applications"),
            ("keyless", 503, None, "the service is temporarily unavailable"),
            ("ended", 401, Some(invalid), "the session has ended"),
            ("broken", 503, None, "the service is temporarily unavailable"),
        ] {
            let (response, _) = ask(Method::POST, body).await;
            let given = response.headers().get(header::WWW_AUTHENTICATE);
            assert_eq!(response.status().as_u16(), status, "{body}");
            assert_eq!(given.map(|value| value.to_str().unwrap()), challenge, "{body}");
            assert_eq!(*response.body(), format!(r#"{{"error":"{text}"}}"#), "{body}");
        }
    }

    #[tokio::test]
    async fn work_after_the_response_is_handed_on() {
        assert!(ask(Method::POST, "later").await.1);
        assert!(!ask(Method::POST, "now").await.1);
    }
}
