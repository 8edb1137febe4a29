//! An owner exports everything: asks for it, sees how far it is, downloads it.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;

use super::OwnerError;
use crate::{
    context::Context,
    data::export::{Exporter, Work, table::Format},
    jobs::{self, Job, Queue as _},
    session::Session,
};

/// An owner's exports.
#[derive(Debug)]
pub struct Exports {
    exporter: Arc<Exporter>,
}

/// What `rpc/request_export` is told.
#[derive(Serialize)]
struct RequestExport<'a> {
    session: &'a Session,
    format: Format,
    business_id: Option<Uuid>,
}

#[derive(Deserialize)]
struct Requested {
    export: ExportView,
    work: Option<Job<Work>>,
}

/// What `rpc/show_export` is told.
#[derive(Serialize)]
struct ShowExport<'a> {
    session: &'a Session,
    export_id: Uuid,
}

/// An export, as `app.export_view` puts it and as the owner is told of it.
#[derive(Deserialize, Serialize)]
pub struct ExportView {
    /// Its id.
    pub export_id: Uuid,
    business_id: Uuid,
    /// The format that was asked for.
    pub format: Format,
    /// `open`, `ready` or `expired`.
    pub state: String,
    /// When it was asked for, as RFC 3339 has it.
    pub requested_at: String,
    /// By when it is promised, as a date.
    pub due_on: String,
    /// How many rows are packed.
    pub rows_done: u64,
    /// How many there are, once they are gathered.
    pub rows_total: Option<u64>,
    snapshot_at: Option<String>,
    /// How long the bundle is.
    pub byte_count: Option<u64>,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: Option<String>,
    /// When the bundle goes, as RFC 3339 has it.
    pub expires_at: Option<String>,
    #[serde(skip_serializing)]
    storage_path: String,
}

impl Exports {
    /// Takes what exports need.
    pub fn of(context: &Context<'_>) -> Option<Self> {
        Some(Self { exporter: Arc::new(Exporter::of(context)?) })
    }

    /// Has an owner's account exported, and returns what remains to be done for that: for
    /// latency only, since it is owed as a job. Asked again while one is under way,
    /// it is that one.
    pub async fn request(
        &self,
        session: &Session,
        format: Format,
        business_id: Option<Uuid>,
    ) -> Result<(ExportView, Option<BoxFuture<'static, ()>>), OwnerError> {
        session.require_recent()?;
        let request = RequestExport { session, format, business_id };
        let Requested { export, work } =
            self.exporter.supabase().call("request_export", &request).await?;
        tracing::info!(export.id = %export.export_id, is_new = work.is_some(), "an export was asked for");
        let work = work.map(|work| {
            let exporter = Arc::clone(&self.exporter);
            Box::pin(async move { jobs::run(&*exporter, work).await }) as _
        });
        Ok((export, work))
    }

    /// How far an export is, which may be seen for as long as the session lasts.
    pub async fn view(&self, session: &Session, export_id: Uuid) -> Result<ExportView, OwnerError> {
        let request = ShowExport { session, export_id };
        Ok(self.exporter.supabase().call("show_export", &request).await?)
    }

    /// The way to a bundle that is ready, for who has signed in lately.
    pub async fn link(&self, session: &Session, export: &ExportView) -> Result<Url, OwnerError> {
        session.require_recent()?;
        Ok(self.exporter.link(&export.storage_path).await?)
    }
}
