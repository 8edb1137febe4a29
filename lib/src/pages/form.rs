//! Forms: what was typed, what is wrong with it, and how that looks.

use maud::{Markup, html};
use secrecy::SecretString;

/// The field that proves that a form is ours.
pub(crate) const TOKEN: &str = "form";

/// What was typed into a form, and what is wrong with it, next to its field.
#[derive(Default)]
pub(crate) struct Form {
    values: Vec<(String, String)>,
    errors: Vec<(&'static str, String)>,
}

impl Form {
    /// Reads a form as browsers send it.
    pub(crate) fn parse(body: &[u8]) -> Self {
        Self { values: form_urlencoded::parse(body).into_owned().collect(), errors: Vec::new() }
    }

    /// A form with values that were there before anybody typed.
    pub(crate) fn filled<const N: usize>(values: [(&str, &str); N]) -> Self {
        let values = values.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Self { values, errors: Vec::new() }
    }

    /// Puts a value into a field that has none.
    pub(crate) fn put(&mut self, name: &str, value: &str) {
        self.values.push((name.to_owned(), value.to_owned()));
    }

    /// What was typed into a field, without the space around it.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// What was typed into a field that is kept from logs; to the letter.
    pub(crate) fn secret(&self, name: &str) -> SecretString {
        self.raw(name).into()
    }

    fn raw(&self, name: &str) -> &str {
        let mut values = self.values.iter();
        values.find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// Says what is wrong with a field; the first thing said stays.
    pub(crate) fn wrong(&mut self, name: &'static str, why: impl Into<String>) {
        if self.error(name).is_none() {
            self.errors.push((name, why.into()));
        }
    }

    /// What is wrong with a field.
    pub(crate) fn error(&self, name: &str) -> Option<&str> {
        let mut errors = self.errors.iter();
        errors.find(|(key, _)| *key == name).map(|(_, why)| why.as_str())
    }

    /// Whether nothing is wrong.
    pub(crate) fn is_good(&self) -> bool {
        self.errors.is_empty()
    }
}

impl std::fmt::Debug for Form {
    /// What people type is theirs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Form(hidden)")
    }
}

/// A field of one line.
pub(crate) struct Field<'a> {
    pub(crate) name: &'static str,
    pub(crate) label: &'a str,
    pub(crate) hint: Option<&'a str>,
    /// As HTML's `type` has it.
    pub(crate) kind: &'static str,
    /// As HTML's `autocomplete` has it.
    pub(crate) autocomplete: &'static str,
    pub(crate) max_length: u32,
    pub(crate) is_required: bool,
}

impl Field<'_> {
    /// The field, with what was typed, unless that is a secret, and what is wrong with it.
    pub(crate) fn show(&self, form: &Form) -> Markup {
        let Self { name, label, hint, kind, autocomplete, max_length, is_required } = *self;
        let is_secret = kind == "password" || autocomplete == "one-time-code";
        let value = if is_secret { "" } else { form.text(name) };
        let error = form.error(name);
        html! {
            div.field {
                label for=(name) { (label) }
                @if let Some(hint) = hint { p.hint id={ (name) "-hint" } { (hint) } }
                input id=(name) name=(name) type=(kind) value=[(!is_secret).then_some(value)]
                    autocomplete=(autocomplete) maxlength=(max_length) required[is_required]
                    inputmode=[(autocomplete == "one-time-code").then_some("numeric")]
                    aria-invalid=[error.map(|_| "true")]
                    aria-describedby=[described_by(name, hint.is_some(), error.is_some())];
                (explain(name, error))
            }
        }
    }
}

/// A field of several lines.
pub(crate) fn long_field(
    form: &Form,
    name: &'static str,
    label: &str,
    hint: Option<&str>,
    max_length: u32,
) -> Markup {
    let error = form.error(name);
    html! {
        div.field {
            label for=(name) { (label) }
            @if let Some(hint) = hint { p.hint id={ (name) "-hint" } { (hint) } }
            textarea id=(name) name=(name) maxlength=(max_length) rows="5"
                aria-invalid=[error.map(|_| "true")]
                aria-describedby=[described_by(name, hint.is_some(), error.is_some())]
                { (form.text(name)) }
            (explain(name, error))
        }
    }
}

fn described_by(name: &str, has_hint: bool, has_error: bool) -> Option<String> {
    match (has_hint, has_error) {
        (false, false) => None,
        (true, false) => Some(format!("{name}-hint")),
        (false, true) => Some(format!("{name}-error")),
        (true, true) => Some(format!("{name}-hint {name}-error")),
    }
}

fn explain(name: &str, error: Option<&str>) -> Markup {
    html! { @if let Some(error) = error { p.error id={ (name) "-error" } { (error) } } }
}

/// What every form of ours carries.
pub(crate) fn token(token: &str) -> Markup {
    html! { input type="hidden" name=(TOKEN) value=(token); }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = r#""><script>alert(1)</script>' onfocus='x"#;

    fn field(kind: &'static str) -> Field<'static> {
        let (label, autocomplete) = ("Name", "off");
        let is_required = true;
        Field { name: "name", label, hint: None, kind, autocomplete, max_length: 80, is_required }
    }

    #[test]
    fn what_was_typed_comes_back_as_text() {
        let body: String =
            form_urlencoded::Serializer::new(String::new()).append_pair("name", HOSTILE).finish();
        let mut form = Form::parse(body.as_bytes());
        form.wrong("name", format!("not {HOSTILE}"));
        for shown in [field("text").show(&form), long_field(&form, "name", "Name", None, 9)] {
            let shown = shown.into_string();
            assert!(!shown.contains("<script"), "{shown}");
            // Quotes could end an attribute.
            assert!(!shown.contains(r#""">"#) && shown.contains("&lt;script&gt;"), "{shown}");
            assert!(shown.contains(r#"aria-describedby="name-error""#), "{shown}");
        }
    }

    #[test]
    fn a_secret_does_not_come_back() {
        let form = Form::parse(b"name=canary");
        assert!(!field("password").show(&form).into_string().contains("canary"));
        assert!(field("text").show(&form).into_string().contains("canary"));
        assert!(!format!("{form:?}").contains("canary"));
    }
}
