//! What a lead's text means for consent.

use serde::Serialize;

/// What a text asks for, besides what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    /// Not to be texted again.
    Stop,
    /// To be texted again.
    Start,
    /// To be texted again if opted out; otherwise an ordinary answer.
    Yes,
    /// Who is texting, and how to stop it.
    Help,
    /// Anything else.
    Text,
}

/// A decision, and what led to it, so that the owner can see why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// What the text means.
    pub meaning: Meaning,
    /// The rule that decided; `None` for an ordinary text.
    pub rule: Option<&'static str>,
}

/// The words that mean something when they are the whole text.
///
/// - Twilio's defaults, each of which it acts on itself:
///   <https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out>
/// - ARRET and AIDE: the Canadian short-code rules, best practice on long codes;
///   Twilio does nothing for them.
const KEYWORDS: [(&str, Meaning); 17] = [
    ("STOP", Meaning::Stop),
    ("STOPALL", Meaning::Stop),
    ("UNSUBSCRIBE", Meaning::Stop),
    ("END", Meaning::Stop),
    ("QUIT", Meaning::Stop),
    ("REVOKE", Meaning::Stop),
    ("OPTOUT", Meaning::Stop),
    ("CANCEL", Meaning::Stop),
    ("ARRET", Meaning::Stop),
    ("ARRETE", Meaning::Stop),
    ("ARRETER", Meaning::Stop),
    ("START", Meaning::Start),
    ("UNSTOP", Meaning::Start),
    ("YES", Meaning::Yes),
    ("HELP", Meaning::Help),
    ("INFO", Meaning::Help),
    ("AIDE", Meaning::Help),
];

/// Decides what `text` means.
///
/// `opt_out_type` is the field `OptOutType` of Twilio's Advanced Opt-Out. Where
/// it is present it is right, as it knows keywords we do not; it is never the
/// only trigger.
pub fn classify(text: &str, opt_out_type: Option<&str>) -> Decision {
    let meaning = meaning(text, opt_out_type);
    let rule = (meaning != Meaning::Text).then_some("keyword");
    Decision { meaning, rule }
}

fn meaning(text: &str, opt_out_type: Option<&str>) -> Meaning {
    match opt_out_type {
        Some("STOP") => return Meaning::Stop,
        Some("START") => return Meaning::Start,
        Some("HELP") => return Meaning::Help,
        _ => {}
    }
    let word = normalize(text);
    KEYWORDS
        .iter()
        .find(|(keyword, _)| *keyword == word)
        .map_or(Meaning::Text, |(_, meaning)| *meaning)
}

/// The letters and digits of `text`, upper case, without the accents that occur
/// in the keywords. Spaces inside stay: two words are no keyword.
fn normalize(text: &str) -> String {
    let letters: String = text
        .to_uppercase()
        .chars()
        .map(|letter| match letter {
            'É' | 'È' | 'Ê' | 'Ë' => 'E',
            other => other,
        })
        .filter(|letter| letter.is_alphanumeric() || letter.is_whitespace())
        .collect();
    letters.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_known_in_every_spelling() {
        for (text, want) in [
            ("STOP", Meaning::Stop),
            ("stop", Meaning::Stop),
            ("  Stop.\n", Meaning::Stop),
            ("stop!!", Meaning::Stop),
            ("opt-out", Meaning::Stop),
            ("ARRÊT", Meaning::Stop),
            ("arrêté", Meaning::Stop),
            ("Start", Meaning::Start),
            ("Yes", Meaning::Yes),
            ("aide", Meaning::Help),
            ("HELP?", Meaning::Help),
            ("", Meaning::Text),
            ("can you stop by at 5", Meaning::Text),
            ("stopover", Meaning::Text),
            ("yes please", Meaning::Text),
        ] {
            assert_eq!(classify(text, None).meaning, want, "{text:?}");
        }
    }

    #[test]
    fn what_twilio_says_decides_where_it_says_something() {
        assert_eq!(classify("basta", Some("STOP")).meaning, Meaning::Stop);
        assert_eq!(classify("hola", Some("HELP")).meaning, Meaning::Help);
        assert_eq!(classify("stop", Some("SOMETHING")).meaning, Meaning::Stop);
    }
}
