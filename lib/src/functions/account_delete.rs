//! `/api/account/delete`: an owner closes the account.
//!
//! `POST` closes it at once and for good: from then on nobody is answered, nobody
//! signs in, and what is stored goes step by step ([`crate::data::closure`]). `GET` says
//! how far that is, for ever, to whoever has the link that `POST` gave: an owner
//! without an account cannot sign in.
//!
//! The link's token is in its query, where logs and histories may keep it. What it
//! opens are ids, counts and dates, and it does nothing; that is why it may be.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header, request::Parts};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::table;
use crate::{
    context::Context,
    data::closure::Closer,
    edge::{Answer, Flow, Problem, refusals::Refusals},
    jobs,
    owner::{
        OwnerError,
        closure::{ClosureView, Closures, Holder, Requested},
    },
    paths,
    session::{Session, Verifier},
    settings::{Reader, SettingsError},
};

/// Everything the function holds between requests.
#[derive(Debug)]
pub struct AccountDelete {
    sessions: Arc<Verifier>,
    closures: Closures,
    closer: Arc<Closer>,
    refusals: Refusals,
}

/// What an owner asks for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClosureRequest {
    /// The shop's name, as the owner has typed it.
    confirmation: String,
    /// Only who has several shops has to say which.
    business_id: Option<Uuid>,
}

impl AccountDelete {
    /// Reads what the function needs, or says all that is wrong with it.
    pub fn from_settings(reader: Reader<'_>) -> Result<Self, SettingsError> {
        Context::build(reader, table::ACCOUNT_DELETE.settings, |context| {
            let (sessions, closures) = (context.sessions(), Closures::of(context));
            let (closer, refusals) = (Closer::of(context), context.refusals(paths::ACCOUNT_DELETE));
            Some(Self {
                sessions: sessions?,
                closures: closures?,
                closer: Arc::new(closer?),
                refusals: refusals?,
            })
        })
    }

    async fn close(&self, session: &Session, body: &[u8]) -> Result<Answer, Problem> {
        // An old sign-in is told of before a mistake in the request.
        session.require_recent()?;
        let ClosureRequest { confirmation, business_id } =
            serde_json::from_slice(body).map_err(|_| {
                Problem::Body(r#"it is not like {"confirmation":"the name of the shop"}"#)
            })?;
        let request = self.closures.request(session, business_id, &confirmation, Holder::Caller);
        let Requested { closure, work } = request.await.map_err(problem)?;
        let mut answer = self.answer(&closure)?;
        *answer.response.status_mut() = StatusCode::ACCEPTED;
        if let Ok(place) = HeaderValue::try_from(self.closures.place(closure.closure_id)) {
            answer.response.headers_mut().insert(header::LOCATION, place);
        }
        answer.background = work.map(|work| {
            let closer = Arc::clone(&self.closer);
            Box::pin(async move { jobs::run(&*closer, work).await }) as _
        });
        Ok(answer)
    }

    async fn show(&self, query: &str) -> Result<Answer, Problem> {
        const NONE: Problem = Problem::Unknown("there is no such closure");
        let value = |name| {
            let mut pairs = form_urlencoded::parse(query.as_bytes());
            pairs.find(|(key, _)| key == name).map(|(_, value)| value)
        };
        let (id, token) = value("closure").zip(value("token")).ok_or(NONE)?;
        let closure_id = Uuid::parse_str(&id).map_err(|_| NONE)?;
        let shown = self.closures.show(closure_id, &token).await;
        self.answer(&shown.map_err(|error| match error {
            OwnerError::NotFound => NONE,
            error => error.into(),
        })?)
    }

    fn answer(&self, closure: &ClosureView) -> Result<Answer, Problem> {
        let certificate: Option<Value> = match &closure.certificate {
            Some(text) => Some(serde_json::from_str(text).map_err(|_| Problem::Panic)?),
            None => None,
        };
        let told = json!({
            "closure_id": closure.closure_id,
            "state": closure.state,
            "requested_at": closure.requested_at,
            "purge_at": closure.purge_at,
            "receipts": closure.receipts,
            "certificate": certificate,
            "status_url": self.closures.place(closure.closure_id),
        });
        Ok(Answer::ok("application/json", told.to_string()))
    }
}

impl Flow for AccountDelete {
    const METHODS: &'static [Method] = &[Method::GET, Method::POST];
    const MAX_BODY: usize = 1024;

    fn refusals(&self) -> Option<&Refusals> {
        Some(&self.refusals)
    }

    async fn handle(self: Arc<Self>, head: Parts, body: Bytes) -> Result<Answer, Problem> {
        if head.method == Method::POST {
            let session = self.sessions.verify(&head.headers).await?;
            self.close(&session, &body).await
        } else {
            self.show(head.uri.query().unwrap_or_default()).await
        }
    }
}

fn problem(error: OwnerError) -> Problem {
    match error {
        OwnerError::NotFound => Problem::Unknown("there is no such shop or closure"),
        error => error.into(),
    }
}
