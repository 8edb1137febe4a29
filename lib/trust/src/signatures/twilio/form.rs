//! The body of a Twilio webhook: `application/x-www-form-urlencoded`, or JSON.
//!
//! Twilio signs the decoded bytes of every field, so decoding must lose
//! nothing: blank values stay, invalid UTF-8 stays bytes until it is read.

use std::borrow::Cow;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use thiserror::Error;

use super::sid::{AccountSid, MessageSid};
use crate::text::hex;

/// Why a field of a genuine form cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FieldError {
    /// The field is not in the form.
    #[error("the field {0} is missing")]
    Missing(&'static str),
    /// The field is there more than once, so no single value is signed for it.
    #[error("the field {0} is repeated")]
    Repeated(&'static str),
    /// The value is not UTF-8 or not of the field's form.
    #[error("the field {0} is not valid")]
    Invalid(&'static str),
}

/// A name and its value, borrowed where nothing had to be decoded.
type Field<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// The fields of a form, sorted as Twilio signs them: by name, then by value,
/// byte by byte, equal pairs only once.
#[derive(PartialEq, Eq)]
pub struct Form<'a> {
    fields: Vec<Field<'a>>,
}

impl<'a> Form<'a> {
    /// Decodes `body`. Every byte string is a form, so this cannot fail; what
    /// is malformed shows as a name or value nobody signed.
    pub fn parse(body: &'a [u8]) -> Self {
        let mut fields: Vec<_> = body
            .split(|&byte| byte == b'&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let mut halves = pair.splitn(2, |&byte| byte == b'=');
                let name = halves.next().unwrap_or_default();
                let value = halves.next().unwrap_or_default();
                (decode(name), decode(value))
            })
            .collect();
        fields.sort_unstable();
        fields.dedup();
        Self { fields }
    }

    /// Reads one flat JSON object; numbers and booleans as they are written,
    /// nested values and nulls not at all. `None` if it is no JSON object.
    pub fn parse_json(body: &'a [u8]) -> Option<Self> {
        let object: JsonFields<'a> = serde_json::from_slice(body).ok()?;
        let mut fields: Vec<Field<'a>> = object
            .0
            .into_iter()
            .filter_map(|(name, value)| {
                let value = match value.get().as_bytes().first()? {
                    b'"' => {
                        Cow::Owned(serde_json::from_str::<String>(value.get()).ok()?.into_bytes())
                    }
                    b'{' | b'[' | b'n' => return None,
                    _ => Cow::Borrowed(value.get().as_bytes()),
                };
                Some((Cow::Owned(name.into_bytes()), value))
            })
            .collect();
        // A name given twice stays twice, to be refused where it is read.
        fields.sort_unstable();
        Some(Self { fields })
    }

    /// Every name and value, in the order Twilio signs them.
    pub fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    /// The value of a field that must be there exactly once.
    ///
    /// A repeated field is refused, because Twilio's scheme signs names and
    /// values run together: a text that contains `From+1…` could otherwise be
    /// split into a second sender under the same signature.
    pub fn required(&self, name: &'static str) -> Result<&str, FieldError> {
        self.optional(name)?.ok_or(FieldError::Missing(name))
    }

    /// The id of the message a webhook is about, which must be of `account_sid`.
    pub fn message_sid_of(&self, account_sid: &AccountSid) -> Result<MessageSid, FieldError> {
        if self.required("AccountSid")? != account_sid.as_str() {
            return Err(FieldError::Invalid("AccountSid"));
        }
        MessageSid::parse(self.required("MessageSid")?).ok_or(FieldError::Invalid("MessageSid"))
    }

    /// The value of a field that may be absent, but not repeated.
    pub fn optional(&self, name: &'static str) -> Result<Option<&str>, FieldError> {
        let mut values = self.fields().filter(|(key, _)| *key == name.as_bytes());
        let first = values.next();
        if values.next().is_some() {
            return Err(FieldError::Repeated(name));
        }
        first
            .map(|(_, value)| std::str::from_utf8(value).map_err(|_| FieldError::Invalid(name)))
            .transpose()
    }
}

/// The members of a JSON object, doubles included.
struct JsonFields<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for JsonFields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = JsonFields<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut fields = Vec::new();
                while let Some(member) = map.next_entry()? {
                    fields.push(member);
                }
                Ok(JsonFields(fields))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// Decodes `+` and `%XX`; a `%` that no two hex digits follow stands for itself.
fn decode(raw: &[u8]) -> Cow<'_, [u8]> {
    if !raw.iter().any(|byte| matches!(byte, b'+' | b'%')) {
        return Cow::Borrowed(raw);
    }
    let mut decoded = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match (byte, tail) {
            (b'+', _) => decoded.push(b' '),
            (b'%', [high, low, after @ ..]) => match (hex::digit(*high), hex::digit(*low)) {
                (Some(high), Some(low)) => {
                    decoded.push(high << 4 | low);
                    rest = after;
                }
                _ => decoded.push(b'%'),
            },
            _ => decoded.push(byte),
        }
    }
    Cow::Owned(decoded)
}

impl std::fmt::Debug for Form<'_> {
    /// Names nothing of the content: a form holds phone numbers and texts.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Form({} fields)", self.fields.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(body: &str, want: &[(&str, &str)]) {
        let form = Form::parse(body.as_bytes());
        let fields: Vec<_> = form
            .fields()
            .map(|(n, v)| (String::from_utf8_lossy(n), String::from_utf8_lossy(v)))
            .collect();
        let fields: Vec<_> = fields.iter().map(|(n, v)| (n.as_ref(), v.as_ref())).collect();
        assert_eq!(fields, want, "{body:?}");
    }

    #[test]
    fn decoding_follows_the_form_encoding() {
        check("", &[]);
        check("Body=a+b%20c%2Bd", &[("Body", "a b c+d")]);
        check("Body=%F0%9F%8D%9E", &[("Body", "🍞")]);
        check("b=2&a=1&B=0", &[("B", "0"), ("a", "1"), ("b", "2")]);
        check("a=&b&=c", &[("", "c"), ("a", ""), ("b", "")]);
        check("a=1&a=1&a=0", &[("a", "0"), ("a", "1")]);
        check("a=%&b=%4&c=%zz&d=%%41", &[("a", "%"), ("b", "%4"), ("c", "%zz"), ("d", "%A")]);
        check("a=b=c", &[("a", "b=c")]);
    }

    #[test]
    fn a_field_is_read_only_where_it_is_unambiguous() {
        let form = Form::parse(b"From=%2B1&From=%2B2&Body=%FF&To=");
        assert_eq!(form.required("From"), Err(FieldError::Repeated("From")));
        assert_eq!(form.required("Body"), Err(FieldError::Invalid("Body")));
        assert_eq!(form.required("To"), Ok(""));
        assert_eq!(form.required("MessageSid"), Err(FieldError::Missing("MessageSid")));
        assert_eq!(form.optional("MessageSid"), Ok(None));
    }

    #[test]
    fn json_is_read_as_the_same_fields() {
        let body =
            br#"{"From":"+15550001","Body":"a\nb","N":2,"Ok":true,"No":null,"In":{"x":1},"L":[]}"#;
        let form = Form::parse_json(body).unwrap();
        assert_eq!(form.required("From"), Ok("+15550001"));
        assert_eq!(form.required("Body"), Ok("a\nb"));
        assert_eq!((form.optional("N"), form.optional("Ok")), (Ok(Some("2")), Ok(Some("true"))));
        assert_eq!((form.optional("No"), form.optional("In")), (Ok(None), Ok(None)));

        let doubled = Form::parse_json(br#"{"From":"+1","From":"+1"}"#).unwrap();
        assert_eq!(doubled.required("From"), Err(FieldError::Repeated("From")));
    }

    #[test]
    fn debug_output_hides_the_content() {
        assert_eq!(format!("{:?}", Form::parse(b"Body=secret")), "Form(1 fields)");
    }

    proptest! {
        #[test]
        fn decoding_agrees_with_the_url_standard(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let form = Form::parse(&body);
            let ours: Vec<_> = form
                .fields()
                .map(|(n, v)| (String::from_utf8_lossy(n).into_owned(), String::from_utf8_lossy(v).into_owned()))
                .collect();
            let mut theirs: Vec<(String, String)> = form_urlencoded::parse(&body).into_owned().collect();
            theirs.sort();
            theirs.dedup();
            let mut sorted = ours;
            sorted.sort();
            sorted.dedup();
            prop_assert_eq!(sorted, theirs);
        }
    }
}
