//! Everything of an account, in a file for its owner.
//!
//! `rpc/snapshot_export` gathers all rows in one statement, so that they are of
//! one moment; from there they come chunk by chunk, are packed, and go to Storage
//! while they do: neither is ever held whole. It is owed as a job ([`crate::jobs`]);
//! the next holder begins with the same rows and comes to the same bytes at the same
//! place.
//!
//! # Invariants
//!
//! An export is of one moment. `snapshot_export` reads everything in one statement,
//! through a stable function, so all its queries have that statement's snapshot. Counts
//! are written in the same statement, and a bundle without as many rows is not finished.
//!
//! A bundle that is cut off is no object. The body of the upload ends well only if the
//! bundle was finished; else it ends with an error, and Storage keeps nothing. The path
//! is the export's, so whoever makes it again replaces it.

pub mod bundle;
pub mod schema;
pub mod table;
pub mod verify;

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::{sync::mpsc, task::JoinError, time::Instant};
use url::Url;
use uuid::Uuid;

use self::{
    bundle::{Bundle, BundleError, Head},
    table::{Format, RowError},
};
use crate::{
    context::Context,
    data::pipe::{Pipe, Stored, pipe},
    jobs::{self, Advanced, Job, Lease, Queue},
    providers::{
        supabase::{
            RpcError, Supabase,
            storage::{Storage, StorageError},
        },
        twilio::media::MAX_BYTES,
    },
};

/// The bucket of the bundles. Nobody reads it without a signed link.
const BUCKET: &str = "exports";

/// The bucket of the pictures that came with texts, and the file of their rows.
pub(crate) const MEDIA_BUCKET: &str = "media";
const MEDIA_FILE: &str = "media";

/// How long a link to a bundle lives.
pub const LINK_LIFETIME: Duration = Duration::from_secs(15 * 60);

/// How long gathering the rows may take: as long as the database lets it.
pub(crate) const SNAPSHOT_WITHIN: Duration = Duration::from_secs(125);

/// How long any other step may take; the longest deletes the rows again.
pub(crate) const STEP_WITHIN: Duration = Duration::from_secs(65);

/// How long packing and storing may take. With what comes before it, less than
/// what the functions that do it have (see [`crate::functions::deployment`]).
pub(crate) const STORE_WITHIN: Duration = Duration::from_secs(500);

/// An export to make, as `app.export_work` puts it.
#[derive(Debug, Deserialize)]
pub struct Work {
    export_id: Uuid,
    business_id: Uuid,
    format: Format,
    storage_path: String,
}

/// Why an export is left for later.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The database.
    #[error(transparent)]
    Database(#[from] RpcError),
    /// Storage.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The bundle could not be packed.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The thread that packs ended.
    #[error("the bundle's writer ended")]
    Writer(#[from] JoinError),
    /// Another holder has it.
    #[error("the lease was lost")]
    Stale,
    /// The database has crashed, and the snapshot's rows with it.
    #[error("the snapshot was lost")]
    Lost,
}

#[derive(Serialize)]
struct Nothing {}

#[derive(Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
enum Snapshot {
    Taken { snapshot_at: String, counts: BTreeMap<String, u64>, chunk_count: u32 },
    Stale,
}

#[derive(Serialize)]
struct ExportChunk {
    #[serde(flatten)]
    lease: Lease,
    number: u32,
}

#[derive(Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
enum ChunkOutcome {
    Chunk(Chunk),
    Lost,
    Stale,
}

/// Rows of one file.
#[derive(Deserialize)]
struct Chunk {
    file: String,
    lines: String,
}

/// What is packed next.
enum Part {
    Rows(Chunk),
    Picture { name: String, content: Bytes },
}

/// A row of the file `media`, as far as it takes to put the picture beside it.
#[derive(Deserialize)]
struct MediaRow {
    /// Its name in the bundle, if it is stored.
    file: Option<String>,
    storage_path: String,
}

#[derive(Deserialize)]
struct Objects {
    objects: Vec<Object>,
}

/// What `rpc/objects_deleted` is told.
#[derive(Default, Serialize)]
struct ObjectsDeleted {
    objects: Vec<Object>,
    put_off: Vec<Object>,
}

#[derive(Deserialize, Serialize)]
struct Object {
    bucket: String,
    path: String,
}

#[derive(Serialize)]
struct FinishExport {
    #[serde(flatten)]
    lease: Lease,
    byte_count: u64,
    sha256: String,
}

#[derive(Deserialize)]
struct Outcome {
    outcome: String,
}

#[derive(Deserialize)]
struct Expired {
    exports: Vec<ExpiredExport>,
}

#[derive(Deserialize)]
struct ExpiredExport {
    export_id: Uuid,
    storage_path: String,
}

#[derive(Serialize)]
struct ExpireExports {
    export_ids: Vec<Uuid>,
}

/// Makes bundles, and deletes those that are past their time.
#[derive(Debug)]
pub struct Exporter {
    supabase: Supabase,
    storage: Storage,
}

impl Exporter {
    /// Takes what exports need.
    pub fn of(context: &Context<'_>) -> Option<Self> {
        let (supabase, storage) = (context.supabase(), context.storage());
        Some(Self { supabase: supabase?, storage: storage? })
    }

    /// A link to the bundle at `storage_path`, by which it is saved under a name.
    pub async fn link(&self, storage_path: &str) -> Result<Url, StorageError> {
        let mut link = self.storage.sign(BUCKET, storage_path, LINK_LIFETIME).await?;
        link.query_pairs_mut().append_pair("download", "leadslock-export.zip");
        Ok(link)
    }

    /// Goes on with what others left: objects that are to be deleted, and an export.
    pub async fn catch_up(&self) {
        self.delete().await;
        if let Err(error) = jobs::catch_up(self, Instant::now() + Self::RUN_WITHIN).await {
            tracing::error!(%error, "no export could be claimed");
        }
    }

    /// Deletes the bundles that are past their time, and what else is to be deleted.
    async fn delete(&self) {
        loop {
            let deleted = async { Ok(self.expire_some().await? + self.delete_objects().await?) };
            match deleted.await {
                Ok(0) => return,
                Ok(count) => tracing::info!(count, "objects were deleted"),
                Err(error) => {
                    let error: ExportError = error;
                    tracing::error!(%error, "objects are left for later");
                    return;
                }
            }
        }
    }

    async fn expire_some(&self) -> Result<usize, ExportError> {
        let Expired { exports } = self.supabase.call("expired_exports", &Nothing {}).await?;
        if exports.is_empty() {
            return Ok(0);
        }
        let paths: Vec<_> = exports.iter().map(|export| export.storage_path.as_str()).collect();
        self.storage.delete(BUCKET, &paths).await?;
        let export_ids: Vec<_> = exports.iter().map(|export| export.export_id).collect();
        let count = export_ids.len();
        let _: serde_json::Value =
            self.supabase.call("expire_exports", &ExpireExports { export_ids }).await?;
        Ok(count)
    }

    async fn make(&self, job: &Job<Work>) -> Result<(), ExportError> {
        let Job { lease, work } = job;
        let snapshot = self.supabase.call_within(SNAPSHOT_WITHIN, "snapshot_export", lease).await?;
        let Snapshot::Taken { snapshot_at, counts, chunk_count } = snapshot else {
            return Err(ExportError::Stale);
        };
        let head = Head {
            export_id: work.export_id,
            business_id: work.business_id,
            format: work.format,
            snapshot_at,
            counts,
        };
        let Stored { byte_count, sha256 } = self.store(job, head, chunk_count).await?;
        let request = FinishExport { lease: *lease, byte_count, sha256 };
        match self
            .supabase
            .call_with_retries::<_, Outcome>(STEP_WITHIN, "finish_export", &request)
            .await?
            .outcome
            .as_str()
        {
            "ready" => Ok(()),
            _ => Err(ExportError::Stale),
        }
    }

    /// Packs the snapshot's rows and stores the bundle while it grows.
    ///
    /// Three things go on at once, each waiting for the next: rows are fetched,
    /// packed on a thread of their own, and sent. When one fails, all end; what
    /// was sent then ends with an error, and Storage keeps nothing of it.
    async fn store(
        &self,
        job: &Job<Work>,
        head: Head,
        chunk_count: u32,
    ) -> Result<Stored, ExportError> {
        let Job { lease, work } = job;
        let (part_sender, parts) = mpsc::channel(2);
        let (pipe, pieces) = pipe();
        let fetch = async move {
            let mut media = Vec::new();
            for number in 1..=chunk_count {
                let chunk = self.chunk(lease, number).await?;
                if chunk.file == MEDIA_FILE {
                    media.push(number);
                }
                if part_sender.send(Part::Rows(chunk)).await.is_err() {
                    // The writer has failed, and says why.
                    return Ok::<(), ExportError>(());
                }
            }
            // A zip has one file after the other: pictures come when all rows are in
            // it, and their rows once more, rather than being kept until then.
            for number in media {
                for line in self.chunk(lease, number).await?.lines.lines() {
                    let Some((name, content)) = self.picture(work, line).await? else { continue };
                    if part_sender.send(Part::Picture { name, content }).await.is_err() {
                        return Ok(());
                    }
                }
            }
            Ok(())
        };
        let writer = tokio::task::spawn_blocking(move || pack(head, parts, pipe));
        let pack = async { Ok(writer.await??) };
        let upload = async {
            let body = reqwest::Body::wrap(pieces);
            let path = &work.storage_path;
            let uploaded =
                self.storage.upload_stream(BUCKET, path, "application/zip", body, STORE_WITHIN);
            Ok(uploaded.await?)
        };
        let ((), stored, ()) = tokio::try_join!(fetch, pack, upload)?;
        Ok(stored)
    }

    async fn chunk(&self, lease: &Lease, number: u32) -> Result<Chunk, ExportError> {
        let request = ExportChunk { lease: *lease, number };
        match self.supabase.call_with_retries(STEP_WITHIN, "export_chunk", &request).await? {
            ChunkOutcome::Chunk(chunk) => Ok(chunk),
            ChunkOutcome::Lost => Err(ExportError::Lost),
            ChunkOutcome::Stale => Err(ExportError::Stale),
        }
    }

    /// The picture of a row of the file `media`, with its name in the bundle, if it is
    /// stored and has not been erased since the snapshot.
    async fn picture(
        &self,
        work: &Work,
        line: &str,
    ) -> Result<Option<(String, Bytes)>, ExportError> {
        let row: MediaRow = serde_json::from_str(line).map_err(|_| BundleError::Row(RowError))?;
        let Some(name) = row.file else { return Ok(None) };
        let content = self.storage.download(MEDIA_BUCKET, &row.storage_path, MAX_BYTES).await?;
        if content.is_none() {
            tracing::warn!(export.id = %work.export_id, "a picture was erased since the snapshot");
        }
        Ok(content.map(|content| (name, content)))
    }

    /// Deletes objects whose rows were erased. One that Storage refuses is tried again
    /// later, and keeps no other back.
    async fn delete_objects(&self) -> Result<usize, ExportError> {
        let Objects { objects } = self.supabase.call("objects_to_delete", &Nothing {}).await?;
        if objects.is_empty() {
            return Ok(0);
        }
        let mut request = ObjectsDeleted::default();
        for object in objects {
            match self.storage.delete(&object.bucket, &[&object.path]).await {
                Ok(()) => request.objects.push(object),
                Err(error) => {
                    tracing::error!(bucket = object.bucket, %error, "an object is left for later");
                    request.put_off.push(object);
                    // Whom nobody can reach need not be asked a hundred times.
                    if !matches!(error, StorageError::Refused(_)) {
                        break;
                    }
                }
            }
        }
        let _: serde_json::Value = self.supabase.call("objects_deleted", &request).await?;
        Ok(request.objects.len())
    }
}

impl Queue for Exporter {
    const NAME: &'static str = "exports";
    /// One takes minutes, and most of what the function has.
    const AT_ONCE: usize = 1;
    const RUN_WITHIN: Duration = Duration::ZERO;

    type Work = Work;
    type Error = ExportError;

    fn supabase(&self) -> &Supabase {
        &self.supabase
    }

    /// Makes an export's bundle, to its end.
    async fn advance(&self, job: Job<Work>, _: Instant) -> Result<Advanced, ExportError> {
        match self.make(&job).await {
            Ok(()) => {
                tracing::info!(export.id = %job.work.export_id, "an export is ready");
                Ok(Advanced::Recorded)
            }
            Err(ExportError::Stale) => Ok(Advanced::Stale),
            Err(error) => Err(error),
        }
    }
}

/// Writes a bundle of all parts there will be.
fn pack(head: Head, mut parts: mpsc::Receiver<Part>, pipe: Pipe) -> Result<Stored, BundleError> {
    let mut bundle = Bundle::begin(pipe, head)?;
    while let Some(part) = parts.blocking_recv() {
        match part {
            Part::Rows(Chunk { file, lines }) => bundle.add(&file, &lines)?,
            Part::Picture { name, content } => bundle.add_picture(&name, &content)?,
        }
    }
    Ok(bundle.finish()?.end()?)
}
