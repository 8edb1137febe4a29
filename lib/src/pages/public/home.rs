//! `/`: what the product is.

use maud::{Markup, html};

use crate::pages::{Visit, layout, words::words};

words! {
    /// The front page.
    HomeWords {
        title:
            "Every text to your shop, answered in seconds",
            "Une réponse à chaque texto, en quelques secondes";
        lead:
            "LeadsLock answers the people who text your shop, in English or French, from what you told it. You read along, step in whenever you like, and stay the owner of every word.",
            "LeadsLock répond aux personnes qui textent votre commerce, en français ou en anglais, à partir de ce que vous lui avez dit. Vous lisez tout, intervenez quand vous voulez et restez propriétaire de chaque mot.";
        begin: "Create an account", "Créer un compte";
        promises: "Read our promises", "Lire nos promesses";
        answers_title: "It answers, and says what it is", "Il répond et dit ce qu’il est";
        answers:
            "The first message says that it is automated and for whom it writes. When it is unsure, it hands over to you instead of guessing.",
            "Le premier message dit qu’il est automatisé et pour qui il écrit. S’il n’est pas sûr, il vous passe la main au lieu de deviner.";
        watch_title: "You are in charge", "Vous décidez";
        watch:
            "Read every conversation, answer by hand, correct what is wrong. Your instructions are all the assistant knows about your shop.",
            "Lisez chaque conversation, répondez vous-même, corrigez ce qui est faux. L’assistant ne sait de votre commerce que ce que vous lui avez écrit.";
        stop_title: "STOP means stop", "ARRET veut dire arrêt";
        stop:
            "Whoever texts STOP, ARRET or any clear wish to be left alone gets one confirmation at most, and nothing after it. The database itself refuses.",
            "Qui texte STOP, ARRET ou tout souhait clair d’avoir la paix reçoit au plus une confirmation, puis plus rien. La base de données elle-même refuse.";
        own_title: "Your data stays yours", "Vos données restent à vous";
        own:
            "Export everything as JSON or CSV whenever you want. Delete your account whenever you want.",
            "Exportez tout en JSON ou en CSV quand vous voulez. Supprimez votre compte quand vous voulez.";
        cards_title: "No card numbers", "Aucun numéro de carte";
        cards:
            "You pay through Stripe; we never see a card. A card number that somebody texts is masked before we store it.",
            "Vous payez chez Stripe; nous ne voyons jamais de carte. Un numéro de carte envoyé par texto est masqué avant d’être enregistré.";
        open_title: "Promises you can check", "Des promesses vérifiables";
        open:
            "Each promise on our security page names the tests that look at it, and what it does not cover.",
            "Chaque promesse de notre page de sécurité nomme les tests qui la surveillent, et ce qu’elle ne couvre pas.";
    }
}

pub(crate) fn page(visit: &Visit) -> Markup {
    let words = HomeWords::of(visit.language);
    let cards = [
        (words.answers_title, words.answers),
        (words.watch_title, words.watch),
        (words.stop_title, words.stop),
        (words.own_title, words.own),
        (words.cards_title, words.cards),
        (words.open_title, words.open),
    ];
    let content = html! {
        div.hero {
            h1 { (words.title) }
            p { (words.lead) }
            p.row {
                a.button href="/sign-up" { (words.begin) }
                a.button.second href="/security" { (words.promises) }
            }
        }
        div.grid {
            @for (title, text) in cards {
                section.card { h2 { (title) } p { (text) } }
            }
        }
    };
    layout::public(visit, words.title, content)
}
