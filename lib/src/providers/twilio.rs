//! Twilio: what it sends us, and what we ask of it.

pub mod addresses;
pub mod client;
pub mod error_code;
pub mod media;
pub mod opt_out;
pub mod settings;
pub mod status;
