//! The key of CSRF tokens: what proves that a form is ours.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// Makes and knows the tokens of forms.
pub(crate) struct CsrfKey(Hmac<Sha256>);

impl CsrfKey {
    /// Keys the HMAC with the value of `CSRF_KEY`.
    pub(crate) fn new(key: &SecretString) -> Self {
        #[expect(clippy::expect_used, reason = "HMAC is defined for keys of every length")]
        let mac = Hmac::new_from_slice(key.expose_secret().as_bytes())
            .expect("HMAC takes a key of any length");
        Self(mac)
    }

    /// What a form carries that belongs to `binding`: a session, or a browser's cookie.
    pub(crate) fn form_token(&self, binding: &str) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.of(binding).finalize().into_bytes())
    }

    /// Whether `token` is the one of `binding`. Takes the same time wherever they differ.
    pub(crate) fn is_form_token(&self, binding: &str, token: &str) -> bool {
        let Ok(digest) = BASE64_URL_SAFE_NO_PAD.decode(token) else { return false };
        self.of(binding).verify_slice(&digest).is_ok()
    }

    fn of(&self, binding: &str) -> Hmac<Sha256> {
        self.0.clone().chain_update("form ").chain_update(binding)
    }
}

impl std::fmt::Debug for CsrfKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CsrfKey(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_of_one_binding_and_one_key() {
        let (key, other) = (CsrfKey::new(&"k".into()), CsrfKey::new(&"l".into()));
        let token = key.form_token("a");
        assert!(key.is_form_token("a", &token));
        assert!(!key.is_form_token("b", &token));
        assert!(!other.is_form_token("a", &token));
        for wrong in ["", "!", &key.form_token("b"), &format!("{token}="), &token[1..]] {
            assert!(!key.is_form_token("a", wrong), "{wrong}");
        }
        assert!(!format!("{key:?}").contains('k'.to_string().repeat(2).as_str()));
    }
}
