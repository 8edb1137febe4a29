//! What a bundle holds: its files, their columns, and what these mean.
//!
//! The rows come from `app.export_rows`, whose columns are these in this order;
//! a row that has others is refused. A test holds both to the tables.

use serde::Serialize;

/// The format's name. Its number rises when a file or a column changes or goes.
pub const FORMAT: &str = "leadslock export 1";

/// A file of rows.
#[derive(Debug, Serialize)]
pub struct File {
    /// Its name without the extension, by which the database calls it too.
    pub name: &'static str,
    /// What its rows are.
    pub about: &'static str,
    /// Their columns.
    pub columns: &'static [Column],
}

/// A column of a file.
#[derive(Debug, Serialize)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What its values are. Any may be missing.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// What it means.
    pub about: &'static str,
}

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Text, as it was written.
    Text,
    /// true or false.
    Boolean,
    /// A whole number.
    Integer,
    /// A time, as RFC 3339 writes it.
    Time,
    /// A UUID.
    Id,
    /// Bytes, in hexadecimal digits.
    Hex,
}

const fn column(name: &'static str, kind: Kind, about: &'static str) -> Column {
    Column { name, kind, about }
}

use Kind::{Boolean, Hex, Id, Integer, Text, Time};

/// Every file of rows, in the order of the bundle.
pub const FILES: [File; 9] = [
    File {
        name: "profile",
        about: "The shop and its settings.",
        columns: &[
            column("id", Id, "The shop."),
            column("name", Text, "Its name."),
            column("owner_email", Text, "The address the owner signs in with."),
            column("mailing_address", Text, "Its mailing address."),
            column("contact_email", Text, "An address for its customers."),
            column("contact_phone", Text, "A number for its customers."),
            column("website", Text, "Its website."),
            column("time_zone", Text, "Where its clocks are, as the IANA calls it."),
            column("language", Text, "en or fr."),
            column("about", Text, "What the assistant may tell customers."),
            column("instructions", Text, "How the assistant is to talk."),
            column("state", Text, "active, closing or closed."),
            column("created_at", Time, "When the account was opened."),
            column("updated_at", Time, "When the profile was last changed."),
        ],
    },
    File {
        name: "subscriptions",
        about: "What the shop pays for, as Stripe has it.",
        columns: &[
            column("id", Text, "The subscription."),
            column("customer_id", Text, "The shop, as Stripe knows it."),
            column("status", Text, "Stripe's status."),
            column("price_id", Text, "The plan."),
            column("current_period_start", Time, "Since when the paid time runs."),
            column("current_period_end", Time, "Until when."),
            column("trial_end", Time, "The end of the trial."),
            column("cancel_at", Time, "When it will end."),
            column("cancel_at_period_end", Boolean, "Whether it ends with the paid time."),
            column("canceled_at", Time, "When it was canceled."),
            column("is_collection_paused", Boolean, "Whether payments are paused."),
            column("unpaid_since", Time, "Since when a payment is missing."),
            column("created_at", Time, "When it began."),
            column("fetched_at", Time, "When Stripe last told us."),
        ],
    },
    File {
        name: "numbers",
        about: "The numbers the shop is texted at.",
        columns: &[
            column("phone", Text, "The number."),
            column("texts_per_minute", Integer, "How many texts a minute may leave it."),
            column("created_at", Time, "Since when it is the shop's."),
        ],
    },
    File {
        name: "leads",
        about: "The people who texted the shop.",
        columns: &[
            column("id", Id, "The person, as messages and consent refer to them."),
            column("phone", Text, "Their number."),
            column("phone_hmac", Hex, "The keyed hash by which consent and suppressions know it."),
            column("name", Text, "Their name."),
            column("email", Text, "Their address."),
            column("notes", Text, "The shop's notes."),
            column("language", Text, "en or fr, where they showed it."),
            column("needs_owner_since", Time, "Since when they wait for the owner."),
            column("needs_owner_reason", Text, "Why they do."),
            column("created_at", Time, "When they first wrote."),
            column("last_inbound_at", Time, "When they last wrote."),
        ],
    },
    File {
        name: "messages",
        about: "Every text in both directions, oldest first.",
        columns: &[
            column("id", Id, "The text."),
            column("created_at", Time, "When it came, or was written."),
            column("lead_id", Id, "The person at the other end."),
            column("sender_phone", Text, "The shop's number."),
            column("direction", Text, "inbound or outbound."),
            column("author", Text, "lead, assistant, owner or system."),
            column("body", Text, "The text; card and social-insurance numbers are masked."),
            column("media_count", Integer, "How many pictures came with it."),
            column("masked_count", Integer, "How many numbers were masked."),
            column("in_reply_to", Id, "The text it answers."),
            column("legal_basis", Text, "Why it could lawfully be sent."),
            column("status", Text, "What became of it."),
            column("error_code", Integer, "Twilio's error code."),
            column("twilio_sid", Text, "Twilio's id for it."),
            column("attempted_at", Time, "When it was last handed over for sending."),
        ],
    },
    File {
        name: "consent",
        about: "The evidence of consent, chained; docs/consent-ledger.md says how to check it.",
        columns: &[
            column("id", Id, "The event."),
            column("phone_hmac", Hex, "The person's number, as a keyed hash."),
            column("sequence", Integer, "Its place in the chain of that number."),
            column("lead_id", Id, "The person, while they are not erased."),
            column("message_id", Id, "The text it came from."),
            column("change", Text, "granted or withdrawn."),
            column("basis", Text, "implied_inquiry, implied_purchase or express."),
            column("source", Text, "text, provider or owner."),
            column("rule", Text, "What the wording was recognized by."),
            column("wording", Text, "The person's own words."),
            column("wording_salt", Hex, "What the wording is hashed with."),
            column("wording_digest", Hex, "SHA-256 of salt and wording."),
            column("at", Time, "When it happened."),
            column("expires_at", Time, "When the basis ends."),
            column("previous_hash", Hex, "The link before."),
            column("hash", Hex, "This link."),
        ],
    },
    File {
        name: "suppressions",
        about: "Who must not be texted. Whoever takes over the texting needs this.",
        columns: &[
            column("sender_phone", Text, "The shop's number they must not be texted from."),
            column("phone_hmac", Hex, "Their number, as leads have it; the person may be erased."),
            column("reason", Text, "opted_out or unreachable."),
            column("since", Time, "Since when."),
        ],
    },
    File {
        name: "audit",
        about: "Who did what to the account.",
        columns: &[
            column("id", Id, "The event."),
            column("at", Time, "When it happened."),
            column("actor", Text, "lead, owner, operator, system or provider."),
            column("action", Text, "What was done."),
            column("subject_id", Id, "To what."),
        ],
    },
    File {
        name: "media",
        about: "Pictures and the like that came with texts. Those that are stored are files of the bundle.",
        columns: &[
            column("message_id", Id, "The text it came with."),
            column("position", Integer, "Its place in the text, from 0."),
            column("state", Text, "pending, stored or refused."),
            column("refusal", Text, "Why it was refused."),
            column("told_type", Text, "The content type we were told."),
            column("found_type", Text, "The content type its bytes have."),
            column("byte_count", Integer, "How many bytes it has."),
            column("sha256", Hex, "The SHA-256 of its bytes."),
            column("file", Text, "Its file in the bundle."),
            column("storage_path", Text, "Where we keep it."),
            column("twilio_sid", Text, "Twilio's id for it."),
            column("created_at", Time, "When it came."),
            column("settled_at", Time, "When it was stored or refused."),
            column("removed_at", Time, "When Twilio's copy was removed."),
        ],
    },
];
