//! What is accepted, and every attack we know of, with keys made here.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use futures_util::{FutureExt as _, future::join_all};
use http::HeaderValue;
use proptest::prelude::*;
use ring::{
    hmac,
    rand::SystemRandom,
    rsa::{KeyPairComponents, PublicKeyComponents},
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use url::Url;

use super::*;
use crate::providers::egress::EgressError;

const URL: &str = "https://project.supabase.co";
const USER: &str = "0193a000-0000-7000-8000-000000000001";
const SESSION: &str = "0193a000-0000-7000-8000-000000000abc";
const LEGACY_SECRET: &str = "a-legacy-secret-of-at-least-32-characters";

/// The RSA key of <https://www.rfc-editor.org/rfc/rfc7515#appendix-A.2>: `ring` makes
/// none. Modulus, private exponent, primes, and what follows from them.
const RSA: [&str; 7] = [
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt\
     0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSX\
     ndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5\
     IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
    "Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol\
     2NXOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn43\
     9X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8\
     bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ",
    "4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_\
     Py5PJdTJNPY8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc",
    "uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7Tje\
     LQeZD_YwD66t62wDmpe_HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc",
    "BwKfV3Akq5_MFZDFZCnW-wzl-CCo83WoZvnLQwCTeDv8uzluRSnm71I3QCLdhrqE2e9YkxvuxdBfpT_PI7Yz-FOK\
     nu1R6HsJeDCjn12Sk3vmAktV2zb34MCdy7cpdTh_YVr7tss2u6vneTwrA86rZtu5Mbr1C1XsmvkxHQAdYo0",
    "h_96-mK1R_7glhsum81dZxjTnYynPbZpHziZjeeHcXYsXaaMwkOlODsWa7I9xXDoRwbKgB719rrmI2oKr6N3Do9U\
     0ajaHF-NKJnwgjMd2w9cjz3_-kyNlxAr2v4IKhGNpmM5iIgOS1VZnOZ68m6_pbLBSp3nssTdlqvd0tIiTHU",
    "IYd7DHOhrWvxkwPQsRM2tOgrjbcrfvtQJipd-DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd_QJQ3ydy5\
     cY7YIBi87w93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp_gh6A5603k2-ZQwVK0JKSHuLFkuQ3U",
];
const RSA_EXPONENT: &str = "AQAB";

pub(super) fn rfc_7515_rsa_public_key() -> (&'static str, &'static str) {
    (RSA[0], RSA_EXPONENT)
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// Something that signs tokens.
enum Signer {
    Es256(Box<EcdsaKeyPair>),
    Rs256(Box<RsaKeyPair>),
    Hs256(Vec<u8>),
}

impl Signer {
    fn es256() -> Self {
        let (kind, rng) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let document = EcdsaKeyPair::generate_pkcs8(kind, &rng).unwrap();
        Self::Es256(Box::new(EcdsaKeyPair::from_pkcs8(kind, document.as_ref(), &rng).unwrap()))
    }

    fn rs256() -> Self {
        let [n, d, p, q, dp, dq, q_inv] = RSA.map(decode);
        let public_key = PublicKeyComponents { n, e: decode(RSA_EXPONENT) };
        let components = KeyPairComponents { public_key, d, p, q, dP: dp, dQ: dq, qInv: q_inv };
        Self::Rs256(Box::new(RsaKeyPair::from_components(&components).unwrap()))
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Es256(_) => "ES256",
            Self::Rs256(_) => "RS256",
            Self::Hs256(_) => "HS256",
        }
    }

    /// The public half, as Supabase publishes it.
    fn jwk(&self, id: &str) -> Value {
        let mut jwk = match self {
            Self::Es256(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y) })
            }
            Self::Rs256(_) => json!({ "kty": "RSA", "n": RSA[0], "e": RSA_EXPONENT }),
            Self::Hs256(secret) => json!({ "kty": "oct", "k": encode(secret) }),
        };
        let common = json!({
            "kid": id, "alg": self.algorithm(), "ext": true, "key_ops": ["verify"],
        });
        merge(&mut jwk, &common);
        jwk
    }

    /// A token with just this header and these claims.
    fn sign(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let (message, rng) = (signed.as_bytes(), SystemRandom::new());
        let signature = match self {
            Self::Es256(pair) => pair.sign(&rng, message).unwrap().as_ref().to_vec(),
            Self::Rs256(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &rng, message, &mut signature).unwrap();
                signature
            }
            Self::Hs256(secret) => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
                hmac::sign(&key, message).as_ref().to_vec()
            }
        };
        format!("{signed}.{}", encode(signature))
    }

    /// A token as Supabase makes it.
    fn token(&self, id: &str) -> String {
        self.sign(&self.header(id), &claims(json!({})))
    }

    fn header(&self, id: &str) -> Value {
        json!({ "alg": self.algorithm(), "kid": id, "typ": "JWT" })
    }
}

/// Puts `changes` over an object. `null` takes a field away.
fn merge(object: &mut Value, changes: &Value) {
    let object = object.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(object.remove(name)),
            value => drop(object.insert(name.clone(), value.clone())),
        }
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

/// The claims of a hosted project's token, with `changes`.
fn claims(changes: Value) -> Value {
    let mut claims = json!({
        "iss": format!("{URL}/auth/v1"),
        "sub": USER,
        "aud": "authenticated",
        "exp": now() + 3600,
        "iat": now(),
        "email": "canary@example.com",
        "phone": "",
        "app_metadata": { "provider": "email", "providers": ["email"] },
        "user_metadata": { "role": "service_role", "aal": "aal2" },
        "role": "authenticated",
        "aal": "aal1",
        "amr": [{ "method": "password", "timestamp": now() }],
        "session_id": SESSION,
        "is_anonymous": false,
    });
    merge(&mut claims, &changes);
    claims
}

/// Supabase's key set, as its address answers.
struct Publisher {
    answer: Mutex<Result<Value, KeysError>>,
    fetches: AtomicUsize,
    /// A fetch takes one; with none there, it is on its way.
    permits: Semaphore,
}

impl Publisher {
    fn of(keys: &[(&str, &Signer)]) -> Arc<Self> {
        let publisher = Self {
            answer: Mutex::new(Ok(json!({}))),
            fetches: AtomicUsize::new(0),
            permits: Semaphore::new(1000),
        };
        publisher.publish(keys);
        Arc::new(publisher)
    }

    fn publish(&self, keys: &[(&str, &Signer)]) {
        let keys: Vec<_> = keys.iter().map(|(id, signer)| signer.jwk(id)).collect();
        *self.answer.lock().unwrap() = Ok(json!({ "keys": keys }));
    }

    fn fail(&self, error: KeysError) {
        *self.answer.lock().unwrap() = Err(error);
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    fn keys(self: &Arc<Self>) -> Keys {
        let publisher = Arc::clone(self);
        Keys::fetched_by(Box::new(move || {
            let publisher = Arc::clone(&publisher);
            Box::pin(async move {
                publisher.fetches.fetch_add(1, Ordering::SeqCst);
                publisher.permits.acquire().await.unwrap().forget();
                let answer = publisher.answer.lock().unwrap().clone();
                answer.map(|keys| Bytes::from(keys.to_string()))
            })
        }))
    }

    fn verifier(self: &Arc<Self>) -> Verifier {
        Verifier::with_keys(&settings(None), self.keys())
    }
}

fn settings(legacy_secret: Option<&str>) -> AccessTokens {
    AccessTokens { url: Url::parse(URL).unwrap(), legacy_secret: legacy_secret.map(Into::into) }
}

fn headers(authorization: &[&[u8]]) -> HeaderMap {
    let name = header::AUTHORIZATION;
    let value = |value: &&[u8]| HeaderValue::from_bytes(value).unwrap();
    authorization.iter().map(|given| (name.clone(), value(given))).collect()
}

fn invalid(fault: Fault) -> Result<Session, SessionError> {
    Err(SessionError::Invalid(fault))
}

#[tokio::test]
async fn a_token_of_each_kind_is_accepted_for_what_it_says() {
    let (es256, rs256) = (Signer::es256(), Signer::rs256());
    let publisher = Publisher::of(&[("ec", &es256), ("rsa", &rs256)]);
    let legacy = Signer::Hs256(LEGACY_SECRET.as_bytes().to_vec());
    let verifier = Verifier::with_keys(&settings(Some(LEGACY_SECRET)), publisher.keys());
    for (told, token) in [
        ("ES256", es256.token("ec")),
        ("RS256", rs256.token("rsa")),
        ("HS256", legacy.token("any")),
        ("HS256 without a key id", legacy.sign(&json!({ "alg": "HS256" }), &claims(json!({})))),
    ] {
        let given = headers(&[format!("Bearer {token}").as_bytes()]);
        let session = verifier.verify(&given).await.unwrap();
        assert_eq!(session.user_id.to_string(), USER, "{told}");
        assert_eq!(session.session_id.to_string(), SESSION, "{told}");
        assert_eq!(session.assurance, Assurance::Aal1, "{told}");
        assert!(session.is_fresh(RECENT) && session.require_recent().is_ok(), "{told}");
        assert!(!format!("{session:?}").contains("canary"), "{told}");
        let want = json!({ "user_id": USER, "session_id": SESSION, "aal": "aal1" });
        assert_eq!(serde_json::to_value(&session).unwrap(), want, "{told}");
    }
    assert!(!format!("{verifier:?}").contains(LEGACY_SECRET));
    assert_eq!(publisher.fetches(), 1);
}

#[tokio::test]
async fn each_claim_counts() {
    let signer = Signer::es256();
    let verifier = Publisher::of(&[("key", &signer)]).verifier();
    let (future, past) = (now() + 600, now() - 31);
    for (changes, want) in [
        (json!({ "exp": past }), Err(SessionError::Expired)),
        (json!({ "exp": past, "iat": 1, "iss": "x" }), Err(SessionError::Expired)),
        (json!({ "exp": null }), invalid(Fault::Claims)),
        (json!({ "exp": "never" }), invalid(Fault::Claims)),
        (json!({ "nbf": future }), invalid(Fault::Future)),
        (json!({ "nbf": "soon" }), invalid(Fault::Claims)),
        (json!({ "iat": future }), invalid(Fault::Future)),
        (json!({ "iat": null }), invalid(Fault::Claims)),
        (json!({ "iat": -1 }), invalid(Fault::Claims)),
        (json!({ "iat": u64::MAX }), invalid(Fault::Claims)),
        (json!({ "iss": null }), invalid(Fault::Claims)),
        (json!({ "iss": URL }), invalid(Fault::Issuer)),
        (json!({ "iss": "supabase" }), invalid(Fault::Issuer)),
        (json!({ "iss": format!("{URL}/auth/v1/") }), invalid(Fault::Issuer)),
        (json!({ "iss": "https://other.supabase.co/auth/v1" }), invalid(Fault::Issuer)),
        (json!({ "aud": null }), invalid(Fault::Claims)),
        (json!({ "aud": "anon" }), invalid(Fault::Audience)),
        (json!({ "aud": [] }), invalid(Fault::Audience)),
        (json!({ "aud": ["Authenticated", "other"] }), invalid(Fault::Audience)),
        (json!({ "role": null }), invalid(Fault::Claims)),
        (json!({ "role": "anon" }), invalid(Fault::Role)),
        (json!({ "role": "service_role" }), invalid(Fault::Role)),
        (json!({ "role": ["authenticated"] }), invalid(Fault::Claims)),
        (json!({ "sub": null }), invalid(Fault::Claims)),
        (json!({ "sub": "owner" }), invalid(Fault::Claims)),
        (json!({ "session_id": null }), invalid(Fault::Claims)),
        (json!({ "session_id": "1" }), invalid(Fault::Claims)),
        (json!({ "is_anonymous": true }), Err(SessionError::Anonymous)),
        (json!({ "is_anonymous": "no" }), invalid(Fault::Claims)),
        (json!({ "client_id": "app" }), Err(SessionError::OtherApplication)),
    ] {
        let token = signer.sign(&signer.header("key"), &claims(changes.clone()));
        assert_eq!(verifier.verify_token(&token, Instant::now()).await, want, "{changes}");
    }
    for changes in [
        json!({ "exp": now() - 10 }),
        json!({ "iat": now() + 10 }),
        json!({ "nbf": now() + 10 }),
        json!({ "aud": ["other", "authenticated"] }),
        json!({ "is_anonymous": null }),
        json!({ "amr": null }),
        json!({ "aal": null }),
        json!({ "scope": "email", "jti": "x" }),
    ] {
        let token = signer.sign(&signer.header("key"), &claims(changes.clone()));
        assert!(verifier.verify_token(&token, Instant::now()).await.is_ok(), "{changes}");
    }
}

#[tokio::test]
async fn a_claim_given_twice_is_refused() {
    let signer = Signer::es256();
    let verifier = Publisher::of(&[("key", &signer)]).verifier();
    for (twice, want) in [
        (format!(r#""sub":"{SESSION}""#), Fault::Claims),
        (r#""role":"anon""#.to_owned(), Fault::Claims),
        (r#""exp":1"#.to_owned(), Fault::Claims),
    ] {
        let whole = claims(json!({})).to_string().replacen('{', &format!("{{{twice},"), 1);
        let header = encode(signer.header("key").to_string());
        let signed = format!("{header}.{}", encode(whole));
        let Signer::Es256(pair) = &signer else { unreachable!() };
        let signature = pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        let token = format!("{signed}.{}", encode(signature));
        assert_eq!(verifier.verify_token(&token, Instant::now()).await, invalid(want), "{twice}");
    }
}

#[tokio::test]
async fn no_trick_with_algorithms_and_keys_works() {
    let (es256, rs256, stranger) = (Signer::es256(), Signer::rs256(), Signer::es256());
    let shared = Signer::Hs256(vec![7; 32]);
    let keys = [("ec", &es256), ("rsa", &rs256), ("shared", &shared)];
    let publisher = Publisher::of(&keys);
    let good = claims(json!({}));
    let with = |signer: &Signer, id: &str, changes: Value| {
        let mut header = signer.header(id);
        merge(&mut header, &changes);
        signer.sign(&header, &good)
    };
    let unsigned = |algorithm: &str| {
        let header = json!({ "alg": algorithm, "kid": "ec", "typ": "JWT" }).to_string();
        format!("{}.{}.", encode(header), encode(good.to_string()))
    };
    let Signer::Es256(pair) = &es256 else { unreachable!() };
    let point = Signer::Hs256(pair.public_key().as_ref().to_vec());
    let modulus = Signer::Hs256(decode(RSA[0]));
    let whole_jwk = Signer::Hs256(es256.jwk("ec").to_string().into_bytes());
    let signature_of_nothing = |token: String, bytes: usize| {
        let (signed, _) = token.rsplit_once('.').unwrap();
        format!("{signed}.{}", encode(vec![0; bytes]))
    };
    for (told, token, want) in [
        ("none", unsigned("none"), invalid(Fault::Header)),
        ("None", unsigned("None"), invalid(Fault::Header)),
        ("no signature", unsigned("ES256"), invalid(Fault::Signature)),
        ("no algorithm", with(&es256, "ec", json!({ "alg": null })), invalid(Fault::Header)),
        ("ES384", with(&es256, "ec", json!({ "alg": "ES384" })), invalid(Fault::Algorithm)),
        ("PS256", with(&rs256, "rsa", json!({ "alg": "PS256" })), invalid(Fault::Algorithm)),
        ("EdDSA", with(&es256, "ec", json!({ "alg": "EdDSA" })), invalid(Fault::Algorithm)),
        (
            "a point as a secret, called ES256",
            with(&point, "ec", json!({ "alg": "ES256" })),
            invalid(Fault::Signature),
        ),
        ("an RSA key by the name of another", rs256.token("ec"), invalid(Fault::Algorithm)),
        ("an EC key by the name of another", es256.token("rsa"), invalid(Fault::Algorithm)),
        (
            "signed with EC, called RS256",
            with(&es256, "rsa", json!({ "alg": "RS256" })),
            invalid(Fault::Signature),
        ),
        ("a stranger's key", stranger.token("ec"), invalid(Fault::Signature)),
        ("a stranger's key id", stranger.token("other"), invalid(Fault::UnknownKey)),
        ("no key id", with(&es256, "ec", json!({ "kid": null })), invalid(Fault::Header)),
        (
            "a key id of another type",
            with(&es256, "ec", json!({ "kid": 1 })),
            invalid(Fault::Header),
        ),
        (
            "a key brought along",
            with(&stranger, "ec", json!({ "jwk": stranger.jwk("ec") })),
            invalid(Fault::Header),
        ),
        (
            "a key set elsewhere",
            with(&stranger, "ec", json!({ "jku": "https://evil.example/jwks.json" })),
            invalid(Fault::Header),
        ),
        (
            "a certificate elsewhere",
            with(&es256, "ec", json!({ "x5u": "https://evil.example/" })),
            invalid(Fault::Header),
        ),
        ("a certificate", with(&es256, "ec", json!({ "x5c": ["AA=="] })), invalid(Fault::Header)),
        (
            "something critical",
            with(&es256, "ec", json!({ "crit": ["exp"], "exp": 1 })),
            invalid(Fault::Header),
        ),
        ("nothing critical", with(&es256, "ec", json!({ "crit": [] })), invalid(Fault::Header)),
        ("encrypted", with(&es256, "ec", json!({ "enc": "A128GCM" })), invalid(Fault::Header)),
        ("compressed", with(&es256, "ec", json!({ "zip": "DEF" })), invalid(Fault::Header)),
        ("another type", with(&es256, "ec", json!({ "typ": "at+jwt" })), invalid(Fault::Header)),
        (
            "a signature of zeros",
            signature_of_nothing(es256.token("ec"), 64),
            invalid(Fault::Signature),
        ),
        (
            "an RSA signature of zeros",
            signature_of_nothing(rs256.token("rsa"), 256),
            invalid(Fault::Signature),
        ),
        ("two parts", es256.token("ec").replacen('.', "", 1), Err(SessionError::Malformed)),
        ("four parts", format!("{}.", es256.token("ec")), Err(SessionError::Malformed)),
        ("dots", "..".to_owned(), invalid(Fault::Header)),
    ] {
        for legacy in [None, Some(LEGACY_SECRET)] {
            let verifier = Verifier::with_keys(&settings(legacy), publisher.keys());
            let verdict = verifier.verify_token(&token, Instant::now()).await;
            assert_eq!(verdict, want, "{told}, legacy: {}", legacy.is_some());
        }
    }
    for (told, token) in [
        ("unsigned", unsigned("HS256")),
        ("signed with a point", point.token("ec")),
        ("signed with a modulus", modulus.token("rsa")),
        ("signed with a JWK", whole_jwk.token("ec")),
        ("signed with a secret that was published", shared.token("shared")),
        ("signed with EC", with(&es256, "ec", json!({ "alg": "HS256" }))),
    ] {
        for (legacy, fault) in [(None, Fault::Algorithm), (Some(LEGACY_SECRET), Fault::Signature)] {
            let verifier = Verifier::with_keys(&settings(legacy), publisher.keys());
            let verdict = verifier.verify_token(&token, Instant::now()).await;
            assert_eq!(verdict, invalid(fault), "HS256, {told}");
        }
    }
}

#[tokio::test]
async fn a_bearer_token_is_read_from_one_header_of_one_form() {
    let signer = Signer::es256();
    let verifier = Publisher::of(&[("key", &signer)]).verifier();
    let token = signer.token("key");
    let bearer = format!("Bearer {token}");
    let long = format!("Bearer {}", "x".repeat(MAX_TOKEN));
    let at_limit = format!("Bearer {}", "x".repeat(MAX_TOKEN - "Bearer ".len()));
    for (given, want) in [
        (vec![], SessionError::Missing),
        (vec![""], SessionError::Missing),
        (vec![token.as_str()], SessionError::Missing),
        (vec!["Basic dTpw"], SessionError::Missing),
        (vec!["Bearer"], SessionError::Malformed),
        (vec!["Bearer "], SessionError::Malformed),
        (vec![&bearer, &bearer], SessionError::Malformed),
        (vec![&bearer.replace(' ', "  ")], SessionError::Malformed),
        (vec![&bearer.replace(' ', "\t")], SessionError::Missing),
        (vec![&format!("{bearer} ")], SessionError::Malformed),
        (vec![&format!("{bearer}, {bearer}")], SessionError::Malformed),
        (vec![&format!("{bearer}=")], SessionError::Malformed),
        (vec!["Bearer a.b.é"], SessionError::Malformed),
        (vec![&long], SessionError::Malformed),
        (vec![&at_limit], SessionError::Malformed),
    ] {
        let given: Vec<_> = given.iter().map(|value| value.as_bytes()).collect();
        let verdict = verifier.verify(&headers(&given)).await;
        assert_eq!(verdict, Err(want), "{} of {:?}", given.len(), given.first().map(|v| v.len()));
    }
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let given = headers(&[format!("{scheme} {token}").as_bytes()]);
        assert!(verifier.verify(&given).await.is_ok(), "{scheme}");
    }
}

#[tokio::test]
async fn no_token_survives_the_flip_of_a_bit() {
    let (es256, rs256) = (Signer::es256(), Signer::rs256());
    let publisher = Publisher::of(&[("ec", &es256), ("rsa", &rs256)]);
    let legacy = Signer::Hs256(LEGACY_SECRET.as_bytes().to_vec());
    let verifier = Verifier::with_keys(&settings(Some(LEGACY_SECRET)), publisher.keys());
    for token in [es256.token("ec"), rs256.token("rsa"), legacy.token("any")] {
        let value = format!("Bearer {token}").into_bytes();
        assert!(verifier.verify(&headers(&[&value])).await.is_ok());
        for at in "Bearer ".len()..value.len() {
            for bit in 0..8 {
                let mut flipped = value.clone();
                flipped[at] ^= 1 << bit;
                // What no header can hold never gets here.
                let Ok(flipped) = HeaderValue::from_bytes(&flipped) else { continue };
                let given = [(header::AUTHORIZATION, flipped)].into_iter().collect();
                assert!(verifier.verify(&given).await.is_err(), "bit {bit} of byte {at}: {token}");
            }
        }
    }
}

proptest! {
    #[test]
    fn whatever_is_sent_is_answered_and_refused(
        header in ".{0,60}", payload in "[A-Za-z0-9_.-]{0,200}", bytes in any::<Vec<u8>>(),
    ) {
        let signer = Signer::es256();
        let verifier = Publisher::of(&[("key", &signer)]).verifier();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let token = format!("{}.{payload}.{}", encode(header), encode(&bytes));
        for value in [bytes, format!("Bearer {token}").into_bytes(), token.into_bytes()] {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let given = [(header::AUTHORIZATION, value)].into_iter().collect();
                prop_assert!(runtime.block_on(verifier.verify(&given)).is_err());
            }
        }
    }
}

#[tokio::test]
async fn a_sign_in_is_the_last_time_somebody_showed_who_they_are() {
    let signer = Signer::es256();
    let verifier = Publisher::of(&[("key", &signer)]).verifier();
    let method = |method: &str, ago: u64| json!({ "method": method, "timestamp": now() - ago });
    for (methods, aal, is_recent, assurance) in [
        (json!([method("password", 590)]), "aal1", true, Assurance::Aal1),
        (json!([method("password", 601)]), "aal1", false, Assurance::Aal1),
        (
            json!([method("token_refresh", 1), method("password", 601)]),
            "aal1",
            false,
            Assurance::Aal1,
        ),
        (json!([method("anonymous", 1)]), "aal1", false, Assurance::Aal1),
        (json!([method("totp", 5), method("password", 4000)]), "aal2", true, Assurance::Aal2),
        (json!([method("password", 4000), method("otp", 5)]), "aal1", true, Assurance::Aal1),
        (json!([method("webauthn", 5)]), "aal3", true, Assurance::Aal2),
        (json!([method("password", 5)]), "aal9", true, Assurance::Aal1),
        (json!([]), "aal1", false, Assurance::Aal1),
        (json!(["password", { "method": "otp" }]), "aal1", false, Assurance::Aal1),
        (json!([{ "method": "otp", "timestamp": now() + 10 }]), "aal1", true, Assurance::Aal1),
        (json!([{ "method": "otp", "timestamp": now() + 600 }]), "aal1", false, Assurance::Aal1),
        (json!([{ "method": "otp", "timestamp": u64::MAX }]), "aal1", false, Assurance::Aal1),
        (json!([{ "method": "otp", "timestamp": -1 }]), "aal1", false, Assurance::Aal1),
    ] {
        let claims = claims(json!({ "amr": methods, "aal": aal }));
        let token = signer.sign(&signer.header("key"), &claims);
        let session = verifier.verify_token(&token, Instant::now()).await.unwrap();
        let want = if is_recent { Ok(()) } else { Err(SessionError::NotRecent) };
        assert_eq!((session.require_recent(), session.assurance), (want, assurance), "{methods}");
    }
}

#[tokio::test]
async fn many_at_once_cause_one_fetch() {
    let signer = Signer::es256();
    let publisher = Publisher::of(&[("key", &signer)]);
    let verifier = publisher.verifier();
    let token = signer.token("key");
    publisher.permits.forget_permits(1000);

    let asking = AtomicUsize::new(0);
    let start = Instant::now();
    let verify = || async {
        asking.fetch_add(1, Ordering::SeqCst);
        verifier.verify_token(&token, start).await
    };
    let release = async {
        while asking.load(Ordering::SeqCst) < 500 {
            tokio::task::yield_now().await;
        }
        assert_eq!(publisher.fetches(), 1);
        publisher.permits.add_permits(1);
    };
    let (verdicts, ()) = tokio::join!(join_all((0..500).map(|_| verify())), release);
    assert!(verdicts.iter().all(Result::is_ok));
    assert_eq!(publisher.fetches(), 1);
}

#[tokio::test]
async fn made_up_keys_cause_few_fetches_and_hold_nobody_up() {
    let (signer, forger) = (Signer::es256(), Signer::es256());
    let publisher = Publisher::of(&[("key", &signer)]);
    let verifier = publisher.verifier();
    let (good, start) = (signer.token("key"), Instant::now());
    assert!(verifier.verify_token(&good, start).await.is_ok());

    let forged: Vec<_> =
        (0..100).map(|number| forger.token(&format!("made-up-{number}"))).collect();
    let attack = async |seconds| {
        let at = start + Duration::from_secs(seconds);
        join_all(forged.iter().map(|token| verifier.verify_token(token, at))).await
    };
    // Within the pause after the first fetch there is none.
    for (seconds, fetches) in [(9, 1), (10, 2), (19, 2), (20, 3), (21, 3)] {
        let verdicts = attack(seconds).await;
        assert!(verdicts.iter().all(|verdict| *verdict == invalid(Fault::UnknownKey)));
        assert_eq!(publisher.fetches(), fetches, "after {seconds} s");
    }

    publisher.permits.forget_permits(1000);
    let mut attack = Box::pin(attack(60));
    assert!((&mut attack).now_or_never().is_none());
    assert_eq!(publisher.fetches(), 4);
    let later = start + Duration::from_secs(60);
    assert!(verifier.verify_token(&good, later).now_or_never().unwrap().is_ok());
}

#[tokio::test]
async fn a_fetch_that_nobody_waits_for_any_more_is_no_fetch() {
    let signer = Signer::es256();
    let publisher = Publisher::of(&[("key", &signer)]);
    let verifier = publisher.verifier();
    let (token, start) = (signer.token("key"), Instant::now());
    publisher.permits.forget_permits(1000);
    assert!(verifier.verify_token(&token, start).now_or_never().is_none());
    publisher.permits.add_permits(1);
    assert!(verifier.verify_token(&token, start).await.is_ok());
    assert_eq!(publisher.fetches(), 2);
}

#[tokio::test]
async fn keys_follow_a_rotation() {
    let (old, new, next) = (Signer::es256(), Signer::es256(), Signer::rs256());
    let publisher = Publisher::of(&[("old", &old)]);
    let verifier = publisher.verifier();
    let start = Instant::now();
    let check = async |seconds: u64, want: [bool; 3]| {
        let tokens = [old.token("old"), new.token("new"), next.token("next")];
        let at = start + Duration::from_secs(seconds);
        let mut verdicts = [false; 3];
        for (verdict, token) in verdicts.iter_mut().zip(&tokens) {
            *verdict = verifier.verify_token(token, at).await.is_ok();
        }
        assert_eq!(verdicts, want, "after {seconds} s");
    };
    check(0, [true, false, false]).await;
    // Standby: not used yet, but known.
    publisher.publish(&[("old", &old), ("new", &new)]);
    check(9, [true, false, false]).await;
    check(10, [true, true, false]).await;
    // In use, the old one previously used.
    publisher.publish(&[("new", &new), ("old", &old)]);
    check(600, [true, true, false]).await;
    // The old one is revoked: ours is ten minutes old at most.
    publisher.publish(&[("new", &new), ("next", &next)]);
    check(609, [true, true, false]).await;
    check(1199, [true, true, true]).await;
    check(1200, [false, true, true]).await;
    // All are revoked, and nobody asks for an unknown one.
    publisher.publish(&[]);
    for (seconds, is_accepted) in [(1798, true), (1799, false)] {
        let at = start + Duration::from_secs(seconds);
        let verdict = verifier.verify_token(&new.token("new"), at).await;
        assert_eq!(verdict.is_ok(), is_accepted, "after {seconds} s");
    }
}

#[tokio::test]
async fn without_fresh_keys_nobody_is_let_in() {
    let signer = Signer::es256();
    let publisher = Publisher::of(&[("key", &signer)]);
    let verifier = publisher.verifier();
    let (token, start) = (signer.token("key"), Instant::now());
    let unavailable = |error| Err(SessionError::Unavailable(error));
    let outage = KeysError::Egress(EgressError::NotSent);
    let at = async |seconds| {
        let verdict = verifier.verify_token(&token, start + Duration::from_secs(seconds)).await;
        (verdict.map(|_| ()), publisher.fetches())
    };
    publisher.fail(outage);
    assert_eq!(at(0).await, (unavailable(outage), 1));
    // Failures are kept for as long as the pause between fetches.
    assert_eq!(at(9).await, (unavailable(outage), 1));
    let refused = KeysError::Refused(http::StatusCode::BAD_GATEWAY);
    publisher.fail(refused);
    assert_eq!(at(10).await, (unavailable(refused), 2));
    publisher.publish(&[("key", &signer)]);
    assert_eq!(at(20).await, (Ok(()), 3));
    publisher.fail(outage);
    assert_eq!(at(619).await, (Ok(()), 3));
    assert_eq!(at(620).await, (unavailable(outage), 4));
    publisher.publish(&[("key", &signer)]);
    assert_eq!(at(630).await, (Ok(()), 5));
}

#[tokio::test]
async fn what_is_no_key_set_is_an_outage_and_what_is_no_key_of_ours_is_passed_over() {
    let (es256, rs256) = (Signer::es256(), Signer::rs256());
    let changed = |signer: &Signer, changes: Value| {
        let mut jwk = signer.jwk("key");
        merge(&mut jwk, &changes);
        jwk
    };
    let many: Vec<_> = (0..17).map(|_| es256.jwk("key")).collect();
    let long = json!({ "keys": [es256.jwk("key")], "padding": "x".repeat(32 * 1024) });
    let unusable = Err(SessionError::Unavailable(KeysError::Unusable));
    let with = |key: Value| json!({ "keys": [key] });
    for (keys, want) in [
        (json!("gateway timeout"), unusable.clone()),
        (json!({}), unusable.clone()),
        (json!({ "keys": {} }), unusable.clone()),
        (json!({ "keys": many }), unusable.clone()),
        (long, unusable),
        (json!({ "keys": [] }), invalid(Fault::UnknownKey)),
        (json!({ "keys": [1, null, { "kty": "AKP" }] }), invalid(Fault::UnknownKey)),
        (with(changed(&es256, json!({ "alg": null }))), invalid(Fault::UnknownKey)),
        (with(changed(&es256, json!({ "alg": "RS256" }))), invalid(Fault::UnknownKey)),
        (with(changed(&es256, json!({ "alg": "HS256" }))), invalid(Fault::UnknownKey)),
        (with(changed(&es256, json!({ "crv": "P-384" }))), invalid(Fault::UnknownKey)),
        (with(changed(&es256, json!({ "kid": null }))), invalid(Fault::UnknownKey)),
        (with(changed(&es256, json!({ "use": "enc" }))), invalid(Fault::UnknownKey)),
        (with(changed(&es256, json!({ "key_ops": ["sign"] }))), invalid(Fault::UnknownKey)),
        (with(changed(&es256, json!({ "x": "!" }))), invalid(Fault::UnknownKey)),
        (with(changed(&es256, json!({ "x": "AQ" }))), invalid(Fault::Signature)),
        (with(changed(&rs256, json!({ "alg": "ES256" }))), invalid(Fault::UnknownKey)),
    ] {
        let publisher = Publisher::of(&[]);
        *publisher.answer.lock().unwrap() = Ok(keys.clone());
        let token = es256.token("key");
        let verdict = publisher.verifier().verify_token(&token, Instant::now()).await;
        assert_eq!(verdict, want, "{keys}");
    }
    // Beside keys of other kinds, and with what a key may leave out.
    let publisher = Publisher::of(&[]);
    let plain = changed(&es256, json!({ "key_ops": null, "ext": null, "use": "sig" }));
    *publisher.answer.lock().unwrap() =
        Ok(json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": "AQ" }, plain] }));
    let token = es256.token("key");
    assert!(publisher.verifier().verify_token(&token, Instant::now()).await.is_ok());
}

#[test]
fn what_the_database_says_of_a_session_is_understood() {
    let refused = |code: &str| RpcError::Refused {
        status: http::StatusCode::UNAUTHORIZED,
        code: code.to_owned(),
    };
    for (error, want) in [
        (refused("PT401"), Some(SessionError::Ended)),
        (refused("PT403"), Some(SessionError::SecondFactor)),
        (refused("PGRST301"), None),
        (refused("42501"), None),
        (RpcError::Malformed, None),
    ] {
        assert_eq!(SessionError::of_call(&error), want, "{error}");
    }
}
