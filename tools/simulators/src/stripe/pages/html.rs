//! The frame of the pages, and how values are written in them.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::Timestamp;

/// What a page may load and do: stylesheets, and forms to this server.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
                      frame-ancestors 'none'; form-action 'self'";

/// A whole page. A form on it may lead on to `target`, another origin.
pub(super) fn page(status: StatusCode, title: &str, body: &str, target: &str) -> Response {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title} · Stripe simulator</title>\n\
         <link rel=\"icon\" href=\"/phone.svg\" type=\"image/svg+xml\">\n\
         <link rel=\"stylesheet\" href=\"/phone.css\">\n\
         <link rel=\"stylesheet\" href=\"/stripe/stripe.css\">\n</head>\n\
         <body>\n{body}\n</body>\n</html>\n"
    );
    let policy = format!("{POLICY} {target}");
    let mut response = file("text/html; charset=utf-8", html);
    *response.status_mut() = status;
    if let Ok(policy) = policy.trim_end().parse() {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// The page for what is not there.
pub(super) fn missing() -> Response {
    let body = "<main class=\"till\"><section class=\"panel\"><h1>There is nothing here</h1>\
                <p>The simulator forgets its sessions when it is stopped.</p></section></main>";
    page(StatusCode::NOT_FOUND, "Not found", body, "")
}

/// A file, to be asked for again each time.
pub(super) fn file(media_type: &'static str, content: impl IntoResponse) -> Response {
    let headers = [
        (header::CONTENT_TYPE, media_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, content).into_response()
}

/// A sentence on what went wrong, if anything did.
pub(super) fn trouble(sentence: &str) -> String {
    if sentence.is_empty() {
        String::new()
    } else {
        format!("<p class=\"trouble\" role=\"alert\">{}</p>", escape(sentence))
    }
}

/// A text as it can stand between tags and in quotes.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// An amount in the way of the country, for currencies with hundredths.
pub(super) fn money(amount: i64, currency: &str) -> String {
    let (units, hundredths) = (amount / 100, amount % 100);
    match currency {
        "cad" => format!("CA${units}.{hundredths:02}"),
        other => format!("{} {units}.{hundredths:02}", escape(&other.to_uppercase())),
    }
}

/// A second, to the minute.
pub(super) fn date(second: i64) -> String {
    let time = Timestamp::from_second(second);
    time.map_or("never".to_owned(), |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_stays_text() {
        assert_eq!(escape("<a href=\"x\">'&"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;");
        assert_eq!(money(4905, "cad"), "CA$49.05");
        assert_eq!(money(0, "<b>"), "&lt;B&gt; 0.00");
        assert_eq!(date(0), "1970-01-01 00:00 UTC");
    }
}
