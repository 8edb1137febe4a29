//! A second opinion on wishes in words: how much all that a text says speaks for one.
//!
//! [`super::wording`] knows the phrases that its authors thought of. Here each word, its
//! beginning, each pair of words and each pair of concepts has a weight, and the weights
//! of a text add up to the logarithm of the odds that it is a wish to stop (logistic
//! regression). They are learned from the labelled messages in `tests/consent` by
//! `cargo dev -- learn`, which comes to the same weights whenever it is run on the same
//! messages and rules; a test holds the table to that.
//!
//! It is a sum of numbers from a table: it depends on nothing but the text, and calls
//! nothing.

use super::{
    lexicon::MIX,
    sense::{self, Sense},
    words::{self, Pause, Word},
};

/// How many weights there are. Features are numbered by a hash: with so many numbers, few
/// that matter share one.
pub const COUNT: usize = 1 << 17;

/// How much 1 of the natural logarithm of the odds is in [`WEIGHTS`].
pub const SCALE: i16 = 24;

/// The weight of each feature, a signed byte each.
static WEIGHTS: &[u8; COUNT] = include_bytes!("likelihood.weights");

/// Above it a text is a wish to stop although no rule knows it. Odds of 1 to 1: when in
/// doubt, the lead is stopped.
const LIKELY: i32 = 0;

/// Above it a sentence among others is one. Odds of about 7 to 1: most sentences are
/// ordinary, and each is another chance to be mistaken.
const LIKELY_AMONG_OTHERS: i32 = 2 * SCALE as i32;

/// Below it no sentence is a wish to stop, although a rule takes one for that. Odds of
/// about 1 to 50.
const UNLIKELY: i32 = -4 * SCALE as i32;

/// Whether these words are more likely a wish to stop than not. What a single word means is
/// for the keywords to say.
pub(super) fn is_likely(words: &[Word], senses: &[Sense]) -> bool {
    words.len() > 1
        && (weigh(words, senses) > LIKELY
            || sentences(words).any(|weight| weight > LIKELY_AMONG_OTHERS))
}

/// Whether these words are almost certainly no wish to stop.
pub(super) fn is_unlikely(words: &[Word], senses: &[Sense]) -> bool {
    weigh(words, senses) < UNLIKELY && sentences(words).all(|weight| weight < UNLIKELY)
}

/// What each sentence weighs, if there are several: a wish stays one however much is said
/// beside it.
fn sentences(words: &[Word]) -> impl Iterator<Item = i32> {
    let sentences = words.chunk_by(|_, next| next.pause != Pause::Sentence);
    let is_one = sentences.clone().nth(1).is_none();
    sentences.filter(move |_| !is_one).map(|sentence| weigh(sentence, &sense::senses(sentence)))
}
/// The logarithm of the odds that these words are a wish to stop, times [`SCALE`].
fn weigh(words: &[Word], senses: &[Sense]) -> i32 {
    let weight = |feature: usize| WEIGHTS.get(feature).map_or(0, |byte| byte.cast_signed());
    numbers(words, senses).into_iter().map(|feature| i32::from(weight(feature))).sum()
}

/// The numbers of the features that `text` has, each once: what weights are learned with.
pub fn features(text: &str) -> Vec<usize> {
    let words = words::words(text);
    numbers(&words, &sense::senses(&words))
}

/// What a feature is made of, besides words.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// What every text has.
    Any,
    /// About how long the text is.
    Length,
    Word,
    /// The first letters of a longer word: one weight for its forms.
    Beginning,
    /// A word and the next.
    Pair,
    /// A word and the next but one.
    Around,
    Concept,
    ConceptPair,
    ConceptsAround,
}

/// How many letters a beginning has.
const BEGINNING: usize = 5;

/// How many words make a text one longer, and from where on it is just long.
const WORDS_IN_LENGTH: usize = 4;
const LONGEST: usize = 6;

fn numbers(words: &[Word], senses: &[Sense]) -> Vec<usize> {
    let mut features = Features::with_room_for(words.len());
    features.add(Kind::Any, 0, 0);
    features.add(Kind::Length, (words.len() / WORDS_IN_LENGTH).min(LONGEST) as u64, 0);

    let mut before = Before::default();
    before = features.add_token(before, hash(b"start"), Kind::Word);
    let mut was_asked = false;
    for (index, word) in words.iter().enumerate() {
        let mark: &[u8] = match word.pause {
            _ if index == 0 => b"",
            Pause::None => b"",
            Pause::Clause => b",",
            Pause::Sentence if was_asked => b"?",
            Pause::Sentence => b".",
        };
        if !mark.is_empty() {
            before = features.add_token(before, hash(mark), Kind::Word);
        }
        before = features.add_token(before, hash(word.text.as_bytes()), Kind::Word);
        if let Some((end, _)) = word.text.char_indices().nth(BEGINNING) {
            features.add(
                Kind::Beginning,
                hash(word.text.as_bytes().get(..end).unwrap_or_default()),
                0,
            );
        }
        was_asked = word.is_asked;
    }
    if was_asked {
        before = features.add_token(before, hash(b"?"), Kind::Word);
    }
    features.add_token(before, hash(b"end"), Kind::Word);

    let mut before = Before::default();
    for sense in senses.iter().filter(|sense| !sense.set.is_empty()) {
        before = features.add_token(before, sense.set.hash(), Kind::Concept);
    }
    features.numbers
}

/// The two tokens before one.
#[derive(Debug, Clone, Copy, Default)]
struct Before {
    last: Option<u64>,
    last_but_one: Option<u64>,
}

/// The features found so far.
struct Features {
    numbers: Vec<usize>,
    /// A bit for each number: whether it is among them.
    known: Vec<u64>,
}

impl Features {
    fn with_room_for(words: usize) -> Self {
        Self { numbers: Vec::with_capacity(8 * words + 16), known: vec![0; COUNT / 64] }
    }

    /// Adds `token` by itself and with each of the two before it.
    fn add_token(&mut self, before: Before, token: u64, kind: Kind) -> Before {
        let (pair, around) = match kind {
            Kind::Concept => (Kind::ConceptPair, Kind::ConceptsAround),
            _ => (Kind::Pair, Kind::Around),
        };
        self.add(kind, token, 0);
        if let Some(last) = before.last {
            self.add(pair, last, token);
        }
        if let Some(last_but_one) = before.last_but_one {
            self.add(around, last_but_one, token);
        }
        Before { last: Some(token), last_but_one: before.last }
    }

    fn add(&mut self, kind: Kind, one: u64, other: u64) {
        let number = number(kind, one, other);
        if let Some(bits) = self.known.get_mut(number / 64) {
            let bit = 1 << (number % 64);
            if *bits & bit == 0 {
                *bits |= bit;
                self.numbers.push(number);
            }
        }
    }
}

/// The number of a feature: the upper bits of a product, which depend on all others.
fn number(kind: Kind, one: u64, other: u64) -> usize {
    let mut mixed = (kind as u64 + 1).wrapping_mul(MIX);
    for part in [one, other] {
        mixed = (mixed ^ part).wrapping_mul(MIX);
        mixed ^= mixed >> 29;
    }
    (mixed.wrapping_mul(MIX) >> (64 - COUNT.trailing_zeros())) as usize
}

/// FNV-1a.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn odds(text: &str) -> i32 {
        let words = words::words(text);
        weigh(&words, &sense::senses(&words))
    }

    #[test]
    fn a_feature_is_counted_once_and_has_a_weight() {
        let once = features("no more");
        let mut sorted = features("no more no more no more");
        assert!(sorted.iter().all(|feature| *feature < COUNT));
        assert!(sorted.len() > once.len());
        let length = sorted.len();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), length);
        assert!(features("").len() > 2);
    }

    #[test]
    fn wishes_weigh_more_than_what_only_looks_like_one() {
        for (wish, other) in [
            ("please stop texting me", "please stop by and text me"),
            ("take me off your list", "take 20 off my bill"),
            ("arrêtez de m'écrire", "arrêtez-vous chez nous"),
        ] {
            assert!(odds(wish) > LIKELY, "{wish}: {}", odds(wish));
            assert!(odds(other) < LIKELY, "{other}: {}", odds(other));
        }
    }

    #[test]
    fn a_wish_stays_one_beside_other_sentences() {
        let ordinary = "My bike is ready? I will come at five with the trailer, thanks Amanda.";
        for text in [
            format!("{ordinary} Please stop texting me."),
            format!("Please stop texting me. {ordinary} {ordinary}"),
        ] {
            let words = words::words(&text);
            assert!(!is_unlikely(&words, &sense::senses(&words)), "{text}");
        }
        let words = words::words(ordinary);
        assert!(is_unlikely(&words, &sense::senses(&words)));
    }
}
