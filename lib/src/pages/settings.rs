//! Whom people can write to, and what proves that forms are ours.

use secrecy::SecretString;

use crate::settings::Reader;

/// Whom people can write to; it is on the pages.
#[derive(Debug, Clone)]
pub struct Contacts {
    /// For questions and wishes.
    pub support: String,
    /// For what is wrong with the security.
    pub security: String,
}

impl Reader<'_> {
    /// Reads what [`Contacts`] holds.
    pub fn contacts(&self) -> Option<Contacts> {
        let support = self.email("SUPPORT_EMAIL");
        let security = self.email("SECURITY_EMAIL");
        Some(Contacts { support: support?, security: security? })
    }

    /// An address that can stand in a `mailto:` as it is.
    fn email(&self, name: &str) -> Option<String> {
        let value = self.required(name)?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_@".contains(&byte);
        let is_address = value.bytes().all(is_plain)
            && value.split_once('@').is_some_and(|(name, host)| {
                !name.is_empty() && host.contains('.') && !host.contains('@')
            });
        if !is_address {
            self.fault(&format!("{name} is not an e-mail address"));
            return None;
        }
        Some(value)
    }

    /// The key that proves that forms are ours (at least 32 characters).
    pub fn csrf_key(&self) -> Option<SecretString> {
        self.long_secret("CSRF_KEY", 32)
    }
}
