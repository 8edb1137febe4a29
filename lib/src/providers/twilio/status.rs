//! The states Twilio reports for a text.

use serde::Serialize;

/// A state of an outbound text, in the order it may pass through them.
/// <https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageStatus {
    /// Taken over, no sender chosen yet.
    Accepted,
    /// To be sent at a set time.
    Scheduled,
    /// Waiting for its turn.
    Queued,
    /// On its way to the carrier.
    Sending,
    /// With the carrier. Can be the last we hear.
    Sent,
    /// Withdrawn before it was sent.
    Canceled,
    /// Not sent.
    Failed,
    /// Sent and not received.
    Undelivered,
    /// Received.
    Delivered,
    /// Received and opened.
    Read,
}

impl MessageStatus {
    /// Accepts Twilio's spelling; `None` for states a text of ours cannot have.
    pub fn parse(text: &str) -> Option<Self> {
        let state = match text {
            "accepted" => Self::Accepted,
            "scheduled" => Self::Scheduled,
            "queued" => Self::Queued,
            "sending" => Self::Sending,
            "sent" => Self::Sent,
            "canceled" => Self::Canceled,
            "failed" => Self::Failed,
            "undelivered" => Self::Undelivered,
            "delivered" => Self::Delivered,
            "read" => Self::Read,
            _ => return None,
        };
        Some(state)
    }
}
