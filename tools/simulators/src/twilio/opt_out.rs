//! The words by which a phone opts out, opts in or asks for help at Twilio.
//!
//! Only a text that is nothing but the word counts, in any case.
//! <https://help.twilio.com/articles/223134027>

/// What a keyword means to Twilio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    /// No more texts from this number.
    Stop,
    /// Texts again.
    Start,
    /// Help.
    Help,
}

impl Keyword {
    /// The keyword a text consists of, if it is one.
    pub(super) fn of(body: &str) -> Option<Self> {
        match body.trim().to_ascii_uppercase().as_str() {
            "STOP" | "UNSUBSCRIBE" | "END" | "QUIT" | "STOPALL" | "REVOKE" | "OPTOUT"
            | "CANCEL" => Some(Self::Stop),
            "START" | "YES" | "UNSTOP" => Some(Self::Start),
            "HELP" | "INFO" => Some(Self::Help),
            _ => None,
        }
    }

    /// The value of the webhook's `OptOutType`.
    pub(super) fn opt_out_type(self) -> &'static str {
        match self {
            Self::Stop => "STOP",
            Self::Start => "START",
            Self::Help => "HELP",
        }
    }

    /// What Twilio itself answers.
    pub(super) fn reply(self) -> &'static str {
        match self {
            Self::Stop => {
                "You have successfully been unsubscribed. You will not receive any more messages \
                 from this number. Reply START to resubscribe."
            }
            Self::Start => {
                "You have successfully been re-subscribed to messages from this number. Reply HELP \
                 for help. Reply STOP to unsubscribe. Msg&Data Rates May Apply."
            }
            Self::Help => "Reply STOP to unsubscribe. Msg&Data Rates May Apply.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(texts: &[&str], want: Option<Keyword>) {
        for text in texts {
            assert_eq!(Keyword::of(text), want, "{text:?}");
        }
    }

    #[test]
    fn only_a_text_that_is_nothing_but_the_word_counts() {
        let stop = ["STOP", "UNSUBSCRIBE", "END", "QUIT", "STOPALL", "REVOKE", "OPTOUT", "CANCEL"];
        check(&stop, Some(Keyword::Stop));
        check(&["stop", " Stop\n", "sToP"], Some(Keyword::Stop));
        check(&["START", "YES", "UNSTOP", "yes"], Some(Keyword::Start));
        check(&["HELP", "INFO", "help"], Some(Keyword::Help));
        check(&["", "STOP PLEASE", "please cancel", "STOP.", "ARRET", "arrêt", "AIDE"], None);
    }
}
