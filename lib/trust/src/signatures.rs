//! Who sent a request: the providers' signatures, on the raw bytes.

pub mod stripe;
pub mod twilio;
