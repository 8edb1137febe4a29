//! What Twilio does about opting out before we hear of it.
//!
//! It blocks or unblocks the number and answers the phone itself, then passes the
//! text on. An answer of ours would be a second one, or be refused with 21610.
//! <https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out>

/// The default keywords of a long code. Twilio acts on them when they are all a
/// text says, in any case.
const DEFAULT_KEYWORDS: [&str; 11] = [
    "STOP",
    "STOPALL",
    "UNSUBSCRIBE",
    "END",
    "QUIT",
    "REVOKE",
    "OPTOUT",
    "CANCEL",
    "START",
    "UNSTOP",
    "YES",
];

/// Whether Twilio has answered `text` itself.
///
/// `opt_out_type` is the field `OptOutType`, which is there exactly where
/// Advanced Opt-Out acted on a keyword.
pub fn is_answered(text: &str, opt_out_type: Option<&str>) -> bool {
    let word = text.trim();
    opt_out_type.is_some()
        || DEFAULT_KEYWORDS.iter().any(|keyword| keyword.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_twilios_own_words_are_answered_by_it() {
        for text in ["stop", " STOP\n", "Unsubscribe", "yes"] {
            assert!(is_answered(text, None), "{text}");
        }
        for text in ["ARRET", "stop please", "stop texting me", "help", ""] {
            assert!(!is_answered(text, None), "{text}");
        }
        assert!(is_answered("basta", Some("STOP")));
    }
}
