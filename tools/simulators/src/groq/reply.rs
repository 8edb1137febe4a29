//! What a shop's assistant might plausibly say, found by simple rules.

use std::collections::BTreeSet;

use super::completion::{Reply, Request};

/// Where a prompt's rules end and what the shop says of itself begins.
const ABOUT: &str = "ABOUT THE SHOP\n";

/// The length from which a word in common shows that a sentence is about a question.
const TELLING_LENGTH: usize = 4;

/// The languages replies are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    English,
    French,
}

/// What a lead wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Topic {
    /// When the shop is open.
    Hours,
    /// What something costs.
    Price,
    /// Nothing: the lead says hello.
    Greeting,
    /// Nothing more: the lead says thank you.
    Thanks,
    /// What only the owner can tell.
    Other,
}

/// A reply drawn from what the request says of the shop.
///
/// A question about hours or prices is answered with the shop's own sentence on
/// it. If there is none, or the question is another, the owner is said to follow
/// up.
pub(super) fn plausible(request: &Request) -> Reply {
    let question = request.last_user_message();
    let instructions = request.instructions();
    let language = language(question, &instructions);
    let found = match topic(question) {
        Topic::Hours => hours(&instructions).map(|hours| match language {
            Language::English => format!("Here are our hours: {hours}"),
            Language::French => format!("Voici nos heures d'ouverture : {}", in_french(hours)),
        }),
        Topic::Price => price(&instructions, question).map(|price| match language {
            Language::English => format!("Here are our prices: {price}"),
            Language::French => format!("Voici nos prix : {price}"),
        }),
        Topic::Greeting => Some(match language {
            Language::English => "Hello! How can we help you today?".to_owned(),
            Language::French => "Bonjour! Comment pouvons-nous vous aider?".to_owned(),
        }),
        Topic::Thanks => Some(match language {
            Language::English => "You are welcome!".to_owned(),
            Language::French => "Avec plaisir! Merci à vous.".to_owned(),
        }),
        Topic::Other => None,
    };
    match found {
        Some(text) => Reply { text, needs_owner: false },
        None => Reply { text: follow_up(language).to_owned(), needs_owner: true },
    }
}

/// The promise that a person will answer.
fn follow_up(language: Language) -> &'static str {
    match language {
        Language::English => {
            "Thank you for your message. The owner will get back to you about this shortly."
        }
        Language::French => {
            "Merci pour votre message. Le propriétaire vous répondra à ce sujet sous peu."
        }
    }
}

/// What a lead wants to know, by the words of the question.
fn topic(question: &str) -> Topic {
    let question = question.to_lowercase();
    let mentions = |words: &[&str]| words.iter().any(|word| question.contains(word));
    if mentions(&["hour", "open", "close", "heure", "ouvert", "ferm", "horaire"]) {
        Topic::Hours
    } else if mentions(&["how much", "price", "cost", "combien", "prix", "coût"]) {
        Topic::Price
    } else if mentions(&["thank", "merci"]) {
        Topic::Thanks
    } else if question.chars().count() < 40
        && words(&question).any(|word| matches!(word, "hi" | "hello" | "hey" | "bonjour" | "salut"))
    {
        Topic::Greeting
    } else {
        Topic::Other
    }
}

/// The language the instructions ask for or, if they leave that open, the one the
/// question is written in.
fn language(question: &str, instructions: &str) -> Language {
    let instructions = instructions.to_lowercase();
    let asked_for = |phrase: &str| {
        let (start, _) = instructions.match_indices(phrase).find(|(start, phrase)| {
            let rest = instructions.get(start + phrase.len()..).unwrap_or_default();
            !rest.starts_with(" or ")
        })?;
        Some(start)
    };
    match (asked_for("in english"), asked_for("in french")) {
        (Some(english), Some(french)) if english < french => Language::English,
        (Some(_), None) => Language::English,
        (_, Some(_)) => Language::French,
        (None, None) if is_french(question) => Language::French,
        (None, None) => Language::English,
    }
}

fn is_french(question: &str) -> bool {
    let is_word_of_french = |word: &str| {
        matches!(
            word,
            "bonjour"
                | "salut"
                | "merci"
                | "vous"
                | "êtes"
                | "est"
                | "je"
                | "la"
                | "les"
                | "une"
                | "des"
                | "pour"
                | "quelles"
                | "quand"
                | "combien"
                | "ouvert"
                | "ouverts"
                | "heures"
                | "prix"
                | "où"
                | "oui"
        )
    };
    words(&question.to_lowercase()).any(is_word_of_french)
}

/// The shop's sentence on its hours: it has the word and a number.
fn hours(instructions: &str) -> Option<&str> {
    sentences(instructions).find(|sentence| {
        let lower = sentence.to_lowercase();
        let is_about =
            ["hours", "heures", "open", "ouvert"].iter().any(|word| lower.contains(word));
        is_about && lower.chars().any(|letter| letter.is_ascii_digit())
    })
}

/// The shop's sentence on the price asked for: it has a price and shares most
/// words with the question, at least one.
fn price<'a>(instructions: &'a str, question: &str) -> Option<&'a str> {
    let asked = telling_words(question);
    let shared = |sentence: &str| telling_words(sentence).intersection(&asked).count();
    let prices = sentences(instructions).filter(|sentence| sentence.contains('$'));
    prices
        .map(|sentence| (shared(sentence), sentence))
        .filter(|(shared, _)| *shared > 0)
        .max()
        .map(|(_, sentence)| sentence)
}

/// What the instructions say of the shop, sentence by sentence.
fn sentences(instructions: &str) -> impl Iterator<Item = &str> {
    let about = instructions.split_once(ABOUT).map_or(instructions, |(_, about)| about);
    let lines = about.lines().flat_map(|line| line.split_inclusive(". "));
    lines.map(|sentence| sentence.trim_matches([' ', '-', '*']))
}

/// The words of a text that tell what it is about.
fn telling_words(text: &str) -> BTreeSet<String> {
    let text = text.to_lowercase();
    words(&text).filter(|word| word.chars().count() >= TELLING_LENGTH).map(str::to_owned).collect()
}

/// A sentence on hours, with its English words put into French.
fn in_french(hours: &str) -> String {
    let translated = hours.split(' ').map(|word| {
        let bare = word.trim_end_matches([',', '.', ';', ':']);
        let french = match bare.to_lowercase().as_str() {
            "open" => "ouvert",
            "closed" => "fermé",
            "hours" => "heures",
            "to" => "à",
            "and" => "et",
            "monday" => "lundi",
            "tuesday" => "mardi",
            "wednesday" => "mercredi",
            "thursday" => "jeudi",
            "friday" => "vendredi",
            "saturday" => "samedi",
            "sunday" => "dimanche",
            _ => bare,
        };
        word.replacen(bare, french, 1)
    });
    translated.collect::<Vec<_>>().join(" ")
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SHOP: &str = "You answer for a shop. Copy prices ($) and opening hours 1:1.\n\
                        Answer in English, or (180 letters) in French.\n\nABOUT THE SHOP\n\
                        Bread and cakes. Open Monday to Friday 7:00 to 18:00, closed Sunday. \
                        A baguette is $4, a croissant $3. Birthday cakes from $40.";

    #[track_caller]
    fn check(instructions: &str, question: &str, text: &str, needs_owner: bool) {
        let body = json!({
            "model": "m",
            "messages": [
                { "role": "system", "content": instructions },
                { "role": "user", "content": question },
            ],
        });
        let request = Request::parse(body.to_string().as_bytes()).unwrap();
        assert_eq!(plausible(&request), Reply { text: text.to_owned(), needs_owner });
    }

    #[test]
    fn what_the_shop_says_is_answered() {
        let hours = "Here are our hours: Open Monday to Friday 7:00 to 18:00, closed Sunday.";
        check(SHOP, "When do you open?", hours, false);
        let price = "Here are our prices: A baguette is $4, a croissant $3.";
        check(SHOP, "How much is a croissant?", price, false);
        check(SHOP, "Hi there!", "Hello! How can we help you today?", false);
        check(SHOP, "thanks a lot", "You are welcome!", false);
    }

    #[test]
    fn anything_else_is_left_to_the_owner() {
        for question in ["How much is a wedding?", "Is my order ready?"] {
            check(SHOP, question, follow_up(Language::English), true);
        }
        check("You answer for a shop.", "When do you open?", follow_up(Language::English), true);
    }

    #[test]
    fn french_is_answered_where_it_is_asked_for_or_written() {
        let french = SHOP.replace("in English, or", "in French");
        let hours =
            "Voici nos heures d'ouverture : ouvert lundi à vendredi 7:00 à 18:00, fermé dimanche.";
        check(&french, "When do you open?", hours, false);
        check(&french, "Is my order ready?", follow_up(Language::French), true);
        check(SHOP, "Vous avez du pain?", follow_up(Language::English), true);
        let open = "Answer in English or French.";
        check(open, "Vous avez du pain?", follow_up(Language::French), true);
        check(open, "hello", "Hello! How can we help you today?", false);
    }
}
