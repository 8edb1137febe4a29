//! Lists of the API, page by page. <https://docs.stripe.com/api/pagination>

use serde_json::{Value, json};

use super::{form::Form, refusal::Refusal};

/// The page of a list that comes when no size is asked for.
const PAGE_SIZE: i64 = 10;

/// The longest page of a list.
const PAGE_SIZE_LIMIT: i64 = 100;

/// The parameters every list takes.
pub(super) const PARAMETERS: [&str; 3] = ["limit", "starting_after", "ending_before"];

/// The page that is asked for of `entries`, which are the newest first.
///
/// `kind` is what an entry is called where it is missing; `id` tells its id.
pub(super) fn page<'a, T: 'a>(
    form: &Form,
    url: &str,
    kind: &'static str,
    entries: impl Iterator<Item = &'a T>,
    id: impl Fn(&T) -> &str,
    resource: impl Fn(&T) -> Value,
) -> Result<Value, Refusal> {
    let limit = form.integer("limit")?.unwrap_or(PAGE_SIZE);
    if !(1..=PAGE_SIZE_LIMIT).contains(&limit) {
        let message = format!("Invalid limit: must be within 1 and {PAGE_SIZE_LIMIT}.");
        return Err(Refusal::invalid("limit", message));
    }
    let limit = usize::try_from(limit).unwrap_or_default();
    let entries: Vec<&T> = entries.collect();
    let position = |name: &str, wanted: &str| {
        let found = entries.iter().position(|entry| id(entry) == wanted);
        let (name, id) = (name.to_owned(), wanted.to_owned());
        found.ok_or(Refusal::ReferenceMissing { kind, id, name })
    };

    let (after, before) = (form.text("starting_after"), form.text("ending_before"));
    let (start, end) = match (after, before) {
        (Some(_), Some(_)) => {
            let message = "You can only provide one of starting_after and ending_before.";
            return Err(Refusal::Impossible(message.to_owned()));
        }
        (Some(after), None) => {
            let start = position("starting_after", after)? + 1;
            (start, start.saturating_add(limit))
        }
        (None, Some(before)) => {
            let end = position("ending_before", before)?;
            (end.saturating_sub(limit), end)
        }
        (None, None) => (0, limit),
    };
    let end = end.min(entries.len());
    let has_more = if before.is_some() { start > 0 } else { end < entries.len() };
    let data = entries.get(start..end).unwrap_or_default();
    let data: Vec<Value> = data.iter().map(|entry| resource(entry)).collect();
    Ok(json!({ "object": "list", "data": data, "has_more": has_more, "url": url }))
}
