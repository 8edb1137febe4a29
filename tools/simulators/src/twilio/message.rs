//! A text, in either direction, as Twilio keeps it and shows it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use trust::text::segments;
use url::Url;
use uuid::Uuid;

use super::API_VERSION;

/// The longest body Twilio takes, in characters.
pub(super) const BODY_LIMIT: usize = 1600;

/// A text that was sent or received.
#[derive(Debug, Clone, Serialize)]
pub struct Message {
    /// Twilio's id, `SM…` or, with media, `MM…`.
    pub sid: String,
    /// Who wrote it.
    pub author: Author,
    /// The sender's number.
    pub from: String,
    /// The receiver's number.
    pub to: String,
    /// What it says, on the phone. Twilio's copy may be redacted.
    pub body: String,
    /// The addresses of its media.
    pub media: Vec<String>,
    /// How many SMS segments it takes.
    pub segments: usize,
    /// Where it has got to.
    pub status: Status,
    /// Why it did not get further.
    pub error_code: Option<u32>,
    /// When it was created.
    pub created: Timestamp,
    /// Each status it had, and since when.
    pub history: Vec<(Status, Timestamp)>,
    /// Where changes of status are told, if anywhere.
    pub status_callback: Option<Url>,
    /// Whether Twilio's copy of the body was emptied.
    pub is_redacted: bool,
    /// Whether it was deleted at Twilio; the phone keeps it.
    pub is_deleted: bool,
}

/// Who wrote a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// The person with the phone.
    Phone,
    /// The product, through the Messages API.
    Product,
    /// The product, in its TwiML answer to a webhook.
    Twiml,
    /// Twilio itself, to STOP, START or HELP. The account's message log does not
    /// list these.
    Twilio,
}

/// Where a text has got to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Accepted, and nothing done yet.
    Queued,
    /// On its way to the carrier.
    Sending,
    /// With the carrier.
    Sent,
    /// On the phone.
    Delivered,
    /// Refused by the carrier or the phone.
    Undelivered,
    /// Never left Twilio.
    Failed,
    /// Sent to us.
    Received,
}

impl Status {
    /// The name in Twilio's API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
            Self::Failed => "failed",
            Self::Received => "received",
        }
    }

    /// Whether nothing can follow.
    pub fn is_final(self) -> bool {
        match self {
            Self::Queued | Self::Sending | Self::Sent => false,
            Self::Delivered | Self::Undelivered | Self::Failed | Self::Received => true,
        }
    }
}

/// What a new message is made of.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) author: Author,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) body: String,
    pub(super) media: Vec<String>,
    pub(super) status_callback: Option<Url>,
}

impl Message {
    /// Creates a message at `now`, in the status its author starts with.
    pub(super) fn new(draft: Draft, now: Timestamp) -> Self {
        let status = match draft.author {
            Author::Phone => Status::Received,
            Author::Product | Author::Twiml => Status::Queued,
            // Twilio's own answers have no life of their own that anybody sees.
            Author::Twilio => Status::Delivered,
        };
        let prefix = if draft.media.is_empty() { "SM" } else { "MM" };
        Self {
            sid: format!("{prefix}{}", Uuid::new_v4().simple()),
            author: draft.author,
            segments: segments::count(&draft.body),
            from: draft.from,
            to: draft.to,
            body: draft.body,
            media: draft.media,
            status,
            error_code: None,
            created: now,
            history: vec![(status, now)],
            status_callback: draft.status_callback,
            is_redacted: false,
            is_deleted: false,
        }
    }

    /// Moves the message to `status`.
    pub(super) fn advance(&mut self, status: Status, error_code: Option<u32>, now: Timestamp) {
        self.status = status;
        self.error_code = error_code;
        self.history.push((status, now));
    }

    /// When the message left, or came in.
    pub(super) fn sent(&self) -> Option<Timestamp> {
        let left = |status| match status {
            Status::Queued | Status::Sending | Status::Failed => false,
            Status::Sent | Status::Delivered | Status::Undelivered | Status::Received => true,
        };
        self.history.iter().find(|(status, _)| left(*status)).map(|(_, at)| *at)
    }

    /// Whether the Messages API shows this message.
    pub(super) fn is_listed(&self) -> bool {
        self.author != Author::Twilio && !self.is_deleted
    }

    /// The message as the Messages API shows it.
    pub(super) fn resource(&self, account_sid: &str) -> Value {
        let uri = format!("/{API_VERSION}/Accounts/{account_sid}/Messages/{}", self.sid);
        let updated = self.history.last().map_or(self.created, |(_, at)| *at);
        let error_message = self.error_code.and_then(error_message);
        json!({
            "account_sid": account_sid,
            "api_version": API_VERSION,
            "body": if self.is_redacted { "" } else { &self.body },
            "date_created": rfc2822(self.created),
            "date_sent": self.sent().map(rfc2822),
            "date_updated": rfc2822(updated),
            "direction": self.direction(),
            "error_code": self.error_code,
            "error_message": error_message,
            "from": self.from,
            "messaging_service_sid": null,
            "num_media": self.media.len().to_string(),
            "num_segments": self.segments.to_string(),
            "price": null,
            "price_unit": "USD",
            "sid": self.sid,
            "status": self.status.as_str(),
            "subresource_uris": { "media": format!("{uri}/Media.json") },
            "to": self.to,
            "uri": format!("{uri}.json"),
        })
    }

    fn direction(&self) -> &'static str {
        match self.author {
            Author::Phone => "inbound",
            Author::Product => "outbound-api",
            Author::Twiml | Author::Twilio => "outbound-reply",
        }
    }
}

/// A date as Twilio writes it, in UTC.
fn rfc2822(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// What Twilio's error dictionary says of the codes a text can end with.
fn error_message(code: u32) -> Option<&'static str> {
    match code {
        21610 => Some("Attempt to send to unsubscribed recipient"),
        30003 => Some("Unreachable destination handset"),
        30004 => Some("Message blocked"),
        30005 => Some("Unknown destination handset"),
        30006 => Some("Landline or unreachable carrier"),
        30007 => Some("Message filtered"),
        30008 => Some("Unknown error"),
        _ => None,
    }
}
