//! A bundle: a zip with the tables of an account and what describes them.
//!
//! Written in one go and never held whole. The same rows give the same bytes, as
//! long as this code and what it compresses with are the same.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use trust::text::hex;
use uuid::Uuid;
use zip::{CompressionMethod, DateTime, ZipWriter, result::ZipError, write::SimpleFileOptions};

use super::{
    schema::{self, FILES, File},
    table::{Format, RowError},
};

/// The file that describes all others; the last one.
pub const MANIFEST: &str = "manifest.json";

const README: &str = include_str!("README.txt");

/// Why a bundle could not be made.
#[derive(Debug, Error)]
pub enum BundleError {
    /// A row is not what the schema says.
    #[error(transparent)]
    Row(#[from] RowError),
    /// Rows came of a file that is not there, or not in the order of the files.
    #[error("rows came out of order")]
    Order,
    /// A file has not as many rows as the snapshot.
    #[error("rows are missing")]
    Count,
    /// What is written could not be passed on.
    #[error("the bundle could not be written")]
    Write(#[source] io::Error),
}

impl From<io::Error> for BundleError {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

impl From<ZipError> for BundleError {
    fn from(error: ZipError) -> Self {
        Self::Write(error.into())
    }
}

/// What is known of a bundle before its rows.
#[derive(Debug, Clone)]
pub struct Head {
    /// The export it is of.
    pub export_id: Uuid,
    /// The account it is of.
    pub business_id: Uuid,
    /// How tables are written.
    pub format: Format,
    /// The moment the rows are of, as `app.ledger_time` writes it.
    pub snapshot_at: String,
    /// How many rows each file had then.
    pub counts: BTreeMap<String, u64>,
}

/// What a bundle holds, as it says itself.
#[derive(Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// [`schema::FORMAT`].
    pub format: String,
    /// The export.
    pub export_id: Uuid,
    /// The account.
    pub business_id: Uuid,
    /// The moment the rows are of.
    pub snapshot_at: String,
    /// Every file but the manifest, in the order of the zip.
    pub files: Vec<Entry>,
}

/// A file of a bundle.
#[derive(Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// How many rows it has, if it is one of rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// How many bytes it has.
    pub bytes: u64,
    /// The SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
}

/// A bundle that is being written to `W`.
pub struct Bundle<W: Write> {
    zip: ZipWriter<zip::write::StreamWriter<W>>,
    options: SimpleFileOptions,
    head: Head,
    entries: Vec<Entry>,
    /// The file that rows are being added to, by its place in [`FILES`].
    current: Option<(usize, Open)>,
    has_all_tables: bool,
    /// Kept, so that its memory is.
    scratch: Vec<u8>,
}

/// A file that is being written.
struct Open {
    name: String,
    rows: Option<u64>,
    bytes: u64,
    sha256: Sha256,
}

impl<W: Write> Bundle<W> {
    /// Begins a bundle.
    pub fn begin(out: W, head: Head) -> Result<Self, BundleError> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            // Nobody knows how long a file becomes when it is begun.
            .large_file(true)
            .unix_permissions(0o644)
            .last_modified_time(zip_time(&head.snapshot_at));
        let zip = ZipWriter::new_stream(out);
        let mut bundle = Self {
            zip,
            options,
            head,
            entries: Vec::new(),
            current: None,
            has_all_tables: false,
            scratch: Vec::new(),
        };
        bundle.add_whole("README.txt", README.as_bytes())?;
        let schema = serde_json::json!({
            "format": schema::FORMAT,
            "tables": bundle.head.format,
            "files": *FILES,
        });
        bundle.add_whole("schema.json", format!("{schema:#}\n").as_bytes())?;
        Ok(bundle)
    }

    /// Adds rows of the file called `name`, as lines of JSON. Files come in the
    /// order of [`FILES`], all of them.
    pub fn add(&mut self, name: &str, lines: &str) -> Result<(), BundleError> {
        let (index, mut open) = match self.current.take() {
            Some((index, open)) if file(index)?.name == name => (index, open),
            Some((index, open)) => {
                self.close_table(index, open)?;
                (index + 1, self.open_table(index + 1)?)
            }
            None if self.has_all_tables => return Err(BundleError::Order),
            None => (0, self.open_table(0)?),
        };
        let file = file(index)?;
        if file.name != name {
            return Err(BundleError::Order);
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        let rows = self.head.format.append(file, lines, &mut scratch)?;
        open.rows = Some(open.rows.unwrap_or(0) + rows);
        self.write(&mut open, &scratch)?;
        self.scratch = scratch;
        self.current = Some((index, open));
        Ok(())
    }

    /// Adds a picture as it is. They come after all rows.
    pub fn add_picture(&mut self, name: &str, content: &[u8]) -> Result<(), BundleError> {
        self.close_last_table()?;
        // Pictures are compressed already.
        let options = self.options;
        self.options = options.compression_method(CompressionMethod::Stored);
        let added = self.add_whole(name, content);
        self.options = options;
        added
    }

    /// Ends the bundle, if all rows of the snapshot are in it.
    pub fn finish(mut self) -> Result<W, BundleError> {
        self.close_last_table()?;
        if !self.has_all_tables {
            return Err(BundleError::Count);
        }
        let manifest = Manifest {
            format: schema::FORMAT.to_owned(),
            export_id: self.head.export_id,
            business_id: self.head.business_id,
            snapshot_at: self.head.snapshot_at.clone(),
            files: std::mem::take(&mut self.entries),
        };
        let manifest = serde_json::to_string_pretty(&manifest).map_err(io::Error::from)?;
        self.add_whole(MANIFEST, format!("{manifest}\n").as_bytes())?;
        Ok(self.zip.finish()?.into_inner())
    }

    fn close_last_table(&mut self) -> Result<(), BundleError> {
        if let Some((index, open)) = self.current.take() {
            self.has_all_tables = index + 1 == FILES.len();
            self.close_table(index, open)?;
        }
        Ok(())
    }

    fn open_table(&mut self, index: usize) -> Result<Open, BundleError> {
        let file = file(index)?;
        let format = self.head.format;
        let mut open = self.open(format!("{}.{}", file.name, format.extension()))?;
        open.rows = Some(0);
        self.write(&mut open, &format.head(file))?;
        Ok(open)
    }

    fn close_table(&mut self, index: usize, open: Open) -> Result<(), BundleError> {
        if self.head.counts.get(file(index)?.name).copied() != open.rows {
            return Err(BundleError::Count);
        }
        self.close(open);
        Ok(())
    }

    fn add_whole(&mut self, name: &str, content: &[u8]) -> Result<(), BundleError> {
        let mut open = self.open(name.to_owned())?;
        self.write(&mut open, content)?;
        self.close(open);
        Ok(())
    }

    fn open(&mut self, name: String) -> Result<Open, BundleError> {
        self.zip.start_file(name.as_str(), self.options)?;
        Ok(Open { name, rows: None, bytes: 0, sha256: Sha256::new() })
    }

    fn write(&mut self, open: &mut Open, bytes: &[u8]) -> Result<(), BundleError> {
        open.bytes += bytes.len() as u64;
        open.sha256.update(bytes);
        Ok(self.zip.write_all(bytes)?)
    }

    fn close(&mut self, open: Open) {
        let Open { name, rows, bytes, sha256 } = open;
        self.entries.push(Entry { name, rows, bytes, sha256: hex::encode(&sha256.finalize()) });
    }
}

fn file(index: usize) -> Result<&'static File, BundleError> {
    FILES.get(index).ok_or(BundleError::Order)
}

/// The time of a snapshot as a zip has it: in UTC, since a zip has no time zones.
fn zip_time(time: &str) -> DateTime {
    let part = |from: usize, to: usize| time.get(from..to)?.parse::<u16>().ok();
    let parts = || {
        let [month, day, hour, minute, second] = [(5, 7), (8, 10), (11, 13), (14, 16), (17, 19)]
            .map(|(from, to)| part(from, to).and_then(|number| u8::try_from(number).ok()));
        DateTime::from_date_and_time(part(0, 4)?, month?, day?, hour?, minute?, second?).ok()
    };
    parts().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::export::verify::verify;

    fn head(format: Format, messages: u64) -> Head {
        let mut counts: BTreeMap<_, _> =
            FILES.iter().map(|file| (file.name.to_owned(), 0)).collect();
        counts.insert("numbers".to_owned(), messages);
        Head {
            export_id: Uuid::nil(),
            business_id: Uuid::nil(),
            format,
            snapshot_at: "2026-11-23T18:04:05.123456Z".to_owned(),
            counts,
        }
    }

    fn bundle(format: Format, rows: &[&str], expected: u64) -> Result<Vec<u8>, BundleError> {
        let mut bundle = Bundle::begin(Vec::new(), head(format, expected))?;
        for file in FILES.iter() {
            bundle.add(file.name, "")?;
            if file.name == "numbers" {
                for row in rows {
                    bundle.add("numbers", row)?;
                }
            }
        }
        bundle.add_picture("media/1.png", b"png")?;
        bundle.finish()
    }

    const ROW: &str = r#"{"phone":"+15145550100","created_at":"a\nb","texts_per_minute":30}"#;

    #[test]
    fn a_bundle_verifies_and_is_the_same_each_time() {
        for format in [Format::Json, Format::Csv] {
            let bytes = bundle(format, &[ROW, ROW], 2).unwrap();
            assert_eq!(bytes, bundle(format, &[ROW, ROW], 2).unwrap());
            let report = verify(io::Cursor::new(bytes)).unwrap();
            assert_eq!(report.faults, Vec::<String>::new());
            assert_eq!(report.manifest.files.len(), FILES.len() + 3);
        }
    }

    #[test]
    fn a_bundle_is_not_finished_without_all_rows_of_the_snapshot() {
        for (rows, expected) in [(1, 2), (2, 1), (0, 1)] {
            let outcome = bundle(Format::Json, &[ROW, ROW][..rows], expected);
            assert!(matches!(outcome, Err(BundleError::Count)), "{rows} of {expected}");
        }
        let mut unfinished = Bundle::begin(Vec::new(), head(Format::Json, 0)).unwrap();
        unfinished.add("profile", "").unwrap();
        assert!(matches!(unfinished.add("leads", ""), Err(BundleError::Order)));
        assert!(matches!(unfinished.finish(), Err(BundleError::Count)));
        let mut finished = Bundle::begin(Vec::new(), head(Format::Json, 0)).unwrap();
        for file in FILES.iter() {
            finished.add(file.name, "").unwrap();
        }
        finished.add_picture("media/1.png", b"").unwrap();
        assert!(matches!(finished.add("profile", ""), Err(BundleError::Order)));
    }

    #[test]
    fn files_have_the_time_of_the_snapshot() {
        assert_eq!(zip_time("2026-11-23T18:04:06.1Z").to_string(), "2026-11-23 18:04:06");
        assert_eq!(zip_time("soon"), DateTime::default());
    }
}
