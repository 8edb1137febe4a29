//! Calls to functions in the database, through PostgREST.
//!
//! `postgrest` composes each request; [`Egress`] carries it. One jsonb goes in
//! and one comes out: the part on which the local stack and a hosted project
//! behave alike.

pub mod auth;
mod refusal;
pub mod settings;
pub mod storage;

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use postgrest::Postgrest;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use thiserror::Error;
use tokio::time::{Instant, sleep};
use url::Url;

pub use self::refusal::Refusal;
use self::settings::{Publishable, SupabaseApi};
use crate::providers::egress::{Egress, EgressError, Reply};

/// The longest most calls may take: less than the 4.5 s Twilio waits for our answer
/// (`twilio::client::CONNECTION_OVERRIDES`), so that it gets one and tries again.
pub const DEADLINE: Duration = Duration::from_secs(4);

/// The first pause and the longest between two tries of [`Supabase::call_until`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_millis(800);

/// How often [`Supabase::call_with_retries`] tries, and the first pause between two tries; the next
/// is twice as long.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(250);

/// Why a call has no result.
#[derive(Debug, Error)]
pub enum RpcError {
    /// The request could not be made from the arguments.
    #[error("the call could not be composed")]
    Compose,
    /// No answer came. The call may have had its effect; each is safe to repeat.
    #[error(transparent)]
    Egress(#[from] EgressError),
    /// The database refused the call and rolled it back.
    #[error("the database answered {status} {code}")]
    Refused {
        /// The HTTP status PostgREST chose.
        status: StatusCode,
        /// The SQLSTATE, or PostgREST's own code. Never a message: it may quote data.
        code: String,
    },
    /// The result is not what the function promises.
    #[error("the database answered in an unexpected form")]
    Malformed,
}

impl RpcError {
    /// Whether the database cannot be reached, or cannot answer anybody at the moment.
    fn passes(&self) -> bool {
        match self {
            Self::Egress(_) => true,
            Self::Refused { status, .. } => matches!(status.as_u16(), 502..=504),
            Self::Compose | Self::Malformed => false,
        }
    }

    /// Why a function of ours refused the call, if that is what happened.
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::Refused { code, .. } => Refusal::of(code),
            Self::Compose | Self::Egress(_) | Self::Malformed => None,
        }
    }
}

/// What PostgREST says of an error, as far as it names no data.
#[derive(Deserialize)]
struct ErrorBody {
    code: String,
}

#[derive(Serialize)]
struct Arguments<'a, A> {
    request: &'a A,
}

/// The database, as a backend with a secret key reaches it.
#[derive(Clone)]
pub struct Supabase(Caller);

/// The database, as an owner reaches it: with a key that anybody may have, and a
/// token of the owner's own, which decides what there is.
pub struct OwnerDatabase(Caller);

/// Composes calls and sends them.
#[derive(Clone)]
struct Caller {
    composer: Postgrest,
    egress: Egress,
}

impl Supabase {
    /// Calls the project of `settings` through `egress`.
    pub fn new(settings: &SupabaseApi, egress: Egress) -> Self {
        Self(Caller::new(&settings.url, settings.secret_key.expose_secret(), egress))
    }

    /// Calls `function(request jsonb) returns jsonb` in one transaction.
    pub async fn call<A, R>(&self, function: &str, request: &A) -> Result<R, RpcError>
    where
        A: Serialize,
        R: DeserializeOwned,
    {
        self.call_within(DEADLINE, function, request).await
    }

    /// As [`Supabase::call`], for a function that may take long.
    pub async fn call_within<A, R>(
        &self,
        deadline: Duration,
        function: &str,
        request: &A,
    ) -> Result<R, RpcError>
    where
        A: Serialize,
        R: DeserializeOwned,
    {
        self.0.call(deadline, None, function, request).await
    }

    /// As [`Supabase::call`], again and again until `end` while the database cannot be
    /// reached or says that it cannot answer now: for whom somebody waits that comes back a
    /// few times only, and gives up then.
    pub async fn call_until<A, R>(
        &self,
        end: Instant,
        function: &str,
        request: &A,
    ) -> Result<R, RpcError>
    where
        A: Serialize,
        R: DeserializeOwned,
    {
        let mut pause = FIRST_PAUSE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let outcome = self.call_within(left, function, request).await;
            let passes = outcome.as_ref().is_err_and(RpcError::passes);
            if !passes || Instant::now() + pause >= end {
                return outcome;
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// As [`Supabase::call_within`], several times if the database fails for a moment:
    /// for a step of something that would have to begin anew.
    pub async fn call_with_retries<A, R>(
        &self,
        deadline: Duration,
        function: &str,
        request: &A,
    ) -> Result<R, RpcError>
    where
        A: Serialize,
        R: DeserializeOwned,
    {
        let mut pause = PAUSE;
        for _ in 1..TRIES {
            match self.call_within(deadline, function, request).await {
                Err(RpcError::Egress(_)) => {}
                Err(RpcError::Refused { status, .. }) if status.is_server_error() => {}
                outcome => return outcome,
            }
            sleep(pause).await;
            pause *= 2;
        }
        self.call_within(deadline, function, request).await
    }
}

impl OwnerDatabase {
    /// Calls the project of `settings` through `egress`.
    pub fn new(settings: &Publishable, egress: Egress) -> Self {
        Self(Caller::new(&settings.url, &settings.key, egress))
    }

    /// Calls `function(request jsonb) returns jsonb` as the owner whose access token
    /// `token` is.
    pub async fn call<A, R>(
        &self,
        token: &SecretString,
        function: &str,
        request: &A,
    ) -> Result<R, RpcError>
    where
        A: Serialize,
        R: DeserializeOwned,
    {
        self.0.call(DEADLINE, Some(token), function, request).await
    }
}

impl Caller {
    fn new(url: &Url, key: &str, egress: Egress) -> Self {
        let base = url.as_str().trim_end_matches('/');
        let composer = Postgrest::new(format!("{base}/rest/v1"))
            // Keys are no JWTs: they go in `apikey` only.
            // https://supabase.com/docs/guides/api/api-keys
            .insert_header("apikey", key);
        Self { composer, egress }
    }

    async fn call<A, R>(
        &self,
        deadline: Duration,
        token: Option<&SecretString>,
        function: &str,
        request: &A,
    ) -> Result<R, RpcError>
    where
        A: Serialize,
        R: DeserializeOwned,
    {
        let arguments =
            serde_json::to_string(&Arguments { request }).map_err(|_| RpcError::Compose)?;
        let reply = self.send(deadline, token, function, arguments).await?;
        if !reply.status.is_success() {
            let code = serde_json::from_slice::<ErrorBody>(&reply.body)
                .map_or_else(|_| "without a code".to_owned(), |error| error.code);
            return Err(RpcError::Refused { status: reply.status, code });
        }
        serde_json::from_slice(&reply.body).map_err(|_| RpcError::Malformed)
    }

    /// Sends a call, and sends it again if no answer came and there is time left.
    ///
    /// A connection that broke while it was idle is found out only by using it.
    /// Each function can be called twice: the second call finds the work done.
    async fn send(
        &self,
        deadline: Duration,
        token: Option<&SecretString>,
        function: &str,
        arguments: String,
    ) -> Result<Reply, RpcError> {
        let end = Instant::now() + deadline;
        let mut tries = 2;
        loop {
            let composed =
                self.compose(token, function, arguments.clone()).ok_or(RpcError::Compose)?;
            let left = end.saturating_duration_since(Instant::now());
            tries -= 1;
            match self.egress.send(composed, left).await {
                Err(EgressError::NotSent | EgressError::Unanswered)
                    if tries > 0 && Instant::now() < end =>
                {
                    tracing::warn!(function, "a call to the database is repeated");
                }
                outcome => return Ok(outcome?),
            }
        }
    }

    /// `postgrest` speaks the types of an older `http`; its bytes are the same.
    fn compose(
        &self,
        token: Option<&SecretString>,
        function: &str,
        arguments: String,
    ) -> Option<Request<Bytes>> {
        let mut builder = self.composer.rpc(function, arguments);
        if let Some(token) = token {
            builder = builder.auth(token.expose_secret());
        }
        let composed = builder.build().build().ok()?;
        let mut request =
            Request::builder().method(composed.method().as_str()).uri(composed.url().as_str());
        for (name, value) in composed.headers() {
            request = request.header(name.as_str(), value.as_bytes());
        }
        let body = composed.body().and_then(|body| body.as_bytes()).unwrap_or_default();
        request.body(Bytes::copy_from_slice(body)).ok()
    }
}

impl std::fmt::Debug for Supabase {
    /// Hides the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Supabase")
    }
}

impl std::fmt::Debug for OwnerDatabase {
    /// As [`Supabase`]'s.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OwnerDatabase")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_composed_as_postgrest_wants_it() {
        let url = Url::parse("https://project.supabase.co/").unwrap();
        let egress = Egress::new(&[&url], None).unwrap();
        let settings = SupabaseApi { url, secret_key: "sb_secret_x".into() };
        let supabase = Supabase::new(&settings, egress);

        let request =
            supabase.0.compose(None, "receive_sms", r#"{"request":{}}"#.to_owned()).unwrap();

        assert_eq!(request.method(), "POST");
        assert_eq!(request.uri(), "https://project.supabase.co/rest/v1/rpc/receive_sms");
        assert_eq!(request.headers()["apikey"], "sb_secret_x");
        assert_eq!(request.headers()["content-type"], "application/json");
        assert!(!request.headers().contains_key("authorization"));
        assert_eq!(request.body().as_ref(), br#"{"request":{}}"#);
        assert!(!format!("{supabase:?}").contains("sb_secret_x"));
    }
    #[test]
    fn an_owner_shows_a_token_and_no_secret_key() {
        let url = Url::parse("https://project.supabase.co/").unwrap();
        let egress = Egress::new(&[&url], None).unwrap();
        let settings = Publishable { url, key: "sb_publishable_x".to_owned() };
        let owners = OwnerDatabase::new(&settings, egress);

        let token = SecretString::from("header.claims.signature");
        let request = owners.0.compose(Some(&token), "read_shop", "{}".to_owned()).unwrap();

        assert_eq!(request.headers()["apikey"], "sb_publishable_x");
        assert_eq!(request.headers()["authorization"], "Bearer header.claims.signature");
        assert!(!format!("{owners:?}").contains("sb_publishable_x"));
    }
}
