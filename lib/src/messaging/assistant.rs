//! The shop's assistant: turns a conversation into the next text.
//!
//! It asks the models in order until one gives an answer that passes
//! [`review`], within a hard limit of time; else the lead gets a canned answer
//! and the owner is told. Whatever happens, there is an answer.
//!
//! # Invariant
//!
//! The assistant always answers. At most 9 s for all models together; then a canned
//! answer, and the owner is flagged. A model's words reach a lead only through
//! `messaging::assistant::review`: prices only from the shop's text, other numbers only
//! from the conversation or the shop, no foreign links, no appointments, three SMS.

mod canned;
mod prompt;
mod review;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use trust::text::{
    language::{self, Language},
    placeholders::Placeholders,
};

use crate::providers::groq::{Groq, GroqError};

/// All the time the models get together.
const BUDGET: Duration = Duration::from_secs(9);

/// The time one model gets.
const PER_MODEL: Duration = Duration::from_secs(6);

/// With less time left than this, another model is not asked.
const WORTH_ASKING: Duration = Duration::from_secs(3);

/// The shop, as far as the assistant knows it.
#[derive(Debug, Deserialize)]
pub struct Business {
    /// Its name.
    pub name: String,
    /// What customers may be told.
    pub about: String,
    /// How the owner wants to be spoken for.
    pub instructions: String,
    /// Its website, the only one that may be linked to.
    pub website: Option<String>,
    /// What it speaks where a lead's language is not known.
    pub language: Language,
    /// Weekday, date and time at the shop.
    pub local_time: String,
}

/// The lead, as far as the assistant may know.
#[derive(Deserialize)]
pub struct Lead {
    /// Their name, if it is known.
    pub name: Option<String>,
    /// What they wrote in last, if it was told.
    pub language: Option<Language>,
}

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// The lead.
    Lead,
    /// The assistant.
    Assistant,
    /// The shop's owner.
    Owner,
    /// The service: help texts and confirmations.
    System,
}

/// One message of the conversation.
#[derive(Deserialize)]
pub struct Message {
    /// Who wrote it.
    pub author: Author,
    /// What it says.
    pub body: String,
    /// How many pictures and files came with it.
    pub media_count: u8,
}

/// What the assistant answers to.
#[derive(Deserialize)]
pub struct Conversation {
    /// The shop.
    pub business: Business,
    /// The lead.
    pub lead: Lead,
    /// Whether the lead has not heard from the assistant in this conversation.
    pub is_first_answer: bool,
    /// Whether a card or social-insurance number was masked in the last text.
    pub has_masked_numbers: bool,
    /// The last messages, oldest first.
    pub history: Vec<Message>,
}

/// Why the owner should look at a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NeedsOwner {
    /// The assistant could not answer from what it knows.
    AssistantUnsure,
    /// No model gave a usable answer.
    AssistantUnavailable,
}

/// The next text to the lead.
#[derive(PartialEq, Eq)]
pub struct Draft {
    /// What it says, at most [`review::MAX_SEGMENTS`] SMS.
    pub body: String,
    /// Whether the owner should look, and why.
    pub needs_owner: Option<NeedsOwner>,
}

/// What a model is asked for.
#[derive(Deserialize)]
struct ModelAnswer {
    reply: String,
    needs_owner: bool,
}

impl Conversation {
    /// What the lead is answered in.
    fn language(&self) -> Language {
        let last = self.history.iter().rev().find(|message| message.author == Author::Lead);
        last.and_then(|message| language::detect(&message.body))
            .or(self.lead.language)
            .unwrap_or(self.business.language)
    }
}

/// Answers `conversation`. `log_id` names it in logs.
pub async fn answer(groq: &Groq, conversation: &Conversation, log_id: uuid::Uuid) -> Draft {
    let language = conversation.language();
    let mut placeholders = Placeholders::new(conversation.lead.name.as_deref());
    let turns = prompt::turns(conversation, language, &mut placeholders);
    let schema = prompt::answer_schema();

    let end = Instant::now() + BUDGET;
    for model in groq.models() {
        let left = end.saturating_duration_since(Instant::now());
        if left < WORTH_ASKING {
            break;
        }
        let outcome: Result<ModelAnswer, GroqError> =
            groq.complete(model, &turns, &schema, left.min(PER_MODEL)).await;
        let answer = match outcome {
            Ok(answer) => answer,
            Err(error) => {
                tracing::warn!(message.id = %log_id, model, %error, "a model gave no answer");
                continue;
            }
        };
        match review::accept(&answer.reply, conversation, language, &placeholders) {
            Ok(body) => {
                let needs_owner = answer.needs_owner.then_some(NeedsOwner::AssistantUnsure);
                return Draft { body, needs_owner };
            }
            Err(fault) => {
                tracing::warn!(message.id = %log_id, model, %fault, "a model's answer was refused");
            }
        }
    }
    Draft {
        body: canned::answer(conversation, language),
        needs_owner: Some(NeedsOwner::AssistantUnavailable),
    }
}

/// `answer` as it is sent: with what it must begin and end with.
fn text(answer: &str, conversation: &Conversation, language: Language) -> String {
    let introduction = introduction(conversation, language);
    let notice = match (conversation.has_masked_numbers, language) {
        (false, _) => "",
        (true, Language::English) => {
            " Please never text card or identity numbers; we masked yours."
        }
        (true, Language::French) => {
            " Svp ne textez jamais de numéro de carte ou d'identité; nous l'avons masqué."
        }
    };
    format!("{introduction}{answer}{notice}")
}

/// What the first text of a conversation begins with: that nobody typed it, and
/// for whom it was written.
fn introduction(conversation: &Conversation, language: Language) -> String {
    let name = &conversation.business.name;
    match (conversation.is_first_answer, language) {
        (false, _) => String::new(),
        (true, Language::English) => format!("Automated assistant of {name}: "),
        (true, Language::French) => format!("Assistant automatisé de {name} : "),
    }
}

#[cfg(test)]
pub(crate) mod fixtures {
    use super::*;

    /// A conversation with a bicycle shop in which the lead said `texts`.
    pub(crate) fn conversation(texts: &[&str]) -> Conversation {
        Conversation {
            business: Business {
                name: "Mile End Bikes".to_owned(),
                about: "Open Monday to Friday 9:00 to 18:00. Basic tune-up $79.".to_owned(),
                instructions: "Be friendly.".to_owned(),
                website: Some("https://mileendbikes.example".to_owned()),
                language: Language::English,
                local_time: "Monday 2026-11-23 10:05".to_owned(),
            },
            lead: Lead { name: None, language: None },
            is_first_answer: false,
            has_masked_numbers: false,
            history: texts
                .iter()
                .map(|text| Message {
                    author: Author::Lead,
                    body: (*text).to_owned(),
                    media_count: 0,
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lead_is_answered_in_their_own_language() {
        let language = |texts: &[&str]| fixtures::conversation(texts).language();
        assert_eq!(language(&["Bonjour, êtes-vous ouverts?"]), Language::French);
        assert_eq!(language(&["Bonjour", "ok, what are your hours?"]), Language::English);
        assert_eq!(language(&["👍"]), Language::English);

        let mut conversation = fixtures::conversation(&["ok"]);
        conversation.lead.language = Some(Language::French);
        assert_eq!(conversation.language(), Language::French);
    }
}
