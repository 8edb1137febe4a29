//! How Groq refuses a request.
//!
//! <https://console.groq.com/docs/errors>

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No key, or not the account's.
    Unauthenticated,
    /// There is nothing at this path.
    NotFound,
    /// The request is not one Groq understands.
    Invalid(String),
    /// There is no such model.
    ModelNotFound(String),
    /// The model is no longer served.
    Decommissioned(String),
    /// The model did not write the JSON that was asked for.
    GenerationFailed,
    /// The account has used up what it may use.
    RateLimited {
        /// The model it wanted.
        model: String,
        /// When to try again.
        retry_after_seconds: u32,
    },
    /// Something broke.
    InternalError,
    /// Too much is going on.
    Unavailable,
}

impl Refusal {
    /// The HTTP status.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::NotFound | Self::ModelNotFound(_) => StatusCode::NOT_FOUND,
            Self::Invalid(_) | Self::Decommissioned(_) | Self::GenerationFailed => {
                StatusCode::BAD_REQUEST
            }
            Self::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Groq's code, or its type where it gives no code.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated => "invalid_api_key",
            Self::NotFound => "unknown_url",
            Self::Invalid(_) => "invalid_request_error",
            Self::ModelNotFound(_) => "model_not_found",
            Self::Decommissioned(_) => "model_decommissioned",
            Self::GenerationFailed => "json_validate_failed",
            Self::RateLimited { .. } => "rate_limit_exceeded",
            Self::InternalError => "internal_server_error",
            Self::Unavailable => "service_unavailable",
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Unauthenticated
            | Self::NotFound
            | Self::Invalid(_)
            | Self::ModelNotFound(_)
            | Self::Decommissioned(_)
            | Self::GenerationFailed => "invalid_request_error",
            Self::RateLimited { .. } => "tokens",
            Self::InternalError => "internal_server_error",
            Self::Unavailable => "service_unavailable",
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Unauthenticated => "Invalid API Key".to_owned(),
            Self::NotFound => "Unknown request URL. Please check the URL for typos.".to_owned(),
            Self::Invalid(reason) => reason.clone(),
            Self::ModelNotFound(model) => {
                format!("The model `{model}` does not exist or you do not have access to it.")
            }
            Self::Decommissioned(model) => format!(
                "The model `{model}` has been decommissioned and is no longer supported. Please \
                 refer to https://console.groq.com/docs/deprecations for a recommendation on \
                 which model to use instead."
            ),
            Self::GenerationFailed => {
                "Failed to generate JSON. Please adjust your prompt. See 'failed_generation' for \
                 more details."
                    .to_owned()
            }
            Self::RateLimited { model, retry_after_seconds } => format!(
                "Rate limit reached for model `{model}` in organization `org_local` service tier \
                 `on_demand` on tokens per minute (TPM): Limit 8000, Used 7600, Requested 900. \
                 Please try again in {retry_after_seconds}s."
            ),
            Self::InternalError => "Internal Server Error".to_owned(),
            Self::Unavailable => "Service Unavailable".to_owned(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut error = json!({ "message": self.message(), "type": self.kind() });
        if let Some(error) = error.as_object_mut() {
            if self.code() != self.kind() {
                error.insert("code".to_owned(), self.code().into());
            }
            if self == Self::GenerationFailed {
                error.insert("failed_generation".to_owned(), "{\"reply\": ".into());
            }
        }
        let mut response = (self.status(), Json(json!({ "error": error }))).into_response();
        if let Self::RateLimited { retry_after_seconds, .. } = self {
            let seconds = HeaderValue::from(retry_after_seconds);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}
