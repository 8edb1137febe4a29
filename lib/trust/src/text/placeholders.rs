//! Personal data on its way to a language model: replaced, and put back here.
//!
//! The model needs to know that there is a phone number, not which. Replacing
//! too much is harmless, because what the model says is turned back; so the
//! rules lean that way.

/// Replaces personal data by placeholders such as `[PHONE_1]`, the same data
/// by the same placeholder.
#[derive(Default)]
pub struct Placeholders {
    /// Placeholder and what it stands for.
    entries: Vec<(String, String)>,
}

/// Words after which somebody says who they are.
const NAME_INTRODUCTIONS: [&str; 9] = [
    "my name is",
    "name's",
    "this is",
    "i am",
    "i'm",
    "je m'appelle",
    "mon nom est",
    "ici",
    "je suis",
];

/// Words that make a number before them, or after, an address.
const STREET_WORDS: [&str; 24] = [
    "street",
    "st",
    "avenue",
    "ave",
    "av",
    "road",
    "rd",
    "drive",
    "dr",
    "lane",
    "ln",
    "court",
    "crescent",
    "place",
    "boulevard",
    "blvd",
    "boul",
    "rue",
    "chemin",
    "ch",
    "rang",
    "côte",
    "montée",
    "way",
];

impl Placeholders {
    /// Starts with what is known of the lead.
    pub fn new(name: Option<&str>) -> Self {
        let mut placeholders = Self::default();
        if let Some(name) = name.map(str::trim).filter(|name| !name.is_empty()) {
            placeholders.stand_in("NAME", name);
        }
        placeholders
    }

    /// `text` without e-mail addresses, phone numbers, postal codes, street
    /// addresses and names.
    pub fn hide(&mut self, text: &str) -> String {
        let words: Vec<&str> = text.split_inclusive(char::is_whitespace).collect();
        let mut hidden = String::with_capacity(text.len());
        let mut rest = words.as_slice();
        while let Some((word, after)) = rest.split_first() {
            let found = [
                ("EMAIL", email_length(rest)),
                ("ADDRESS", address_length(rest)),
                ("POSTAL_CODE", postal_code_length(rest)),
                ("PHONE", phone_length(rest)),
                ("NAME", if follows_introduction(&hidden) { name_length(rest) } else { 0 }),
            ]
            .into_iter()
            .find(|(_, length)| *length > 0);
            match found {
                Some((kind, length)) => {
                    let (covered, after) = rest.split_at(length.min(rest.len()));
                    let covered = covered.concat();
                    let core = covered.trim_matches(|letter: char| !is_core(letter));
                    let (before, behind) = covered.split_once(core).unwrap_or(("", ""));
                    hidden.push_str(before);
                    hidden.push_str(&self.stand_in(kind, core));
                    hidden.push_str(behind);
                    rest = after;
                }
                None => {
                    hidden.push_str(word);
                    rest = after;
                }
            }
        }
        self.hide_known_names(hidden)
    }

    /// `text` with every placeholder turned back. `None` if it holds one that
    /// stands for nothing.
    pub fn restore(&self, text: &str) -> Option<String> {
        // Longest first: [PHONE_12] is not [PHONE_1] and a 2.
        let restored =
            self.entries.iter().rev().fold(text.to_owned(), |text, (placeholder, value)| {
                text.replace(placeholder, value)
            });
        let is_whole = !restored.contains(['[', ']']);
        is_whole.then_some(restored)
    }

    fn stand_in(&mut self, kind: &str, value: &str) -> String {
        if let Some((placeholder, _)) = self.entries.iter().find(|(_, known)| known == value) {
            return placeholder.clone();
        }
        let start = format!("[{kind}_");
        let number = 1 + self
            .entries
            .iter()
            .filter(|(placeholder, _)| placeholder.starts_with(&start))
            .count();
        let placeholder = format!("{start}{number}]");
        self.entries.push((placeholder.clone(), value.to_owned()));
        placeholder
    }

    /// A name said once is hidden wherever it stands.
    fn hide_known_names(&self, text: String) -> String {
        self.entries
            .iter()
            .filter(|(placeholder, name)| {
                placeholder.starts_with("[NAME_") && name.chars().count() > 2
            })
            .fold(text, |text, (placeholder, name)| text.replace(name, placeholder))
    }
}

fn is_core(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '+'
}

fn trimmed(word: &str) -> &str {
    word.trim_matches(|letter: char| !letter.is_alphanumeric())
}

fn email_length(words: &[&str]) -> usize {
    let is_email = words.first().is_some_and(|word| {
        trimmed(word)
            .split_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.'))
    });
    usize::from(is_email)
}

/// Words that together hold the digits of a number and nothing but what stands
/// between: 10 to 15 digits, or the 7 of a local number. 8 are more often a date.
fn phone_length(words: &[&str]) -> usize {
    let mut digits = 0;
    let mut length = 0;
    for (index, word) in words.iter().take(5).enumerate() {
        let word = word
            .trim_end_matches(|letter: char| letter.is_whitespace() || ",;:!?.".contains(letter));
        let is_part =
            word.chars().all(|letter| letter.is_ascii_digit() || "+-.()/\u{2011}".contains(letter));
        let count = word.chars().filter(char::is_ascii_digit).count();
        if !is_part || count == 0 {
            break;
        }
        digits += count;
        if digits > 15 {
            break;
        }
        if digits == 7 || digits >= 10 {
            length = index + 1;
        }
    }
    length
}

/// A Canadian postal code, in one word or two.
fn postal_code_length(words: &[&str]) -> usize {
    let is_code = |text: &str| {
        let letters: Vec<char> = text.chars().filter(|letter| *letter != '-').collect();
        letters.len() == 6
            && letters.iter().enumerate().all(|(index, letter)| {
                if index % 2 == 0 { letter.is_ascii_alphabetic() } else { letter.is_ascii_digit() }
            })
    };
    match words {
        [first, ..] if is_code(trimmed(first)) => 1,
        [first, second, ..]
            if trimmed(first).len() == 3
                && is_code(&[trimmed(first), trimmed(second)].concat()) =>
        {
            2
        }
        _ => 0,
    }
}

/// A house number and up to four words to a street word and the word after it.
fn address_length(words: &[&str]) -> usize {
    let starts_with_number = words.first().is_some_and(|word| {
        let word = trimmed(word);
        (1..=6).contains(&word.len()) && word.starts_with(|letter: char| letter.is_ascii_digit())
    });
    if !starts_with_number {
        return 0;
    }
    let street = words
        .iter()
        .skip(1)
        .take(4)
        .position(|word| STREET_WORDS.contains(&trimmed(word).to_lowercase().as_str()));
    let Some(street) = street.map(|position| position + 1) else { return 0 };
    // "123 rue Saint-Denis" goes on after the street word, "123 Main St" does not.
    let goes_on = words
        .iter()
        .skip(street + 1)
        .take(3)
        .take_while(|word| {
            trimmed(word).starts_with(char::is_uppercase) || street == 1 && trimmed(word) == "de"
        })
        .count();
    (street + 1 + if street == 1 { goes_on } else { 0 }).min(words.len())
}

/// Up to three capitalised words.
fn name_length(words: &[&str]) -> usize {
    words
        .iter()
        .take(3)
        .scan(false, |ended, word| {
            if *ended || !trimmed(word).starts_with(char::is_uppercase) {
                return None;
            }
            // "This is Anna. Can I…": a name ends with its sentence.
            *ended = word.trim_end().ends_with(['.', ',', '!', '?', ';']);
            Some(())
        })
        .count()
}

fn follows_introduction(text: &str) -> bool {
    let text = text.trim_end().to_lowercase().replace('’', "'");
    NAME_INTRODUCTIONS.iter().any(|introduction| {
        text.strip_suffix(introduction)
            .is_some_and(|before| !before.ends_with(char::is_alphanumeric))
    })
}

impl std::fmt::Debug for Placeholders {
    /// Hides what the placeholders stand for.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Placeholders({})", self.entries.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, want: &str) {
        let mut placeholders = Placeholders::default();
        let hidden = placeholders.hide(text);
        assert_eq!(hidden, want);
        assert_eq!(placeholders.restore(&hidden).as_deref(), Some(text));
    }

    #[test]
    fn personal_data_is_replaced_and_comes_back() {
        check("write to anna@example.com.", "write to [EMAIL_1].");
        check("call 514-555-0100 please", "call [PHONE_1] please");
        check("call +1 (514) 555 0100, ok?", "call +[PHONE_1], ok?".replace("+[", "[").as_str());
        check("I live at 123 Main Street, H2X 1Y4", "I live at [ADDRESS_1], [POSTAL_CODE_1]");
        check("au 5425 rue de Bordeaux svp", "au [ADDRESS_1] svp");
        check("my name is Anna Tremblay. Anna!", "my name is [NAME_1]. Anna!");
        check("I'm Bob, Bob Roy", "I'm [NAME_1], [NAME_1] Roy");
        check("Je m'appelle Zoé", "Je m'appelle [NAME_1]");
    }

    #[test]
    fn ordinary_words_and_numbers_stay() {
        for text in [
            "",
            "a tune-up for $79?",
            "at 5:30 on 2026-11-23",
            "i'm looking for a bike",
            "2 bikes",
            "this is great",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn the_same_data_has_the_same_placeholder() {
        let mut placeholders = Placeholders::new(Some("Anna"));
        assert_eq!(placeholders.hide("Anna: a@b.co, c@d.co"), "[NAME_1]: [EMAIL_1], [EMAIL_2]");
        assert_eq!(placeholders.hide("c@d.co again"), "[EMAIL_2] again");
        assert_eq!(placeholders.restore("to [EMAIL_2]").as_deref(), Some("to c@d.co"));
    }

    #[test]
    fn an_invented_placeholder_is_noticed() {
        let placeholders = Placeholders::new(Some("Anna"));
        assert_eq!(placeholders.restore("Hi [NAME_2]"), None);
        assert_eq!(placeholders.restore("Hi [NAME_1]").as_deref(), Some("Hi Anna"));
    }

    proptest! {
        #[test]
        fn what_is_hidden_comes_back(text in "([a-zA-Z0-9@.+'é-]{1,9}[ ,.]{1,2}){0,12}") {
            let mut placeholders = Placeholders::new(Some("Anna"));
            let hidden = placeholders.hide(&text);
            prop_assert_eq!(placeholders.restore(&hidden), Some(text));
        }
    }
}
