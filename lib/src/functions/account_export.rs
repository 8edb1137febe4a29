//! `/api/account/export`: an owner exports everything.
//!
//! `POST` asks for an export; the same request while one is under way returns
//! that one. `GET` says how far it is and, when it is ready, links to it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header, request::Parts};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::table;
use crate::{
    context::Context,
    data::export::{LINK_LIFETIME, table::Format},
    edge::{Answer, Flow, Problem, refusals::Refusals},
    owner::{
        OwnerError,
        export::{ExportView, Exports},
    },
    paths,
    session::{Session, Verifier},
    settings::{Reader, SettingsError},
};

/// How soon it makes sense to ask again how far an export is.
const POLL_AFTER: Duration = Duration::from_secs(2);

/// Everything the function holds between requests.
#[derive(Debug)]
pub struct AccountExport {
    sessions: Arc<Verifier>,
    exports: Exports,
    refusals: Refusals,
}

/// What an owner asks for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExportRequest {
    format: Format,
    /// Only who has several shops has to say which.
    business_id: Option<Uuid>,
}

impl AccountExport {
    /// Reads what the function needs, or says all that is wrong with it.
    pub fn from_settings(reader: Reader<'_>) -> Result<Self, SettingsError> {
        Context::build(reader, table::ACCOUNT_EXPORT.settings, |context| {
            let (sessions, exports) = (context.sessions(), Exports::of(context));
            let refusals = context.refusals(paths::ACCOUNT_EXPORT);
            Some(Self { sessions: sessions?, exports: exports?, refusals: refusals? })
        })
    }

    async fn ask(&self, session: &Session, body: &[u8]) -> Result<Answer, Problem> {
        // An old sign-in is told of before a mistake in the request.
        session.require_recent()?;
        let ExportRequest { format, business_id } = serde_json::from_slice(body).map_err(|_| {
            Problem::Body(r#"it is not like {"format":"json"} or {"format":"csv"}"#)
        })?;
        let requested = self.exports.request(session, format, business_id).await;
        let (export, work) = requested.map_err(problem)?;

        let place = place(export.export_id);
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
        let export = self.exports.view(session, export_id).await.map_err(problem)?;
        let link = if export.state == "ready" {
            Some(self.exports.link(session, &export).await?.to_string())
        } else {
            None
        };
        answer(&export, &place(export_id), link)
    }
}

impl Flow for AccountExport {
    const METHODS: &'static [Method] = &[Method::GET, Method::POST];
    const MAX_BODY: usize = 1024;

    fn refusals(&self) -> Option<&Refusals> {
        Some(&self.refusals)
    }

    async fn handle(self: Arc<Self>, head: Parts, body: Bytes) -> Result<Answer, Problem> {
        let session = self.sessions.verify(&head.headers).await?;
        if head.method == Method::POST {
            self.ask(&session, &body).await
        } else {
            self.show(&session, head.uri.query().unwrap_or_default()).await
        }
    }
}

/// Where to see how far an export is.
fn place(export_id: Uuid) -> String {
    format!("{}?id={export_id}", paths::ACCOUNT_EXPORT)
}

fn answer(export: &ExportView, place: &str, link: Option<String>) -> Result<Answer, Problem> {
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

fn problem(error: OwnerError) -> Problem {
    match error {
        OwnerError::NotFound => Problem::Unknown("there is no such export"),
        error => error.into(),
    }
}
