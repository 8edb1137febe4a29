//! A request to the API.

use axum::http::Method;

use super::form::Form;

/// A request to the API, taken apart.
#[derive(Debug, Clone)]
pub(super) struct ApiCall {
    /// Its method.
    pub(super) method: Method,
    /// Its path.
    pub(super) path: String,
    /// Its parameters, from the query or the body.
    pub(super) form: Form,
    /// The key that makes it idempotent. Only a POST needs one.
    pub(super) key: Option<String>,
}
