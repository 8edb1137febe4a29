//! The doors: one module for each function in `api/`.
//!
//! A door verifies a request, parses it and makes one call into what is below it.

pub mod account_delete;
pub mod account_export;
pub mod billing;
pub mod cron_deliver;
pub mod cron_reconcile;
pub mod cron_retention;
pub mod deployment;
pub mod page;
pub mod sms_inbound;
pub mod sms_status;
pub mod stripe_event;
pub mod table;

use crate::{
    paths,
    settings::{Reader, SettingsError},
};

/// Whether the function at `path` would start with these settings; `None` if there is none.
pub fn check(path: &str, reader: Reader<'_>) -> Option<Result<(), SettingsError>> {
    Some(match path {
        paths::ACCOUNT_DELETE => account_delete::AccountDelete::from_settings(reader).map(drop),
        paths::ACCOUNT_EXPORT => account_export::AccountExport::from_settings(reader).map(drop),
        paths::BILLING => billing::Billing::from_settings(reader).map(drop),
        paths::CRON_DELIVER => cron_deliver::CronDeliver::from_settings(reader).map(drop),
        paths::CRON_RECONCILE => cron_reconcile::CronReconcile::from_settings(reader).map(drop),
        paths::CRON_RETENTION => cron_retention::CronRetention::from_settings(reader).map(drop),
        paths::PAGE => page::Page::from_settings(reader).map(drop),
        paths::SMS_INBOUND => sms_inbound::SmsInbound::from_settings(reader).map(drop),
        paths::SMS_STATUS => sms_status::SmsStatus::from_settings(reader).map(drop),
        paths::STRIPE_EVENT => stripe_event::StripeEvent::from_settings(reader).map(drop),
        _ => return None,
    })
}
