//! The data API: functions called with JSON, as the product calls them.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{run, shared_project};

#[test]
fn json_arguments_and_results_are_exact() {
    run(async {
        let project = shared_project().await;
        let deep = (0..50).fold(json!(1), |inner, _| json!([{ "in": inner }]));
        for value in [
            json!({ "text": "{\"looks\": \"like JSON\"}", "number": "12", "null": "null" }),
            json!({ "unicode": "é 漢字 🚲 \u{202e} \"quoted\" \\ /", "empty": "", "": "no name" }),
            json!({ "big": 9_007_199_254_740_993_i64, "small": 1e-7, "list": [[], {}, null, true] }),
            json!(["top", "level", "array"]),
            json!("a string"),
            json!("{\"a\": \"string that looks like JSON\"}"),
            json!(42),
            json!(false),
            deep,
        ] {
            let response = project.call("echo", json!({ "p": value })).await;
            assert_eq!(response.status(), 200, "{value}");
            assert_eq!(response.json::<Value>().await.unwrap(), value);
        }
    });
}

#[test]
fn digits_of_a_number_survive() {
    run(async {
        let project = shared_project().await;
        let exact = r#"{"price": 79.00, "huge": 123456789012345678901234567890.5}"#;
        let request = project.request("POST", "rest/v1/rpc/echo", &project.supabase.secret_key);
        let request = request.header("content-type", "application/json");
        let response = request.body(format!(r#"{{"p": {exact}}}"#)).send().await.unwrap();
        let text = response.text().await.unwrap();
        assert!(
            text.contains("79.00") && text.contains("123456789012345678901234567890.5"),
            "{text}"
        );
    });
}

#[test]
fn errors_have_the_status_of_a_hosted_project() {
    run(async {
        let project = shared_project().await;
        for (code, status) in [
            ("PT400", 400),
            ("PT401", 401),
            ("PT402", 402),
            ("PT403", 403),
            ("PT404", 404),
            ("PT409", 409),
            ("PT423", 423),
            ("PT503", 503),
            ("P0001", 400),
            ("23514", 400),
            ("42501", 403),
            ("40001", 500),
            ("57014", 500),
            ("53000", 503),
        ] {
            let response = project.call("fail", json!({ "p_code": code })).await;
            assert_eq!(response.status(), status, "{code}");
            let want = json!({
                "code": code, "message": "as told", "details": "why", "hint": "what to do",
            });
            assert_eq!(response.json::<Value>().await.unwrap(), want);
        }
    });
}

#[test]
fn parallel_claims_share_the_work() {
    run(async {
        let project = shared_project().await;
        let claim = async || {
            let response = project.call("claim", json!({ "p": { "limit": 5 } })).await;
            response.json::<Vec<i32>>().await.unwrap()
        };
        let claims = join_all((0..64).map(|_| claim())).await;
        let distinct: BTreeSet<_> = claims.iter().flatten().collect();
        assert_eq!((claims.iter().flatten().count(), distinct.len()), (320, 320));
    });
}

#[test]
fn revoked_rights_stay_revoked() {
    run(async {
        let project = shared_project().await;
        let publishable = &project.supabase.publishable_key;
        let secret = &project.supabase.secret_key;
        for (method, path) in [("GET", "rest/v1/secrets"), ("POST", "rest/v1/rpc/secret")] {
            for (key, status) in [(publishable, 401), (secret, 403)] {
                let response = project.request(method, path, key).send().await.unwrap();
                assert_eq!(response.status(), status, "{path}");
                assert_eq!(response.json::<Value>().await.unwrap()["code"], "42501");
            }
        }
    });
}

#[test]
fn tables_of_the_product_are_not_exposed() {
    run(async {
        let project = shared_project().await;
        let key = &project.supabase.secret_key;
        let request = project.request("GET", "rest/v1/messages", key);
        let response = request.header("accept-profile", "app").send().await.unwrap();
        assert_eq!(response.status(), 406);
    });
}

#[test]
fn a_request_needs_a_key_and_no_wrong_token() {
    run(async {
        let project = shared_project().await;
        let url = project.supabase.url.join("rest/v1/rpc/echo").unwrap();
        let secret = project.supabase.secret_key.as_str();
        let publishable = project.supabase.publishable_key.as_str();
        let unsigned = "eyJhbGciOiJub25lIn0.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.";
        let shared_secret = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
                             eyJyb2xlIjoic2VydmljZV9yb2xlIiwiZXhwIjo0MTAyNDQ0ODAwfQ.\
                             c2lnbmVkLXdpdGgtc29tZXRoaW5nLWVsc2UtYWx0b2dldGhlcg";
        for (key, bearer, status) in [
            (None, None, 401),
            (Some("sb_secret_another"), None, 401),
            (None, Some(secret), 401),
            (Some(secret), None, 200),
            (Some(secret), Some(secret), 200),
            (Some(publishable), Some(secret), 401),
            (Some(publishable), None, 401),
            (Some(secret), Some("garbage"), 401),
            (Some(secret), Some("a.b.c"), 401),
            (Some(secret), Some(unsigned), 401),
            (Some(secret), Some(shared_secret), 401),
        ] {
            let mut request = project.client.post(url.clone()).json(&json!({ "p": 1 }));
            if let Some(key) = key {
                request = request.header("apikey", key);
            }
            if let Some(bearer) = bearer {
                request = request.bearer_auth(bearer);
            }
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), status, "{key:?} {bearer:?}");
        }
    });
}
