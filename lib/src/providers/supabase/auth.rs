//! Supabase Auth, as somebody who signs in reaches it: with the key that pages may
//! know, and what that person typed.
//!
//! Passwords and codes pass through here on their way to Supabase, which keeps the
//! bcrypt of a password with a salt of its own. They are never kept or logged.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use thiserror::Error;
use url::Url;

use super::settings::Publishable;
use crate::providers::egress::{Egress, EgressError};

/// The longest a call may take; a bcrypt takes part of a second.
const DEADLINE: Duration = Duration::from_secs(8);

/// The longest password in bytes: what bcrypt looks at.
pub const MAX_PASSWORD_BYTES: usize = 72;

/// The shortest password in characters; the same as in `supabase/config.toml`.
pub const MIN_PASSWORD_CHARS: usize = 12;

/// Why Auth did not do what was asked.
#[derive(Debug, Error)]
pub enum AuthError {
    /// The password or code is wrong for this address, or the code has expired.
    #[error("the credentials are wrong")]
    Credentials,
    /// The address was never confirmed.
    #[error("the address is not confirmed")]
    Unconfirmed,
    /// There is an account with this address.
    #[error("there is such an account")]
    Exists,
    /// Supabase does not take this password.
    #[error("the password is too weak")]
    WeakPassword,
    /// The new password is the old one.
    #[error("the password is the same")]
    SamePassword,
    /// The session or the refresh token is no more.
    #[error("the session has ended")]
    Ended,
    /// Too much was asked.
    #[error("too many requests")]
    TooMany,
    /// Anything else it says.
    #[error("auth answered {0}")]
    Refused(StatusCode),
    /// No answer came.
    #[error(transparent)]
    Egress(#[from] EgressError),
    /// The answer is not what the API promises.
    #[error("auth answered in an unexpected form")]
    Malformed,
}

/// What somebody has who is signed in.
#[derive(Debug, Deserialize)]
pub struct Tokens {
    /// Proves the session, for an hour.
    pub access_token: SecretString,
    /// Gets the next pair, once.
    pub refresh_token: SecretString,
}

/// What a code was sent for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeKind {
    /// To sign in without a password.
    SignIn,
    /// To confirm the address of a new account.
    SignUp,
    /// To set another password.
    Recovery,
}

impl CodeKind {
    /// What Auth calls it.
    fn name(self) -> &'static str {
        match self {
            Self::SignIn => "email",
            Self::SignUp => "signup",
            Self::Recovery => "recovery",
        }
    }
}

/// From where somebody signs out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// This browser.
    Here,
    /// All of them.
    Everywhere,
}

/// What Auth says of an error. Older ways to say it first come last.
#[derive(Default, Deserialize)]
struct ErrorBody {
    error_code: Option<String>,
    error: Option<String>,
    code: Option<Value>,
}

/// Supabase Auth.
pub struct Auth {
    base: String,
    key: SecretString,
    egress: Egress,
}

impl Auth {
    /// Calls the project of `settings` through `egress`.
    pub fn new(settings: &Publishable, egress: Egress) -> Self {
        let base = format!("{}/auth/v1", settings.url.as_str().trim_end_matches('/'));
        Self { base, key: settings.key.as_str().into(), egress }
    }

    /// Signs in with a password.
    pub async fn sign_in(&self, email: &str, password: &str) -> Result<Tokens, AuthError> {
        let body = json!({ "email": email, "password": password });
        self.ask(Method::POST, "token?grant_type=password", None, &body).await
    }

    /// Makes an account. No tokens: its address has to be confirmed with a code first.
    pub async fn sign_up(&self, email: &str, password: &str) -> Result<Option<Tokens>, AuthError> {
        let body = json!({ "email": email, "password": password });
        let answer: Value = self.ask(Method::POST, "signup", None, &body).await?;
        if answer.get("access_token").is_none() {
            return Ok(None);
        }
        serde_json::from_value(answer).map(Some).map_err(|_| AuthError::Malformed)
    }

    /// Has a code sent, if there is such an account.
    pub async fn send_code(&self, kind: CodeKind, email: &str) -> Result<(), AuthError> {
        let (path, body) = match kind {
            CodeKind::SignIn => ("otp", json!({ "email": email, "create_user": false })),
            CodeKind::SignUp => ("resend", json!({ "email": email, "type": kind.name() })),
            CodeKind::Recovery => ("recover", json!({ "email": email })),
        };
        self.ask::<Value>(Method::POST, path, None, &body).await.map(drop)
    }

    /// Signs in with a code that was sent.
    pub async fn verify_code(
        &self,
        kind: CodeKind,
        email: &str,
        code: &str,
    ) -> Result<Tokens, AuthError> {
        let body = json!({ "type": kind.name(), "email": email, "token": code });
        self.ask(Method::POST, "verify", None, &body).await
    }

    /// Gets the next pair of tokens.
    ///
    /// Who asks again with the same token within seconds, as two pages that load at once
    /// do, gets the pair that the first one got.
    pub async fn refresh(&self, refresh_token: &str) -> Result<Tokens, AuthError> {
        let body = json!({ "refresh_token": refresh_token });
        match self.ask(Method::POST, "token?grant_type=refresh_token", None, &body).await {
            // Whatever is wrong with it, it will not get better.
            Err(AuthError::Credentials | AuthError::Refused(StatusCode::BAD_REQUEST)) => {
                Err(AuthError::Ended)
            }
            answer => answer,
        }
    }

    /// Ends the session of a token, or all of that owner's.
    pub async fn sign_out(&self, access_token: &str, scope: Scope) -> Result<(), AuthError> {
        let path = match scope {
            Scope::Here => "logout?scope=local",
            Scope::Everywhere => "logout?scope=global",
        };
        match self.ask::<Value>(Method::POST, path, Some(access_token), &json!({})).await {
            Ok(_) | Err(AuthError::Ended) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Sets the password of a token's owner.
    pub async fn set_password(&self, access_token: &str, password: &str) -> Result<(), AuthError> {
        let body = json!({ "password": password });
        self.ask::<Value>(Method::PUT, "user", Some(access_token), &body).await.map(drop)
    }

    async fn ask<T: for<'a> Deserialize<'a>>(
        &self,
        method: Method,
        path: &str,
        access_token: Option<&str>,
        body: &Value,
    ) -> Result<T, AuthError> {
        let url = Url::parse(&format!("{}/{path}", self.base)).map_err(|_| AuthError::Malformed)?;
        let mut request = Request::builder()
            .method(method)
            .uri(url.as_str())
            .header("apikey", self.key.expose_secret())
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(token) = access_token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = Bytes::from(body.to_string());
        let request = request.body(body).map_err(|_| AuthError::Malformed)?;
        let reply = self.egress.send(request, DEADLINE).await?;
        if !reply.status.is_success() {
            return Err(explain(reply.status, &reply.body));
        }
        let told = if reply.body.is_empty() { &b"null"[..] } else { &reply.body };
        serde_json::from_slice(told).map_err(|_| AuthError::Malformed)
    }
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Auth")
    }
}

/// What a refusal means, by its code where it has one.
/// <https://supabase.com/docs/guides/auth/debugging/error-codes>
fn explain(status: StatusCode, body: &[u8]) -> AuthError {
    let told: ErrorBody = serde_json::from_slice(body).unwrap_or_default();
    let code = told
        .error_code
        .or_else(|| told.code.and_then(|code| code.as_str().map(str::to_owned)))
        .or(told.error);
    match (status, code.as_deref().unwrap_or_default()) {
        (StatusCode::TOO_MANY_REQUESTS, _) => AuthError::TooMany,
        (_, "invalid_credentials" | "invalid_grant" | "otp_expired") => AuthError::Credentials,
        (_, "email_not_confirmed") => AuthError::Unconfirmed,
        (_, "user_already_exists" | "email_exists") => AuthError::Exists,
        (_, "weak_password") => AuthError::WeakPassword,
        (_, "same_password") => AuthError::SamePassword,
        (
            _,
            "refresh_token_not_found"
            | "refresh_token_already_used"
            | "session_not_found"
            | "session_expired"
            | "user_not_found"
            | "user_banned",
        )
        | (StatusCode::UNAUTHORIZED, _) => AuthError::Ended,
        _ => AuthError::Refused(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, body: &str, want: &str) {
        let error = explain(StatusCode::from_u16(status).unwrap(), body.as_bytes());
        assert_eq!(error.to_string(), want, "{status} {body}");
    }

    #[test]
    fn a_refusal_is_known_by_its_code() {
        let wrong = "the credentials are wrong";
        check(400, r#"{"code":400,"error_code":"invalid_credentials","msg":"canary"}"#, wrong);
        check(400, r#"{"code":"invalid_credentials","message":"canary"}"#, wrong);
        check(400, r#"{"error":"invalid_grant","error_description":"canary"}"#, wrong);
        check(403, r#"{"code":403,"error_code":"otp_expired"}"#, wrong);
        check(422, r#"{"error_code":"weak_password"}"#, "the password is too weak");
        check(422, r#"{"error_code":"user_already_exists"}"#, "there is such an account");
        check(400, r#"{"error_code":"refresh_token_already_used"}"#, "the session has ended");
        check(401, "", "the session has ended");
        check(429, "{}", "too many requests");
        check(500, "canary", "auth answered 500 Internal Server Error");
    }

    #[test]
    fn tokens_and_keys_are_hidden() {
        let text = r#"{"access_token":"canary","refresh_token":"canary","user":{}}"#;
        let tokens: Tokens = serde_json::from_str(text).unwrap();
        assert!(!format!("{tokens:?}").contains("canary"));
        let url = Url::parse("https://project.supabase.co/").unwrap();
        let egress = Egress::new(&[&url], None).unwrap();
        let auth = Auth::new(&Publishable { url, key: "canary".to_owned() }, egress);
        assert!(!format!("{auth:?}").contains("canary"));
        assert_eq!(auth.base, "https://project.supabase.co/auth/v1");
    }
}
