//! `/privacy`: what we have about people, why, where, and what they can do about it.

use maud::{Markup, html};

use crate::pages::{
    Visit, layout, public::processors::PROCESSORS, settings::Contacts, words::words,
};

words! {
    /// The privacy page.
    PrivacyWords {
        title: "Privacy", "Confidentialité";
        lead:
            "What we have about people, why, where it is, and how to get it out or get rid of it.",
            "Ce que nous détenons sur les personnes, pourquoi, où, et comment l’obtenir ou le faire disparaître.";
        processors_title: "Who works for us", "Qui travaille pour nous";
        processors_caption:
            "Everyone who processes personal data for us. Our servers can reach no other host.",
            "Tous ceux qui traitent des données personnelles pour nous. Nos serveurs ne peuvent joindre aucun autre hôte.";
        who: "Who", "Qui";
        purpose: "For what", "Pour quoi";
        data: "Which data", "Quelles données";
        region: "Where", "Où";
        cookies_title: "Cookies", "Témoins (cookies)";
        cookies:
            "Only what the site needs to work: two that keep you signed in, one that protects forms, one for the language you chose, one for a message shown once. There is no analytics, no advertising, no tracking pixel and no script. Each page is loaded from this site alone.",
            "Seulement ce qu’il faut pour fonctionner : deux qui vous gardent connecté, un qui protège les formulaires, un pour la langue choisie, un pour un message affiché une fois. Ni statistiques, ni publicité, ni pixel espion, ni script. Chaque page vient de ce site seul.";
        rights_title: "Your rights", "Vos droits";
        rights:
            "Shop owners see, correct, export and delete what we hold, in the console. If you texted a shop, the shop decides about your data: ask it, and it can hand you everything or erase it with one action. If it does not answer, write to us. A data processing agreement is available on request.",
            "Les propriétaires de commerce voient, corrigent, exportent et suppriment ce que nous détenons, dans la console. Si vous avez texté un commerce, c’est lui qui décide de vos données : demandez-lui, il peut tout vous remettre ou l’effacer en une action. S’il ne répond pas, écrivez-nous. Un accord de traitement des données est offert sur demande.";
        retention_title: "How long we keep it", "Combien de temps nous gardons";
        retention:
            "As long as the account exists, unless the owner erases it earlier. After an account is deleted, a sealed backup is kept for at most 90 days. Evidence that somebody said stop stays longer, as a fingerprint that cannot be turned back into the number without our secret key, because forgetting it would mean texting that person again.",
            "Aussi longtemps que le compte existe, sauf si le propriétaire efface plus tôt. Après la suppression d’un compte, une copie scellée est gardée 90 jours au plus. La preuve que quelqu’un a dit d’arrêter reste plus longtemps, sous forme d’une empreinte dont le numéro ne peut être tiré sans notre clé secrète, car l’oublier voudrait dire texter cette personne à nouveau.";
        signal_title: "Opt-out signals", "Signaux de refus";
        signal:
            "We honour the Global Privacy Control. As nothing is sold, shared for advertising or tracked, it changes nothing for you here.",
            "Nous respectons le Global Privacy Control. Comme rien n’est vendu, partagé à des fins publicitaires ni suivi, il ne change rien pour vous ici.";
        signal_seen: "Your browser sends this signal.", "Votre navigateur envoie ce signal.";
        signal_not_seen:
            "Your browser does not send this signal.",
            "Votre navigateur n’envoie pas ce signal.";
        contact_title: "Ask us", "Demandez-nous";
        contact: "Write to", "Écrivez à";
    }
}

pub(crate) fn page(visit: &Visit, contacts: &Contacts) -> Markup {
    let words = PrivacyWords::of(visit.language);
    let language = visit.language;
    let signal = if visit.has_opted_out { words.signal_seen } else { words.signal_not_seen };
    let sections = [
        (words.cookies_title, words.cookies),
        (words.rights_title, words.rights),
        (words.retention_title, words.retention),
    ];
    let content = html! {
        h1 { (words.title) }
        p.prose { (words.lead) }
        h2 #processors { (words.processors_title) }
        div.scroll tabindex="0" role="region" aria-label=(words.processors_title) {
            table {
                caption { (words.processors_caption) }
                thead {
                    tr {
                        th scope="col" { (words.who) }
                        th scope="col" { (words.purpose) }
                        th scope="col" { (words.data) }
                        th scope="col" { (words.region) }
                    }
                }
                tbody {
                    @for processor in &PROCESSORS {
                        tr {
                            th scope="row" { (processor.name) }
                            td { (processor.purpose.of(language)) }
                            td { (processor.data.of(language)) }
                            td { (processor.region.of(language)) }
                        }
                    }
                }
            }
        }
        div.prose {
            @for (title, text) in sections { h2 { (title) } p { (text) } }
            h2 { (words.signal_title) }
            p { (words.signal) " " strong { (signal) } }
            h2 { (words.contact_title) }
            p { (words.contact) " " a href={ "mailto:" (contacts.support) } { (contacts.support) } }
        }
    };
    layout::public(visit, words.title, content)
}
