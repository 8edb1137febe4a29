//! `/activity`: what was done in the account, and by whom.

use maud::{Markup, html};

use crate::{
    edge::{Answer, Problem},
    owner::{Cursor, account::ActivityList},
    pages::{Pages, Visit, labels, owner::conversations::time, signed_in::Owner, visit::Query},
};

/// How many events a page has.
const PAGE: u16 = 50;

impl Pages {
    pub(crate) async fn activity(
        &self,
        visit: &Visit,
        owner: &Owner,
        query: &Query,
    ) -> Result<Answer, Problem> {
        let before = Cursor::parse(query.get("before"));
        let list = self.console.list_activity(&owner.owner, before.as_ref(), PAGE).await?;
        Ok(visit.page(page(visit, owner, &list)))
    }
}

fn page(visit: &Visit, owner: &Owner, list: &ActivityList) -> Markup {
    let words = &visit.words().activity;
    let content = html! {
        h1 { (words.title) }
        p.prose { (words.lead) }
        @if list.events.is_empty() { p.card { (words.none) } }
        @else {
            div.scroll tabindex="0" role="region" aria-label=(words.title) {
                table {
                    thead { tr {
                        th scope="col" { (words.when) }
                        th scope="col" { (words.who) }
                        th scope="col" { (words.what) }
                    } }
                    tbody {
                        @for event in &list.events {
                            tr {
                                td { (time(&event.at)) }
                                td { (labels::actor(&event.actor, words)) }
                                td {
                                    (labels::action(&event.action, words))
                                    @if let Some(id) = event.subject_id { " " code { (id) } }
                                }
                            }
                        }
                    }
                }
            }
        }
        @if let Some(next) = &list.next {
            p { a.button.second href={ "/activity?before=" (next.as_str()) } { (words.older) } }
        }
    };
    visit.owners_page(owner, words.title, content)
}
