//! `GET /api/cron/deliver`: does whatever work is due and not done.
//!
//! The scheduler may be late, come twice at once, or not at all: it only decides
//! when work is looked for, never whose it is.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::{join, join_all};
use http::{Method, request::Parts};
use tokio::time::Instant;

use crate::{
    data::{closure::Closer, export::Exporter},
    edge::{Answer, Flow, Problem, refusals::Refusals, scheduler::Authorization},
    messaging::{Claimed, Worker},
    providers::supabase::Supabase,
    settings::{Reader, SettingsError},
};

/// Where Vercel's scheduler calls.
pub const PATH: &str = "/api/cron/deliver";

/// How many jobs are done at once.
const BATCH: usize = 16;

/// After this no further batch is claimed, so that the last one ends within the
/// function's limit (see [`crate::functions::deployment`]).
const CLAIM_WITHIN: Duration = Duration::from_secs(25);

/// Everything the function holds between requests.
#[derive(Debug)]
pub struct CronDeliver {
    authorization: Authorization,
    worker: Worker,
    exporter: Arc<Exporter>,
    closer: Arc<Closer>,
    refusals: Refusals,
}

impl CronDeliver {
    /// Reads what the function needs, or says all that is wrong with it.
    pub fn from_settings(reader: Reader<'_>) -> Result<Self, SettingsError> {
        let secret = reader.cron_secret();
        let worker = Worker::from_settings(&reader);
        let exporter = Exporter::from_settings(&reader);
        let closer = Closer::from_settings(&reader);
        let flow = (|| {
            Some(Self {
                authorization: Authorization::new(&secret?),
                worker: worker?,
                exporter: Arc::new(exporter?),
                closer: Arc::new(closer?),
                refusals: Refusals::of(PATH),
            })
        })();
        reader.finish(flow)
    }
}

impl Flow for CronDeliver {
    const METHODS: &'static [Method] = &[Method::GET];
    const MAX_BODY: usize = 1024;

    fn refusals(&self) -> Option<(&Refusals, &Supabase)> {
        Some((&self.refusals, self.worker.supabase()))
    }

    async fn handle(self: Arc<Self>, head: Parts, _: Bytes) -> Result<Answer, Problem> {
        self.authorization.check(&head.headers)?;
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
        let mut answer = Answer::ok("application/json", format!(r#"{{"done":{done}}}"#));
        let (exporter, closer) = (Arc::clone(&self.exporter), Arc::clone(&self.closer));
        answer.background = Some(Box::pin(async move {
            join(exporter.catch_up(), closer.catch_up()).await;
        }));
        Ok(answer)
    }
}
