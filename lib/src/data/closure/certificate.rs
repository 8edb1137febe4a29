//! The certificate of a closure: what is left when all else is gone.
//!
//! It is a JSON object. Its canonical text is that object without `sha256` and
//! `hmac_sha256`, its members in the order of their names' bytes, without spaces;
//! `sha256` is the hash of that, for anybody to check, and `hmac_sha256` shows us
//! that it is ours. How it is laid out in a file does not matter.

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use trust::text::hex;

use super::proof::Prover;

const SHA256: &str = "sha256";
const HMAC: &str = "hmac_sha256";

/// Why something is no certificate of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CertificateError {
    /// It is not even one.
    #[error("this is no certificate")]
    Form,
    /// It was changed.
    #[error("the certificate is not what it was: its SHA-256 differs")]
    Changed,
    /// Somebody else made it, or changed it and put the right hash.
    #[error("the certificate is not signed by us")]
    NotOurs,
}

/// Makes the certificate that says `content`; its text is canonical too.
pub fn issue(content: Map<String, Value>, prover: &Prover) -> String {
    let mut certificate = content;
    let text = canonical(&certificate);
    certificate.insert(SHA256.to_owned(), hex::encode(&Sha256::digest(&text)).into());
    certificate.insert(HMAC.to_owned(), prover.signature(&text).into());
    canonical(&certificate)
}

/// What a certificate says, if it is what was issued.
pub fn verify(certificate: &[u8], prover: &Prover) -> Result<Map<String, Value>, CertificateError> {
    let mut content: Map<String, Value> =
        serde_json::from_slice(certificate).map_err(|_| CertificateError::Form)?;
    let mut take = |name| match content.remove(name) {
        Some(Value::String(text)) => Ok(text),
        _ => Err(CertificateError::Form),
    };
    let (sha256, hmac) = (take(SHA256)?, take(HMAC)?);
    let text = canonical(&content);
    if hex::encode(&Sha256::digest(&text)) != sha256 {
        return Err(CertificateError::Changed);
    }
    if !prover.is_signature(&text, &hmac) {
        return Err(CertificateError::NotOurs);
    }
    Ok(content)
}

/// An object as canonical text. `serde_json` keeps members in the order of their
/// names, as a test here makes sure of.
fn canonical(object: &Map<String, Value>) -> String {
    serde_json::json!(object).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn content() -> Map<String, Value> {
        let Value::Object(content) = json!({ "z": [1, { "b": "é\n", "a": null }], "a": 90 })
        else {
            unreachable!()
        };
        content
    }

    #[test]
    fn a_certificate_is_whole_and_ours_or_refused() {
        let prover = Prover::new(&"k".repeat(32).into());
        assert_eq!(canonical(&content()), r#"{"a":90,"z":[1,{"a":null,"b":"é\n"}]}"#);
        let issued = issue(content(), &prover);
        let laid_out = format!("{:#}", serde_json::from_str::<Value>(&issued).unwrap());
        for text in [&issued, &laid_out] {
            assert_eq!(verify(text.as_bytes(), &prover), Ok(content()));
        }
        let other = Prover::new(&"l".repeat(32).into());
        let forged = issue(content(), &other);
        for (text, want) in [
            (issued.replace("90", "91"), CertificateError::Changed),
            (issued.replace(r#""a":90"#, r#""c":90"#), CertificateError::Changed),
            (forged, CertificateError::NotOurs),
            (issued.replace("sha256", "sha"), CertificateError::Form),
            ("{}".to_owned(), CertificateError::Form),
            (issued[1..].to_owned(), CertificateError::Form),
        ] {
            assert_eq!(verify(text.as_bytes(), &prover), Err(want), "{text}");
        }
    }
}
