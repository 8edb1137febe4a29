//! `GET /api/cron/deliver`: does whatever work is due and not done.
//!
//! The scheduler may be late, come twice at once, or not at all: it only decides
//! when work is looked for, never whose it is.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join;
use http::{Method, request::Parts};
use tokio::time::Instant;

use super::table;
use crate::{
    context::Context,
    data::{closure::Closer, export::Exporter},
    edge::{Answer, Flow, Problem, refusals::Refusals, scheduler::Authorization},
    jobs::{self, Queue as _},
    messaging::Worker,
    paths,
    settings::{Group, Reader, SettingsError},
};

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
        Context::build(reader, table::CRON_DELIVER.settings, |context| {
            let secret = context.read(Group::CronSecret, Reader::cron_secret);
            let (worker, exporter) = (Worker::of(context), Exporter::of(context));
            let (closer, refusals) = (Closer::of(context), context.refusals(paths::CRON_DELIVER));
            Some(Self {
                authorization: Authorization::new(&secret?),
                worker: worker?,
                exporter: Arc::new(exporter?),
                closer: Arc::new(closer?),
                refusals: refusals?,
            })
        })
    }
}

impl Flow for CronDeliver {
    const METHODS: &'static [Method] = &[Method::GET];
    const MAX_BODY: usize = 1024;

    fn refusals(&self) -> Option<&Refusals> {
        Some(&self.refusals)
    }

    async fn handle(self: Arc<Self>, head: Parts, _: Bytes) -> Result<Answer, Problem> {
        self.authorization.check(&head.headers)?;
        let end = Instant::now() + Worker::RUN_WITHIN;
        let done = jobs::catch_up(&self.worker, end).await?;
        tracing::info!(done, "looked for work");
        let mut answer = Answer::ok("application/json", format!(r#"{{"done":{done}}}"#));
        let (exporter, closer) = (Arc::clone(&self.exporter), Arc::clone(&self.closer));
        answer.background = Some(Box::pin(async move {
            join(exporter.catch_up(), closer.catch_up()).await;
        }));
        Ok(answer)
    }
}
