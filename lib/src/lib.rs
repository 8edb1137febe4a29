//! Everything the functions share.
//!
//! A request flows one way through these modules: [`http_edge`] reads it, a
//! flow module named after the function (`sms_inbound`, `sms_status`,
//! `cron_deliver`) verifies and parses it, makes one call through
//! [`supabase`], and hands what is still owed to `work`. The crate speaks
//! `http` types and knows nothing of `vercel_runtime`, so all of it is within
//! reach of a unit test.

pub mod egress;
pub mod headers;
pub mod http_edge;
pub mod phone;
pub mod settings;
pub mod supabase;
pub mod telemetry;
pub mod twilio;
