//! `/privacy-centre/delete`: an owner closes the account.

use http::StatusCode;
use maud::{Markup, html};
use uuid::Uuid;

use crate::{
    edge::{Answer, Problem},
    owner::{
        OwnerError,
        closure::{ClosureView, Holder},
        shop::Shop,
    },
    pages::{
        Pages, Visit,
        form::{self, Field, Form},
        layout,
        signed_in::Owner,
    },
};

/// The field for the shop's id.
const SHOP: &str = "shop";

/// The field for the shop's name.
const CONFIRMATION: &str = "confirmation";

impl Pages {
    /// The page that says what will happen when, or its form: the shop's name, typed.
    pub(crate) async fn delete_account(
        &self,
        visit: &mut Visit,
        owner: &Owner,
        form: Option<Form>,
    ) -> Result<Answer, Problem> {
        // Before anybody types, so that signing in again loses nothing.
        owner.session().require_recent()?;
        let mut form = form.unwrap_or_default();
        if !form.text(SHOP).is_empty() {
            // Nothing is read before this: who has sent the form twice has no session by the
            // second time, and gets the same farewell.
            let business_id = Uuid::parse_str(form.text(SHOP));
            let business_id = business_id.map_err(|_| Problem::Body("it names no shop"))?;
            let confirmation = form.text(CONFIRMATION);
            let request = self.closures.request(
                owner.session(),
                Some(business_id),
                confirmation,
                Holder::Scheduler,
            );
            match request.await {
                Ok(requested) => {
                    visit.cookies.clear();
                    visit.forget_session();
                    visit.seems_signed_in = false;
                    let closure = &requested.closure;
                    let place = self.closures.place(closure.closure_id);
                    return Ok(visit.page(farewell(visit, closure, &place)));
                }
                Err(OwnerError::OtherName) => {}
                Err(OwnerError::NotFound) => {
                    return Err(Problem::Unknown("there is no such shop or closure"));
                }
                Err(error) => return Err(error.into()),
            }
            form.wrong(CONFIRMATION, visit.words().delete_account.other_name);
        }
        let shop = self.console.read_account(&owner.owner).await?.shop;
        let status = if form.is_good() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
        Ok(visit.page_with(status, page(visit, owner, &shop, &form)))
    }
}

fn page(visit: &Visit, owner: &Owner, shop: &Shop, form: &Form) -> Markup {
    let words = &visit.words().delete_account;
    let field = Field {
        name: CONFIRMATION,
        label: words.confirmation,
        hint: Some(words.hint),
        kind: "text",
        autocomplete: "off",
        max_length: 200,
        is_required: true,
    };
    let content = html! {
        h1 { (words.title) }
        dl.steps {
            dt { (words.at_once_title) }
            dd { (words.at_once) }
            dt { (words.within_hours_title) }
            dd { (words.within_hours) }
            dt { (words.for_90_days_title) }
            dd { (words.for_90_days) }
            dt { (words.then_title) }
            dd { (words.then) }
            dt { (words.stays_title) }
            dd { (words.stays) }
        }
        p { a href="/privacy-centre" { (words.export_first) } }
        form.card method="post" {
            (form::token(&owner.form_token))
            input type="hidden" name=(SHOP) value=(shop.id);
            p { (words.name_is) " " strong { (shop.name) } }
            (field.show(form))
            button.danger type="submit" { (words.press) }
        }
    };
    visit.owners_page(owner, words.title, content)
}

/// What an owner without an account still has: the date, and the way to the certificate.
fn farewell(visit: &Visit, closure: &ClosureView, place: &str) -> Markup {
    let words = &visit.words().delete_account;
    let date = closure.purge_at.get(..10).unwrap_or(&closure.purge_at);
    let content = html! {
        h1 { (words.closed_title) }
        p.prose { (words.closed) " " strong { time datetime=(date) { (date) } } "." }
        p.prose { (words.keep_link) }
        p { a.button href=(place) { (words.follow) } }
    };
    layout::public(visit, words.closed_title, content)
}
