//! Objects in Supabase's Storage: put there, linked to, removed.
//!
//! All our buckets are private: without a secret key or a signed link nobody
//! reads what is in them. <https://supabase.com/docs/guides/storage>

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header, request};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;

use super::settings::SupabaseApi;
use crate::providers::egress::{Egress, EgressError};

/// The longest a call may take; well within a job's lease.
const DEADLINE: Duration = Duration::from_secs(10);

/// How much is read of why an object cannot be read.
const MOST_SAID: usize = 4096;

/// Why Storage did not do what it was asked.
#[derive(Debug, Error)]
pub enum StorageError {
    /// The request could not be made from the arguments.
    #[error("the request to storage could not be composed")]
    Compose,
    /// No answer came. Each call is safe to repeat.
    #[error(transparent)]
    Egress(#[from] EgressError),
    /// Storage refused. Its words are left out: they name the object.
    #[error("storage answered {0}")]
    Refused(StatusCode),
    /// The answer is not what Storage promises.
    #[error("storage answered in an unexpected form")]
    Malformed,
}

#[derive(Serialize)]
struct Deletion<'a> {
    prefixes: &'a [&'a str],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Lifetime {
    expires_in: u64,
}

#[derive(Deserialize)]
struct Link {
    #[serde(rename = "signedURL")]
    signed_url: String,
}

/// Storage, as a backend with a secret key reaches it.
pub struct Storage {
    /// The API's root, without a slash at its end.
    root: String,
    api_key: HeaderValue,
    egress: Egress,
}

impl Storage {
    /// Reaches the project of `settings` through `egress`. `None` if its key
    /// cannot stand in a header.
    pub fn new(settings: &SupabaseApi, egress: Egress) -> Option<Self> {
        let root = format!("{}/storage/v1", settings.url.as_str().trim_end_matches('/'));
        let mut api_key = HeaderValue::try_from(settings.secret_key.expose_secret()).ok()?;
        api_key.set_sensitive(true);
        Some(Self { root, api_key, egress })
    }

    /// Puts an object at `path`, in place of what may be there, so that doing it
    /// twice leaves one.
    pub async fn upload(
        &self,
        bucket: &str,
        path: &str,
        content_type: &str,
        bytes: Bytes,
    ) -> Result<(), StorageError> {
        self.send(self.upload_request(bucket, path, content_type, bytes)?, DEADLINE).await.map(drop)
    }

    /// As [`Storage::upload`], for an object that is still being made and whose
    /// length nobody knows. If `body` ends with an error, nothing is stored.
    pub async fn upload_stream(
        &self,
        bucket: &str,
        path: &str,
        content_type: &str,
        body: reqwest::Body,
        deadline: Duration,
    ) -> Result<(), StorageError> {
        self.send(self.upload_request(bucket, path, content_type, body)?, deadline).await.map(drop)
    }

    /// The object at `path`, of at most `max_bytes`, or none if there is none.
    pub async fn download(
        &self,
        bucket: &str,
        path: &str,
        max_bytes: usize,
    ) -> Result<Option<Bytes>, StorageError> {
        let request = self.download_request(bucket, path)?;
        let reply = self.egress.send_for(request, DEADLINE, max_bytes).await?;
        Ok(is_there(reply.status, &reply.body)?.then_some(reply.body))
    }

    /// Passes the object at `path` to `take`, piece by piece. False if there is none.
    pub async fn read(
        &self,
        bucket: &str,
        path: &str,
        deadline: Duration,
        mut take: impl FnMut(&[u8]),
    ) -> Result<bool, StorageError> {
        let request = self.download_request(bucket, path)?;
        let mut said = Vec::new();
        let pass_on = |status: StatusCode, piece: &[u8]| {
            if status.is_success() {
                take(piece);
            } else if said.len() < MOST_SAID {
                said.extend_from_slice(piece);
            }
        };
        let (status, _) = self.egress.send_through(request, deadline, usize::MAX, pass_on).await?;
        is_there(status, &said)
    }

    /// Removes the objects at `paths`; those that are not there are no failure.
    pub async fn delete(&self, bucket: &str, paths: &[&str]) -> Result<(), StorageError> {
        let url = self.url(&["object"], bucket).ok_or(StorageError::Compose)?;
        let request = self.json(Method::DELETE, &url, &Deletion { prefixes: paths })?;
        self.send(request, DEADLINE).await.map(drop)
    }

    /// A link that lets whoever has it read one object, for as long as `lifetime`.
    pub async fn sign(
        &self,
        bucket: &str,
        path: &str,
        lifetime: Duration,
    ) -> Result<Url, StorageError> {
        let url = self.url(&["object", "sign", bucket], path).ok_or(StorageError::Compose)?;
        let lifetime = Lifetime { expires_in: lifetime.as_secs() };
        let request = self.json(Method::POST, &url, &lifetime)?;
        let answer = self.send(request, DEADLINE).await?;
        let link: Link = serde_json::from_slice(&answer).map_err(|_| StorageError::Malformed)?;
        // Storage leaves its own root out of the link.
        Url::parse(&format!("{}{}", self.root, link.signed_url))
            .map_err(|_| StorageError::Malformed)
    }

    /// The address of `path` below `below`, its slashes kept and the rest encoded.
    fn url(&self, below: &[&str], path: &str) -> Option<Url> {
        let mut url = Url::parse(&self.root).ok()?;
        url.path_segments_mut().ok()?.extend(below).extend(path.split('/'));
        Some(url)
    }

    fn request(&self, method: Method, url: &Url) -> request::Builder {
        Request::builder().method(method).uri(url.as_str()).header("apikey", self.api_key.clone())
    }

    fn json(
        &self,
        method: Method,
        url: &Url,
        body: &impl Serialize,
    ) -> Result<Request<Bytes>, StorageError> {
        let body = serde_json::to_vec(body).map_err(|_| StorageError::Compose)?;
        let request = self.request(method, url).header(header::CONTENT_TYPE, "application/json");
        request.body(Bytes::from(body)).map_err(|_| StorageError::Compose)
    }

    fn download_request(&self, bucket: &str, path: &str) -> Result<Request<Bytes>, StorageError> {
        let url =
            self.url(&["object", "authenticated", bucket], path).ok_or(StorageError::Compose)?;
        let request = self.request(Method::GET, &url).body(Bytes::new());
        request.map_err(|_| StorageError::Compose)
    }

    fn upload_request<B>(
        &self,
        bucket: &str,
        path: &str,
        content_type: &str,
        body: B,
    ) -> Result<Request<B>, StorageError> {
        let url = self.url(&["object", bucket], path).ok_or(StorageError::Compose)?;
        self.request(Method::POST, &url)
            .header(header::CONTENT_TYPE, content_type)
            .header(header::CACHE_CONTROL, "private, no-store")
            .header("x-upsert", "true")
            .body(body)
            .map_err(|_| StorageError::Compose)
    }

    async fn send(
        &self,
        request: Request<impl Into<reqwest::Body>>,
        deadline: Duration,
    ) -> Result<Bytes, StorageError> {
        let reply = self.egress.send(request, deadline).await?;
        if !reply.status.is_success() {
            return Err(Refusal::of(reply.status, &reply.body).into());
        }
        Ok(reply.body)
    }
}

/// Why Storage does not do what it is asked.
///
/// It answers 400 to almost all of it, so the status says nothing: access that is denied, a
/// schema that does not fit and an object that is not there look alike. The body tells.
/// <https://github.com/supabase/storage/blob/master/src/internal/errors/storage-error.ts>
struct Refusal {
    /// What the status would be by what happened.
    status: StatusCode,
    /// That there is no such object, and no other reason.
    is_absence: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    status_code: Option<String>,
    code: Option<String>,
}

impl Refusal {
    fn of(status: StatusCode, body: &[u8]) -> Self {
        let said: Option<Said> = serde_json::from_slice(body).ok();
        let (told, code) = said.map_or((None, None), |said| (said.status_code, said.code));
        let told = told.and_then(|told| told.parse().ok());
        Self { status: told.unwrap_or(status), is_absence: code.as_deref() == Some("NoSuchKey") }
    }
}

impl From<Refusal> for StorageError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.status)
    }
}

/// Whether an answer is an object, or says that there is none. Anything else is neither.
fn is_there(status: StatusCode, body: &[u8]) -> Result<bool, StorageError> {
    if status.is_success() {
        return Ok(true);
    }
    let refusal = Refusal::of(status, body);
    if refusal.is_absence { Ok(false) } else { Err(refusal.into()) }
}

impl std::fmt::Debug for Storage {
    /// Hides the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Storage")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Only one answer says that an object is not there. What any other is taken for would
    /// be sealed without it, and then erased.
    #[test]
    fn an_object_is_absent_only_when_storage_says_so() {
        let said = |status_code: &str, code: &str| {
            format!(
                r#"{{"statusCode":"{status_code}","code":"{code}","error":"{code}","message":"x"}}"#
            )
        };
        for (status, body, want) in [
            (200, "anything".to_owned(), Ok(true)),
            (400, said("404", "NoSuchKey"), Ok(false)),
            (404, said("404", "NoSuchKey"), Ok(false)),
            (400, said("404", "NoSuchBucket"), Err(404)),
            (400, said("404", "TenantNotFound"), Err(404)),
            (400, said("403", "AccessDenied"), Err(403)),
            (400, said("423", "ResourceLocked"), Err(423)),
            (400, said("544", "DatabaseTimeout"), Err(544)),
            (400, said("NoSuchKey", "SchemaMismatch"), Err(400)),
            (400, String::new(), Err(400)),
            (404, "<html>".to_owned(), Err(404)),
            (500, said("500", "InternalError"), Err(500)),
            (503, String::new(), Err(503)),
        ] {
            let found = is_there(StatusCode::from_u16(status).unwrap(), body.as_bytes());
            let found = found.map_err(|error| match error {
                StorageError::Refused(status) => status.as_u16(),
                other => panic!("{other}"),
            });
            assert_eq!(found, want, "{status} {body}");
        }
    }

    #[test]
    fn a_path_stays_below_its_bucket() {
        let url = Url::parse("https://project.supabase.co/").unwrap();
        let egress = Egress::new(&[&url], None).unwrap();
        let settings = SupabaseApi { url, secret_key: "sb_secret_x".into() };
        let storage = Storage::new(&settings, egress).unwrap();
        let root = "https://project.supabase.co/storage/v1/object/media";
        for (path, want) in [
            ("a/b/0", "a/b/0"),
            ("all data.zip", "all%20data.zip"),
            ("a?b#c%2f", "a%3Fb%23c%252f"),
            ("é", "%C3%A9"),
        ] {
            let url = storage.url(&["object", "media"], path).unwrap();
            assert_eq!(url.as_str(), format!("{root}/{want}"));
        }
        assert!(!format!("{storage:?}").contains("sb_secret_x"));
    }
}
