//! What is in a sealed backup: a tar, compressed with gzip.
//!
//! Unlike a zip it is written and read from its beginning to its end, so neither side
//! holds more than a part of it, however many pictures there are. `backup.json` comes
//! first, then rows as `rows/TABLE-NUMBER.jsonl` in the order in which they are
//! restored, and after each file of `media` its pictures as `media/PATH`.

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
};

use bytes::Bytes;
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

/// The name of this form.
pub const FORMAT: &str = "leadslock backup 1";

/// The file that comes first.
const HEAD: &str = "backup.json";

/// The longest file that is read: a chunk is 256 KB and one row, a picture 5 MB.
const MAX_FILE: u64 = 32 * 1024 * 1024;

/// What is known of a backup before its rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// [`FORMAT`].
    pub format: String,
    /// The account it is of.
    pub business_id: Uuid,
    /// The moment the rows are of, as `app.ledger_time` writes it.
    pub snapshot_at: String,
    /// How many rows of each table there are.
    pub counts: BTreeMap<String, u64>,
}

/// What follows it.
pub enum Part {
    /// Rows of a table.
    Rows {
        /// Its name.
        table: String,
        /// Objects of JSON, one a line, with all columns.
        lines: String,
    },
    /// A picture as it is.
    Picture {
        /// Where it is in the bucket of pictures.
        path: String,
        /// Its bytes.
        content: Bytes,
    },
}

/// Why an archive is not one.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// It cannot be read: not sealed so, not compressed so, or not a tar.
    #[error("the backup cannot be read")]
    Read(#[from] io::Error),
    /// It has files that no backup of this form has.
    #[error("the backup is not of a form that is known")]
    Form,
    /// It has not as many rows as it says.
    #[error("rows are missing")]
    Count,
    /// Who it was read for has ended.
    #[error("nobody takes what is read")]
    Ended,
}

/// Writes an archive to `W`.
pub struct Writer<W: Write> {
    tar: tar::Builder<GzEncoder<W>>,
    /// How many rows of each table are still to come.
    missing: BTreeMap<String, u64>,
    number: u32,
}

impl<W: Write> Writer<W> {
    /// Begins an archive.
    pub fn begin(out: W, head: &Head) -> io::Result<Self> {
        let tar = tar::Builder::new(GzEncoder::new(out, Compression::default()));
        let mut writer = Self { tar, missing: head.counts.clone(), number: 0 };
        writer.append(HEAD, serde_json::to_string_pretty(head)?.as_bytes())?;
        Ok(writer)
    }

    /// Adds a part. A chunk without rows is left out.
    pub fn add(&mut self, part: &Part) -> io::Result<()> {
        match part {
            Part::Rows { lines, .. } if lines.is_empty() => Ok(()),
            Part::Rows { table, lines } => {
                let missing = self.missing.get_mut(table);
                let count = lines.lines().count() as u64;
                let left = missing.and_then(|missing| {
                    *missing = missing.checked_sub(count)?;
                    Some(())
                });
                left.ok_or(io::ErrorKind::InvalidData)?;
                self.number += 1;
                self.append(&format!("rows/{table}-{:06}.jsonl", self.number), lines.as_bytes())
            }
            Part::Picture { path, content } => self.append(&format!("media/{path}"), content),
        }
    }

    /// Ends the archive, if all rows of the snapshot are in it.
    pub fn finish(self) -> io::Result<W> {
        if self.missing.values().any(|count| *count > 0) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.tar.into_inner()?.finish()
    }

    fn append(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o600);
        self.tar.append_data(&mut header, name, content)
    }
}

/// Reads an archive to the end of `packed`, and passes its parts to `take`.
///
/// They are provisional until this has returned: only then it is known that none is
/// missing.
pub fn read(
    packed: impl Read,
    mut take: impl FnMut(Part) -> Result<(), ArchiveError>,
) -> Result<Head, ArchiveError> {
    let mut tar = tar::Archive::new(GzDecoder::new(packed));
    let mut head: Option<Head> = None;
    let mut counts = BTreeMap::<String, u64>::new();
    for entry in tar.entries()? {
        let entry = entry?;
        let path = entry.path()?;
        let name = path.to_str().ok_or(ArchiveError::Form)?.to_owned();
        if entry.size() > MAX_FILE || !entry.header().entry_type().is_file() {
            return Err(ArchiveError::Form);
        }
        let mut content = Vec::new();
        let size = entry.size();
        entry.take(MAX_FILE).read_to_end(&mut content)?;
        if content.len() as u64 != size {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        if head.is_none() {
            let found: Head = serde_json::from_slice(&content).map_err(|_| ArchiveError::Form)?;
            if name != HEAD || found.format != FORMAT {
                return Err(ArchiveError::Form);
            }
            head = Some(found);
        } else if let Some(path) = name.strip_prefix("media/") {
            take(Part::Picture { path: path.to_owned(), content: content.into() })?;
        } else {
            let table = name.strip_prefix("rows/").and_then(|name| name.rsplit_once('-'));
            let (table, _) = table.ok_or(ArchiveError::Form)?;
            let lines = String::from_utf8(content).map_err(|_| ArchiveError::Form)?;
            *counts.entry(table.to_owned()).or_default() += lines.lines().count() as u64;
            take(Part::Rows { table: table.to_owned(), lines })?;
        }
    }
    let head = head.ok_or(ArchiveError::Form)?;
    // A tar says itself where it ends. What holds it has to end too: only then it was
    // read whole, and was what was packed and sealed.
    let mut rest = tar.into_inner();
    io::copy(&mut rest, &mut io::sink())?;
    io::copy(&mut rest.into_inner(), &mut io::sink())?;
    for (table, count) in &head.counts {
        if counts.remove(table).unwrap_or(0) != *count {
            return Err(ArchiveError::Count);
        }
    }
    if counts.is_empty() { Ok(head) } else { Err(ArchiveError::Count) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(leads: u64) -> Head {
        Head {
            format: FORMAT.to_owned(),
            business_id: Uuid::nil(),
            snapshot_at: "2026-11-23T18:04:05.123456Z".to_owned(),
            counts: [("leads".to_owned(), leads), ("jobs".to_owned(), 0)].into(),
        }
    }

    fn rows(table: &str, lines: &str) -> Part {
        Part::Rows { table: table.to_owned(), lines: lines.to_owned() }
    }

    fn picture() -> Part {
        let path = format!("{0}/{0}/9", Uuid::max());
        Part::Picture { path, content: Bytes::from_static(b"\0png") }
    }

    fn packed(head: &Head, parts: &[Part]) -> io::Result<Vec<u8>> {
        let mut writer = Writer::begin(Vec::new(), head)?;
        parts.iter().try_for_each(|part| writer.add(part))?;
        writer.finish()
    }

    /// What was read, each part in a line, and how it ended.
    fn unpacked(packed: &[u8]) -> (Vec<String>, Result<Head, ArchiveError>) {
        let mut parts = Vec::new();
        let outcome = read(packed, |part| {
            parts.push(match part {
                Part::Rows { table, lines } => format!("{table} {lines}"),
                Part::Picture { path, content } => format!("{path} {content:?}"),
            });
            Ok(())
        });
        (parts, outcome)
    }

    #[test]
    fn what_was_packed_is_read() {
        let head = head(3);
        let parts = [rows("leads", "{}\n{}"), rows("jobs", ""), rows("leads", "{}"), picture()];
        let bytes = packed(&head, &parts).unwrap();
        assert_eq!(bytes, packed(&head, &parts).unwrap());
        let (parts, outcome) = unpacked(&bytes);
        let picture = format!("{0}/{0}/9 b\"\\0png\"", Uuid::max());
        assert_eq!(parts, ["leads {}\n{}", "leads {}", &picture]);
        assert_eq!(outcome.unwrap(), head);
    }

    #[test]
    fn it_is_not_finished_without_all_rows() {
        for (count, parts) in [
            (2, vec![rows("leads", "{}")]),
            (1, vec![rows("leads", "{}\n{}")]),
            (0, vec![rows("unknown", "{}")]),
            (0, vec![rows("jobs", "{}")]),
        ] {
            assert!(packed(&head(count), &parts).is_err(), "{count}");
        }
    }

    #[test]
    fn an_end_that_is_missing_is_noticed_anywhere() {
        let bytes = packed(&head(2), &[rows("leads", "{}\n{}"), picture()]).unwrap();
        for length in 0..bytes.len() {
            assert!(unpacked(&bytes[..length]).1.is_err(), "an end at {length}");
        }
    }

    #[test]
    fn rows_are_counted_and_strange_files_refused() {
        let forged = |change: &dyn Fn(&mut Writer<Vec<u8>>)| {
            let mut writer = Writer::begin(Vec::new(), &head(1)).unwrap();
            change(&mut writer);
            writer.missing.clear();
            unpacked(&writer.finish().unwrap()).1.unwrap_err()
        };
        let none = forged(&|_| {});
        assert!(matches!(none, ArchiveError::Count), "{none}");
        let unknown = forged(&|writer| {
            writer.add(&rows("leads", "{}")).unwrap();
            writer.append("rows/others-000002.jsonl", b"{}").unwrap();
        });
        assert!(matches!(unknown, ArchiveError::Count), "{unknown}");
        for name in ["rows/leads", "notes.txt", "rows"] {
            let strange = forged(&|writer| writer.append(name, b"{}").unwrap());
            assert!(matches!(strange, ArchiveError::Form), "{name}: {strange}");
        }
    }
}
