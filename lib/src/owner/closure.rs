//! An owner closes the account, and sees how far that is.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::OwnerError;
use crate::{
    context::Context,
    data::closure::{Work, proof::Prover},
    jobs::Job,
    paths,
    providers::supabase::Supabase,
    session::Session,
    settings::{Group, Reader},
};

/// Owners' closures.
#[derive(Debug)]
pub struct Closures {
    supabase: Supabase,
    prover: Prover,
}

/// Who does what is to be done of a closure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// Who asks, at once: it gets the work.
    Caller,
    /// The scheduler, when it comes next.
    Scheduler,
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

/// An account that is closed, and what is to be done for it.
#[derive(Deserialize)]
pub struct Requested {
    /// The closure.
    pub closure: ClosureView,
    /// What [`Holder::Caller`] has to do.
    pub work: Option<Job<Work>>,
}

/// What `rpc/show_closure` is told.
#[derive(Serialize)]
struct ShowClosure {
    closure_id: Uuid,
}

/// A closure, as `app.closure_view` puts it.
#[derive(Deserialize)]
pub struct ClosureView {
    /// Its id.
    pub closure_id: Uuid,
    /// How far it is.
    pub state: String,
    /// When it was asked for, as RFC 3339 has it.
    pub requested_at: String,
    /// When what could restore it is destroyed, as RFC 3339 has it.
    pub purge_at: String,
    /// What was done when, by step.
    pub receipts: Value,
    /// The certificate, as canonical JSON, once everything is gone.
    pub certificate: Option<String>,
}

impl Closures {
    /// Takes what closures need.
    pub fn of(context: &Context<'_>) -> Option<Self> {
        let supabase = context.supabase();
        let key = context.read(Group::SuppressionKey, Reader::suppression_key);
        Some(Self { supabase: supabase?, prover: Prover::new(&key?) })
    }

    /// Closes a shop of the session's owner at once and for good, if `confirmation` is its
    /// name. Asked again, it is the same closure.
    pub async fn request(
        &self,
        session: &Session,
        business_id: Option<Uuid>,
        confirmation: &str,
        holder: Holder,
    ) -> Result<Requested, OwnerError> {
        session.require_recent()?;
        let is_left = holder == Holder::Scheduler;
        let request = RequestClosure { session, confirmation, business_id, is_left };
        let requested: Requested = self.supabase.call("request_closure", &request).await?;
        let closure_id = requested.closure.closure_id;
        tracing::info!(closure.id = %closure_id, "an account is closed");
        Ok(requested)
    }

    /// How far a closure is, for whoever has its token.
    pub async fn show(&self, closure_id: Uuid, token: &str) -> Result<ClosureView, OwnerError> {
        // A wrong token is answered as a wrong id is, and without asking the database.
        if !self.prover.is_token(closure_id, token) {
            return Err(OwnerError::NotFound);
        }
        Ok(self.supabase.call("show_closure", &ShowClosure { closure_id }).await?)
    }

    /// The link by which a closure is seen, for ever.
    pub fn place(&self, closure_id: Uuid) -> String {
        let token = self.prover.token(closure_id);
        format!("{}?closure={closure_id}&token={token}", paths::ACCOUNT_DELETE)
    }
}
