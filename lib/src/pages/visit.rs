//! Who asks for a page, as far as the request itself tells.

use http::{HeaderMap, HeaderValue, request::Parts};
use trust::text::language::Language;

use super::{cookies::Cookie, notice::Notice};

/// A request for a page.
#[derive(Debug)]
pub(crate) struct Visit {
    /// The language of the page.
    pub(crate) language: Language,
    /// The path that was asked for.
    pub(crate) path: String,
    /// Whether the browser sends the opt-out signal of the Global Privacy Control.
    pub(crate) has_opted_out: bool,
    /// Whether somebody seems to be signed in. Only [`super::signed_in`] knows.
    pub(crate) seems_signed_in: bool,
    /// What the page is to say besides its content.
    pub(crate) notice: Option<Notice>,
    /// Cookies to set with the answer.
    pub(crate) cookies: Vec<HeaderValue>,
}

impl Visit {
    /// Reads a request's head.
    pub(crate) fn of(head: &Parts) -> Self {
        let headers = &head.headers;
        let chosen = chosen_language(head.uri.query().unwrap_or_default());
        let notice = Cookie::Notice.read(headers);
        let mut cookies = Vec::new();
        cookies.extend(chosen.and_then(|language| Cookie::Language.set(code(language))));
        cookies.extend(notice.and_then(|_| Cookie::Notice.clear()));
        Self {
            language: language_of(head),
            path: head.uri.path().to_owned(),
            has_opted_out: headers.get("sec-gpc").is_some_and(|value| value == "1"),
            seems_signed_in: Cookie::Access.read(headers).is_some()
                || Cookie::Refresh.read(headers).is_some(),
            notice: notice.and_then(Notice::of_code),
            cookies,
        }
    }
}

/// What stands behind the question mark of an address.
#[derive(Debug)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// The query of a request.
    pub(crate) fn of(head: &Parts) -> Self {
        let query = head.uri.query().unwrap_or_default();
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// The value of this name; empty if there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }
}

/// The language a visitor wants: the one asked for just now, or chosen before, or the
/// browser's.
pub(crate) fn language_of(head: &Parts) -> Language {
    chosen_language(head.uri.query().unwrap_or_default())
        .or_else(|| Cookie::Language.read(&head.headers).and_then(of_code))
        .or_else(|| accepted(&head.headers))
        .unwrap_or(Language::English)
}

fn chosen_language(query: &str) -> Option<Language> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(name, _)| name == "lang").and_then(|(_, value)| of_code(&value))
}

/// The language's code, as ISO 639-1 has it.
pub(crate) fn code(language: Language) -> &'static str {
    match language {
        Language::English => "en",
        Language::French => "fr",
    }
}

fn of_code(code: &str) -> Option<Language> {
    [Language::English, Language::French].into_iter().find(|language| self::code(*language) == code)
}

/// What the browser likes best of what we speak, as RFC 9110, section 12.5.4, has it.
fn accepted(headers: &HeaderMap) -> Option<Language> {
    let text = headers.get(http::header::ACCEPT_LANGUAGE)?.to_str().ok()?;
    let mut best: Option<(f32, Language)> = None;
    for item in text.split(',') {
        let (range, parameters) = item.split_once(';').unwrap_or((item, ""));
        let tag = range.trim().split('-').next().unwrap_or_default().to_ascii_lowercase();
        let Some(language) = of_code(&tag) else { continue };
        let weight = parameters.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.parse().ok());
        let weight: f32 = weight.unwrap_or(0.0);
        if weight > best.map_or(0.0, |(weight, _)| weight) {
            best = Some((weight, language));
        }
    }
    best.map(|(_, language)| language)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[track_caller]
    fn check(uri: &str, cookie: &str, accept: &str, want: Language) {
        let request = Request::get(uri).header("cookie", cookie).header("accept-language", accept);
        let (head, ()) = request.body(()).unwrap().into_parts();
        assert_eq!(language_of(&head), want, "{uri} {cookie} {accept}");
    }

    #[test]
    fn what_was_chosen_goes_before_what_the_browser_says() {
        use Language::{English, French};
        check("/", "", "", English);
        check("/", "", "de", English);
        check("/", "", "fr", French);
        check("/", "", "fr-CA,fr;q=0.9,en;q=0.8", French);
        check("/", "", "en;q=0.5, FR;q=0.6", French);
        check("/", "", "de, en;q=0.8, fr;q=0.8", English);
        check("/", "", "fr;q=0, *", English);
        check("/", "", "fr;q=x", English);
        check("/", "__Host-language=fr", "en", French);
        check("/", "__Host-language=de", "fr", French);
        check("/?lang=en", "__Host-language=fr", "fr", English);
        check("/?a=b&lang=fr", "", "en", French);
        check("/?lang=de", "", "fr", French);
    }
}
