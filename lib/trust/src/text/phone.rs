//! Phone numbers.

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// A phone number in E.164 form: `+`, then up to 15 digits.
///
/// Personal data: `Debug` hides it, and there is no `Display`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Phone(String);

impl Phone {
    /// Accepts `text` if it is an E.164 number (ITU-T E.164, section 6).
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('+')?;
        let is_number = (2..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        is_number.then(|| Self(text.to_owned()))
    }

    /// Reads what a person has typed: E.164, or a North American number as it is
    /// written there, with or without its 1.
    pub fn read(text: &str) -> Option<Self> {
        let is_filler = |letter: char| " \u{a0}-.()".contains(letter);
        let compact: String = text.trim().chars().filter(|&letter| !is_filler(letter)).collect();
        let national = compact.strip_prefix("+1").or(compact.strip_prefix('1'));
        let national = national.unwrap_or(&compact);
        if compact.starts_with('+') && !compact.starts_with("+1") {
            return Self::parse(&compact);
        }
        // Area codes and exchanges begin with 2 to 9.
        let [area, _, _, exchange, ..] = national.as_bytes() else { return None };
        let is_north_american =
            national.len() == 10 && matches!(area, b'2'..=b'9') && matches!(exchange, b'2'..=b'9');
        is_north_american.then(|| Self::parse(&format!("+1{national}"))).flatten()
    }

    /// The number as it is written, for calls that need it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Phone {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not an E.164 phone number")
    }
}

impl std::fmt::Debug for Phone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Phone(hidden)")
    }
}

/// Turns numbers into the form in which opt-outs outlive the person's data.
#[derive(Clone)]
pub struct SuppressionKey(Hmac<Sha256>);

impl SuppressionKey {
    /// Keys the HMAC with the value of `SUPPRESSION_KEY`.
    pub fn new(key: &SecretString) -> Self {
        #[expect(clippy::expect_used, reason = "HMAC is defined for keys of every length")]
        let mac = Hmac::new_from_slice(key.expose_secret().as_bytes())
            .expect("HMAC takes a key of any length");
        Self(mac)
    }

    /// HMAC-SHA-256 of the number, in lower-case hex.
    pub fn hash(&self, phone: &Phone) -> String {
        let digest = self.0.clone().chain_update(phone.as_str()).finalize().into_bytes();
        let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
        digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
    }
}

impl std::fmt::Debug for SuppressionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SuppressionKey(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_e164_numbers_are_phones() {
        for good in ["+15145550100", "+442071838750", "+12", "+123456789012345"] {
            assert!(Phone::parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "+",
            "+1",
            "15145550100",
            "+05145550100",
            "+1514555010a",
            "+1 514 555 0100",
            "+1234567890123456",
            "whatsapp:+15145550100",
            "+1514555010٣",
            "72000",
        ] {
            assert!(Phone::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn people_write_numbers_in_many_ways() {
        for (text, want) in [
            ("+15145550100", Some("+15145550100")),
            ("(514) 555-0100", Some("+15145550100")),
            ("1 514.555.0100", Some("+15145550100")),
            (" 514\u{a0}555-0100 ", Some("+15145550100")),
            ("+44 20 7183 8750", Some("+442071838750")),
            ("555-0100", None),
            ("114 555 0100", None),
            ("+1 514 055 0100", None),
            ("514 555 010a", None),
            ("514 555 0100 ext. 7", None),
            ("", None),
            ("٥١٤٥٥٥٠١٠٠", None),
        ] {
            assert_eq!(Phone::read(text).as_ref().map(Phone::as_str), want, "{text}");
        }
    }

    #[test]
    fn debug_output_hides_number_and_key() {
        let phone = Phone::parse("+15145550100").unwrap();
        let key = SuppressionKey::new(&"key".into());
        assert_eq!(format!("{phone:?} {key:?}"), "Phone(hidden) SuppressionKey(hidden)");
    }

    /// RFC 4231 has no vector for this key and text; computed with OpenSSL.
    #[test]
    fn hash_is_plain_hmac_sha_256() {
        let key = SuppressionKey::new(&"Jefe".into());
        let phone = Phone::parse("+15145550100").unwrap();
        assert_eq!(
            key.hash(&phone),
            "6e2d05c4e29324b6ac255a07bdb541481dd3c1894fe9a50dcd790d3acfa46e50"
        );
    }
}
