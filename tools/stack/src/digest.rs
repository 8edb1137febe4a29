//! SHA-256 as text, to tell whether something has changed or to name something.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// The digest of all parts, in hexadecimal. How the bytes are divided counts.
pub(crate) fn digest<Part: AsRef<[u8]>>(parts: impl IntoIterator<Item = Part>) -> String {
    let mut sha256 = Sha256::new();
    for part in parts {
        let bytes = part.as_ref();
        sha256.update(bytes.len().to_be_bytes());
        sha256.update(bytes);
    }
    sha256.finalize().iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_depends_on_the_bytes_and_their_division() {
        let of = |parts: &[&str]| digest(parts);
        assert_eq!(of(&["ab", "c"]), of(&["ab", "c"]));
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(of(&["ab", "c"]), of(&["ab", "d"]));
        assert_eq!(of(&[]).len(), 64);
    }
}
