//! What is wrong with a field of a form, by its name.
//!
//! The database has the same limits; what passes here passes there. Lengths are
//! in characters, as Postgres counts them.

use std::fmt;

use trust::text::{language::Language, phone::Phone};

/// What is wrong with one field. The page words it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is needed.
    Missing,
    /// It is longer than this many characters.
    TooLong(usize),
    /// It holds a character that cannot be stored or has no place on one line.
    Character,
    /// It is no e-mail address.
    Email,
    /// It is no phone number we could call.
    Phone,
    /// It is no https address.
    Website,
    /// It is not a time zone the IANA knows.
    TimeZone,
    /// It is neither English nor French.
    Language,
    /// The text takes more SMS than this.
    TooManySegments(usize),
}

/// All that is wrong with a form, in the order of its fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults(Vec<(&'static str, Fault)>);

impl Faults {
    /// One field's fault.
    pub fn one(field: &'static str, fault: Fault) -> Self {
        Self(vec![(field, fault)])
    }

    /// What is wrong with `field`, if anything is.
    pub fn of(&self, field: &str) -> Option<Fault> {
        self.0.iter().find(|(name, _)| *name == field).map(|(_, fault)| *fault)
    }

    /// Every field with its fault.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Fault)> + '_ {
        self.0.iter().copied()
    }

    /// `value` if nothing is wrong.
    pub(super) fn or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }

    pub(super) fn note(&mut self, field: &'static str, fault: Fault) {
        self.0.push((field, fault));
    }

    /// A field of one line that has to be there.
    pub(super) fn line(&mut self, field: &'static str, text: &str, max: usize) -> String {
        let line = self.optional_line(field, text, max);
        if line.is_none() && self.of(field).is_none() {
            self.note(field, Fault::Missing);
        }
        line.unwrap_or_default()
    }

    /// A field of one line; nothing where it is empty.
    pub(super) fn optional_line(
        &mut self,
        field: &'static str,
        text: &str,
        max: usize,
    ) -> Option<String> {
        let line = self.text(field, text, max);
        if line.chars().any(char::is_control) {
            self.note(field, Fault::Character);
        }
        Some(line).filter(|line| !line.is_empty())
    }

    /// A field of several lines, which browsers end in CR and LF.
    pub(super) fn text(&mut self, field: &'static str, text: &str, max: usize) -> String {
        let text = text.replace("\r\n", "\n").trim().to_owned();
        if text.chars().count() > max {
            self.note(field, Fault::TooLong(max));
        } else if text.contains('\0') {
            self.note(field, Fault::Character);
        }
        text
    }

    /// A field of several lines that has to be there.
    pub(super) fn required_text(&mut self, field: &'static str, text: &str, max: usize) -> String {
        let text = self.text(field, text, max);
        if text.is_empty() {
            self.note(field, Fault::Missing);
        }
        text
    }

    /// An e-mail address, as far as it can be told by its form.
    pub(super) fn email(&mut self, field: &'static str, text: &str) -> Option<String> {
        let email = self.optional_line(field, text, 254)?;
        if !is_email(&email) {
            self.note(field, Fault::Email);
        }
        Some(email)
    }

    /// A phone number, in E.164 or as North Americans write theirs.
    pub(super) fn phone(&mut self, field: &'static str, text: &str) -> Option<Phone> {
        let text = self.optional_line(field, text, 40)?;
        let phone = Phone::read(&text);
        if phone.is_none() {
            self.note(field, Fault::Phone);
        }
        phone
    }

    /// An https address.
    pub(super) fn website(&mut self, field: &'static str, text: &str) -> Option<String> {
        let website = self.optional_line(field, text, 208)?;
        let is_website = website.strip_prefix("https://").is_some_and(|rest| {
            !rest.is_empty()
                && rest.chars().count() <= 200
                && !rest.contains(char::is_whitespace)
                && url::Url::parse(&website).is_ok_and(|url| url.host_str().is_some())
        });
        if !is_website {
            self.note(field, Fault::Website);
        }
        Some(website)
    }

    /// `en` or `fr`.
    pub(super) fn language(&mut self, field: &'static str, text: &str) -> Language {
        match text {
            "en" => Language::English,
            "fr" => Language::French,
            _ => {
                self.note(field, Fault::Language);
                Language::English
            }
        }
    }
}

impl fmt::Display for Faults {
    /// The fields' names: what was in them is nobody's business.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.iter().map(|(field, _)| *field).collect();
        f.write_str(&names.join(", "))
    }
}

/// Whether a text has the form of an address mail could go to: something, an @, and
/// a name with a dot.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|letter| letter.is_alphanumeric() || letter == '-')
    };
    let is_local = |letter: char| {
        !letter.is_whitespace() && !letter.is_control() && !"@<>()[],;:\\\"".contains(letter)
    };
    (1..=64).contains(&local.len())
        && local.chars().all(is_local)
        && domain.contains('.')
        && domain.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_says_what_is_wrong_with_it() {
        type Check = fn(&mut Faults, &str);
        let line: Check = |faults, text| drop(faults.line("x", text, 5));
        let optional: Check = |faults, text| drop(faults.optional_line("x", text, 5));
        let text: Check = |faults, text| drop(faults.text("x", text, 5));
        let email: Check = |faults, text| drop(faults.email("x", text));
        let phone: Check = |faults, text| drop(faults.phone("x", text));
        let website: Check = |faults, text| drop(faults.website("x", text));
        let language: Check = |faults, text| {
            faults.language("x", text);
        };
        for (check, input, want) in [
            (line, "Anna", None),
            (line, "  ", Some(Fault::Missing)),
            (line, "éééééé", Some(Fault::TooLong(5))),
            (line, "a\nb", Some(Fault::Character)),
            (optional, "", None),
            (text, "a\r\nbc", None),
            (text, "a\0", Some(Fault::Character)),
            (text, "abcdef", Some(Fault::TooLong(5))),
            (email, "", None),
            (email, "anna@example.com", None),
            (email, "a.b+c@exämple.co", None),
            (email, "anna", Some(Fault::Email)),
            (email, "anna@example", Some(Fault::Email)),
            (email, "anna@@example.com", Some(Fault::Email)),
            (email, "anna@-example.com", Some(Fault::Email)),
            (email, "Anna <anna@example.com>", Some(Fault::Email)),
            (phone, "", None),
            (phone, "+442071838750", None),
            (phone, "(514) 555-0123", None),
            (phone, "911", Some(Fault::Phone)),
            (website, "", None),
            (website, "https://shop.example/hours", None),
            (website, "http://shop.example", Some(Fault::Website)),
            (website, "https://", Some(Fault::Website)),
            (website, "https://a b.example", Some(Fault::Website)),
            (website, "javascript:alert(1)", Some(Fault::Website)),
            (language, "fr", None),
            (language, "de", Some(Fault::Language)),
        ] {
            let mut faults = Faults::default();
            check(&mut faults, input);
            assert_eq!(faults.of("x"), want, "{input}");
            assert_eq!(faults.or(()).is_ok(), want.is_none());
        }
    }

    #[test]
    fn what_was_typed_is_in_no_message() {
        let mut faults = Faults::default();
        faults.email("email", "anna at example.com");
        faults.line("name", "", 5);
        assert_eq!(faults.to_string(), "email, name");
        assert!(!format!("{faults:?}").contains("anna"));
    }
}
