//! Sealed objects: AES-256-GCM in authenticated chunks, each object under a key of
//! its own, and that key wrapped by one of [`Keyring`].
//!
//! Chunks are numbered and the last one says so (STREAM, <https://eprint.iacr.org/2015/189>),
//! so that none can be changed, left out, doubled or put elsewhere, and no end cut
//! off. All are bound to the [`Place`] the object was made for. The format, byte by
//! byte, is in docs/backups.md: another program can open it.

mod keyring;
mod stream;

use ring::{aead, hkdf};
use thiserror::Error;
use uuid::Uuid;
use zeroize::Zeroizing;

pub use self::{
    keyring::{Keyring, KeyringFault, WrappedKey},
    stream::{Opener, Sealer},
};

/// Why something could not be sealed or opened.
///
/// Which of its bytes is wrong nobody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SealError {
    /// The system's random generator failed.
    #[error("the system's random generator failed")]
    Random,
    /// The keyring has no key of that id: it was taken out too early.
    #[error("the key that wraps the object's key is not in BACKUP_KEYS")]
    UnknownKey,
    /// The wrapped key was changed, or is of another place, or the keyring's key of
    /// that id is another one.
    #[error("the object's key cannot be unwrapped")]
    Unwrap,
    /// What begins the object is no header of ours.
    #[error("the object is not sealed in a form that is known")]
    Header,
    /// The header names another key.
    #[error("the object is sealed under another key")]
    OtherKey,
    /// A chunk was changed or is not where it was, the end is cut off, or the object
    /// was made for another place.
    #[error("the object is not what was sealed")]
    Broken,
    /// More than 2³² chunks.
    #[error("the object is too long to be sealed")]
    TooLong,
}

impl From<SealError> for std::io::Error {
    fn from(error: SealError) -> Self {
        Self::new(std::io::ErrorKind::InvalidData, error)
    }
}

/// What a sealed object is made for. Opened as anything else, it is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The closure it belongs to.
    pub closure_id: Uuid,
    /// Where it is in its bucket.
    pub path: String,
}

impl Place {
    /// What is authenticated with every chunk. No id has a line break in it, so no two
    /// places have the same bytes.
    fn bytes(&self) -> Vec<u8> {
        format!("{}\n{}", self.closure_id, self.path).into_bytes()
    }
}

/// The key of one object. It has no `Debug`, and its memory is wiped.
pub struct DataKey(Zeroizing<[u8; 32]>);

/// The salt of an object, from which and the [`DataKey`] its keys are derived.
const SALT: usize = 32;

/// What shows that an object is of a key. AES-GCM alone does not: there are chunks
/// that open under two keys. <https://eprint.iacr.org/2020/1456>
const COMMITMENT: usize = 32;

impl DataKey {
    /// What seals an object, and what its header shows of it. A new salt gives new
    /// ones, so that an object that is made again under the same key shares nothing
    /// with the one before.
    fn derive(
        &self,
        salt: &[u8; SALT],
    ) -> Result<(aead::LessSafeKey, [u8; COMMITMENT]), SealError> {
        struct Length;
        impl hkdf::KeyType for Length {
            fn len(&self) -> usize {
                32 + COMMITMENT
            }
        }
        let mut derived = Zeroizing::new([0; 32 + COMMITMENT]);
        hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
            .extract(&*self.0)
            .expand(&[b"leadslock sealed object 1"], Length)
            .and_then(|keys| keys.fill(&mut *derived))
            .map_err(|_| SealError::Broken)?;
        let (key, shown) = derived.split_at(32);
        let commitment = shown.try_into().map_err(|_| SealError::Broken)?;
        Ok((cipher(key)?, commitment))
    }
}

/// A key of AES-256-GCM, of 32 bytes.
fn cipher(key: &[u8]) -> Result<aead::LessSafeKey, SealError> {
    let key = aead::UnboundKey::new(&aead::AES_256_GCM, key).map_err(|_| SealError::Unwrap)?;
    Ok(aead::LessSafeKey::new(key))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The place of the vector, and of most tests.
    pub(crate) fn place() -> Place {
        Place {
            closure_id: Uuid::from_u128(0x0193_a000_0000_7000_8000_0000_0000_0001),
            path: "0193a000-0000-7000-8000-000000000001/1".to_owned(),
        }
    }

    pub(crate) fn data_key(byte: u8) -> DataKey {
        DataKey(Zeroizing::new([byte; 32]))
    }
}
