//! Requests of pages that are not ours.

use axum::{
    Json,
    extract::Request,
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::json;

/// Refuses what a page of another site sends by way of somebody's browser.
pub(crate) async fn refuse_other_sites(request: Request, next: Next) -> Response {
    let site = request.headers().get("sec-fetch-site").map(|site| site.as_bytes());
    match site {
        None | Some(b"same-origin" | b"none") => next.run(request).await,
        Some(_) => {
            let refusal = json!({ "error": "this page is of another site" });
            (StatusCode::FORBIDDEN, Json(refusal)).into_response()
        }
    }
}
