//! Everything pages say, in one place per language.
//!
//! A text that one language has and the other has not does not compile. Longer texts
//! of one page are next to it, as pairs of [`Text`], which does not compile by halves
//! either.

mod english;
mod french;

use trust::text::language::Language;

/// All wording in one language.
pub(crate) fn of(language: Language) -> &'static Wording {
    match language {
        Language::English => &english::WORDING,
        Language::French => &french::WORDING,
    }
}

/// A text in both languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    /// In English.
    pub en: &'static str,
    /// In French.
    pub fr: &'static str,
}

impl Text {
    /// The text in `language`.
    pub fn of(self, language: Language) -> &'static str {
        match language {
            Language::English => self.en,
            Language::French => self.fr,
        }
    }
}

/// Declares groups of texts.
macro_rules! groups {
    ($($(#[$doc:meta])* $name:ident { $($field:ident),* $(,)? })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub(crate) struct $name { $(pub(super) $field: &'static str),* }
        )*
    };
}

/// What pages say in one language.
#[derive(Debug)]
pub(crate) struct Wording {
    pub(crate) frame: FrameWords,
    pub(crate) notices: NoticeWords,
    pub(crate) home: HomeWords,
    pub(crate) security: SecurityWords,
    pub(crate) privacy: PrivacyWords,
    pub(crate) changelog: ChangelogWords,
    pub(crate) incidents: IncidentWords,
    pub(crate) problem: ProblemWords,
    pub(crate) entry: EntryWords,
    pub(crate) billing: BillingWords,
    pub(crate) privacy_centre: PrivacyCentreWords,
    pub(crate) delete_account: DeleteAccountWords,
    pub(crate) conversations: ConversationWords,
    pub(crate) leads: LeadWords,
    pub(crate) shop: ShopWords,
    pub(crate) activity: ActivityWords,
}

groups! {
    /// What is on every page.
    FrameWords {
        skip, main_menu, foot_menu, security, privacy, changelog, incidents, sign_in,
        sign_up, sign_out, console, conversations, leads, shop, billing, privacy_centre, activity,
        other_language, opted_out, tagline,
    }
    /// What is said once about what was done.
    NoticeWords {
        signed_out, signed_out_everywhere, session_ended, sign_in_again, password_changed,
        export_begun, no_shop, saved, sent, erased,
    }
    /// The front page.
    HomeWords {
        title, lead, begin, promises, answers_title, answers, watch_title, watch, stop_title, stop,
        own_title, own, cards_title, cards, open_title, open,
    }
    /// The security page.
    SecurityWords {
        title, lead, how, limits, proven, not_proven, tests, report_title, report, credit,
        audit_title, audit, contact,
    }
    /// The privacy page.
    PrivacyWords {
        title, lead, processors_title, processors_caption, who, purpose, data, region, cookies_title,
        cookies, rights_title, rights, retention_title, retention, signal_title, signal, signal_seen,
        signal_not_seen, contact_title, contact,
    }
    /// The changelog.
    ChangelogWords { title, lead, security_tag, audit, only_english }
    /// Incidents and post-mortems.
    IncidentWords { title, lead, none }
    /// The pages that say what is wrong.
    ProblemWords {
        not_found_title, not_found, method_title, method, too_large_title, too_large, foreign_title,
        foreign, session_title, session, too_many_title, too_many, invalid_title, invalid,
        unavailable_title, unavailable, defect_title, defect, back, sign_in,
    }
    /// Signing in and up, codes and passwords.
    EntryWords {
        sign_in_title, sign_up_title, code_title, recovery_title, enter_title,
        password_title, email, password, new_password, password_hint, code, code_hint, sign_in,
        sign_up, send_code, confirm, save, with_code, forgot, no_account, has_account, code_lead,
        recovery_lead, code_sent, password_lead, wrong_email, no_password, wrong_pair, wrong_code,
        exists, short, long, simple, like_address, weak, same, no_code, bcrypt,
    }
    /// The owner's billing page.
    BillingWords {
        title, lead, standing, none, trialing, active, past_due, unpaid, paused, ended, choose,
        subscribe, manage, trial, cards, leaving_title, leaving, go_to_stripe, back,
    }
    /// The owner's privacy centre.
    PrivacyCentreWords {
        title, lead, export_title, export, format, json, csv, begin_export, exports_caption, asked,
        state, due, open, ready, expired, download, rows, checksum, no_exports, password_title,
        password, change_password, everywhere_title, everywhere, sign_out_everywhere, delete_title, delete, delete_go,
    }
    /// Where an owner closes the account.
    DeleteAccountWords {
        title, at_once_title, at_once, within_hours_title, within_hours, for_90_days_title,
        for_90_days, then_title, then, stays_title, stays, export_first, name_is, confirmation,
        hint, other_name, press, closed_title, closed, keep_link, follow,
    }
    /// Conversations with people.
    ConversationWords {
        title, filter, all, unanswered, flagged, opted_out, none, older, numbers, no_number, not_served, pictures, picture, picture_refused, you_answer, assistant_answers, take_over, hand_back, resolve, person, answer, answer_hint, send, no_texts, masked, by_lead, by_assistant, by_owner, by_system, flag_unsure, flag_unavailable, flag_cap, flag_send_failed, flag_opted_out, flag_billing, flag_taken_over, opted_out_one, unreachable, basis_response, basis_inquiry, basis_purchase, basis_express, refused_closing, refused_basis, refused_quiet, status_pending, status_sent, status_delivered, status_failed, status_withheld
    }
    /// The people who wrote.
    LeadWords {
        title, search, search_hint, find, none, more, conversation, phone, first, last, correct_title, name, email, notes, notes_hint, save, conflict, consent_title, until_response, express, until_inquiry, until_purchase, evidence, granted, withdrawn, file_title, file, file_get, erase_title, erase, erase_sure, erase_unsure, erase_press
    }
    /// The shop.
    ShopWords {
        title, welcome_title, welcome, open, name, name_hint, mailing_address, mailing_address_hint, contact_email, contact_hint, contact_phone, website, time_zone, language, english, french, about, about_hint, instructions, instructions_hint, save, conflict, unconfirmed, try_title, question, question_hint, ask, would_say
    }
    /// What was done in the account.
    ActivityWords {
        title, lead, none, when, who, what, older, by_owner, by_lead, by_operator, by_provider, by_system, account_opened, billing_opened, export_requested, export_ready, export_deleted, lead_corrected, lead_erased, lead_exported, owner_texted, shop_updated, flag_resolved
    }
}
