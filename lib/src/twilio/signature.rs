//! Proof that a webhook request was sent by Twilio.
//!
//! Twilio signs the public URL it called followed by every form field, sorted
//! by name, each name directly followed by its value, with HMAC-SHA1 keyed by
//! the account's auth token. The base64 digest arrives in `X-Twilio-Signature`.
//!
//! - Scheme: <https://www.twilio.com/docs/usage/security#validating-requests>
//! - Repeated names and the optional port follow Twilio's own validator:
//!   <https://github.com/twilio/twilio-python/blob/main/twilio/request_validator.py>
//!
//! The scheme has no timestamp, so a signature says nothing about when a request
//! was sent. Redeliveries and replays are caught by storing `MessageSid` once.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha1::Sha1;
use thiserror::Error;
use url::{Position, Url};

use super::form::Form;

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
    /// `path_and_query` is that of the webhook's URL as configured at Twilio,
    /// without the fragment, which Twilio neither signs nor sends. The origin is
    /// never taken from `Host`, which the caller controls.
    pub fn verify<'a>(
        &self,
        path_and_query: &str,
        body: &'a [u8],
        header: Option<&[u8]>,
    ) -> Result<Form<'a>, SignatureError> {
        let signature = decode(header.ok_or(SignatureError::Missing)?)?;
        let form = Form::parse(body);

        let is_genuine = self.origins.iter().any(|origin| {
            self.keys.iter().any(|key| {
                mac(key, &[origin, path_and_query], &form).verify_slice(&signature).is_ok()
            })
        });
        if !is_genuine {
            return Err(SignatureError::Mismatch);
        }
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
