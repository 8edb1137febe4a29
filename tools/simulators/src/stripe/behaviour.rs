//! What Stripe can be ordered to do differently: the API, payments, and the
//! delivery of events.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::{card::Decline, refusal::Refusal};
use crate::script::{self, Limited};

/// A behaviour of the API other than the normal one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// How many more requests it holds for; always when absent.
    pub requests: Option<u32>,
    /// The method it holds for; all when absent.
    pub method: Option<String>,
    /// What the path begins with, e.g. `/v1/customers`; all when absent.
    pub path: Option<String>,
    /// How long the request is kept waiting before anything else happens. It is
    /// worked on even if the caller has given up by then.
    pub delay_milliseconds: u64,
    /// What happens then.
    pub answer: Answer,
}

impl Limited for Behaviour {
    fn requests(&mut self) -> &mut Option<u32> {
        &mut self.requests
    }
}

/// How a request is answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// As Stripe does.
    #[default]
    Normal,
    /// With this status; nothing is done.
    Refuse {
        /// The HTTP status, 400 to 599.
        #[serde(deserialize_with = "script::failure_status")]
        status: u16,
    },
    /// With 429 and `rate_limit`; nothing is done.
    RateLimited,
    /// With 429 and `lock_timeout`; nothing is done.
    LockTimeout,
    /// By closing the connection; nothing is done.
    HangUp,
    /// Never; nothing is done.
    Stall,
    /// Never, though it is done.
    AcceptThenStall,
    /// By closing the connection, though it is done.
    AcceptThenHangUp,
    /// With 500, though it is done.
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
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// With the answer it earned.
    Answer,
    /// With a failure in spite of its success.
    Fail,
    /// With no answer, and the connection closed.
    HangUp,
    /// With no answer ever.
    Stall,
}

impl Answer {
    /// What this means for a request.
    pub(super) fn outcome(self) -> Outcome {
        match self {
            Self::Normal => Outcome::Accept(Ending::Answer),
            Self::Refuse { status } => {
                let status =
                    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                Outcome::Refuse(Refusal::Ordered(status))
            }
            Self::RateLimited => Outcome::Refuse(Refusal::RateLimited),
            Self::LockTimeout => Outcome::Refuse(Refusal::LockTimeout),
            Self::HangUp => Outcome::HangUp,
            Self::Stall => Outcome::Stall,
            Self::AcceptThenStall => Outcome::Accept(Ending::Stall),
            Self::AcceptThenHangUp => Outcome::Accept(Ending::HangUp),
            Self::AcceptThenFail => Outcome::Accept(Ending::Fail),
        }
    }
}

/// What payments come to, whatever the card.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PaymentBehaviour {
    /// How many more payments it holds for; always when absent.
    pub payments: Option<u32>,
    /// The customer it holds for; all when absent.
    pub customer: Option<String>,
    /// Why they are declined; they succeed when absent.
    pub decline: Option<Decline>,
}

impl Limited for PaymentBehaviour {
    fn requests(&mut self) -> &mut Option<u32> {
        &mut self.payments
    }
}

/// A behaviour towards the deliveries of an event other than the normal one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookBehaviour {
    /// How many more events it holds for; always when absent.
    pub events: Option<u32>,
    /// The type of events it holds for; all when absent.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// What is done with the event.
    pub delivery: Fate,
    /// How often it is delivered; once when absent.
    pub copies: Option<u8>,
    /// Whether there is a second event, with an id of its own, for the same change.
    pub twin: bool,
    /// How long it is kept back. Events after it do not wait for it.
    pub delay_milliseconds: u64,
}

impl Limited for WebhookBehaviour {
    fn requests(&mut self) -> &mut Option<u32> {
        &mut self.events
    }
}

/// What is done with an event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It is delivered.
    #[default]
    Normal,
    /// It waits until it is released.
    Hold,
    /// It is never delivered.
    Lose,
}
