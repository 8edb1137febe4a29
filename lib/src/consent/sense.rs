//! A text as concepts: what each of its words stands for, in order.

use super::{
    lexicon::{
        self, CEASE, ECRIRE, KEYWORD, LEAVE, LIGHT, NOT, NUMBER, POLITE, PROPER, REMOVE,
        RESUBSCRIBE, SEND, STRESSED, Set, TIME, UNSUBSCRIBE, WHEN, WRONG,
    },
    words::{Pause, Word},
};

/// What a word of the text stands for, and where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sense {
    /// Its concepts.
    pub(super) set: Set,
    /// What stands between it and the one before.
    pub(super) pause: Pause,
}

/// How many digits make a telephone number.
const DIGITS_OF_NUMBER: usize = 7;

/// First parts of keywords that are typed as two words, as in `un subscribe`.
const BROKEN_OFF: [&str; 11] =
    ["un", "unsub", "unsubs", "s", "st", "sto", "re", "ar", "arr", "des", "desin"];

/// What each of `words` stands for. Words written as one become several, and parts
/// of a word become one.
pub(super) fn senses(words: &[Word]) -> Vec<Sense> {
    let mut senses = Vec::with_capacity(words.len() + 8);
    let mut rest = words;
    while let Some((word, after)) = rest.split_first() {
        let length = 1 + number_length(word, after);
        if length > 1 {
            senses.push(Sense { set: NUMBER, pause: word.pause });
            rest = after.get(length - 1..).unwrap_or_default();
            continue;
        }
        if let Some((next, after_next)) = after.split_first()
            && let Some(set) = joined(word, next)
        {
            senses.push(Sense { set, pause: word.pause });
            rest = after_next;
            continue;
        }
        push(&mut senses, word);
        rest = after;
    }
    senses
}

/// Adds what `word` stands for.
fn push(senses: &mut Vec<Sense>, word: &Word) {
    let text = word.text.as_str();
    if text.starts_with(|letter: char| letter.is_ascii_digit()) && lexicon::exactly(text).is_none()
    {
        let digits = text.chars().filter(char::is_ascii_digit).count();
        let set = match digits {
            _ if lexicon::concepts(text).meets(KEYWORD) => lexicon::concepts(text),
            1..=4 => TIME.or(WHEN),
            _ if digits >= DIGITS_OF_NUMBER => NUMBER,
            _ => Set::NONE,
        };
        senses.push(Sense { set, pause: word.pause });
        return;
    }
    let mut set = lexicon::concepts(text);
    if text == "no" && follows_french_article(senses) {
        set = NUMBER;
    }
    if set.is_empty() && lexicon::exactly(text).is_none() {
        if let Some((prefix, rest)) = elided(text) {
            senses.push(Sense { set: prefix, pause: word.pause });
            senses.push(Sense { set: rest, pause: Pause::None });
            return;
        }
        let before = senses.len();
        if push_glued(senses, text, word.pause, 0) {
            return;
        }
        senses.truncate(before);
        if word.is_capitalized {
            set = PROPER;
        }
    }
    if word.is_stressed && set.meets(KEYWORD) {
        set = set.or(STRESSED);
    }
    senses.push(Sense { set, pause: word.pause });
}

/// How many words behind `first` belong to the telephone number it starts, if it
/// starts one.
fn number_length(first: &Word, after: &[Word]) -> usize {
    let is_number = |word: &Word| word.text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(first) {
        return 0;
    }
    let rest = after
        .iter()
        .take_while(|word| {
            is_number(word) && (word.pause != Pause::Sentence || word.text.len() > 2)
        })
        .take(4);
    let (words, digits) = rest
        .fold((0, first.text.len()), |(words, digits), word| (words + 1, digits + word.text.len()));
    if digits >= DIGITS_OF_NUMBER { words } else { 0 }
}

/// The keyword that two words are the parts of.
fn joined(first: &Word, second: &Word) -> Option<Set> {
    if second.pause != Pause::None || !BROKEN_OFF.contains(&first.text.as_str()) {
        return None;
    }
    let whole = [first.text.as_str(), &second.text].concat();
    let set = lexicon::exactly(&whole)?;
    let was_known = lexicon::exactly(&second.text).is_some_and(|part| part.meets(KEYWORD));
    (set.meets(KEYWORD.or(UNSUBSCRIBE).or(RESUBSCRIBE)) && (!was_known || first.text != "s"))
        .then_some(set)
}

/// "no" is short for a number behind `mon`, `le` or `mauvais`.
fn follows_french_article(senses: &[Sense]) -> bool {
    senses.last().is_some_and(|last| last.set.meets(lexicon::BEFORE_NUMBER))
}

/// `mecrire` is `m'écrire`, and `dmecrire` too: the letter elided, and the word behind.
fn elided(word: &str) -> Option<(Set, Set)> {
    let mut rest = word;
    let mut prefix = Set::NONE;
    for _ in 0..2 {
        let first = rest.get(..1).filter(|first| "mnldjtsc".contains(first))?;
        rest = rest.get(1..)?;
        prefix = prefix.or(lexicon::exactly(first).unwrap_or(Set::NONE));
        let is_vowel = rest.starts_with(['a', 'e', 'i', 'o', 'u', 'h', 'y']);
        let found =
            (rest.len() >= 4 && (is_vowel || first == "j")).then(|| lexicon::concepts(rest));
        if let Some(set) = found.filter(|set| !set.is_empty()) {
            return Some((prefix, set));
        }
    }
    None
}

/// `stoptextingme` is `stop texting me`: the whole has to be made of words we know,
/// the first one of those that wishes begin with.
fn push_glued(senses: &mut Vec<Sense>, text: &str, pause: Pause, depth: usize) -> bool {
    const FIRST: Set = CEASE
        .or(UNSUBSCRIBE)
        .or(REMOVE)
        .or(WRONG)
        .or(NOT)
        .or(LEAVE)
        .or(ECRIRE)
        .or(SEND)
        .or(lexicon::TAKE)
        .or(lexicon::NO);
    if text.is_empty() {
        return depth > 1;
    }
    if depth == 5 || (depth == 0 && text.len() < 7) || text.len() > 30 {
        return false;
    }
    (2..=text.len()).rev().any(|length| {
        let Some((word, rest)) = text.split_at_checked(length) else { return false };
        let Some(set) = lexicon::exactly(word) else { return false };
        if set.is_empty() || (depth == 0 && !set.meets(FIRST)) || (depth > 0 && word.len() < 2) {
            return false;
        }
        let before = senses.len();
        senses.push(Sense { set, pause: if depth == 0 { pause } else { Pause::None } });
        if push_glued(senses, rest, pause, depth + 1) {
            return true;
        }
        senses.truncate(before);
        false
    })
}

impl Sense {
    /// Whether it is passed over between the words of a phrase.
    pub(super) fn is_light(self) -> bool {
        self.set.meets(LIGHT.or(POLITE))
    }
}
