//! The parameters of a request: pairs whose names nest with brackets, e.g.
//! `line_items[0][price]`.

use std::collections::BTreeMap;

use super::refusal::Refusal;

/// What `metadata` may hold. <https://docs.stripe.com/api/metadata>
const METADATA_PAIRS: usize = 50;
const METADATA_NAME: usize = 40;
const METADATA_VALUE: usize = 500;

/// Parameters, in the order they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a query or a body.
    pub(super) fn parse(encoded: &[u8]) -> Self {
        Self(form_urlencoded::parse(encoded).into_owned().collect())
    }

    /// All pairs.
    pub(super) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// The value of `name`, also if it is empty, which unsets something.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The value of `name`, if it is not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.given(name).filter(|value| !value.is_empty())
    }

    /// The value of `name`, which has to be there.
    pub(super) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.text(name).ok_or_else(|| Refusal::ParameterMissing(name.to_owned()))
    }

    /// The whole number at `name`.
    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let read = |value: &str| {
            value.parse().map_err(|_| Refusal::ParameterInvalid {
                name: name.to_owned(),
                code: Some("parameter_invalid_integer"),
                message: format!("Invalid integer: {value}"),
            })
        };
        self.text(name).map(read).transpose()
    }

    /// The truth value at `name`.
    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>, Refusal> {
        let read = |value: &str| match value {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(Refusal::invalid(name, format!("Invalid boolean: {value}"))),
        };
        self.text(name).map(read).transpose()
    }

    /// The value at `name`, one of those there are.
    pub(super) fn choice<T: Copy>(
        &self,
        name: &str,
        choices: &[(&str, T)],
    ) -> Result<Option<T>, Refusal> {
        let read = |value: &str| {
            choices
                .iter()
                .find(|(choice, _)| *choice == value)
                .map(|(_, choice)| *choice)
                .ok_or_else(|| {
                    let names: Vec<_> = choices.iter().map(|(choice, _)| *choice).collect();
                    let names = names.join(", ");
                    Refusal::invalid(name, format!("Invalid {name}: must be one of {names}"))
                })
        };
        self.text(name).map(read).transpose()
    }

    /// The values of a list: `name[]`, or `name[0]` and so on.
    pub(super) fn list(&self, name: &str) -> Vec<&str> {
        let is_entry = |key: &str| {
            let index = key.strip_prefix(name).and_then(|rest| rest.strip_prefix('['));
            index.and_then(|rest| rest.strip_suffix(']')).is_some_and(is_index)
        };
        let entries = self.0.iter().filter(|(key, _)| is_entry(key));
        entries.map(|(_, value)| value.as_str()).collect()
    }

    /// Applies the pairs below `name`, an empty value removing one and an empty
    /// `name` all, as for `metadata`.
    pub(super) fn amend(
        &self,
        name: &str,
        metadata: &mut BTreeMap<String, String>,
    ) -> Result<(), Refusal> {
        if self.given(name) == Some("") {
            metadata.clear();
        }
        for (key, value) in &self.0 {
            let inner = key.strip_prefix(name).and_then(|rest| rest.strip_prefix('['));
            let Some(inner) = inner.and_then(|rest| rest.strip_suffix(']')) else { continue };
            if inner.chars().count() > METADATA_NAME || value.chars().count() > METADATA_VALUE {
                let message = format!(
                    "Metadata keys can have up to {METADATA_NAME} characters, and values up to \
                     {METADATA_VALUE}."
                );
                return Err(Refusal::invalid(key, message));
            }
            if value.is_empty() {
                metadata.remove(inner);
            } else {
                metadata.insert(inner.to_owned(), value.clone());
            }
        }
        if metadata.len() > METADATA_PAIRS {
            let message = format!("Metadata can have up to {METADATA_PAIRS} keys.");
            return Err(Refusal::invalid(name, message));
        }
        Ok(())
    }

    /// Refuses parameters there are not. In `known`, `[]` stands for an index and
    /// `[*]` for everything below.
    pub(super) fn ensure_known(&self, known: &[&str]) -> Result<(), Refusal> {
        let is_known = |key: &str| {
            let pattern = pattern(key);
            known.iter().any(|known| match known.strip_suffix("[*]") {
                Some(above) => pattern
                    .strip_prefix(above)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('[')),
                None => pattern == *known,
            })
        };
        // Any request may ask for objects to be expanded.
        let unknown = self.0.iter().find(|(key, _)| pattern(key) != "expand[]" && !is_known(key));
        unknown.map_or(Ok(()), |(key, _)| Err(Refusal::ParameterUnknown(key.clone())))
    }
}

/// Whether the brackets hold a place in a list.
fn is_index(inner: &str) -> bool {
    inner.bytes().all(|byte| byte.is_ascii_digit())
}

/// A name with its indices left out: `line_items[][price]`.
fn pattern(key: &str) -> String {
    let mut parts = key.split('[');
    let mut pattern = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let inner = part.strip_suffix(']').unwrap_or(part);
        pattern.push('[');
        pattern.push_str(if is_index(inner) { "" } else { inner });
        pattern.push(']');
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_nest_with_brackets() {
        let form = Form::parse(b"a%5B0%5D[price]=p&types[]=x&types[]=y&u[0]=z&on=true&n=-3&e=");
        assert_eq!(form.text("a[0][price]"), Some("p"));
        assert_eq!(form.list("types"), ["x", "y"]);
        assert_eq!(form.list("u"), ["z"]);
        assert_eq!(form.boolean("on"), Ok(Some(true)));
        assert_eq!(form.integer("n"), Ok(Some(-3)));
        assert_eq!((form.given("e"), form.text("e")), (Some(""), None));
        assert!(form.required("e").is_err() && form.integer("on").is_err());
    }

    #[test]
    fn what_is_not_known_is_refused() {
        let known = ["line_items[][price]", "metadata[*]", "mode"];
        for (form, is_known) in [
            ("line_items[0][price]=p&mode=m&metadata[a]=b&metadata=&expand[]=x", true),
            ("line_items[12][price]=p", true),
            ("line_items[0][prise]=p", false),
            ("line_items=p", false),
            ("metadatas[a]=b", false),
            ("mod=m", false),
        ] {
            let outcome = Form::parse(form.as_bytes()).ensure_known(&known);
            assert_eq!(outcome.is_ok(), is_known, "{form}");
        }
    }

    #[test]
    fn metadata_is_amended_pair_by_pair() {
        let mut metadata = BTreeMap::from([("a".to_owned(), "1".to_owned())]);
        let amend = |form: &str, metadata: &mut BTreeMap<_, _>| {
            Form::parse(form.as_bytes()).amend("metadata", metadata).map(|()| metadata.len())
        };
        assert_eq!(amend("metadata[b]=2", &mut metadata), Ok(2));
        assert_eq!(amend("metadata[a]=", &mut metadata), Ok(1));
        assert_eq!(amend("metadata=&metadata[c]=3", &mut metadata), Ok(1));
        assert_eq!(metadata.keys().collect::<Vec<_>>(), ["c"]);
        assert!(amend(&format!("metadata[c]={}", "x".repeat(501)), &mut metadata).is_err());
    }
}
