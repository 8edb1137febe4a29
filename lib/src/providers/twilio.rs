//! Twilio: what it sends us, and what we ask of it.

pub mod client;
pub mod error_code;
pub mod media;
pub mod opt_out;
pub mod status;
