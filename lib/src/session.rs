//! Who an owner is: access tokens of Supabase Auth, verified here.
//!
//! A genuine token proves who signed in, when and how, and that the session
//! existed when the token was made, up to an hour ago. Whether it still exists,
//! and whether the owner has a second factor, only the database knows: every
//! function of ours there that acts for an owner begins with
//! `app.require_session`, which is told [`Session`] as it is serialized.
//!
//! # Invariant
//!
//! An owner's request passes two checks. `session::Verifier` proves the token: signature
//! by a published key and the algorithm of that key, issuer, audience, role, times. A
//! token says nothing of what happened since it was made, so each SQL function that acts
//! for an owner begins with `app.require_session`: the session still stands, and who has
//! a second factor has shown it. What cannot be undone or gives much away also calls
//! `Session::require_recent`.

mod keys;
pub mod settings;
mod signature;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant, SystemTime};

use http::{HeaderMap, header};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, errors::ErrorKind};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize, de::IgnoredAny};
use thiserror::Error;
use uuid::Uuid;

pub use self::keys::KeysError;
use self::keys::{Key, Keys};
use self::settings::AccessTokens;
use crate::providers::{
    egress::Egress,
    supabase::{Refusal, RpcError},
};

/// How long ago a sign-in may be for what cannot be undone, or gives much away.
pub const RECENT: Duration = Duration::from_secs(10 * 60);

/// How far our clock and Supabase's may be apart: what PostgREST allows.
/// <https://docs.postgrest.org/en/stable/references/auth.html#jwt-claims-validation>
const SKEW: Duration = Duration::from_secs(30);

/// The longest token that is read. Supabase's have about 1 KB, plus what an owner
/// has written into the metadata of the account.
const MAX_TOKEN: usize = 8 * 1024;

/// The audience and the role of people who have signed in.
const AUTHENTICATED: &str = "authenticated";

/// Why a request is not an owner's, or not enough of one.
///
/// The texts are for the caller, and say nothing of what is in a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SessionError {
    /// The request brings no token.
    #[error("an access token is required")]
    Missing,
    /// What the request brings has not the form of a token.
    #[error("the access token is not readable")]
    Malformed,
    /// The token is not one Supabase made for our owners.
    #[error("the access token is not valid")]
    Invalid(#[source] Fault),
    /// The token was valid.
    #[error("the access token has expired")]
    Expired,
    /// The token is still valid, but its session was ended, or the account closed.
    #[error("the session has ended")]
    Ended,
    /// The sign-in was too long ago for what was asked.
    #[error("this needs a sign-in of the last 10 minutes")]
    NotRecent,
    /// The owner has a second factor and has not shown it.
    #[error("this needs the second factor")]
    SecondFactor,
    /// Nobody has signed in, although the token is genuine.
    #[error("this needs an account")]
    Anonymous,
    /// The owner has given the token to another application.
    #[error("this is not open to other applications")]
    OtherApplication,
    /// Nothing is wrong with the request; it may be sent again.
    #[error("the service is temporarily unavailable")]
    Unavailable(#[source] KeysError),
}

/// What makes a token invalid. For our log: the caller need not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "the texts say it")]
pub enum Fault {
    #[error("its header is not as Supabase's")]
    Header,
    #[error("its algorithm is not the key's")]
    Algorithm,
    #[error("no published key has its key id")]
    UnknownKey,
    #[error("its signature is not by the key")]
    Signature,
    #[error("a claim is missing or has another form")]
    Claims,
    #[error("it is of another issuer")]
    Issuer,
    #[error("it is for another audience")]
    Audience,
    #[error("it is for another role")]
    Role,
    #[error("it is from the future")]
    Future,
}

impl SessionError {
    /// What `app.require_session` has to say, if it is why a call was refused.
    pub fn of_call(error: &RpcError) -> Option<Self> {
        match error.refusal()? {
            Refusal::SessionEnded => Some(Self::Ended),
            Refusal::SecondFactor => Some(Self::SecondFactor),
            _ => None,
        }
    }

    /// What a refusal is counted as; `None` for a failure of ours.
    pub fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Missing => Some("token missing"),
            Self::Malformed => Some("token malformed"),
            Self::Invalid(_) => Some("token invalid"),
            Self::Expired => Some("token expired"),
            Self::Ended => Some("session ended"),
            Self::NotRecent => Some("sign-in not recent"),
            Self::SecondFactor => Some("second factor missing"),
            Self::Anonymous => Some("anonymous"),
            Self::OtherApplication => Some("other application"),
            Self::Unavailable(_) => None,
        }
    }

    /// What `WWW-Authenticate` tells a program about this: RFC 6750, section 3, and
    /// RFC 9470 where another sign-in would help.
    pub fn challenge(&self) -> Option<&'static str> {
        match self {
            Self::Missing => Some("Bearer"),
            Self::Malformed | Self::Invalid(_) | Self::Expired | Self::Ended => {
                Some(r#"Bearer error="invalid_token""#)
            }
            Self::NotRecent => {
                Some(r#"Bearer error="insufficient_user_authentication", max_age="600""#)
            }
            Self::SecondFactor => {
                Some(r#"Bearer error="insufficient_user_authentication", acr_values="aal2""#)
            }
            Self::Anonymous | Self::OtherApplication | Self::Unavailable(_) => None,
        }
    }
}

/// How surely an owner was recognized.
/// <https://supabase.com/docs/guides/auth/auth-mfa>
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Assurance {
    /// By two factors.
    #[serde(alias = "aal3")]
    Aal2,
    /// By one, or in a way we do not know.
    #[default]
    #[serde(other)]
    Aal1,
}

/// What a genuine token says of its owner.
///
/// Serialized, it is what `app.require_session` wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Session {
    /// The owner.
    pub user_id: Uuid,
    /// The session, which may have been ended since.
    pub session_id: Uuid,
    /// How surely the owner was recognized.
    #[serde(rename = "aal")]
    pub assurance: Assurance,
    /// When the owner last showed who they are, if the token tells: renewing a
    /// token does not count.
    #[serde(skip)]
    pub signed_in_at: Option<SystemTime>,
}

impl Session {
    /// Whether the owner has signed in `within` the time up to now.
    pub fn is_fresh(&self, within: Duration) -> bool {
        self.signed_in_at.is_some_and(|at| match SystemTime::now().duration_since(at) {
            Ok(age) => age <= within,
            Err(ahead) => ahead.duration() <= SKEW,
        })
    }

    /// Refuses one who has not signed in lately (see [`RECENT`]). To be called
    /// before anything that gives much away or cannot be undone.
    pub fn require_recent(&self) -> Result<(), SessionError> {
        if self.is_fresh(RECENT) { Ok(()) } else { Err(SessionError::NotRecent) }
    }
}

/// Knows the tokens of one Supabase project.
pub struct Verifier {
    keys: Keys,
    legacy_key: Option<Key>,
    validation: Validation,
}

/// What is read of a token's claims, besides those `jsonwebtoken` checks.
///
/// Nothing of `user_metadata`: owners write that themselves.
#[derive(Deserialize)]
struct Claims {
    sub: Uuid,
    session_id: Uuid,
    role: String,
    iat: u64,
    #[serde(default)]
    aal: Assurance,
    #[serde(default)]
    is_anonymous: bool,
    /// Only tokens for other applications have it.
    client_id: Option<IgnoredAny>,
    #[serde(default)]
    amr: Vec<Reference>,
}

/// A way in which the owner showed who they are.
#[derive(Deserialize)]
#[serde(untagged)]
enum Reference {
    Timed { method: String, timestamp: u64 },
    Other(IgnoredAny),
}

impl Verifier {
    /// Takes tokens of the project of `settings`, whose keys are fetched through `egress`.
    pub fn new(settings: &AccessTokens, egress: Egress) -> Self {
        Self::with_keys(settings, Keys::new(&settings.url, egress))
    }

    fn with_keys(settings: &AccessTokens, keys: Keys) -> Self {
        // It fails if another verifier has installed it.
        let _ = signature::PROVIDER.install_default();

        let mut validation = Validation::default();
        validation.algorithms.clear();
        validation.leeway = SKEW.as_secs();
        validation.validate_nbf = true;
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_audience(&[AUTHENTICATED]);
        validation.set_issuer(&[settings.issuer()]);
        let legacy_key = settings
            .legacy_secret
            .as_ref()
            .map(|secret| Key::legacy(DecodingKey::from_secret(secret.expose_secret().as_bytes())));
        Self { keys, legacy_key, validation }
    }

    /// The session that a request's `Authorization` header proves.
    pub async fn verify(&self, headers: &HeaderMap) -> Result<Session, SessionError> {
        self.verify_token(bearer_token(headers)?, Instant::now()).await
    }

    /// The session that `token` proves, which did not come in a header of its own.
    pub async fn verify_cookie(&self, token: &str) -> Result<Session, SessionError> {
        if token.len() > MAX_TOKEN {
            return Err(SessionError::Malformed);
        }
        self.verify_token(token, Instant::now()).await
    }

    async fn verify_token(&self, token: &str, now: Instant) -> Result<Session, SessionError> {
        let header = jsonwebtoken::decode_header(token).map_err(|error| match error.kind() {
            // What is not even JSON, and algorithms like "none".
            ErrorKind::Json(_) => SessionError::Invalid(Fault::Header),
            _ => SessionError::Malformed,
        })?;
        if !is_plain(&header) {
            return Err(SessionError::Invalid(Fault::Header));
        }

        // What the token says of its algorithm only tells where to look for its key:
        // none of the published ones is for HS256, and the secret for nothing else.
        let published;
        let key = match header.alg {
            Algorithm::HS256 => {
                self.legacy_key.as_ref().ok_or(SessionError::Invalid(Fault::Algorithm))?
            }
            Algorithm::ES256 | Algorithm::RS256 => {
                let id = header.kid.ok_or(SessionError::Invalid(Fault::Header))?;
                let found = self.keys.find(&id, now).await.map_err(SessionError::Unavailable)?;
                published = found.ok_or(SessionError::Invalid(Fault::UnknownKey))?;
                &published
            }
            _ => return Err(SessionError::Invalid(Fault::Algorithm)),
        };

        let validation = Validation { algorithms: vec![key.algorithm], ..self.validation.clone() };
        let data = jsonwebtoken::decode::<Claims>(token, &key.decoding, &validation);
        data.map_err(|error| explain(error.kind()))?.claims.into_session()
    }
}

impl std::fmt::Debug for Verifier {
    /// Hides the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verifier")
    }
}

impl Claims {
    fn into_session(self) -> Result<Session, SessionError> {
        if self.role != AUTHENTICATED {
            return Err(SessionError::Invalid(Fault::Role));
        }
        if self.is_anonymous {
            return Err(SessionError::Anonymous);
        }
        if self.client_id.is_some() {
            return Err(SessionError::OtherApplication);
        }
        let issued_at = time(self.iat).ok_or(SessionError::Invalid(Fault::Claims))?;
        if issued_at.duration_since(SystemTime::now()).is_ok_and(|ahead| ahead > SKEW) {
            return Err(SessionError::Invalid(Fault::Future));
        }
        Ok(Session {
            user_id: self.sub,
            session_id: self.session_id,
            assurance: self.aal,
            signed_in_at: self.amr.iter().filter_map(Reference::signed_in_at).max(),
        })
    }
}

impl Reference {
    /// When it was, if it was somebody showing who they are.
    fn signed_in_at(&self) -> Option<SystemTime> {
        match self {
            Self::Timed { method, timestamp }
                if !matches!(method.as_str(), "token_refresh" | "anonymous") =>
            {
                time(*timestamp)
            }
            Self::Timed { .. } | Self::Other(_) => None,
        }
    }
}

/// The token of the only `Authorization` header, as RFC 6750, section 2.1, has it.
fn bearer_token(headers: &HeaderMap) -> Result<&str, SessionError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or(SessionError::Missing)?;
    if values.next().is_some() || value.len() > MAX_TOKEN {
        return Err(SessionError::Malformed);
    }
    let value = value.to_str().map_err(|_| SessionError::Malformed)?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(SessionError::Missing);
    }
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if token.is_empty() || !token.bytes().all(is_token) {
        return Err(SessionError::Malformed);
    }
    Ok(token)
}

/// Whether a header has nothing in it that would change what the token means. A key
/// it brings along would be nobody's, and what it calls critical we do not know.
fn is_plain(header: &Header) -> bool {
    let is_jwt = header.typ.as_ref().is_none_or(|typ| typ.eq_ignore_ascii_case("JWT"));
    is_jwt
        && header.crit.is_none()
        && header.jku.is_none()
        && header.jwk.is_none()
        && header.x5u.is_none()
        && header.x5c.is_none()
        && header.enc.is_none()
        && header.zip.is_none()
}

fn explain(error: &ErrorKind) -> SessionError {
    SessionError::Invalid(match error {
        ErrorKind::ExpiredSignature => return SessionError::Expired,
        ErrorKind::InvalidSignature => Fault::Signature,
        ErrorKind::InvalidAlgorithm => Fault::Algorithm,
        ErrorKind::InvalidIssuer => Fault::Issuer,
        ErrorKind::InvalidAudience => Fault::Audience,
        ErrorKind::ImmatureSignature => Fault::Future,
        ErrorKind::Json(_)
        | ErrorKind::MissingRequiredClaim(_)
        | ErrorKind::InvalidClaimFormat(_) => Fault::Claims,
        _ => return SessionError::Malformed,
    })
}

/// Seconds since 1970, as far as our clock can count them.
fn time(seconds: u64) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}
