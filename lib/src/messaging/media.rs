//! The pictures of a text: fetched from Twilio, kept in a private bucket,
//! removed at Twilio.
//!
//! Nothing is removed at Twilio before the database says what became of it, so
//! whoever takes over from a holder that died never finds a picture gone that
//! is not kept. Every step may be done twice: an object replaces itself, and
//! what Twilio does not have any more is removed.
//!
//! # Invariant
//!
//! A picture leaves Twilio only after the database says what became of it. First the
//! object (an upload replaces itself), then the row (`rpc/settle_media`, with the fencing
//! token), then Twilio's copy, then that it is gone. So a job that was killed anywhere is
//! simply done again, and `gone` never means that we lost it ourselves.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;
use trust::{
    signatures::twilio::sid::{MediaSid, MessageSid},
    text::media_type,
};

use super::{Settled, Worker};
use crate::{
    jobs::Lease,
    providers::{supabase::RpcError, twilio::media::Fetched},
};

/// The bucket pictures are kept in; a migration makes it.
const BUCKET: &str = "media";

/// How long after a claim another picture may be begun. What is left over is
/// taken at the next claim.
const BEGIN_WITHIN: Duration = Duration::from_secs(15);

/// The attempt from which a picture that Twilio does not have counts as gone. It
/// may tell of one before it has it everywhere.
const GONE_FROM: u32 = 3;

/// The attempt at which a picture is given up that could never be fetched. It is
/// the last there is (`app.job_kinds`), and what we cannot keep is not to stay at
/// Twilio either.
const GIVEN_UP_AT: u32 = 12;

/// The pictures of a text to take over, as `app.media_work` puts them.
#[derive(Deserialize)]
pub struct Pictures {
    attempt: u32,
    twilio_sid: MessageSid,
    media: Vec<Medium>,
}

/// A picture that Twilio still has.
#[derive(Deserialize)]
struct Medium {
    position: u8,
    twilio_sid: MediaSid,
    storage_path: String,
    /// Whether it is stored or refused already, so that only Twilio has to
    /// forget it.
    is_settled: bool,
}

/// What `rpc/settle_media` is told.
#[derive(Serialize)]
struct SettleMedia {
    #[serde(flatten)]
    lease: Lease,
    /// Whether this holder does nothing more.
    is_end: bool,
    settled: Vec<Settlement>,
    removed: Vec<u8>,
}

#[derive(Serialize)]
struct Settlement {
    position: u8,
    #[serde(flatten)]
    outcome: Outcome,
}

/// What became of a picture.
#[derive(Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
enum Outcome {
    Stored { found_type: &'static str, byte_count: usize, sha256: String },
    Refused { refusal: Refusal },
}

/// Why a picture is not kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Refusal {
    Type,
    TooLarge,
    Gone,
    Unavailable,
}

impl Worker {
    /// Takes over what it can of a text's pictures.
    pub(super) async fn take_over(
        &self,
        lease: Lease,
        mut text: Pictures,
        claimed_at: Instant,
    ) -> Result<(), RpcError> {
        let mut settled = Vec::new();
        for medium in text.media.iter_mut().filter(|medium| !medium.is_settled) {
            if claimed_at.elapsed() > BEGIN_WITHIN {
                break;
            }
            if let Some(outcome) = self.keep(&text.twilio_sid, text.attempt, medium).await {
                medium.is_settled = true;
                settled.push(Settlement { position: medium.position, outcome });
            }
        }
        if !settled.is_empty() {
            let request = SettleMedia { lease, is_end: false, settled, removed: Vec::new() };
            let answer: Settled = self.supabase.call("settle_media", &request).await?;
            // Another holder may be fetching what we would remove.
            if answer.outcome == "stale" {
                tracing::info!(job.id = %lease.job_id, "another holder takes over the pictures");
                return Ok(());
            }
        }

        let removals = text.media.iter().filter(|medium| medium.is_settled).map(async |medium| {
            let is_removed = self.twilio.delete_media(&text.twilio_sid, &medium.twilio_sid).await;
            is_removed.then_some(medium.position)
        });
        let removed: Vec<u8> = join_all(removals).await.into_iter().flatten().collect();
        tracing::info!(
            message.sid = text.twilio_sid.as_str(),
            removed = removed.len(),
            left = text.media.len() - removed.len(),
            "took over pictures"
        );
        let request = SettleMedia { lease, is_end: true, settled: Vec::new(), removed };
        let _: Settled = self.supabase.call("settle_media", &request).await?;
        Ok(())
    }

    /// Fetches a picture and stores it. `None` if that is to be tried again.
    async fn keep(&self, text: &MessageSid, attempt: u32, medium: &Medium) -> Option<Outcome> {
        let bytes = match self.twilio.fetch_media(text, &medium.twilio_sid).await {
            Fetched::Whole(bytes) => bytes,
            failed => return refusal(&failed, attempt).map(|refusal| Outcome::Refused { refusal }),
        };
        let Some(found_type) = media_type::detect(&bytes) else {
            return Some(Outcome::Refused { refusal: Refusal::Type });
        };
        let byte_count = bytes.len();
        let sha256 = STANDARD.encode(Sha256::digest(&bytes));
        if let Err(error) =
            self.storage.upload(BUCKET, &medium.storage_path, found_type, bytes).await
        {
            tracing::error!(message.sid = text.as_str(), %error, "a picture is not stored");
            return None;
        }
        Some(Outcome::Stored { found_type, byte_count, sha256 })
    }
}

/// Why a picture that was not fetched at this attempt is not tried again.
fn refusal(fetched: &Fetched, attempt: u32) -> Option<Refusal> {
    match fetched {
        Fetched::TooLarge => Some(Refusal::TooLarge),
        Fetched::Missing => (attempt >= GONE_FROM).then_some(Refusal::Gone),
        Fetched::Unavailable => (attempt >= GIVEN_UP_AT).then_some(Refusal::Unavailable),
        Fetched::Whole(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_come_later_is_tried_again() {
        for (fetched, attempt, want) in [
            (Fetched::TooLarge, 1, Some(Refusal::TooLarge)),
            (Fetched::Missing, 1, None),
            (Fetched::Missing, 2, None),
            (Fetched::Missing, 3, Some(Refusal::Gone)),
            (Fetched::Unavailable, 11, None),
            (Fetched::Unavailable, 12, Some(Refusal::Unavailable)),
        ] {
            assert_eq!(refusal(&fetched, attempt), want, "{fetched:?} at {attempt}");
        }
    }
}
