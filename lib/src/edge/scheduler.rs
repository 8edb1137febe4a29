//! Proof that a request is of Vercel's scheduler.
//! <https://vercel.com/docs/cron-jobs/manage-cron-jobs#securing-cron-jobs>

use http::{HeaderMap, header};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::Problem;
use crate::settings::Reader;

/// The header that the scheduler must show.
#[derive(Debug)]
pub struct Authorization {
    /// The digest of the whole expected header, so that neither its length nor
    /// its beginning shows in the time a comparison takes.
    digest: [u8; 32],
}

impl Reader<'_> {
    /// The secret Vercel's scheduler shows (at least 16 characters).
    pub fn cron_secret(&self) -> Option<SecretString> {
        self.long_secret("CRON_SECRET", 16)
    }
}

impl Authorization {
    /// Lets in who shows `secret`.
    pub fn new(secret: &SecretString) -> Self {
        let header = Sha256::new().chain_update("Bearer ").chain_update(secret.expose_secret());
        Self { digest: header.finalize().into() }
    }

    /// Refuses a request that does not show the secret.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let shown = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes());
        let digest: [u8; 32] = Sha256::digest(shown.unwrap_or_default()).into();
        if digest.ct_eq(&self.digest).into() { Ok(()) } else { Err(Problem::Unauthorized) }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_the_whole_secret_is_accepted() {
        let authorization = Authorization::new(&"0123456789abcdef".into());
        let is_let_in = |shown: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.extend(
                shown.map(|shown| (header::AUTHORIZATION, HeaderValue::from_static(shown))),
            );
            authorization.check(&headers).is_ok()
        };
        assert!(is_let_in(Some("Bearer 0123456789abcdef")));
        for wrong in [
            None,
            Some(""),
            Some("Bearer "),
            Some("Bearer 0123456789abcde"),
            Some("Bearer 0123456789abcdef0"),
            Some("bearer 0123456789abcdef"),
            Some("0123456789abcdef"),
        ] {
            assert!(!is_let_in(wrong), "{wrong:?}");
        }
    }
}
