//! A text as concepts: what each of its words stands for, in order.

use super::{
    lexicon::{
        self, CEASE, DIGITS, ECRIRE, FIRST_NAME, KEYWORD, LEAVE, LIGHT, NOT, NUMBER, POLITE,
        PROPER, REMOVE, RESUBSCRIBE, SEND, STRESSED, Set, TIME, UNSUBSCRIBE, WRONG,
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
    /// Its sentence is a question.
    pub(super) is_asked: bool,
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
            senses.push(Sense {
                set: NUMBER.or(DIGITS),
                pause: word.pause,
                is_asked: word.is_asked,
            });
            rest = after.get(length - 1..).unwrap_or_default();
            continue;
        }
        if let Some((next, after_next)) = after.split_first()
            && let Some(set) = joined(word, next, words.len())
        {
            senses.push(Sense { set, pause: word.pause, is_asked: word.is_asked });
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
    let (text, pause, is_asked) = (word.text.as_str(), word.pause, word.is_asked);
    if let Some(set) = lexicon::spelled(text) {
        let is_number = text == "no" && follows_french_article(senses);
        let set = match word.is_stressed && set.meets(KEYWORD) {
            _ if is_number => NUMBER,
            true => set.or(STRESSED),
            false if set.meets(FIRST_NAME) => set.or(PROPER),
            false => set,
        };
        senses.push(Sense { set, pause, is_asked });
    } else if text.starts_with(|letter: char| letter.is_ascii_digit()) {
        let digits = text.chars().filter(char::is_ascii_digit).count();
        let set = match digits {
            1..=4 => TIME,
            _ if digits >= DIGITS_OF_NUMBER => NUMBER.or(DIGITS),
            _ => Set::NONE,
        };
        senses.push(Sense { set, pause, is_asked });
    } else if let Some((prefix, set)) = elided(text, lexicon::spelled) {
        senses.push(Sense { set: prefix, pause, is_asked });
        senses.push(Sense { set, pause: Pause::None, is_asked });
    } else if push_glued(senses, word, text, 0) {
    } else if let Some(set) = lexicon::mistyped(text).or_else(|| lexicon::swapped(text)) {
        senses.push(Sense { set, pause, is_asked });
    } else if let Some((prefix, set)) = elided(text, lexicon::mistyped) {
        senses.push(Sense { set: prefix, pause, is_asked });
        senses.push(Sense { set, pause: Pause::None, is_asked });
    } else {
        let set = if word.is_capitalized { PROPER } else { Set::NONE };
        senses.push(Sense { set, pause, is_asked });
    }
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

/// How long a text may be in which `un stop` is "unstop", and not French.
const LONGEST_WITH_UNSTOP: usize = 3;

/// The keyword that two words are the parts of, in a text of `length` words.
fn joined(first: &Word, second: &Word, length: usize) -> Option<Set> {
    if (second.pause != Pause::None && length > 2) || !BROKEN_OFF.contains(&first.text.as_str()) {
        return None;
    }
    let whole = [first.text.as_str(), &second.text].concat();
    let set = lexicon::exactly(&whole)?;
    let is_keyword_anyway = lexicon::exactly(&second.text).is_some_and(|part| part.meets(KEYWORD));
    (set.meets(KEYWORD.or(UNSUBSCRIBE).or(RESUBSCRIBE))
        && (!is_keyword_anyway || length <= LONGEST_WITH_UNSTOP))
        .then_some(set)
}

/// "no" is short for a number behind `mon`, `le` or `mauvais`.
fn follows_french_article(senses: &[Sense]) -> bool {
    senses.last().is_some_and(|last| last.set.meets(lexicon::BEFORE_NUMBER))
}

/// `mecrire` is `m'écrire`, and `dmecrire` too: the letters elided, and the word behind
/// them as `find` knows it.
fn elided(word: &str, find: impl Fn(&str) -> Option<Set>) -> Option<(Set, Set)> {
    let mut rest = word;
    let mut prefix = Set::NONE;
    for _ in 0..2 {
        let first = rest.get(..1).filter(|first| "mnldjtsc".contains(first))?;
        rest = rest.get(1..)?;
        prefix = prefix.or(lexicon::exactly(first).unwrap_or(Set::NONE));
        let is_vowel = rest.starts_with(['a', 'e', 'i', 'o', 'u', 'h', 'y']);
        let may_be_elided = rest.len() >= 4 && (is_vowel || first == "j");
        if let Some(set) = may_be_elided.then(|| find(rest)).flatten() {
            return Some((prefix, set));
        }
    }
    None
}

/// Adds the parts of a word like `stoptextingme`, which has to be made of words we know,
/// the first one of those that wishes begin with. Adds nothing if it is not.
fn push_glued(senses: &mut Vec<Sense>, whole: &Word, text: &str, depth: usize) -> bool {
    const FIRST: Set = CEASE
        .or(UNSUBSCRIBE)
        .or(REMOVE)
        .or(WRONG)
        .or(NOT)
        .or(LEAVE)
        .or(ECRIRE)
        .or(SEND)
        .or(lexicon::TAKE)
        .or(lexicon::PLEASE)
        .or(lexicon::NO);
    if text.is_empty() {
        return depth > 1;
    }
    if depth == 5 || (depth == 0 && text.len() < 7) || text.len() > 30 {
        return false;
    }
    (2..=text.len()).rev().any(|length| {
        let Some((part, rest)) = text.split_at_checked(length) else { return false };
        let Some(set) = lexicon::exactly(part) else { return false };
        let may_be_first = set.meets(FIRST) && (length > 3 || set.meets(lexicon::NO));
        if set.is_empty() || (depth == 0 && !may_be_first) {
            return false;
        }
        let before = senses.len();
        let pause = if depth == 0 { whole.pause } else { Pause::None };
        senses.push(Sense { set, pause, is_asked: whole.is_asked });
        if push_glued(senses, whole, rest, depth + 1) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::{
        lexicon::{BOTHER, ME, RECEIVE, TEXTING, TEXTS},
        words::words,
    };

    /// Checks that `text` has as many senses as `want`, each with one of its concepts.
    #[track_caller]
    fn check(text: &str, want: &[Set]) {
        let senses = senses(&words(text));
        assert_eq!(senses.len(), want.len(), "{text}");
        for (sense, want) in senses.iter().zip(want) {
            assert!(sense.set.meets(*want), "{text}: {sense:?}");
        }
    }

    #[test]
    fn words_written_as_one_are_several() {
        check("stoptextingme", &[CEASE, TEXTING, ME]);
        check("pleasestoptexting", &[lexicon::PLEASE, CEASE, TEXTING]);
        check("mecrire", &[ME, ECRIRE]);
        check("dmecrire", &[ME, ECRIRE]);
        check("menvoyez", &[ME, SEND]);
        check("massage", &[lexicon::ANOTHER_WORD]);
        assert!(senses(&words("removable")).iter().all(|sense| sense.set.is_empty()));
    }

    #[test]
    fn parts_of_a_keyword_are_one() {
        check("un subscribe", &[UNSUBSCRIBE]);
        check("ST OP", &[KEYWORD]);
        check("un-stop", &[RESUBSCRIBE]);
        assert_eq!(senses(&words("il y a un stop au coin")).len(), 7);
    }

    #[test]
    fn a_telephone_number_is_one_however_it_is_parted() {
        check("613-555-0117", &[DIGITS]);
        check("(613) 555 0117", &[DIGITS]);
        check("6135550117", &[DIGITS]);
        check("3pm", &[TIME]);
        check("mon no", &[lexicon::MY, NUMBER]);
        check("get no texts", &[RECEIVE, lexicon::NO, TEXTS]);
    }

    #[test]
    fn capitals_tell_names_and_stress() {
        check("not Sylvie", &[NOT, PROPER]);
        check("not sylvie", &[NOT, PROPER]);
        check("please STOP", &[POLITE, STRESSED]);
        assert!(!senses(&words("PLEASE STOP")).iter().any(|sense| sense.set.meets(STRESSED)));
        check("Bothering", &[BOTHER]);
    }
}
