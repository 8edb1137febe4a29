//! The answer a lead gets when no model gave a usable one.

use trust::text::language::Language;

use super::{Conversation, text};

/// Says who has the message and what happens next.
pub(super) fn answer(conversation: &Conversation, language: Language) -> String {
    let answer = match language {
        Language::English => {
            "Thanks for your message! We will get back to you as soon as possible."
        }
        Language::French => "Merci de votre message! Nous vous répondrons dès que possible.",
    };
    text(answer, conversation, language)
}

#[cfg(test)]
mod tests {
    use trust::text::segments;

    use super::{
        super::{fixtures::conversation, review::MAX_SEGMENTS},
        *,
    };

    #[test]
    fn the_longest_canned_answer_fits() {
        let mut conversation = conversation(&[]);
        conversation.is_first_answer = true;
        conversation.has_masked_numbers = true;
        for letter in ["n", "É"] {
            conversation.business.name = letter.repeat(60);
            for language in [Language::English, Language::French] {
                let text = answer(&conversation, language);
                assert!(segments::count(&text) <= MAX_SEGMENTS, "{text}");
            }
        }
    }
}
