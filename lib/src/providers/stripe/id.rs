//! The ids Stripe gives things: a prefix and letters, digits and underscores.
//! None is personal data.

use serde::{Deserialize, Serialize};

/// Longer than any id of Stripe's.
const MAX_LENGTH: usize = 200;

/// The id of an event (`evt_…`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventId(String);

impl EventId {
    /// Accepts `text` if it has the form of an event's id.
    pub fn parse(text: &str) -> Option<Self> {
        has_form(text, "evt_").then(|| Self(text.to_owned()))
    }

    /// The id as Stripe writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The id of a subscription (`sub_…`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct SubscriptionId(String);

impl SubscriptionId {
    /// Accepts `text` if it has the form of a subscription's id.
    pub fn parse(text: &str) -> Option<Self> {
        has_form(text, "sub_").then(|| Self(text.to_owned()))
    }

    /// The id as Stripe writes it. It can stand in a path as it is.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SubscriptionId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not a subscription's id")
    }
}

/// The id of a customer (`cus_…`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct CustomerId(String);

impl CustomerId {
    /// Accepts `text` if it has the form of a customer's id.
    pub fn parse(text: &str) -> Option<Self> {
        has_form(text, "cus_").then(|| Self(text.to_owned()))
    }

    /// The id as Stripe writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for CustomerId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not a customer's id")
    }
}

fn has_form(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|rest| {
        matches!(rest.len(), 1..=MAX_LENGTH)
            && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_stripes_form_is_an_id() {
        for good in ["sub_1Mqqb6Lt4dXK03v50OA219Ya", "sub_DemoShop", "sub_a_b"] {
            assert!(SubscriptionId::parse(good).is_some(), "{good}");
        }
        assert!(EventId::parse("evt_1").is_some());
        let long = format!("sub_{}", "a".repeat(MAX_LENGTH + 1));
        for bad in ["", "sub_", "sub", "evt_1", "sub_a/b", "sub_a b", "sub_a?b", "sub_é", &long] {
            assert!(SubscriptionId::parse(bad).is_none(), "{bad}");
        }
    }
}
