//! Where the functions are: the public path of each.
//!
//! Providers sign, schedulers call and links name them, so modules of every layer
//! need one or the other; [`crate::functions::table`] says what is there.

/// An owner closes the account, and sees how far that is.
pub const ACCOUNT_DELETE: &str = "/api/account/delete";

/// An owner exports everything.
pub const ACCOUNT_EXPORT: &str = "/api/account/export";

/// An owner is sent to Stripe.
pub const BILLING: &str = "/api/billing";

/// The scheduler has work looked for.
pub const CRON_DELIVER: &str = "/api/cron/deliver";

/// The scheduler has what providers did not tell us repaired.
pub const CRON_RECONCILE: &str = "/api/cron/reconcile";

/// The scheduler has deleted what is past its time.
pub const CRON_RETENTION: &str = "/api/cron/retention";

/// The function that makes the pages; what is asked for there itself is no page.
pub const PAGE: &str = "/api/page";

/// Twilio posts texts. A part of what it signs.
pub const SMS_INBOUND: &str = "/api/sms/inbound";

/// Twilio posts statuses. A part of what it signs.
pub const SMS_STATUS: &str = "/api/sms/status";

/// Stripe posts events.
pub const STRIPE_EVENT: &str = "/api/stripe/event";

/// The page to which Stripe sends owners back.
pub(crate) const BILLING_PAGE: &str = "/billing";
