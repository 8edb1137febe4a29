//! What it costs to verify an access token (ES256) when the keys are known.
//!
//! `cargo bench --package leadslock --bench session`

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on says so"
)]

use std::{
    hint::black_box,
    io::{Read as _, Write as _},
    net::TcpListener,
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use criterion::{Criterion, criterion_group, criterion_main};
use http::{HeaderMap, header};
use leadslock::{
    providers::egress::Egress,
    session::{Verifier, settings::AccessTokens},
};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde_json::json;
use url::Url;

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn new_key() -> EcdsaKeyPair {
    let (kind, rng) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
    let document = EcdsaKeyPair::generate_pkcs8(kind, &rng).unwrap();
    EcdsaKeyPair::from_pkcs8(kind, document.as_ref(), &rng).unwrap()
}

/// A token as a hosted project makes it, of an owner at `url`.
fn token(key: &EcdsaKeyPair, url: &Url) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let header = json!({ "alg": "ES256", "kid": "key", "typ": "JWT" });
    let claims = json!({
        "iss": format!("{url}auth/v1"),
        "sub": "0193a000-0000-7000-8000-000000000001",
        "aud": "authenticated",
        "exp": now + 3600,
        "iat": now,
        "email": "owner@example.com",
        "phone": "",
        "app_metadata": { "provider": "email", "providers": ["email"] },
        "user_metadata": { "email_verified": true },
        "role": "authenticated",
        "aal": "aal1",
        "amr": [{ "method": "password", "timestamp": now }],
        "session_id": "0193a000-0000-7000-8000-000000000abc",
        "is_anonymous": false,
    });
    let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    let signature = key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
    format!("{signed}.{}", encode(signature))
}

/// Answers one request with the key set.
fn publish(key: &EcdsaKeyPair) -> Url {
    let (x, y) = key.public_key().as_ref()[1..].split_at(32);
    let jwk = json!({
        "kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "key",
        "x": encode(x), "y": encode(y),
    });
    let body = json!({ "keys": [jwk] }).to_string();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]).unwrap();
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
    });
    url
}

fn verify(criterion: &mut Criterion) {
    let key = new_key();
    let url = publish(&key);
    let bearer = format!("Bearer {}", token(&key, &url)).parse().unwrap();
    let headers = HeaderMap::from_iter([(header::AUTHORIZATION, bearer)]);
    let egress = Egress::new(&[&url], None).unwrap();
    let verifier = Verifier::new(&AccessTokens { url, legacy_secret: None }, egress);

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // Fetches the key.
    runtime.block_on(verifier.verify(&headers)).unwrap();
    criterion.bench_function("verify an access token", |bencher| {
        bencher.iter(|| runtime.block_on(verifier.verify(black_box(&headers))).unwrap());
    });
}

criterion_group!(benches, verify);
criterion_main!(benches);
