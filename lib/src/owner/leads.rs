//! Leads: the list, one of them with the evidence of consent, correction,
//! export and erasure.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use trust::text::{language::Language, phone::Phone};
use uuid::Uuid;

use super::{Console, Cursor, Moment, Owner, OwnerError, Saved, fields::Faults, shop::Shop};

/// The longest search that is looked for.
const MAX_SEARCH: usize = 60;

/// Why a lead waits for the owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// The assistant could not answer from what it knows.
    AssistantUnsure,
    /// No model gave a usable answer, and a canned one was sent.
    AssistantUnavailable,
    /// The assistant has answered as often as it may within an hour.
    Cap,
    /// A text could not be sent.
    SendFailed,
    /// What the lead wrote was taken for a wish not to be texted.
    OptedOutInWords,
    /// The shop is not served for its billing, and somebody wrote.
    Billing,
    /// The owner has taken over, and the lead waits for an answer.
    TakenOver,
}

/// Why somebody must not be texted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Suppressed {
    /// They have said so.
    OptedOut,
    /// Carriers cannot reach them.
    Unreachable,
}

/// What is known of a lead.
#[derive(Deserialize)]
pub struct Lead {
    /// Their id.
    pub id: Uuid,
    /// Counts corrections.
    pub version: i32,
    /// Their number.
    pub phone: Phone,
    /// Their name.
    pub name: Option<String>,
    /// Their e-mail address.
    pub email: Option<String>,
    /// What the owner has noted.
    pub notes: Option<String>,
    /// What they wrote in last.
    pub language: Option<Language>,
    /// When they first wrote.
    pub created_at: Moment,
    /// When they last wrote.
    pub last_inbound_at: Option<Moment>,
    /// Why they wait for the owner, if they do.
    pub flag: Option<Flag>,
    /// Since when.
    pub flagged_at: Option<Moment>,
    /// Since when the owner has taken over from the assistant, if so.
    pub taken_over_at: Option<Moment>,
}

/// Whether and why a lead may be texted.
#[derive(Debug, Deserialize)]
pub struct Consent {
    /// Why they must not be texted, if so.
    pub suppressed: Option<Suppressed>,
    /// Since when.
    pub suppressed_at: Option<Moment>,
    /// Until when what is written answers them: a day after their last text.
    pub response_until: Option<Moment>,
    /// Since when consent is express.
    pub express_since: Option<Moment>,
    /// Until when an inquiry implies consent.
    pub inquiry_until: Option<Moment>,
    /// Until when a purchase does.
    pub purchase_until: Option<Moment>,
}

/// A piece of evidence of consent.
#[derive(Deserialize)]
pub struct ConsentEvent {
    /// When.
    pub at: Moment,
    /// `granted` or `withdrawn`.
    pub change: String,
    /// What kind of consent was granted.
    pub basis: Option<String>,
    /// `text`, `provider` or `owner`.
    pub source: String,
    /// What made us take the wording for a wish.
    pub rule: Option<String>,
    /// What the lead said.
    pub wording: Option<String>,
    /// Until when it counts.
    pub expires_at: Option<Moment>,
}

/// A lead with the evidence of consent.
#[derive(Deserialize)]
pub struct LeadPage {
    /// What heads the page.
    pub shop: Shop,
    /// The lead.
    pub lead: Lead,
    /// What the evidence amounts to.
    pub consent: Consent,
    /// The evidence, newest first, 100 pieces at most.
    pub events: Vec<ConsentEvent>,
    /// How many pieces there are.
    pub event_count: u32,
}

/// A page of leads.
#[derive(Deserialize)]
pub struct LeadList {
    /// What heads the page.
    pub shop: Shop,
    /// The leads.
    pub leads: Vec<LeadLine>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
}

/// One lead in the list.
#[derive(Deserialize)]
pub struct LeadLine {
    /// Their id.
    pub id: Uuid,
    /// Their number.
    pub phone: Phone,
    /// Their name.
    pub name: Option<String>,
    /// Their e-mail address.
    pub email: Option<String>,
    /// When they first wrote.
    pub created_at: Moment,
    /// When they last wrote.
    pub last_inbound_at: Option<Moment>,
    /// Why they must not be texted, if so.
    pub suppressed: Option<Suppressed>,
}

/// A correction as it was typed. What is left empty is removed.
#[derive(Clone, Copy, Default)]
pub struct LeadForm<'a> {
    /// At most 120 characters.
    pub name: &'a str,
    /// An address.
    pub email: &'a str,
    /// At most 4,000 characters.
    pub notes: &'a str,
}

/// What of a search can be looked up.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Search {
    Phone(String),
    Name(String),
}

#[derive(Serialize)]
struct ListLeads<'a> {
    search: Option<Search>,
    before: Option<&'a Cursor>,
    limit: u16,
}

#[derive(Serialize)]
struct OfLead {
    lead_id: Uuid,
}

#[derive(Serialize)]
struct ExportLead {
    lead_id: Uuid,
    texts_after: Option<Uuid>,
}

#[derive(Serialize)]
struct CorrectLead {
    lead_id: Uuid,
    version: i32,
    name: Option<String>,
    email: Option<String>,
    notes: Option<String>,
}

/// What was erased.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct Erased {
    /// How many texts there were.
    pub texts: u64,
}

/// Finds names by how they begin, and numbers by their first digits: a search that
/// begins with a digit, `+` or `(` is for a number.
fn search(text: &str) -> Option<Search> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).take(15).collect();
    let is_number = text.chars().all(|letter| letter.is_ascii_digit() || " +()-.".contains(letter));
    if !is_number || digits.is_empty() {
        let name = text.chars().filter(|letter| *letter != '\0').take(MAX_SEARCH).collect();
        return Some(Search::Name(name));
    }
    let is_whole = text.starts_with('+') || digits.starts_with('1');
    Some(Search::Phone(if is_whole { format!("+{digits}") } else { format!("+1{digits}") }))
}

impl Console {
    /// A page of leads, `limit` of them (100 at most) from `before` on: those whose
    /// name or number begins like `text`, by name or number; without one all, the
    /// newest first.
    pub async fn list_leads(
        &self,
        owner: &Owner,
        text: &str,
        before: Option<&Cursor>,
        limit: u16,
    ) -> Result<LeadList, OwnerError> {
        self.read(owner, "list_leads", ListLeads { search: search(text), before, limit }).await
    }

    /// A lead and the evidence of consent.
    pub async fn read_lead(&self, owner: &Owner, lead_id: Uuid) -> Result<LeadPage, OwnerError> {
        self.read(owner, "read_lead", OfLead { lead_id }).await
    }

    /// Corrects what is known of a lead, over the version it was read as.
    pub async fn correct_lead(
        &self,
        owner: &Owner,
        lead_id: Uuid,
        version: i32,
        form: &LeadForm<'_>,
    ) -> Result<Saved<Lead>, OwnerError> {
        let mut faults = Faults::default();
        let correction = CorrectLead {
            lead_id,
            version,
            name: faults.optional_line("name", form.name, 120),
            email: faults.email("email", form.email),
            notes: Some(faults.text("notes", form.notes, 4000)).filter(|notes| !notes.is_empty()),
        };
        let correction = faults.or(correction).map_err(OwnerError::Fields)?;
        self.write(owner, "correct_lead", correction).await
    }

    /// A part of everything about one person, to hand over: 200 texts after
    /// `texts_after`. As JSON, for a file.
    pub async fn export_lead(
        &self,
        owner: &Owner,
        lead_id: Uuid,
        texts_after: Option<Uuid>,
    ) -> Result<Box<RawValue>, OwnerError> {
        self.write(owner, "export_lead", ExportLead { lead_id, texts_after }).await
    }

    /// Erases one person. It cannot be undone: ask for a recent sign-in first.
    pub async fn erase_lead(&self, owner: &Owner, lead_id: Uuid) -> Result<Erased, OwnerError> {
        self.write(owner, "erase_lead", OfLead { lead_id }).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_for_a_number_or_a_name() {
        for (text, want) in [
            ("", "null"),
            ("  ", "null"),
            ("anna", r#"{"name":"anna"}"#),
            (" Anna R", r#"{"name":"Anna R"}"#),
            ("7 Eleven", r#"{"name":"7 Eleven"}"#),
            ("+", r#"{"name":"+"}"#),
            ("a\0b", r#"{"name":"ab"}"#),
            ("514", r#"{"phone":"+1514"}"#),
            ("(514) 555-01", r#"{"phone":"+151455501"}"#),
            ("1514", r#"{"phone":"+1514"}"#),
            ("+44 20", r#"{"phone":"+4420"}"#),
            ("5145550123999999999", r#"{"phone":"+1514555012399999"}"#),
        ] {
            let found = serde_json::to_string(&search(text)).unwrap();
            assert_eq!(found, want, "{text}");
        }
    }
}
