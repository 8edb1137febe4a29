//! Whether a bundle is what its manifest says.

use std::{
    collections::BTreeSet,
    io::{self, Read, Seek},
};

use sha2::{Digest as _, Sha256};
use thiserror::Error;
use trust::text::hex;
use zip::{ZipArchive, result::ZipError};

use super::bundle::{Entry, MANIFEST, Manifest};

/// The longest manifest that is read.
const MAX_MANIFEST: u64 = 64 * 1024 * 1024;

/// Why nothing can be said of a bundle.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// It is no zip.
    #[error("the file is not a zip, or not whole")]
    Zip(#[from] ZipError),
    /// It has no manifest that could be read.
    #[error("the zip has no manifest of ours")]
    Manifest(#[source] io::Error),
}

/// What was found.
#[derive(Debug)]
pub struct Report {
    /// What the bundle says it holds.
    pub manifest: Manifest,
    /// What is not as it says, one sentence each; none if all is.
    pub faults: Vec<String>,
}

/// Reads every file of a bundle and compares it with the manifest.
pub fn verify(file: impl Read + Seek) -> Result<Report, VerifyError> {
    let mut zip = ZipArchive::new(file)?;
    let manifest = read_manifest(&mut zip)?;
    let mut faults = Vec::new();
    let names = zip.file_names().map(|name| Ok(name?.into_owned()));
    let mut unknown = names.collect::<Result<BTreeSet<String>, ZipError>>()?;
    unknown.remove(MANIFEST);
    for entry in &manifest.files {
        if !unknown.remove(&entry.name) {
            faults.push(format!("{} is missing", entry.name));
            continue;
        }
        match Found::read(&mut zip, entry) {
            Ok(found) => found.compare(entry, &mut faults),
            Err(_) => faults.push(format!("{} cannot be read", entry.name)),
        }
    }
    faults.extend(unknown.iter().map(|name| format!("{name} is not in the manifest")));
    Ok(Report { manifest, faults })
}

fn read_manifest(zip: &mut ZipArchive<impl Read + Seek>) -> Result<Manifest, VerifyError> {
    let file = zip.by_name(MANIFEST)?;
    serde_json::from_reader(file.take(MAX_MANIFEST))
        .map_err(|error| VerifyError::Manifest(error.into()))
}

/// What a file is found to be.
struct Found {
    rows: u64,
    bytes: u64,
    sha256: String,
}

impl Found {
    fn read(zip: &mut ZipArchive<impl Read + Seek>, entry: &Entry) -> io::Result<Self> {
        let mut file = zip.by_name(&entry.name)?;
        let is_csv = entry.name.ends_with(".csv");
        let (mut rows, mut bytes, mut sha256) = (0_u64, 0, Sha256::new());
        let mut is_quoted = false;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let length = file.read(&mut buffer)?;
            let Some(read @ [_, ..]) = buffer.get(..length) else { break };
            bytes += read.len() as u64;
            sha256.update(read);
            for byte in read {
                match byte {
                    b'"' if is_csv => is_quoted = !is_quoted,
                    b'\n' if !is_quoted => rows += 1,
                    _ => {}
                }
            }
        }
        // The first record of a CSV file names the columns.
        let rows = if is_csv { rows.saturating_sub(1) } else { rows };
        Ok(Self { rows, bytes, sha256: hex::encode(&sha256.finalize()) })
    }

    fn compare(&self, entry: &Entry, faults: &mut Vec<String>) {
        let name = &entry.name;
        if self.bytes != entry.bytes {
            faults.push(format!("{name} has {} bytes and not {}", self.bytes, entry.bytes));
        }
        if let Some(rows) = entry.rows
            && self.rows != rows
        {
            faults.push(format!("{name} has {} rows and not {rows}", self.rows));
        }
        if self.sha256 != entry.sha256 {
            faults.push(format!("{name} has another SHA-256"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use uuid::Uuid;
    use zip::{ZipWriter, write::SimpleFileOptions};

    use super::*;

    /// A zip of files, whose manifest says there is a.csv with `rows` rows.
    fn faults(files: &[(&str, &str)], rows: u64) -> Vec<String> {
        const CONTENT: &str = "a\r\n\"x\ny\"\r\n";
        let entry = Entry {
            name: "a.csv".to_owned(),
            rows: Some(rows),
            bytes: CONTENT.len() as u64,
            sha256: hex::encode(&Sha256::digest(CONTENT)),
        };
        let manifest = Manifest {
            format: String::new(),
            export_id: Uuid::nil(),
            business_id: Uuid::nil(),
            snapshot_at: String::new(),
            files: vec![entry],
        };
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let manifest = serde_json::to_string(&manifest).unwrap();
        for (name, content) in files.iter().copied().chain([(MANIFEST, manifest.as_str())]) {
            zip.start_file(name, SimpleFileOptions::default()).unwrap();
            zip.write_all(content.as_bytes()).unwrap();
        }
        verify(zip.finish().unwrap()).unwrap().faults
    }

    #[test]
    fn whatever_is_not_as_the_manifest_says_is_found() {
        let good = ("a.csv", "a\r\n\"x\ny\"\r\n");
        assert_eq!(faults(&[good], 1), Vec::<String>::new());
        for (files, rows, want) in [
            (&[][..], 1, "a.csv is missing"),
            (&[good, ("b.csv", "")], 1, "b.csv is not in the manifest"),
            (&[good], 2, "a.csv has 1 rows and not 2"),
            (&[("a.csv", "a\r\n\"x\nz\"\r\n")], 1, "a.csv has another SHA-256"),
        ] {
            assert_eq!(faults(files, rows), [want]);
        }
        assert_eq!(faults(&[("a.csv", "a\r\n")], 1).len(), 3);
    }

    #[test]
    fn what_is_no_bundle_is_said_to_be_none() {
        assert!(matches!(verify(Cursor::new(b"PK")), Err(VerifyError::Zip(_))));
    }
}
