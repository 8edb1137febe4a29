//! The two languages a lead is answered in.

use serde::{Deserialize, Serialize};
use whatlang::{Detector, Lang};

/// English or French, as ISO 639-1 writes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Language {
    /// English.
    #[serde(rename = "en")]
    English,
    /// French.
    #[serde(rename = "fr")]
    French,
}

/// Words that settle it where a text is too short for statistics.
const MARKERS: [(&str, Language); 46] = {
    use Language::{English, French};
    [
        ("hi", English),
        ("hello", English),
        ("hey", English),
        ("the", English),
        ("you", English),
        ("your", English),
        ("do", English),
        ("is", English),
        ("are", English),
        ("how", English),
        ("what", English),
        ("when", English),
        ("much", English),
        ("can", English),
        ("thanks", English),
        ("please", English),
        ("open", English),
        ("stop", English),
        ("help", English),
        ("and", English),
        ("my", English),
        ("have", English),
        ("bonjour", French),
        ("bonsoir", French),
        ("salut", French),
        ("allo", French),
        ("allô", French),
        ("merci", French),
        ("vous", French),
        ("votre", French),
        ("êtes", French),
        ("est", French),
        ("le", French),
        ("les", French),
        ("des", French),
        ("une", French),
        ("pour", French),
        ("combien", French),
        ("quelle", French),
        ("quand", French),
        ("avez", French),
        ("arret", French),
        ("arrêt", French),
        ("aide", French),
        ("arrêtez", French),
        ("svp", French),
    ]
};

/// The language of `text`, or `None` where it does not tell.
pub fn detect(text: &str) -> Option<Language> {
    let words: Vec<String> = text
        .split(|letter: char| !letter.is_alphabetic())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let count = |language| {
        words
            .iter()
            .filter(|word| {
                MARKERS.iter().any(|(marker, of)| *marker == word.as_str() && *of == language)
            })
            .count()
    };
    let (english, french) = (count(Language::English), count(Language::French));
    match english.cmp(&french) {
        std::cmp::Ordering::Greater => Some(Language::English),
        std::cmp::Ordering::Less => Some(Language::French),
        std::cmp::Ordering::Equal => by_statistics(text, words.len()),
    }
}

fn by_statistics(text: &str, words: usize) -> Option<Language> {
    // Of fewer words the trigrams of two related languages say nothing.
    if words < 4 {
        return None;
    }
    let detected = Detector::with_allowlist(vec![Lang::Eng, Lang::Fra]).detect(text)?;
    match detected.lang() {
        Lang::Eng => Some(Language::English),
        Lang::Fra => Some(Language::French),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_of_a_text_is_told_where_the_text_tells() {
        use Language::{English, French};
        for (text, want) in [
            ("Hi! What are your hours?", Some(English)),
            ("how much for a flat tire", Some(English)),
            ("Bonjour, êtes-vous ouverts samedi?", Some(French)),
            ("Combien coûte une mise au point?", Some(French)),
            ("j'aimerais savoir si mon vélo peut être réparé demain", Some(French)),
            ("I was wondering whether someone could fix this tomorrow", Some(English)),
            ("ARRET", Some(French)),
            ("ok", None),
            ("👍", None),
            ("", None),
        ] {
            assert_eq!(detect(text), want, "{text}");
        }
    }
}
