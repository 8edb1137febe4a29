//! The signature of a delivery, by Stripe's published scheme.
//!
//! <https://docs.stripe.com/webhooks#verify-manually>

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// The request header that carries the signature.
pub const HEADER: &str = "stripe-signature";

/// The value of the header for `body`, sent at `time`: one `v1` for each secret.
///
/// In test mode Stripe adds a `v0` that nobody is to look at.
pub fn header(secrets: &[&SecretString], time: i64, body: &[u8], livemode: bool) -> String {
    let mut header = format!("t={time}");
    for secret in secrets {
        let _ = write!(header, ",v1={}", sign(secret, time, body));
    }
    if !livemode {
        let _ = write!(header, ",v0={}", sign(&"not a secret".into(), time, body));
    }
    header
}

/// HMAC-SHA256 over the time, a dot and the body, in hexadecimal digits. The key is
/// the secret as it stands, `whsec_` included.
pub fn sign(secret: &SecretString, time: i64, body: &[u8]) -> String {
    let key = secret.expose_secret().as_bytes();
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    mac.update(time.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    let mut digits = String::new();
    for byte in mac.finalize().into_bytes() {
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_other_tools() {
        // printf %s '1700000000.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_test
        let digits = sign(&"whsec_test".into(), 1_700_000_000, br#"{"id":"evt_1"}"#);
        assert_eq!(digits, "c89214b5b5da833daed6f0b8c5bb6bd58cea9022bd80ccc78230f3942d632925");
    }

    #[test]
    fn there_is_one_signature_for_each_secret() {
        let (current, next) = ("whsec_1".into(), "whsec_2".into());
        let both = header(&[&current, &next], 5, b"{}", true);
        let [one, other] = [&current, &next].map(|secret| sign(secret, 5, b"{}"));
        assert_eq!(both, format!("t=5,v1={one},v1={other}"));
        assert!(header(&[&current], 5, b"{}", false).contains(",v0="));
    }
}
