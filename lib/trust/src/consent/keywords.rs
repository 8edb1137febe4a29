//! Words that mean something when they are all a text, or a clause of it, says.
//!
//! - Twilio's defaults, each of which it acts on itself:
//!   <https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out>
//! - ARRET and AIDE: the Canadian short-code rules; Twilio does nothing for them.
//! - The FCC's list: stop, quit, end, revoke, opt out, cancel, unsubscribe
//!   (47 CFR 64.1200(a)(10)).

use super::{
    Decision, Meaning,
    lexicon::{
        self, AGAIN, C, CAN_ASK, COMMANDS, CONVERSATION, HAVE, HELP_ALONE, I, IS, KEYWORD, LIGHT,
        ME, MENU, MORE, NE, NO, NOT, NUMBER, PAS, PLUS, POLITE, RECEIVE, START_ALONE, STOP_ALONE,
        Set, TEXT, TEXTING, TEXTS, THIS, WANT, WHO_IS, YOU,
    },
    sense::Sense,
    spelling,
    words::{Pause, Word},
};

/// What the owner is told.
pub(super) const NAME: &str = "sent a keyword";

/// Keywords that are known with one mistake where they are all a text says.
const OFTEN_MISTYPED: [(&str, Meaning); 8] = [
    ("stop", Meaning::Stop),
    ("arret", Meaning::Stop),
    ("arretez", Meaning::Stop),
    ("unstop", Meaning::Start),
    ("start", Meaning::Start),
    ("help", Meaning::Help),
    ("info", Meaning::Help),
    ("aide", Meaning::Help),
];

/// Words one mistake away from a keyword that people do send by themselves.
const NOT_MISTYPED: [&str; 45] = [
    "shop", "step", "stock", "strop", "slop", "atop", "stow", "top", "story", "store", "stove",
    "smart", "stat", "stars", "star", "state", "tart", "heap", "hell", "hello", "held", "hep",
    "kelp", "yelp", "into", "inf", "idea", "aid", "aids", "side", "wide", "ride", "tide", "hide",
    "vide", "aime", "aire", "ride", "aile", "arrets", "soup", "stups", "sop", "staff", "stark",
];

/// The decision of a keyword, if the text has one.
pub(super) fn decide(words: &[Word], senses: &[Sense]) -> Option<Decision> {
    if asks_who_texts(senses) {
        return Some(Decision { meaning: Meaning::Help, rule: Some("asks who texts") });
    }
    meaning(words, senses).map(|meaning| Decision { meaning, rule: Some(NAME) })
}

/// Whether "who is this?" is all the text says.
fn asks_who_texts(senses: &[Sense]) -> bool {
    says_only(senses, WHO_IS, POLITE.or(ME).or(YOU).or(THIS).or(IS).or(C).or(TEXTING))
}

/// Whether "I need help" is all the text says: help with texts, or with nothing named.
fn asks_for_help(senses: &[Sense]) -> bool {
    let wish =
        LIGHT.or(POLITE).or(I).or(ME).or(WANT).or(MORE).or(PLUS).or(CAN_ASK).or(RECEIVE).or(HAVE);
    let about = TEXT.or(TEXTS).or(TEXTING).or(NUMBER).or(MENU).or(COMMANDS).or(CONVERSATION);
    let is_other = senses.iter().any(|sense| sense.set.meets(NO.or(NOT).or(NE).or(PAS).or(YOU)));
    !is_other && says_only(senses, HELP_ALONE, wish.or(about))
}

fn meaning(words: &[Word], senses: &[Sense]) -> Option<Meaning> {
    if let [word] = words
        && word.text == "yes"
    {
        return Some(Meaning::Yes);
    }
    let alone = [
        (STOP_ALONE.or(KEYWORD), POLITE, Meaning::Stop),
        (START_ALONE, POLITE.or(AGAIN), Meaning::Start),
        (HELP_ALONE, POLITE.or(ME), Meaning::Help),
    ];
    alone
        .into_iter()
        .find(|(keywords, fillers, _)| says_only(senses, *keywords, *fillers))
        .map(|(.., meaning)| meaning)
        .or_else(|| asks_for_help(senses).then_some(Meaning::Help))
        .or_else(|| has_clause(senses).then_some(Meaning::Stop))
        .or_else(|| mistyped(words))
}

/// Whether there is one of `keywords`, and besides it nothing but `fillers`.
fn says_only(senses: &[Sense], keywords: Set, fillers: Set) -> bool {
    senses.iter().all(|sense| sense.set.meets(keywords.or(fillers)))
        && senses.iter().any(|sense| sense.set.meets(keywords))
}

/// Whether a clause is a keyword to stop.
fn has_clause(senses: &[Sense]) -> bool {
    let mut rest = senses;
    while let Some((_, after)) = rest.split_first() {
        let length = 1 + after.iter().take_while(|sense| sense.pause == Pause::None).count();
        let (clause, others) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        if says_only(clause, KEYWORD, POLITE) {
            return true;
        }
        rest = others;
    }
    false
}

/// The keyword that the only word of the text was meant to be.
fn mistyped(words: &[Word]) -> Option<Meaning> {
    let polite = |word: &&Word| !lexicon::exactly(&word.text).is_some_and(|set| set.meets(POLITE));
    let mut rest = words.iter().filter(polite);
    let (Some(word), None) = (rest.next(), rest.next()) else { return None };
    let text = word.text.as_str();
    if text.len() < 3 || NOT_MISTYPED.contains(&text) || lexicon::exactly(text).is_some() {
        return None;
    }
    OFTEN_MISTYPED
        .iter()
        .find(|(keyword, _)| spelling::distance(text, keyword) == 1)
        .map(|(_, meaning)| *meaning)
}
