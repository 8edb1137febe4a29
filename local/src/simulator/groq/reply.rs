//! What a shop's assistant might plausibly say, found by simple rules.

use super::completion::Request;

/// A reply to a lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    /// What it says.
    pub(super) text: String,
    /// Whether the owner has to see to it.
    pub(super) needs_owner: bool,
}

/// What a lead wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Topic {
    /// When the shop is open.
    Hours,
    /// Where the shop is.
    Address,
    /// Nothing: the lead says hello.
    Greeting,
    /// Nothing more: the lead says thank you.
    Thanks,
    /// What only the owner can tell.
    Other,
}

/// A reply drawn from what the request says of the shop.
///
/// A question is answered with the line of the instructions that is about it; if
/// there is none, or the question is another, the owner is said to follow up.
pub(super) fn plausible(request: &Request) -> Reply {
    let question = request.last_user_message();
    let instructions = request.instructions();
    let is_french = is_french(question, &instructions);
    let english_or_french = |english: String, french: String| Reply {
        text: if is_french { french } else { english },
        needs_owner: false,
    };
    let known = |topic: &[&str]| line_about(&instructions, topic);

    match topic(question) {
        Topic::Hours => match known(&["hours", "heures", "open", "ouvert", "horaire"]) {
            Some(hours) => english_or_french(
                format!("Here are our hours: {hours}"),
                format!("Voici nos heures d’ouverture : {hours}"),
            ),
            None => follow_up(is_french),
        },
        Topic::Address => match known(&["address", "adresse"]) {
            Some(address) => english_or_french(
                format!("You will find us here: {address}"),
                format!("Vous nous trouverez ici : {address}"),
            ),
            None => follow_up(is_french),
        },
        Topic::Greeting => english_or_french(
            "Hello! How can we help you today?".to_owned(),
            "Bonjour! Comment pouvons-nous vous aider aujourd’hui?".to_owned(),
        ),
        Topic::Thanks => english_or_french(
            "You are welcome. See you soon!".to_owned(),
            "Avec plaisir. À bientôt!".to_owned(),
        ),
        Topic::Other => follow_up(is_french),
    }
}

/// The promise that a person will answer.
fn follow_up(is_french: bool) -> Reply {
    let text = if is_french {
        "Merci pour votre message. Le propriétaire vous répondra sous peu à ce sujet."
    } else {
        "Thank you for your message. The owner will get back to you about this shortly."
    };
    Reply { text: text.to_owned(), needs_owner: true }
}

/// What a lead wants to know, by the words of the question.
fn topic(question: &str) -> Topic {
    let question = question.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| question.contains(word));
    if has(&["hour", "open", "close", "heure", "ouvert", "ferm", "horaire"]) {
        Topic::Hours
    } else if has(&["address", "where are you", "located", "adresse", "où êtes", "où se trouve"])
    {
        Topic::Address
    } else if has(&["thank", "merci"]) {
        Topic::Thanks
    } else if question.chars().count() < 40
        && words(&question).any(|word| matches!(word, "hi" | "hello" | "hey" | "bonjour" | "salut"))
    {
        Topic::Greeting
    } else {
        Topic::Other
    }
}

/// Whether the reply should be in French: if the instructions ask for French and
/// not for English too, or else if the question is written in it.
fn is_french(question: &str, instructions: &str) -> bool {
    let instructions = instructions.to_lowercase();
    if instructions.contains("french") && !instructions.contains("english") {
        return true;
    }
    let question = question.to_lowercase();
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
                | "le"
                | "la"
                | "les"
                | "une"
                | "des"
                | "pour"
                | "quelle"
                | "quelles"
                | "quand"
                | "combien"
                | "ouvert"
                | "ouverts"
                | "heure"
                | "heures"
                | "prix"
                | "où"
                | "oui"
        )
    };
    words(&question).any(is_word_of_french)
}

/// What the instructions say about a topic: the first line that names it and has
/// a number in it, as hours and addresses do, without the name in front.
fn line_about(instructions: &str, topic: &[&str]) -> Option<String> {
    let is_about = |line: &&str| {
        let lower = line.to_lowercase();
        topic.iter().any(|word| lower.contains(word)) && line.chars().any(|c| c.is_ascii_digit())
    };
    let line = instructions.lines().find(is_about)?;
    let label_ends = line.find(": ").filter(|&end| end < 40);
    let value = label_ends.and_then(|end| line.get(end + 2..)).unwrap_or(line);
    Some(value.trim_matches([' ', '-', '*']).to_owned())
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SHOP: &str = "You answer for Boulangerie Locale.\n- Opening hours: Mon-Fri 7:00-18:00\n\
                        Address: 12 rue Exemple, Montréal\nAnswer in English or French.";

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
        check(SHOP, "When do you open?", "Here are our hours: Mon-Fri 7:00-18:00", false);
        check(
            SHOP,
            "Where are you located",
            "You will find us here: 12 rue Exemple, Montréal",
            false,
        );
        check(SHOP, "Hi there!", "Hello! How can we help you today?", false);
        check(SHOP, "thanks a lot", "You are welcome. See you soon!", false);
    }

    #[test]
    fn french_is_answered_in_french() {
        check(
            SHOP,
            "Vous êtes ouverts quand?",
            "Voici nos heures d’ouverture : Mon-Fri 7:00-18:00",
            false,
        );
        check(SHOP, "Bonjour", "Bonjour! Comment pouvons-nous vous aider aujourd’hui?", false);
        check(
            "Answer in French.",
            "hello",
            "Bonjour! Comment pouvons-nous vous aider aujourd’hui?",
            false,
        );
    }

    #[test]
    fn anything_else_is_left_to_the_owner() {
        let english =
            "Thank you for your message. The owner will get back to you about this shortly.";
        check(SHOP, "How much is a wedding cake?", english, true);
        check("You answer for a shop.", "When do you open?", english, true);
        let french = "Merci pour votre message. Le propriétaire vous répondra sous peu à ce sujet.";
        check(SHOP, "Combien pour un gâteau?", french, true);
    }
}
