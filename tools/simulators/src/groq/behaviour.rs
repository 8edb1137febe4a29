//! What Groq can be ordered to do differently.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

use super::{
    completion::{self, Reply, Request},
    refusal::Refusal,
    reply,
};
use crate::script::Limited;

/// A link that is no shop's.
const FOREIGN_LINK: &str = "https://prizes.example.net/claim";

/// How often a sentence is repeated to make a reply far too long for a text.
const REPETITIONS: usize = 60;

/// A behaviour other than the normal one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// How many more requests it holds for; always when absent.
    pub requests: Option<u32>,
    /// The model it holds for; all when absent.
    pub model: Option<String>,
    /// How long the request is kept waiting before anything else happens.
    pub delay_milliseconds: u64,
    /// What happens then.
    pub answer: Answer,
}

impl Limited for Behaviour {
    fn requests(&mut self) -> &mut Option<u32> {
        &mut self.requests
    }
}

/// How a request is answered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// With a plausible reply.
    #[default]
    Normal,
    /// With this reply.
    Reply {
        /// Its text.
        text: String,
        /// Whether it says that the owner is needed.
        #[serde(default)]
        needs_owner: bool,
    },
    /// With a reply that has no text.
    EmptyReply,
    /// With a reply far too long for a text message.
    LongReply,
    /// With a reply that links to a stranger's page.
    ForeignLink,
    /// With a completion whose content is not the JSON that was asked for.
    MalformedReply,
    /// With 200 and a body that is no JSON at all.
    MalformedResponse,
    /// With 429.
    RateLimited {
        /// The seconds in `Retry-After`.
        #[serde(default = "one_second")]
        retry_after_seconds: u32,
    },
    /// With 500.
    InternalError,
    /// With 503.
    Unavailable,
    /// With 400, as for a model that was taken out of service.
    Decommissioned,
    /// With 404, as for a model that does not exist.
    ModelNotFound,
    /// With 400, as when the model fails to write the JSON that was asked for.
    GenerationFailed,
    /// By closing the connection.
    HangUp,
    /// Never.
    Stall,
}

/// What an ordered answer comes to.
pub(super) enum Outcome {
    /// A response with a completion, or what pretends to be one.
    Complete {
        /// The reply in it.
        content: String,
        /// The whole.
        response: Response,
    },
    /// A refusal.
    Refuse(Refusal),
    /// The connection is closed.
    HangUp,
    /// There is never an answer.
    Stall,
}

impl Answer {
    /// What this means for a request.
    pub(super) fn outcome(self, request: &Request) -> Outcome {
        let reply = |text: String| Reply { text, needs_owner: false };
        let content = match self {
            Self::Normal => request.content(&reply::plausible(request)),
            Self::Reply { text, needs_owner } => request.content(&Reply { text, needs_owner }),
            Self::EmptyReply => request.content(&reply(String::new())),
            Self::LongReply => request
                .content(&reply("We would love to see you at the shop. ".repeat(REPETITIONS))),
            Self::ForeignLink => {
                request.content(&reply(format!("You have won! See {FOREIGN_LINK} for details.")))
            }
            Self::MalformedReply => r#"{"reply": "We are open un"#.to_owned(),
            Self::MalformedResponse => {
                let content = "<html>upstream connect error</html>".to_owned();
                let response =
                    ([(header::CONTENT_TYPE, "text/html")], content.clone()).into_response();
                return Outcome::Complete { content, response };
            }
            Self::RateLimited { retry_after_seconds } => {
                return Outcome::Refuse(Refusal::RateLimited {
                    model: request.model.clone(),
                    retry_after_seconds,
                });
            }
            Self::InternalError => return Outcome::Refuse(Refusal::InternalError),
            Self::Unavailable => return Outcome::Refuse(Refusal::Unavailable),
            Self::Decommissioned => {
                return Outcome::Refuse(Refusal::Decommissioned(request.model.clone()));
            }
            Self::ModelNotFound => {
                return Outcome::Refuse(Refusal::ModelNotFound(request.model.clone()));
            }
            Self::GenerationFailed => return Outcome::Refuse(Refusal::GenerationFailed),
            Self::HangUp => return Outcome::HangUp,
            Self::Stall => return Outcome::Stall,
        };
        let response = completion::response(request, &content);
        Outcome::Complete { content, response }
    }
}

fn one_second() -> u32 {
    1
}
