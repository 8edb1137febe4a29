//! The account's error log.

use serde::Serialize;

/// An entry of the account's error log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// Twilio's code, where it has one.
    pub code: Option<u32>,
    /// What is wrong.
    pub message: String,
}

impl Trouble {
    /// An entry with a code of Twilio's.
    pub(super) fn new(code: u32, message: impl Into<String>) -> Self {
        Self { code: Some(code), message: message.into() }
    }
}
