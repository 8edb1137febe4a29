//! What a model's answer must be before a lead gets to see it.

use std::collections::BTreeSet;

use thiserror::Error;
use trust::text::{
    language::{self, Language},
    placeholders::Placeholders,
    segments,
};

use super::{Author, Conversation, text};

/// The most SMS an answer may take.
pub(super) const MAX_SEGMENTS: usize = 3;

/// Why an answer is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum Fault {
    /// It says nothing.
    #[error("it is empty")]
    Empty,
    /// It takes more than [`MAX_SEGMENTS`].
    #[error("it is too long")]
    TooLong,
    /// It names a site or address that is not the shop's.
    #[error("it links to something that is not the shop's")]
    ForeignLink,
    /// It holds a placeholder that stands for nothing.
    #[error("it has a placeholder that stands for nothing")]
    Placeholder,
    /// It names an amount the shop does not.
    #[error("it names a price the shop does not")]
    InventedPrice,
    /// It holds a number nobody mentioned.
    #[error("it has a number that nobody mentioned")]
    InventedNumber,
    /// It says that an appointment is made.
    #[error("it makes an appointment")]
    Appointment,
    /// It is in the other language.
    #[error("it is in the wrong language")]
    Language,
}

/// Phrases that only a person of the shop may say.
const APPOINTMENT_PHRASES: [&str; 18] = [
    "you're booked",
    "you are booked",
    "i've booked",
    "i have booked",
    "booked you",
    "is booked",
    "is confirmed",
    "i've scheduled",
    "i have scheduled",
    "you're scheduled",
    "appointment is set",
    "see you at",
    "see you on",
    "see you tomorrow",
    "est confirmé",
    "est réservé",
    "j'ai réservé",
    "on se voit",
];

/// The text to send for a model's `reply`, or why there is none.
pub(super) fn accept(
    reply: &str,
    conversation: &Conversation,
    language: Language,
    placeholders: &Placeholders,
) -> Result<String, Fault> {
    let reply = tidy(reply);
    if !reply.chars().any(char::is_alphanumeric) {
        return Err(Fault::Empty);
    }
    let restored = placeholders.restore(&reply).ok_or(Fault::Placeholder)?;

    let business = &conversation.business;
    let of_shop =
        [&business.about, &business.instructions, &business.name].map(String::as_str).join("\n");
    let website = business.website.as_deref().unwrap_or_default();
    let said = conversation.history.iter().map(|message| message.body.as_str());
    let said = said.collect::<Vec<_>>().join("\n");
    let of_people = conversation
        .history
        .iter()
        .filter(|message| message.author == Author::Owner)
        .map(|message| message.body.as_str())
        .collect::<Vec<_>>()
        .join("\n");

    let known_text = format!("{of_shop}\n{website}\n{said}").to_lowercase();
    if links(&restored).any(|link| !known_link(&link, &known_text, website)) {
        return Err(Fault::ForeignLink);
    }
    // A price is the shop's to name: that a lead proposed it does not make it one.
    let shop_numbers = numbers(&format!("{of_shop}\n{of_people}"));
    if !prices(&restored).is_subset(&shop_numbers) {
        return Err(Fault::InventedPrice);
    }
    let known_numbers = numbers(&format!("{known_text}\n{}", business.local_time));
    if !numbers(&restored).is_subset(&with_twelve_hour_forms(known_numbers)) {
        return Err(Fault::InventedNumber);
    }
    let lower = restored.to_lowercase();
    if APPOINTMENT_PHRASES.iter().any(|phrase| lower.contains(phrase)) {
        return Err(Fault::Appointment);
    }
    if language::detect(&restored).is_some_and(|detected| detected != language) {
        return Err(Fault::Language);
    }

    let text = text(&restored, conversation, language);
    if segments::count(&text) > MAX_SEGMENTS { Err(Fault::TooLong) } else { Ok(text) }
}

/// Replaces typography that would make every character of an SMS twice as wide.
fn tidy(reply: &str) -> String {
    reply
        .trim()
        .chars()
        .map(|letter| match letter {
            '‘' | '’' | '\u{2032}' => '\'',
            '“' | '”' => '"',
            '–' | '—' | '\u{2010}' | '\u{2011}' => '-',
            '\u{a0}' | '\u{202f}' | '\u{2009}' => ' ',
            other => other,
        })
        .filter(|letter| !letter.is_control() || *letter == '\n')
        .collect()
}

/// Everything that a phone would turn into a link: addresses and host names.
fn links(text: &str) -> impl Iterator<Item = String> {
    text.split(|letter: char| letter.is_whitespace() || "()<>\"',;".contains(letter))
        .map(|word| word.trim_matches(|letter: char| ".!?:…".contains(letter)).to_lowercase())
        .filter(|word| {
            let host = word.split("://").last().unwrap_or_default();
            let host = host.split(['/', '?', '#']).next().unwrap_or_default();
            let is_dotted = host.rsplit_once('.').is_some_and(|(name, ending)| {
                !name.is_empty()
                    && ending.chars().count() >= 2
                    && ending.chars().all(char::is_alphabetic)
            });
            word.contains("://") || word.starts_with("www.") || word.contains('@') || is_dotted
        })
}

/// A link to the shop's own site, or one that stood in the conversation or the
/// shop's text just so.
fn known_link(link: &str, known_text: &str, website: &str) -> bool {
    let host = |url: &str| {
        let rest = url.split("://").last().unwrap_or_default();
        let host = rest.split(['/', '?', '#', ':']).next().unwrap_or_default();
        host.trim_start_matches("www.").to_lowercase()
    };
    let is_site = !website.is_empty() && !link.contains('@') && host(link) == host(website);
    let is_known = known_text
        .split(|letter: char| letter.is_whitespace() || "()<>\"',;".contains(letter))
        .any(|word| word.trim_matches(|letter: char| ".!?:…".contains(letter)) == link);
    is_site || is_known
}

/// The numbers in `text`, as their digits: `1,200` is 1 and 200.
fn numbers(text: &str) -> BTreeSet<String> {
    text.split(|letter: char| !letter.is_ascii_digit())
        .filter(|digits| !digits.is_empty())
        .map(|digits| digits.trim_start_matches('0').to_owned())
        .collect()
}

/// The numbers in `text` that a currency stands next to.
fn prices(text: &str) -> BTreeSet<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_currency = |word: Option<&&str>| {
        word.is_some_and(|word| {
            let word = word.to_lowercase();
            word.starts_with(['$', '€', '£'])
                || ["dollar", "buck", "cad", "usd", "piastre", "euro", "cent"]
                    .iter()
                    .any(|currency| word.starts_with(currency))
        })
    };
    words
        .iter()
        .enumerate()
        .filter(|(index, word)| {
            word.contains(['$', '€', '£'])
                || is_currency(words.get(index + 1))
                || index.checked_sub(1).is_some_and(|before| is_currency(words.get(before)))
        })
        .flat_map(|(_, word)| numbers(word))
        .collect()
}

/// "18:00" may be said as 6.
fn with_twelve_hour_forms(numbers: BTreeSet<String>) -> BTreeSet<String> {
    let afternoon = numbers
        .iter()
        .filter_map(|digits| digits.parse::<u32>().ok())
        .filter(|hour| (13..=23).contains(hour))
        .map(|hour| (hour - 12).to_string())
        .collect::<Vec<_>>();
    numbers.into_iter().chain(afternoon).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::fixtures::conversation, *};

    #[track_caller]
    fn check(reply: &str, want: Result<&str, Fault>) {
        let said = "do you fix flats for $20? I'm at 45 main st, +1 514 555 0123";
        let conversation = conversation(&[said]);
        let mut placeholders = Placeholders::default();
        placeholders.hide(said);
        let got = accept(reply, &conversation, Language::English, &placeholders);
        assert_eq!(got.as_deref(), want.as_deref(), "{reply}");
    }

    #[test]
    fn good_answers_pass() {
        for reply in [
            "A basic tune-up is $79.",
            "We are open Monday to Friday, 9 to 6.",
            "We're open 9:00 to 18:00. See https://mileendbikes.example/hours",
            "The owner will get back to you.",
        ] {
            check(reply, Ok(reply));
        }
        check("  It’s $79 – thanks  ", Ok("It's $79 - thanks"));
        check("We will call [PHONE_1].", Ok("We will call +1 514 555 0123."));
    }

    #[test]
    fn nonsense_and_inventions_do_not() {
        check("", Err(Fault::Empty));
        check(" …!", Err(Fault::Empty));
        check(&"long ".repeat(100), Err(Fault::TooLong));
        check("See http://evil.example", Err(Fault::ForeignLink));
        check("See evil.example/now", Err(Fault::ForeignLink));
        check("Write to boss@mileendbikes.example", Err(Fault::ForeignLink));
        check("See https://mileendbikes.example.evil.example", Err(Fault::ForeignLink));
        check("We will call [PHONE_2]", Err(Fault::Placeholder));
        check("Sure, $20 is fine.", Err(Fault::InventedPrice));
        check("It is 79 dollars, or 60 dollars on Monday.", Err(Fault::InventedPrice));
        check("It takes 3 days.", Err(Fault::InventedNumber));
        check("You're booked for Monday at 9.", Err(Fault::Appointment));
        check("Nous sommes ouverts le lundi pour vous.", Err(Fault::Language));
    }

    #[test]
    fn the_first_answer_says_who_writes_and_still_fits() {
        let mut conversation = conversation(&["hi"]);
        conversation.is_first_answer = true;
        let accept =
            |reply: &str| accept(reply, &conversation, Language::English, &Placeholders::default());
        assert_eq!(accept("Hello!").unwrap(), "Automated assistant of Mile End Bikes: Hello!");
        assert_eq!(accept(&"a".repeat(459)), Err(Fault::TooLong));
    }
}
