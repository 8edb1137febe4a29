//! What Vercel itself answers when no function or file does.

use axum::{
    body::Body,
    response::{IntoResponse as _, Response},
};
use hyper::{
    StatusCode,
    header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue},
};
use serde_json::json;

/// A reason not to answer with a function or a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There is nothing at this path.
    NotFound,
    /// A static file can only be read. (`vercel dev` lets any method read it; hosted Vercel
    /// does not.)
    Method,
    /// The request's body is longer than a function may be sent.
    PayloadTooLarge,
    /// The function could not be started, or ended or hung up before it answered.
    InvocationFailed,
    /// The function took longer than its `maxDuration`.
    InvocationTimeout,
}

impl Refusal {
    /// The status, the sentence and the code of Vercel, worded as `vercel dev` words them.
    fn parts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "The page could not be found.", "NOT_FOUND"),
            Self::Method => {
                (StatusCode::METHOD_NOT_ALLOWED, "Method not allowed", "INVALID_REQUEST_METHOD")
            }
            Self::PayloadTooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "Request Entity Too Large",
                "FUNCTION_PAYLOAD_TOO_LARGE",
            ),
            Self::InvocationFailed => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "A server error has occurred",
                "FUNCTION_INVOCATION_FAILED",
            ),
            Self::InvocationTimeout => (
                StatusCode::GATEWAY_TIMEOUT,
                "An error occurred with your deployment",
                "FUNCTION_INVOCATION_TIMEOUT",
            ),
        }
    }

    /// The answer to a request with these headers: JSON if it asks for JSON, else text. (For
    /// browsers Vercel has a page, which nothing here depends on.)
    pub(super) fn answer(self, request: &HeaderMap) -> Response {
        let (status, sentence, code) = self.parts();
        let accept = request.get(ACCEPT).and_then(|accept| accept.to_str().ok());
        let (content_type, body) = if accept.is_some_and(|accept| accept.contains("json")) {
            let error = json!({ "error": { "code": status.as_u16(), "message": sentence } });
            ("application/json", format!("{error}\n"))
        } else {
            ("text/plain; charset=utf-8", format!("{sentence}\n\n{code}\n"))
        };

        let mut response = (status, Body::from(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert("x-vercel-error", HeaderValue::from_static(code));
        response
    }
}
