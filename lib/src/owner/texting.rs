//! The owner answers by hand, takes over from the assistant, and hands back.

use serde::{Deserialize, Serialize};
use trust::text::{redaction, segments};
use uuid::Uuid;

use super::{
    Console, Moment, Owner, OwnerError,
    conversations::LegalBasis,
    fields::{Fault, Faults},
};
use crate::{jobs::Job, messaging::Work};

/// The most SMS a text of an owner's may take.
pub const MAX_SEGMENTS: usize = 6;

/// The most characters it may have: what Postgres keeps of a text.
const MAX_CHARS: usize = 4096;

/// What became of a text of an owner's.
#[derive(Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum OwnerText {
    /// It is on its way.
    Queued(Queued),
    /// It may not be sent, and nothing was stored.
    Refused {
        /// Why.
        reason: Refusal,
        /// From when another try makes sense, if time will change that.
        retry_at: Option<Moment>,
    },
}

/// A text on its way.
#[derive(Deserialize)]
pub struct Queued {
    /// The text.
    pub message_id: Uuid,
    /// Why it is lawful.
    pub legal_basis: LegalBasis,
    /// Whether this request came before: then nothing was sent for it again.
    pub is_repeat: bool,
    /// What is left to do, for [`Console::background`]. Without it another process
    /// does it, or the text waits for its number's turn.
    #[serde(rename = "send")]
    pub work: Option<Box<Job<Work>>>,
}

/// Why an owner's text may not be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The account is being closed.
    BusinessNotActive,
    /// The lead has opted out, or cannot be reached.
    OptedOut,
    /// The shop is not served for its billing.
    Billing,
    /// What consent there was has expired.
    BasisExpired,
    /// There is no consent.
    NoBasis,
    /// It is night where the lead is.
    QuietHours,
    /// The shop has no number to text from.
    NoNumber,
}

/// What became of taking over or handing back.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct Assistant {
    /// Whether the assistant answers from now on.
    pub answers: bool,
    /// How many answers that were owed or waiting will not be sent.
    pub withheld: u32,
}

#[derive(Serialize)]
struct SendOwnerText<'a> {
    lead_id: Uuid,
    request_id: Uuid,
    body: &'a str,
    masked_count: usize,
}

#[derive(Serialize)]
struct SetAssistant {
    lead_id: Uuid,
    answers: bool,
}

#[derive(Serialize)]
struct ResolveFlag {
    lead_id: Uuid,
}

/// What became of taking a lead off the owner's list.
#[derive(Deserialize)]
struct Resolved {
    was_flagged: bool,
}

/// A text as it is to be sent: what must not be texted masked, and counted.
fn check(body: &str) -> Result<redaction::Redacted, Faults> {
    let mut faults = Faults::default();
    let body = faults.text("body", body, MAX_CHARS);
    if body.is_empty() {
        return Err(Faults::one("body", Fault::Missing));
    }
    let redacted = redaction::redact(&faults.or(body)?);
    if segments::count(&redacted.text) > MAX_SEGMENTS {
        return Err(Faults::one("body", Fault::TooManySegments(MAX_SEGMENTS)));
    }
    Ok(redacted)
}

impl Console {
    /// Texts a lead in the shop's name. `request_id` is the form's: posted twice, it
    /// sends once. Numbers of cards and identities are masked first.
    pub async fn send_owner_text(
        &self,
        owner: &Owner,
        lead_id: Uuid,
        request_id: Uuid,
        body: &str,
    ) -> Result<OwnerText, OwnerError> {
        let redacted = check(body).map_err(OwnerError::Fields)?;
        let request = SendOwnerText {
            lead_id,
            request_id,
            body: &redacted.text,
            masked_count: redacted.count,
        };
        self.write(owner, "send_owner_text", request).await
    }

    /// Has the assistant answer a lead, or leaves that to the owner.
    pub async fn set_assistant(
        &self,
        owner: &Owner,
        lead_id: Uuid,
        answers: bool,
    ) -> Result<Assistant, OwnerError> {
        self.write(owner, "set_assistant", SetAssistant { lead_id, answers }).await
    }

    /// Takes a lead off the owner's list. False if it was not on it.
    pub async fn resolve_flag(&self, owner: &Owner, lead_id: Uuid) -> Result<bool, OwnerError> {
        let resolved: Resolved = self.write(owner, "resolve_flag", ResolveFlag { lead_id }).await?;
        Ok(resolved.was_flagged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_checked_as_it_will_be_sent() {
        for (body, want) in [
            (" \r\n", Err(Fault::Missing)),
            ("a\0b", Err(Fault::Character)),
            (&"a".repeat(918), Ok(0)),
            (&"a".repeat(919), Err(Fault::TooManySegments(6))),
            (&"ê".repeat(403), Err(Fault::TooManySegments(6))),
            (&"a".repeat(5000), Err(Fault::TooLong(4096))),
            ("my card is 4242 4242 4242 4242", Ok(1)),
        ] {
            let checked = check(body).map(|redacted| redacted.count);
            assert_eq!(checked.map_err(|faults| faults.of("body").unwrap()), want, "{body}");
        }
        assert!(!check("4242 4242 4242 4242").unwrap().text.contains("4242 4242"));
    }
}
