//! `GET /api/cron/retention`: deletes what is past its time, checks deadlines.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, request::Parts};
use tokio::time::Instant;

use super::table;
use crate::{
    context::Context,
    data::retention::purge::Purger,
    edge::{Answer, Flow, Problem, refusals::Refusals, scheduler::Authorization},
    paths,
    settings::{Group, Reader, SettingsError},
};

/// After this no further batch is begun, so that the last one ends within the
/// function's limit (see [`crate::functions::deployment`]).
const BEGIN_WITHIN: Duration = Duration::from_secs(200);

/// Everything the function holds between requests.
#[derive(Debug)]
pub struct CronRetention {
    authorization: Authorization,
    purger: Purger,
    refusals: Refusals,
}

impl CronRetention {
    /// Reads what the function needs, or says all that is wrong with it.
    pub fn from_settings(reader: Reader<'_>) -> Result<Self, SettingsError> {
        Context::build(reader, table::CRON_RETENTION.settings, |context| {
            let secret = context.read(Group::CronSecret, Reader::cron_secret);
            let (purger, refusals) = (Purger::of(context), context.refusals(paths::CRON_RETENTION));
            Some(Self {
                authorization: Authorization::new(&secret?),
                purger: purger?,
                refusals: refusals?,
            })
        })
    }
}

impl Flow for CronRetention {
    const METHODS: &'static [Method] = &[Method::GET];
    const MAX_BODY: usize = 1024;

    fn refusals(&self) -> Option<&Refusals> {
        Some(&self.refusals)
    }

    async fn handle(self: Arc<Self>, head: Parts, _: Bytes) -> Result<Answer, Problem> {
        self.authorization.check(&head.headers)?;
        let end = Instant::now() + BEGIN_WITHIN;
        let report = self.purger.run(|| Instant::now() < end).await?;
        Ok(Answer::ok("application/json", serde_json::json!(report).to_string()))
    }
}
