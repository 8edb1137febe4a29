//! The list of texts: which of them a query asks for, page by page.

use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};
use serde_json::{Value, json};

use super::{API_VERSION, Account, message::Message, refusal::Refusal};

/// The page of a list that comes when none is asked for.
const PAGE_SIZE: usize = 50;

/// The longest page of a list.
const PAGE_SIZE_LIMIT: usize = 1000;

/// The page of the list that a query asks for.
pub(super) fn page(account: &Account, query: &str) -> Result<Value, Refusal> {
    let parameters: Vec<(String, String)> =
        form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let parameter = |name: &str| {
        parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    };
    let number = |name: &'static str, default: usize| {
        let value = parameter(name).map(str::parse).transpose();
        value.map(|value| value.unwrap_or(default)).map_err(|_| Refusal::ParameterInvalid(name))
    };
    let day = |name: &'static str| {
        let period =
            parameter(name).map(|value| period(value).ok_or(Refusal::ParameterInvalid(name)));
        period.transpose()
    };

    let page_size = number("PageSize", PAGE_SIZE)?.clamp(1, PAGE_SIZE_LIMIT);
    let page = number("Page", 0)?;
    let (to, from) = (parameter("To"), parameter("From"));
    let (on, since, until) = (day("DateSent")?, day("DateSent>")?, day("DateSent<")?);
    let fits = |message: &&Message| {
        // Whether Twilio finds a text by date that it has not sent yet is not
        // documented; assumed is that it counts as sent when it was created.
        let sent = message.sent().unwrap_or(message.created);
        message.is_listed()
            && to.is_none_or(|to| message.to == to)
            && from.is_none_or(|from| message.from == from)
            && on.is_none_or(|(start, end)| start <= sent && sent < end)
            && since.is_none_or(|(start, _)| start <= sent)
            && until.is_none_or(|(_, end)| sent < end)
    };
    let start = page.saturating_mul(page_size);
    let mut found = account.messages.iter().rev().filter(fits).skip(start);
    let messages: Vec<_> =
        found.by_ref().take(page_size).map(|message| message.resource(&account.sid)).collect();

    let page_uri = |page: usize| {
        let filters = parameters.iter().filter(|(name, _)| name != "Page" && name != "PageSize");
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(filters)
            .append_pair("PageSize", &page_size.to_string())
            .append_pair("Page", &page.to_string())
            .finish();
        format!("/{API_VERSION}/Accounts/{}/Messages.json?{query}", account.sid)
    };
    Ok(json!({
        "first_page_uri": page_uri(0),
        "next_page_uri": found.next().map(|_| page_uri(page + 1)),
        "previous_page_uri": page.checked_sub(1).map(page_uri),
        "uri": page_uri(page),
        "page": page,
        "page_size": page_size,
        "start": start,
        "end": (start + messages.len()).saturating_sub(1),
        "messages": messages,
    }))
}

/// The time a filter names: a day, or a second, in UTC.
fn period(value: &str) -> Option<(Timestamp, Timestamp)> {
    if let Ok(day) = value.parse::<civil::Date>()
        && !value.contains('T')
    {
        let start = TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()?;
        return Some((start, start.checked_add(SignedDuration::from_hours(24)).ok()?));
    }
    let start: Timestamp = value.parse().ok()?;
    Some((start, start.checked_add(SignedDuration::from_secs(1)).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_names_a_day_or_a_second() {
        let seconds =
            |value| period(value).map(|(start, end)| (start.as_second(), end.as_second()));
        assert_eq!(seconds("1970-01-02"), Some((86_400, 172_800)));
        assert_eq!(seconds("1970-01-01T00:01:00Z"), Some((60, 61)));
        assert_eq!(seconds("yesterday"), None);
    }
}
