//! `/activity`: what was done in the account, and by whom.

use maud::{Markup, html};

use crate::{
    edge::{Answer, Problem},
    owner::{Cursor, account::ActivityList},
    pages::{
        Pages, Visit, owner::conversations::time, signed_in::Owner, visit::Query, words::words,
    },
};

words! {
    /// What was done in the account.
    ActivityWords {
        title: "Activity", "Activité";
        lead:
            "What was done in your account, by whom and when. Ids stand for people and texts.",
            "Ce qui a été fait dans votre compte, par qui et quand. Des identifiants remplacent les personnes et les textos.";
        none: "Nothing yet.", "Rien encore.";
        when: "When", "Quand";
        who: "Who", "Qui";
        what: "What", "Quoi";
        older: "Older", "Plus anciennes";
        by_owner: "You", "Vous";
        by_lead: "A customer", "Un client";
        by_operator: "LeadsLock’s staff", "Le personnel de LeadsLock";
        by_provider: "A provider", "Un fournisseur";
        by_system: "The service", "Le service";
        account_opened: "Shop opened", "Commerce ouvert";
        billing_opened: "Went to Stripe", "Allé chez Stripe";
        export_requested: "Export asked for", "Exportation demandée";
        export_ready: "Export ready", "Exportation prête";
        export_deleted: "Export deleted", "Exportation supprimée";
        lead_corrected: "Details updated", "Coordonnées mises à jour";
        lead_erased: "Person erased", "Personne effacée";
        lead_exported: "Person’s file made", "Fichier d’une personne produit";
        owner_texted: "Text sent by hand", "Texto envoyé à la main";
        shop_updated: "Profile changed", "Profil changé";
        flag_resolved: "Marked as done", "Marqué comme réglé";
    }
}

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
    let words = ActivityWords::of(visit.language);
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
                                td { (actor(&event.actor, words)) }
                                td {
                                    (action(&event.action, words))
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

/// What was done; what we do not know stays as it is.
fn action<'a>(action: &'a str, words: &ActivityWords) -> &'a str {
    match action {
        "account_opened" => words.account_opened,
        "billing_opened" => words.billing_opened,
        "export_requested" => words.export_requested,
        "export_ready" => words.export_ready,
        "export_deleted" => words.export_deleted,
        "lead_corrected" => words.lead_corrected,
        "lead_erased" => words.lead_erased,
        "lead_exported" => words.lead_exported,
        "owner_texted" => words.owner_texted,
        "shop_updated" => words.shop_updated,
        "flag_resolved" => words.flag_resolved,
        other => other,
    }
}

/// Who did it.
fn actor<'a>(actor: &'a str, words: &ActivityWords) -> &'a str {
    match actor {
        "owner" => words.by_owner,
        "lead" => words.by_lead,
        "operator" => words.by_operator,
        "provider" => words.by_provider,
        "system" => words.by_system,
        other => other,
    }
}
