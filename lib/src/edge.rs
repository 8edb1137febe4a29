//! Where a request comes in and a response goes out.
//!
//! Nothing but a response leaves a function: `vercel_runtime` would send the
//! text of an error to the caller. So flows return [`Problem`]s, and this one
//! place turns them into what a caller may know.
//!
//! # Invariant
//!
//! Nothing but a response leaves a handler. `vercel_runtime` sends an error's text to the
//! caller, so `edge::serve` catches everything, panics included, and `Problem`'s own
//! texts are all a caller can get. Its source is logged once.

pub mod headers;
mod problem;
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

pub use self::problem::{Cause, Problem, Refused};
use self::{problem::names, refusals::Refusals};

/// The most that is read of a body, if only to drop it: what Vercel lets through.
/// <https://vercel.com/docs/functions/limitations#request-body-size>
const MAX_READ: usize = 4_500_000;

/// Work that goes on after the response was sent.
pub type Background = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Makes what a caller is told of a problem: its content type, and the body.
pub type Teller = Box<dyn Fn(&Problem) -> (&'static str, String) + Send>;

/// What a function does with one request.
pub trait Flow: Send + Sync + 'static {
    /// The methods the function answers; others are a 405.
    const METHODS: &'static [Method];
    /// How many bytes of body it reads; more are a 413.
    const MAX_BODY: usize;

    /// Where refusals are counted.
    fn refusals(&self) -> Option<&Refusals> {
        None
    }

    /// How the caller is told of a problem. Programs are told in JSON.
    fn teller(&self, _head: &Parts) -> Teller {
        Box::new(|problem| {
            let body = serde_json::json!({ "error": problem.to_string() }).to_string();
            ("application/json", body)
        })
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
    let teller = flow.teller(&head);
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
            let counted = problem.refused_for().zip(flow.refusals());
            if let Some(write) = counted.and_then(|(reason, refusals)| refusals.count(reason)) {
                wait_until(write);
            }
            refuse(&path, &problem, &teller)
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

/// Logs a problem, once and here only, and says to the caller what it may know.
fn refuse(path: &str, problem: &Problem, teller: &Teller) -> Response<Bytes> {
    let status = problem.status();
    let source = std::error::Error::source(problem).map(ToString::to_string);
    if status.is_server_error() {
        tracing::error!(path, status = status.as_u16(), source, "{problem}");
    } else {
        tracing::warn!(path, status = status.as_u16(), source, "{problem}");
    }

    let (content_type, body) = teller(problem);
    let mut response = respond(status, content_type, body.into());
    if let Problem::Method(methods) = problem
        && let Ok(allow) = HeaderValue::try_from(names(methods, ", "))
    {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    if let Problem::TooMany(seconds) = problem {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
    }
    if let Problem::Refused(refused) = problem
        && let Some(challenge) = refused.challenge()
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
    use std::fmt;

    use http_body_util::Full;
    use thiserror::Error;

    use super::*;

    #[derive(Debug, Error)]
    #[error("its own words")]
    struct Other;

    fn refused() -> Refused {
        Refused::new(StatusCode::FORBIDDEN, "other", Other)
    }

    struct Probe;

    impl Flow for Probe {
        const METHODS: &'static [Method] = &[Method::POST];
        const MAX_BODY: usize = 8;

        async fn handle(self: Arc<Self>, _: Parts, body: Bytes) -> Result<Answer, Problem> {
            match body.as_ref() {
                b"panic" => panic!("a text with +15145550100 in it"),
                b"refused" => Err(Problem::Refused(refused())),
                b"told" => Err(Problem::Refused(refused().telling("it is refused"))),
                b"asked" => Err(Problem::Refused(refused().challenging(Some("Bearer")))),
                b"broken" => Err(Problem::unavailable(fmt::Error)),
                b"later" => {
                    let mut answer = Answer::ok("text/plain", "soon");
                    answer.background = Some(Box::pin(async {}));
                    Ok(answer)
                }
                _ => Ok(Answer::ok("text/plain", body)),
            }
        }
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
            (Method::POST, "told", 403, r#"{"error":"it is refused"}"#),
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
    async fn a_refusal_is_told_as_far_as_it_says() {
        let unavailable = r#"{"error":"the service is temporarily unavailable"}"#;
        for (body, status, challenge, told) in [
            ("refused", 403, None, r#"{"error":"its own words"}"#),
            ("told", 403, None, r#"{"error":"it is refused"}"#),
            ("asked", 403, Some("Bearer"), r#"{"error":"its own words"}"#),
            ("broken", 503, None, unavailable),
        ] {
            let (response, _) = ask(Method::POST, body).await;
            let given = response.headers().get(header::WWW_AUTHENTICATE);
            assert_eq!(response.status().as_u16(), status, "{body}");
            assert_eq!(given.map(|value| value.to_str().unwrap()), challenge, "{body}");
            assert_eq!(*response.body(), told, "{body}");
        }
    }

    #[tokio::test]
    async fn work_after_the_response_is_handed_on() {
        assert!(ask(Method::POST, "later").await.1);
        assert!(!ask(Method::POST, "now").await.1);
    }
}
