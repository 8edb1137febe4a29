//! `/leads`: the people who wrote, what is known of them, and what they agreed to.

use http::{HeaderValue, StatusCode, header};
use maud::{Markup, html};
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    edge::{Answer, Problem},
    owner::{
        Cursor, OwnerError, Saved,
        leads::{Lead, LeadForm, LeadList, LeadPage},
    },
    pages::{
        Notice, Pages, Visit, faults,
        form::{self, Field, Form},
        owner::{conversations::time, labels},
        signed_in::Owner,
        visit::Query,
        words::words,
    },
    rate_limit::Limit,
};

words! {
    /// The people who wrote.
    LeadWords {
        title: "Customers", "Clients";
        search: "Find a person", "Trouver une personne";
        search_hint:
            "The beginning of a name, or of a number.",
            "Le début d’un nom ou d’un numéro.";
        find: "Find", "Trouver";
        none: "Nobody found.", "Personne n’a été trouvé.";
        more: "Show more", "Voir la suite";
        conversation: "Conversation", "Conversation";
        phone: "Number", "Numéro";
        first: "First wrote", "Premier texto";
        last: "Last wrote", "Dernier texto";
        correct_title: "What is known", "Ce qui est connu";
        name: "Name", "Nom";
        email: "E-mail address", "Adresse courriel";
        notes: "Notes", "Notes";
        notes_hint:
            "Only you see them. They are in the file a person may ask for.",
            "Vous seul les voyez. Elles sont dans le fichier qu’une personne peut demander.";
        save: "Save", "Enregistrer";
        conflict:
            "Somebody changed this meanwhile. Copy what you typed, reload the page, and try again.",
            "Ceci a été changé entre-temps. Copiez votre texte, rechargez la page et réessayez.";
        consent_title: "Consent", "Consentement";
        until_response:
            "What you send counts as an answer until",
            "Ce que vous envoyez compte comme réponse jusqu’au";
        express: "Express consent since", "Consentement exprès depuis";
        until_inquiry: "Implied by an inquiry until", "Implicite par une demande jusqu’au";
        until_purchase: "Implied by a purchase until", "Implicite par un achat jusqu’au";
        evidence: "Evidence", "Preuves";
        granted: "agreed", "a consenti";
        withdrawn: "withdrew", "a retiré";
        file_title: "Hand over everything", "Tout remettre";
        file:
            "All there is about this person, as a file to give to them. Needs a sign-in of the last 10 minutes.",
            "Tout ce qu’il y a sur cette personne, dans un fichier à lui donner. Exige une connexion des 10 dernières minutes.";
        file_get: "Download the file", "Télécharger le fichier";
        erase_title: "Erase this person", "Effacer cette personne";
        erase:
            "Texts, pictures, name, address and notes are gone at once, and cannot be brought back. If they said stop, only that is kept, as a fingerprint of the number that cannot be read without a secret key.",
            "Textos, images, nom, adresse et notes disparaissent aussitôt, sans retour. Si la personne a dit d’arrêter, seul cela est gardé, sous forme d’une empreinte du numéro illisible sans une clé secrète.";
        erase_sure:
            "I understand that this cannot be undone.",
            "Je comprends que c’est irréversible.";
        erase_unsure: "Tick this to continue.", "Cochez ceci pour continuer.";
        erase_press: "Erase", "Effacer";
    }
}

/// How many people a page has.
const PAGE: u16 = 50;

/// How many texts one part of a person's export has; the database's number.
const TEXTS: usize = 200;

/// How many parts are made into one file at most: Vercel lets an answer have 4.5 MB.
const MAX_PARTS: usize = 10;

/// What is read of a part, to go on after it.
#[derive(Deserialize)]
struct Part {
    texts: Vec<TextId>,
}

#[derive(Deserialize)]
struct TextId {
    id: Uuid,
}

impl Pages {
    /// The list. A search is sent as a form: what is looked for is a person's, and has no
    /// place in an address.
    pub(crate) async fn leads(
        &self,
        visit: &Visit,
        owner: &Owner,
        query: &Query,
        form: Option<Form>,
    ) -> Result<Answer, Problem> {
        let form = form.unwrap_or_default();
        let search = form.text("search");
        let before = Cursor::parse(match form.text("before") {
            "" => query.get("before"),
            before => before,
        });
        let list = self.console.list_leads(&owner.owner, search, before.as_ref(), PAGE).await?;
        Ok(visit.page(list_page(visit, owner, &list, &form)))
    }

    /// One person, or what the owner did about them.
    pub(crate) async fn lead(
        &self,
        visit: &Visit,
        owner: &Owner,
        lead_id: Uuid,
        form: Option<Form>,
    ) -> Result<Answer, Problem> {
        let words = LeadWords::of(visit.language);
        let Some(mut form) = form else {
            let page = self.console.read_lead(&owner.owner, lead_id).await?;
            let form = filled(&page.lead);
            return Ok(visit.page(one_page(visit, owner, &page, &form)));
        };
        match form.text("do") {
            "correct" => {
                let version = form.text("version").parse().unwrap_or_default();
                let typed = LeadForm {
                    name: form.text("name"),
                    email: form.text("email"),
                    notes: form.text("notes"),
                };
                match self.console.correct_lead(&owner.owner, lead_id, version, &typed).await {
                    Ok(Saved::Saved { .. }) => {
                        let place = format!("/leads/{lead_id}");
                        return Ok(visit.redirect(&place, Some(Notice::Saved)));
                    }
                    Ok(Saved::Conflict { .. }) => form.wrong("name", words.conflict),
                    Err(OwnerError::Fields(faults)) => faults::add(&mut form, &faults, visit),
                    Err(error) => return Err(error.into()),
                }
            }
            "erase" => {
                owner.session().require_recent()?;
                if form.text("sure") == "yes" {
                    self.console.erase_lead(&owner.owner, lead_id).await?;
                    return Ok(visit.redirect("/leads", Some(Notice::Erased)));
                }
                form = Form::default();
                form.wrong("sure", words.erase_unsure);
            }
            _ => return Err(Problem::Body("it does not say what to do")),
        }
        let page = self.console.read_lead(&owner.owner, lead_id).await?;
        if form.error("sure").is_some() {
            let mut fresh = filled(&page.lead);
            fresh.wrong("sure", words.erase_unsure);
            form = fresh;
        }
        Ok(visit.page_with(StatusCode::BAD_REQUEST, one_page(visit, owner, &page, &form)))
    }

    /// All there is about one person, as a file to hand over.
    pub(crate) async fn lead_file(
        &self,
        visit: &Visit,
        owner: &Owner,
        lead_id: Uuid,
    ) -> Result<Answer, Problem> {
        owner.session().require_recent()?;
        let user_id = owner.session().user_id.to_string();
        self.take_limit(Limit::Export, &user_id).await?;
        let mut parts = Vec::new();
        let mut after = None;
        let mut is_whole = false;
        while !is_whole && parts.len() < MAX_PARTS {
            let part = self.console.export_lead(&owner.owner, lead_id, after).await?;
            let read: Part = serde_json::from_str(part.get()).map_err(|_| Problem::Panic)?;
            is_whole = read.texts.len() < TEXTS;
            after = read.texts.last().map(|text| text.id).or(after);
            parts.push(part);
        }
        let parts: Vec<&str> = parts.iter().map(|part| part.get()).collect();
        let file = format!(r#"{{"is_whole":{is_whole},"parts":[{}]}}"#, parts.join(","));
        let mut answer = visit.with_cookies(Answer::ok("application/json", file));
        let name = format!("attachment; filename=\"lead-{lead_id}.json\"");
        if let Ok(name) = HeaderValue::try_from(name) {
            answer.response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
        }
        Ok(answer)
    }
}

fn filled(lead: &Lead) -> Form {
    Form::filled([
        ("name", lead.name.as_deref().unwrap_or_default()),
        ("email", lead.email.as_deref().unwrap_or_default()),
        ("notes", lead.notes.as_deref().unwrap_or_default()),
        ("version", &lead.version.to_string()),
    ])
}

fn list_page(visit: &Visit, owner: &Owner, list: &LeadList, form: &Form) -> Markup {
    let words = LeadWords::of(visit.language);
    let content = html! {
        h1 { (words.title) }
        form.card method="post" role="search" {
            (form::token(&owner.form_token))
            div.field {
                label for="search" { (words.search) }
                p.hint #search-hint { (words.search_hint) }
                input #search name="search" type="search" value=(form.text("search"))
                    autocomplete="off" maxlength="60" aria-describedby="search-hint";
            }
            button.second type="submit" { (words.find) }
        }
        @if list.leads.is_empty() { p.card { (words.none) } }
        ul.list {
            @for lead in &list.leads {
                li {
                    a href={ "/leads/" (lead.id) } {
                        span.split {
                            strong { (lead.name.as_deref().unwrap_or(lead.phone.as_str())) }
                            @if let Some(at) = &lead.last_inbound_at { (time(at)) }
                        }
                        span.clip { (lead.phone.as_str())
                            @if let Some(email) = &lead.email { " · " (email) } }
                        @if let Some(why) = lead.suppressed {
                            span.tag.bad { (labels::suppressed(why, visit.language)) }
                        }
                    }
                }
            }
        }
        @if let Some(next) = &list.next {
            form method="post" {
                (form::token(&owner.form_token))
                input type="hidden" name="search" value=(form.text("search"));
                input type="hidden" name="before" value=(next.as_str());
                button.second type="submit" { (words.more) }
            }
        }
    };
    visit.owners_page(owner, words.title, content)
}

fn one_page(visit: &Visit, owner: &Owner, page: &LeadPage, form: &Form) -> Markup {
    let words = LeadWords::of(visit.language);
    let lead = &page.lead;
    let title = lead.name.as_deref().unwrap_or(lead.phone.as_str());
    let content = html! {
        p { a href="/leads" { (words.title) } }
        div.split {
            h1 { (title) }
            a href={ "/conversations/" (lead.id) } { (words.conversation) }
        }
        dl.facts {
            dt { (words.phone) } dd { (lead.phone.as_str()) }
            dt { (words.first) } dd { (time(&lead.created_at)) }
            @if let Some(at) = &lead.last_inbound_at { dt { (words.last) } dd { (time(at)) } }
        }
        form.card method="post" {
            h2 { (words.correct_title) }
            (form::token(&owner.form_token))
            input type="hidden" name="do" value="correct";
            input type="hidden" name="version" value=(lead.version);
            (optional("name", words.name, "text", 120).show(form))
            (optional("email", words.email, "email", 254).show(form))
            (form::long_field(form, "notes", words.notes, Some(words.notes_hint), 4000))
            button type="submit" { (words.save) }
        }
        (consent(visit, page))
        div.grid {
            section.card {
                h2 { (words.file_title) }
                p { (words.file) }
                p { a.button.second href={ "/leads/" (lead.id) "/export" } { (words.file_get) } }
            }
            form.card method="post" {
                h2 { (words.erase_title) }
                p { (words.erase) }
                (form::token(&owner.form_token))
                input type="hidden" name="do" value="erase";
                div.field {
                    label {
                        input type="checkbox" name="sure" value="yes" required
                            aria-describedby=[form.error("sure").map(|_| "sure-error")];
                        (words.erase_sure)
                    }
                    @if let Some(error) = form.error("sure") { p.error #sure-error { (error) } }
                }
                button.danger type="submit" { (words.erase_press) }
            }
        }
    };
    visit.owners_page(owner, title, content)
}

fn optional<'a>(name: &'static str, label: &'a str, kind: &'static str, max: u32) -> Field<'a> {
    Field {
        name,
        label,
        hint: None,
        kind,
        autocomplete: "off",
        max_length: max,
        is_required: false,
    }
}

/// What a person agreed to, and the evidence for it.
fn consent(visit: &Visit, page: &LeadPage) -> Markup {
    let words = LeadWords::of(visit.language);
    let consent = &page.consent;
    let facts = [
        (words.until_response, &consent.response_until),
        (words.express, &consent.express_since),
        (words.until_inquiry, &consent.inquiry_until),
        (words.until_purchase, &consent.purchase_until),
    ];
    html! {
        section.card {
            h2 { (words.consent_title) }
            @if let Some(why) = consent.suppressed {
                p.notice.bad {
                    (labels::suppressed(why, visit.language))
                    @if let Some(since) = &consent.suppressed_at { " · " (time(since)) }
                }
            }
            dl.facts {
                @for (text, at) in facts {
                    @if let Some(at) = at { dt { (text) } dd { (time(at)) } }
                }
            }
            h3 { (words.evidence) " (" (page.event_count) ")" }
            ul.list {
                @for event in &page.events {
                    li {
                        p {
                            (time(&event.at)) " · "
                            @if event.change == "granted" { (words.granted) }
                            @else { (words.withdrawn) }
                            @if let Some(basis) = &event.basis { " · " (basis) }
                            " · " (event.source)
                        }
                        @if let Some(wording) = &event.wording { blockquote { (wording) } }
                    }
                }
            }
        }
    }
}
