//! `/api/account/export`: an owner takes everything along.
//!
//! `POST` asks for an export; the same request while one is under way returns
//! that one. `GET` says how far it is and, when it is ready, links to it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header, request::Parts};
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;
use uuid::Uuid;

use crate::{
    data::export::{Exporter, LINK_LIFETIME, Work, table::Format},
    edge::{Answer, Background, Flow, Problem, refusals::Refusals},
    providers::{
        egress::Egress,
        supabase::{RpcError, Supabase},
    },
    session::{Session, SessionError, Verifier},
    settings::{Reader, SettingsError},
};

/// Where owners ask.
pub const PATH: &str = "/api/account/export";

/// How soon it makes sense to ask again how far an export is.
const POLL_AFTER: Duration = Duration::from_secs(2);

/// Everything the function holds between requests.
#[derive(Debug)]
pub struct AccountExport {
    verifier: Verifier,
    exporter: Arc<Exporter>,
    refusals: Refusals,
}

/// What an owner asks for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    format: Format,
    /// Only who has several shops has to say which.
    business_id: Option<Uuid>,
}

/// What `rpc/request_export` is told.
#[derive(Serialize)]
struct RequestExport<'a> {
    session: &'a Session,
    format: Format,
    business_id: Option<Uuid>,
}

#[derive(Deserialize)]
struct Requested {
    export: View,
    work: Option<Work>,
}

/// What `rpc/show_export` is told.
#[derive(Serialize)]
struct ShowExport<'a> {
    session: &'a Session,
    export_id: Uuid,
}

/// An export, as `app.export_view` puts it and as the owner is told of it.
#[derive(Deserialize, Serialize)]
pub(crate) struct View {
    pub(crate) export_id: Uuid,
    business_id: Uuid,
    pub(crate) format: Format,
    pub(crate) state: String,
    pub(crate) requested_at: String,
    pub(crate) due_on: String,
    pub(crate) rows_done: u64,
    pub(crate) rows_total: Option<u64>,
    snapshot_at: Option<String>,
    pub(crate) byte_count: Option<u64>,
    pub(crate) sha256: Option<String>,
    pub(crate) expires_at: Option<String>,
    #[serde(skip_serializing)]
    storage_path: String,
}

impl AccountExport {
    /// Reads what the function needs, or says all that is wrong with it.
    pub fn from_settings(reader: Reader<'_>) -> Result<Self, SettingsError> {
        let flow = Self::read(&reader);
        reader.finish(flow)
    }

    /// Reads what it takes, as a part of another flow.
    pub(crate) fn read(reader: &Reader<'_>) -> Option<Self> {
        let exporter = Exporter::from_settings(reader);
        let access_tokens = reader.access_tokens()?;
        let egress = Egress::from_settings(reader, &[&access_tokens.url])?;
        Some(Self {
            verifier: Verifier::new(&access_tokens, egress),
            exporter: Arc::new(exporter?),
            refusals: Refusals::of(PATH),
        })
    }

    /// Has an owner's account exported, and returns what remains to be done for that.
    pub(crate) async fn request(
        &self,
        session: &Session,
        format: Format,
        business_id: Option<Uuid>,
    ) -> Result<(View, Option<Background>), Problem> {
        session.require_recent()?;
        let request = RequestExport { session, format, business_id };
        let requested = self.exporter.supabase().call("request_export", &request).await;
        let Requested { export, work } = requested.map_err(problem)?;
        tracing::info!(export.id = %export.export_id, is_new = work.is_some(), "an export was asked for");
        let work = work.map(|work| {
            let exporter = Arc::clone(&self.exporter);
            Box::pin(async move { exporter.run(work).await }) as _
        });
        Ok((export, work))
    }

    /// How far an export is, which may be seen for as long as the session lasts.
    pub(crate) async fn view(&self, session: &Session, export_id: Uuid) -> Result<View, Problem> {
        let request = ShowExport { session, export_id };
        self.exporter.supabase().call("show_export", &request).await.map_err(problem)
    }

    /// The way to a bundle that is ready, for who has signed in lately.
    pub(crate) async fn link(&self, session: &Session, export: &View) -> Result<Url, Problem> {
        session.require_recent()?;
        Ok(self.exporter.link(&export.storage_path).await?)
    }

    async fn ask(&self, session: &Session, body: &[u8]) -> Result<Answer, Problem> {
        session.require_recent()?;
        let Wish { format, business_id } = serde_json::from_slice(body).map_err(|_| {
            Problem::Body(r#"it is not like {"format":"json"} or {"format":"csv"}"#)
        })?;
        let (export, work) = self.request(session, format, business_id).await?;

        let place = format!("{PATH}?id={}", export.export_id);
        let mut answer = answer(&export, &place, None)?;
        *answer.response.status_mut() = StatusCode::ACCEPTED;
        if let Ok(place) = HeaderValue::try_from(place) {
            answer.response.headers_mut().insert(header::LOCATION, place);
        }
        answer.background = work;
        Ok(answer)
    }

    async fn show(&self, session: &Session, query: &str) -> Result<Answer, Problem> {
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        let id = pairs.find(|(name, _)| name == "id");
        let export_id = id
            .and_then(|(_, id)| Uuid::parse_str(&id).ok())
            .ok_or(Problem::Unknown("there is no such export"))?;
        let export = self.view(session, export_id).await?;
        let link = if export.state == "ready" {
            Some(self.link(session, &export).await?.to_string())
        } else {
            None
        };
        answer(&export, &format!("{PATH}?id={export_id}"), link)
    }
}

impl Flow for AccountExport {
    const METHODS: &'static [Method] = &[Method::GET, Method::POST];
    const MAX_BODY: usize = 1024;

    fn refusals(&self) -> Option<(&Refusals, &Supabase)> {
        Some((&self.refusals, self.exporter.supabase()))
    }

    async fn handle(self: Arc<Self>, head: Parts, body: Bytes) -> Result<Answer, Problem> {
        let session = self.verifier.verify(&head.headers).await?;
        if head.method == Method::POST {
            self.ask(&session, &body).await
        } else {
            self.show(&session, head.uri.query().unwrap_or_default()).await
        }
    }
}

fn answer(export: &View, place: &str, link: Option<String>) -> Result<Answer, Problem> {
    let mut told = serde_json::to_value(export).map_err(|_| Problem::Panic)?;
    if let Some(told) = told.as_object_mut() {
        told.insert("status_url".to_owned(), place.into());
        if let Some(link) = link {
            let lifetime = LINK_LIFETIME.as_secs();
            told.insert("link".to_owned(), json!({ "url": link, "expires_in": lifetime }));
        }
    }
    let mut answer = Answer::ok("application/json", told.to_string());
    if export.state == "open" {
        let seconds = HeaderValue::from(POLL_AFTER.as_secs());
        answer.response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    Ok(answer)
}

/// What the owner may know of a call that was refused.
fn problem(error: RpcError) -> Problem {
    if let Some(error) = SessionError::of_call(&error) {
        return Problem::Session(error);
    }
    match &error {
        RpcError::Refused { code, .. } if code == "PT404" => {
            Problem::Unknown("there is no such export")
        }
        RpcError::Refused { code, .. } if code == "PT400" => {
            Problem::Body("it has to say which shop: business_id")
        }
        _ => Problem::Database(error),
    }
}
