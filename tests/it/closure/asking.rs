//! Who may close an account, and asking twice.

use std::time::Duration;

use leadslock::paths;
use serde_json::json;
use uuid::Uuid;

use super::{BUSINESS, CONFIRMATION, Owner, drive, read, receipts, show};
use crate::support::{OWNER, OWNER_PASSWORD, PATIENCE, interceptor::Manner, on_a_stack};

/// Asked for by the wrong one, or in the wrong way: a clear answer, and nothing done.
#[test]
fn only_its_owner_signed_in_just_now_and_sure_of_it_closes_an_account() {
    on_a_stack(async |stack| {
        let url = stack.url(paths::ACCOUNT_DELETE);
        let anonymous = stack.client.post(url).body(CONFIRMATION).send().await.unwrap();
        assert_eq!(anonymous.status(), 401);
        let owner = Owner::of(stack).await;
        let forged = Owner { stack, token: format!("{}x", owner.token) };
        assert_eq!(forged.send(CONFIRMATION).await.0, 401);
        let other =
            format!(r#"{{"confirmation":"Mile End Bikes","business_id":"{}"}}"#, Uuid::new_v4());
        for (body, want) in [
            ("", "it is not like"),
            ("{}", "it is not like"),
            (r#"{"confirmation":"Mile End Bikes","now":true}"#, "it is not like"),
            (r#"{"confirmation":""}"#, "is not the name"),
            (r#"{"confirmation":"Mile  End Bikes"}"#, "is not the name"),
            (r#"{"confirmation":"Mile End Bike"}"#, "is not the name"),
            (r#"{"confirmation":"Mile End Bikes."}"#, "is not the name"),
        ] {
            let (status, told) = owner.send(body).await;
            assert_eq!(status, 400, "{body}");
            assert!(told["error"].as_str().unwrap().contains(want), "{body}: {told}");
        }
        assert_eq!(owner.send(&other).await.0, 404);
        for place in [
            "",
            "?closure=x&token=y",
            &format!("?closure={}&token={}", Uuid::nil(), "0".repeat(64)),
        ] {
            let shown = show(stack, &format!("{}{place}", paths::ACCOUNT_DELETE)).await;
            assert_eq!(shown.0, 404, "{place}");
        }

        // Genuine, and of a sign-in that is eleven minutes old.
        let ago = "update auth.sessions set created_at = created_at - interval '11 minutes'";
        stack.database.batch_execute(ago).await.unwrap();
        let refresh = "select token from auth.refresh_tokens where not revoked order by created_at desc limit 1";
        let (base, key) = stack.supabase();
        let request = stack
            .client
            .post(base.join("/auth/v1/token?grant_type=refresh_token").unwrap())
            .header("apikey", key)
            .header("content-type", "application/json")
            .body(json!({ "refresh_token": stack.value(refresh).await }).to_string());
        let (_, session) = read(request.send().await.unwrap()).await;
        let stale = Owner { stack, token: session["access_token"].as_str().unwrap().to_owned() };
        let want = json!({ "error": "this needs a sign-in of the last 10 minutes" });
        assert_eq!(stale.send(CONFIRMATION).await, (401, want));

        let owner = Owner::of(stack).await;
        stack.enrol_factors("verified").await;
        let want = json!({ "error": "this needs the second factor" });
        assert_eq!(owner.send(CONFIRMATION).await, (401, want));
        stack.database.batch_execute("delete from auth.mfa_factors").await.unwrap();
        stack.database.batch_execute("delete from auth.sessions").await.unwrap();
        let want = json!({ "error": "the session has ended" });
        assert_eq!(owner.send(CONFIRMATION).await, (401, want));

        let nothing =
            "select (select state from app.businesses), (select count(*) from app.closures)";
        let nothing = format!("select t::text from ({nothing}) t (state, closures)");
        assert_eq!(stack.value(&nothing).await, "(active,0)");
        assert_eq!(stack.text_and_wait("Are you open?").await.texts.len(), 2);

        // Case and outer spaces are not what it is about.
        let owner = Owner::of(stack).await;
        assert_eq!(owner.send(r#"{"confirmation":" mile end BIKES\n"}"#).await.0, 202);
    });
}

#[test]
fn asked_for_twice_or_at_once_there_is_one_closure() {
    on_a_stack(async |stack| {
        let owners = [Owner::of(stack).await, Owner::of(stack).await, Owner::of(stack).await];
        stack.interceptor.set("next_closure_step", Manner::HoldRequest);
        let at_once = owners.iter().flat_map(|owner| (0..4).map(|_| owner.close()));
        let closures = futures_util::future::join_all(at_once).await;
        for closure in &closures {
            assert_eq!(closure["closure_id"], closures[0]["closure_id"]);
            assert_eq!(closure["status_url"], closures[0]["status_url"]);
        }
        assert_eq!(stack.interceptor.calls("request_closure"), 12);
        let owner = &owners[0];
        let response = owner.post(CONFIRMATION).await;
        let place = response.headers()["location"].to_str().unwrap().to_owned();
        assert_eq!(place, closures[0]["status_url"]);
        // The session that asked is gone: what is left of it opens nothing else.
        let export = stack.client.post(stack.url(paths::ACCOUNT_EXPORT)).bearer_auth(&owner.token);
        let export = export.body(r#"{"format":"csv"}"#).send().await.unwrap();
        assert_eq!(export.status(), 401);
        let (base, key) = stack.supabase();
        let request = stack
            .client
            .post(base.join("/auth/v1/token?grant_type=password").unwrap())
            .header("apikey", key)
            .header("content-type", "application/json")
            .body(json!({ "email": OWNER, "password": OWNER_PASSWORD }).to_string());
        let (status, refused) = read(request.send().await.unwrap()).await;
        assert_eq!((status, &refused["error_code"]), (400, &json!("user_banned")), "{refused}");

        stack.kill("account_delete").await;
        stack.interceptor.clear();
        stack::clock::advance(&stack.database, Duration::from_secs(16 * 60)).await.unwrap();
        drive(stack, "key", PATIENCE).await;
        // Erased, and still the same.
        assert_eq!(owner.close().await["closure_id"], closures[0]["closure_id"]);
        assert_eq!(stack.value("select count(*) from app.closures").await, "1");
    });
}

#[test]
fn of_several_shops_one_is_closed_and_with_the_last_the_account() {
    on_a_stack(async |stack| {
        let second = stack.shop("Plateau Bikes").open().await.to_string();
        let owner = Owner::of(stack).await;
        assert_eq!(owner.send(CONFIRMATION).await.0, 400);
        let ask =
            |name: &str, id: &str| json!({ "confirmation": name, "business_id": id }).to_string();
        assert_eq!(owner.send(&ask("Mile End Bikes", &second)).await.0, 400);
        let (status, first) = owner.send(&ask("Mile End Bikes", BUSINESS)).await;
        assert_eq!(status, 202);
        // The owner is still there, and may ask how it stands; but not export what goes.
        let export = stack.client.post(stack.url(paths::ACCOUNT_EXPORT)).bearer_auth(&owner.token);
        let body = json!({ "format": "csv", "business_id": BUSINESS }).to_string();
        assert_eq!(export.body(body).send().await.unwrap().status(), 404);
        let (_, again) = owner.send(&ask("Mile End Bikes", BUSINESS)).await;
        assert_eq!(again["closure_id"], first["closure_id"]);
        drive(stack, "key", PATIENCE).await;
        assert_eq!(receipts(stack).await["owner"], json!({ "users": 0 }));
        assert_eq!(stack.value("select count(*) from app.businesses").await, "1");

        let owner = Owner::of(stack).await;
        let (status, last) = owner.send(r#"{"confirmation":"Plateau Bikes"}"#).await;
        assert_eq!(status, 202);
        assert_ne!(last["closure_id"], first["closure_id"]);
        drive(stack, "key", PATIENCE).await;
        assert_eq!(stack.value("select count(*) from auth.users").await, "0");
    });
}
