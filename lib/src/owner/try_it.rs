//! The owner tries the assistant out, with texts that are not stored anywhere.

use trust::text::redaction;
use uuid::Uuid;

use super::{
    Console,
    fields::{Fault, Faults},
    shop::Profile,
};
use crate::messaging::assistant::{self, Author, Business, Conversation, Draft, Lead, Message};

/// The longest question that may be tried.
pub const MAX_QUESTION: usize = 1000;

impl Console {
    /// What the assistant would answer a new lead who asks `question`, with the shop's
    /// texts as `profile` has them, stored or not. The same prompt and the same review
    /// as for a lead; nothing is kept.
    ///
    /// It costs as much as an answer: take [`crate::rate_limit::Limit::TryAssistant`]
    /// first.
    pub async fn try_assistant(&self, profile: &Profile, question: &str) -> Result<Draft, Faults> {
        let mut faults = Faults::default();
        let question = faults.text("question", question, MAX_QUESTION);
        if question.is_empty() {
            return Err(Faults::one("question", Fault::Missing));
        }
        let conversation = conversation(profile, &faults.or(question)?);
        // Only to tell log lines apart.
        let log_id = Uuid::nil();
        Ok(assistant::answer(&self.groq, &conversation, log_id).await)
    }
}

/// The conversation of which `question` is all there is.
fn conversation(profile: &Profile, question: &str) -> Conversation {
    let redacted = redaction::redact(question);
    Conversation {
        business: Business {
            name: profile.name.clone(),
            about: profile.about.clone(),
            instructions: profile.instructions.clone(),
            website: profile.website.clone(),
            language: profile.language,
            local_time: profile.local_time.clone(),
        },
        lead: Lead { name: None, language: None },
        is_first_answer: true,
        has_masked_numbers: redacted.count > 0,
        history: vec![Message { author: Author::Lead, body: redacted.text, media_count: 0 }],
    }
}

#[cfg(test)]
mod tests {
    use trust::text::language::Language;

    use super::*;

    #[test]
    fn a_question_is_treated_like_a_leads() {
        let moment = super::super::Moment { at: String::new(), local: String::new() };
        let profile = Profile {
            version: 1,
            name: "Mile End Bikes".to_owned(),
            mailing_address: "5425 rue de Bordeaux".to_owned(),
            contact_email: None,
            contact_phone: None,
            website: None,
            time_zone: "America/Toronto".to_owned(),
            language: Language::French,
            about: "Tune-up $79.".to_owned(),
            instructions: String::new(),
            local_time: "Monday 2026-11-23 10:05".to_owned(),
            created_at: moment.clone(),
            updated_at: moment,
        };
        let conversation = conversation(&profile, "my card is 4242 4242 4242 4242");
        assert!(conversation.has_masked_numbers && conversation.is_first_answer);
        assert!(!conversation.history[0].body.contains("4242 4242"));
        assert_eq!(conversation.business.about, "Tune-up $79.");
    }
}
