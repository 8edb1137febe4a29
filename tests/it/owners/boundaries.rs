//! Where an owner's rights end: at another owner's rows, with the session, and at
//! everything that is not a call made for owners.

use leadslock::{
    owner::{OwnerError, conversations::Filter, leads::LeadForm},
    session::SessionError,
};
use reqwest::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{at_a_desk, id};
use crate::support::{
    TestStack,
    owners::{AsOwner, PROFILE},
};

/// The functions of the API that this role may call, and `not` may not.
async fn functions_of(stack: &TestStack, role: &str, not: &str) -> Vec<String> {
    let sql = format!(
        "select p.proname::text from pg_proc p
         where p.pronamespace = 'public'::regnamespace
           and has_function_privilege('{role}', p.oid, 'execute')
           and not has_function_privilege('{not}', p.oid, 'execute')
         order by 1"
    );
    stack.rows(&sql, &[]).await.iter().map(|row| row.get(0)).collect()
}

/// Calls a function through Supabase's API, and returns status and code.
async fn call(
    stack: &TestStack,
    key: &str,
    token: Option<&str>,
    function: &str,
    request: &Value,
) -> (StatusCode, String) {
    let url = stack.supabase().0.join(&format!("/rest/v1/rpc/{function}")).unwrap();
    let mut post = stack.client.post(url).header("apikey", key);
    if let Some(token) = token {
        post = post.bearer_auth(token);
    }
    let body = json!({ "request": request }).to_string();
    let response = post.header("content-type", "application/json").body(body).send().await.unwrap();
    let status = response.status();
    let answer: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default();
    (status, answer["code"].as_str().unwrap_or_default().to_owned())
}

/// Everything in the database but sessions, so that any change would show.
async fn everything(stack: &TestStack) -> String {
    let tables = "select string_agg(
                    format('select %L, coalesce(md5(string_agg(t::text, '','' order by t::text)), '''') from app.%I t',
                           tablename, tablename), ' union all ')
                  from pg_tables where schemaname = 'app'";
    let sql = stack.value(tables).await;
    let rows = stack.rows(&format!("select * from ({sql}) all_tables order by 1"), &[]).await;
    rows.iter()
        .map(|row| format!("{}={}\n", row.get::<_, &str>(0), row.get::<_, &str>(1)))
        .collect()
}

/// Every call with the ids of another owner's is answered as if there were none, and
/// changes nothing.
#[test]
fn another_owners_rows_do_not_exist() {
    at_a_desk(async |desk| {
        let (stack, console) = (&desk.stack, &desk.console);
        desk.calls().receive(1, "text", "hello").await;
        let lead = desk.lead().await;
        let stranger = stack.owner_of(&stack.sign_up("stranger@example.com").await).await;
        console.open_account(&stranger, &PROFILE).await.unwrap();
        let before = everything(stack).await;

        for lead in [lead, id(404)] {
            let form = LeadForm { name: "Mallory", ..LeadForm::default() };
            for (what, error) in [
                (
                    "read_conversation",
                    console.read_conversation(&stranger, lead, None, 50).await.err(),
                ),
                ("read_lead", console.read_lead(&stranger, lead).await.err()),
                ("correct_lead", console.correct_lead(&stranger, lead, 1, &form).await.err()),
                ("export_lead", console.export_lead(&stranger, lead, None).await.err()),
                ("erase_lead", console.erase_lead(&stranger, lead).await.err()),
                (
                    "send_owner_text",
                    console.send_owner_text(&stranger, lead, id(1), "hi").await.err(),
                ),
                ("set_assistant", console.set_assistant(&stranger, lead, false).await.err()),
                ("resolve_flag", console.resolve_flag(&stranger, lead).await.err()),
            ] {
                assert!(matches!(error, Some(OwnerError::NotFound)), "{what}: {error:?}");
            }
        }
        assert_eq!(everything(stack).await, before);

        // And no list has anything of another's in it.
        for filter in [Filter::All, Filter::Unanswered, Filter::Flagged, Filter::OptedOut] {
            let list = console.list_conversations(&stranger, filter, None, 50).await.unwrap();
            assert!(list.conversations.is_empty() && list.next.is_none());
            assert_eq!(list.shop.name, "Bagels du Parc");
        }
        assert!(console.list_leads(&stranger, "", None, 50).await.unwrap().leads.is_empty());
        assert!(console.list_leads(&stranger, "514", None, 50).await.unwrap().leads.is_empty());
        // Nor does a cursor into another's list open it.
        let cursor = leadslock::owner::Cursor::parse("ffffffff-ffff-ffff-ffff-ffffffffffff");
        let list = console.list_leads(&stranger, "", cursor.as_ref(), 50).await.unwrap();
        assert!(list.leads.is_empty());
        let activity = console.list_activity(&stranger, None, 50).await.unwrap();
        assert_eq!(activity.events.len(), 2, "{:?}", activity.events);
        assert!(console.read_account(&stranger).await.unwrap().exports.is_empty());
    });
}

#[test]
fn reading_takes_a_token_of_a_session_that_stands() {
    at_a_desk(async |desk| {
        let stack = &desk.stack;
        desk.calls().receive(1, "text", "hello").await;
        let request = json!({ "lead_id": desk.lead().await });
        let (_, key) = stack.supabase();
        let token = stack.sign_in_owner().await;
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let first = if signature.starts_with('A') { 'B' } else { 'A' };
        let forged = format!("{signed}.{first}{}", &signature[1..]);

        // What owners read, with their own token; and what is done for them, with the secret key.
        let reads = functions_of(stack, "authenticated", "service_role").await;
        let others = functions_of(stack, "service_role", "authenticated").await;
        assert!(reads.len() >= 7 && others.len() >= 60, "{reads:?} {others:?}");
        for function in &reads {
            let of = async |token: Option<&str>| call(stack, key, token, function, &request).await;
            assert_eq!(of(Some(&token)).await.0, 200, "{function}");
            for bad in ["garbage", "a.b.c", forged.as_str()] {
                assert_eq!(of(Some(bad)).await.0, 401, "{function} {bad}");
            }
            // Nobody in particular, and the service itself, may not call it.
            let (status, code) = of(None).await;
            assert!(status == 401 || status == 403, "{function} {status}");
            assert_eq!(code, "42501", "{function}");
            let (status, code) = call(stack, stack.secret_key(), None, function, &request).await;
            assert_eq!((status.as_u16(), code.as_str()), (403, "42501"), "{function}");
        }
        for function in &others {
            let (status, code) = call(stack, key, Some(&token), function, &request).await;
            assert_eq!((status.as_u16(), code.as_str()), (403, "42501"), "{function}");
        }

        // Signed out everywhere: the token is as genuine as before.
        let owner = stack.owner_of(&token).await;
        let (url, _) = stack.supabase();
        let sign_out = stack.client.post(url.join("/auth/v1/logout?scope=global").unwrap());
        let sign_out = sign_out.header("apikey", key).bearer_auth(&token);
        assert_eq!(sign_out.send().await.unwrap().status(), 204);
        for function in &reads {
            let (status, code) = call(stack, key, Some(&token), function, &request).await;
            assert_eq!((status.as_u16(), code.as_str()), (401, "PT401"), "{function}");
        }
        let error = desk.console.read_shop(&owner).await.err();
        assert!(matches!(error, Some(OwnerError::Session(SessionError::Ended))), "{error:?}");
        let lead: Uuid = desk.lead().await;
        let error = desk.console.erase_lead(&owner, lead).await.err();
        assert!(matches!(error, Some(OwnerError::Session(SessionError::Ended))), "{error:?}");
    });
}

/// Row level security by itself, as if a request could name tables.
#[test]
fn the_tables_themselves_show_an_owner_their_own_rows_only() {
    at_a_desk(async |desk| {
        let stack = &desk.stack;
        // Twice the same shop, once as somebody else's.
        desk.calls().receive(1, "text", "hello").await;
        desk.calls().receive(2, "stop", "STOP").await;
        desk.console.resolve_flag(&desk.owner, desk.lead().await).await.unwrap();
        let stranger_token = stack.sign_up("stranger@example.com").await;
        let stranger = stack.owner_of(&stranger_token).await;
        desk.console.open_account(&stranger, &PROFILE).await.unwrap();
        let token = stack.sign_in_owner().await;
        let (own, foreign) =
            (AsOwner::new(stack, &token).await, AsOwner::new(stack, &stranger_token).await);

        for (table, column) in [
            ("businesses", "id"),
            ("leads", "id"),
            ("conversations", "lead_id"),
            ("messages", "id"),
            ("consent_events", "lead_id"),
            ("consent_ledgers", "phone_hmac"),
            ("subscriptions", "id"),
            ("suppressions", "phone_hmac"),
            ("audit_events", "id"),
        ] {
            let count = format!("select count({column}) from app.{table}");
            let all = stack.value(&count).await;
            let (mine, theirs) =
                (own.value(&count).await.unwrap(), foreign.value(&count).await.unwrap());
            assert_ne!(mine, "0", "{table}");
            let sum = mine.parse::<u32>().unwrap() + theirs.parse::<u32>().unwrap();
            assert_eq!(sum.to_string(), all, "{table}");
            if !["businesses", "audit_events"].contains(&table) {
                assert_eq!(theirs, "0", "{table}");
            }
        }
        // Each table there is refuses to be written, and all others to be read.
        let tables = "select string_agg(tablename, ' ' order by tablename) from pg_tables where schemaname = 'app'";
        for table in stack.value(tables).await.split(' ') {
            for write in [
                format!("delete from app.{table}"),
                format!("truncate app.{table}"),
                format!("insert into app.{table} default values"),
            ] {
                assert!(own.is_refused(&write).await, "{write}");
            }
        }
        for table in
            ["jobs", "webhook_events", "rate_limits", "status_events", "export_chunks", "refusals"]
        {
            assert!(own.is_refused(&format!("select count(*) from app.{table}")).await, "{table}");
        }
        for hidden in [
            "twilio_sid from app.messages",
            "wording_salt from app.consent_events",
            "snapshot from app.exports",
        ] {
            assert!(own.is_refused(&format!("select {hidden}")).await, "{hidden}");
        }
        assert!(own.is_refused("update app.leads set name = 'x'").await);

        // What no session stands for sees nothing: not an empty table, a refusal.
        let leads = "select count(id) from app.leads";
        for claims in [
            "",
            "{}",
            r#"{"sub":"0193a000-0000-7000-8000-000000000001","role":"authenticated"}"#,
            r#"{"sub":"0193a000-0000-7000-8000-000000000001","session_id":"0193a000-0000-7000-8000-00000000ffff"}"#,
        ] {
            let nobody = AsOwner::with_claims(stack, claims).await;
            assert_eq!(nobody.value(leads).await, Err("PT401".to_owned()), "{claims}");
        }
        let session =
            stack.value("select id from auth.sessions order by created_at desc limit 1").await;
        for extra in [r#""client_id":"x""#, r#""is_anonymous":true"#] {
            let claims = format!(
                r#"{{"sub":"0193a000-0000-7000-8000-000000000001","session_id":"{session}",{extra}}}"#
            );
            let other = AsOwner::with_claims(stack, &claims).await;
            assert_eq!(other.value(leads).await, Err("PT401".to_owned()), "{extra}");
        }
        let end = "delete from auth.sessions";
        stack.database.batch_execute(end).await.unwrap();
        assert_eq!(own.value(leads).await, Err("PT401".to_owned()));

        // And through the API no table can be named at all.
        let (url, key) = stack.supabase();
        for path in ["leads", "messages", "businesses"] {
            let get = stack.client.get(url.join(&format!("/rest/v1/{path}")).unwrap());
            let get = get.header("apikey", key).header("accept-profile", "app").bearer_auth(&token);
            assert!(!get.send().await.unwrap().status().is_success(), "{path}");
        }
    });
}

/// Who has a second factor reads nothing without it.
#[test]
fn reading_takes_the_second_factor_of_who_has_one() {
    at_a_desk(async |desk| {
        desk.stack.enrol_factors("verified").await;
        let error = desk.console.read_shop(&desk.owner).await.err();
        assert!(
            matches!(error, Some(OwnerError::Session(SessionError::SecondFactor))),
            "{error:?}"
        );
    });
}
