//! The header policy: what every response carries, whatever its status.
//!
//! One table feeds the functions' responses and the static files' headers in
//! `vercel.json`, so that no response of the product is without it.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Two years, subdomains, preload: what <https://hstspreload.org> asks for.
const STRICT_TRANSPORT_SECURITY: &str = "max-age=63072000; includeSubDomains; preload";

/// What is not a page loads nothing, is framed by nobody and runs nothing.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";

/// No feature of the browser is needed.
const PERMISSIONS_POLICY: &str = "accelerometer=(), browsing-topics=(), camera=(), \
     display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), \
     payment=(), publickey-credentials-get=(), screen-wake-lock=(), usb=(), web-share=()";

/// The headers of every response, static files included.
pub const POLICY: [(HeaderName, HeaderValue); 10] = [
    (header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(STRICT_TRANSPORT_SECURITY)),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY)),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("permissions-policy"), HeaderValue::from_static(PERMISSIONS_POLICY)),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-embedder-policy"),
        HeaderValue::from_static("require-corp"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("x-permitted-cross-domain-policies"),
        HeaderValue::from_static("none"),
    ),
];

/// Puts the policy on a function's response, each header exactly once.
///
/// A function's answer is about somebody, so nothing may keep a copy of it.
pub fn apply(headers: &mut HeaderMap) {
    for (name, value) in POLICY {
        headers.insert(name, value);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_header_is_there_exactly_once() {
        let mut headers = HeaderMap::new();
        headers.append(header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
        headers.append(header::X_FRAME_OPTIONS, HeaderValue::from_static("ALLOWALL"));
        apply(&mut headers);
        for (name, value) in POLICY {
            let values: Vec<_> = headers.get_all(&name).iter().collect();
            assert_eq!(values, [value], "{name}");
        }
        assert_eq!(headers[header::CACHE_CONTROL], "no-store");
    }
}
