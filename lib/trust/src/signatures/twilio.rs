//! Proof that a webhook request was sent by Twilio.
//!
//! Twilio signs the public URL it called followed by every form field, sorted
//! by name, each name directly followed by its value, with HMAC-SHA1 keyed by
//! the account's auth token. The base64 digest arrives in `X-Twilio-Signature`.
//!
//! - Scheme: <https://www.twilio.com/docs/usage/security#validating-requests>
//! - JSON bodies: the URL's query ends with the body's SHA-256, and the URL alone
//!   is signed.
//! - Repeated names and the optional port follow Twilio's own validator:
//!   <https://github.com/twilio/twilio-python/blob/main/twilio/request_validator.py>
//!
//! The scheme has no timestamp, so a signature says nothing about when a request
//! was sent. Redeliveries and replays are caught by storing `MessageSid` once.
//!
//! # Invariant
//!
//! The signed URL comes from settings. `Host` and `X-Forwarded-*` are never read.

pub mod form;
pub mod sid;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use url::{Position, Url};

use self::form::Form;

/// The request header that carries the signature.
pub const HEADER: &str = "x-twilio-signature";

/// Length of a SHA-1 digest, the only length a signature can decode to.
const DIGEST_LEN: usize = 20;

/// Why a request is not accepted as Twilio's.
///
/// Callers answer all of them alike; the difference is for logs and tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// The request has no signature header.
    #[error("signature header is missing")]
    Missing,
    /// The header is not the base64 form of a SHA-1 digest.
    #[error("signature header is malformed")]
    Malformed,
    /// The signature was made with another key, or for another request.
    #[error("signature does not match the request")]
    Mismatch,
    /// A field's name is none Twilio uses, so names and values may have been
    /// regrouped under a genuine signature.
    #[error("a field name is outside Twilio's character set")]
    FieldName,
    /// The URL is none we gave Twilio.
    #[error("the URL is not one that is configured at Twilio")]
    Target,
    /// The URL is signed, but the body is not the one it names.
    #[error("the body is not the JSON object whose digest is in the URL")]
    Body,
}

impl SignatureError {
    /// What such refusals are counted as.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Missing => "signature missing",
            Self::Malformed => "signature malformed",
            Self::Mismatch => "signature mismatch",
            Self::FieldName => "signature over other field names",
            Self::Target => "not a configured URL",
            Self::Body => "signature over another body",
        }
    }
}

/// Checks signatures made with one of the account's auth tokens.
pub struct Verifier {
    /// The public origins Twilio may call, each as it may be signed.
    origins: Vec<String>,
    /// The keyed start of each token's HMAC: two while a token is being rotated.
    keys: Vec<Hmac<Sha1>>,
}

impl Verifier {
    /// Accepts requests to any of `origins`, signed with any of `auth_tokens`.
    pub fn new(origins: &[Url], auth_tokens: &[SecretString]) -> Self {
        Self {
            origins: origins.iter().flat_map(signed_origins).collect(),
            keys: auth_tokens.iter().map(key).collect(),
        }
    }

    /// Checks `header` and returns the form it vouches for.
    ///
    /// `path_and_query` is what the request asks for, of which the caller has
    /// compared the [`configured_url`]. It has no fragment, which Twilio neither
    /// signs nor sends. The origin is never taken from `Host`, which the sender
    /// of the request controls.
    pub fn verify<'a>(
        &self,
        path_and_query: &str,
        body: &'a [u8],
        header: Option<&[u8]>,
    ) -> Result<Form<'a>, SignatureError> {
        let signature = decode(header.ok_or(SignatureError::Missing)?)?;
        let body_digest = split_body_digest(path_and_query).map(|(_, digest)| digest);
        // Of a JSON body the signature covers the digest only.
        let signed = Form::parse(if body_digest.is_some() { b"" } else { body });

        let is_genuine = self.origins.iter().any(|origin| {
            self.keys.iter().any(|key| {
                mac(key, &[origin, path_and_query], &signed).verify_slice(&signature).is_ok()
            })
        });
        if !is_genuine {
            return Err(SignatureError::Mismatch);
        }
        let form = match body_digest {
            Some(digest) if is_digest_of(digest, body) => {
                Form::parse_json(body).ok_or(SignatureError::Body)?
            }
            Some(_) => return Err(SignatureError::Body),
            None => signed,
        };
        if !form.fields().all(|(name, _)| is_field_name(name)) {
            return Err(SignatureError::FieldName);
        }
        Ok(form)
    }
}

impl std::fmt::Debug for Verifier {
    /// Hides the keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").field("origins", &self.origins).finish_non_exhaustive()
    }
}

/// The part of a request's target that stands in the URL as it is configured at
/// Twilio: all but the digest of a JSON body, which Twilio adds.
pub fn configured_url(path_and_query: &str) -> &str {
    split_body_digest(path_and_query).map_or(path_and_query, |(configured, _)| configured)
}

/// Splits `?bodySHA256=` or `&bodySHA256=` and 64 hexadecimal digits off the end.
fn split_body_digest(path_and_query: &str) -> Option<(&str, &str)> {
    let (rest, digest) = path_and_query.rsplit_once("bodySHA256=")?;
    let is_digest =
        digest.len() == 64 && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    // Only the first parameter follows a question mark.
    let configured = match rest.strip_suffix('?') {
        Some(path) if !path.contains('?') => Some(path),
        _ => rest.strip_suffix('&').filter(|url| url.contains('?')),
    };
    configured.filter(|_| is_digest).map(|configured| (configured, digest))
}

/// Whether `hex` is the SHA-256 of `body`. Neither is a secret.
fn is_digest_of(hex: &str, body: &[u8]) -> bool {
    let digits = Sha256::digest(body).into_iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits.map(|digit| char::from_digit(digit.into(), 16)).eq(hex.chars().map(Some))
}

/// Signs a request as Twilio does, for tests and the local simulator.
///
/// A fragment of `url` is left out, as Twilio does.
pub fn sign(auth_token: &SecretString, url: &Url, body: &[u8]) -> String {
    let signed_url = &url[..Position::AfterQuery];
    let mac = mac(&key(auth_token), &[signed_url], &Form::parse(body));
    STANDARD.encode(mac.finalize().into_bytes())
}

fn decode(header: &[u8]) -> Result<[u8; DIGEST_LEN], SignatureError> {
    let digest = STANDARD.decode(header).map_err(|_| SignatureError::Malformed)?;
    digest.try_into().map_err(|_| SignatureError::Malformed)
}

/// Twilio signs some URLs with their default port and some without.
fn signed_origins(origin: &Url) -> Vec<String> {
    let without_port = &origin[..Position::AfterHost];
    let port = origin.port_or_known_default().map(|port| format!("{without_port}:{port}"));
    std::iter::once(without_port.to_owned()).chain(port).collect()
}

/// The names Twilio gives its fields, e.g. `NumMedia`, `MediaUrl0`.
fn is_field_name(name: &[u8]) -> bool {
    !name.is_empty()
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
}

fn key(auth_token: &SecretString) -> Hmac<Sha1> {
    #[expect(clippy::expect_used, reason = "HMAC is defined for keys of every length")]
    Hmac::new_from_slice(auth_token.expose_secret().as_bytes())
        .expect("HMAC takes a key of any length")
}

fn mac(key: &Hmac<Sha1>, url: &[&str], form: &Form<'_>) -> Hmac<Sha1> {
    let mut mac = key.clone();
    for part in url {
        mac.update(part.as_bytes());
    }
    for (name, value) in form.fields() {
        mac.update(name);
        mac.update(value);
    }
    mac
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The worked example Twilio publishes, also used by its own libraries.
    const FORM: &[u8] = b"CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234\
                          &From=%2B14158675309&To=%2B18005551212";
    const PATH: &str = "/myapp.php?foo=1&bar=2";
    const SIGNATURE: &str = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";

    fn verifier(origins: &[&str], tokens: &[&str]) -> Verifier {
        let origins: Vec<_> = origins.iter().map(|text| Url::parse(text).unwrap()).collect();
        let tokens: Vec<_> = tokens.iter().map(|&token| token.into()).collect();
        Verifier::new(&origins, &tokens)
    }

    fn verdict(
        verifier: &Verifier,
        path: &str,
        form: &[u8],
        header: Option<&str>,
    ) -> Result<(), SignatureError> {
        verifier.verify(path, form, header.map(str::as_bytes)).map(|_| ())
    }

    #[track_caller]
    fn check(path: &str, form: &[u8], header: Option<&str>, want: Result<(), SignatureError>) {
        let verifier = verifier(&["https://mycompany.com"], &["12345"]);
        assert_eq!(verdict(&verifier, path, form, header), want);
    }

    #[test]
    fn published_example_is_accepted() {
        check(PATH, FORM, Some(SIGNATURE), Ok(()));
    }

    #[test]
    fn url_signed_with_its_default_port_is_accepted() {
        check(PATH, FORM, Some("kvajT1Ptam85bY51eRf/AJRuM3w="), Ok(()));
    }

    #[test]
    fn each_refusal_has_its_own_reason() {
        check(PATH, FORM, None, Err(SignatureError::Missing));
        check(PATH, FORM, Some("not base64!"), Err(SignatureError::Malformed));
        check(PATH, FORM, Some("c2hvcnQ="), Err(SignatureError::Malformed));
        check(PATH, b"Digits=4321", Some(SIGNATURE), Err(SignatureError::Mismatch));
        let other_path = "/myapp.php?foo=1&bar=3";
        check(other_path, FORM, Some(SIGNATURE), Err(SignatureError::Mismatch));
        let other_host = verifier(&["https://example.com"], &["12345"]);
        assert_eq!(
            verdict(&other_host, PATH, FORM, Some(SIGNATURE)),
            Err(SignatureError::Mismatch)
        );
    }

    #[test]
    fn old_token_is_accepted_while_both_are_configured() {
        let origins = ["https://other.example", "https://mycompany.com"];
        let during = verdict(&verifier(&origins, &["new", "12345"]), PATH, FORM, Some(SIGNATURE));
        let after = verdict(&verifier(&origins, &["new"]), PATH, FORM, Some(SIGNATURE));
        assert_eq!((during, after), (Ok(()), Err(SignatureError::Mismatch)));
    }

    /// The fields run together, so one signature fits several forms; only forms
    /// made of Twilio's own field names may pass.
    #[test]
    fn fields_regrouped_under_one_signature_are_refused() {
        let url = Url::parse("https://x.test/sms").unwrap();
        let genuine = b"Body=hi+you&From=%2B15550001";
        let header = sign(&"12345".into(), &url, genuine);
        let verifier = verifier(&["https://x.test"], &["12345"]);
        let verdict = |form: &[u8]| verdict(&verifier, "/sms", form, Some(&header));

        assert_eq!(verdict(genuine), Ok(()));
        assert_eq!(verdict(b"Bodyhi+you=From%2B15550001"), Err(SignatureError::FieldName));
        // This one only has good names: `Form::required("From")` refuses it.
        assert_eq!(verdict(b"Body=hi+youFrom%2B15550001"), Ok(()));
    }

    const JSON: &[u8] = br#"{"MessageSid":"SM1","Body":"hi \u00e9","NumMedia":0,"Tags":{"a":1}}"#;

    fn json_target(body: &[u8]) -> String {
        let digest = Sha256::digest(body);
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("/sms?message=1&bodySHA256={hex}")
    }

    #[test]
    fn a_json_body_is_signed_by_its_digest_in_the_url() {
        let target = json_target(JSON);
        let url = Url::parse(&format!("https://x.test{target}")).unwrap();
        let header = sign(&"12345".into(), &url, b"");
        let verifier = verifier(&["https://x.test"], &["12345"]);
        let verify = |target: &str, body: &'static [u8]| {
            verifier.verify(target, body, Some(header.as_bytes()))
        };

        let form = verify(&target, JSON).unwrap();
        assert_eq!(form.required("Body"), Ok("hi é"));
        assert_eq!(form.optional("NumMedia"), Ok(Some("0")));
        assert_eq!(form.optional("Tags"), Ok(None));

        for (target, body, want) in [
            (target.as_str(), b"{}".as_slice(), SignatureError::Body),
            (&target, b"", SignatureError::Body),
            (&target, b"Body=hi", SignatureError::Body),
            (&json_target(b"{}"), b"{}", SignatureError::Mismatch),
            // A form that comes with the signature of a URL.
            ("/sms?message=1", b"", SignatureError::Mismatch),
        ] {
            assert_eq!(verify(target, body).map(|_| ()), Err(want), "{target}");
        }
    }

    #[test]
    fn a_signed_body_must_be_one_flat_object() {
        for body in
            [b"[]".as_slice(), b"\"x\"", b"{\"a\":1} x", b"{\"a\":", b"{\"a b\":1}", b"\xff"]
        {
            let target = json_target(body);
            let url = Url::parse(&format!("https://x.test{target}")).unwrap();
            let header = sign(&"12345".into(), &url, b"");
            let verdict =
                verdict(&verifier(&["https://x.test"], &["12345"]), &target, body, Some(&header));
            assert!(
                matches!(verdict, Err(SignatureError::Body | SignatureError::FieldName)),
                "{verdict:?}"
            );
        }
    }

    #[test]
    fn the_digest_is_no_part_of_the_configured_url() {
        let digest = "0123456789abcdef".repeat(4);
        for (target, want) in [
            (format!("/sms?bodySHA256={digest}"), "/sms"),
            (format!("/sms?a=1&bodySHA256={digest}"), "/sms?a=1"),
            // Not as Twilio adds it: it stays, and the URL is none of ours.
            (format!("/sms&bodySHA256={digest}"), ""),
            (format!("/sms?a=1?bodySHA256={digest}"), ""),
            (format!("/sms?bodySHA256={digest}&a=1"), ""),
            (format!("/sms?xbodySHA256={digest}"), ""),
            ("/sms?bodySHA256=abc".to_owned(), ""),
            (format!("/sms?bodySHA256={}", digest.to_uppercase()), ""),
        ] {
            let want = if want.is_empty() { target.as_str() } else { want };
            assert_eq!(configured_url(&target), want);
        }
    }

    #[test]
    fn debug_output_hides_the_token() {
        assert!(!format!("{:?}", verifier(&["https://x.test"], &["12345"])).contains("12345"));
    }

    proptest! {
        #[test]
        fn a_signature_holds_for_its_own_request_only(
            form in "([A-Za-z0-9_.]{1,8}=[ -~é🍞]{0,12}&?){0,6}",
            other in "([A-Za-z0-9_.]{1,8}=[ -~é🍞]{0,12}&?){0,6}",
        ) {
            let url = Url::parse("https://example.com/api/sms/inbound").unwrap();
            let header = sign(&"t".into(), &url, form.as_bytes());
            let verifier = verifier(&["https://example.com"], &["t"]);
            let verdict = |form: &str| verdict(&verifier, url.path(), form.as_bytes(), Some(&header));
            let signed = |form: &str| -> Vec<u8> {
                Form::parse(form.as_bytes()).fields().flat_map(|(n, v)| [n, v].concat()).collect()
            };
            let has_good_names = |form: &str| Form::parse(form.as_bytes()).fields().all(|(n, _)| is_field_name(n));

            if has_good_names(&form) {
                prop_assert_eq!(verdict(&form), Ok(()));
            }
            if signed(&form) != signed(&other) {
                prop_assert_eq!(verdict(&other), Err(SignatureError::Mismatch));
            }
        }
    }
}
