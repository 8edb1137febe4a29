//! `/security`: what we promise, how far it goes, and what proves it.

use maud::{Markup, html};

use crate::pages::{
    Visit, layout,
    public::promises::{PROMISES, PROVEN},
    settings::Contacts,
};

pub(crate) fn page(visit: &Visit, contacts: &Contacts) -> Markup {
    let words = &visit.words().security;
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
