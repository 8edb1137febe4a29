//! A sealed object, written and read in one go, of which only a chunk is held.

use std::io::{self, Read, Write};

use ring::{
    aead::{Aad, LessSafeKey, NONCE_LEN, Nonce},
    rand::{SecureRandom as _, SystemRandom},
};
use subtle::ConstantTimeEq as _;

use super::{COMMITMENT, DataKey, Place, SALT, SealError};

/// What every sealed object of this form begins with; its last byte is the version.
const MAGIC: [u8; 8] = *b"LLSEAL\0\x01";

/// How much is sealed at a time: one tag for every 64 KiB is a fortieth of a percent.
pub(super) const CHUNK: usize = 64 * 1024;

/// The part of each chunk's nonce that the header has. Besides it, the chunk's number
/// (4 bytes) and whether it is the last.
const PREFIX: usize = NONCE_LEN - 5;

/// How many bytes a chunk has more than what is in it.
pub(super) const TAG: usize = 16;

/// Magic, length of a chunk, salt, prefix, commitment.
pub(super) const HEADER: usize = MAGIC.len() + 4 + SALT + PREFIX + COMMITMENT;

/// What seals and opens the chunks of one object, one after another.
struct Chunks {
    key: LessSafeKey,
    prefix: [u8; PREFIX],
    /// The header and the place: authenticated with every chunk.
    associated: Vec<u8>,
    /// The number of the next chunk; none after the last there can be.
    next: Option<u32>,
}

impl Chunks {
    fn nonce(&mut self, is_last: bool) -> Result<Nonce, SealError> {
        let number = self.next.ok_or(SealError::TooLong)?;
        self.next = number.checked_add(1);
        let mut nonce = [0; NONCE_LEN];
        let parts = self.prefix.into_iter().chain(number.to_be_bytes()).chain([is_last.into()]);
        nonce.iter_mut().zip(parts).for_each(|(byte, part)| *byte = part);
        Ok(Nonce::assume_unique_for_key(nonce))
    }

    fn seal(&mut self, chunk: &mut Vec<u8>, is_last: bool) -> Result<(), SealError> {
        let nonce = self.nonce(is_last)?;
        self.key
            .seal_in_place_append_tag(nonce, Aad::from(&self.associated), chunk)
            .map_err(|_| SealError::TooLong)
    }

    fn open(&mut self, chunk: &mut Vec<u8>, is_last: bool) -> Result<(), SealError> {
        let nonce = self.nonce(is_last)?;
        let opened = self.key.open_in_place(nonce, Aad::from(&self.associated), chunk);
        let length = opened.map_err(|_| SealError::Broken)?.len();
        chunk.truncate(length);
        Ok(())
    }
}

/// Seals what is written to it. What is not [finished](Self::finish) has no last
/// chunk, and nobody will open it.
pub struct Sealer<W: Write> {
    out: W,
    chunks: Chunks,
    chunk: Vec<u8>,
}

impl<W: Write> Sealer<W> {
    /// Begins an object for `place`.
    pub fn begin(out: W, key: &DataKey, place: &Place) -> io::Result<Self> {
        let (mut salt, mut prefix) = ([0; SALT], [0; PREFIX]);
        let random = SystemRandom::new();
        random
            .fill(&mut salt)
            .and_then(|()| random.fill(&mut prefix))
            .map_err(|_| SealError::Random)?;
        Self::begin_with(out, key, place, salt, prefix)
    }

    pub(super) fn begin_with(
        mut out: W,
        key: &DataKey,
        place: &Place,
        salt: [u8; SALT],
        prefix: [u8; PREFIX],
    ) -> io::Result<Self> {
        let (key, commitment) = key.derive(&salt)?;
        let mut associated = Vec::with_capacity(HEADER + 128);
        associated.extend_from_slice(&MAGIC);
        associated.extend_from_slice(&(CHUNK as u32).to_be_bytes());
        associated.extend_from_slice(&salt);
        associated.extend_from_slice(&prefix);
        associated.extend_from_slice(&commitment);
        out.write_all(&associated)?;
        associated.extend_from_slice(&place.bytes());
        let chunks = Chunks { key, prefix, associated, next: Some(0) };
        Ok(Self { out, chunks, chunk: Vec::with_capacity(CHUNK + TAG) })
    }

    /// Seals the last chunk.
    pub fn finish(mut self) -> io::Result<W> {
        self.pass_on(true)?;
        Ok(self.out)
    }

    fn pass_on(&mut self, is_last: bool) -> io::Result<()> {
        self.chunks.seal(&mut self.chunk, is_last)?;
        self.out.write_all(&self.chunk)?;
        self.chunk.clear();
        Ok(())
    }
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full chunk waits for more: else nobody would know the last.
        if self.chunk.len() == CHUNK && !bytes.is_empty() {
            self.pass_on(false)?;
        }
        let (taken, _) = bytes.split_at(bytes.len().min(CHUNK - self.chunk.len()));
        self.chunk.extend_from_slice(taken);
        Ok(taken.len())
    }

    /// A chunk that is not full is not passed on: where chunks end is a part of the format.
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Reads what was sealed.
///
/// Each chunk is authenticated before any of it is handed out. But until the end was
/// reached (a read of 0 bytes), nobody knows that nothing is missing: what was read
/// is provisional till then. After an error every read is the same error.
pub struct Opener<R: Read> {
    sealed: R,
    chunks: Chunks,
    /// What comes next of the object: a chunk and one byte, by which it is known that
    /// the chunk is not the last.
    ahead: Vec<u8>,
    chunk: Vec<u8>,
    /// How much of `chunk` was read.
    read: usize,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// The last chunk was opened.
    Ended,
    Refused(SealError),
}

impl<R: Read> Opener<R> {
    /// Reads the header of an object that was made for `place`.
    pub fn begin(mut sealed: R, key: &DataKey, place: &Place) -> io::Result<Self> {
        let mut header = Vec::with_capacity(HEADER);
        sealed.by_ref().take(HEADER as u64).read_to_end(&mut header)?;
        let (salt, prefix, shown) = parts(&header).ok_or(SealError::Header)?;
        let (key, commitment) = key.derive(&salt)?;
        if !bool::from(commitment.ct_eq(&shown)) {
            return Err(SealError::OtherKey.into());
        }
        header.extend_from_slice(&place.bytes());
        let chunks = Chunks { key, prefix, associated: header, next: Some(0) };
        let ahead = Vec::with_capacity(CHUNK + TAG + 1);
        Ok(Self { sealed, chunks, ahead, chunk: Vec::new(), read: 0, state: State::Open })
    }

    /// Opens the next chunk into `self.chunk`.
    fn next_chunk(&mut self) -> io::Result<()> {
        let missing = CHUNK + TAG + 1 - self.ahead.len();
        self.sealed.by_ref().take(missing as u64).read_to_end(&mut self.ahead)?;
        let is_last = self.ahead.len() <= CHUNK + TAG;
        let is_first = self.chunks.next == Some(0);
        let rest = self.ahead.split_off(self.ahead.len().min(CHUNK + TAG));
        self.chunk = std::mem::replace(&mut self.ahead, rest);
        self.read = 0;
        let opened = match self.chunks.open(&mut self.chunk, is_last) {
            // An empty chunk is the only one: so each content is sealed in one way.
            Ok(()) if self.chunk.is_empty() && !is_first => Err(SealError::Broken),
            outcome => outcome,
        };
        if let Err(error) = opened {
            self.chunk.clear();
            self.state = State::Refused(error);
        } else if is_last {
            self.state = State::Ended;
        }
        opened.map_err(io::Error::from)
    }
}

impl<R: Read> Read for Opener<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let left = self.chunk.get(self.read..).unwrap_or_default();
            if !left.is_empty() || out.is_empty() {
                let length = left.len().min(out.len());
                out.iter_mut().zip(left).for_each(|(to, from)| *to = *from);
                self.read += length;
                return Ok(length);
            }
            match self.state {
                State::Open => self.next_chunk()?,
                State::Ended => return Ok(0),
                State::Refused(error) => return Err(error.into()),
            }
        }
    }
}

/// Salt, prefix and commitment of a header, if it is one.
fn parts(header: &[u8]) -> Option<([u8; SALT], [u8; PREFIX], [u8; COMMITMENT])> {
    let rest = header.strip_prefix(&MAGIC)?.strip_prefix(&(CHUNK as u32).to_be_bytes())?;
    let (salt, rest) = rest.split_first_chunk()?;
    let (prefix, rest) = rest.split_first_chunk()?;
    Some((*salt, *prefix, rest.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;
    use sha2::{Digest as _, Sha256};
    use trust::text::hex;

    use super::{
        super::tests::{data_key, place},
        *,
    };

    /// Made apart from this code: tests/seal/vectors.py.
    static VECTORS: LazyLock<serde_json::Value> = LazyLock::new(|| {
        serde_json::from_str(include_str!("../../../../tests/seal/vectors.json")).unwrap()
    });

    /// As vectors.py has it.
    fn content(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at * at / 251 + at) as u8).collect()
    }

    fn bytes<const N: usize>(value: &serde_json::Value) -> [u8; N] {
        hex::decode(value.as_str().unwrap()).unwrap().try_into().unwrap()
    }

    fn seal(content: &[u8]) -> Vec<u8> {
        let mut sealer = Sealer::begin(Vec::new(), &data_key(1), &place()).unwrap();
        sealer.write_all(content).unwrap();
        sealer.finish().unwrap()
    }

    /// What was handed out, and how it ended.
    fn open_with(sealed: &[u8], key: &DataKey, place: &Place) -> (Vec<u8>, Result<(), SealError>) {
        let mut opened = Vec::new();
        let outcome = Opener::begin(sealed, key, place).and_then(|mut opener| {
            let outcome = opener.read_to_end(&mut opened);
            // The end, and an error, stay.
            let again = opener.read(&mut [0]);
            assert_eq!(outcome.is_ok(), again.is_ok_and(|length| length == 0));
            outcome
        });
        let of = |error: io::Error| *error.get_ref().unwrap().downcast_ref::<SealError>().unwrap();
        (opened, outcome.map(drop).map_err(of))
    }

    fn open(sealed: &[u8]) -> (Vec<u8>, Result<(), SealError>) {
        open_with(sealed, &data_key(1), &place())
    }

    /// Refused, and nothing handed out but whole chunks that stood before the fault.
    #[track_caller]
    fn check_refused(sealed: &[u8], content: &[u8], what: &str) {
        let (opened, outcome) = open(sealed);
        assert!(outcome.is_err(), "{what} was not noticed");
        assert!(content.starts_with(&opened), "{what} let something else through");
        assert_eq!(opened.len() % CHUNK, 0, "{what} let a part of a chunk through");
    }

    #[test]
    fn objects_are_those_of_another_implementation() {
        let key = DataKey(zeroize::Zeroizing::new(bytes(&VECTORS["data_key"])));
        for vector in VECTORS["objects"].as_array().unwrap() {
            let content = content(vector["length"].as_u64().unwrap() as usize);
            let (salt, prefix) = (bytes(&vector["salt"]), bytes(&vector["prefix"]));
            let mut sealer = Sealer::begin_with(Vec::new(), &key, &place(), salt, prefix).unwrap();
            // In pieces that do not fit into chunks.
            content.chunks(7919).for_each(|piece| sealer.write_all(piece).unwrap());
            let sealed = sealer.finish().unwrap();
            let begins = vector["begins"].as_str().unwrap();
            assert_eq!(hex::encode(&sealed[..begins.len() / 2]), begins);
            assert_eq!(hex::encode(&Sha256::digest(&sealed)), vector["sha256"]);
            assert_eq!(open_with(&sealed, &key, &place()), (content, Ok(())));
        }
    }

    #[test]
    fn no_two_objects_are_alike() {
        let content = content(10);
        assert_ne!(seal(&content)[HEADER..], seal(&content)[HEADER..]);
        // Salt, prefix and commitment differ.
        let (one, other) = (seal(&content), seal(&content));
        for part in [12..44, 44..51, 51..83] {
            assert_ne!(one[part.clone()], other[part]);
        }
    }

    #[test]
    fn what_was_not_finished_is_not_opened() {
        for length in [0, 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
            let content = content(length);
            let mut sealed = Vec::new();
            let mut sealer = Sealer::begin(&mut sealed, &data_key(1), &place()).unwrap();
            sealer.write_all(&content).unwrap();
            sealer.flush().unwrap();
            drop(sealer);
            check_refused(&sealed, &content, "an object without an end");
        }
    }

    #[test]
    fn keys_and_places_are_told_apart() {
        let sealed = seal(b"content");
        let other_closure = Place { closure_id: uuid::Uuid::nil(), ..place() };
        let other_path = Place { path: format!("{}0", place().path), ..place() };
        for (key, place, want) in [
            (data_key(1), place(), Ok(())),
            (data_key(2), place(), Err(SealError::OtherKey)),
            (data_key(1), other_closure, Err(SealError::Broken)),
            (data_key(1), other_path, Err(SealError::Broken)),
        ] {
            let (opened, outcome) = open_with(&sealed, &key, &place);
            assert_eq!(outcome, want);
            assert_eq!(opened.is_empty(), want.is_err());
        }
    }

    #[test]
    fn every_bit_of_a_short_object_counts_and_every_byte() {
        let content = content(300);
        let sealed = seal(&content);
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            check_refused(&changed, &content, &format!("bit {bit}"));
        }
        for length in 0..sealed.len() {
            check_refused(&sealed[..length], &content, &format!("an end at {length}"));
        }
        for more in [1, TAG, CHUNK, CHUNK + TAG] {
            let longer = [sealed.as_slice(), &vec![0; more]].concat();
            check_refused(&longer, &content, &format!("{more} bytes more"));
        }
    }

    /// The chunks of an object, its header left out.
    fn chunks(sealed: &[u8]) -> Vec<&[u8]> {
        sealed[HEADER..].chunks(CHUNK + TAG).collect()
    }

    #[test]
    fn chunks_stay_where_they_are() {
        let content = content(3 * CHUNK + 10);
        let sealed = seal(&content);
        let (header, whole) = (&sealed[..HEADER], chunks(&sealed));
        let other = seal(&content);
        let foreign = chunks(&other)[1];
        for (what, order) in [
            ("swapped", vec![whole[1], whole[0], whole[2], whole[3]]),
            ("swapped with the last", vec![whole[0], whole[1], whole[3], whole[2]]),
            ("dropped first", vec![whole[1], whole[2], whole[3]]),
            ("dropped", vec![whole[0], whole[2], whole[3]]),
            ("dropped last", vec![whole[0], whole[1], whole[2]]),
            ("doubled", vec![whole[0], whole[0], whole[1], whole[2], whole[3]]),
            ("doubled last", vec![whole[0], whole[1], whole[2], whole[3], whole[3]]),
            ("of another object", vec![whole[0], foreign, whole[2], whole[3]]),
            ("none", vec![]),
        ] {
            check_refused(&[header, &order.concat()].concat(), &content, what);
        }
        assert_eq!(open(&[header, &whole.concat()].concat()), (content, Ok(())));
    }

    /// The empty chunk that could end an object of whole chunks is no form of ours.
    #[test]
    fn each_content_is_sealed_in_one_way() {
        let mut sealer = Sealer::begin(Vec::new(), &data_key(1), &place()).unwrap();
        sealer.write_all(&content(CHUNK)).unwrap();
        sealer.pass_on(false).unwrap();
        let sealed = sealer.finish().unwrap();
        assert_eq!(sealed.len(), HEADER + CHUNK + 2 * TAG);
        check_refused(&sealed, &content(CHUNK), "an empty last chunk");
    }

    /// Long enough for three chunks, and for none.
    fn lengths() -> impl Strategy<Value = usize> {
        let edges = prop::sample::select(vec![0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK]);
        prop_oneof![edges, 0..3 * CHUNK]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn what_was_sealed_is_opened(length in lengths(), piece in 1..200_000_usize) {
            let content = content(length);
            let mut sealer = Sealer::begin(Vec::new(), &data_key(1), &place()).unwrap();
            content.chunks(piece).for_each(|piece| sealer.write_all(piece).unwrap());
            let sealed = sealer.finish().unwrap();
            let chunks = length.div_ceil(CHUNK).max(1);
            prop_assert_eq!(sealed.len(), HEADER + length + chunks * TAG);
            prop_assert_eq!(open(&sealed), (content, Ok(())));
        }

        #[test]
        fn no_change_passes(length in lengths(), at in any::<prop::sample::Index>(), bit in 0..8) {
            let content = content(length);
            let mut sealed = seal(&content);
            let at = at.index(sealed.len());
            sealed[at] ^= 1_u8 << bit;
            check_refused(&sealed, &content, &format!("bit {bit} of byte {at} of {length}"));
        }

        #[test]
        fn no_truncation_passes(length in lengths(), end in any::<prop::sample::Index>()) {
            let content = content(length);
            let sealed = seal(&content);
            let end = end.index(sealed.len());
            check_refused(&sealed[..end], &content, &format!("an end at {end} of {length}"));
        }
    }
}
