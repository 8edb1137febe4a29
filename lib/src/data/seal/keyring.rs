//! The keys that wrap the keys of objects.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::{
    aead::{Aad, LessSafeKey, NONCE_LEN, Nonce},
    rand::{SecureRandom as _, SystemRandom},
};
use secrecy::ExposeSecret as _;
use thiserror::Error;
use zeroize::Zeroizing;

use super::{DataKey, Place, SealError, cipher};
use crate::settings::Reader;

/// The longest id a key may have.
const MAX_ID: usize = 32;

/// What is wrong with a list of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyringFault {
    /// An item is not an id and a key.
    #[error("holds what is no ID:KEY (an id of a-z, 0-9 and -, and base64 of 32 bytes)")]
    Form,
    /// Two keys have one id.
    #[error("has two keys of one id")]
    Doubled,
    /// Two ids have one key: whoever rotated has rotated nothing.
    #[error("has one key under two ids")]
    Same,
}

impl Reader<'_> {
    /// The keys that wrap the keys of sealed backups.
    pub fn backup_keys(&self) -> Option<Keyring> {
        let keys = self.secret("BACKUP_KEYS")?;
        match Keyring::parse(keys.expose_secret()) {
            Ok(keyring) => Some(keyring),
            Err(fault) => {
                self.fault(&format!("BACKUP_KEYS {fault}"));
                None
            }
        }
    }
}

/// A [`DataKey`], wrapped. It may be stored anywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// Which key of the keyring it takes.
    pub key_id: String,
    /// A nonce of 12 bytes, the key under AES-256-GCM, the tag of 16.
    pub bytes: Vec<u8>,
}

/// The keys of `BACKUP_KEYS`, the newest first: it wraps, all of them unwrap.
///
/// Nonces are random, so a key must not wrap more than 2³² times.
pub struct Keyring(Vec<(String, LessSafeKey)>);

impl Keyring {
    /// Reads `id:key,id:key`: at least one key of 32 bytes in base64 after an id.
    pub fn parse(text: &str) -> Result<Self, KeyringFault> {
        let mut ids = Vec::new();
        let mut secrets: Vec<Zeroizing<Vec<u8>>> = Vec::new();
        for item in text.split(',').map(str::trim) {
            let (id, secret) = item.split_once(':').ok_or(KeyringFault::Form)?;
            let is_id = (1..=MAX_ID).contains(&id.len())
                && id.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
            let secret = Zeroizing::new(STANDARD.decode(secret).map_err(|_| KeyringFault::Form)?);
            if !is_id || secret.len() != 32 {
                return Err(KeyringFault::Form);
            }
            if ids.contains(&id) {
                return Err(KeyringFault::Doubled);
            }
            if secrets.contains(&secret) {
                return Err(KeyringFault::Same);
            }
            ids.push(id);
            secrets.push(secret);
        }
        let key = |(id, secret): (&str, &Zeroizing<Vec<u8>>)| Ok((id.to_owned(), cipher(secret)?));
        let keys = ids.into_iter().zip(&secrets).map(key);
        keys.collect::<Result<_, SealError>>().map(Self).map_err(|_| KeyringFault::Form)
    }

    /// A key for one object, and what is kept of it.
    pub fn new_data_key(&self, place: &Place) -> Result<(DataKey, WrappedKey), SealError> {
        let mut key = DataKey(Zeroizing::new([0; 32]));
        SystemRandom::new().fill(&mut *key.0).map_err(|_| SealError::Random)?;
        let wrapped = self.wrap(&key, place)?;
        Ok((key, wrapped))
    }

    /// The key of the object at `place`.
    pub fn unwrap(&self, wrapped: &WrappedKey, place: &Place) -> Result<DataKey, SealError> {
        let (id, key) =
            self.0.iter().find(|(id, _)| *id == wrapped.key_id).ok_or(SealError::UnknownKey)?;
        let (nonce, sealed) =
            wrapped.bytes.split_first_chunk::<NONCE_LEN>().ok_or(SealError::Unwrap)?;
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = key.open_in_place(nonce, associated(id, place), &mut sealed);
        let opened: &[u8] = opened.map_err(|_| SealError::Unwrap)?;
        Ok(DataKey(Zeroizing::new(opened.try_into().map_err(|_| SealError::Unwrap)?)))
    }

    /// The same key, wrapped by the newest key; none if it is already.
    pub fn rewrap(
        &self,
        wrapped: &WrappedKey,
        place: &Place,
    ) -> Result<Option<WrappedKey>, SealError> {
        if self.0.first().is_some_and(|(id, _)| *id == wrapped.key_id) {
            return Ok(None);
        }
        self.wrap(&self.unwrap(wrapped, place)?, place).map(Some)
    }

    fn wrap(&self, key: &DataKey, place: &Place) -> Result<WrappedKey, SealError> {
        let (id, wrapping) = self.0.first().ok_or(SealError::UnknownKey)?;
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| SealError::Random)?;
        let mut sealed = Zeroizing::new(*key.0);
        let tag = wrapping
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                associated(id, place),
                &mut *sealed,
            )
            .map_err(|_| SealError::Unwrap)?;
        let bytes = [&nonce, sealed.as_slice(), tag.as_ref()].concat();
        Ok(WrappedKey { key_id: id.clone(), bytes })
    }
}

impl std::fmt::Debug for Keyring {
    /// Names the keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(id, _)| id)).finish()
    }
}

/// What a wrapped key is bound to.
fn associated(key_id: &str, place: &Place) -> Aad<Vec<u8>> {
    let mut bytes = format!("leadslock wrapped key 1\n{key_id}\n").into_bytes();
    bytes.extend_from_slice(&place.bytes());
    Aad::from(bytes)
}

#[cfg(test)]
mod tests {
    use trust::text::hex;

    use super::{super::tests::place, *};

    const OLD: &str = "2026-11:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";
    const NEW: &str = "2027-05:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    fn keyring(text: &str) -> Keyring {
        Keyring::parse(text).unwrap()
    }

    #[test]
    fn a_list_is_ids_and_keys_of_32_bytes() {
        assert_eq!(format!("{:?}", keyring(&format!("{NEW}, {OLD}"))), r#"["2027-05", "2026-11"]"#);
        let short = "a:AAAA";
        let same = NEW.replace("2027-05", "b");
        for (text, fault) in [
            ("", KeyringFault::Form),
            (",", KeyringFault::Form),
            (short, KeyringFault::Form),
            ("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", KeyringFault::Form),
            (&NEW.replace('=', ""), KeyringFault::Form),
            (&NEW.replace("2027-05", ""), KeyringFault::Form),
            (&NEW.replace("2027-05", "Ä"), KeyringFault::Form),
            (&NEW.replace("2027-05", &"a".repeat(33)), KeyringFault::Form),
            (&format!("{NEW},"), KeyringFault::Form),
            (&format!("{NEW},{short}"), KeyringFault::Form),
            (&format!("{NEW},{OLD},{NEW}"), KeyringFault::Doubled),
            (&format!("{NEW},{same}"), KeyringFault::Same),
        ] {
            assert_eq!(Keyring::parse(text).map(drop), Err(fault), "{text}");
        }
    }

    /// Made apart from this code: tests/seal/vectors.py.
    #[test]
    fn a_key_wrapped_elsewhere_is_unwrapped() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../../../tests/seal/vectors.json")).unwrap();
        let bytes = hex::decode(vectors["wrapped_key"].as_str().unwrap()).unwrap();
        assert_eq!(bytes.len(), 60);
        let wrapped = WrappedKey { key_id: "2026-11".to_owned(), bytes };
        let key = keyring(OLD).unwrap(&wrapped, &place()).unwrap();
        assert_eq!(key.0.to_vec(), (0..32).collect::<Vec<u8>>());
    }

    #[test]
    fn a_new_first_key_wraps_and_the_old_ones_unwrap() {
        let (old, both, new) = (keyring(OLD), keyring(&format!("{NEW},{OLD}")), keyring(NEW));
        let (key, wrapped) = old.new_data_key(&place()).unwrap();
        assert_eq!(wrapped.key_id, "2026-11");
        assert_eq!(old.rewrap(&wrapped, &place()), Ok(None));
        assert_eq!(both.unwrap(&wrapped, &place()).unwrap().0, key.0);
        assert_eq!(both.new_data_key(&place()).unwrap().1.key_id, "2027-05");

        let rewrapped = both.rewrap(&wrapped, &place()).unwrap().unwrap();
        assert_eq!(rewrapped.key_id, "2027-05");
        assert_eq!(new.unwrap(&rewrapped, &place()).unwrap().0, key.0);
        assert_eq!(new.unwrap(&wrapped, &place()).err(), Some(SealError::UnknownKey));
        assert_eq!(new.rewrap(&wrapped, &place()), Err(SealError::UnknownKey));
    }

    #[test]
    fn a_wrapped_key_that_was_changed_or_moved_is_refused() {
        let keyring = keyring(&format!("{NEW},{OLD}"));
        let (_, wrapped) = keyring.new_data_key(&place()).unwrap();
        let refused = |wrapped: &WrappedKey, place: &Place| {
            assert_eq!(keyring.unwrap(wrapped, place).err(), Some(SealError::Unwrap));
        };
        for bit in 0..wrapped.bytes.len() * 8 {
            let mut changed = wrapped.clone();
            changed.bytes[bit / 8] ^= 1 << (bit % 8);
            refused(&changed, &place());
        }
        for length in 0..wrapped.bytes.len() {
            refused(
                &WrappedKey { bytes: wrapped.bytes[..length].to_vec(), ..wrapped.clone() },
                &place(),
            );
        }
        refused(
            &WrappedKey { bytes: [&*wrapped.bytes, &[0]].concat(), ..wrapped.clone() },
            &place(),
        );
        refused(&WrappedKey { key_id: "2026-11".to_owned(), ..wrapped.clone() }, &place());
        refused(&wrapped, &Place { path: "elsewhere".to_owned(), ..place() });
        refused(&wrapped, &Place { closure_id: uuid::Uuid::nil(), ..place() });
    }

    #[test]
    fn the_variable_is_named_but_never_shown() {
        let read = |keys: &str| {
            let keys = keys.to_owned();
            let lookup = |name: &str| (name == "BACKUP_KEYS").then(|| keys.clone());
            let reader = Reader::new(&lookup);
            let keyring = reader.backup_keys();
            reader.finish(keyring)
        };
        let key = "a:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        assert_eq!(format!("{:?}", read(key).unwrap()), r#"["a"]"#);
        for (keys, want) in [
            ("", "BACKUP_KEYS is not set"),
            (
                "canary",
                "BACKUP_KEYS holds what is no ID:KEY (an id of a-z, 0-9 and -, and base64 of 32 bytes)",
            ),
            (&format!("{key},{key}"), "BACKUP_KEYS has two keys of one id"),
        ] {
            assert_eq!(read(keys).unwrap_err().0, [want]);
        }
    }
}
