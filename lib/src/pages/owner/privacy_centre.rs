//! `/privacy-centre`: what an owner can have taken along, or gone.

use maud::{Markup, html};
use uuid::Uuid;

use crate::{
    data::export::table::Format,
    edge::{Answer, Problem},
    owner::{
        OwnerError,
        account::{AccountPage, Export},
    },
    pages::{
        Notice, Pages, Visit,
        form::{self, Form},
        signed_in::Owner,
        wording::PrivacyCentreWords,
    },
    rate_limit::Limit,
};

impl Pages {
    /// The page, or an export if one was asked for.
    pub(crate) async fn privacy_centre(
        &self,
        visit: &Visit,
        owner: &Owner,
        form: Option<Form>,
    ) -> Result<Answer, Problem> {
        if let Some(form) = form {
            return self.begin_export(visit, owner, &form).await;
        }
        let account = self.account(owner).await?;
        Ok(visit.page(page(visit, owner, account.as_ref())))
    }

    /// The owner's account, or `None` before a shop is opened.
    pub(crate) async fn account(&self, owner: &Owner) -> Result<Option<AccountPage>, Problem> {
        match self.console.read_account(&owner.owner).await {
            Ok(account) => Ok(Some(account)),
            Err(OwnerError::NoShop) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn begin_export(
        &self,
        visit: &Visit,
        owner: &Owner,
        form: &Form,
    ) -> Result<Answer, Problem> {
        owner.session().require_recent()?;
        let format = match form.text("format") {
            "json" => Format::Json,
            "csv" => Format::Csv,
            _ => return Err(Problem::Body("it names no format")),
        };
        let user_id = owner.session().user_id.to_string();
        self.take_limit(Limit::Export, &user_id).await?;
        let (_, work) = self.exports.request(owner.session(), format, None).await?;
        let mut answer = visit.redirect("/privacy-centre", Some(Notice::ExportBegun));
        answer.background = work;
        Ok(answer)
    }

    /// Sends the browser to a bundle. The way there is made anew each time and soon ends.
    pub(crate) async fn download(
        &self,
        visit: &Visit,
        owner: &Owner,
        export_id: Uuid,
    ) -> Result<Answer, Problem> {
        let export = self.exports.view(owner.session(), export_id).await?;
        if export.state != "ready" {
            return Ok(visit.redirect("/privacy-centre", None));
        }
        let link = self.exports.link(owner.session(), &export).await?;
        Ok(visit.redirect(link.as_str(), None))
    }
}

fn page(visit: &Visit, owner: &Owner, account: Option<&AccountPage>) -> Markup {
    let words = &visit.words().privacy_centre;
    let content = html! {
        h1 { (words.title) }
        p.prose { (words.lead) }
        section.card {
            h2 { (words.export_title) }
            p { (words.export) }
            @match account {
                Some(account) => {
                    form method="post" {
                        (form::token(&owner.form_token))
                        fieldset {
                            legend { (words.format) }
                            label { input type="radio" name="format" value="json" checked; (words.json) }
                            label { input type="radio" name="format" value="csv"; (words.csv) }
                        }
                        button type="submit" { (words.begin_export) }
                    }
                    (exports(words, &account.exports))
                },
                None => p { (visit.words().notices.no_shop) },
            }
        }
        div.grid {
            section.card {
                h2 { (words.password_title) }
                p { (words.password) }
                p { a.button.second href="/password" { (words.change_password) } }
            }
            section.card {
                h2 { (words.everywhere_title) }
                p { (words.everywhere) }
                form method="post" action="/sign-out/everywhere" {
                    (form::token(&owner.form_token))
                    button.second type="submit" { (words.sign_out_everywhere) }
                }
            }
            section.card {
                h2 { (words.delete_title) }
                p { (words.delete) }
                @if account.is_some() {
                    p { a.button.second href="/privacy-centre/delete" { (words.delete_go) } }
                }
            }
        }
    };
    visit.owners_page(owner, words.title, content)
}

fn exports(words: &PrivacyCentreWords, exports: &[Export]) -> Markup {
    html! {
        h3 #exports { (words.exports_caption) }
        @if exports.is_empty() { p.quiet { (words.no_exports) } }
        @else {
            ul.list {
                @for export in exports { li { (tell(words, export)) } }
            }
        }
    }
}

fn tell(words: &PrivacyCentreWords, export: &Export) -> Markup {
    let format = match export.format {
        Format::Json => "JSON",
        Format::Csv => "CSV",
    };
    let (state, tone) = match export.state.as_str() {
        "ready" => (words.ready, "tag good"),
        "expired" => (words.expired, "tag"),
        _ => (words.open, "tag warn"),
    };
    let is_open = !matches!(export.state.as_str(), "ready" | "expired");
    let asked = export.requested_at.local.replace('T', " ");
    html! {
        div.split {
            span { (format) ", " (words.asked) " " (asked) }
            span class=(tone) { (state) }
        }
        @if is_open {
            p.quiet { (words.due) " " (export.due_on) ", " (export.rows_done) " " (words.rows) }
            @if let Some(total) = export.rows_total {
                progress max=(total.max(1)) value=(export.rows_done) aria-label=(words.state) {}
            }
        }
        @if export.state == "ready" {
            p { a.button href={ "/privacy-centre/exports/" (export.id) } {
                (words.download) span.unseen { " " (format) " " (asked) }
            } }
            @if let Some(sha256) = &export.sha256 {
                p.quiet { (words.checksum) " " code { (sha256) } }
            }
        }
    }
}
