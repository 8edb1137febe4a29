//! What can go wrong in a request, and all a caller gets to know about it.
//!
//! Architecture invariant: no error of a module above appears here. Whoever knows
//! both sides, [`crate::problems`] and the flows, turns it into a [`Problem`].

use std::{borrow::Cow, error::Error, fmt};

use http::{Method, StatusCode};
use thiserror::Error;

/// An error of any module, for the log.
pub type Cause = Box<dyn Error + Send + Sync>;

/// What can go wrong in a request, and all a caller gets to know about it.
///
/// The text of a variant is sent to the caller; its source is only logged.
#[derive(Debug, Error)]
pub enum Problem {
    /// The function answers other methods.
    #[error("this address answers {} only", names(.0, " and "))]
    Method(&'static [Method]),
    /// The body is longer than we read.
    #[error("the request body is too large")]
    TooLarge,
    /// The body never arrived whole.
    #[error("the request body could not be read")]
    Unreadable,
    /// The request is genuine but its body is not what is asked for.
    #[error("the request is not valid: {0}")]
    Body(&'static str),
    /// The request is genuine but about something we do not have.
    #[error("the request is not valid: {0}")]
    Unknown(&'static str),
    /// Another module does not take the request.
    #[error(transparent)]
    Refused(Refused),
    /// The caller did not show the secret that this address asks for.
    #[error("the request is not authorized")]
    Unauthorized,
    /// The request was made by a form of another site.
    #[error("the form was not sent by our own page")]
    CrossSite,
    /// Too much was asked; how many seconds to wait.
    #[error("too many requests")]
    TooMany(u32),
    /// Nothing is wrong with the request; it may be sent again.
    #[error("the service is temporarily unavailable")]
    Unavailable(#[source] Cause),
    /// A defect of ours.
    #[error("the request could not be answered")]
    Panic,
}

/// Why another module does not take a request, as HTTP tells it.
#[derive(Debug)]
pub struct Refused {
    /// A 4xx.
    status: StatusCode,
    /// What the refusal is counted as.
    counted_as: &'static str,
    /// What the caller is told, if not the cause's own words.
    told: Option<Cow<'static, str>>,
    /// What `WWW-Authenticate` says.
    challenge: Option<&'static str>,
    cause: Cause,
}

impl Refused {
    /// A refusal whose cause may be told to the caller in its own words.
    pub fn new(
        status: StatusCode,
        counted_as: &'static str,
        cause: impl Error + Send + Sync + 'static,
    ) -> Self {
        Self { status, counted_as, told: None, challenge: None, cause: Box::new(cause) }
    }

    /// With other words for the caller; the cause's own are for the log.
    pub fn telling(self, told: impl Into<Cow<'static, str>>) -> Self {
        Self { told: Some(told.into()), ..self }
    }

    /// With the challenge that tells a program what to do about it, if there is one.
    pub fn challenging(self, challenge: Option<&'static str>) -> Self {
        Self { challenge, ..self }
    }

    /// What `WWW-Authenticate` says.
    pub(super) fn challenge(&self) -> Option<&'static str> {
        self.challenge
    }
}

impl fmt::Display for Refused {
    /// What the caller is told.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.told {
            Some(told) => f.write_str(told),
            None => self.cause.fmt(f),
        }
    }
}

impl Error for Refused {
    /// What the caller is not told.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self.told {
            Some(_) => Some(&*self.cause),
            None => self.cause.source(),
        }
    }
}

impl Problem {
    /// A 503 for an error that the caller is not told.
    pub fn unavailable(cause: impl Error + Send + Sync + 'static) -> Self {
        Self::Unavailable(Box::new(cause))
    }

    /// The error of another module that this is about, if it is one of type `E`.
    pub fn cause<E: Error + 'static>(&self) -> Option<&E> {
        match self {
            Self::Refused(Refused { cause, .. }) | Self::Unavailable(cause) => cause.downcast_ref(),
            _ => None,
        }
    }

    /// What a refusal is counted as; `None` for a failure of ours.
    pub(super) fn refused_for(&self) -> Option<&'static str> {
        match self {
            Self::Method(_) => Some("method"),
            Self::TooLarge => Some("too large"),
            Self::Unreadable => Some("unreadable"),
            Self::Body(_) => Some("body"),
            Self::Unknown(_) => Some("unknown"),
            Self::Refused(refused) => Some(refused.counted_as),
            Self::Unauthorized => Some("unauthorized"),
            Self::CrossSite => Some("cross-site form"),
            Self::TooMany(_) => Some("too many"),
            Self::Unavailable(_) | Self::Panic => None,
        }
    }

    /// The status this problem is answered with.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unreadable | Self::Body(_) => StatusCode::BAD_REQUEST,
            Self::Unknown(_) => StatusCode::NOT_FOUND,
            Self::Refused(refused) => refused.status,
            Self::CrossSite => StatusCode::FORBIDDEN,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Panic => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// The names of methods, for a sentence or a header.
pub(super) fn names(methods: &[Method], separator: &str) -> String {
    methods.iter().map(Method::as_str).collect::<Vec<_>>().join(separator)
}
