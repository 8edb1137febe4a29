//! Sign-in, and the tokens it gives.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::{Value, json};

use crate::support::{Project, run, shared_project};

fn decode(part: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(part).unwrap()
}

/// The claims of a token, once its signature has been checked with the published keys.
async fn verified_claims(project: &Project, token: &str) -> Value {
    let url = project.supabase.url.join("auth/v1/.well-known/jwks.json").unwrap();
    let keys: Value = project.get(url).await.json().await.unwrap();

    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let header: Value = serde_json::from_slice(&decode(header)).unwrap();
    assert_eq!(header["alg"], "ES256");

    let key = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header["kid"]);
    let key = key.unwrap();
    assert_eq!(
        (&key["kty"], &key["crv"], &key["d"]),
        (&json!("EC"), &json!("P-256"), &json!(null))
    );
    let mut point = vec![4];
    point.extend(decode(key["x"].as_str().unwrap()));
    point.extend(decode(key["y"].as_str().unwrap()));
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
        .verify(signed.as_bytes(), &decode(signature))
        .unwrap();
    serde_json::from_slice(&decode(claims)).unwrap()
}

#[test]
fn a_token_is_signed_with_a_published_key_and_has_the_claims_of_a_hosted_project() {
    run(async {
        let project = shared_project().await;
        let session = project.sign_in().await;
        let mut claims = verified_claims(project, session["access_token"].as_str().unwrap()).await;

        let issued = claims["iat"].as_i64().unwrap();
        assert_eq!(claims["exp"].as_i64().unwrap(), issued + 3600);
        assert!((issued - claims["amr"][0]["timestamp"].as_i64().unwrap()).abs() <= 1);
        for varying in ["iat", "exp", "amr", "session_id"] {
            claims.as_object_mut().unwrap().remove(varying).unwrap();
        }
        let want = json!({
            "aal": "aal1",
            "app_metadata": { "provider": "email", "providers": ["email"] },
            "aud": "authenticated",
            "email": "owner@example.com",
            "is_anonymous": false,
            "iss": project.supabase.url.join("auth/v1").unwrap(),
            "phone": "",
            "role": "authenticated",
            "sub": session["user"]["id"],
            "user_metadata": session["user"]["user_metadata"],
        });
        assert_eq!(claims, want);
    });
}

#[test]
fn a_refreshed_token_keeps_the_time_of_sign_in() {
    run(async {
        let project = shared_project().await;
        let session = project.sign_in().await;
        let database = project.supabase.connect().await.unwrap();
        let an_hour_ago = "update auth.sessions set created_at = created_at - interval '1 hour'
            where id = (select session_id from auth.refresh_tokens where token = $1)
            returning extract(epoch from created_at)::bigint";
        let refresh_token = session["refresh_token"].as_str().unwrap();
        let row = database.query_one(an_hour_ago, &[&refresh_token]).await.unwrap();
        let signed_in: i64 = row.get(0);

        let path = "auth/v1/token?grant_type=refresh_token";
        let request = project.request("POST", path, &project.supabase.publishable_key);
        let body = json!({ "refresh_token": refresh_token });
        let response = request.json(&body).send().await.unwrap();
        let session: Value = response.json().await.unwrap();

        let claims = verified_claims(project, session["access_token"].as_str().unwrap()).await;
        let there = claims["amr"][0]["timestamp"].as_i64().unwrap();
        assert!((there - signed_in).abs() <= 1, "{there} {signed_in}");
    });
}

#[test]
fn a_user_is_who_the_token_says() {
    run(async {
        let project = shared_project().await;
        let session = project.sign_in().await;
        let token = session["access_token"].as_str().unwrap();
        let publishable = &project.supabase.publishable_key;

        let request = project.request("POST", "rest/v1/rpc/who", publishable);
        let answer: Value = request.bearer_auth(token).send().await.unwrap().json().await.unwrap();
        let want = json!({
            "uid": session["user"]["id"],
            "role": "authenticated",
            "email": "owner@example.com",
            "user": "authenticated",
        });
        assert_eq!(answer, want);

        let user = project.request("GET", "auth/v1/user", publishable);
        let user: Value = user.bearer_auth(token).send().await.unwrap().json().await.unwrap();
        assert_eq!(user["email"], "owner@example.com");

        let (signed, signature) = token.rsplit_once('.').unwrap();
        let forged = format!("{signed}.A{}", &signature[1..]);
        for (path, status) in [("rest/v1/rpc/who", 401), ("auth/v1/user", 403)] {
            let method = if status == 401 { "POST" } else { "GET" };
            let request = project.request(method, path, publishable).bearer_auth(&forged);
            assert_eq!(request.send().await.unwrap().status(), status, "{path}");
        }
    });
}

#[test]
fn passwords_follow_the_projects_settings() {
    run(async {
        let project = shared_project().await;
        let sign_up = async |password: &str| {
            let request =
                project.request("POST", "auth/v1/signup", &project.supabase.publishable_key);
            let body = json!({ "email": "someone@example.com", "password": password });
            request.json(&body).send().await.unwrap()
        };
        assert_eq!(sign_up("short").await.status(), 422);
        assert_eq!(sign_up("elevenchars").await.status(), 422);
        let response = sign_up("twelve chars").await;
        assert_eq!(response.status(), 200);
        let session: Value = response.json().await.unwrap();
        verified_claims(project, session["access_token"].as_str().unwrap()).await;
    });
}
