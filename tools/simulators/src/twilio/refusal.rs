//! How the Messages API refuses a request.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::message::BODY_LIMIT;

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No credentials, or not the account's.
    Unauthenticated,
    /// There is nothing at this path.
    NotFound(String),
    /// No `To`.
    ToMissing,
    /// `To` is no phone number.
    ToInvalid(String),
    /// No `From`.
    FromMissing,
    /// `From` is not a number of the account.
    FromUnknown(String),
    /// `To` and `From` are one number.
    ToIsFrom,
    /// Neither `Body` nor `MediaUrl`.
    BodyMissing,
    /// `Body` is longer than Twilio takes.
    BodyTooLong,
    /// `StatusCallback` is no address Twilio can call.
    StatusCallbackInvalid(String),
    /// The phone opted out of texts from this number.
    OptedOut,
    /// The message is still on its way, so it can be neither redacted nor deleted.
    NotFinished,
    /// An update other than emptying the body.
    UpdateUnsupported,
    /// A parameter that cannot be read.
    ParameterInvalid(&'static str),
    /// What was ordered through the control API.
    Ordered {
        /// The HTTP status.
        status: StatusCode,
        /// Twilio's error code.
        code: u32,
    },
}

impl Refusal {
    /// Twilio's error code.
    pub(super) fn code(&self) -> u32 {
        match self {
            Self::Unauthenticated => 20003,
            Self::NotFound(_) => 20404,
            Self::ToMissing => 21604,
            Self::ToInvalid(_) => 21211,
            Self::FromMissing => 21603,
            Self::FromUnknown(_) => 21606,
            Self::ToIsFrom => 21266,
            Self::BodyMissing => 21602,
            Self::BodyTooLong => 21617,
            Self::StatusCallbackInvalid(_) => 21609,
            Self::OptedOut => 21610,
            Self::NotFinished => 20009,
            Self::UpdateUnsupported | Self::ParameterInvalid(_) => 20001,
            Self::Ordered { code, .. } => *code,
        }
    }

    /// The HTTP status.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::NotFinished => StatusCode::CONFLICT,
            Self::ToMissing
            | Self::ToInvalid(_)
            | Self::FromMissing
            | Self::FromUnknown(_)
            | Self::ToIsFrom
            | Self::BodyMissing
            | Self::BodyTooLong
            | Self::StatusCallbackInvalid(_)
            | Self::OptedOut
            | Self::UpdateUnsupported
            | Self::ParameterInvalid(_) => StatusCode::BAD_REQUEST,
            Self::Ordered { status, .. } => *status,
        }
    }

    /// The sentence Twilio sends along.
    fn message(&self) -> String {
        match self {
            Self::Unauthenticated => "Authenticate".to_owned(),
            Self::NotFound(path) => format!("The requested resource {path} was not found"),
            Self::ToMissing => "A 'To' phone number is required.".to_owned(),
            Self::ToInvalid(to) => format!("Invalid 'To' Phone Number: {to}"),
            Self::FromMissing => "A 'From' phone number is required.".to_owned(),
            Self::FromUnknown(from) => format!(
                "The 'From' phone number provided ({from}) is not a valid message-capable \
                 Twilio phone number for this destination"
            ),
            Self::ToIsFrom => "'To' and 'From' number cannot be the same".to_owned(),
            Self::BodyMissing => "Message body is required.".to_owned(),
            Self::BodyTooLong => {
                format!("The concatenated message body exceeds the {BODY_LIMIT} character limit")
            }
            Self::StatusCallbackInvalid(url) => {
                format!("The 'StatusCallback' URL {url} is not a valid URL.")
            }
            Self::OptedOut => "Attempt to send to unsubscribed recipient".to_owned(),
            Self::NotFinished => {
                "Cannot delete message because delivery has not been completed.".to_owned()
            }
            Self::UpdateUnsupported => {
                "This simulator updates a message only by emptying its 'Body'.".to_owned()
            }
            Self::ParameterInvalid(name) => format!("The parameter {name} is not valid."),
            Self::Ordered { status, .. } => {
                status.canonical_reason().unwrap_or("Refused as ordered").to_owned()
            }
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({
            "code": self.code(),
            "message": self.message(),
            "more_info": format!("https://www.twilio.com/docs/errors/{}", self.code()),
            "status": self.status().as_u16(),
        });
        (self.status(), Json(body)).into_response()
    }
}
