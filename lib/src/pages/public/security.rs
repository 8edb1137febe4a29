//! `/security`: what we promise, how far it goes, and what proves it.

use maud::{Markup, html};

use crate::pages::{
    Visit, layout,
    public::promises::{PROMISES, PROVEN},
    settings::Contacts,
    words::words,
};

words! {
    /// The security page.
    SecurityWords {
        title: "What we promise, and how far it goes", "Ce que nous promettons, et jusqu’où";
        lead:
            "Each promise says what makes it true, how far it goes, and which tests of ours look at it. Where people or a provider keep it and not our code, it says so.",
            "Chaque promesse dit ce qui la rend vraie, jusqu’où elle va et lesquels de nos tests la surveillent. Quand des personnes ou un fournisseur la tiennent, et non notre code, elle le dit.";
        how: "What makes it true", "Ce qui la rend vraie";
        limits: "Limits", "Limites";
        proven:
            "All tests of this page last passed:",
            "Tous les tests de cette page ont réussi pour la dernière fois :";
        not_proven:
            "This build was not made by a run of all tests; it does not say when they last passed.",
            "Cette version n’a pas été produite par une exécution de tous les tests; elle ne dit pas quand ils ont réussi pour la dernière fois.";
        tests: "Tests", "Tests";
        report_title: "Report a weakness", "Signaler une faille";
        report:
            "You get an answer within 24 hours, and public credit if you want it. Test with accounts and numbers of your own, never read or keep other people's data, and give us time to mend it.",
            "Vous recevez une réponse en 24 heures, et des remerciements publics si vous le souhaitez. Testez avec vos propres comptes et numéros, ne lisez ni ne gardez jamais les données d’autrui, et laissez-nous le temps de corriger.";
        credit:
            "Nobody has reported a weakness yet. Anyone who does is credited here by name.",
            "Personne n’a encore signalé de faille. Toute personne qui le fera sera remerciée ici par son nom.";
        audit_title: "Audits", "Audits";
        audit:
            "There has been no external audit yet. When there is one, its date and its findings are here.",
            "Il n’y a pas encore eu d’audit externe. Quand il y en aura un, sa date et ses résultats seront ici.";
        contact: "Write to", "Écrivez à";
    }
}

pub(crate) fn page(visit: &Visit, contacts: &Contacts) -> Markup {
    let words = SecurityWords::of(visit.language);
    let language = visit.language;
    let content = html! {
        div.prose {
            h1 { (words.title) }
            p { (words.lead) }
            @match PROVEN {
                Some(proven) => p.notice { (words.proven) " " strong { (proven) } },
                None => p.notice.warn { (words.not_proven) },
            }
            @for promise in &PROMISES {
                section.card id=(promise.id) aria-labelledby={ (promise.id) "-title" } {
                    h2 id={ (promise.id) "-title" } { (promise.text.of(language)) }
                    p { strong { (words.how) } ". " (promise.how.of(language)) }
                    @if let Some(limits) = promise.limits {
                        p.notice.warn { strong { (words.limits) } ". " (limits.of(language)) }
                    }
                    details {
                        summary { (words.tests) " (" (promise.tests.len()) ")" }
                        ul { @for test in promise.tests { li { code { (test) } } } }
                    }
                }
            }
            h2 #report { (words.report_title) }
            p { (words.report) }
            p { (words.contact) " " a href={ "mailto:" (contacts.security) } { (contacts.security) } }
            p #credit { (words.credit) }
            h2 #audits { (words.audit_title) }
            p { (words.audit) }
        }
    };
    layout::public(visit, words.title, content)
}
