//! Every function of the deployment, in one table: where it is, how long it may run,
//! when it is called, what settings it reads.
//!
//! `vercel.json`, what `.env.example` says of who reads what, and the lists of the
//! smoke tests and benchmarks are made from it or compared with it.

use crate::{
    paths,
    settings::{
        EVERYWHERE,
        Group::{
            self, AccessTokens, BackupKeys, Contacts, CronSecret, CsrfKey, Groq, PublicOrigins,
            Publishable, StripeApi, StripeOffer, StripeWebhooks, Supabase, SuppressionKey,
            TwilioApi, TwilioWebhooks,
        },
    },
};

/// How long a function that exports or seals may run: all that Vercel gives on the plan that
/// also has the scheduler come every minute.
/// <https://vercel.com/docs/functions/configuring-functions/duration>
const EXPORT_DURATION: u32 = 800;

/// A function.
#[derive(Debug)]
pub struct Function {
    /// Its public path. Its source file is there too: `api/sms/inbound.rs` is at
    /// `/api/sms/inbound`.
    pub path: &'static str,
    /// How long a request may take, in seconds, what comes after the response included.
    pub max_duration: u32,
    /// When the scheduler calls it, as a five-field cron expression in UTC.
    pub schedule: Option<&'static str>,
    /// The settings it reads.
    pub settings: &'static [Group],
}

impl Function {
    /// Its source file, relative to the project's folder.
    pub fn source(&self) -> String {
        format!("{}.rs", self.path.trim_start_matches('/'))
    }

    /// Whether it reads `variable`.
    pub fn reads(&self, variable: &str) -> bool {
        EVERYWHERE.contains(&variable)
            || self.settings.iter().any(|group| group.variables().contains(&variable))
    }

    /// The name of its executable.
    pub fn name(&self) -> String {
        self.path.trim_start_matches("/api/").replace('/', "_")
    }
}

/// Every function.
pub const FUNCTIONS: [&Function; 10] = [
    &ACCOUNT_DELETE,
    &ACCOUNT_EXPORT,
    &SMS_INBOUND,
    &SMS_STATUS,
    &STRIPE_EVENT,
    &BILLING,
    &PAGE,
    &CRON_DELIVER,
    &CRON_RECONCILE,
    &CRON_RETENTION,
];

/// An owner closes the account. What comes after the answer are the first steps of a
/// closure, as far as they are due.
pub(super) const ACCOUNT_DELETE: Function = Function {
    path: paths::ACCOUNT_DELETE,
    max_duration: EXPORT_DURATION,
    schedule: None,
    settings: &[Supabase, AccessTokens, SuppressionKey, TwilioApi, StripeApi, BackupKeys],
};

/// An owner exports everything. What comes after the answer is a bundle: the
/// export's time to gather rows, and that to store them.
pub(super) const ACCOUNT_EXPORT: Function = Function {
    path: paths::ACCOUNT_EXPORT,
    max_duration: EXPORT_DURATION,
    schedule: None,
    settings: &[Supabase, AccessTokens],
};

/// A lead texts a shop. The answer takes milliseconds; what comes after it a few seconds.
pub(super) const SMS_INBOUND: Function = Function {
    path: paths::SMS_INBOUND,
    max_duration: 45,
    schedule: None,
    settings: &[Supabase, TwilioWebhooks, TwilioApi, PublicOrigins, Groq, SuppressionKey],
};

/// Twilio says what became of a text.
pub(super) const SMS_STATUS: Function = Function {
    path: paths::SMS_STATUS,
    max_duration: 15,
    schedule: None,
    settings: &[Supabase, TwilioWebhooks],
};

/// Stripe says that something has happened. Two rounds of one question each to the
/// database, Stripe and the database.
pub(super) const STRIPE_EVENT: Function = Function {
    path: paths::STRIPE_EVENT,
    max_duration: 60,
    schedule: None,
    settings: &[Supabase, StripeWebhooks, StripeApi],
};

/// An owner is sent to Stripe. One to three questions to Stripe, between two to the
/// database.
pub(super) const BILLING: Function = Function {
    path: paths::BILLING,
    max_duration: 60,
    schedule: None,
    settings: &[Supabase, AccessTokens, PublicOrigins, StripeApi, StripeOffer],
};

/// Every page. A few calls to the database, or to Stripe; after the answer there may be
/// an export.
pub(super) const PAGE: Function = Function {
    path: paths::PAGE,
    max_duration: EXPORT_DURATION,
    schedule: None,
    settings: &[
        Supabase,
        Publishable,
        AccessTokens,
        PublicOrigins,
        CsrfKey,
        Contacts,
        SuppressionKey,
        TwilioApi,
        StripeApi,
        StripeOffer,
        Groq,
    ],
};

/// The scheduler has work looked for. Claims for 25 s; the longest work it then may have
/// begun takes 45. After the answer it goes on with exports and closures.
pub(super) const CRON_DELIVER: Function = Function {
    path: paths::CRON_DELIVER,
    max_duration: EXPORT_DURATION,
    schedule: Some("* * * * *"),
    settings: &[
        Supabase,
        CronSecret,
        PublicOrigins,
        TwilioApi,
        StripeApi,
        Groq,
        SuppressionKey,
        BackupKeys,
    ],
};

/// The scheduler has what events did not tell us repaired. Begins pages for 200 s, of which
/// each takes seconds; one that is cut off is done again.
pub(super) const CRON_RECONCILE: Function = Function {
    path: paths::CRON_RECONCILE,
    max_duration: 300,
    schedule: Some("23 8 * * *"),
    settings: &[Supabase, CronSecret, StripeApi],
};

/// The scheduler has deleted what is past its time: at night in Canada, and not when
/// Stripe's list is compared. Begins batches for 200 s; the longest step, sampling a table,
/// may take a minute.
pub(super) const CRON_RETENTION: Function = Function {
    path: paths::CRON_RETENTION,
    max_duration: 300,
    schedule: Some("41 8 * * *"),
    settings: &[Supabase, CronSecret],
};
