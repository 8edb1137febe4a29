//! Everything the functions share.
//!
//! A request flows one way through these modules: [`http_edge`] reads it, a
//! flow module named after the function ([`sms_inbound`], [`sms_status`],
//! [`stripe_event`], [`billing`], [`account_export`], [`account_delete`], [`page`],
//! [`cron_deliver`], [`cron_reconcile`], [`cron_retention`]) verifies and parses it, makes one
//! call through [`supabase`], and hands what is still owed to [`work`]. The crate speaks
//! `http` types and knows nothing of `vercel_runtime`, so all of it is within
//! reach of a unit test.

pub mod account_delete;
pub mod account_export;
pub mod assistant;
pub mod backup;
pub mod billing;
pub mod closure;
pub mod consent;
pub mod console;
pub mod cron_deliver;
pub mod cron_reconcile;
pub mod cron_retention;
pub mod deployment;
pub mod egress;
pub mod export;
pub mod groq;
pub mod headers;
pub mod http_edge;
pub mod language;
pub mod media_type;
pub mod page;
pub mod phone;
mod pipe;
pub mod placeholders;
pub mod rate_limit;
pub mod redaction;
pub mod refusals;
pub mod retention;
pub mod scan;
pub mod scheduler;
pub mod seal;
pub mod session;
pub mod settings;
pub mod sms_inbound;
pub mod sms_status;
pub mod stripe;
pub mod stripe_event;
pub mod supabase;
pub mod telemetry;
pub mod twilio;
pub mod work;
