//! What the Messages API can be ordered to do differently.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{message::Status, refusal::Refusal};
use crate::script::{self, Limited};

/// A behaviour other than the normal one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// How many more requests it holds for; always when absent.
    pub requests: Option<u32>,
    /// Which requests it holds for.
    pub on: On,
    /// How long the request is kept waiting before anything else happens. It is
    /// worked on even if the caller has given up by then.
    pub delay_milliseconds: u64,
    /// What happens then.
    pub answer: Answer,
    /// Where the request is redirected to instead.
    pub redirect_to: Option<Url>,
    /// How the status of a text accepted under this behaviour changes.
    pub callbacks: Callbacks,
}

impl Limited for Behaviour {
    fn requests(&mut self) -> &mut Option<u32> {
        &mut self.requests
    }
}

/// Which requests a behaviour holds for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum On {
    /// Those that send a text.
    #[default]
    Create,
    /// Those that look texts up.
    Lookup,
    /// Those that fetch a picture, at the API.
    Media,
    /// Those that fetch a picture, at the CDN the API redirects to.
    MediaFile,
    /// Those that delete a picture.
    MediaDeletion,
    /// All, but for the CDN's.
    Every,
}

/// How a request is answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// As Twilio does.
    #[default]
    Normal,
    /// With this status and Twilio error code; nothing is accepted.
    Refuse {
        /// The HTTP status, 400 to 599.
        #[serde(deserialize_with = "script::failure_status")]
        status: u16,
        /// Twilio's error code.
        code: u32,
    },
    /// With 429 and 20429; nothing is accepted.
    RateLimited,
    /// By closing the connection; nothing is accepted.
    HangUp,
    /// Never; nothing is accepted.
    Stall,
    /// With half of what was asked for, and the connection closed; by the CDN
    /// only, any other request is not answered.
    CutOff,
    /// Never, though the text is accepted and its callbacks come.
    AcceptThenStall,
    /// By closing the connection, though the text is accepted.
    AcceptThenHangUp,
    /// With 500, though the text is accepted.
    AcceptThenFail,
}

/// What an ordered answer means for the request.
pub(super) enum Outcome {
    /// It is worked on, then answered.
    Accept(Ending),
    /// It is refused.
    Refuse(Refusal),
    /// The connection is closed.
    HangUp,
    /// It is never answered.
    Stall,
}

/// How a request ends that was worked on.
pub(super) enum Ending {
    /// With the answer it earned.
    Answer,
    /// With a failure in spite of its success.
    Refuse(Refusal),
    /// With no answer, and the connection closed.
    HangUp,
    /// With no answer ever.
    Stall,
}

impl Answer {
    /// What this means for a request.
    pub(super) fn outcome(self) -> Outcome {
        let ordered = |status, code| Refusal::Ordered { status, code };
        match self {
            Self::Normal => Outcome::Accept(Ending::Answer),
            Self::Refuse { status, code } => {
                let status =
                    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                Outcome::Refuse(ordered(status, code))
            }
            Self::RateLimited => Outcome::Refuse(ordered(StatusCode::TOO_MANY_REQUESTS, 20429)),
            Self::HangUp | Self::CutOff => Outcome::HangUp,
            Self::Stall => Outcome::Stall,
            Self::AcceptThenStall => Outcome::Accept(Ending::Stall),
            Self::AcceptThenHangUp => Outcome::Accept(Ending::HangUp),
            Self::AcceptThenFail => {
                Outcome::Accept(Ending::Refuse(ordered(StatusCode::INTERNAL_SERVER_ERROR, 20500)))
            }
        }
    }
}

/// How the status of a text changes, and how that is told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Callbacks {
    /// The order callbacks are sent in.
    pub order: Order,
    /// How often each callback is sent; once when absent.
    pub copies: Option<u8>,
    /// The statuses no callback is sent for.
    pub withheld: Vec<Status>,
    /// The time from each status to the next; the account's when absent.
    pub delay_milliseconds: Option<u64>,
    /// Whether all callbacks are sent before the text's own request is answered.
    pub before_response: bool,
    /// What becomes of the text.
    pub end: End,
}

/// The order callbacks are sent in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// As the statuses come, each after the answer to the one before.
    #[default]
    InOrder,
    /// The last status first.
    Reversed,
    /// All at the same time.
    AtOnce,
}

/// What becomes of a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// It arrives.
    #[default]
    Delivered,
    /// The carrier takes it and never reports.
    Sent,
    /// The carrier or the phone refuses it.
    Undelivered {
        /// Why, e.g. 30003.
        error_code: u32,
    },
    /// It never leaves Twilio.
    Failed {
        /// Why, e.g. 30008.
        error_code: u32,
    },
}

impl End {
    /// The statuses a queued text goes through.
    pub(super) fn path(self) -> Vec<(Status, Option<u32>)> {
        let sending = (Status::Sending, None);
        let sent = (Status::Sent, None);
        match self {
            Self::Delivered => vec![sending, sent, (Status::Delivered, None)],
            Self::Sent => vec![sending, sent],
            Self::Undelivered { error_code } => {
                vec![sending, sent, (Status::Undelivered, Some(error_code))]
            }
            Self::Failed { error_code } => vec![sending, (Status::Failed, Some(error_code))],
        }
    }
}
