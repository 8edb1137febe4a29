//! What is wrong with a field, put into words next to it.

use trust::text::language::Language;

use super::{Form, Visit};
use crate::owner::fields::{Fault, Faults};

/// Adds what the console found to the form.
pub(crate) fn add(form: &mut Form, faults: &Faults, visit: &Visit) {
    for (name, fault) in faults.iter() {
        form.wrong(name, words(fault, visit.language));
    }
}

fn words(fault: Fault, language: Language) -> String {
    let is_english = language == Language::English;
    let fixed = |english: &str, french: &str| {
        if is_english { english.to_owned() } else { french.to_owned() }
    };
    match fault {
        Fault::Missing => fixed("This field is required.", "Ce champ est obligatoire."),
        Fault::TooLong(max) if is_english => format!("Use at most {max} characters."),
        Fault::TooLong(max) => format!("Utilisez {max} caractères au plus."),
        Fault::Character => fixed(
            "There is a character in it that cannot be used here.",
            "Il y a un caractère qui ne va pas ici.",
        ),
        Fault::Email => {
            fixed("This is not an e-mail address.", "Ce n’est pas une adresse courriel.")
        }
        Fault::Phone => {
            fixed("This is not a phone number.", "Ce n’est pas un numéro de téléphone.")
        }
        Fault::Website => {
            fixed("Write it beginning with https://", "Écrivez-la en commençant par https://")
        }
        Fault::TimeZone => fixed(
            "This is not a time zone. Write it like America/Toronto.",
            "Ce n’est pas un fuseau horaire. Écrivez-le comme America/Toronto.",
        ),
        Fault::Language => fixed("Choose English or French.", "Choisissez français ou anglais."),
        Fault::TooManySegments(max) if is_english => {
            format!("This would be more than {max} SMS. Make it shorter.")
        }
        Fault::TooManySegments(max) => format!("Cela ferait plus de {max} SMS. Raccourcissez."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_said_in_the_language_of_the_page() {
        assert_eq!(words(Fault::TooLong(60), Language::English), "Use at most 60 characters.");
        assert_eq!(words(Fault::TooLong(60), Language::French), "Utilisez 60 caractères au plus.");
        for fault in [Fault::Missing, Fault::Character, Fault::Email, Fault::TimeZone] {
            assert_ne!(words(fault, Language::English), words(fault, Language::French));
        }
    }
}
