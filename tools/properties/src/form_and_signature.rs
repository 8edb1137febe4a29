//! The form parser and the signature check, against Twilio's published algorithm.

use std::{collections::BTreeSet, sync::LazyLock};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode, percent_encode};
use ring::{digest, hmac};
use serde_json::{Map, Value};
use trust::signatures::twilio::Verifier;
use url::Url;

/// The origins of the deployment, and each as Twilio may sign it.
const ORIGINS: [&str; 2] = ["https://mycompany.com", "http://127.0.0.1:3000"];
const SIGNED_ORIGINS: [&str; 4] = [
    "https://mycompany.com",
    "https://mycompany.com:443",
    "http://127.0.0.1:3000",
    "http://127.0.0.1",
];

/// The tokens, of which one is about to replace the other.
const TOKENS: [&str; 2] = ["12345", "the next token"];

/// The pairs of a form, each once, in the order they are signed in.
type Pairs = BTreeSet<(Vec<u8>, Vec<u8>)>;

static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| {
    let origins: Vec<Url> = ORIGINS.iter().filter_map(|origin| Url::parse(origin).ok()).collect();
    Verifier::new(&origins, &TOKENS.map(Into::into))
});

/// No request is accepted but with the signature of Twilio's algorithm for it.
///
/// The input is a request target, a signature, a body that Twilio signs and
/// another that is presented in its place, with a line end after each but the
/// last.
pub fn form_and_signature(input: &[u8]) {
    let mut parts = input.splitn(4, |byte| *byte == b'\n');
    let mut part = || parts.next().unwrap_or_default();
    let (target, header, genuine, presented) = (part(), part(), part(), part());
    let Ok(target) = std::str::from_utf8(target) else {
        return;
    };

    is_accepted(target, presented, header);

    // What Twilio signs is accepted; under its signature, nothing that would have
    // had to be signed differently.
    let (origin, token) = origin_and_token(genuine.len());
    let pairs = pairs(genuine);
    let header = sign(token, &[origin, target], &pairs);
    if !target.contains("bodySHA256=") && names_are_good(&pairs) {
        assert!(is_accepted(target, genuine, header.as_bytes()), "a genuine form is refused");
    }
    for body in [presented, &regrouped(&pairs, presented)] {
        if is_accepted(target, body, header.as_bytes()) && body_digest(target, body).is_none() {
            let shown = self::pairs(body);
            assert_eq!(signed_text(&shown), signed_text(&pairs), "another text was signed");
            assert!(names_are_good(&shown), "a name is none of Twilio's");
        }
    }

    // The same with a JSON body, of which the URL names the digest.
    let separator = if target.contains('?') { '&' } else { '?' };
    let target = format!("{target}{separator}bodySHA256={}", sha256(genuine));
    let header = sign(token, &[origin, &target], &Pairs::new());
    let is_genuine_accepted = is_accepted(&target, genuine, header.as_bytes());
    if let Ok(object) = serde_json::from_slice::<Map<String, Value>>(genuine)
        && object.keys().all(|name| is_good_name(name.as_bytes()))
    {
        assert!(is_genuine_accepted, "a genuine JSON body is refused");
    }
    if presented != genuine {
        assert!(
            !is_accepted(&target, presented, header.as_bytes()),
            "a body is accepted that the URL does not name"
        );
    }
}

/// Whether a request is accepted; if so, that it had to be signed like this, and is
/// read as what was signed.
fn is_accepted(target: &str, body: &[u8], header: &[u8]) -> bool {
    let Ok(form) = VERIFIER.verify(target, body, Some(header)) else {
        return false;
    };
    let is_signed = |pairs: &Pairs| {
        SIGNED_ORIGINS.iter().any(|origin| {
            TOKENS.iter().any(|token| sign(token, &[origin, target], pairs).as_bytes() == header)
        })
    };
    let fields: Vec<_> = form.fields().map(|(name, value)| (name.into(), value.into())).collect();

    let of_form = pairs(body);
    if body_digest(target, body).is_some() && is_signed(&Pairs::new()) {
        // A digest or a number of any size is no trouble to us; some are to serde_json.
        if let Ok(object) = serde_json::from_slice::<Map<String, Value>>(body) {
            for (name, value) in object {
                if let Value::String(value) = value {
                    let field = (name.into_bytes(), value.into_bytes());
                    assert!(fields.contains(&field), "a member is lost");
                }
            }
        }
    } else {
        assert!(is_signed(&of_form), "accepted without Twilio's signature");
        assert!(of_form.into_iter().eq(fields.iter().cloned()), "read otherwise than signed");
    }
    assert!(fields.iter().all(|(name, _)| is_good_name(name)), "a name is none of Twilio's");
    true
}

/// One of the origins and tokens that are configured.
fn origin_and_token(number: usize) -> (&'static str, &'static str) {
    let mut ways = SIGNED_ORIGINS.iter().flat_map(|origin| TOKENS.map(|token| (*origin, token)));
    ways.nth(number % (SIGNED_ORIGINS.len() * TOKENS.len())).unwrap_or_default()
}

/// Twilio's algorithm: <https://www.twilio.com/docs/usage/security#validating-requests>
fn sign(token: &str, url: &[&str], pairs: &Pairs) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.as_bytes());
    let mut signed = url.concat().into_bytes();
    signed.extend(signed_text(pairs));
    STANDARD.encode(hmac::sign(&key, &signed))
}

/// What of a form is signed.
fn signed_text(pairs: &Pairs) -> Vec<u8> {
    pairs.iter().flat_map(|(name, value)| [name.as_slice(), value]).collect::<Vec<_>>().concat()
}

/// The pairs of an `application/x-www-form-urlencoded` body.
fn pairs(body: &[u8]) -> Pairs {
    let decoded = |half: &[u8]| {
        let spaced: Vec<u8> =
            half.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
        percent_decode(&spaced).collect()
    };
    body.split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| match pair.iter().position(|byte| *byte == b'=') {
            Some(at) => {
                let (name, value) = pair.split_at(at);
                (decoded(name), decoded(value.strip_prefix(b"=").unwrap_or(value)))
            }
            None => (decoded(pair), Vec::new()),
        })
        .collect()
}

/// A form of the same letters in the same order, cut into names and values elsewhere.
fn regrouped(pairs: &Pairs, cuts: &[u8]) -> Vec<u8> {
    let text = signed_text(pairs);
    let mut rest = text.as_slice();
    let mut pieces = Vec::new();
    for cut in cuts.iter().take(20) {
        let (piece, after) = rest.split_at(usize::from(*cut % 16).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    let pairs: Vec<String> = pieces
        .chunks(2)
        .map(|pair| {
            let halves = pair.iter().map(|half| percent_encode(half, NON_ALPHANUMERIC).to_string());
            halves.collect::<Vec<_>>().join("=")
        })
        .collect();
    pairs.join("&").into_bytes()
}

/// The digest that a target ends with, if it is that of the body.
fn body_digest<'a>(target: &'a str, body: &[u8]) -> Option<&'a str> {
    let (_, named) = target.rsplit_once("bodySHA256=")?;
    (named == sha256(body)).then_some(named)
}

fn sha256(body: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, body);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn names_are_good(pairs: &Pairs) -> bool {
    pairs.iter().all(|(name, _)| is_good_name(name))
}

/// The names Twilio gives its fields.
fn is_good_name(name: &[u8]) -> bool {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.";
    !name.is_empty() && name.iter().all(|byte| LETTERS.contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of Twilio's documentation and of the tests of its own libraries.
    #[test]
    fn twilios_examples_are_accepted() {
        let form = b"CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234\
                     &From=%2B14158675309&To=%2B18005551212";
        let target = "/myapp.php?foo=1&bar=2";
        assert!(is_accepted(target, form, b"RSOYDt4T1cUTdK1PDd93/VVr8B8="));
        assert!(is_accepted(target, form, b"kvajT1Ptam85bY51eRf/AJRuM3w="));
        assert!(!is_accepted(target, &form[1..], b"RSOYDt4T1cUTdK1PDd93/VVr8B8="));

        let json = br#"{"property": "value", "boolean": true}"#;
        let target = "/myapp.php?foo=1&bar=2&bodySHA256=\
                      0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";
        assert!(is_accepted(target, json, b"a9nBmqA0ju/hNViExpshrM61xv4="));
        assert!(!is_accepted(target, b"{}", b"a9nBmqA0ju/hNViExpshrM61xv4="));
    }

    #[test]
    fn other_pairs_of_the_same_letters_are_tried() {
        let pairs = pairs(b"Body=hi+you&From=%2B1");
        assert_eq!(regrouped(&pairs, &[4, 1]), b"Body=h&i%20youFrom%2B1");
        assert_eq!(regrouped(&pairs, &[]), b"Bodyhi%20youFrom%2B1");
    }
}
