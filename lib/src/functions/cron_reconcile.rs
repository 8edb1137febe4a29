//! `GET /api/cron/reconcile`: repairs what events did not tell us.
//!
//! It is a function of its own, because it alone needs Stripe's key on a
//! schedule, and may take minutes after an outage.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, request::Parts};
use tokio::time::Instant;

use super::table;
use crate::{
    context::Context,
    edge::{Answer, Flow, Problem, refusals::Refusals, scheduler::Authorization},
    paths,
    providers::stripe::{mirror::Mirror, reconcile::Reconciler},
    settings::{Group, Reader, SettingsError},
};

/// After this no further page is begun, so that the last one ends within the
/// function's limit (see [`crate::functions::deployment`]).
const BEGIN_WITHIN: Duration = Duration::from_secs(200);

/// Everything the function holds between requests.
#[derive(Debug)]
pub struct CronReconcile {
    authorization: Authorization,
    reconciler: Reconciler,
    refusals: Refusals,
}

impl CronReconcile {
    /// Reads what the function needs, or says all that is wrong with it.
    pub fn from_settings(reader: Reader<'_>) -> Result<Self, SettingsError> {
        Context::build(reader, table::CRON_RECONCILE.settings, |context| {
            let secret = context.read(Group::CronSecret, Reader::cron_secret);
            let (stripe, supabase) = (context.stripe(), context.supabase());
            let refusals = context.refusals(paths::CRON_RECONCILE);
            Some(Self {
                authorization: Authorization::new(&secret?),
                reconciler: Reconciler::new(Mirror::new(stripe?, supabase?)),
                refusals: refusals?,
            })
        })
    }
}

impl Flow for CronReconcile {
    const METHODS: &'static [Method] = &[Method::GET];
    const MAX_BODY: usize = 1024;

    fn refusals(&self) -> Option<&Refusals> {
        Some(&self.refusals)
    }

    async fn handle(self: Arc<Self>, head: Parts, _: Bytes) -> Result<Answer, Problem> {
        self.authorization.check(&head.headers)?;
        let end = Instant::now() + BEGIN_WITHIN;
        let report = self.reconciler.run(end).await?;
        let body = serde_json::json!(report).to_string();
        Ok(Answer::ok("application/json", body))
    }
}
