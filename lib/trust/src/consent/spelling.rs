//! Words that were mistyped, and words that only look so.

/// The longest word that is compared letter by letter. Longer ones are not typed by hand.
pub(super) const LONGEST: usize = 20;

/// What two words have to share to be worth comparing: length and letters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    length: usize,
    letters: u32,
}

impl Shape {
    /// The shape of `word`, if it is of ASCII letters only and of a length that can
    /// be told from other words when mistyped.
    pub(super) fn of(word: &str) -> Option<Self> {
        let is_comparable = (6..=LONGEST).contains(&word.len())
            && word.bytes().all(|byte| byte.is_ascii_lowercase());
        is_comparable.then(|| Self {
            length: word.len(),
            letters: word.bytes().fold(0, |letters, byte| letters | 1 << (byte - b'a')),
        })
    }

    /// How many mistakes a word this long may have.
    pub(super) fn tolerance(self) -> usize {
        if self.length >= 10 { 2 } else { 1 }
    }

    /// Whether a word of this shape can be one of the `known` shape, mistyped.
    pub(super) fn may_be(self, known: Self) -> bool {
        let tolerance = known.tolerance();
        // A mistake changes one letter into another at most.
        self.length.abs_diff(known.length) <= tolerance
            && (self.letters & !known.letters).count_ones() as usize <= tolerance
            && (known.letters & !self.letters).count_ones() as usize <= tolerance
    }
}

/// The mistakes that make `word` of `known`, if no more than its length allows: letters
/// left out, added, changed, or swapped with their neighbour (Damerau-Levenshtein,
/// optimal string alignment).
pub(super) fn mistakes(word: &str, shape: Shape, known: &str, known_shape: Shape) -> Option<u8> {
    shape
        .may_be(known_shape)
        .then(|| distance(word, known))
        .filter(|mistakes| usize::from(*mistakes) <= known_shape.tolerance())
}

/// Mistakes between two words of [`LONGEST`] letters at most.
pub(super) fn distance(one: &str, other: &str) -> u8 {
    let at = |line: &[u8], column: usize| line.get(column).copied().unwrap_or(u8::MAX);
    let mut before_last = [0; LONGEST + 1];
    let mut last: [u8; LONGEST + 1] = [0; LONGEST + 1];
    for (place, cost) in last.iter_mut().zip(0..) {
        *place = cost;
    }
    let mut above = None;
    for (letter, row) in one.bytes().take(LONGEST).zip(1..) {
        let mut current = [row; LONGEST + 1];
        let mut left = None;
        let mut cost = row;
        for (column, candidate) in other.bytes().take(LONGEST).enumerate() {
            let changed = at(&last, column) + u8::from(letter != candidate);
            cost = (cost + 1).min(at(&last, column + 1) + 1).min(changed);
            if above == Some(candidate) && left == Some(letter) && column > 0 {
                cost = cost.min(at(&before_last, column - 1) + 1);
            }
            if let Some(place) = current.get_mut(column + 1) {
                *place = cost;
            }
            left = Some(candidate);
        }
        before_last = last;
        last = current;
        above = Some(letter);
    }
    at(&last, other.len().min(LONGEST))
}

/// `word` with digits read as the letters they resemble, and each run of a letter
/// cut to `longest_run`: `st0p` and `stooop` are `stop`. `None` if that changes nothing.
pub(super) fn plain(word: &str, longest_run: usize) -> Option<String> {
    let is_plain = word.bytes().zip(word.bytes().skip(1)).all(|(one, next)| one != next)
        && !word.bytes().any(|byte| byte.is_ascii_digit());
    if is_plain {
        return None;
    }
    let has_letters = word.chars().any(char::is_alphabetic);
    let mut plain = String::with_capacity(word.len());
    let (mut before, mut run) = (None, 0);
    for letter in word.chars() {
        let letter = match letter {
            '0' if has_letters => 'o',
            '1' if has_letters => 'i',
            '3' if has_letters => 'e',
            '4' if has_letters => 'a',
            '5' if has_letters => 's',
            '7' if has_letters => 't',
            other => other,
        };
        run = if before == Some(letter) { run + 1 } else { 1 };
        before = Some(letter);
        if run <= longest_run {
            plain.push(letter);
        }
    }
    (plain != word).then_some(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn mistakes_are_counted() {
        for (one, other, want) in [
            ("stop", "stop", 0),
            ("stpo", "stop", 1),
            ("stp", "stop", 1),
            ("stoop", "stop", 1),
            ("shop", "stop", 1),
            ("unsubcsribe", "unsubscribe", 1),
            ("unsuscribed", "unsubscribe", 2),
            ("", "abc", 3),
        ] {
            assert_eq!(distance(one, other), want, "{one} {other}");
            assert_eq!(distance(other, one), want, "{other} {one}");
        }
    }

    #[test]
    fn long_words_may_have_more_mistakes() {
        for (word, known, want) in [
            ("texitng", "texting", true),
            ("unsuscirbe", "unsubscribe", true),
            ("texiitg", "texting", false),
            ("lsit", "list", false),
            ("mes\u{e9}sages", "messages", false),
        ] {
            let shapes = Shape::of(word).zip(Shape::of(known));
            let mistakes = shapes.and_then(|(shape, other)| mistakes(word, shape, known, other));
            assert_eq!(mistakes.is_some(), want, "{word} {known}");
        }
    }

    #[test]
    fn drawn_out_and_disguised_letters_are_put_right() {
        assert_eq!(plain("stoooop", 1).as_deref(), Some("stop"));
        assert_eq!(plain("st0pp", 2).as_deref(), Some("stopp"));
        assert_eq!(plain("2024", 1), None);
        assert_eq!(plain("stop", 1), None);
    }

    proptest! {
        #[test]
        fn distance_is_symmetric_and_bounded(one in "[a-e]{0,20}", other in "[a-e]{0,20}") {
            prop_assert_eq!(distance(&one, &other), distance(&other, &one));
            let mistakes = usize::from(distance(&one, &other));
            prop_assert!(mistakes <= one.len().max(other.len()));
            prop_assert!(mistakes >= one.len().abs_diff(other.len()));
        }

        #[test]
        fn a_shape_rules_out_no_mistyped_word(one in "[a-f]{6,12}", other in "[a-f]{6,12}") {
            let (shape, known) = (Shape::of(&one).unwrap(), Shape::of(&other).unwrap());
            if usize::from(distance(&one, &other)) <= known.tolerance() {
                prop_assert!(shape.may_be(known));
            }
        }
    }
}
