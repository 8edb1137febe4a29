//! Twilio: what it sends us, and what we ask of it.

pub mod form;
pub mod sid;
pub mod signature;
