//! What an owner sees and does: one typed call for each.
//!
//! Reading goes with the owner's own token, and row level security decides what
//! there is. Writing goes with the secret key and names the session, which the
//! database checks first: no role that a browser could have may write anything.
//! Either way another owner's rows are rows that do not exist.

pub mod account;
pub mod billing;
pub mod closure;
pub mod conversations;
pub mod export;
pub mod fields;
pub mod leads;
pub mod shop;
pub mod texting;
pub mod try_it;

use std::{fmt, sync::Arc};

use futures_util::future::BoxFuture;
use secrecy::SecretString;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use thiserror::Error;

use self::fields::Faults;
use crate::{
    context::Context,
    jobs::{self, Job, Queue as _},
    messaging::{Work, Worker},
    providers::{
        groq::Groq,
        stripe::client::StripeError,
        supabase::{
            OwnerDatabase, Refusal, RpcError, Supabase,
            storage::{Storage, StorageError},
        },
    },
    session::{Session, SessionError},
};

/// An owner who has signed in.
pub struct Owner {
    session: Session,
    token: SecretString,
}

impl Owner {
    /// `session` is what [`crate::session::Verifier`] has just read from `token`.
    pub fn new(session: Session, token: SecretString) -> Self {
        Self { session, token }
    }

    /// The session, for what asks for a recent sign-in and for calls of other modules.
    pub fn session(&self) -> &Session {
        &self.session
    }
}

impl fmt::Debug for Owner {
    /// Names the owner, by id, and hides the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Owner({})", self.session.user_id)
    }
}

/// Why a call has no result.
#[derive(Debug, Error)]
pub enum OwnerError {
    /// The owner has to sign in, again or with more.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The owner has no shop yet: [`Console::open_account`] makes it.
    #[error("the account has no shop yet")]
    NoShop,
    /// The owner's e-mail address is not confirmed, so no shop can be opened.
    #[error("the e-mail address is not confirmed")]
    Unconfirmed,
    /// The owner has nothing with this id, whoever else may.
    #[error("there is no such thing")]
    NotFound,
    /// The owner has several shops, and it does not say which is meant.
    #[error("the owner has several shops")]
    Ambiguous,
    /// What was typed to confirm is not the shop's name.
    #[error("the confirmation is not the name of the shop")]
    OtherName,
    /// There is no plan of this name.
    #[error("there is no such plan")]
    NoPlan,
    /// Fields are not usable, each for a reason of its own.
    #[error("some fields are not usable")]
    Fields(Faults),
    /// Nothing is wrong with the request; it may be sent again.
    #[error(transparent)]
    Unavailable(RpcError),
    /// Nothing is wrong with the request; Stripe may answer the next one.
    #[error(transparent)]
    Stripe(#[from] StripeError),
    /// Nothing is wrong with the request; Storage may answer the next one.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<RpcError> for OwnerError {
    fn from(error: RpcError) -> Self {
        if let Some(ended) = SessionError::of_call(&error) {
            return Self::Session(ended);
        }
        match error.refusal() {
            Some(Refusal::NotFound) => return Self::NotFound,
            Some(Refusal::Unconfirmed) => return Self::Unconfirmed,
            Some(Refusal::NoShop) => return Self::NoShop,
            Some(Refusal::Ambiguous) => return Self::Ambiguous,
            Some(Refusal::OtherName) => return Self::OtherName,
            _ => {}
        }
        match &error {
            // What PostgREST itself says of a token it does not take.
            RpcError::Refused { code, .. } if code == "PGRST303" => {
                Self::Session(SessionError::Expired)
            }
            RpcError::Refused { code, .. } if code == "PGRST301" || code == "PGRST302" => {
                Self::Session(SessionError::Ended)
            }
            _ => Self::Unavailable(error),
        }
    }
}

/// What became of a change of something that others may change too.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Saved<T> {
    /// It is stored, as this version.
    Saved {
        /// To be named by the next change.
        version: i32,
    },
    /// Nothing is stored: it has been changed since it was read.
    Conflict {
        /// As it is now.
        current: Box<T>,
    },
}

/// A time, for a program and for people at the shop.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Moment {
    /// As RFC 3339 has it, in UTC.
    pub at: String,
    /// In the shop's time zone, like `2026-11-23T10:05`.
    pub local: String,
}

/// From where a list goes on. Opaque, and no personal data: it may be in a URL.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Cursor(String);

impl Cursor {
    /// Takes what came back in a URL, if it looks like one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let is_cursor = (1..=80).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
        is_cursor.then(|| Self(text.to_owned()))
    }

    /// As it goes into a URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What every call that writes tells the database.
#[derive(Serialize)]
struct Write<'a, T> {
    session: &'a Session,
    #[serde(flatten)]
    what: T,
}

/// The owner's way to the data, and to the work that comes of what owners do.
#[derive(Debug)]
pub struct Console {
    owners: OwnerDatabase,
    storage: Storage,
    groq: Groq,
    worker: Arc<Worker>,
}

impl Console {
    /// Takes what the console needs.
    pub fn of(context: &Context<'_>) -> Option<Self> {
        let (owners, storage, groq) = (context.owners(), context.storage(), context.groq());
        let worker = Worker::of(context);
        Some(Self { owners: owners?, storage: storage?, groq: groq?, worker: Arc::new(worker?) })
    }

    /// The database, for what no owner is needed for.
    pub fn supabase(&self) -> &Supabase {
        self.worker.supabase()
    }

    /// What remains to be done of `work` once the owner has an answer. It is owed by
    /// rows: what does not happen here, the scheduler does.
    pub fn background(&self, work: Box<Job<Work>>) -> BoxFuture<'static, ()> {
        let worker = Arc::clone(&self.worker);
        Box::pin(async move { jobs::run(&*worker, *work).await })
    }

    /// Reads as the owner: row level security decides what there is.
    async fn read<T, R>(&self, owner: &Owner, function: &str, what: T) -> Result<R, OwnerError>
    where
        T: Serialize,
        R: DeserializeOwned,
    {
        Ok(self.owners.call(&owner.token, function, &what).await?)
    }

    /// Writes for the owner, whose session the database checks.
    async fn write<T, R>(&self, owner: &Owner, function: &str, what: T) -> Result<R, OwnerError>
    where
        T: Serialize,
        R: DeserializeOwned,
    {
        let request = Write { session: &owner.session, what };
        Ok(self.supabase().call(function, &request).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_holds_nothing_a_url_could_not() {
        for good in ["0193a000-0000-7000-8000-000000000001", "1795000000000000.0193a000"] {
            assert_eq!(Cursor::parse(good).map(|cursor| cursor.0).as_deref(), Some(good));
        }
        for bad in ["", "a b", "+15145550123", "a&b=c", "é", &"1".repeat(81)] {
            assert_eq!(Cursor::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_owner_learns_why_only_as_far_as_it_is_theirs() {
        let of = |status: u16, code: &str| {
            let status = http::StatusCode::from_u16(status).unwrap();
            OwnerError::from(RpcError::Refused { status, code: code.to_owned() })
        };
        assert!(matches!(of(404, "PT404"), OwnerError::NotFound));
        assert!(matches!(of(412, "PT412"), OwnerError::Unconfirmed));
        assert!(matches!(of(428, "PT428"), OwnerError::NoShop));
        assert!(matches!(of(401, "PT401"), OwnerError::Session(SessionError::Ended)));
        assert!(matches!(of(403, "PT403"), OwnerError::Session(SessionError::SecondFactor)));
        assert!(matches!(of(401, "PGRST301"), OwnerError::Session(SessionError::Ended)));
        assert!(matches!(of(401, "PGRST303"), OwnerError::Session(SessionError::Expired)));
        assert!(matches!(of(403, "42501"), OwnerError::Unavailable(_)));
    }
}
