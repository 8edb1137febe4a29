//! Closing an account, step by step, until nothing of it is left but a certificate.
//!
//! It is owed as a job ([`crate::jobs`]). `rpc/next_closure_step` says what is
//! to be done, and does what is SQL alone; here is what has an effect elsewhere: at
//! Stripe, in Storage, at Twilio. Each effect may be had twice, and is recorded by a
//! call that also goes on to the next step, where the next holder begins.
//!
//! # Invariant
//!
//! A closed account is erased by steps, each with a receipt. The row of `app.closures`
//! outlives all it is about. `rpc/next_closure_step` does
//! what is SQL alone, a bounded piece in each call, and hands out what is not; the call
//! that records an effect is the one that goes on. Nothing is erased before it is sealed:
//! a check constraint says so. Every effect may be had twice.

pub mod certificate;
pub mod proof;

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::{StreamExt as _, future::join_all, stream};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::{Map, Value};
use thiserror::Error;
use tokio::time::Instant;
use trust::signatures::twilio::sid::{MediaSid, MessageSid};
use uuid::Uuid;

use self::proof::Prover;
use crate::{
    context::Context,
    data::{
        backup::{self, BackupError},
        seal::{Keyring, Place, SealError},
    },
    jobs::{self, Advanced, Job, Lease, Queue},
    providers::{
        stripe::{
            client::{Stripe, StripeError},
            id::{CustomerId, SubscriptionId},
        },
        supabase::{
            RpcError, Supabase,
            storage::{Storage, StorageError},
        },
        twilio::client::Twilio,
    },
    settings::{Group, Reader},
};

/// How long a call may take: as long as the database lets it.
const STEP_WITHIN: Duration = Duration::from_secs(65);

/// How many texts are claimed to be emptied at Twilio, and how many of them are at once:
/// a quarter of what an account may ask side by side, for texts are sent meanwhile.
/// <https://help.twilio.com/articles/223180048>
const CLAIM: usize = 200;
const AT_ONCE: usize = 16;

/// An account to close, as `app.closure_work` puts it.
#[derive(Debug, Deserialize)]
pub struct Work {
    closure_id: Uuid,
    business_id: Uuid,
}

/// What `rpc/next_closure_step` says is next.
#[derive(Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
enum Next {
    /// Another holder has it.
    Stale,
    /// Nothing is due now.
    Wait,
    /// A piece was done in the database.
    Progressed,
    Billing {
        customers: Vec<CustomerId>,
        subscriptions: Vec<SubscriptionId>,
    },
    Seal {
        storage_path: String,
    },
    Files {
        objects: Vec<Object>,
    },
    Twilio,
    Certificate {
        content: Map<String, Value>,
    },
}

#[derive(Deserialize)]
struct Object {
    bucket: String,
    path: String,
}

#[derive(Serialize)]
struct EndBilling {
    #[serde(flatten)]
    lease: Lease,
    subscriptions_live: usize,
}

#[derive(Serialize)]
struct SealClosure<'a> {
    #[serde(flatten)]
    lease: Lease,
    storage_path: &'a str,
    byte_count: u64,
    sha256: &'a str,
    counts: &'a BTreeMap<String, u64>,
    pictures: u64,
    pictures_missing: u64,
    key_id: &'a str,
    wrapped_key: String,
}

#[derive(Serialize)]
struct Certify {
    #[serde(flatten)]
    lease: Lease,
    certificate: String,
}

#[derive(Deserialize)]
struct Outcome {
    outcome: String,
}

#[derive(Serialize)]
struct ClaimRedactions {
    limit: usize,
}

/// Texts that Twilio is to forget.
#[derive(Deserialize)]
struct Redactions {
    texts: Vec<Redaction>,
}

#[derive(Deserialize)]
struct Redaction {
    message_sid: MessageSid,
    media_sids: Vec<MediaSid>,
}

#[derive(Default, Serialize)]
struct SettleRedactions {
    forgotten: Vec<MessageSid>,
    put_off: Vec<MessageSid>,
}

/// Why a closure is left for later.
#[derive(Debug, Error)]
pub enum ClosureError {
    /// The database.
    #[error(transparent)]
    Database(#[from] RpcError),
    /// Storage.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Stripe.
    #[error(transparent)]
    Stripe(#[from] StripeError),
    /// The backup could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The backup could not be made.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// Another holder has it.
    #[error("the lease was lost")]
    Stale,
}

/// Closes accounts.
#[derive(Debug)]
pub struct Closer {
    supabase: Supabase,
    storage: Storage,
    stripe: Stripe,
    twilio: Twilio,
    keyring: Keyring,
    prover: Prover,
}

impl Closer {
    /// Takes what closures need.
    pub fn of(context: &Context<'_>) -> Option<Self> {
        let (supabase, storage) = (context.supabase(), context.storage());
        let (stripe, twilio) = (context.stripe(), context.twilio());
        let keyring = context.read(Group::BackupKeys, Reader::backup_keys);
        let suppression_key = context.read(Group::SuppressionKey, Reader::suppression_key);
        Some(Self {
            supabase: supabase?,
            storage: storage?,
            stripe: stripe?,
            twilio: twilio?,
            keyring: keyring?,
            prover: Prover::new(&suppression_key?),
        })
    }

    /// Goes on with what others left: texts that Twilio is to forget, and closures that
    /// are due, one after the other.
    pub async fn catch_up(&self) {
        let end = Instant::now() + Self::RUN_WITHIN;
        if let Err(error) = self.redact(end).await {
            tracing::error!(%error, "texts at twilio are left for later");
        }
        if let Err(error) = jobs::catch_up(self, end).await {
            tracing::error!(%error, "no closure could be claimed");
        }
    }

    /// Goes from step to step until one has to wait or `end` has come.
    async fn take_steps(&self, job: &Job<Work>, end: Instant) -> Result<Advanced, ClosureError> {
        while Instant::now() < end {
            match self.call("next_closure_step", &job.lease).await? {
                Next::Stale => return Ok(Advanced::Stale),
                Next::Wait => return Ok(Advanced::Recorded),
                Next::Progressed => {}
                Next::Billing { customers, subscriptions } => {
                    self.end_billing(job, &customers, subscriptions).await?;
                }
                Next::Seal { storage_path } => self.seal(job, &storage_path).await?,
                Next::Files { objects } => self.delete(&objects).await?,
                Next::Twilio => self.redact(end).await?,
                Next::Certificate { content } => {
                    let certificate = certificate::issue(content, &self.prover);
                    let request = Certify { lease: job.lease, certificate };
                    self.finish("certify_closure", &request).await?;
                    tracing::info!(closure.id = %job.work.closure_id, "an account is gone");
                    return Ok(Advanced::Recorded);
                }
            }
        }
        Ok(Advanced::Unfinished)
    }

    /// Has nothing be paid any more, and nothing be subscribed to: not on a page either
    /// that is still open somewhere. Whatever we know, Stripe is asked.
    async fn end_billing(
        &self,
        job: &Job<Work>,
        customers: &[CustomerId],
        known: Vec<SubscriptionId>,
    ) -> Result<(), ClosureError> {
        let mut live = known;
        for customer in customers {
            for checkout in self.stripe.open_checkouts(customer).await? {
                self.stripe.expire_checkout(&checkout).await?;
            }
            live.extend(self.stripe.live_subscriptions(customer).await?);
        }
        while !live.is_empty() {
            live.sort();
            live.dedup();
            for subscription in live.drain(..) {
                self.stripe.cancel(&subscription).await?;
                tracing::info!(
                    closure.id = %job.work.closure_id,
                    subscription.id = subscription.as_str(),
                    "a subscription is over"
                );
            }
            // A page may have been paid on just before it was closed.
            for customer in customers {
                live.extend(self.stripe.live_subscriptions(customer).await?);
            }
        }
        let request = EndBilling { lease: job.lease, subscriptions_live: live.len() };
        self.finish("end_closure_billing", &request).await
    }

    /// Seals the account under a new key. An object that was begun before under another
    /// is at another place, and is deleted with this one.
    async fn seal(&self, job: &Job<Work>, storage_path: &str) -> Result<(), ClosureError> {
        let Work { closure_id, business_id } = job.work;
        let place = Place { closure_id, path: storage_path.to_owned() };
        let (data_key, wrapped) = self.keyring.new_data_key(&place)?;
        let receipt =
            backup::make(&self.supabase, &self.storage, business_id, &place, &data_key).await?;
        let request = SealClosure {
            lease: job.lease,
            storage_path,
            byte_count: receipt.byte_count,
            sha256: &receipt.sha256,
            counts: &receipt.counts,
            pictures: receipt.pictures,
            pictures_missing: receipt.pictures_missing,
            key_id: &wrapped.key_id,
            wrapped_key: STANDARD.encode(&wrapped.bytes),
        };
        self.finish("seal_closure", &request).await
    }

    async fn delete(&self, objects: &[Object]) -> Result<(), StorageError> {
        let mut by_bucket = BTreeMap::<&str, Vec<&str>>::new();
        for Object { bucket, path } in objects {
            by_bucket.entry(bucket).or_default().push(path);
        }
        for (bucket, paths) in by_bucket {
            self.storage.delete(bucket, &paths).await?;
        }
        Ok(())
    }

    /// Has Twilio forget texts, until none is due or time is up. One that is still on
    /// its way cannot be emptied yet.
    async fn redact(&self, end: Instant) -> Result<(), RpcError> {
        while Instant::now() < end {
            let request = ClaimRedactions { limit: CLAIM };
            let Redactions { texts } = self.call("claim_twilio_redactions", &request).await?;
            if texts.is_empty() {
                return Ok(());
            }
            let outcomes: Vec<_> = stream::iter(texts)
                .map(|text| async move { (self.forget(&text).await, text.message_sid) })
                .buffer_unordered(AT_ONCE)
                .collect()
                .await;
            let mut settled = SettleRedactions::default();
            for (is_forgotten, sid) in outcomes {
                if is_forgotten { &mut settled.forgotten } else { &mut settled.put_off }.push(sid);
            }
            tracing::info!(
                forgotten = settled.forgotten.len(),
                put_off = settled.put_off.len(),
                "emptied texts at twilio"
            );
            let is_idle = settled.forgotten.is_empty();
            let _: IgnoredAny = self.call("settle_twilio_redactions", &settled).await?;
            if is_idle {
                // It does nothing at the moment, and should not be pressed.
                return Ok(());
            }
        }
        Ok(())
    }

    /// True if Twilio has neither the text's words nor its pictures any more.
    async fn forget(&self, text: &Redaction) -> bool {
        let media = text.media_sids.iter();
        let deleted = media.map(|medium| self.twilio.delete_media(&text.message_sid, medium));
        let are_deleted = join_all(deleted).await.into_iter().all(|is_deleted| is_deleted);
        are_deleted && self.twilio.redact(&text.message_sid).await
    }

    /// Records what was done, and that the step is over.
    async fn finish(&self, function: &str, request: &impl Serialize) -> Result<(), ClosureError> {
        let Outcome { outcome } = self.call(function, request).await?;
        if outcome == "finished" { Ok(()) } else { Err(ClosureError::Stale) }
    }

    async fn call<A, R>(&self, function: &str, request: &A) -> Result<R, RpcError>
    where
        A: Serialize,
        R: serde::de::DeserializeOwned,
    {
        self.supabase.call_within(STEP_WITHIN, function, request).await
    }
}

impl Queue for Closer {
    const NAME: &'static str = "closures";
    const AT_ONCE: usize = 1;
    /// The longest step, the seal ([`backup::MAKE_WITHIN`]), may still begin then, and fits
    /// into what is left to the functions that run this (see
    /// [`crate::functions::deployment`]) as into the lease (`app.job_kinds`).
    const RUN_WITHIN: Duration = Duration::from_secs(60);

    type Work = Work;
    type Error = ClosureError;

    fn supabase(&self) -> &Supabase {
        &self.supabase
    }

    async fn advance(&self, job: Job<Work>, end: Instant) -> Result<Advanced, ClosureError> {
        match self.take_steps(&job, end).await {
            Err(ClosureError::Stale) => Ok(Advanced::Stale),
            advanced => advanced,
        }
    }
}
