//! What a lead's text means for consent.
//!
//! Whoever asks in a reasonable way not to be texted is not texted again,
//! whatever words they use (47 CFR 64.1200(a)(10); CASL, s. 11). So beside the
//! keywords that providers and regulators list there are rules for wording, in
//! English and French. They lean towards stopping: a shop can call a person who
//! was stopped by mistake, but cannot take back a text.
//!
//! The assistant's model is never asked. [`words`] takes a text apart, [`sense`] finds what
//! its words stand for in [`lexicon`], and the tables of [`keywords`] and [`wording`]
//! decide on that. On wishes in words [`likelihood`] has a second opinion: it sees wishes
//! that no row knows, and rows that fit what is certainly none.

mod keywords;
mod lexicon;
pub mod likelihood;
mod pattern;
mod sense;
mod spelling;
mod wording;
mod words;

use serde::Serialize;

use self::{sense::Sense, words::Word};

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

/// The rule's name where Twilio decided.
const TWILIOS_WORD: &str = "Twilio took it for a keyword";

/// The rule's name where no row of a table decided.
const LIKELY: &str = "reads like a wish to stop";

impl Decision {
    /// Whether the text says so in words of its own, which may be misunderstood.
    pub fn is_in_words(&self) -> bool {
        self.rule.is_some_and(|rule| rule != TWILIOS_WORD && rule != keywords::NAME)
    }
}

/// Decides what `text` means.
///
/// `opt_out_type` is the field `OptOutType` of Twilio's Advanced Opt-Out. Where
/// it is present it is right, as it knows keywords we do not; it is never the
/// only trigger.
/// <https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out>
pub fn classify(text: &str, opt_out_type: Option<&str>) -> Decision {
    let told = match opt_out_type {
        Some("STOP") => Some(Meaning::Stop),
        Some("START") => Some(Meaning::Start),
        Some("HELP") => Some(Meaning::Help),
        _ => None,
    };
    if let Some(meaning) = told {
        return Decision { meaning, rule: Some(TWILIOS_WORD) };
    }
    let words = words::words(text);
    let mut senses = sense::senses(&words);
    let all_senses = senses.clone();
    wording::set_ordinary_aside(&mut senses);
    keywords::decide(&words, &senses)
        .or_else(|| in_words(&words, &all_senses, &senses))
        .unwrap_or(Decision { meaning: Meaning::Text, rule: None })
}

/// The decision of the rules for wording, and of the second opinion. `senses` is what is
/// left of `all_senses` without what only looks like a wish.
fn in_words(words: &[Word], all_senses: &[Sense], senses: &[Sense]) -> Option<Decision> {
    let decision = wording::decide(senses, |_| true);
    match decision.map(|decision| decision.meaning) {
        Some(Meaning::Stop) if likelihood::is_unlikely(words, all_senses) => {
            wording::decide(senses, |meaning| meaning != Meaning::Stop)
        }
        None if likelihood::is_likely(words, all_senses) => {
            Some(Decision { meaning: Meaning::Stop, rule: Some(LIKELY) })
        }
        _ => decision,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, want: Meaning) {
        let decision = classify(text, None);
        assert_eq!(decision.meaning, want, "{text:?} by {:?}", decision.rule);
        assert_eq!(decision.rule.is_none(), want == Meaning::Text, "{text:?}");
    }

    #[test]
    fn keywords_are_known_in_every_spelling() {
        for text in [
            "STOP",
            "stop",
            "  Stop.\n",
            "stop!!",
            "S T O P",
            "s.t.o.p",
            "ＳＴＯＰ",
            "st\u{200b}op",
            "STOP 🛑",
            "🛑🛑 stop",
            "opt-out",
            "Opt out",
            "STOP ALL",
            "stopall",
            "stop all texts",
            "UNSUBSCRIBE",
            "unsubscribe please",
            "please stop",
            "STOP PLEASE",
            "ok stop now",
            "arrêt",
            "ARRET",
            "Arrêtez svp",
            "arrete",
            "désabonner",
            "unsub",
            "revoke",
            "quit",
            "end",
            "cancel",
            "STPO",
            "stoppp",
            "remove",
            "st0p",
            "🛑",
            "⛔️ please",
            "$top",
            "ST🛑P",
            "SТОР",
            "Take. Me. Off.",
            "reply STOP",
        ] {
            check(text, Meaning::Stop);
        }
        for text in ["START", "start.", "UNSTOP", "subscribe", "débuter"] {
            check(text, Meaning::Start);
        }
        for text in ["Yes", "YES!"] {
            check(text, Meaning::Yes);
        }
        for text in [
            "HELP",
            "help?",
            "Aide",
            "aide s.v.p.",
            "INFO",
            "info please",
            "who is this?",
            "C'est qui ça",
            "I need help",
            "besoin d'aide svp",
        ] {
            check(text, Meaning::Help);
        }
    }

    #[test]
    fn a_wish_to_stop_counts_in_any_words() {
        for text in [
            "please stop texting me",
            "Can you stop sending me these messages?",
            "take me off your list",
            "TAKE ME OFF THIS LIST NOW",
            "arrêtez de m'écrire",
            "wrong number, remove me",
            "wrong number",
            "ne m'envoyez plus de textos svp",
            "don't text me again",
            "do not contact this number",
            "I don't want any more messages from you",
            "lose my number",
            "leave me alone",
            "how do I unsubscribe from this?",
            "enlevez mon numéro de votre liste",
            "lâchez-moi",
            "No more texts!",
            "I told you already. STOP.",
            "I never signed up for this",
            "I revoke my consent",
            "mauvais numéro",
            "plus de messages svp",
            "je ne veux plus recevoir vos messages",
            "so please no more",
            "no need to keep messaging me",
            "I'd like off",
            "don't send any others",
            "don't follow up with me any further",
            "removed from all future communication",
            "n'en envoyez plus",
            "ne m'en envoyez plus",
            "not interested",
            "pas intéressé merci",
            "who gave you my number",
            "vos messages m'énervent",
            "text me again and I'm calling my lawyer",
            "tkae me off yuor list",
            "if you text me one more time I'm done with you",
            "wrong number and this is the fourth time",
            "this is not brenda",
            "veuillez le retirer de vos envois",
        ] {
            check(text, Meaning::Stop);
        }
    }

    #[test]
    fn a_wish_to_be_texted_again_counts_where_it_is_clear() {
        for text in [
            "you can text me again",
            "please resubscribe me",
            "opt me back in",
            "réabonnez-moi",
            "start sending me texts again please",
            "vous pouvez m'écrire à nouveau",
        ] {
            check(text, Meaning::Start);
        }
    }

    #[test]
    fn ordinary_texts_stay_ordinary() {
        for text in [
            "",
            "👍",
            "yes please",
            "oui",
            "stopover",
            "can you stop by at 5",
            "when do you stop serving",
            "ne raccrochez pas",
            "my bike won't stop squeaking",
            "can I cancel my appointment tomorrow?",
            "is there a bus stop near you?",
            "please don't call, text me instead",
            "text me when it's ready",
            "don't stop, you guys are great",
            "can you help me with my bike",
            "I need help with my brakes",
            "êtes-vous ouverts à la Saint-Jean?",
            "pas besoin de me texter à l'arrivée",
            "arrêt d'autobus 51, c'est proche?",
            "je veux annuler mon rendez-vous",
            "can you remove the old tire",
            "no more questions thanks",
            "end of the day ok?",
            "what time does the sale end",
            "What happens if I reply STOP?",
            "ça fait quoi si j'écris ARRET",
            "can I opt out of the hot towel thing",
            "I gave you the wrong house number",
            "stop calling my landline and text me here",
            "did you lose my number?",
            "Vous avez arrêté de me répondre",
            "si vous m'avez écrit j'ai rien vu",
            "not interested in the gel, just a trim",
            "no message?",
            "Stop, you're making me blush",
            "don't text me before 9am please",
            "did I text the wrong number?",
            "I gave you the wrong number, it's 555-0123",
        ] {
            check(text, Meaning::Text);
        }
    }

    #[test]
    fn what_twilio_says_decides_where_it_says_something() {
        let meaning = |text, told| classify(text, told).meaning;
        assert_eq!(meaning("basta", Some("STOP")), Meaning::Stop);
        assert_eq!(meaning("hola", Some("HELP")), Meaning::Help);
        assert_eq!(meaning("stop", Some("SOMETHING")), Meaning::Stop);
    }

    proptest! {
        #[test]
        fn any_text_is_understood_or_not_without_a_panic(text in any::<String>()) {
            classify(&text, None);
        }

        #[test]
        fn any_words_are_understood_or_not_without_a_panic(
            words in proptest::collection::vec(
                "stop|don.t|text(ing|s)?|me|m.|pas|plus|[0-9]{1,12}|un|off|list|[a-zé]{1,25}|[.,!]",
                0..60,
            ),
        ) {
            classify(&words.join(" "), None);
            classify(&words.concat(), None);
        }

        #[test]
        fn a_keyword_is_one_in_whatever_case(bits in any::<u16>()) {
            let keyword: String = "unsubscribe"
                .char_indices()
                .map(|(at, letter)| match bits >> at & 1 {
                    0 => letter,
                    _ => letter.to_ascii_uppercase(),
                })
                .collect();
            prop_assert_eq!(classify(&keyword, None).meaning, Meaning::Stop);
        }

        #[test]
        fn a_text_means_the_same_however_its_letters_are_typed(
            (text, want) in proptest::sample::select(vec![
                ("please stop texting me", Meaning::Stop),
                ("arretez de m'ecrire", Meaning::Stop),
                ("not interested", Meaning::Stop),
                ("can you stop by at 5", Meaning::Text),
                ("subscribe me again please", Meaning::Start),
            ]),
            looks in proptest::collection::vec(0..6_u8, 30),
        ) {
            let typed: String = text
                .chars()
                .zip(looks)
                .flat_map(|(letter, look)| {
                    let full_width = u32::from(letter) + 0xfee0;
                    match look {
                        0 => vec![letter, '\u{200b}'],
                        1 if letter.is_ascii_alphabetic() => char::from_u32(full_width).into_iter().collect(),
                        2 if letter == 'e' => vec!['\u{e9}'],
                        3 if letter == 'e' => vec!['e', '\u{302}'],
                        4 if letter == ' ' => vec!['\u{a0}', ' '],
                        5 => letter.to_uppercase().collect(),
                        _ => vec![letter],
                    }
                })
                .collect();
            prop_assert_eq!(classify(&typed, None).meaning, want, "{}", typed);
        }
    }
}
