//! Words for what the console knows by names.

use trust::text::language::Language;

use crate::{
    owner::{
        conversations::{Author, LegalBasis},
        leads::{Flag, Suppressed},
        texting::Refusal,
    },
    pages::words::words,
};

words! {
    /// Words for what the console knows by names.
    LabelWords {
        no_number:
            "Your shop has no number yet. You get one as soon as one is free.",
            "Votre commerce n’a pas encore de numéro. Vous en recevez un dès qu’il y en a un de libre.";
        not_served:
            "Your shop has no subscription that pays for answers, so texts are kept but not answered.",
            "Votre commerce n’a pas d’abonnement qui paie les réponses : les textos sont gardés, mais sans réponse.";
        no_texts: "This person cannot be texted.", "On ne peut pas texter cette personne.";
        by_lead: "Customer", "Client";
        by_assistant: "Assistant", "Assistant";
        by_owner: "You", "Vous";
        by_system: "Service", "Service";
        flag_unsure: "The assistant was unsure", "L’assistant n’était pas sûr";
        flag_unavailable:
            "The assistant was unavailable; a standard answer was sent",
            "L’assistant était indisponible; une réponse standard est partie";
        flag_cap:
            "Many texts within an hour; the assistant paused",
            "Beaucoup de textos en une heure; l’assistant s’est arrêté";
        flag_send_failed: "A text could not be sent", "Un texto n’a pu être envoyé";
        flag_opted_out:
            "Understood as a wish not to be texted",
            "Compris comme un souhait de ne plus recevoir de textos";
        flag_billing:
            "Somebody wrote while the shop was not subscribed",
            "Quelqu’un a écrit sans abonnement actif";
        flag_taken_over: "Waits for your answer", "Attend votre réponse";
        opted_out_one: "Opted out", "Désabonné";
        unreachable: "Unreachable by text", "Injoignable par texto";
        basis_response: "an answer", "une réponse";
        basis_inquiry: "after an inquiry (6 months)", "après une demande (6 mois)";
        basis_purchase: "after a purchase (2 years)", "après un achat (2 ans)";
        basis_express: "express consent", "consentement exprès";
        refused_closing:
            "The account is being closed; no text leaves it.",
            "Le compte est en fermeture; aucun texto n’en part.";
        refused_basis:
            "The law allows no text now: this person’s consent has expired. They have to write first.",
            "La loi n’autorise pas de texto : le consentement a expiré. Cette personne doit écrire d’abord.";
        refused_quiet:
            "It is night where this person is. Try again in the morning.",
            "C’est la nuit là où se trouve cette personne. Réessayez le matin.";
        status_pending: "on its way", "en route";
        status_sent: "sent", "envoyé";
        status_delivered: "delivered", "livré";
        status_failed: "not delivered", "non livré";
        status_withheld: "not sent", "non envoyé";
    }
}

pub(crate) fn author(author: Author, language: Language) -> &'static str {
    let words = LabelWords::of(language);
    match author {
        Author::Lead => words.by_lead,
        Author::Assistant => words.by_assistant,
        Author::Owner => words.by_owner,
        Author::System => words.by_system,
    }
}

pub(crate) fn flag(flag: Flag, language: Language) -> &'static str {
    let words = LabelWords::of(language);
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

pub(crate) fn suppressed(why: Suppressed, language: Language) -> &'static str {
    let words = LabelWords::of(language);
    match why {
        Suppressed::OptedOut => words.opted_out_one,
        Suppressed::Unreachable => words.unreachable,
    }
}

pub(crate) fn basis(basis: LegalBasis, language: Language) -> &'static str {
    let words = LabelWords::of(language);
    match basis {
        LegalBasis::Response => words.basis_response,
        LegalBasis::ImpliedInquiry => words.basis_inquiry,
        LegalBasis::ImpliedPurchase => words.basis_purchase,
        LegalBasis::Express => words.basis_express,
    }
}

pub(crate) fn refusal(reason: Refusal, language: Language) -> &'static str {
    let words = LabelWords::of(language);
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
pub(crate) fn status(status: &str, language: Language) -> &str {
    let words = LabelWords::of(language);
    match status {
        "pending" | "queued" | "accepted" | "sending" | "scheduled" => words.status_pending,
        "sent" => words.status_sent,
        "delivered" | "read" => words.status_delivered,
        "undelivered" | "failed" => words.status_failed,
        "withheld" | "canceled" => words.status_withheld,
        other => other,
    }
}
