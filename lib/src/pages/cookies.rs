//! Our cookies. All have the prefix `__Host-`: a browser takes them over a safe
//! connection only and for this very host, so no other host can plant one.
//! <https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Set-Cookie#cookie_prefixes>

use http::{HeaderMap, HeaderValue, header};

/// How long a browser keeps what signs somebody in, unless it is renewed: two weeks.
pub(crate) const SESSION_AGE: u32 = 14 * 24 * 60 * 60;

/// How long a browser keeps the language that was chosen: a year.
const LANGUAGE_AGE: u32 = 365 * 24 * 60 * 60;

/// The longest value that is set; a browser keeps 4096 bytes with name and attributes.
/// <https://www.rfc-editor.org/rfc/rfc6265#section-6.1>
const MAX_VALUE: usize = 3900;

/// A cookie of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// The access token.
    Access,
    /// What a new access token is got with.
    Refresh,
    /// What binds a form to a browser before anybody has signed in.
    CsrfSeed,
    /// The language that was chosen.
    Language,
    /// What the next page is to say once.
    Notice,
}

impl Cookie {
    fn name(self) -> &'static str {
        match self {
            Self::Access => "__Host-access",
            Self::Refresh => "__Host-refresh",
            Self::CsrfSeed => "__Host-form",
            Self::Language => "__Host-language",
            Self::Notice => "__Host-notice",
        }
    }

    /// How long the browser keeps it; `None` until it is closed.
    fn max_age(self) -> Option<u32> {
        match self {
            Self::Access | Self::Refresh => Some(SESSION_AGE),
            Self::Language => Some(LANGUAGE_AGE),
            Self::CsrfSeed | Self::Notice => None,
        }
    }

    /// What the browser sent. `None` too if it sent two: one of them is somebody else's.
    pub(crate) fn read(self, headers: &HeaderMap) -> Option<&str> {
        let pairs = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='));
        let mut values = pairs.filter(|(name, _)| *name == self.name()).map(|(_, value)| value);
        let value = values.next().filter(|value| !value.is_empty())?;
        values.next().is_none().then_some(value)
    }

    /// The header that has the browser keep `value`; `None` if no browser would.
    pub(crate) fn set(self, value: &str) -> Option<HeaderValue> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
        if value.len() > MAX_VALUE || !value.bytes().all(is_plain) {
            return None;
        }
        let age = self.max_age().map(|age| format!("; Max-Age={age}")).unwrap_or_default();
        let name = self.name();
        HeaderValue::try_from(format!(
            "{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax{age}"
        ))
        .ok()
    }

    /// The header that has the browser forget it.
    pub(crate) fn clear(self) -> Option<HeaderValue> {
        let name = self.name();
        HeaderValue::try_from(format!("{name}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"))
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cookies: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(header::COOKIE, HeaderValue::from_str(cookie).unwrap());
        }
        Cookie::CsrfSeed.read(&headers).map(str::to_owned)
    }

    #[test]
    fn a_cookie_is_read_if_it_came_once() {
        for (cookies, want) in [
            (&["__Host-form=a"][..], Some("a")),
            (&["x=y; __Host-form=a; z"], Some("a")),
            (&["x=y", "__Host-form=a"], Some("a")),
            (&["__Host-form=a=b"], Some("a=b")),
            (&[], None),
            (&["__Host-form="], None),
            (&["form=a"], None),
            (&["__Host-form2=a"], None),
            (&["__Host-form=a; __Host-form=b"], None),
            (&["__Host-form=a", "__Host-form=a"], None),
        ] {
            assert_eq!(read(cookies).as_deref(), want, "{cookies:?}");
        }
    }

    #[test]
    fn a_cookie_is_for_this_host_and_not_for_scripts() {
        let set = Cookie::Access.set("a.b-c_d").unwrap();
        assert_eq!(
            set.to_str().unwrap(),
            "__Host-access=a.b-c_d; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=1209600"
        );
        let cleared = Cookie::CsrfSeed.clear().unwrap();
        let want = "__Host-form=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0";
        assert_eq!(cleared.to_str().unwrap(), want);
        for value in ["a; Domain=evil.example", "a\r\nx: y", "a b", "é", &"a".repeat(3901)] {
            assert!(Cookie::CsrfSeed.set(value).is_none(), "{value:?}");
        }
    }
}
