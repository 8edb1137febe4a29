//! The public keys Supabase Auth signs with, fetched and kept.
//!
//! Keys are used for ten minutes and never longer, not even while Supabase does
//! not answer: whoever asks for them is about to ask its database, too, so old
//! keys would help nobody but the holder of one that was revoked meanwhile.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, StatusCode};
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse},
};
use serde::Deserialize;
use thiserror::Error;
use tokio::sync::{Mutex, watch};
use url::Url;

use crate::providers::egress::{Egress, EgressError};

/// How long keys are used: what Supabase asks of its clients.
/// <https://supabase.com/docs/guides/auth/signing-keys>
const MAX_AGE: Duration = Duration::from_secs(10 * 60);

/// The least time between two fetches, so that tokens with made-up keys cause no
/// more of them. Longer than [`DEADLINE`]: who waited for a fetch that failed
/// shares its failure.
const PAUSE: Duration = Duration::from_secs(10);

/// The longest a fetch may take.
const DEADLINE: Duration = Duration::from_secs(3);

/// The longest answer that is taken for a key set. Supabase's have about 300 bytes a key.
const MAX_BYTES: usize = 32 * 1024;

/// The most keys a set may have. Supabase's has three: standby, in use, previously used.
const MAX_KEYS: usize = 16;

/// Why there are no keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeysError {
    /// No answer came.
    #[error(transparent)]
    Egress(#[from] EgressError),
    /// Another answer came.
    #[error("the key set was answered with {0}")]
    Refused(StatusCode),
    /// An answer came that is no key set, or a longer one than we read.
    #[error("the key set is not usable")]
    Unusable,
}

/// A key, and the one algorithm it is for.
pub(super) struct Key {
    id: String,
    pub(super) algorithm: Algorithm,
    pub(super) decoding: DecodingKey,
}

/// Asks for the key set once.
type Fetch = Box<dyn Fn() -> BoxFuture<'static, Result<Bytes, KeysError>> + Send + Sync>;

/// The keys, as far as they are known.
pub(super) struct Keys {
    fetch: Fetch,
    known: watch::Sender<Known>,
    /// Held by the one that fetches.
    fetching: Mutex<()>,
}

/// What the fetches so far have brought.
///
/// Times are those at which somebody asked, which is before the fetch: keys are
/// younger than they count.
#[derive(Clone, Default)]
struct Known {
    keys: Option<(Arc<[Arc<Key>]>, Instant)>,
    last_fetch: Option<(Result<(), KeysError>, Instant)>,
}

impl Keys {
    /// The keys of the project at `url`.
    pub(super) fn new(url: &Url, egress: Egress) -> Self {
        let base = url.as_str().trim_end_matches('/');
        let address: Arc<str> = format!("{base}/auth/v1/.well-known/jwks.json").into();
        Self::fetched_by(Box::new(move || Box::pin(ask(egress.clone(), Arc::clone(&address)))))
    }

    pub(super) fn fetched_by(fetch: Fetch) -> Self {
        Self { fetch, known: watch::Sender::default(), fetching: Mutex::default() }
    }

    /// The key of that id, if Supabase publishes one.
    pub(super) async fn find(&self, id: &str, now: Instant) -> Result<Option<Arc<Key>>, KeysError> {
        if let Some(answer) = self.known.borrow().answer(id, now) {
            return answer;
        }
        let _one_at_a_time = self.fetching.lock().await;
        // Whoever was before us may have fetched it.
        if let Some(answer) = self.known.borrow().answer(id, now) {
            return answer;
        }
        let fetched = (self.fetch)().await.and_then(|body| parse(&body));
        self.known.send_modify(|known| {
            known.last_fetch = Some((fetched.as_ref().map(|_| ()).map_err(|error| *error), now));
            if let Ok(keys) = fetched {
                known.keys = Some((keys, now));
            }
        });
        self.known.borrow().answer(id, now).unwrap_or(Ok(None))
    }
}

impl Known {
    /// The answer for one who asks `now`, or `None` if that takes a fetch.
    fn answer(&self, id: &str, now: Instant) -> Option<Result<Option<Arc<Key>>, KeysError>> {
        let is_within =
            |time: Instant, limit: Duration| now.saturating_duration_since(time) < limit;
        let fresh = self.keys.as_ref().filter(|(_, asked)| is_within(*asked, MAX_AGE));
        let found = fresh.and_then(|(keys, _)| keys.iter().find(|key| key.id == id));
        if let Some(key) = found {
            return Some(Ok(Some(Arc::clone(key))));
        }
        let (last, _) = self.last_fetch.as_ref().filter(|(_, asked)| is_within(*asked, PAUSE))?;
        Some(last.map(|()| None))
    }
}

async fn ask(egress: Egress, address: Arc<str>) -> Result<Bytes, KeysError> {
    let request = Request::get(&*address).body(Bytes::new()).map_err(|_| KeysError::Unusable)?;
    let reply = egress.send(request, DEADLINE).await?;
    if reply.status == StatusCode::OK {
        Ok(reply.body)
    } else {
        Err(KeysError::Refused(reply.status))
    }
}

/// The keys of a set that are of a kind we verify with; the others are passed over,
/// so that Supabase may publish new kinds besides.
fn parse(body: &[u8]) -> Result<Arc<[Arc<Key>]>, KeysError> {
    #[derive(Deserialize)]
    struct KeySet {
        keys: Vec<serde_json::Value>,
    }

    if body.len() > MAX_BYTES {
        return Err(KeysError::Unusable);
    }
    let set: KeySet = serde_json::from_slice(body).map_err(|_| KeysError::Unusable)?;
    if set.keys.len() > MAX_KEYS {
        return Err(KeysError::Unusable);
    }
    let jwks = set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok());
    Ok(jwks.filter_map(|jwk: Jwk| Key::new(jwk).map(Arc::new)).collect())
}

impl Key {
    /// The secret that a project signed with before it had keys. It is never
    /// looked up by its id.
    pub(super) fn legacy(secret: DecodingKey) -> Self {
        Self { id: String::new(), algorithm: Algorithm::HS256, decoding: secret }
    }

    /// The algorithm is what the key says and its type bears out.
    fn new(jwk: Jwk) -> Option<Self> {
        let algorithm = match (jwk.common.key_algorithm?, &jwk.algorithm) {
            (KeyAlgorithm::ES256, AlgorithmParameters::EllipticCurve(point))
                if point.curve == EllipticCurve::P256 =>
            {
                Algorithm::ES256
            }
            (KeyAlgorithm::RS256, AlgorithmParameters::RSA(_)) => Algorithm::RS256,
            _ => return None,
        };
        let is_for_signatures =
            matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature));
        let verifies = jwk
            .common
            .key_operations
            .as_ref()
            .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
        if !is_for_signatures || !verifies {
            return None;
        }
        let decoding = DecodingKey::from_jwk(&jwk).ok()?;
        Some(Self { id: jwk.common.key_id?, algorithm, decoding })
    }
}
