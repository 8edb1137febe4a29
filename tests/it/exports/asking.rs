//! Who may ask, and asking twice.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use leadslock::paths;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Owner;
use crate::support::{OWNER_PASSWORD, interceptor::Manner, on_a_stack};

#[test]
fn who_asks_again_gets_the_one_under_way() {
    on_a_stack(async |stack| {
        let owner = Owner::of(stack).await;
        stack.interceptor.set("snapshot_export", Manner::HoldRequest);
        let response =
            owner.response(Method::POST, paths::ACCOUNT_EXPORT, r#"{"format":"csv"}"#).await;
        let place = response.headers()["location"].to_str().unwrap().to_owned();
        let first: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        assert_eq!(first["status_url"], place);
        assert_eq!(owner.ask("csv").await["export_id"], first["export_id"]);
        assert_ne!(owner.ask("json").await["export_id"], first["export_id"]);
        let shown = owner.show(&first).await;
        assert_eq!((&shown["state"], &shown["rows_done"]), (&json!("open"), &json!(0)));
        assert!(shown.get("link").is_none() && shown.get("storage_path").is_none());

        stack.kill("account_export").await;
        stack.interceptor.clear();
        stack.run_scheduler_later().await;
        stack.run_scheduler_later().await;
        let owner = Owner::of(stack).await;
        owner.fetch(&owner.wait(&first).await).await;
        assert_ne!(owner.ask("csv").await["export_id"], first["export_id"]);
    });
}

#[test]
fn only_the_owner_gets_it_and_only_while_signed_in() {
    on_a_stack(async |stack| {
        let owner = Owner::of(stack).await;
        let export = owner.ask("json").await;
        let export = owner.wait(&export).await;
        let path = export["status_url"].as_str().unwrap();

        // Somebody else who owns a shop.
        let business = stack.shop("Other").owned_by("other@example.com").open().await;
        let token = stack.sign_in("other@example.com", OWNER_PASSWORD).await;
        let other = Owner { stack, token };
        let none = json!({ "error": "the request is not valid: there is no such export" });
        assert_eq!(other.send(Method::GET, path, "").await, (404, none.clone()));
        let business =
            stack.rows("select id from app.businesses where id <> $1", &[&business]).await[0]
                .get::<_, Uuid>(0);
        let body = json!({ "format": "csv", "business_id": business }).to_string();
        assert_eq!(
            other.send(Method::POST, paths::ACCOUNT_EXPORT, &body).await,
            (404, none.clone())
        );

        for path in ["", "?id=", "?id=x", &format!("?id={}", Uuid::nil())] {
            let path = format!("{}{path}", paths::ACCOUNT_EXPORT);
            assert_eq!(owner.send(Method::GET, &path, "").await, (404, none.clone()), "{path}");
        }
        for body in ["", "{}", "[]", r#"{"format":"xml"}"#, r#"{"format":"csv","a":1}"#] {
            let (status, told) = owner.send(Method::POST, paths::ACCOUNT_EXPORT, body).await;
            assert_eq!(status, 400, "{told}");
        }
        for (token, sentence) in [
            ("", "the access token is not readable"),
            ("x", "the access token is not readable"),
            // {"alg":"none"}, and the key type of a secret.
            ("eyJhbGciOiJub25lIn0.e30.", "the access token is not valid"),
            ("eyJhbGciOiJIUzI1NiJ9.e30.AAAA", "the access token is not valid"),
        ] {
            let stranger = Owner { stack, token: token.to_owned() };
            for method in [Method::GET, Method::POST] {
                let (status, told) = stranger.send(method, path, r#"{"format":"csv"}"#).await;
                assert_eq!(status, 401, "{token}");
                assert_eq!(told["error"], sentence, "{token}");
            }
        }

        // A link is good for its time, and only for its object.
        let link = export["link"]["url"].as_str().unwrap();
        let token = link.split("token=").nth(1).unwrap().split('&').next().unwrap();
        let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        let lifetime = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
        assert_eq!((lifetime, &export["link"]["expires_in"]), (900, &json!(900)));
        for spoilt in [link.replace("token=", "token=x"), link.replace(".zip", ".zip2")] {
            assert_ne!(stack.client.get(spoilt).send().await.unwrap().status(), 200);
        }

        // Signed out: the token is genuine, and no good.
        let (url, key) = stack.supabase();
        let request = stack.client.post(url.join("/auth/v1/logout?scope=global").unwrap());
        let request = request.header("apikey", key).bearer_auth(&owner.token);
        assert_eq!(request.send().await.unwrap().status(), 204);
        let (status, told) = owner.send(Method::GET, path, "").await;
        assert_eq!((status, &told["error"]), (401, &json!("the session has ended")));
    });
}

/// A renewed token is as genuine as the first, and says that the sign-in was long ago.
#[test]
fn who_signed_in_long_ago_or_by_half_has_to_show_more() {
    on_a_stack(async |stack| {
        let owner = Owner::of(stack).await;
        let ready = owner.wait(&owner.ask("csv").await).await;
        let path = ready["status_url"].as_str().unwrap();

        let signed_in = "update auth.sessions set created_at = created_at - interval '11 minutes'";
        stack.database.batch_execute(signed_in).await.unwrap();
        let refresh_token = "select token from auth.refresh_tokens
                             where not revoked order by created_at desc limit 1";
        let refresh_token = stack.value(refresh_token).await;
        let (url, key) = stack.supabase();
        let url = url.join("/auth/v1/token?grant_type=refresh_token").unwrap();
        let body = json!({ "refresh_token": refresh_token }).to_string();
        let request = stack.client.post(url).header("apikey", key).body(body);
        let response = request.header("content-type", "application/json").send().await.unwrap();
        let session: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        let token = session["access_token"].as_str().unwrap().to_owned();
        let stale = Owner { stack, token };
        let sentence = json!({ "error": "this needs a sign-in of the last 10 minutes" });
        assert_eq!(stale.send(Method::GET, path, "").await, (401, sentence.clone()));
        let asked = stale.send(Method::POST, paths::ACCOUNT_EXPORT, r#"{"format":"csv"}"#).await;
        assert_eq!(asked, (401, sentence));

        stack.enrol_factors("verified").await;
        let sentence = json!({ "error": "this needs the second factor" });
        assert_eq!(owner.send(Method::GET, path, "").await, (401, sentence.clone()));
        let asked = owner.send(Method::POST, paths::ACCOUNT_EXPORT, r#"{"format":"csv"}"#).await;
        assert_eq!(asked, (401, sentence));
    });
}
