//! A sealed backup of an account: all that is needed to bring it back, and nobody
//! but an operator with a key of `BACKUP_KEYS` can read it.
//!
//! All rows are of one moment (`rpc/snapshot_backup`). From there they come chunk by
//! chunk, are packed, sealed, and go to Storage while they are: nothing is ever held
//! whole. What is cut off is no object, and what is made again takes its place.
//!
//! # Invariant
//!
//! A sealed backup is read to its end before a row is written. Each chunk is
//! authenticated, with the closure and path it was made for, but that none is missing is
//! known only with the last. A restore that is killed is done again; the shop is closed
//! until the last call has counted its rows.

pub mod archive;
pub mod restore;

use std::{collections::BTreeMap, io, time::Duration};

use futures_util::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::{sync::mpsc, task::JoinError};
use uuid::Uuid;

use self::archive::{Head, Part, Writer};
use crate::{
    data::{
        export::{MEDIA_BUCKET, SNAPSHOT_WITHIN, STEP_WITHIN, STORE_WITHIN},
        pipe::{Pipe, Stored, pipe},
        seal::{DataKey, Place, Sealer},
    },
    providers::{
        supabase::{
            RpcError, Supabase,
            storage::{Storage, StorageError},
        },
        twilio::media::MAX_BYTES,
    },
};

/// The bucket of sealed backups.
pub const BUCKET: &str = "backups";

/// The longest [`make`] may take.
pub const MAKE_WITHIN: Duration =
    SNAPSHOT_WITHIN.saturating_add(STORE_WITHIN).saturating_add(STEP_WITHIN);

/// How many pictures are fetched at once: at most 5 MB each.
const PICTURES_AT_ONCE: usize = 8;

/// The table whose rows have pictures.
const MEDIA: &str = "media";

/// Why there is no backup.
#[derive(Debug, Error)]
pub enum BackupError {
    /// The database did not give the rows.
    #[error(transparent)]
    Database(#[from] RpcError),
    /// Storage did not give a picture, or did not take the object.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// It could not be packed, sealed or passed on.
    #[error("the backup could not be written")]
    Write(#[from] io::Error),
    /// The thread that writes it ended.
    #[error("the backup's writer ended")]
    Writer(#[from] JoinError),
    /// A row has not the form that its table has.
    #[error("a row is not what its table says")]
    Row,
    /// Another snapshot has replaced it, or the database has crashed.
    #[error("the snapshot was lost")]
    Lost,
}

/// What was stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// How long the sealed object is.
    pub byte_count: u64,
    /// The SHA-256 of the sealed object, in hexadecimal digits.
    pub sha256: String,
    /// How many rows of each table are in it, the owner's included.
    pub counts: BTreeMap<String, u64>,
    /// How many pictures are in it.
    pub pictures: u64,
    /// How many pictures have a row and were not in Storage.
    pub pictures_missing: u64,
}

#[derive(Serialize)]
struct SnapshotBackup {
    business_id: Uuid,
}

#[derive(Deserialize)]
struct Snapshot {
    snapshot_id: Uuid,
    snapshot_at: String,
    counts: BTreeMap<String, u64>,
    chunk_count: u32,
}

#[derive(Serialize)]
struct BackupChunk {
    snapshot_id: Uuid,
    number: u32,
}

#[derive(Serialize)]
struct EndBackup {
    snapshot_id: Uuid,
}

/// Rows of one table; of none if the snapshot is lost.
#[derive(Deserialize)]
struct Chunk {
    file: Option<String>,
    lines: Option<String>,
}

/// A row of the table `media`, as far as it takes to find the picture.
#[derive(Deserialize)]
struct MediaRow {
    state: String,
    storage_path: String,
}

impl MediaRow {
    /// The rows of `lines` whose pictures are stored.
    fn stored(lines: &str) -> impl Iterator<Item = Result<Self, BackupError>> {
        let row = |line| serde_json::from_str(line).map_err(|_| BackupError::Row);
        let is_stored =
            |row: &Result<Self, _>| row.as_ref().map_or(true, |row: &Self| row.state == "stored");
        lines.lines().map(row).filter(is_stored)
    }
}

/// How many pictures there were.
#[derive(Default)]
struct Pictures {
    found: u64,
    missing: u64,
}

/// Seals all of an account under `key` and stores it at the path of `place`.
///
/// Done again it replaces what it stored, so whoever calls it gives each holder of the
/// work a path of its own.
pub async fn make(
    supabase: &Supabase,
    storage: &Storage,
    business_id: Uuid,
    place: &Place,
    key: &DataKey,
) -> Result<Receipt, BackupError> {
    let request = SnapshotBackup { business_id };
    let snapshot: Snapshot =
        supabase.call_within(SNAPSHOT_WITHIN, "snapshot_backup", &request).await?;
    let made = store(supabase, storage, business_id, &snapshot, place, key).await;
    // The copies are personal data. Whoever fails here leaves them to the next snapshot,
    // or to the end of the account's rows.
    let request = EndBackup { snapshot_id: snapshot.snapshot_id };
    let ended: Result<serde_json::Value, _> =
        supabase.call_with_retries(STEP_WITHIN, "end_backup", &request).await;
    let (Stored { byte_count, sha256 }, pictures) = made?;
    ended?;
    Ok(Receipt {
        byte_count,
        sha256,
        counts: snapshot.counts,
        pictures: pictures.found,
        pictures_missing: pictures.missing,
    })
}

/// Fetches, packs and uploads, all at once, each waiting for the next. When one fails,
/// all end; what was sent then ends with an error, and Storage keeps nothing of it.
async fn store(
    supabase: &Supabase,
    storage: &Storage,
    business_id: Uuid,
    snapshot: &Snapshot,
    place: &Place,
    key: &DataKey,
) -> Result<(Stored, Pictures), BackupError> {
    let (part_sender, parts) = mpsc::channel(2);
    let (pipe, pieces) = pipe();
    let fetch = async move {
        let mut pictures = Pictures::default();
        for number in 1..=snapshot.chunk_count {
            let request = BackupChunk { snapshot_id: snapshot.snapshot_id, number };
            let chunk = supabase.call_with_retries(STEP_WITHIN, "backup_chunk", &request).await?;
            let Chunk { file: Some(table), lines: Some(lines) } = chunk else {
                return Err(BackupError::Lost);
            };
            let media = if table == MEDIA { lines.clone() } else { String::new() };
            if part_sender.send(Part::Rows { table, lines }).await.is_err() {
                // The writer has failed, and says why.
                return Ok(pictures);
            }
            // Several at once, or an account of many pictures would take longer than a
            // function may run.
            let mut found = stream::iter(MediaRow::stored(&media))
                .map(async |row| {
                    let path = row?.storage_path;
                    let content = storage.download(MEDIA_BUCKET, &path, MAX_BYTES).await?;
                    Ok::<_, BackupError>((path, content))
                })
                .buffered(PICTURES_AT_ONCE);
            while let Some(picture) = found.next().await {
                let (path, Some(content)) = picture? else {
                    pictures.missing += 1;
                    continue;
                };
                pictures.found += 1;
                if part_sender.send(Part::Picture { path, content }).await.is_err() {
                    return Ok(pictures);
                }
            }
        }
        Ok(pictures)
    };
    let head = Head {
        format: archive::FORMAT.to_owned(),
        business_id,
        snapshot_at: snapshot.snapshot_at.clone(),
        counts: snapshot.counts.clone(),
    };
    // The header waits in the pipe: nothing blocks here.
    let sealer = Sealer::begin(pipe, key, place)?;
    let writer = tokio::task::spawn_blocking(move || pack(&head, parts, sealer));
    let pack = async { Ok(writer.await??) };
    let upload = async {
        let body = reqwest::Body::wrap(pieces);
        let kind = "application/octet-stream";
        Ok(storage.upload_stream(BUCKET, &place.path, kind, body, STORE_WITHIN).await?)
    };
    let (pictures, stored, ()) = tokio::try_join!(fetch, pack, upload)?;
    Ok((stored, pictures))
}

/// Writes an archive of all parts there will be.
fn pack(head: &Head, mut parts: mpsc::Receiver<Part>, sealer: Sealer<Pipe>) -> io::Result<Stored> {
    let mut archive = Writer::begin(sealer, head)?;
    while let Some(part) = parts.blocking_recv() {
        archive.add(&part)?;
    }
    // Without all rows it is not ended, and so neither sealed nor stored.
    archive.finish()?.finish()?.end()
}
