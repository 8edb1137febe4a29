//! The phone's page: a phone to text with, and switches for what may go wrong.
//!
//! It is plain files, embedded here. They use nothing but the control API, and
//! their policy lets them use nothing else.

use axum::{
    Router,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};

/// What the page may load and do: its own two files and calls to this server.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                      connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// The page and its files.
pub(super) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/", get(async || file("text/html", include_str!("phone/phone.html"))))
        .route("/phone.css", get(async || file("text/css", include_str!("phone/phone.css"))))
        .route("/phone.js", get(async || file("text/javascript", include_str!("phone/phone.js"))))
        .route("/phone.svg", get(async || file("image/svg+xml", include_str!("phone/phone.svg"))))
}

fn file(media_type: &'static str, content: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, media_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, content).into_response()
}
