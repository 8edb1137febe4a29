//! The one description of the data: every table and column of schema `app`, whose it is,
//! where it is told, how long it stays, how it goes.
//!
//! The bundle ([`super::export`]), a person's file, backups, the reasons of
//! [`super::retention`] and what owners may read are derived from this, or a test compares
//! them with it, whole (`tests/it/data.rs`): a table or column that is added and not
//! described here fails it, and so does a description of what is not there.

use serde::Serialize;

use self::{
    Kind::{Boolean, Bytes, Hex, Id, Integer, Json, List, Text, Time},
    Whose::{Account, Everybody, Person, Service},
};

/// A table.
#[derive(Debug)]
pub struct Table {
    /// Its name in schema `app`.
    pub name: &'static str,
    /// Whose rows it has.
    pub whose: Whose,
    /// The file of the owner's bundle that its rows are in, or why they are in none.
    pub bundle: Bundle,
    /// Why it is in no backup of an account; `None` if it is in it.
    pub left_out_of_backups: Option<&'static str>,
    /// What becomes of an account's rows when it is closed.
    pub closing: Closing,
    /// How long its rows are kept that have no limit in [`super::retention::LIMITS`], and
    /// why; `None` if all have one.
    pub kept: Option<&'static str>,
    /// Its columns, in their order.
    pub columns: &'static [Column],
}

/// Whose rows a table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// A shop's, and through it its owner's.
    Account,
    /// A person's who texts a shop, and the shop's.
    Person,
    /// The service's own.
    Service,
    /// Nobody's: the same for all.
    Everybody,
}

/// Where in the owner's bundle rows are.
#[derive(Debug)]
pub enum Bundle {
    /// In a file.
    File {
        /// Its name without the extension.
        name: &'static str,
        /// What its rows are.
        about: &'static str,
        /// What is told besides the table's columns.
        also: &'static [Column],
    },
    /// In none, because.
    LeftOut(&'static str),
}

/// What becomes of an account's rows when it is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// They are erased.
    Erased,
    /// They stay, or it has none, because.
    Stays(&'static str),
}

/// A column.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What its values are. Any may be missing.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// What it means, to who reads a bundle.
    pub about: &'static str,
    /// Why a bundle does not tell it.
    #[serde(skip)]
    pub not_in_bundle: Option<&'static str>,
    /// Why a person's file does not tell it.
    #[serde(skip)]
    pub not_in_persons_file: Option<&'static str>,
    /// What owners may do with it.
    #[serde(skip)]
    pub owners: Access,
}

/// What owners may do with a column, by the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    None,
    /// Read it.
    Read,
    /// Correct it.
    Edit,
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
    /// Bytes that nobody is told.
    Bytes,
    /// Texts.
    List,
    /// Anything.
    Json,
}

impl Kind {
    /// What Postgres calls it.
    pub fn is_of(self, postgres: &str) -> bool {
        match self {
            Text => matches!(postgres, "text" | "app.e164"),
            Boolean => postgres == "boolean",
            Integer => matches!(postgres, "integer" | "smallint" | "bigint"),
            Time => matches!(postgres, "timestamp with time zone" | "date"),
            Id => postgres == "uuid",
            Hex | Bytes => postgres == "bytea",
            List => postgres == "text[]",
            Json => postgres == "jsonb",
        }
    }
}

/// A column that owners read, and that both files tell.
pub(super) const fn column(name: &'static str, kind: Kind, about: &'static str) -> Column {
    Column {
        name,
        kind,
        about,
        not_in_bundle: None,
        not_in_persons_file: None,
        owners: Access::Read,
    }
}

/// A column that only we have a use for.
const fn inner(name: &'static str, kind: Kind) -> Column {
    column(name, kind, "").hidden().left_out("only we have a use for it")
}

impl Column {
    const fn hidden(self) -> Self {
        Self { owners: Access::None, ..self }
    }

    const fn editable(self) -> Self {
        Self { owners: Access::Edit, ..self }
    }

    const fn not_in_bundle(self, why: &'static str) -> Self {
        Self { not_in_bundle: Some(why), ..self }
    }

    const fn not_in_persons_file(self, why: &'static str) -> Self {
        Self { not_in_persons_file: Some(why), ..self }
    }

    const fn left_out(self, why: &'static str) -> Self {
        self.not_in_bundle(why).not_in_persons_file(why)
    }
}

/// The column that says whose a row is.
const fn shop() -> Column {
    column("business_id", Id, "").left_out("the bundle is of one shop, and the file too")
}

/// The table of a name.
pub fn find(name: &str) -> Option<&'static Table> {
    TABLES.iter().find(|table| table.name == name)
}

/// Every table: those of the bundle in its order, then the others by name.
pub static TABLES: [Table; 28] = [
    Table {
        name: "businesses",
        whose: Account,
        bundle: Bundle::File {
            name: "profile",
            about: "The shop and its settings.",
            also: &[column("owner_email", Text, "The address the owner signs in with.")],
        },
        left_out_of_backups: None,
        closing: Closing::Erased,
        kept: Some("as long as the account: it is the account"),
        columns: &[
            column("id", Id, "The shop."),
            column("owner_id", Id, "").not_in_bundle("the owner is who has the bundle"),
            column("name", Text, "Its name.").editable(),
            column("mailing_address", Text, "Its mailing address.").editable(),
            column("contact_email", Text, "An address for its customers.").editable(),
            column("contact_phone", Text, "A number for its customers.").editable(),
            column("website", Text, "Its website.").editable(),
            column("time_zone", Text, "Where its clocks are, as the IANA calls it.").editable(),
            column("language", Text, "en or fr.").editable(),
            column("about", Text, "What the assistant may tell customers.").editable(),
            column("instructions", Text, "How the assistant is to talk.").editable(),
            column("state", Text, "active, closing or closed."),
            column("created_at", Time, "When the account was opened."),
            column("updated_at", Time, "When the profile was last changed."),
            column("version", Integer, "").not_in_bundle("it only tells two changes apart"),
        ],
    },
    Table {
        name: "subscriptions",
        whose: Account,
        bundle: Bundle::File {
            name: "subscriptions",
            about: "What the shop pays for, as Stripe has it.",
            also: &[],
        },
        left_out_of_backups: None,
        closing: Closing::Erased,
        kept: Some("as long as the account: what it pays for"),
        columns: &[
            column("id", Text, "The subscription."),
            shop(),
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
            column("version", Integer, "").not_in_bundle("it only tells two answers apart"),
            column("fetched_at", Time, "When Stripe last told us."),
        ],
    },
    Table {
        name: "sender_numbers",
        whose: Account,
        bundle: Bundle::File {
            name: "numbers",
            about: "The numbers the shop is texted at.",
            also: &[],
        },
        left_out_of_backups: None,
        closing: Closing::Erased,
        kept: Some("as long as the account"),
        columns: &[
            column("phone", Text, "The number."),
            shop(),
            column("created_at", Time, "Since when it is the shop's."),
            column("texts_per_minute", Integer, "How many texts a minute may leave it.").hidden(),
        ],
    },
    Table {
        name: "leads",
        whose: Person,
        bundle: Bundle::File { name: "leads", about: "The people who texted the shop.", also: &[] },
        left_out_of_backups: None,
        closing: Closing::Erased,
        kept: Some("as long as the account, or until the owner erases the person"),
        columns: &[
            column("id", Id, "The person, as messages and consent refer to them."),
            shop(),
            column("phone", Text, "Their number."),
            column("phone_hmac", Hex, "The keyed hash by which consent and suppressions know it.")
                .not_in_persons_file("the number itself is in it"),
            column("name", Text, "Their name.").editable(),
            column("email", Text, "Their address.").editable(),
            column("notes", Text, "The shop's notes.").editable(),
            column("language", Text, "en or fr, where they showed it."),
            column("needs_owner_since", Time, "Since when they wait for the owner."),
            column("needs_owner_reason", Text, "Why they do."),
            column("created_at", Time, "When they first wrote."),
            column("last_inbound_at", Time, "When they last wrote."),
            column("version", Integer, "").left_out("it only tells two changes apart"),
            column("name_key", Text, "").left_out("the name again, as it is searched for"),
            column("taken_over_at", Time, "Since when the owner answers instead of the assistant."),
        ],
    },
    Table {
        name: "messages",
        whose: Person,
        bundle: Bundle::File {
            name: "messages",
            about: "Every text in both directions, oldest first.",
            also: &[],
        },
        left_out_of_backups: None,
        closing: Closing::Erased,
        kept: Some("as long as the lead: the conversation is what the account is for"),
        columns: &[
            column("id", Id, "The text."),
            shop(),
            column("lead_id", Id, "The person at the other end.")
                .not_in_persons_file("the file is of one person"),
            column("sender_phone", Text, "The shop's number.").hidden(),
            column("direction", Text, "inbound or outbound."),
            column("author", Text, "lead, assistant, owner or system."),
            column("body", Text, "The text; card and social-insurance numbers are masked."),
            column("media_count", Integer, "How many pictures came with it."),
            column("masked_count", Integer, "How many numbers were masked."),
            column("in_reply_to", Id, "The text it answers.").hidden(),
            column("legal_basis", Text, "Why it could lawfully be sent."),
            column("twilio_sid", Text, "Twilio's id for it.")
                .hidden()
                .not_in_persons_file("it names the text to us and Twilio alone"),
            column("status", Text, "What became of it."),
            column("error_code", Integer, "Twilio's error code."),
            column("attempted_at", Time, "When it was last handed over for sending.")
                .hidden()
                .not_in_persons_file("the status says what became of it"),
            column("created_at", Time, "When it came, or was written."),
            inner("request_id", Id),
        ],
    },
    Table {
        name: "consent_events",
        whose: Person,
        bundle: Bundle::File {
            name: "consent",
            about: "The evidence of consent, chained; docs/consent-ledger.md says how to check it.",
            also: &[],
        },
        left_out_of_backups: None,
        closing: Closing::Erased,
        kept: Some("as long as the chain's end in app.consent_ledgers, with which it goes"),
        columns: &[
            column("id", Id, "The event.").hidden().not_in_persons_file(CHAIN),
            shop(),
            column("lead_id", Id, "The person, while they are not erased.")
                .not_in_persons_file("the file is of one person"),
            column("message_id", Id, "The text it came from.").hidden(),
            column("change", Text, "granted or withdrawn."),
            column("basis", Text, "implied_inquiry, implied_purchase or express."),
            column("source", Text, "text, provider or owner."),
            column("rule", Text, "What the wording was recognized by."),
            column("wording", Text, "The person's own words."),
            column("at", Time, "When it happened."),
            column("expires_at", Time, "When the basis ends."),
            column("phone_hmac", Hex, "The person's number, as a keyed hash.")
                .not_in_persons_file("the number itself is in it"),
            column("sequence", Integer, "Its place in the chain of that number."),
            column("wording_salt", Hex, "What the wording is hashed with.")
                .hidden()
                .not_in_persons_file(CHAIN),
            column("wording_digest", Hex, "SHA-256 of salt and wording.")
                .hidden()
                .not_in_persons_file(CHAIN),
            column("previous_hash", Hex, "The link before.").hidden().not_in_persons_file(CHAIN),
            column("hash", Hex, "This link.").hidden().not_in_persons_file(CHAIN),
        ],
    },
    Table {
        name: "suppressions",
        whose: Person,
        bundle: Bundle::File {
            name: "suppressions",
            about: "Who must not be texted. Whoever takes over the texting needs this.",
            also: &[],
        },
        left_out_of_backups: Some(
            "they stay while an account is closed: who opted out has opted out",
        ),
        closing: Closing::Stays("who opted out has opted out; only a keyed hash names the person"),
        kept: Some(
            "as long as we have the number texts were sent from: forgetting that somebody said stop would be texting them again; only a keyed hash names the person",
        ),
        columns: &[
            column("sender_phone", Text, "The shop's number they must not be texted from."),
            column("phone_hmac", Hex, "Their number, as leads have it; the person may be erased.")
                .not_in_persons_file("the number itself is in it"),
            column("reason", Text, "opted_out or unreachable."),
            column("since", Time, "Since when."),
        ],
    },
    Table {
        name: "audit_events",
        whose: Account,
        bundle: Bundle::File { name: "audit", about: "Who did what to the account.", also: &[] },
        left_out_of_backups: Some("they stay while an account is closed, and name nobody"),
        closing: Closing::Stays("ids and what happened, without personal data"),
        kept: None,
        columns: &[
            column("id", Id, "The event."),
            shop(),
            column("actor", Text, "lead, owner, operator, system or provider."),
            column("action", Text, "What was done."),
            column("subject_id", Id, "To what."),
            column("at", Time, "When it happened."),
        ],
    },
    Table {
        name: "media",
        whose: Person,
        bundle: Bundle::File {
            name: "media",
            about: "Pictures and the like that came with texts. Those that are stored are files of the bundle.",
            also: &[column("file", Text, "Its file in the bundle.")],
        },
        left_out_of_backups: None,
        closing: Closing::Erased,
        kept: Some("as long as the text it came with"),
        columns: &[
            column("message_id", Id, "The text it came with."),
            column("position", Integer, "Its place in the text, from 0."),
            shop(),
            column("twilio_sid", Text, "Twilio's id for it.")
                .hidden()
                .not_in_persons_file("it names the picture to us and Twilio alone"),
            column("told_type", Text, "The content type we were told.").hidden(),
            column("state", Text, "pending, stored or refused."),
            column("refusal", Text, "Why it was refused.").hidden(),
            column("found_type", Text, "The content type its bytes have."),
            column("byte_count", Integer, "How many bytes it has."),
            column("sha256", Hex, "The SHA-256 of its bytes.")
                .hidden()
                .not_in_persons_file("the picture itself is handed over"),
            column("storage_path", Text, "Where we keep it.")
                .not_in_persons_file("the picture itself is handed over"),
            column("created_at", Time, "When it came.").hidden(),
            column("settled_at", Time, "When it was stored or refused.")
                .hidden()
                .not_in_persons_file("the state says what became of it"),
            column("removed_at", Time, "When Twilio's copy was removed.")
                .hidden()
                .not_in_persons_file("the state says what became of it"),
        ],
    },
    Table {
        name: "area_codes",
        whose: Everybody,
        bundle: Bundle::LeftOut("it is the same for everybody"),
        left_out_of_backups: Some("it is the same for everybody"),
        closing: Closing::Stays("it is nobody's"),
        kept: Some("for ever: which places phone numbers are of, nobody's data"),
        columns: &[inner("area_code", Text), inner("time_zones", List)],
    },
    Table {
        name: "backup_chunks",
        whose: Account,
        bundle: Bundle::LeftOut("copies of rows, for minutes"),
        left_out_of_backups: Some("copies of rows, for minutes"),
        closing: Closing::Erased,
        kept: Some("while a backup is made; gone with its end"),
        columns: &[
            inner("snapshot_id", Id),
            inner("number", Integer),
            inner("business_id", Id),
            inner("file", Text),
            inner("rows", Integer),
            inner("lines", Text),
        ],
    },
    Table {
        name: "closure_receipts",
        whose: Service,
        bundle: Bundle::LeftOut("an account that is being closed has no export"),
        left_out_of_backups: Some("what is kept of the closure itself"),
        closing: Closing::Stays("what was done for a closure, a part of its certificate"),
        kept: Some(
            "for ever: what was done for a closure, a part of its certificate; it names nobody",
        ),
        columns: &[
            inner("closure_id", Id),
            inner("step", Text),
            inner("at", Time),
            inner("detail", Json),
        ],
    },
    Table {
        name: "closures",
        whose: Account,
        bundle: Bundle::LeftOut("an account that is being closed has no export"),
        left_out_of_backups: Some("what is kept of the closure itself"),
        closing: Closing::Stays("that an account was closed, and the certificate of it"),
        kept: Some(
            "for ever: that an account was closed, and the certificate of it, which name nobody",
        ),
        columns: &[
            inner("id", Id),
            inner("business_id", Id),
            inner("owner_id", Id),
            inner("ends_owner", Boolean),
            inner("state", Text),
            inner("step", Text),
            inner("requested_at", Time),
            inner("purge_at", Time),
            inner("erased", Json),
            inner("key_id", Text),
            inner("wrapped_key", Bytes),
            inner("storage_path", Text),
            inner("byte_count", Integer),
            inner("sha256", Bytes),
            inner("counts", Json),
            inner("sealed_at", Time),
            inner("restored_at", Time),
            inner("certificate", Text),
            inner("finished_at", Time),
        ],
    },
    Table {
        name: "consent_ledgers",
        whose: Person,
        bundle: Bundle::LeftOut("what the events amount to, which are in it"),
        left_out_of_backups: None,
        closing: Closing::Erased,
        kept: None,
        columns: &[
            column("business_id", Id, ""),
            column("phone_hmac", Hex, ""),
            column("length", Integer, ""),
            inner("head", Bytes),
            column("express_since", Time, ""),
            column("inquiry_until", Time, ""),
            column("purchase_until", Time, ""),
            inner("orphaned_at", Time),
        ],
    },
    Table {
        name: "conversations",
        whose: Person,
        bundle: Bundle::LeftOut("which text is a lead's newest, which the texts say"),
        left_out_of_backups: Some("written anew with the texts"),
        closing: Closing::Erased,
        kept: Some("as long as the lead: which text of a lead is the newest"),
        columns: &[
            column("lead_id", Id, ""),
            column("business_id", Id, ""),
            column("last_message_id", Id, ""),
            column("is_unanswered", Boolean, ""),
            column("suppressed_at", Time, ""),
        ],
    },
    Table {
        name: "erased_leads",
        whose: Service,
        bundle: Bundle::LeftOut("an account that is being closed has no export"),
        left_out_of_backups: Some("who is not to come back from a backup"),
        closing: Closing::Stays("who is not to come back from a backup, as a keyed hash"),
        kept: None,
        columns: &[inner("closure_id", Id), inner("phone_hmac", Bytes), inner("at", Time)],
    },
    Table {
        name: "export_chunks",
        whose: Account,
        bundle: Bundle::LeftOut("copies of rows, for minutes"),
        left_out_of_backups: Some("copies of rows, for minutes"),
        closing: Closing::Erased,
        kept: Some("while a bundle is made; gone with its end"),
        columns: &[
            inner("export_id", Id),
            inner("number", Integer),
            inner("file", Text),
            inner("rows", Integer),
            inner("rows_before", Integer),
            inner("lines", Text),
        ],
    },
    Table {
        name: "exports",
        whose: Account,
        bundle: Bundle::LeftOut("what was asked for is in the audit trail"),
        left_out_of_backups: Some(
            "what was asked for ends with the account, its bundles too; that it was asked for is in the audit trail",
        ),
        closing: Closing::Erased,
        kept: None,
        columns: &[
            column("id", Id, ""),
            column("business_id", Id, ""),
            column("format", Text, ""),
            column("state", Text, ""),
            inner("requested_by", Text),
            column("requested_at", Time, ""),
            column("due_on", Time, ""),
            inner("due_at", Time),
            inner("snapshot", Text),
            column("snapshot_at", Time, ""),
            inner("counts", Json),
            inner("chunk_count", Integer),
            column("rows_total", Integer, ""),
            column("rows_done", Integer, ""),
            column("byte_count", Integer, ""),
            column("sha256", Hex, ""),
            inner("finished_at", Time),
            column("expires_at", Time, ""),
            inner("storage_path", Text),
        ],
    },
    Table {
        name: "jobs",
        whose: Service,
        bundle: Bundle::LeftOut("what became of a text is told with the text"),
        left_out_of_backups: None,
        closing: Closing::Erased,
        kept: Some("an open one until it is done or given up"),
        columns: &[
            inner("id", Id),
            inner("kind", Text),
            inner("message_id", Id),
            inner("state", Text),
            inner("run_at", Time),
            inner("attempts", Integer),
            inner("fencing_token", Integer),
            inner("outcome", Text),
            inner("created_at", Time),
            inner("finished_at", Time),
            inner("export_id", Id),
            inner("closure_id", Id),
            inner("last_fault", Text),
            inner("queue", Text),
        ],
    },
    Table {
        name: "object_deletions",
        whose: Service,
        bundle: Bundle::LeftOut("objects that are about to be deleted"),
        left_out_of_backups: Some("objects that are to be deleted are to be deleted"),
        closing: Closing::Stays("objects are deleted within the minute"),
        kept: Some("until the object is deleted, which is tried every minute"),
        columns: &[
            inner("bucket", Text),
            inner("path", Text),
            inner("created_at", Time),
            inner("run_at", Time),
            inner("attempts", Integer),
        ],
    },
    Table {
        name: "rate_limits",
        whose: Service,
        bundle: Bundle::LeftOut("the service's own counts"),
        left_out_of_backups: Some("the service's own counts"),
        closing: Closing::Stays("only a keyed hash names anybody, for a day at most"),
        kept: Some(
            "until a limit no longer counts it, at most a day, whenever another is taken; only a keyed hash names anybody",
        ),
        columns: &[inner("kind", Text), inner("subject", Bytes), inner("full_until", Time)],
    },
    Table {
        name: "refusals",
        whose: Service,
        bundle: Bundle::LeftOut("the service's own counts"),
        left_out_of_backups: Some("the service's own counts"),
        closing: Closing::Stays("counts without persons"),
        kept: None,
        columns: &[
            inner("day", Time),
            inner("function", Text),
            inner("reason", Text),
            inner("count", Integer),
        ],
    },
    Table {
        name: "retention_runs",
        whose: Service,
        bundle: Bundle::LeftOut("the service's own counts"),
        left_out_of_backups: Some("the service's own counts"),
        closing: Closing::Stays("counts without persons"),
        kept: None,
        columns: &[
            inner("id", Id),
            inner("started_at", Time),
            inner("finished_at", Time),
            inner("is_complete", Boolean),
            inner("purged", Json),
        ],
    },
    Table {
        name: "status_events",
        whose: Person,
        bundle: Bundle::LeftOut("where a text ended is told with the text"),
        left_out_of_backups: None,
        closing: Closing::Erased,
        kept: None,
        columns: &[
            inner("id", Id),
            inner("message_id", Id),
            inner("twilio_sid", Text),
            inner("status", Text),
            inner("error_code", Integer),
            inner("fields", Json),
            inner("received_at", Time),
        ],
    },
    Table {
        name: "stripe_customers",
        whose: Account,
        bundle: Bundle::LeftOut("customers of Stripe's; those with a subscription are in it"),
        left_out_of_backups: None,
        closing: Closing::Erased,
        kept: Some("as long as the account: which shop a payment is of"),
        columns: &[inner("id", Text), inner("business_id", Id), inner("created_at", Time)],
    },
    Table {
        name: "stripe_listing",
        whose: Service,
        bundle: Bundle::LeftOut("the service's own"),
        left_out_of_backups: Some("the service's own"),
        closing: Closing::Stays("it is nobody's"),
        kept: Some("for ever: one row, how far Stripe's list was compared"),
        columns: &[
            inner("is_only_row", Boolean),
            inner("listed_until", Time),
            inner("page_until", Time),
            inner("page_after", Text),
        ],
    },
    Table {
        name: "twilio_redactions",
        whose: Service,
        bundle: Bundle::LeftOut("texts we have no more"),
        left_out_of_backups: Some("what Twilio is still to forget"),
        closing: Closing::Stays("what Twilio is still to forget"),
        kept: Some("until Twilio's copy of the text is empty"),
        columns: &[
            inner("message_sid", Text),
            inner("closure_id", Id),
            inner("media_sids", List),
            inner("run_at", Time),
            inner("attempts", Integer),
        ],
    },
    Table {
        name: "webhook_events",
        whose: Service,
        bundle: Bundle::LeftOut("ids of events, which what they did is told without"),
        left_out_of_backups: Some("ids of events; they stay"),
        closing: Closing::Stays("ids of events, for as long as a replay could harm"),
        kept: None,
        columns: &[
            inner("provider", Text),
            inner("event_id", Text),
            inner("type", Text),
            inner("received_at", Time),
        ],
    },
];

/// Why a person's file has no links of the chain.
const CHAIN: &str = "the chain is exported with `cargo operator consent`";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_bundle_tells_it_explains() {
        for table in &TABLES {
            let Bundle::File { also, .. } = &table.bundle else { continue };
            for column in table.columns.iter().chain(*also) {
                let is_told = column.not_in_bundle.is_none();
                assert_eq!(is_told, !column.about.is_empty(), "{}.{}", table.name, column.name);
            }
        }
    }
}
