//! What is owed to leads, as jobs ([`crate::jobs`]): answers, and texts on their way.
//!
//! # Invariant
//!
//! A send whose outcome is unknown is never repeated blindly. `messages.attempted_at`
//! without `twilio_sid` means Twilio may have it. Only a look-up at Twilio that comes a
//! lease (60 s) after the attempt, and finds none but other texts of ours, frees it; or
//! the status callback, whose signed URL carries our own id, settles it. No process hands
//! a text to Twilio later than 40 s after its claim.

pub mod assistant;
mod media;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use trust::{signatures::twilio::sid::MessageSid, text::phone::Phone};
use url::Url;
use uuid::Uuid;

use self::{
    assistant::{Conversation, NeedsOwner},
    media::Pictures,
};
use crate::{
    context::Context,
    jobs::{Advanced, Job, Lease, Queue},
    paths,
    providers::{
        groq::Groq,
        supabase::{RpcError, Supabase, storage::Storage},
        twilio::{
            client::{CONNECTION_OVERRIDES, Found, Sent, Text, Twilio},
            error_code::{self, Suppression},
            status::MessageStatus,
        },
    },
    settings::{Group, Reader},
};

/// How long after a claim a text may still be handed to Twilio. The rest of the
/// lease (`app.job_kinds`: 60 s) is for Twilio's answer: nobody looks a text up
/// while it may still be on its way.
const SEND_WITHIN: Duration = Duration::from_secs(40);

/// How old an attempt counts as whose time a database of before does not tell.
const ANY_AGE: Duration = Duration::from_secs(10 * 365 * 86_400);

/// What is to be done, as `app.work_of` puts it.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Work {
    /// A text to answer.
    Reply(Reply),
    /// A text to send; the gate has just let it through.
    Send(Outbound),
    /// A text that Twilio may have.
    LookUp(Outbound),
    /// A text of which Twilio has a copy with what we masked.
    Redact(Redaction),
    /// A text with pictures to take over from Twilio.
    Media(Pictures),
}

/// A text to answer.
#[derive(Deserialize)]
pub struct Reply {
    message_id: Uuid,
    #[serde(flatten)]
    conversation: Conversation,
}

/// A text to send.
#[derive(Deserialize)]
pub struct Outbound {
    message_id: Uuid,
    from: Phone,
    to: Phone,
    body: String,
    known_sids: Vec<MessageSid>,
    /// How long ago the last attempt began, when this was claimed.
    attempted_seconds_ago: Option<f64>,
}

/// A text to empty at Twilio.
#[derive(Deserialize)]
pub struct Redaction {
    twilio_sid: MessageSid,
}

/// What `rpc/queue_outbound` is told.
#[derive(Serialize)]
struct QueueOutbound<'a> {
    #[serde(flatten)]
    lease: Lease,
    body: &'a str,
    needs_owner_reason: Option<NeedsOwner>,
}

/// What `rpc/queue_outbound` decided.
#[derive(Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
enum QueueOutcome {
    /// Without `send`, the text waits for its number's turn.
    Queued {
        send: Option<Box<Job<Outbound>>>,
    },
    Refused {
        reason: String,
    },
    Stale,
}

/// What `rpc/settle_send` is told.
#[derive(Serialize)]
struct SettleSend<'a> {
    #[serde(flatten)]
    lease: Lease,
    #[serde(flatten)]
    result: SendResult<'a>,
}

#[derive(Serialize)]
#[serde(tag = "result", rename_all = "snake_case")]
enum SendResult<'a> {
    Accepted { twilio_sid: &'a MessageSid, status: MessageStatus },
    Rejected { error_code: u32, policy: Option<Suppression> },
    NotSent { retry_after_seconds: Option<u64> },
    Unknown,
    NotFound,
}

/// What `rpc/settle_redaction` is told.
#[derive(Serialize)]
struct SettleRedaction {
    #[serde(flatten)]
    lease: Lease,
    is_redacted: bool,
}

#[derive(Deserialize)]
struct Settled {
    outcome: String,
}

/// Does what is owed to leads. Needs the database, Storage, the assistant's models and Twilio.
#[derive(Debug)]
pub struct Worker {
    supabase: Supabase,
    storage: Storage,
    groq: Groq,
    twilio: Twilio,
    /// Where Twilio reports statuses; the message's id is added to it.
    status_callback: Url,
}

impl Worker {
    /// Takes what work needs.
    pub fn of(context: &Context<'_>) -> Option<Self> {
        let (supabase, storage) = (context.supabase(), context.storage());
        let (groq, twilio) = (context.groq(), context.twilio());
        let public_origins = context.read(Group::PublicOrigins, Reader::public_origins);
        let mut status_callback = public_origins?.into_iter().next()?;
        status_callback.set_path(paths::SMS_STATUS);
        status_callback.set_fragment(Some(CONNECTION_OVERRIDES));
        Some(Self {
            supabase: supabase?,
            storage: storage?,
            groq: groq?,
            twilio: twilio?,
            status_callback,
        })
    }

    async fn reply(&self, lease: Lease, reply: Reply) -> Result<(), RpcError> {
        let draft = assistant::answer(&self.groq, &reply.conversation, reply.message_id).await;
        let request =
            QueueOutbound { lease, body: &draft.body, needs_owner_reason: draft.needs_owner };
        let claimed_at = Instant::now();
        match self.supabase.call("queue_outbound", &request).await? {
            QueueOutcome::Queued { send: Some(send) } => {
                self.send(send.lease, send.work, claimed_at).await
            }
            QueueOutcome::Queued { send: None } => {
                tracing::info!(message.id = %reply.message_id, "the answer waits for its turn");
                Ok(())
            }
            QueueOutcome::Refused { reason } => {
                tracing::info!(message.id = %reply.message_id, reason, "no answer may be sent");
                Ok(())
            }
            QueueOutcome::Stale => {
                tracing::info!(job.id = %lease.job_id, "another holder answers");
                Ok(())
            }
        }
    }

    async fn send(
        &self,
        lease: Lease,
        send: Outbound,
        claimed_at: Instant,
    ) -> Result<(), RpcError> {
        // A process that was frozen may wake up long after its lease.
        if claimed_at.elapsed() > SEND_WITHIN {
            tracing::warn!(message.id = %send.message_id, "the claim is too old to send on");
            return Ok(());
        }
        let status_callback = self.status_callback_of(&send);
        match self.twilio.send(&send.text(&status_callback)).await {
            Sent::Accepted(sid, status) => {
                tracing::info!(message.id = %send.message_id, message.sid = sid.as_str(), "sent a text");
                let result = SendResult::Accepted { twilio_sid: &sid, status };
                self.record(lease, &send, result).await
            }
            Sent::Rejected(error_code) => {
                tracing::warn!(message.id = %send.message_id, error_code, "twilio refused a text");
                let policy = error_code::suppression(error_code);
                self.record(lease, &send, SendResult::Rejected { error_code, policy }).await
            }
            Sent::NotSent(retry_after) => {
                tracing::warn!(message.id = %send.message_id, "a text was not sent and will be");
                let retry_after_seconds = retry_after.map(|duration| duration.as_secs());
                self.record(lease, &send, SendResult::NotSent { retry_after_seconds }).await
            }
            Sent::Unknown => {
                tracing::warn!(message.id = %send.message_id, "whether a text was sent is unknown");
                self.record(lease, &send, SendResult::Unknown).await
            }
        }
    }

    async fn look_up(
        &self,
        lease: Lease,
        send: Outbound,
        claimed_at: Instant,
    ) -> Result<(), RpcError> {
        let status_callback = self.status_callback_of(&send);
        let told = send.attempted_seconds_ago.and_then(|ago| Duration::try_from_secs_f64(ago).ok());
        let age = told.unwrap_or(ANY_AGE) + claimed_at.elapsed();
        match self.twilio.find(&send.text(&status_callback), &send.known_sids, age).await {
            Found::Yes(sid, status) => {
                tracing::info!(message.id = %send.message_id, message.sid = sid.as_str(), "found a text sent earlier");
                let result = SendResult::Accepted { twilio_sid: &sid, status };
                self.record(lease, &send, result).await
            }
            Found::No => self.record(lease, &send, SendResult::NotFound).await,
            // The lease runs out, and it is looked up again.
            Found::Unknown => Ok(()),
        }
    }

    async fn redact(&self, lease: Lease, redaction: Redaction) -> Result<(), RpcError> {
        let Redaction { twilio_sid } = redaction;
        let is_redacted = self.twilio.redact(&twilio_sid).await;
        tracing::info!(message.sid = twilio_sid.as_str(), is_redacted, "emptied a text at twilio");
        let request = SettleRedaction { lease, is_redacted };
        let _: Settled = self.supabase.call("settle_redaction", &request).await?;
        Ok(())
    }

    async fn record(
        &self,
        lease: Lease,
        send: &Outbound,
        result: SendResult<'_>,
    ) -> Result<(), RpcError> {
        let request = SettleSend { lease, result };
        let settled: Settled = self.supabase.call("settle_send", &request).await?;
        if settled.outcome == "conflict" {
            tracing::error!(message.id = %send.message_id, "a text was sent twice");
        }
        Ok(())
    }

    /// The signature covers the URL's query, so the callback proves which of our
    /// texts it is about, even before Twilio told us its SID.
    fn status_callback_of(&self, send: &Outbound) -> Url {
        let mut url = self.status_callback.clone();
        url.query_pairs_mut().append_pair("message", &send.message_id.to_string());
        url
    }
}

impl Queue for Worker {
    const NAME: &'static str = "texts";
    const AT_ONCE: usize = 16;
    /// The last ones end within the limit of the functions that run this (see
    /// [`crate::functions::deployment`]).
    const RUN_WITHIN: Duration = Duration::from_secs(25);

    type Work = Work;
    type Error = RpcError;

    fn supabase(&self) -> &Supabase {
        &self.supabase
    }

    async fn advance(&self, job: Job<Work>, _: Instant) -> Result<Advanced, RpcError> {
        let claimed_at = Instant::now();
        let Job { lease, work } = job;
        match work {
            Work::Reply(reply) => self.reply(lease, reply).await?,
            Work::Send(send) => self.send(lease, send, claimed_at).await?,
            Work::LookUp(send) => self.look_up(lease, send, claimed_at).await?,
            Work::Redact(redaction) => self.redact(lease, redaction).await?,
            Work::Media(pictures) => self.take_over(lease, pictures, claimed_at).await?,
        }
        Ok(Advanced::Recorded)
    }
}

impl Outbound {
    fn text<'a>(&'a self, status_callback: &'a Url) -> Text<'a> {
        Text { from: &self.from, to: &self.to, body: &self.body, status_callback }
    }
}
