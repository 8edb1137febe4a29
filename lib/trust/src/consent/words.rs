//! A text as words that can be compared: whatever case, accents, punctuation,
//! widths and invisible characters it was typed with.

use unicode_normalization::char::decompose_compatible;

/// What stands between a word and the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pause {
    /// A space, a hyphen or nothing a reader would pause at.
    None,
    /// A comma, a parenthesis, an emoji: another clause.
    Clause,
    /// A full stop or a line end: another sentence. The first word has it too.
    Sentence,
}

/// A word, lower case and without accents, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// The word itself.
    pub(super) text: String,
    /// What stands before it.
    pub(super) pause: Pause,
    /// It was typed in capitals while another word of the text was not.
    pub(super) is_stressed: bool,
    /// Its first letter alone is a capital.
    pub(super) is_capitalized: bool,
    /// Its sentence ends with a question mark.
    pub(super) is_asked: bool,
}

/// Takes `text` apart.
///
/// The apostrophe of a French elision ends a word, as a space does: `m'écrire` is
/// `m ecrire`. Any other is left out: `don't` is `dont`, as many type it anyway.
/// A `#` by itself is a word, as in "wrong #", and so is a sign that says stop.
pub(super) fn words(text: &str) -> Vec<Word> {
    let mut reader = Reader::default();
    let mut letters = plain_letters(text).into_iter().peekable();
    while let Some(letter) = letters.next() {
        let next_is_letter = letters.peek().is_some_and(|next| next.is_alphanumeric());
        match letter {
            // A sign between letters is one of them, as in `ST🛑P`.
            _ if is_stop_sign(letter) && next_is_letter && !reader.current.is_empty() => {
                reader.push('o');
            }
            _ if is_stop_sign(letter) => {
                reader.end_word();
                reader.pause = reader.pause.max(Pause::Clause);
                reader.push_all(STOP_SIGN, false);
                reader.end_word();
            }
            '$' if next_is_letter => reader.push('s'),
            '?' => {
                reader.end_word();
                reader.end_question();
            }
            'œ' | 'Œ' => reader.push_all("oe", letter.is_uppercase()),
            _ if letter.is_alphanumeric() => reader.push(letter),
            '\'' | '\u{2019}' | '\u{2018}' | '\u{2bc}' | '`' | '\u{b4}' if next_is_letter => {
                if is_elision(&reader.current) {
                    reader.end_word();
                }
            }
            '&' => {
                reader.end_word();
                reader.push_all("and", false);
                reader.end_word();
            }
            '#' if reader.current.is_empty() && !next_is_letter => reader.push(letter),
            _ => {
                reader.end_word();
                reader.pause = reader.pause.max(pause_of(letter));
            }
        }
    }
    reader.end_word();
    join_spelled(reader.finish())
}

/// The letters of `text` without accents, widths and ornaments (NFKD), and without
/// what shows nothing.
fn plain_letters(text: &str) -> Vec<char> {
    let mut letters = Vec::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_ascii() {
            letters.push(letter);
        } else {
            decompose_compatible(letter, |part| {
                if !is_ignorable(part) {
                    letters.push(look_alike(part).unwrap_or(part));
                }
            });
        }
    }
    letters
}

/// The words read so far, and the one being read.
struct Reader {
    words: Vec<Word>,
    current: String,
    pause: Pause,
    has_small_letters: bool,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            words: Vec::with_capacity(40),
            current: String::new(),
            pause: Pause::Sentence,
            has_small_letters: false,
        }
    }
}

impl Reader {
    fn push(&mut self, letter: char) {
        self.current.push(letter);
    }

    fn push_all(&mut self, letters: &str, in_capitals: bool) {
        match in_capitals {
            true => self.current.extend(letters.chars().map(|letter| letter.to_ascii_uppercase())),
            false => self.current.push_str(letters),
        }
    }

    fn end_word(&mut self) {
        if self.current.is_empty() {
            return;
        }
        let has_small_letters = self.current.chars().any(char::is_lowercase);
        self.has_small_letters |= has_small_letters;
        self.words.push(Word {
            text: self.current.to_lowercase(),
            pause: self.pause,
            is_stressed: !has_small_letters && self.current.chars().nth(1).is_some(),
            is_capitalized: has_small_letters && self.current.starts_with(char::is_uppercase),
            is_asked: false,
        });
        self.current.clear();
        self.pause = Pause::None;
    }

    /// Marks the words of the sentence that a question mark ends.
    fn end_question(&mut self) {
        for word in self.words.iter_mut().rev() {
            if word.is_asked {
                break;
            }
            word.is_asked = true;
            if word.pause == Pause::Sentence {
                break;
            }
        }
        self.pause = Pause::Sentence;
    }

    fn finish(mut self) -> Vec<Word> {
        // Full stops behind each word are for emphasis, as in "Take. Me. Off."
        let is_one_sentence = self.words.get(2).is_some()
            && self.words.iter().all(|word| word.pause == Pause::Sentence);
        for word in self.words.iter_mut() {
            word.is_stressed &= self.has_small_letters;
        }
        for word in self.words.iter_mut().skip(1).filter(|_| is_one_sentence) {
            word.pause = Pause::None;
        }
        self.words
    }
}

/// Accents (which NFKD set apart) and characters that show nothing.
fn is_ignorable(letter: char) -> bool {
    matches!(
        letter,
        '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ad}' | '\u{61c}' | '\u{180e}'
    )
}

/// The Latin letter that one of another alphabet is typed for, because it looks the same.
fn look_alike(letter: char) -> Option<char> {
    let latin = match letter {
        'а' | 'α' | 'Α' | 'А' => 'a',
        'с' | 'С' => 'c',
        'е' | 'Е' | 'ε' | 'Ε' => 'e',
        'і' | 'І' | 'ι' | 'Ι' | 'ı' => 'i',
        'о' | 'О' | 'ο' | 'Ο' | 'ø' | 'Ø' => 'o',
        'р' | 'Р' | 'ρ' | 'Ρ' => 'p',
        'ѕ' | 'Ѕ' => 's',
        'т' | 'Т' | 'τ' | 'Τ' => 't',
        'у' | 'У' | 'υ' | 'Υ' => 'y',
        'х' | 'Х' | 'χ' | 'Χ' => 'x',
        _ => return None,
    };
    Some(latin)
}

/// Whether French writes an apostrophe behind `word` in place of a vowel.
fn is_elision(word: &str) -> bool {
    matches!(
        word,
        "c" | "d"
            | "j"
            | "l"
            | "m"
            | "n"
            | "s"
            | "t"
            | "qu"
            | "C"
            | "D"
            | "J"
            | "L"
            | "M"
            | "N"
            | "S"
            | "T"
            | "Qu"
            | "QU"
            | "jusqu"
            | "puisqu"
            | "lorsqu"
    )
}

/// What a sign that says stop is read as.
const STOP_SIGN: &str = "stopsign";

/// A stop sign, a no-entry sign, a raised hand.
fn is_stop_sign(letter: char) -> bool {
    matches!(letter, '🛑' | '⛔' | '🚫' | '✋' | '🖐' | '🤚')
}

fn pause_of(letter: char) -> Pause {
    match letter {
        '.' | '!' | '\n' | '\r' | '\u{2026}' => Pause::Sentence,
        '-' | '_' | '*' | '/' | '\'' | '"' | '`' | '#' | '+' => Pause::None,
        '\u{2018}'..='\u{201f}' | '\u{ab}' | '\u{bb}' | '\u{2010}'..='\u{2012}' => Pause::None,
        _ if letter.is_whitespace() => Pause::None,
        _ => Pause::Clause,
    }
}

/// `s t o p` is one word. Fewer than four single letters may well be words.
fn join_spelled(words: Vec<Word>) -> Vec<Word> {
    if !words.iter().any(|word| word.text.len() == 1) {
        return words;
    }
    let mut joined: Vec<Word> = Vec::with_capacity(words.len());
    let mut spelled: Vec<Word> = Vec::new();
    let flush = |spelled: &mut Vec<Word>, joined: &mut Vec<Word>| {
        if spelled.len() < 4 {
            joined.append(spelled);
            return;
        }
        let pause = spelled.first().map_or(Pause::None, |word| word.pause);
        let is_asked = spelled.iter().any(|word| word.is_asked);
        let text = spelled.drain(..).map(|word| word.text).collect();
        joined.push(Word { text, pause, is_stressed: false, is_capitalized: false, is_asked });
    };
    for word in words {
        if word.text.chars().nth(1).is_none() {
            spelled.push(word);
        } else {
            flush(&mut spelled, &mut joined);
            joined.push(word);
        }
    }
    flush(&mut spelled, &mut joined);
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_same_however_they_are_typed() {
        for (text, want) in [
            ("", vec![]),
            ("  Arrêtez de m'écrire! ", vec!["arretez", "de", "m", "ecrire"]),
            ("ＳＴＯＰ now", vec!["stop", "now"]),
            ("s\u{200b}to\u{ad}p", vec!["stop"]),
            ("S.T.O.P please", vec!["stop", "please"]),
            ("a b c", vec!["a", "b", "c"]),
            ("𝐒𝐓𝐎𝐏", vec!["stop"]),
            ("opt-out", vec!["opt", "out"]),
            ("Don’t, I'm off", vec!["dont", "im", "off"]),
            ("j'suis ÉCŒURÉ", vec!["j", "suis", "ecoeure"]),
            ("wrong # sorry #stop", vec!["wrong", "#", "sorry", "stop"]),
            ("🛑 texts", vec!["stopsign", "texts"]),
            ("ST🛑P $top", vec!["stop", "stop"]),
            ("ѕtор SТОР STØP", vec!["stop", "stop", "stop"]),
        ] {
            let words = words(text);
            assert_eq!(words.iter().map(|word| &word.text).collect::<Vec<_>>(), want, "{text}");
        }
    }

    #[test]
    fn pauses_are_where_a_reader_makes_them() {
        let pauses: Vec<_> = words("I told “you”. STOP! don't\ntext me 👋 ever, ok")
            .into_iter()
            .map(|word| (word.text, word.pause))
            .filter(|(_, pause)| *pause != Pause::None)
            .collect();
        let want = [
            ("i", Pause::Sentence),
            ("stop", Pause::Sentence),
            ("dont", Pause::Sentence),
            ("text", Pause::Sentence),
            ("ever", Pause::Clause),
            ("ok", Pause::Clause),
        ];
        assert_eq!(pauses, want.map(|(text, pause)| (text.to_owned(), pause)));
    }

    #[test]
    fn full_stops_behind_each_word_part_no_sentences() {
        let pauses = |text| words(text).iter().skip(1).map(|word| word.pause).collect::<Vec<_>>();
        assert_eq!(pauses("Take. Me. Off."), [Pause::None; 2]);
        assert_eq!(pauses("Ok. Stop."), [Pause::Sentence]);
        assert_eq!(pauses("Take me. Off."), [Pause::None, Pause::Sentence]);
    }

    #[test]
    fn a_question_is_one_sentence_long() {
        let asked = words("I said stop. No texts, ok? Thanks");
        let asked: Vec<_> =
            asked.iter().filter(|word| word.is_asked).map(|word| &word.text).collect();
        assert_eq!(asked, ["no", "texts", "ok"]);
    }

    #[test]
    fn a_word_is_stressed_where_others_are_not() {
        let stressed = |text| words(text).iter().filter(|word| word.is_stressed).count();
        assert_eq!(stressed("please STOP now"), 1);
        assert_eq!(stressed("STOP IT"), 0);
        assert_eq!(stressed("I am here"), 0);
    }
}
