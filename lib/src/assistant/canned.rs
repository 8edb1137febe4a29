//! The answer a lead gets when no model gave a usable one.

use super::{Conversation, introduction};
use crate::language::Language;

/// Says who has the message and what happens next.
pub(super) fn answer(conversation: &Conversation, language: Language) -> String {
    let introduction = introduction(conversation, language);
    match language {
        Language::English => format!(
            "{introduction}Thanks for your message! We will get back to you as soon as possible."
        ),
        Language::French => {
            format!("{introduction}Merci de votre message! Nous vous répondrons dès que possible.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{fixtures::conversation, review::MAX_SEGMENTS},
        *,
    };
    use crate::twilio::segments;

    #[test]
    fn the_longest_canned_answer_fits() {
        let mut conversation = conversation(&[]);
        conversation.is_first_answer = true;
        for letter in ["n", "É", "Œ"] {
            conversation.business.name = letter.repeat(60);
            for language in [Language::English, Language::French] {
                let text = answer(&conversation, language);
                assert!(segments::count(&text) <= MAX_SEGMENTS, "{text}");
            }
        }
    }
}
