//! What shows that something about a closure is of us: the link its owner has, and
//! the signature of its certificate.
//!
//! Both are made of `SUPPRESSION_KEY`, the one key that is never changed: a link and
//! a certificate are good for ever. The key for them is derived, so that neither says
//! anything of how phone numbers are hashed.

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use trust::text::hex;
use uuid::Uuid;

/// What the key is derived with. Another use of it gets another text.
const PURPOSE: &[u8] = b"leadslock closure 1";

/// Makes and recognizes what is of us.
#[derive(Clone)]
pub struct Prover(Hmac<Sha256>);

impl Prover {
    /// Derives its key from the value of `SUPPRESSION_KEY`.
    pub fn new(suppression_key: &SecretString) -> Self {
        let key = keyed(suppression_key.expose_secret().as_bytes());
        Self(keyed(&key.chain_update(PURPOSE).finalize().into_bytes()))
    }

    /// The token that opens a closure to whoever has it. The same closure has the same
    /// one, so that asking twice gives one link, and nothing of it is stored.
    pub fn token(&self, closure_id: Uuid) -> String {
        hex::encode(&self.mac(b"link\n", closure_id.as_bytes()).finalize().into_bytes())
    }

    /// Whether `token` opens a closure. Takes as long whatever is wrong with it.
    pub fn is_token(&self, closure_id: Uuid, token: &str) -> bool {
        is(self.mac(b"link\n", closure_id.as_bytes()), token)
    }

    /// The signature of a certificate's canonical text.
    pub fn signature(&self, text: &str) -> String {
        hex::encode(&self.mac(b"certificate\n", text.as_bytes()).finalize().into_bytes())
    }

    /// Whether `signature` is that of a certificate's canonical text.
    pub fn is_signature(&self, text: &str, signature: &str) -> bool {
        is(self.mac(b"certificate\n", text.as_bytes()), signature)
    }

    fn mac(&self, label: &[u8], subject: &[u8]) -> Hmac<Sha256> {
        self.0.clone().chain_update(label).chain_update(subject)
    }
}

impl std::fmt::Debug for Prover {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Prover(hidden)")
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC is defined for keys of every length")]
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

/// Whether `text` is the hex of a digest.
fn is(mac: Hmac<Sha256>, text: &str) -> bool {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes: Option<Vec<u8>> = text
        .as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect();
    bytes.is_some_and(|bytes| mac.verify_slice(&bytes).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_one_closure_and_signs_nothing() {
        let prover = Prover::new(&"k".repeat(32).into());
        let other = Prover::new(&"l".repeat(32).into());
        let (id, another) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let token = prover.token(id);
        assert_eq!(token.len(), 64);
        assert!(prover.is_token(id, &token) && prover.is_token(id, &token.to_uppercase()));
        assert!(!prover.is_token(another, &token) && !other.is_token(id, &token));
        for wrong in ["", "a", "é", &token[..62], &format!("{token}00"), &token.replace('a', "g")]
        {
            assert!(!prover.is_token(id, wrong) || wrong == token, "{wrong}");
        }
        let text = String::from_utf8_lossy(id.as_bytes()).into_owned();
        assert!(!prover.is_signature(&text, &token));
        assert!(prover.is_signature("{}", &prover.signature("{}")));
        assert!(!prover.is_signature("{ }", &prover.signature("{}")));
        assert_eq!(format!("{prover:?}"), "Prover(hidden)");
    }
}
