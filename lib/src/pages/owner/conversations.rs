//! `/conversations`: who wrote, what was said, and the owner's own word.

use http::StatusCode;
use maud::{Markup, html};
use ring::rand::{SecureRandom as _, SystemRandom};
use uuid::Uuid;

use crate::{
    edge::{Answer, Problem},
    owner::{
        Cursor, Moment, OwnerError,
        conversations::{
            Author, ConversationLine, ConversationList, ConversationPage, Filter, MediumState, Text,
        },
        texting::OwnerText,
    },
    pages::{
        Notice, Pages, Visit, faults,
        form::{self, Form},
        owner::labels::{self, LabelWords},
        signed_in::Owner,
        visit::Query,
        words::words,
    },
    rate_limit::Limit,
};

words! {
    /// Conversations with people.
    ConversationWords {
        billing: "Billing", "Facturation";
        title: "Conversations", "Conversations";
        filter: "Which conversations", "Quelles conversations";
        all: "All", "Toutes";
        unanswered: "Unanswered", "Sans réponse";
        flagged: "Waiting for you", "En attente de vous";
        opted_out: "Opted out", "Désabonnés";
        none:
            "Nothing here yet. Text your shop’s number to see how it works.",
            "Rien encore. Textez le numéro de votre commerce pour voir comment cela marche.";
        older: "Older", "Plus anciennes";
        numbers: "People text you at", "On vous texte au";
        pictures: "attached", "en pièce jointe";
        picture: "Attachment", "Pièce jointe";
        picture_refused: "Attachment not kept", "Pièce jointe non gardée";
        you_answer:
            "You answer here; the assistant is silent.",
            "Vous répondez ici; l’assistant se tait.";
        assistant_answers: "The assistant answers here.", "L’assistant répond ici.";
        take_over: "Take over", "Prendre la main";
        hand_back: "Let the assistant answer", "Laisser répondre l’assistant";
        resolve: "Done", "Réglé";
        person: "What is known, consent, erasure", "Ce qui est connu, consentement, effacement";
        answer: "Your answer", "Votre réponse";
        answer_hint:
            "It is sent as a text in your shop’s name. Card numbers are masked.",
            "Envoyée par texto au nom de votre commerce. Les numéros de carte sont masqués.";
        send: "Send", "Envoyer";
        masked: "numbers masked", "numéros masqués";
    }
}

/// How many conversations or texts a page has.
const PAGE: u16 = 30;

const FILTERS: [(Filter, &str); 4] = [
    (Filter::All, "all"),
    (Filter::Unanswered, "unanswered"),
    (Filter::Flagged, "flagged"),
    (Filter::OptedOut, "opted-out"),
];

impl Pages {
    /// The list.
    pub(crate) async fn conversations(
        &self,
        visit: &Visit,
        owner: &Owner,
        query: &Query,
    ) -> Result<Answer, Problem> {
        let shown = query.get("show");
        let (filter, name) =
            FILTERS.into_iter().find(|(_, name)| *name == shown).unwrap_or((Filter::All, "all"));
        let before = Cursor::parse(query.get("before"));
        let list = self.console.list_conversations(&owner.owner, filter, before.as_ref(), PAGE);
        Ok(visit.page(list_page(visit, owner, &list.await?, name)))
    }

    /// One conversation, or what the owner did in it.
    pub(crate) async fn conversation(
        &self,
        visit: &Visit,
        owner: &Owner,
        lead_id: Uuid,
        query: &Query,
        form: Option<Form>,
    ) -> Result<Answer, Problem> {
        let place = format!("/conversations/{lead_id}");
        let Some(mut form) = form else {
            let before = Cursor::parse(query.get("before"));
            let page = self
                .console
                .read_conversation(&owner.owner, lead_id, before.as_ref(), PAGE)
                .await?;
            return Ok(visit.page(one_page(visit, owner, &page, &Form::default())));
        };
        match form.text("do") {
            "take-over" => {
                self.console.set_assistant(&owner.owner, lead_id, false).await?;
            }
            "hand-back" => {
                self.console.set_assistant(&owner.owner, lead_id, true).await?;
            }
            "resolve" => {
                self.console.resolve_flag(&owner.owner, lead_id).await?;
            }
            "text" => return self.text(visit, owner, lead_id, &place, &mut form).await,
            _ => return Err(Problem::Body("it does not say what to do")),
        }
        Ok(visit.redirect(&place, Some(Notice::Saved)))
    }

    /// Texts the lead what the owner wrote, once however often the form is sent.
    async fn text(
        &self,
        visit: &Visit,
        owner: &Owner,
        lead_id: Uuid,
        place: &str,
        form: &mut Form,
    ) -> Result<Answer, Problem> {
        let request_id = Uuid::parse_str(form.text("request"))
            .map_err(|_| Problem::Body("it does not say which text"))?;
        let user_id = owner.session().user_id.to_string();
        self.take_limit(Limit::OwnerText, &user_id).await?;
        let body = form.text("body").to_owned();
        let sent = self.console.send_owner_text(&owner.owner, lead_id, request_id, &body).await;
        match sent {
            Ok(OwnerText::Queued(queued)) => {
                let mut answer = visit.redirect(place, Some(Notice::Sent));
                answer.background = queued.work.map(|work| self.console.background(work));
                return Ok(answer);
            }
            Ok(OwnerText::Refused { reason, .. }) => {
                form.wrong("body", labels::refusal(reason, visit.language));
            }
            Err(OwnerError::Fields(faults)) => faults::add(form, &faults, visit),
            Err(error) => return Err(error.into()),
        }
        let page = self.console.read_conversation(&owner.owner, lead_id, None, PAGE).await?;
        Ok(visit.page_with(StatusCode::BAD_REQUEST, one_page(visit, owner, &page, form)))
    }
}

fn list_page(visit: &Visit, owner: &Owner, list: &ConversationList, shown: &str) -> Markup {
    let words = ConversationWords::of(visit.language);
    let names = [words.all, words.unanswered, words.flagged, words.opted_out];
    let content = html! {
        h1 { (words.title) }
        @if !list.shop.billing.is_served() {
            p.notice.warn { (LabelWords::of(visit.language).not_served) " " a href="/billing" { (ConversationWords::of(visit.language).billing) } }
        }
        @if list.shop.numbers.is_empty() { p.notice.warn { (LabelWords::of(visit.language).no_number) } }
        @else {
            p.quiet {
                (words.numbers) " "
                @for (at, number) in list.shop.numbers.iter().enumerate() {
                    @if at > 0 { ", " } (number.as_str())
                }
            }
        }
        nav aria-label=(words.filter) {
            ul.row.bare {
                @for ((_, name), text) in FILTERS.iter().zip(names) {
                    li { a.tag.good[*name == shown] href={ "/conversations?show=" (name) }
                        aria-current=[(*name == shown).then_some("true")] { (text) } }
                }
            }
        }
        @if list.conversations.is_empty() { p.card { (words.none) } }
        ul.list {
            @for line in &list.conversations { li { (line_of(visit, line)) } }
        }
        @if let Some(next) = &list.next {
            p { a.button.second href={ "/conversations?show=" (shown) "&before=" (next.as_str()) } {
                (words.older)
            } }
        }
    };
    visit.owners_page(owner, words.title, content)
}

fn line_of(visit: &Visit, line: &ConversationLine) -> Markup {
    let words = ConversationWords::of(visit.language);
    html! {
        a href={ "/conversations/" (line.lead) } {
            span.split {
                strong { (line.name.as_deref().unwrap_or(line.phone.as_str())) }
                @if let Some(last) = &line.last_text { (time(&last.at)) }
            }
            @if let Some(last) = &line.last_text {
                span.clip {
                    @if last.author != Author::Lead { (labels::author(last.author, visit.language)) ": " }
                    (last.body) @if last.is_cut { "…" }
                    @if last.media_count > 0 { " [" (last.media_count) " " (words.pictures) "]" }
                }
            }
            span.row {
                @if let Some(flag) = line.flag { span.tag.warn { (labels::flag(flag, visit.language)) } }
                @if let Some(why) = line.suppressed {
                    span.tag.bad { (labels::suppressed(why, visit.language)) }
                }
                @if line.is_unanswered { span.tag { (words.unanswered) } }
                @if !line.assistant_answers { span.tag { (words.you_answer) } }
            }
        }
    }
}

/// A time, as people at the shop read it.
pub(crate) fn time(moment: &Moment) -> Markup {
    html! { time.quiet datetime=(moment.at) { (moment.local.replace('T', " ")) } }
}

fn one_page(visit: &Visit, owner: &Owner, page: &ConversationPage, form: &Form) -> Markup {
    let words = ConversationWords::of(visit.language);
    let lead = &page.lead;
    let name = lead.name.as_deref().unwrap_or(lead.phone.as_str());
    let has_taken_over = lead.taken_over_at.is_some();
    let (deed, press) = if has_taken_over {
        ("hand-back", words.hand_back)
    } else {
        ("take-over", words.take_over)
    };
    let content = html! {
        p { a href="/conversations" { (words.title) } }
        div.split {
            h1 { (name) }
            a href={ "/leads/" (lead.id) } { (words.person) }
        }
        p.quiet { (lead.phone.as_str()) }
        @if let Some(flag) = lead.flag {
            div.notice.warn {
                p { (labels::flag(flag, visit.language)) }
                form method="post" {
                    (form::token(&owner.form_token))
                    input type="hidden" name="do" value="resolve";
                    button.second type="submit" { (words.resolve) }
                }
            }
        }
        @if let Some(next) = &page.next {
            p { a href={ "/conversations/" (lead.id) "?before=" (next.as_str()) } { (words.older) } }
        }
        ol.talk {
            @for text in page.texts.iter().rev() { (text_of(visit, text)) }
        }
        @if let Some(why) = page.consent.suppressed {
            p.notice.bad { (labels::suppressed(why, visit.language)) ". " (LabelWords::of(visit.language).no_texts) }
        } @else {
            form.card method="post" {
                (form::token(&owner.form_token))
                input type="hidden" name="do" value="text";
                input type="hidden" name="request" value=(new_id());
                (form::long_field(form, "body", words.answer, Some(words.answer_hint), 1000))
                button type="submit" { (words.send) }
            }
        }
        form.card method="post" {
            (form::token(&owner.form_token))
            input type="hidden" name="do" value=(deed);
            p { @if has_taken_over { (words.you_answer) } @else { (words.assistant_answers) } }
            button.second type="submit" { (press) }
        }
    };
    visit.owners_page(owner, name, content)
}

fn text_of(visit: &Visit, text: &Text) -> Markup {
    let words = ConversationWords::of(visit.language);
    html! {
        li.ours[text.author != Author::Lead] {
            @if !text.body.is_empty() { p { (text.body) } }
            @for medium in &text.media {
                p {
                    @match (&medium.link, medium.state) {
                        (Some(link), _) => a href=(link) rel="noreferrer" {
                            (words.picture) " " (medium.found_type.as_deref().unwrap_or_default())
                        },
                        (None, MediumState::Refused) => span.tag { (words.picture_refused) },
                        (None, _) => span.tag { (words.picture) },
                    }
                }
            }
            footer {
                (labels::author(text.author, visit.language)) " · " (time(&text.at))
                @if text.author != Author::Lead { " · " (labels::status(&text.status, visit.language)) }
                @if let Some(code) = text.error_code { " (Twilio " (code) ")" }
                @if let Some(basis) = text.legal_basis { " · " (labels::basis(basis, visit.language)) }
                @if text.masked_count > 0 { " · " (words.masked) }
            }
        }
    }
}

/// What makes a text one and the same, however often its form is sent.
fn new_id() -> Uuid {
    let mut bytes = [0; 16];
    #[expect(clippy::expect_used, reason = "without randomness nothing here is safe")]
    SystemRandom::new().fill(&mut bytes).expect("the system has randomness");
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}
