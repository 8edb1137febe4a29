//! `/privacy`: what we have about people, why, where, and what they can do about it.

use maud::{Markup, html};

use crate::pages::{Visit, layout, public::processors::PROCESSORS, settings::Contacts};

pub(crate) fn page(visit: &Visit, contacts: &Contacts) -> Markup {
    let words = &visit.words().privacy;
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
