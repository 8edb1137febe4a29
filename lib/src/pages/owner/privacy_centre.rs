//! `/privacy-centre`: what an owner can download, or have deleted.

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
        notice::NoticeWords,
        signed_in::Owner,
        words::words,
    },
    rate_limit::Limit,
};

words! {
    /// The owner's privacy centre.
    PrivacyCentreWords {
        title: "Privacy centre", "Centre de confidentialité";
        lead:
            "Everything we hold for you: download it or delete it.",
            "Tout ce que nous détenons pour vous : téléchargez-le ou supprimez-le.";
        export_title: "Export my data", "Exporter mes données";
        export:
            "Profile, customers, conversations, pictures and consent records of one moment, in one file that shows it is complete. Due within 5 business days; usually there in minutes. It is kept for 7 days, and downloading needs a sign-in of the last 10 minutes.",
            "Profil, clients, conversations, images et preuves de consentement d’un même instant, dans un fichier qui montre qu’il est complet. Dû en 5 jours ouvrables; prêt d’ordinaire en quelques minutes. Il est gardé 7 jours, et le télécharger exige une connexion des 10 dernières minutes.";
        format: "Format", "Format";
        json: "JSON, for programs", "JSON, pour les programmes";
        csv: "CSV, for spreadsheets", "CSV, pour les tableurs";
        begin_export: "Start an export", "Commencer une exportation";
        exports_caption: "Your exports", "Vos exportations";
        asked: "Asked for", "Demandée";
        state: "State", "État";
        due: "Due by", "Due le";
        open: "in progress", "en préparation";
        ready: "ready", "prête";
        expired: "deleted after 7 days", "supprimée après 7 jours";
        download: "Download", "Télécharger";
        rows: "rows", "lignes";
        checksum: "SHA-256", "SHA-256";
        no_exports:
            "You have not asked for an export lately.",
            "Vous n’avez pas demandé d’exportation récemment.";
        password_title: "Password", "Mot de passe";
        password:
            "Kept by Supabase Auth as a bcrypt hash. We cannot read it.",
            "Gardé par Supabase Auth sous forme de hachage bcrypt. Nous ne pouvons pas le lire.";
        change_password: "Change the password", "Changer le mot de passe";
        everywhere_title: "Other devices", "Autres appareils";
        everywhere:
            "Ends all sessions of this account, this one included.",
            "Met fin à toutes les sessions de ce compte, celle-ci comprise.";
        sign_out_everywhere: "Sign out everywhere", "Se déconnecter partout";
        delete_title: "Delete the account", "Supprimer le compte";
        delete:
            "Texting stops and sign-in ends at once, and the subscription is cancelled. Your data is removed from the service; an encrypted backup is kept for 90 days, in which we can restore it for you, and is then destroyed. Stripe keeps the invoices it must keep by law. We keep only which numbers said stop, as fingerprints that cannot be read without a secret key, so that nobody texts them again.",
            "Les textos et la connexion cessent aussitôt, et l’abonnement est annulé. Vos données sont retirées du service; une copie chiffrée est gardée 90 jours, pendant lesquels nous pouvons les rétablir pour vous, puis elle est détruite. Stripe conserve les factures que la loi l’oblige à garder. Nous ne gardons que les numéros qui ont dit d’arrêter, sous forme d’empreintes illisibles sans une clé secrète, pour que personne ne leur écrive à nouveau.";
        delete_go: "Delete the account…", "Supprimer le compte…";
    }
}

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
    let words = PrivacyCentreWords::of(visit.language);
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
                None => p { (NoticeWords::of(visit.language).no_shop) },
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
