//! Words for what the console knows by names.

use super::wording::{ActivityWords, ConversationWords};
use crate::owner::{
    conversations::{Author, LegalBasis},
    leads::{Flag, Suppressed},
    texting::Refusal,
};

pub(crate) fn author(author: Author, words: &ConversationWords) -> &'static str {
    match author {
        Author::Lead => words.by_lead,
        Author::Assistant => words.by_assistant,
        Author::Owner => words.by_owner,
        Author::System => words.by_system,
    }
}

pub(crate) fn flag(flag: Flag, words: &ConversationWords) -> &'static str {
    match flag {
        Flag::AssistantUnsure => words.flag_unsure,
        Flag::AssistantUnavailable => words.flag_unavailable,
        Flag::Cap => words.flag_cap,
        Flag::SendFailed => words.flag_send_failed,
        Flag::OptedOutInWords => words.flag_opted_out,
        Flag::Billing => words.flag_billing,
        Flag::TakenOver => words.flag_taken_over,
    }
}

pub(crate) fn suppressed(why: Suppressed, words: &ConversationWords) -> &'static str {
    match why {
        Suppressed::OptedOut => words.opted_out_one,
        Suppressed::Unreachable => words.unreachable,
    }
}

pub(crate) fn basis(basis: LegalBasis, words: &ConversationWords) -> &'static str {
    match basis {
        LegalBasis::Response => words.basis_response,
        LegalBasis::ImpliedInquiry => words.basis_inquiry,
        LegalBasis::ImpliedPurchase => words.basis_purchase,
        LegalBasis::Express => words.basis_express,
    }
}

pub(crate) fn refusal(reason: Refusal, words: &ConversationWords) -> &'static str {
    match reason {
        Refusal::BusinessNotActive => words.refused_closing,
        Refusal::OptedOut => words.no_texts,
        Refusal::Billing => words.not_served,
        Refusal::BasisExpired | Refusal::NoBasis => words.refused_basis,
        Refusal::QuietHours => words.refused_quiet,
        Refusal::NoNumber => words.no_number,
    }
}

/// What became of a text, as Twilio or we say; what we do not know stays as it is.
pub(crate) fn status<'a>(status: &'a str, words: &ConversationWords) -> &'a str {
    match status {
        "pending" | "queued" | "accepted" | "sending" | "scheduled" => words.status_pending,
        "sent" => words.status_sent,
        "delivered" | "read" => words.status_delivered,
        "undelivered" | "failed" => words.status_failed,
        "withheld" | "canceled" => words.status_withheld,
        other => other,
    }
}

/// What was done; what we do not know stays as it is.
pub(crate) fn action<'a>(action: &'a str, words: &ActivityWords) -> &'a str {
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
pub(crate) fn actor<'a>(actor: &'a str, words: &ActivityWords) -> &'a str {
    match actor {
        "owner" => words.by_owner,
        "lead" => words.by_lead,
        "operator" => words.by_operator,
        "provider" => words.by_provider,
        "system" => words.by_system,
        other => other,
    }
}
