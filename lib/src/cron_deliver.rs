//! `GET /api/cron/deliver`: does whatever work is due and not done.
//!
//! The scheduler may be late, come twice at once, or not at all: it only decides
//! when work is looked for, never whose it is.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::join_all;
use http::{Method, header, request::Parts};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tokio::time::Instant;

use crate::{
    http_edge::{Answer, Flow, Problem},
    refusals::Refusals,
    settings::{Reader, SettingsError},
    supabase::Supabase,
    work::{Claimed, Worker},
};

/// Where Vercel's scheduler calls.
pub const PATH: &str = "/api/cron/deliver";

/// How many jobs are done at once.
const BATCH: usize = 16;

/// After this no further batch is claimed, so that the last one ends within the
/// function's limit (see [`crate::deployment`]).
const CLAIM_WITHIN: Duration = Duration::from_secs(25);

/// Everything the function holds between requests.
#[derive(Debug)]
pub struct CronDeliver {
    /// The digest of the whole expected header, so that neither its length nor
    /// its beginning shows in the time a comparison takes.
    authorization: [u8; 32],
    worker: Worker,
    refusals: Refusals,
}

impl CronDeliver {
    /// Reads what the function needs, or says all that is wrong with it.
    pub fn from_settings(reader: Reader<'_>) -> Result<Self, SettingsError> {
        let secret = reader.cron_secret();
        let worker = Worker::from_settings(&reader);
        let flow = (|| {
            Some(Self {
                authorization: expected_authorization(&secret?),
                worker: worker?,
                refusals: Refusals::of(PATH),
            })
        })();
        reader.finish(flow)
    }
}

impl Flow for CronDeliver {
    const METHOD: Method = Method::GET;
    const MAX_BODY: usize = 1024;

    fn refusals(&self) -> Option<(&Refusals, &Supabase)> {
        Some((&self.refusals, self.worker.supabase()))
    }

    async fn handle(self: Arc<Self>, head: Parts, _: Bytes) -> Result<Answer, Problem> {
        let shown = head.headers.get(header::AUTHORIZATION).map(|value| value.as_bytes());
        if !is_authorized(&self.authorization, shown) {
            return Err(Problem::Unauthorized);
        }

        let end = Instant::now() + CLAIM_WITHIN;
        let mut done = 0;
        while Instant::now() < end {
            let Claimed { work, claimed } = self.worker.claim(BATCH).await?;
            if claimed == 0 {
                break;
            }
            done += work.len();
            join_all(work.into_iter().map(|work| self.worker.run(work))).await;
        }
        tracing::info!(done, "looked for work");
        Ok(Answer::ok("application/json", format!(r#"{{"done":{done}}}"#)))
    }
}

fn expected_authorization(secret: &SecretString) -> [u8; 32] {
    Sha256::new().chain_update("Bearer ").chain_update(secret.expose_secret()).finalize().into()
}

fn is_authorized(expected: &[u8; 32], shown: Option<&[u8]>) -> bool {
    let digest: [u8; 32] = Sha256::digest(shown.unwrap_or_default()).into();
    digest.ct_eq(expected).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_secret_is_accepted() {
        let expected = expected_authorization(&"0123456789abcdef".into());
        assert!(is_authorized(&expected, Some(b"Bearer 0123456789abcdef")));
        for wrong in [
            None,
            Some("".as_bytes()),
            Some(b"Bearer "),
            Some(b"Bearer 0123456789abcde"),
            Some(b"Bearer 0123456789abcdef0"),
            Some(b"bearer 0123456789abcdef"),
            Some(b"0123456789abcdef"),
        ] {
            assert!(!is_authorized(&expected, wrong), "{wrong:?}");
        }
    }
}
