//! Whether anything is left of somebody: a search of everything there is.
//!
//! What is searched comes from the catalog, not from a list: every column of every
//! table the database lets us read, and every object of every bucket, bundles
//! unpacked. Numbers of hits are told, never what was hit. It is no snapshot: what
//! is written meanwhile may be missed.

use std::{
    collections::BTreeMap,
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use memchr::memmem::Finder;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::time::Instant;
use trust::text::phone::Phone;
use unicode_normalization::UnicodeNormalization as _;
use zip::ZipArchive;

use crate::providers::supabase::{
    RpcError, Supabase,
    storage::{Storage, StorageError},
};

/// What people write between the digits of a phone number.
const SEPARATORS: &str = " \t\r\n-.()/+";

/// The shortest digits, words and ids that are searched for: anything shorter is found
/// by chance.
const MIN_DIGITS: usize = 8;
const MIN_WORD: usize = 5;
const MIN_ID: usize = 8;

/// How long one call may take: a second more than the database gives it.
const TABLE_WITHIN: Duration = Duration::from_secs(9);

/// How many pages are searched at first, and at most; how fast a call has to be for the
/// next to search twice as many.
const FIRST_PAGES: u32 = 64;
const MAX_PAGES: u32 = 16 * 1024;
const FAST: Duration = Duration::from_secs(1);

/// How long reading one object may take.
const OBJECT_WITHIN: Duration = Duration::from_secs(600);

/// How a zip begins.
const ZIP: &[u8] = b"PK\x03\x04";

/// Why something cannot be searched for.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum IdentifierError {
    /// It would be found by chance.
    #[error("{0} is too short to be searched for")]
    TooShort(&'static str),
    /// There is no `@` in it.
    #[error("an e-mail address has an @")]
    NotAnEmail,
    /// Nothing is to be searched for.
    #[error("nothing is to be searched for")]
    None,
}

/// Why there is no result.
#[derive(Debug, Error)]
pub enum ScanError {
    /// The database did not answer, or refused.
    #[error(transparent)]
    Database(#[from] RpcError),
    /// Storage did not answer, or refused.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A bundle could not be kept for as long as it is searched.
    #[error("a bundle could not be unpacked here")]
    Spool(#[source] io::Error),
}

/// What somebody is known by. Personal data: `Debug` hides it.
#[derive(Clone, Default)]
pub struct Identifiers {
    /// In lower case, as far as ASCII goes.
    words: Vec<String>,
    /// Digits, looked for whatever stands between them.
    numbers: Vec<String>,
}

impl Identifiers {
    /// Adds a phone number, in whatever form it may stand.
    pub fn add_phone(&mut self, phone: &Phone) -> Result<(), IdentifierError> {
        let digits = phone.as_str().trim_start_matches('+');
        if digits.len() < MIN_DIGITS {
            return Err(IdentifierError::TooShort("a phone number"));
        }
        // In North America the country may be left out; with it, it is found as well.
        let is_north_american = digits.len() == 11 && digits.starts_with('1');
        self.numbers
            .push(digits.get(usize::from(is_north_american)..).unwrap_or(digits).to_owned());
        Ok(())
    }

    /// Adds an e-mail address.
    pub fn add_email(&mut self, email: &str) -> Result<(), IdentifierError> {
        if !email.contains('@') {
            return Err(IdentifierError::NotAnEmail);
        }
        self.add_word("an e-mail address", email, MIN_WORD)?;
        // As it stands in a URL.
        self.add_word("an e-mail address", &email.replace('@', "%40"), MIN_WORD)
    }

    /// Adds a name, or any other word.
    pub fn add_name(&mut self, name: &str) -> Result<(), IdentifierError> {
        self.add_word("a name", name, MIN_WORD)
    }

    /// Adds an id, like a UUID or `cus_…`.
    pub fn add_id(&mut self, id: &str) -> Result<(), IdentifierError> {
        self.add_word("an id", id, MIN_ID)?;
        self.add_word("an id", &id.replace('-', ""), MIN_ID)
    }

    /// Adds a word in the cases it may be written in, its accents as one sign or as two.
    fn add_word(
        &mut self,
        what: &'static str,
        word: &str,
        min: usize,
    ) -> Result<(), IdentifierError> {
        let word = word.trim();
        if word.chars().count() < min {
            return Err(IdentifierError::TooShort(what));
        }
        for form in [word.nfc().collect::<String>(), word.nfd().collect()] {
            for case in [form.to_lowercase(), form.to_uppercase(), form] {
                let case = case.to_ascii_lowercase();
                if !self.words.contains(&case) {
                    self.words.push(case);
                }
            }
        }
        Ok(())
    }

    /// Whether any of them is in `text`.
    pub fn are_in(&self, text: &str) -> bool {
        let mut search = Search::of(self);
        search.take(text.as_bytes());
        search.has_found
    }
}

impl fmt::Debug for Identifiers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identifiers(hidden)")
    }
}

/// A search of bytes that come piece by piece.
struct Search<'a> {
    words: Vec<Finder<'a>>,
    numbers: Vec<Finder<'a>>,
    /// What a hit may begin in that ends in the next piece; with its case, and its
    /// separators, taken away.
    words_end: Vec<u8>,
    numbers_end: Vec<u8>,
    has_found: bool,
}

impl<'a> Search<'a> {
    fn of(identifiers: &'a Identifiers) -> Self {
        let finders = |texts: &'a [String]| texts.iter().map(Finder::new).collect();
        Self {
            words: finders(&identifiers.words),
            numbers: finders(&identifiers.numbers),
            words_end: Vec::new(),
            numbers_end: Vec::new(),
            has_found: false,
        }
    }

    fn take(&mut self, piece: &[u8]) {
        let lower = piece.iter().map(u8::to_ascii_lowercase);
        self.has_found |= find(&self.words, &mut self.words_end, lower);
        let unseparated =
            piece.iter().copied().filter(|byte| !SEPARATORS.as_bytes().contains(byte));
        self.has_found |= find(&self.numbers, &mut self.numbers_end, unseparated);
    }
}

/// Whether any of `finders` finds something in what was left and `piece`; leaves what a
/// later hit may begin in.
fn find(finders: &[Finder<'_>], left: &mut Vec<u8>, piece: impl Iterator<Item = u8>) -> bool {
    left.extend(piece);
    let has_found = finders.iter().any(|finder| finder.find(left).is_some());
    let longest = finders.iter().map(|finder| finder.needle().len()).max().unwrap_or(0);
    let done = left.len().saturating_sub(longest.saturating_sub(1));
    left.drain(..done);
    has_found
}

/// What a search came to.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// In how many rows or objects something was found, by place.
    pub hits: BTreeMap<String, u64>,
    /// How many tables were searched.
    pub tables: u64,
    /// How many objects were searched.
    pub objects: u64,
    /// How many bytes of objects.
    pub bytes: u64,
    /// What could not be: the database does not let us, or it cannot be unpacked.
    pub not_searched: Vec<String>,
}

impl Report {
    /// Notes hits at a place.
    pub fn add(&mut self, place: impl Into<String>, hits: u64) {
        if hits > 0 {
            *self.hits.entry(place.into()).or_default() += hits;
        }
    }
}

#[derive(Serialize)]
struct Nothing {}

/// What `rpc/begin_scan` answers.
#[derive(Deserialize)]
struct Places {
    tables: Vec<Table>,
    buckets: Vec<String>,
}

#[derive(Deserialize)]
struct Table {
    schema: String,
    name: String,
    /// None if it is read whole.
    pages: Option<u32>,
    is_readable: bool,
}

/// What `rpc/scan_table` is told.
#[derive(Serialize)]
struct ScanTable<'a> {
    schema: &'a str,
    name: &'a str,
    first: u32,
    count: u32,
    words: &'a [String],
    numbers: &'a [String],
    separators: &'static str,
}

#[derive(Deserialize)]
struct Hits {
    hits: BTreeMap<String, u64>,
}

/// What `rpc/scan_objects` is told.
#[derive(Serialize)]
struct ScanObjects<'a> {
    bucket: &'a str,
    after: Option<&'a str>,
}

#[derive(Deserialize)]
struct Paths {
    paths: Vec<String>,
}

/// Searches the database and Storage for `identifiers`.
pub async fn scan(
    supabase: &Supabase,
    storage: &Storage,
    identifiers: &Identifiers,
) -> Result<Report, ScanError> {
    let mut report = Report::default();
    let places: Places = supabase.call("begin_scan", &Nothing {}).await?;
    for table in &places.tables {
        let is_searched =
            table.is_readable && scan_table(supabase, table, identifiers, &mut report).await?;
        if is_searched {
            report.tables += 1;
        } else {
            report.not_searched.push(format!("{}.{}", table.schema, table.name));
        }
    }
    for bucket in &places.buckets {
        let mut after = None;
        loop {
            let request = ScanObjects { bucket, after: after.as_deref() };
            let Paths { mut paths } = supabase.call("scan_objects", &request).await?;
            for path in &paths {
                scan_object(storage, bucket, path, identifiers, &mut report).await?;
            }
            after = paths.pop();
            if after.is_none() {
                break;
            }
        }
    }
    Ok(report)
}

/// Searches a table, as many pages at a time as the database gets through. False if it
/// refuses.
async fn scan_table(
    supabase: &Supabase,
    table: &Table,
    identifiers: &Identifiers,
    report: &mut Report,
) -> Result<bool, ScanError> {
    let Table { schema, name, pages, .. } = table;
    let Identifiers { words, numbers } = identifiers;
    let pages = pages.unwrap_or(1);
    let (mut first, mut count) = (0, FIRST_PAGES);
    while first < pages {
        // What was added since is behind the last.
        let is_last = pages - first <= count;
        let asked = if is_last { u32::MAX - first } else { count };
        let request =
            ScanTable { schema, name, first, count: asked, words, numbers, separators: SEPARATORS };
        let began = Instant::now();
        match supabase.call_within::<_, Hits>(TABLE_WITHIN, "scan_table", &request).await {
            Ok(Hits { hits }) => {
                for (column, hits) in hits {
                    report.add(format!("{schema}.{name}.{column}"), hits);
                }
                if is_last {
                    break;
                }
                first += count;
                if began.elapsed() < FAST {
                    count = (count * 2).min(MAX_PAGES);
                }
            }
            Err(error) if is_too_slow(&error) && count > 1 => count /= 4,
            Err(RpcError::Refused { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        count = count.max(1);
    }
    Ok(true)
}

/// Whether fewer pages might do: the statement was cancelled, or we were too impatient.
fn is_too_slow(error: &RpcError) -> bool {
    match error {
        RpcError::Refused { code, .. } => code == "57014",
        RpcError::Egress(_) => true,
        RpcError::Compose | RpcError::Malformed => false,
    }
}

/// Searches an object, and what is packed in it.
async fn scan_object(
    storage: &Storage,
    bucket: &str,
    path: &str,
    identifiers: &Identifiers,
    report: &mut Report,
) -> Result<(), ScanError> {
    let mut search = Search::of(identifiers);
    let (mut bytes, mut spool) = (0, None);
    let take = |piece: &[u8]| {
        if bytes == 0 && piece.starts_with(ZIP) {
            spool = Some(Spool::open());
        }
        bytes += piece.len() as u64;
        search.take(piece);
        if let Some(open) = &mut spool
            && let Ok(file) = open
            && let Err(error) = file.write_all(piece)
        {
            *open = Err(error);
        }
    };
    let place = format!("bucket {bucket}");
    match storage.read(bucket, path, OBJECT_WITHIN, take).await {
        Ok(true) => {}
        // Deleted since it was listed.
        Ok(false) => return Ok(()),
        Err(error @ StorageError::Refused(_)) => {
            report.not_searched.push(format!("{place}: an object that is not given ({error})"));
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    }
    if let Some(spool) = spool {
        let file = spool.map_err(ScanError::Spool)?;
        match is_in_zip(file, identifiers) {
            Ok(is_in) => search.has_found |= is_in,
            Err(_) => report.not_searched.push(format!("{place}: a zip that cannot be unpacked")),
        }
    }
    report.objects += 1;
    report.bytes += bytes;
    report.add(place, u64::from(search.has_found));
    Ok(())
}

/// Whether any of `identifiers` is in a file of a zip, or in its name.
fn is_in_zip(mut file: File, identifiers: &Identifiers) -> io::Result<bool> {
    file.rewind()?;
    let mut zip = ZipArchive::new(file)?;
    let mut buffer = vec![0; 64 * 1024];
    for index in 0..zip.len() {
        let mut packed = zip.by_index(index)?;
        let mut search = Search::of(identifiers);
        search.take(packed.name_raw());
        // What is in the file does not go on from its name.
        let mut content = Search::of(identifiers);
        loop {
            let length = packed.read(&mut buffer)?;
            let Some(read @ [_, ..]) = buffer.get(..length) else { break };
            content.take(read);
        }
        if search.has_found || content.has_found {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A file without a name: a zip is read from its end, and it is too large to be held.
struct Spool;

impl Spool {
    fn open() -> io::Result<File> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("leadslock-scan-{}-{number}", std::process::id()));
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        // Gone from the disk with the last handle, however this ends.
        fs::remove_file(path)?;
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use zip::{ZipWriter, write::SimpleFileOptions};

    use super::*;

    fn of(add: impl FnOnce(&mut Identifiers)) -> Identifiers {
        let mut identifiers = Identifiers::default();
        add(&mut identifiers);
        identifiers
    }

    fn phone(number: &str) -> Identifiers {
        of(|them| them.add_phone(&Phone::parse(number).unwrap()).unwrap())
    }

    #[track_caller]
    fn check(identifiers: &Identifiers, texts: &[(&str, bool)]) {
        for (text, want) in texts {
            assert_eq!(identifiers.are_in(text), *want, "{text}");
            // In one piece, and in the smallest there are.
            let mut search = Search::of(identifiers);
            for byte in text.bytes() {
                search.take(&[byte]);
            }
            assert_eq!(search.has_found, *want, "{text}, byte by byte");
        }
    }

    #[test]
    fn a_phone_number_is_found_however_it_is_written() {
        check(
            &phone("+15145550187"),
            &[
                ("+15145550187", true),
                ("15145550187", true),
                ("call (514) 555-0187 or", true),
                ("514.555.0187", true),
                ("514 555 0186", false),
                ("5145550", false),
            ],
        );
        check(&phone("+442071838750"), &[("+44 20 7183 8750", true), ("2071838750", false)]);
    }

    #[test]
    fn a_word_is_found_in_any_case() {
        check(
            &of(|them| them.add_email("Owner@Example.com").unwrap()),
            &[
                ("OWNER@EXAMPLE.COM", true),
                ("{\"email\":\"owner@example.com\"}", true),
                ("?email=owner%40example.com", true),
                ("owner@example.org", false),
            ],
        );
        check(
            &of(|them| them.add_name("Éloïse").unwrap()),
            &[
                ("ÉLOÏSE", true),
                ("éloïse", true),
                ("E\u{301}loi\u{308}se", true),
                ("Eloise", false),
            ],
        );
        check(
            &of(|them| them.add_id("0193A000-0000-7000-8000-0000000000aa").unwrap()),
            &[
                ("media/0193a000-0000-7000-8000-0000000000aa/0", true),
                ("0193a0000000700080000000000000aa", true),
            ],
        );
    }

    #[test]
    fn what_is_found_by_chance_is_refused() {
        let mut identifiers = Identifiers::default();
        let short = |what| Err(IdentifierError::TooShort(what));
        assert_eq!(
            identifiers.add_phone(&Phone::parse("+1234567").unwrap()),
            short("a phone number")
        );
        assert_eq!(identifiers.add_name(" Ann "), short("a name"));
        assert_eq!(identifiers.add_id("1234567"), short("an id"));
        assert_eq!(identifiers.add_email("owner"), Err(IdentifierError::NotAnEmail));
        assert!(identifiers.words.is_empty() && identifiers.numbers.is_empty());
    }

    #[test]
    fn a_zip_is_unpacked() {
        let packed = |name: &str, content: &str| {
            let mut zip = ZipWriter::new(Spool::open().unwrap());
            zip.start_file(name, SimpleFileOptions::default()).unwrap();
            zip.write_all(content.as_bytes()).unwrap();
            zip.finish().unwrap()
        };
        let identifiers = phone("+15145550187");
        let filler = "text ".repeat(20_000);
        let within = format!("{filler}514-555-0187{filler}");
        assert!(is_in_zip(packed("leads.jsonl", &within), &identifiers).unwrap());
        assert!(is_in_zip(packed("514 555 0187.txt", ""), &identifiers).unwrap());
        assert!(!is_in_zip(packed("leads.jsonl", &filler), &identifiers).unwrap());
    }

    #[test]
    fn debug_output_hides_them() {
        assert!(!format!("{:?}", phone("+15145550187")).contains("5145550187"));
    }
}
