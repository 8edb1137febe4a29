//! The cryptography under `jsonwebtoken`: `ring`'s, which TLS uses already.
//!
//! Of what JWTs may be signed with, only what Supabase signs with is here.
//! Whatever else a token names ends before any arithmetic.

use jsonwebtoken::{
    Algorithm, DecodingKey, DecodingKeyKind,
    crypto::{CryptoProvider, JwtVerifier, KeyUtils},
    errors::{Error, ErrorKind},
    signature::{self, Verifier},
};
use ring::{
    hmac,
    signature::{
        ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
        UnparsedPublicKey,
    },
};

/// Verifies, and never signs. Its verifiers take the key's kind as it is, so a
/// public key is never taken for a secret.
pub(super) static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(ErrorKind::UnsupportedAlgorithm.into()),
    verifier_factory: |algorithm, key| Ok(Box::new(Signature::new(*algorithm, key)?)),
    key_utils: KeyUtils::new_unimplemented(),
};

/// A key for the one algorithm it is for.
enum Signature {
    Es256(UnparsedPublicKey<Vec<u8>>),
    Rs256(RsaPublicKeyComponents<Vec<u8>>),
    Hs256(hmac::Key),
}

impl Signature {
    fn new(algorithm: Algorithm, key: &DecodingKey) -> Result<Self, Error> {
        if key.family() != algorithm.family() {
            return Err(ErrorKind::InvalidAlgorithm.into());
        }
        match (algorithm, key.kind()) {
            (Algorithm::ES256, DecodingKeyKind::SecretOrDer(point)) => {
                Ok(Self::Es256(UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point.clone())))
            }
            (Algorithm::RS256, DecodingKeyKind::RsaModulusExponent { n, e }) => {
                Ok(Self::Rs256(RsaPublicKeyComponents { n: n.clone(), e: e.clone() }))
            }
            (Algorithm::HS256, DecodingKeyKind::SecretOrDer(secret)) => {
                Ok(Self::Hs256(hmac::Key::new(hmac::HMAC_SHA256, secret)))
            }
            _ => Err(ErrorKind::UnsupportedAlgorithm.into()),
        }
    }
}

impl Verifier<Vec<u8>> for Signature {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        match self {
            Self::Es256(key) => key.verify(message, signature),
            // Refuses keys of less than 2048 bits.
            Self::Rs256(key) => key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature),
            Self::Hs256(key) => hmac::verify(key, message, signature),
        }
        .map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for Signature {
    fn algorithm(&self) -> Algorithm {
        match self {
            Self::Es256(_) => Algorithm::ES256,
            Self::Rs256(_) => Algorithm::RS256,
            Self::Hs256(_) => Algorithm::HS256,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the three examples sign. <https://www.rfc-editor.org/rfc/rfc7515#appendix-A>
    const CLAIMS: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxl\
                          LmNvbS9pc19yb290Ijp0cnVlfQ";

    fn is_genuine(algorithm: Algorithm, key: &DecodingKey, signed: &str, signature: &str) -> bool {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let verifier = (PROVIDER.verifier_factory)(&algorithm, key).unwrap();
        assert_eq!(verifier.algorithm(), algorithm);
        verifier.verify(signed.as_bytes(), &signature).is_ok()
    }

    #[test]
    fn the_examples_of_rfc_7515_are_genuine_with_their_own_claims_only() {
        let secret = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTw\
                      jAzZr1Z9CAow";
        let jwk = |jwk: serde_json::Value| {
            DecodingKey::from_jwk(&serde_json::from_value(jwk).unwrap()).unwrap()
        };
        let (n, e) = crate::session::tests::rfc_7515_rsa_public_key();
        for (algorithm, key, header, signature) in [
            (
                Algorithm::HS256,
                jwk(serde_json::json!({ "kty": "oct", "k": secret })),
                "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
                "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
            ),
            (
                Algorithm::RS256,
                DecodingKey::from_rsa_components(n, e).unwrap(),
                "eyJhbGciOiJSUzI1NiJ9",
                "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF\
                 5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK\
                 5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqt\
                 FZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrB\
                 p0igcN_IoypGlUPQGe77Rw",
            ),
            (
                Algorithm::ES256,
                jwk(serde_json::json!({
                    "kty": "EC", "crv": "P-256",
                    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
                })),
                "eyJhbGciOiJFUzI1NiJ9",
                "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-K\
                 g6NU1Q",
            ),
        ] {
            assert!(is_genuine(algorithm, &key, &format!("{header}.{CLAIMS}"), signature));
            assert!(!is_genuine(algorithm, &key, &format!("{header}.x{CLAIMS}"), signature));
        }
    }

    #[test]
    fn a_key_is_good_for_its_own_algorithm_only() {
        let (n, e) = crate::session::tests::rfc_7515_rsa_public_key();
        let keys = [
            (DecodingKey::from_secret(&[1; 32]), Algorithm::HS256),
            (DecodingKey::from_rsa_components(n, e).unwrap(), Algorithm::RS256),
            (DecodingKey::from_ec_components("AQ", "AQ").unwrap(), Algorithm::ES256),
        ];
        for (key, own) in keys {
            for algorithm in [
                Algorithm::HS256,
                Algorithm::HS384,
                Algorithm::HS512,
                Algorithm::RS256,
                Algorithm::RS512,
                Algorithm::PS256,
                Algorithm::ES256,
                Algorithm::ES384,
                Algorithm::EdDSA,
            ] {
                let verifier = (PROVIDER.verifier_factory)(&algorithm, &key);
                assert_eq!(verifier.is_ok(), algorithm == own, "{own:?} as {algorithm:?}");
            }
        }
    }
}
