//! `/`: what the product is.

use maud::{Markup, html};

use crate::pages::{Visit, layout};

pub(crate) fn page(visit: &Visit) -> Markup {
    let words = &visit.words().home;
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
