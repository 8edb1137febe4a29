//! Proof that a webhook request was sent by Stripe.
//!
//! Stripe signs the time, a dot and the raw body with HMAC-SHA-256. The header
//! `Stripe-Signature` carries the time and one signature for each secret that
//! is active: `t=1492774577,v1=5257a869…,v1=…`. The key is the whole secret as
//! shown, `whsec_` included.
//!
//! - Scheme: <https://docs.stripe.com/webhooks#verify-manually>
//! - Signatures of other schemes than `v1` are ignored, as Stripe's own
//!   libraries do: `v0` is a fake that test mode adds.
//!
//! Unlike Stripe's libraries we also refuse a time in the future: they would let
//! a request pass for as long as its time is ahead.

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, header::HeaderName};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq as _};
use thiserror::Error;

/// The request header that carries the signatures.
pub const HEADER: HeaderName = HeaderName::from_static("stripe-signature");

/// How far the signed time may be from ours, in seconds, before or after: what
/// Stripe's libraries allow. Stripe signs each retry anew.
pub const TOLERANCE: u64 = 300;

/// More signatures than Stripe could have secrets for.
const MAX_SIGNATURES: usize = 16;

/// Why a request is not accepted as Stripe's.
///
/// Callers answer all of them alike; the difference is for logs and tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// The request has no signature header.
    #[error("signature header is missing")]
    Missing,
    /// The request has more than one signature header.
    #[error("signature header is repeated")]
    Repeated,
    /// The header is not one that Stripe writes.
    #[error("signature header is malformed")]
    Malformed,
    /// No signature was made with one of our secrets, for this body and time.
    #[error("signature does not match the request")]
    Mismatch,
    /// The request was signed too long ago, or too far in the future.
    #[error("signature is of another time")]
    Time,
    /// The event is genuine, but of test mode where real money is, or the reverse.
    #[error("event is of another mode")]
    Mode,
}

impl SignatureError {
    /// What such refusals are counted as.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Missing => "signature missing",
            Self::Repeated => "signature repeated",
            Self::Malformed => "signature malformed",
            Self::Mismatch => "signature mismatch",
            Self::Time => "signature of another time",
            Self::Mode => "event of another mode",
        }
    }
}

/// Checks signatures made with one of the endpoint's secrets.
pub struct Verifier {
    /// The keyed start of each secret's HMAC: several while a secret is being
    /// rolled, or when several endpoints lead here.
    keys: Vec<Hmac<Sha256>>,
}

/// What a header says.
struct Claim<'a> {
    /// As it stands there: it is signed as text.
    time: &'a [u8],
    signatures: Vec<[u8; 32]>,
}

impl Verifier {
    /// Accepts requests signed with any of `secrets`.
    pub fn new(secrets: &[SecretString]) -> Self {
        Self { keys: secrets.iter().map(key).collect() }
    }

    /// Checks the header in `headers` against `body` as it arrived, and the
    /// signed time against `now`, in seconds of the Unix era.
    pub fn verify(&self, headers: &HeaderMap, body: &[u8], now: u64) -> Result<(), SignatureError> {
        let mut values = headers.get_all(HEADER).iter();
        let value = values.next().ok_or(SignatureError::Missing)?;
        if values.next().is_some() {
            return Err(SignatureError::Repeated);
        }
        let claim = Claim::parse(value.as_bytes()).ok_or(SignatureError::Malformed)?;

        // Every signature against every secret, whatever was found before: the
        // time it takes tells nothing about which of them fits.
        let mut is_genuine = Choice::from(0);
        for key in &self.keys {
            let expected = mac(key, claim.time, body).finalize().into_bytes();
            for signature in &claim.signatures {
                is_genuine |= expected.as_slice().ct_eq(signature);
            }
        }
        if !bool::from(is_genuine) {
            return Err(SignatureError::Mismatch);
        }
        // Only now is the time one that Stripe wrote.
        if claim.seconds().abs_diff(now) > TOLERANCE {
            return Err(SignatureError::Time);
        }
        Ok(())
    }
}

impl std::fmt::Debug for Verifier {
    /// Hides the keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verifier")
    }
}

/// Signs a body as Stripe does, for tests and the local simulator: the header's
/// value with one signature for each of `secrets`.
pub fn sign(secrets: &[SecretString], body: &[u8], time: u64) -> String {
    let time = time.to_string();
    let mut header = format!("t={time}");
    for secret in secrets {
        header.push_str(",v1=");
        let digest = mac(&key(secret), time.as_bytes(), body).finalize().into_bytes();
        header.extend(digest.iter().map(|byte| format!("{byte:02x}")));
    }
    header
}

impl<'a> Claim<'a> {
    /// Reads `name=value` pairs between commas: exactly one time, at least one
    /// signature, nothing else but pairs of other schemes.
    fn parse(header: &'a [u8]) -> Option<Self> {
        let mut time = None;
        let mut signatures = Vec::with_capacity(2);
        for pair in header.split(|&byte| byte == b',') {
            let at = pair.iter().position(|&byte| byte == b'=')?;
            let (name, value) = (pair.get(..at)?, pair.get(at + 1..)?);
            match name {
                b"t" if time.is_none() && is_time(value) => time = Some(value),
                b"t" => return None,
                b"v1" if signatures.len() < MAX_SIGNATURES => signatures.push(digest(value)?),
                b"v1" => return None,
                _ if name.is_empty() || !name.iter().all(u8::is_ascii_alphanumeric) => return None,
                _ => {}
            }
        }
        if signatures.is_empty() {
            return None;
        }
        Some(Self { time: time?, signatures })
    }

    /// The signed time. One that is too large to count is too far away as well.
    fn seconds(&self) -> u64 {
        self.time.iter().fold(0, |seconds: u64, digit| {
            seconds.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
        })
    }
}

fn is_time(value: &[u8]) -> bool {
    matches!(value.len(), 1..=20) && value.iter().all(u8::is_ascii_digit)
}

/// A digest in lower-case hexadecimal, the only way Stripe writes it.
fn digest(hex: &[u8]) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    let (pairs, []) = hex.as_chunks::<2>() else { return None };
    if pairs.len() != digest.len() {
        return None;
    }
    for (byte, [high, low]) in digest.iter_mut().zip(pairs) {
        *byte = hex_digit(*high)? << 4 | hex_digit(*low)?;
    }
    Some(digest)
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

fn key(secret: &SecretString) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC is defined for keys of every length")]
    Hmac::new_from_slice(secret.expose_secret().as_bytes()).expect("HMAC takes a key of any length")
}

fn mac(key: &Hmac<Sha256>, time: &[u8], body: &[u8]) -> Hmac<Sha256> {
    key.clone().chain_update(time).chain_update(b".").chain_update(body)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "whsec_test_secret";
    const NOW: u64 = 1_492_774_577;
    const BODY: &[u8] = br#"{"id": "evt_1", "object": "event"}"#;

    /// Computed by another program:
    /// `printf '1492774577.{"id": "evt_1", "object": "event"}' | openssl dgst -sha256 -hmac whsec_test_secret`
    const SIGNATURE: &str = "09357d4fb8d9eba6f07fdea6b2428fa819063ec7bb7f9eca18b88cf0ff729476";

    fn verdict(secrets: &[&str], headers: &[&[u8]], body: &[u8]) -> Result<(), SignatureError> {
        let secrets: Vec<SecretString> = secrets.iter().map(|&secret| secret.into()).collect();
        let mut map = HeaderMap::new();
        for header in headers {
            map.append(HEADER, HeaderValue::from_bytes(header).unwrap());
        }
        Verifier::new(&secrets).verify(&map, body, NOW)
    }

    #[track_caller]
    fn check(header: &str, want: Result<(), SignatureError>) {
        assert_eq!(verdict(&[SECRET], &[header.as_bytes()], BODY), want, "{header}");
    }

    /// A genuine header for a time that is not `NOW`, or written unusually.
    fn signed(time: &str) -> String {
        let digest = mac(&key(&SECRET.into()), time.as_bytes(), BODY).finalize().into_bytes();
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("t={time},v1={hex}")
    }

    #[test]
    fn what_another_program_signed_is_accepted() {
        check(&format!("t={NOW},v1={SIGNATURE}"), Ok(()));
        assert_eq!(sign(&[SECRET.into()], BODY, NOW), format!("t={NOW},v1={SIGNATURE}"));
    }

    #[test]
    fn other_schemes_and_other_signatures_beside_a_good_one_do_not_matter() {
        let zeros = "0".repeat(64);
        for header in [
            format!("t={NOW},v0={zeros},v1={SIGNATURE}"),
            format!("t={NOW},v1={zeros},v1={SIGNATURE}"),
            format!("t={NOW},v1={SIGNATURE},v1={zeros}"),
            format!("v1={SIGNATURE},t={NOW}"),
            format!("t={NOW},v1={SIGNATURE},v2=a=b"),
        ] {
            check(&header, Ok(()));
        }
        check(&format!("t={NOW},v0={SIGNATURE}"), Err(SignatureError::Malformed));
        check(&format!("t={NOW},v1={zeros}"), Err(SignatureError::Mismatch));
    }

    #[test]
    fn a_header_stripe_would_not_write_is_refused() {
        let upper = SIGNATURE.to_uppercase();
        let many = format!(",v1={SIGNATURE}").repeat(MAX_SIGNATURES + 1);
        for header in [
            String::new(),
            "t".to_owned(),
            format!("t={NOW}"),
            format!("v1={SIGNATURE}"),
            format!("t=,v1={SIGNATURE}"),
            format!("t={NOW},v1="),
            format!("t={NOW},v1={}", &SIGNATURE[1..]),
            format!("t={NOW},v1={SIGNATURE}0"),
            format!("t={NOW},v1={upper}"),
            format!("t={NOW},v1=g{}", &SIGNATURE[1..]),
            format!("t={NOW},t={NOW},v1={SIGNATURE}"),
            format!("t={NOW},t=1,v1={SIGNATURE}"),
            format!("t={NOW}, v1={SIGNATURE}"),
            format!("t={NOW} ,v1={SIGNATURE}"),
            format!("t={NOW},v1={SIGNATURE},"),
            format!("t={NOW},v1={SIGNATURE},v2"),
            format!("t={NOW},v1={SIGNATURE},=x"),
            format!("t=+{NOW},v1={SIGNATURE}"),
            format!("t=-{NOW},v1={SIGNATURE}"),
            format!("t={NOW}.0,v1={SIGNATURE}"),
            format!("t=0x1,v1={SIGNATURE}"),
            format!("t={},v1={SIGNATURE}", "9".repeat(21)),
            format!("t={NOW};v1={SIGNATURE}"),
            format!("T={NOW},V1={SIGNATURE}"),
            format!("t={NOW}{many}"),
        ] {
            check(&header, Err(SignatureError::Malformed));
        }
        assert_eq!(verdict(&[SECRET], &[], BODY), Err(SignatureError::Missing));
        assert_eq!(verdict(&[SECRET], &[b"\xff\xfe"], BODY), Err(SignatureError::Malformed));
        let good = format!("t={NOW},v1={SIGNATURE}");
        let twice = [good.as_bytes(); 2];
        assert_eq!(verdict(&[SECRET], &twice, BODY), Err(SignatureError::Repeated));
    }

    #[test]
    fn the_time_is_judged_in_both_directions_after_the_signature() {
        for (time, want) in [
            ((NOW - 300).to_string(), Ok(())),
            ((NOW + 300).to_string(), Ok(())),
            // It is signed as it is written.
            (format!("000{NOW}"), Ok(())),
            ((NOW - 301).to_string(), Err(SignatureError::Time)),
            ((NOW + 301).to_string(), Err(SignatureError::Time)),
            ("0".to_owned(), Err(SignatureError::Time)),
            (i64::MAX.to_string(), Err(SignatureError::Time)),
            (u64::MAX.to_string(), Err(SignatureError::Time)),
            ("9".repeat(20), Err(SignatureError::Time)),
        ] {
            check(&signed(&time), want);
            let forged = format!("t={time},v1={}", "0".repeat(64));
            check(&forged, Err(SignatureError::Mismatch));
        }
    }

    #[test]
    fn an_old_secret_is_accepted_while_both_are_configured() {
        let header = format!("t={NOW},v1={SIGNATURE}");
        let with = |secrets| verdict(secrets, &[header.as_bytes()], BODY);
        assert_eq!(with(&["whsec_new", SECRET]), Ok(()));
        assert_eq!(with(&[SECRET, "whsec_new"]), Ok(()));
        assert_eq!(with(&["whsec_new"]), Err(SignatureError::Mismatch));
        assert_eq!(with(&[]), Err(SignatureError::Mismatch));
        // The prefix belongs to the key.
        assert_eq!(with(&["test_secret"]), Err(SignatureError::Mismatch));
        assert_eq!(with(&["whsec_test_secret "]), Err(SignatureError::Mismatch));
    }

    #[test]
    fn the_body_is_signed_as_bytes() {
        let secret = [SECRET.into()];
        for body in [&b"\xef\xbb\xbf{}"[..], b"{\"a\":\"\xff\xfe\"}", b"", b"{}\n", &[0; 1000]] {
            let header = sign(&secret, body, NOW);
            assert_eq!(verdict(&[SECRET], &[header.as_bytes()], body), Ok(()), "{body:?}");
            let repaired = String::from_utf8_lossy(body).trim_start_matches('\u{feff}').to_owned();
            if repaired.as_bytes() != body {
                let verdict = verdict(&[SECRET], &[header.as_bytes()], repaired.as_bytes());
                assert_eq!(verdict, Err(SignatureError::Mismatch), "{body:?}");
            }
        }
    }

    #[test]
    fn debug_output_hides_the_secret() {
        assert!(!format!("{:?}", Verifier::new(&[SECRET.into()])).contains(SECRET));
    }

    /// HMAC-SHA-256 as RFC 2104 defines it, from the hash alone.
    fn by_the_book(secret: &[u8], message: &[u8]) -> String {
        use sha2::Digest as _;
        let mut block = [0; 64];
        if secret.len() > 64 {
            block[..32].copy_from_slice(&Sha256::digest(secret));
        } else {
            block[..secret.len()].copy_from_slice(secret);
        }
        let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(message);
        let outer = Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c));
        let digest = outer.chain_update(inner.finalize()).finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    proptest! {
        #[test]
        fn a_signature_holds_for_its_own_secret_time_and_body_only(
            secret in "whsec_[A-Za-z0-9+/]{1,90}",
            other in "whsec_[A-Za-z0-9+/]{1,90}",
            body in proptest::collection::vec(any::<u8>(), 0..2000),
            at in any::<prop::sample::Index>(),
            change in 1..=255_u8,
            late in 0..=TOLERANCE,
        ) {
            let time = NOW - late;
            let header = sign(&[secret.as_str().into()], &body, time);
            let message = [format!("{time}.").as_bytes(), &body].concat();
            let hex = by_the_book(secret.as_bytes(), &message);
            prop_assert_eq!(&header, &format!("t={time},v1={hex}"));
            prop_assert_eq!(verdict(&[&secret], &[header.as_bytes()], &body), Ok(()));
            if other != secret {
                let verdict = verdict(&[&other], &[header.as_bytes()], &body);
                prop_assert_eq!(verdict, Err(SignatureError::Mismatch));
            }
            if !body.is_empty() {
                let mut changed = body.clone();
                changed[at.index(body.len())] ^= change;
                let verdict = verdict(&[&secret], &[header.as_bytes()], &changed);
                prop_assert_eq!(verdict, Err(SignatureError::Mismatch));
            }
            let moved = header.replacen(&time.to_string(), &(time - 1).to_string(), 1);
            let verdict = verdict(&[&secret], &[moved.as_bytes()], &body);
            prop_assert_eq!(verdict, Err(SignatureError::Mismatch));
        }

        #[test]
        fn no_header_makes_it_panic_or_accept(header in "[tv0-9a-f=,. ]{0,200}", body in any::<Vec<u8>>()) {
            prop_assert!(verdict(&[SECRET], &[header.as_bytes()], &body).is_err());
        }
    }
}
