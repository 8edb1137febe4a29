//! Bringing a closed account back from its sealed backup.
//!
//! First the object is fetched, as it is sealed, and read to its end; only what was
//! authenticated whole is put back, some hundred rows in a call. A call that is made
//! again finds its rows in place, so whoever is killed on the way begins anew. The shop
//! opens with the last call, if all rows are there.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufReader, Seek as _, Write as _},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use tokio::{sync::mpsc, task::JoinError};
use trust::text::hex;
use uuid::Uuid;

use super::{
    BUCKET,
    archive::{self, ArchiveError, Head, Part},
};
use crate::{
    data::{
        export::{MEDIA_BUCKET, STEP_WITHIN},
        seal::{DataKey, Keyring, Opener, Place, SealError, WrappedKey},
    },
    providers::supabase::{
        Refusal, RpcError, Supabase,
        storage::{Storage, StorageError},
    },
};

/// How long fetching the object may take.
const FETCH_WITHIN: Duration = Duration::from_secs(60 * 60);

/// How long the last call may take: as long as the database lets it.
const FINISH_WITHIN: Duration = Duration::from_secs(125);

/// The file of the owner's row, which is no table of ours, and the table of the shop.
const OWNER: &str = "owner";
const SHOP: &str = "businesses";

/// Why an account was not brought back. Unless it is said otherwise nothing was written.
#[derive(Debug, Error)]
pub enum RestoreError {
    /// The database failed. Rows may have been put back; done again it goes on.
    #[error(transparent)]
    Database(RpcError),
    /// It cannot be restored, or not now.
    #[error("{0}")]
    Refused(&'static str),
    /// Storage failed. Rows may have been put back; done again it goes on.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The key cannot be unwrapped.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// There is no object.
    #[error("storage has no such backup")]
    Missing,
    /// The object is not the one that the closure has a receipt for.
    #[error("the backup is not the one that was stored: its length or SHA-256 differs")]
    Changed,
    /// It is sealed or packed in another way, or something of it is missing.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// It says it is of another account, or other rows than the receipt says.
    #[error("the backup is not of this account")]
    OtherAccount,
    /// It could not be kept while it is read.
    #[error("the backup cannot be kept on this machine while it is read")]
    Spool(#[source] io::Error),
    /// The thread that reads it ended.
    #[error("the backup's reader ended")]
    Reader(#[from] JoinError),
    /// Rows that were put back are not there. Others may be.
    #[error("rows of {0} are not there after they were put back")]
    Rows(String),
}

impl From<RpcError> for RestoreError {
    fn from(error: RpcError) -> Self {
        let Some(refusal) = error.refusal() else { return Self::Database(error) };
        Self::Refused(match refusal {
            Refusal::NotFound => "there is no such closure",
            Refusal::AlreadyRestored => "the account is restored already",
            Refusal::BackupGone => "the backup is past its time, and destroyed or about to be",
            Refusal::RowsMissing => "rows are missing after all were put back",
            Refusal::ContactTaken => "another user has the owner's e-mail address or phone by now",
            Refusal::StillClosing => "the account is still being closed; try again when it is",
            _ => return Self::Database(error),
        })
    }
}

/// What was brought back.
#[derive(Debug, Serialize)]
pub struct Restored {
    /// The account.
    pub business_id: Uuid,
    /// The moment it was as it is now.
    pub snapshot_at: String,
    /// How many rows of each table there are again.
    pub rows: BTreeMap<String, u64>,
    /// How many rows of each table were left out: of people who asked meanwhile to be
    /// erased, and numbers that are lost.
    pub left_out: BTreeMap<String, u64>,
    /// How many pictures there are again.
    pub pictures: u64,
    /// Numbers that another shop has by now. The account needs others.
    pub numbers_lost: Vec<String>,
    /// How many people opted out while the account was closed.
    pub opted_out_meanwhile: u64,
}

#[derive(Serialize)]
struct BeginRestore {
    closure_id: Uuid,
}

#[derive(Deserialize)]
struct Plan {
    business_id: Uuid,
    storage_path: String,
    key_id: String,
    wrapped_key: String,
    byte_count: u64,
    sha256: String,
    counts: BTreeMap<String, u64>,
}

#[derive(Serialize)]
struct RestoreRows<'a> {
    closure_id: Uuid,
    table: &'a str,
    lines: &'a str,
    /// The owner's row, with that of the shop.
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'a str>,
}

#[derive(Deserialize)]
struct RowsOutcome {
    present: u64,
    left_out: u64,
    #[serde(default)]
    numbers_lost: Vec<String>,
    #[serde(default)]
    pictures: Vec<Picture>,
}

/// A picture whose row is there again.
#[derive(Deserialize)]
struct Picture {
    path: String,
    content_type: String,
}

#[derive(Serialize)]
struct FinishRestore<'a> {
    closure_id: Uuid,
    left_out: &'a BTreeMap<String, u64>,
    numbers_lost: &'a [String],
}

#[derive(Deserialize)]
struct Finished {
    #[serde(default)]
    opted_out_meanwhile: u64,
}

/// Brings back the account of a closure. `spool`, an empty file that nobody else has,
/// keeps the object as it is sealed.
pub async fn restore(
    supabase: &Supabase,
    storage: &Storage,
    keyring: &Keyring,
    closure_id: Uuid,
    spool: File,
) -> Result<Restored, RestoreError> {
    let plan: Plan = supabase
        .call_with_retries(STEP_WITHIN, "begin_restore", &BeginRestore { closure_id })
        .await?;
    let place = Place { closure_id, path: plan.storage_path.clone() };
    let key = unwrap(keyring, &plan, &place)?;
    fetch(storage, &plan, &spool).await?;

    // To its end, before anything of it is put back.
    let head = {
        let reader = reader(&spool, &key, &place)?;
        tokio::task::spawn_blocking(move || archive::read(reader, |_| Ok(()))).await??
    };
    if head.business_id != plan.business_id || head.counts != plan.counts {
        return Err(RestoreError::OtherAccount);
    }

    let (sender, mut parts) = mpsc::channel(2);
    let reader = reader(&spool, &key, &place)?;
    let read = tokio::task::spawn_blocking(move || {
        archive::read(reader, |part| sender.blocking_send(part).map_err(|_| ArchiveError::Ended))
    });
    let mut restoration = Restoration {
        supabase,
        storage,
        closure_id,
        restored: Restored {
            business_id: plan.business_id,
            snapshot_at: head.snapshot_at,
            rows: BTreeMap::new(),
            left_out: BTreeMap::new(),
            pictures: 0,
            numbers_lost: Vec::new(),
            opted_out_meanwhile: 0,
        },
        owner: None,
        pictures: BTreeMap::new(),
    };
    while let Some(part) = parts.recv().await {
        restoration.put_back(part).await?;
    }
    let _: Head = read.await??;
    restoration.finish().await
}

fn unwrap(keyring: &Keyring, plan: &Plan, place: &Place) -> Result<DataKey, RestoreError> {
    let bytes = STANDARD.decode(&plan.wrapped_key).map_err(|_| SealError::Unwrap)?;
    let wrapped = WrappedKey { key_id: plan.key_id.clone(), bytes };
    Ok(keyring.unwrap(&wrapped, place)?)
}

/// Fetches the object, which must be the one of the receipt.
async fn fetch(storage: &Storage, plan: &Plan, spool: &File) -> Result<(), RestoreError> {
    let (mut spool, mut byte_count, mut sha256) = (spool, 0, Sha256::new());
    let mut written = Ok(());
    let is_there = storage
        .read(BUCKET, &plan.storage_path, FETCH_WITHIN, |piece| {
            byte_count += piece.len() as u64;
            sha256.update(piece);
            if written.is_ok() {
                written = spool.write_all(piece);
            }
        })
        .await?;
    if !is_there {
        return Err(RestoreError::Missing);
    }
    written.map_err(RestoreError::Spool)?;
    if byte_count != plan.byte_count || hex::encode(&sha256.finalize()) != plan.sha256 {
        return Err(RestoreError::Changed);
    }
    Ok(())
}

/// Reads the object from its beginning.
fn reader(
    spool: &File,
    key: &DataKey,
    place: &Place,
) -> Result<Opener<BufReader<File>>, RestoreError> {
    let mut file = spool.try_clone().map_err(RestoreError::Spool)?;
    file.rewind().map_err(RestoreError::Spool)?;
    Ok(Opener::begin(BufReader::new(file), key, place).map_err(ArchiveError::from)?)
}

/// A restore that is under way.
struct Restoration<'a> {
    supabase: &'a Supabase,
    storage: &'a Storage,
    closure_id: Uuid,
    restored: Restored,
    /// Comes before the shop, and is put back together with it.
    owner: Option<String>,
    /// Those that belong to the last rows, by their path: what they are.
    pictures: BTreeMap<String, String>,
}

impl Restoration<'_> {
    async fn put_back(&mut self, part: Part) -> Result<(), RestoreError> {
        match part {
            Part::Rows { table, lines } if table == OWNER => {
                self.restored.rows.insert(table, 1);
                self.owner = Some(lines);
                Ok(())
            }
            Part::Rows { table, lines } => self.put_rows(table, &lines).await,
            Part::Picture { path, content } => {
                // Not that of somebody who was erased.
                let Some(kind) = self.pictures.remove(&path) else { return Ok(()) };
                self.storage.upload(MEDIA_BUCKET, &path, &kind, content).await?;
                self.restored.pictures += 1;
                Ok(())
            }
        }
    }

    async fn put_rows(&mut self, table: String, lines: &str) -> Result<(), RestoreError> {
        let owner = if table == SHOP { self.owner.as_deref() } else { None };
        let request = RestoreRows { closure_id: self.closure_id, table: &table, lines, owner };
        let outcome: RowsOutcome =
            self.supabase.call_with_retries(STEP_WITHIN, "restore_rows", &request).await?;
        let left_out = outcome.left_out + outcome.numbers_lost.len() as u64;
        if outcome.present + left_out != lines.lines().count() as u64 {
            return Err(RestoreError::Rows(table));
        }
        let pictures = outcome.pictures.into_iter();
        self.pictures = pictures.map(|picture| (picture.path, picture.content_type)).collect();
        self.restored.numbers_lost.extend(outcome.numbers_lost);
        if left_out > 0 {
            *self.restored.left_out.entry(table.clone()).or_default() += left_out;
        }
        *self.restored.rows.entry(table).or_default() += outcome.present;
        Ok(())
    }

    async fn finish(mut self) -> Result<Restored, RestoreError> {
        let request = FinishRestore {
            closure_id: self.closure_id,
            left_out: &self.restored.left_out,
            numbers_lost: &self.restored.numbers_lost,
        };
        let finished: Finished =
            self.supabase.call_with_retries(FINISH_WITHIN, "finish_restore", &request).await?;
        self.restored.opted_out_meanwhile = finished.opted_out_meanwhile;
        Ok(self.restored)
    }
}
