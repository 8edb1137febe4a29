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
        words::words,
    },
};

words! {
    /// Where an owner closes the account.
    DeleteAccountWords {
        title: "Delete the account", "Supprimer le compte";
        at_once_title: "At once", "Aussitôt";
        at_once:
            "No text is answered or sent any more, all sessions end, and nobody can sign in.",
            "Plus aucun texto ne reçoit de réponse ni n’est envoyé, toutes les sessions prennent fin, et personne ne peut se connecter.";
        within_hours_title: "Within hours", "En quelques heures";
        within_hours:
            "The subscription is cancelled. Your data goes into an encrypted backup, then it is erased from the service with all files and the sign-in, and from Twilio.",
            "L’abonnement est annulé. Vos données vont dans une copie chiffrée, puis sont effacées du service, avec tous les fichiers et la connexion, et chez Twilio.";
        for_90_days_title: "For 90 days", "Pendant 90 jours";
        for_90_days:
            "We can restore the account from the encrypted backup if you ask us to.",
            "Nous pouvons rétablir le compte à partir de la copie chiffrée si vous le demandez.";
        then_title: "After 90 days", "Après 90 jours";
        then:
            "The backup's key is destroyed, then the backup itself. A certificate without personal data records it.",
            "La clé de la copie est détruite, puis la copie elle-même. Un certificat sans données personnelles l’atteste.";
        stays_title: "What stays", "Ce qui reste";
        stays:
            "Invoices and customer records that Stripe has to keep, carriers' own records, and which numbers said stop, as fingerprints that cannot be read without a secret key.",
            "Les factures et fiches de client que Stripe doit garder, les traces propres aux opérateurs de téléphonie, et les numéros qui ont dit d’arrêter, sous forme d’empreintes illisibles sans une clé secrète.";
        export_first: "Export your data first", "Exporter d’abord vos données";
        name_is: "The shop's name is", "Le nom du commerce est";
        confirmation: "Type the shop's name to confirm", "Tapez le nom du commerce pour confirmer";
        hint: "This cannot be undone here.", "Ceci ne peut pas être annulé ici.";
        other_name: "This is not the shop's name.", "Ce n’est pas le nom du commerce.";
        press: "Delete the account for good", "Supprimer le compte pour de bon";
        closed_title: "The account is closed", "Le compte est fermé";
        closed:
            "What could restore it is destroyed on",
            "Ce qui permettrait de le rétablir est détruit le";
        keep_link:
            "Keep the following link: it shows how far the deletion is, and in the end the certificate. You need no account for it.",
            "Gardez le lien suivant : il montre où en est la suppression et, à la fin, le certificat. Il ne demande pas de compte.";
        follow: "Follow the deletion", "Suivre la suppression";
    }
}

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
            form.wrong(CONFIRMATION, DeleteAccountWords::of(visit.language).other_name);
        }
        let shop = self.console.read_account(&owner.owner).await?.shop;
        let status = if form.is_good() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
        Ok(visit.page_with(status, page(visit, owner, &shop, &form)))
    }
}

fn page(visit: &Visit, owner: &Owner, shop: &Shop, form: &Form) -> Markup {
    let words = DeleteAccountWords::of(visit.language);
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
    let words = DeleteAccountWords::of(visit.language);
    let date = closure.purge_at.get(..10).unwrap_or(&closure.purge_at);
    let content = html! {
        h1 { (words.closed_title) }
        p.prose { (words.closed) " " strong { time datetime=(date) { (date) } } "." }
        p.prose { (words.keep_link) }
        p { a.button href=(place) { (words.follow) } }
    };
    layout::public(visit, words.closed_title, content)
}
