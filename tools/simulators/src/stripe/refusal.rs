//! How Stripe refuses a request.
//!
//! <https://docs.stripe.com/api/errors>, <https://docs.stripe.com/error-codes>

use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::card::Decline;

/// Says which limit was hit. <https://docs.stripe.com/rate-limits>
const RATE_LIMITED_REASON: HeaderName = HeaderName::from_static("stripe-rate-limited-reason");

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No key.
    KeyMissing,
    /// Not the account's key; what is shown of it.
    KeyInvalid(String),
    /// No version of the API.
    VersionInvalid(String),
    /// There is nothing at this path.
    NotFound {
        /// The method.
        method: String,
        /// The path.
        path: String,
    },
    /// The path names an object there is not, or not any more.
    ObjectMissing {
        /// What it should be.
        kind: &'static str,
        /// Its id.
        id: String,
    },
    /// A parameter names an object there is not.
    ReferenceMissing {
        /// What it should be.
        kind: &'static str,
        /// Its id.
        id: String,
        /// The parameter.
        name: String,
    },
    /// A parameter has to be there.
    ParameterMissing(String),
    /// There is no such parameter.
    ParameterUnknown(String),
    /// A parameter cannot have this value.
    ParameterInvalid {
        /// Which.
        name: String,
        /// Stripe's code, where it gives one.
        code: Option<&'static str>,
        /// What is wrong.
        message: String,
    },
    /// What is asked for cannot be done now.
    Impossible(String),
    /// The card was declined.
    Declined(Decline),
    /// The key was used with other parameters.
    KeyReused(String),
    /// A request with the same key is under way.
    KeyInUse(String),
    /// Too many requests.
    RateLimited,
    /// Another request works on the object.
    LockTimeout,
    /// Something broke at Stripe.
    Failed,
    /// What was ordered through the control API.
    Ordered(StatusCode),
}

impl Refusal {
    /// A parameter with a value it cannot have.
    pub(super) fn invalid(name: &str, message: impl Into<String>) -> Self {
        let (name, message) = (name.to_owned(), message.into());
        Self::ParameterInvalid { name, code: None, message }
    }

    /// The HTTP status.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::KeyMissing | Self::KeyInvalid(_) => StatusCode::UNAUTHORIZED,
            Self::NotFound { .. } | Self::ObjectMissing { .. } => StatusCode::NOT_FOUND,
            Self::VersionInvalid(_)
            | Self::ReferenceMissing { .. }
            | Self::ParameterMissing(_)
            | Self::ParameterUnknown(_)
            | Self::ParameterInvalid { .. }
            | Self::Impossible(_)
            | Self::KeyReused(_) => StatusCode::BAD_REQUEST,
            Self::Declined(_) => StatusCode::PAYMENT_REQUIRED,
            Self::KeyInUse(_) => StatusCode::CONFLICT,
            Self::RateLimited | Self::LockTimeout => StatusCode::TOO_MANY_REQUESTS,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Ordered(status) => *status,
        }
    }

    /// Stripe's code, where it gives one.
    pub(super) fn code(&self) -> Option<&'static str> {
        match self {
            Self::ObjectMissing { .. } | Self::ReferenceMissing { .. } => Some("resource_missing"),
            Self::ParameterMissing(_) => Some("parameter_missing"),
            Self::ParameterUnknown(_) => Some("parameter_unknown"),
            Self::ParameterInvalid { code, .. } => *code,
            Self::Declined(_) => Some("card_declined"),
            Self::KeyInUse(_) => Some("idempotency_key_in_use"),
            Self::RateLimited => Some("rate_limit"),
            Self::LockTimeout => Some("lock_timeout"),
            Self::KeyMissing
            | Self::KeyInvalid(_)
            | Self::VersionInvalid(_)
            | Self::NotFound { .. }
            | Self::Impossible(_)
            | Self::KeyReused(_)
            | Self::Failed
            | Self::Ordered(_) => None,
        }
    }

    /// Whether a request with the same idempotency key is answered with this once
    /// more. What was refused before anything was done is not kept.
    pub(super) fn is_kept(&self) -> bool {
        matches!(self, Self::Declined(_) | Self::Failed)
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Declined(_) => "card_error",
            Self::KeyReused(_) | Self::KeyInUse(_) => "idempotency_error",
            Self::Failed => "api_error",
            Self::Ordered(status) if status.is_server_error() => "api_error",
            _ => "invalid_request_error",
        }
    }

    /// The parameter that is wrong.
    fn parameter(&self) -> Option<&str> {
        match self {
            Self::ObjectMissing { .. } => Some("id"),
            Self::ReferenceMissing { name, .. } | Self::ParameterInvalid { name, .. } => Some(name),
            Self::ParameterMissing(name) | Self::ParameterUnknown(name) => Some(name),
            _ => None,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::KeyMissing => {
                "You did not provide an API key. You need to provide your API key in the \
                 Authorization header, using Bearer auth (e.g. 'Authorization: Bearer \
                 YOUR_SECRET_KEY')."
                    .to_owned()
            }
            Self::KeyInvalid(shown) => format!("Invalid API Key provided: {shown}"),
            Self::VersionInvalid(version) => format!("Invalid Stripe API version: {version}"),
            Self::NotFound { method, path } => format!(
                "Unrecognized request URL ({method}: {path}). Please see \
                 https://stripe.com/docs or we can help at https://support.stripe.com/."
            ),
            Self::ObjectMissing { kind, id } | Self::ReferenceMissing { kind, id, .. } => {
                format!("No such {kind}: '{id}'")
            }
            Self::ParameterMissing(name) => format!("Missing required param: {name}."),
            Self::ParameterUnknown(name) => format!("Received unknown parameter: {name}"),
            Self::ParameterInvalid { message, .. } | Self::Impossible(message) => message.clone(),
            Self::Declined(decline) => decline.message().to_owned(),
            Self::KeyReused(key) => format!(
                "Keys for idempotent requests can only be used with the same parameters they \
                 were first used with. Try using a key other than '{key}' if you meant to \
                 execute a different request."
            ),
            Self::KeyInUse(key) => format!(
                "There is currently another in-progress request using this Idempotent Key \
                 (that probably means you submitted twice, and the other request is still \
                 going through): {key}. Please try again later."
            ),
            Self::RateLimited => "Request rate limit exceeded. Learn more about rate limits \
                                  here https://stripe.com/docs/rate-limits."
                .to_owned(),
            Self::LockTimeout => "This object cannot be accessed right now because another API \
                                  request or Stripe process is currently accessing it. If you \
                                  see this error intermittently, retry the request."
                .to_owned(),
            Self::Failed => "An unknown error occurred".to_owned(),
            Self::Ordered(status) => {
                status.canonical_reason().unwrap_or("Refused as ordered").to_owned()
            }
        }
    }

    /// The body of the answer.
    pub(super) fn body(&self) -> Value {
        let mut error = json!({ "type": self.kind(), "message": self.message() });
        if let Some(error) = error.as_object_mut() {
            if let Some(code) = self.code() {
                error.insert("code".to_owned(), code.into());
                let page =
                    format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-"));
                error.insert("doc_url".to_owned(), page.into());
            }
            if let Some(parameter) = self.parameter() {
                error.insert("param".to_owned(), parameter.into());
            }
            if let Self::Declined(decline) = self {
                error.insert("decline_code".to_owned(), decline.code().into());
            }
        }
        json!({ "error": error })
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status(), Json(self.body())).into_response();
        let headers = response.headers_mut();
        match self {
            Self::RateLimited => {
                headers.insert(RATE_LIMITED_REASON, HeaderValue::from_static("global-rate"));
            }
            Self::KeyMissing | Self::KeyInvalid(_) => {
                let realm = HeaderValue::from_static("Bearer realm=\"Stripe\"");
                headers.insert(header::WWW_AUTHENTICATE, realm);
            }
            _ => {}
        }
        response
    }
}
