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
pub mod sms_inbound;
pub mod sms_status;
pub mod stripe_event;
