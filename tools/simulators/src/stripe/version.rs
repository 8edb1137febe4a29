//! Versions of Stripe's API, as far as the shapes of objects differ between them.

use serde::{Deserialize, Serialize};

/// The first version with a billing period on each item of a subscription, and
/// with an invoice's subscription below `parent`.
/// <https://docs.stripe.com/changelog/basil>
const BASIL: &str = "2025-03-31";

/// A version, e.g. `2024-06-20` or `2025-03-31.basil`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version(String);

impl Version {
    /// The version an account begins with.
    pub fn current() -> Self {
        Self(format!("{BASIL}.basil"))
    }

    /// Reads a version: a date, and the name of a release from 2024-09-30 on.
    pub fn parse(text: &str) -> Option<Self> {
        let (date, release) = text.split_once('.').unwrap_or((text, ""));
        let is_date = date.len() == 10 && date.parse::<jiff::civil::Date>().is_ok();
        let is_named = release.bytes().all(|byte| byte.is_ascii_lowercase());
        let has_name = !release.is_empty();
        (is_date && is_named && has_name == (date >= "2024-09-30")).then(|| Self(text.to_owned()))
    }

    /// As it is written in `Stripe-Version`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether objects have the shapes that came with `2025-03-31.basil`.
    pub fn is_basil(&self) -> bool {
        self.as_str() >= BASIL
    }
}

impl TryFrom<String> for Version {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("{text:?} is not a version of Stripe's API"))
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_date_and_since_acacia_a_name() {
        for (text, is_basil) in [
            ("2024-06-20", Some(false)),
            ("2024-09-30.acacia", Some(false)),
            ("2025-02-24.acacia", Some(false)),
            ("2025-03-31.basil", Some(true)),
            ("2026-07-29.dahlia", Some(true)),
            ("2025-03-31", None),
            ("2024-06-20.acacia", None),
            ("2025-13-31.basil", None),
            ("2025-03-31.Basil", None),
            ("latest", None),
            ("", None),
        ] {
            assert_eq!(Version::parse(text).map(|version| version.is_basil()), is_basil, "{text}");
        }
    }
}
