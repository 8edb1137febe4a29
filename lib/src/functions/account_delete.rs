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
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    data::closure::{Closer, Work, proof::Prover},
    edge::{Answer, Flow, Problem, refusals::Refusals},
    providers::{
        egress::Egress,
        supabase::{RpcError, Supabase},
    },
    session::{Session, SessionError, Verifier},
    settings::{Reader, SettingsError},
};

/// Where owners ask.
pub const PATH: &str = "/api/account/delete";

/// Everything the function holds between requests.
#[derive(Debug)]
pub struct AccountDelete {
    verifier: Verifier,
    closer: Arc<Closer>,
    refusals: Refusals,
}

/// What an owner asks for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    /// The shop's name, as the owner has typed it.
    confirmation: String,
    /// Only who has several shops has to say which.
    business_id: Option<Uuid>,
}

/// What `rpc/request_closure` is told.
#[derive(Serialize)]
struct RequestClosure<'a> {
    session: &'a Session,
    confirmation: &'a str,
    business_id: Option<Uuid>,
    /// The work is left to the scheduler, by whom cannot do it.
    is_left: bool,
}

#[derive(Deserialize)]
struct Requested {
    closure: View,
    work: Option<Work>,
}

/// An account that was closed, for a page to tell.
pub(crate) struct Closed {
    /// When what could restore it is destroyed, as RFC 3339 has it.
    pub(crate) purge_at: String,
    /// Where to see how far it is, and the certificate, for ever.
    pub(crate) place: String,
}

impl RequestClosure<'_> {
    /// Asks the database for it. Asked again, it is the same closure.
    async fn make(&self, supabase: &Supabase) -> Result<Requested, RpcError> {
        let requested: Requested = supabase.call("request_closure", self).await?;
        let closure_id = requested.closure.closure_id;
        tracing::info!(closure.id = %closure_id, "an account is closed");
        Ok(requested)
    }
}

/// Closes a shop of the session's owner whose name was typed, and leaves what is to be done
/// to the scheduler; `None` if that is not its name.
pub(crate) async fn close_from_page(
    supabase: &Supabase,
    prover: &Prover,
    session: &Session,
    (business_id, confirmation): (Uuid, &str),
) -> Result<Option<Closed>, Problem> {
    session.require_recent()?;
    let request =
        RequestClosure { session, confirmation, business_id: Some(business_id), is_left: true };
    match request.make(supabase).await {
        Ok(Requested { closure, .. }) => Ok(Some(Closed {
            place: place(prover, closure.closure_id),
            purge_at: closure.purge_at,
        })),
        Err(RpcError::Refused { code, .. }) if code == OTHER_NAME => Ok(None),
        Err(error) => Err(problem(error)),
    }
}

/// The code for what was typed being another name than the shop's.
const OTHER_NAME: &str = "PT409";

/// What `rpc/show_closure` is told.
#[derive(Serialize)]
struct ShowClosure {
    closure_id: Uuid,
}

/// A closure, as `app.closure_view` puts it.
#[derive(Deserialize)]
struct View {
    closure_id: Uuid,
    state: String,
    requested_at: String,
    purge_at: String,
    receipts: Value,
    certificate: Option<String>,
}

impl AccountDelete {
    /// Reads what the function needs, or says all that is wrong with it.
    pub fn from_settings(reader: Reader<'_>) -> Result<Self, SettingsError> {
        let closer = Closer::from_settings(&reader);
        let access_tokens = reader.access_tokens();
        let flow = (|| {
            let access_tokens = access_tokens?;
            let egress = Egress::from_settings(&reader, &[&access_tokens.url])?;
            Some(Self {
                verifier: Verifier::new(&access_tokens, egress),
                closer: Arc::new(closer?),
                refusals: Refusals::of(PATH),
            })
        })();
        reader.finish(flow)
    }

    async fn close(&self, session: &Session, body: &[u8]) -> Result<Answer, Problem> {
        session.require_recent()?;
        let Wish { confirmation, business_id } = serde_json::from_slice(body).map_err(|_| {
            Problem::Body(r#"it is not like {"confirmation":"the name of the shop"}"#)
        })?;
        let request =
            RequestClosure { session, confirmation: &confirmation, business_id, is_left: false };
        let requested = request.make(self.closer.supabase()).await;
        let Requested { closure, work } = requested.map_err(problem)?;
        let place = place(self.closer.prover(), closure.closure_id);
        let mut answer = answer(&closure, &place)?;
        *answer.response.status_mut() = StatusCode::ACCEPTED;
        if let Ok(place) = HeaderValue::try_from(place) {
            answer.response.headers_mut().insert(header::LOCATION, place);
        }
        answer.background = work.map(|work| {
            let closer = Arc::clone(&self.closer);
            Box::pin(async move { closer.run(work).await }) as _
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
        // A wrong token is answered as a wrong id is, and without asking the database.
        if !self.closer.prover().is_token(closure_id, &token) {
            return Err(NONE);
        }
        let shown = self.closer.supabase().call("show_closure", &ShowClosure { closure_id }).await;
        answer(&shown.map_err(problem)?, &place(self.closer.prover(), closure_id))
    }
}

impl Flow for AccountDelete {
    const METHODS: &'static [Method] = &[Method::GET, Method::POST];
    const MAX_BODY: usize = 1024;

    fn refusals(&self) -> Option<(&Refusals, &Supabase)> {
        Some((&self.refusals, self.closer.supabase()))
    }

    async fn handle(self: Arc<Self>, head: Parts, body: Bytes) -> Result<Answer, Problem> {
        if head.method == Method::POST {
            let session = self.verifier.verify(&head.headers).await?;
            self.close(&session, &body).await
        } else {
            self.show(head.uri.query().unwrap_or_default()).await
        }
    }
}

/// The link to a closure.
fn place(prover: &Prover, closure_id: Uuid) -> String {
    let token = prover.token(closure_id);
    format!("{PATH}?closure={closure_id}&token={token}")
}

fn answer(closure: &View, place: &str) -> Result<Answer, Problem> {
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
        "status_url": place,
    });
    Ok(Answer::ok("application/json", told.to_string()))
}

/// What the owner may know of a call that was refused.
fn problem(error: RpcError) -> Problem {
    if let Some(error) = SessionError::of_call(&error) {
        return Problem::Session(error);
    }
    let RpcError::Refused { code, .. } = &error else { return Problem::Database(error) };
    match code.as_str() {
        "PT404" => Problem::Unknown("there is no such shop or closure"),
        "PT400" => Problem::Body("it has to say which shop: business_id"),
        OTHER_NAME => Problem::Body("the confirmation is not the name of the shop"),
        _ => Problem::Database(error),
    }
}
