//! The header policy: what every response carries, whatever its status.
//!
//! One table feeds the functions' responses and the static files' headers in
//! `vercel.json`, so that no response of the product is without it. A page gets
//! the same headers as everything else; two of them have another value there.
//!
//! # Invariant
//!
//! The header policy is on everything once. `edge::headers` has it as one table, with two
//! values of their own for pages; `edge::serve` puts it on whatever a function answers,
//! and `vercel.json` on what Vercel answers itself. A test asks every path by every
//! method, and sees every status.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Two years, subdomains, preload: what <https://hstspreload.org> asks for.
const STRICT_TRANSPORT_SECURITY: &str = "max-age=63072000; includeSubDomains; preload";

/// What is not a page loads nothing, is framed by nobody and runs nothing.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'; sandbox; report-uri /policy-reports; report-to policy";

/// A page has our stylesheet and our pictures, and sends forms to us. It runs no
/// script and reaches nobody else: that is what "no tracking" rests on.
const PAGE_CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; report-uri /policy-reports; report-to policy";

/// No feature of the browser is needed.
const PERMISSIONS_POLICY: &str = "accelerometer=(), browsing-topics=(), camera=(), \
     display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), \
     payment=(), publickey-credentials-get=(), screen-wake-lock=(), usb=(), web-share=()";

/// Where browsers tell what a policy forbade; see `pages::public::policy_reports`.
const REPORTING_ENDPOINTS: &str = r#"policy="/policy-reports""#;

/// The policy, with the values of a response that is no page.
pub const POLICY: [(HeaderName, HeaderValue); 11] = policy(CONTENT_SECURITY_POLICY, "no-referrer");

/// The policy, with the values of a page.
///
/// Under `no-referrer` a browser says `Origin: null` even to ourselves, and a form
/// of ours could not be told from one of somebody else's. Other sites learn nothing
/// under `same-origin` either.
/// <https://fetch.spec.whatwg.org/#append-a-request-origin-header>
pub const PAGE_POLICY: [(HeaderName, HeaderValue); 11] =
    policy(PAGE_CONTENT_SECURITY_POLICY, "same-origin");

const fn policy(
    content_security_policy: &'static str,
    referrer_policy: &'static str,
) -> [(HeaderName, HeaderValue); 11] {
    [
        (header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(STRICT_TRANSPORT_SECURITY)),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(content_security_policy)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (header::REFERRER_POLICY, HeaderValue::from_static(referrer_policy)),
        (
            HeaderName::from_static("permissions-policy"),
            HeaderValue::from_static(PERMISSIONS_POLICY),
        ),
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
        (
            HeaderName::from_static("reporting-endpoints"),
            HeaderValue::from_static(REPORTING_ENDPOINTS),
        ),
    ]
}

/// Puts the policy on a function's response, each header exactly once: a page's on
/// what a browser would show as one.
///
/// A function's answer is about somebody, so nothing may keep a copy of it.
pub fn apply(headers: &mut HeaderMap) {
    let is_page = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|content_type| content_type.as_bytes().starts_with(b"text/html"));
    for (name, value) in if is_page { PAGE_POLICY } else { POLICY } {
        headers.insert(name, value);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(content_type: Option<&'static str>, policy: [(HeaderName, HeaderValue); 11]) {
        let mut headers = HeaderMap::new();
        headers.append(header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
        headers.append(header::X_FRAME_OPTIONS, HeaderValue::from_static("ALLOWALL"));
        if let Some(content_type) = content_type {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        apply(&mut headers);
        for (name, value) in policy {
            let values: Vec<_> = headers.get_all(&name).iter().collect();
            assert_eq!(values, [value], "{content_type:?} {name}");
        }
        assert_eq!(headers[header::CACHE_CONTROL], "no-store");
    }

    #[test]
    fn each_header_is_there_exactly_once() {
        check(None, POLICY);
        check(Some("application/json"), POLICY);
        check(Some("text/plain; charset=utf-8"), POLICY);
        check(Some("text/html"), PAGE_POLICY);
        check(Some("text/html; charset=utf-8"), PAGE_POLICY);
    }

    /// What scanners ask for, and what forbids to load or run anything of others.
    #[test]
    fn promise_headers_the_policies_begin_with_nothing_and_allow_ourselves_only() {
        for (kind, policy) in [("answer", POLICY), ("page", PAGE_POLICY)] {
            let names: Vec<_> = policy.iter().map(|(name, _)| name.as_str()).collect();
            for name in [
                "strict-transport-security",
                "content-security-policy",
                "cross-origin-opener-policy",
                "x-frame-options",
                "x-content-type-options",
            ] {
                assert!(names.contains(&name), "{kind} {name}");
            }
            let value = policy[1].1.to_str().unwrap();
            let mut directives: Vec<_> = value.split(';').map(str::trim).collect();
            assert_eq!(directives[0], "default-src 'none'", "{kind}");
            for word in value.split([' ', ';']) {
                let is_foreign = word.contains("//") || word.contains('*') || word.ends_with(':');
                assert!(!is_foreign && !word.starts_with("'unsafe"), "{kind} {word}");
            }
            // A directive that comes twice counts once, and not as one thinks.
            let all = directives.len();
            directives.sort_unstable_by_key(|directive| directive.split(' ').next());
            directives.dedup_by_key(|directive| directive.split(' ').next());
            assert_eq!(directives.len(), all, "{kind}");
        }
    }
}
