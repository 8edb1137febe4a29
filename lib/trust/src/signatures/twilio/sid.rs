//! The ids Twilio gives things: two letters and 32 hexadecimal digits.

use serde::{Deserialize, Serialize};

/// The id of an account (`AC…`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountSid(String);

impl AccountSid {
    /// Accepts `text` if it has the form of an account's id.
    pub fn parse(text: &str) -> Option<Self> {
        has_form(text, &["AC"]).then(|| Self(text.to_owned()))
    }

    /// The id as Twilio writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The id of a text (`SM…`) or a text with media (`MM…`). Not personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct MessageSid(String);

impl MessageSid {
    /// Accepts `text` if it has the form of a message's id.
    pub fn parse(text: &str) -> Option<Self> {
        has_form(text, &["SM", "MM"]).then(|| Self(text.to_owned()))
    }

    /// The id as Twilio writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for MessageSid {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not a message SID")
    }
}

/// The id of a picture or the like (`ME…`). Not personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct MediaSid(String);

impl MediaSid {
    /// Accepts `text` if it has the form of a medium's id.
    pub fn parse(text: &str) -> Option<Self> {
        has_form(text, &["ME"]).then(|| Self(text.to_owned()))
    }

    /// The id as Twilio writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for MediaSid {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not a media SID")
    }
}

fn has_form(text: &str, prefixes: &[&str]) -> bool {
    prefixes.iter().filter_map(|prefix| text.strip_prefix(prefix)).any(|digits| {
        digits.len() == 32
            && digits.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_twilios_form_is_a_sid() {
        let digits = "0123456789abcdef0123456789abcdef";
        assert!(MessageSid::parse(&format!("SM{digits}")).is_some());
        assert!(MessageSid::parse(&format!("MM{digits}")).is_some());
        assert!(AccountSid::parse(&format!("AC{digits}")).is_some());
        assert!(MediaSid::parse(&format!("ME{digits}")).is_some());
        for bad in ["", "SM", digits] {
            assert!(MessageSid::parse(bad).is_none(), "{bad}");
        }
        assert!(MessageSid::parse(&format!("AC{digits}")).is_none());
        assert!(MessageSid::parse(&format!("SM{digits}0")).is_none());
        assert!(MessageSid::parse(&format!("SM{}", digits.to_uppercase())).is_none());
    }
}
