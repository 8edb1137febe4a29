//! Owners' sessions: a token of the local project's Auth, as the functions verify
//! it, and what the database then says of the session.

use leadslock::{
    providers::egress::Egress,
    session::{Assurance, KeysError, Session, SessionError, Verifier, settings::AccessTokens},
};
use reqwest::{
    StatusCode,
    header::{AUTHORIZATION, HeaderMap},
};
use serde_json::{Value, json};

use crate::support::{TestStack, interceptor::Manner, on_a_stack};

/// Verifies as a function does, which knows Supabase by the interceptor's URL.
struct Sessions<'a> {
    stack: &'a TestStack,
    verifier: Verifier,
}

impl<'a> Sessions<'a> {
    fn of(stack: &'a TestStack) -> Self {
        let url = stack.interceptor.url().clone();
        let egress = Egress::new(&[&url], None).unwrap();
        let verifier = Verifier::new(&AccessTokens { url, legacy_secret: None }, egress);
        Self { stack, verifier }
    }

    async fn verify(&self, token: &str) -> Result<Session, SessionError> {
        let header = format!("Bearer {token}").parse().unwrap();
        self.verifier.verify(&HeaderMap::from_iter([(AUTHORIZATION, header)])).await
    }

    /// What `app.require_session` returns, or the code it refuses with.
    async fn require(&self, session: &Value) -> Result<String, String> {
        let sql = "select app.require_session($1)::text";
        match self.stack.database.query_one(sql, &[session]).await {
            Ok(row) => Ok(row.get(0)),
            Err(error) => Err(error.code().unwrap().code().to_owned()),
        }
    }

    async fn sign_out_everywhere(&self, token: &str) {
        let (url, key) = self.stack.supabase();
        let request = self.stack.client.post(url.join("/auth/v1/logout?scope=global").unwrap());
        let request = request.header("apikey", key).bearer_auth(token);
        assert_eq!(request.send().await.unwrap().status(), 204);
    }
}

fn ended() -> Result<String, String> {
    Err("PT401".to_owned())
}

#[test]
fn a_token_is_accepted_while_its_session_stands() {
    on_a_stack(async |stack| {
        let sessions = Sessions::of(stack);
        let token = stack.sign_in_owner().await;
        let owner = stack.value("select owner_id from app.businesses").await;

        let session = sessions.verify(&token).await.unwrap();
        assert_eq!(session.user_id.to_string(), owner);
        assert_eq!((session.assurance, session.require_recent()), (Assurance::Aal1, Ok(())));
        let told = serde_json::to_value(&session).unwrap();
        assert_eq!(sessions.require(&told).await, Ok(owner));
        assert_eq!(stack.interceptor.calls("jwks.json"), 1);

        sessions.sign_out_everywhere(&token).await;
        // The token is as genuine as before: only the database knows.
        assert_eq!(sessions.verify(&token).await.as_ref(), Ok(&session));
        assert_eq!(sessions.require(&told).await, ended());
        assert_eq!(stack.interceptor.calls("jwks.json"), 1);

        stack.interceptor.set("jwks.json", Manner::Unavailable);
        let without_keys = Sessions::of(stack).verify(&token).await;
        let refused = KeysError::Refused(StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(without_keys, Err(SessionError::Unavailable(refused)));
    });
}

#[test]
fn a_session_is_refused_once_it_or_its_user_is_none() {
    on_a_stack(async |stack| {
        let sessions = Sessions::of(stack);
        let session = sessions.verify(&stack.sign_in_owner().await).await.unwrap();
        let owner = session.user_id.to_string();
        let told = serde_json::to_value(&session).unwrap();

        for (name, value) in [
            ("user_id", json!("0193a000-0000-7000-8000-00000000ffff")),
            ("session_id", json!("0193a000-0000-7000-8000-00000000ffff")),
            ("user_id", Value::Null),
            ("session_id", Value::Null),
        ] {
            let mut foreign = told.clone();
            foreign[name] = value;
            assert_eq!(sessions.require(&foreign).await, ended(), "{foreign}");
        }
        assert_eq!(sessions.require(&Value::Null).await, ended());

        for (spoil, mend) in [
            ("auth.users set deleted_at = now()", "auth.users set deleted_at = null"),
            (
                "auth.users set banned_until = now() + interval '1 hour'",
                "auth.users set banned_until = now() - interval '1 hour'",
            ),
            (
                "auth.sessions set not_after = now() - interval '1 second'",
                "auth.sessions set not_after = now() + interval '1 hour'",
            ),
        ] {
            stack.database.batch_execute(&format!("update {spoil}")).await.unwrap();
            assert_eq!(sessions.require(&told).await, ended(), "{spoil}");
            stack.database.batch_execute(&format!("update {mend}")).await.unwrap();
            assert_eq!(sessions.require(&told).await, Ok(owner.clone()), "{mend}");
        }
    });
}

#[test]
fn a_second_factor_has_to_be_shown_by_who_has_one() {
    on_a_stack(async |stack| {
        let sessions = Sessions::of(stack);
        let session = sessions.verify(&stack.sign_in_owner().await).await.unwrap();
        let owner = session.user_id.to_string();
        let by_one = serde_json::to_value(&session).unwrap();
        let by_two =
            serde_json::to_value(Session { assurance: Assurance::Aal2, ..session }).unwrap();
        stack.enrol_factors("unverified").await;
        assert_eq!(sessions.require(&by_one).await, Ok(owner.clone()));

        let verified = "update auth.mfa_factors set status = 'verified'";
        stack.database.batch_execute(verified).await.unwrap();
        assert_eq!(sessions.require(&by_one).await, Err("PT403".to_owned()));
        assert_eq!(sessions.require(&json!({ "aal": null })).await, ended());
        assert_eq!(sessions.require(&by_two).await, Ok(owner));
    });
}
