//! What anybody sees, and what pages say of themselves.

use std::collections::BTreeSet;

use leadslock::{
    functions::table::FUNCTIONS,
    pages::{public::promises::PROMISES, table::PAGES},
};
use reqwest::Method;
use serde_json::json;

use super::{places, public};
use crate::support::{
    OWNER, OWNER_PASSWORD,
    browser::{Browser, check_policy, encode},
    interceptor::Manner,
    on_a_stack,
};

#[test]
fn promise_tls_hsts_and_headers_are_on_every_response_once() {
    on_a_stack(async |stack| {
        let files = ["/style.css", "/logo.svg"].map(str::to_owned);
        let others = ["/nothing", "/api/nothing", "/api", "/Cargo.toml"].map(str::to_owned);
        let id = "0193a000-0000-7000-8000-0000000000aa";
        let pages = PAGES.iter().flat_map(|page| {
            let path = page.path.replace("{id}", id).replace("{name}", "none");
            page.queries.iter().map(move |query| format!("{path}{query}"))
        });
        let functions = FUNCTIONS.iter().map(|function| function.path.to_owned());
        let paths: Vec<String> =
            pages.chain(functions).chain(files.clone()).chain(others).collect();
        let methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "X"];
        let mut browser = Browser::of(stack);
        let mut seen = BTreeSet::new();
        let mut ask = async |told: &str, request: reqwest::RequestBuilder| {
            let response = request.send().await.unwrap();
            check_policy(told, &response);
            seen.insert(response.status().as_u16());
        };
        for path in &paths {
            for method in methods {
                let method = Method::from_bytes(method.as_bytes()).unwrap();
                let request = browser.request(method.clone(), path);
                ask(&format!("{method} {path}"), request).await;
            }
            // Who is refused before everything is read may not see why; files read nothing.
            if !files.contains(path) {
                let too_long = browser.request(Method::POST, path).body(vec![b'a'; 100_000]);
                ask(&format!("too long {path}"), too_long).await;
            }
        }

        // Those that take more than a path and a method.
        let reports = browser.request(Method::POST, "/policy-reports");
        ask("reports", reports.header("content-type", "application/csp-report").body("{}")).await;
        let token = browser.token("/sign-in").await;
        let form = |fields: &[(&str, &str)]| {
            browser
                .request(Method::POST, "/sign-in")
                .header("sec-fetch-site", "same-origin")
                .header("content-type", "application/x-www-form-urlencoded")
                .body(encode(&[&[("form", token.as_str())], fields].concat()))
        };
        ask("a form with a mistake", form(&[("email", "x")])).await;
        let credentials = [("email", OWNER), ("password", OWNER_PASSWORD)];
        stack.interceptor.set("token", Manner::Unavailable);
        stack.interceptor.set("take_rate_limit", Manner::Unavailable);
        ask("nothing behind it", form(&credentials)).await;
        // A function that does not start: Vercel answers in its place.
        stack.edge().deploy("CSRF_KEY", Some("short"));
        ask("no function", browser.request(Method::GET, "/security")).await;

        let wanted = [200, 204, 303, 400, 401, 403, 404, 405, 413, 500, 503];
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), wanted);
    });
}

#[test]
fn promise_never_track_no_page_asks_anything_of_anyone_else() {
    on_a_stack(async |stack| {
        let mut browser = Browser::of(stack);
        for path in public() {
            for language in ["en", "fr"] {
                let separator = if path.contains('?') { '&' } else { '?' };
                let page = browser.get(&format!("{path}{separator}lang={language}")).await;
                assert_eq!(page.status, 200, "{path}");
                assert!(page.body.contains(&format!(r#"<html lang="{language}">"#)), "{path}");
                for place in places(&page.body) {
                    let is_ours = (place.starts_with('/') && !place.starts_with("//"))
                        || place.starts_with('#')
                        || place.starts_with("mailto:")
                        || place.starts_with("width=");
                    assert!(is_ours, "{path}: {place}");
                }
            }
        }
        // What is asked without a form leaves nothing but the language and the form's cookie.
        let names: BTreeSet<_> = browser.cookies.keys().map(String::as_str).collect();
        assert_eq!(names, ["__Host-form", "__Host-language"].into());
    });
}

#[test]
fn promise_optout_signals_are_seen_and_answered() {
    on_a_stack(async |stack| {
        let mut browser = Browser::of(stack);
        let told = browser.get("/.well-known/gpc.json").await;
        assert!(told.body.contains(r#""gpc":true"#), "{}", told.body);
        for (value, is_seen) in [("1", true), ("0", false), ("", false)] {
            let request = browser.request(Method::GET, "/privacy").header("sec-gpc", value);
            let page = browser.send(request).await;
            assert_eq!(page.body.contains("Your browser sends this signal."), is_seen, "{value}");
            assert_eq!(page.body.contains("We do neither, for anybody."), is_seen, "{value}");
        }
    });
}

#[test]
fn promise_gdpr_rights_the_privacy_page_says_whom_to_ask() {
    on_a_stack(async |stack| {
        let mut browser = Browser::of(stack);
        let page = browser.get("/privacy").await.body;
        assert!(page.contains("see, correct, export and delete"), "{page}");
        assert!(page.contains("mailto:support@leadslock.example"), "{page}");
    });
}

/// The page has every promise, in both languages, with its limits.
#[test]
fn the_security_page_has_every_promise() {
    on_a_stack(async |stack| {
        let mut browser = Browser::of(stack);
        let english = browser.get("/security").await.body;
        let french = browser.get("/security?lang=fr").await.body;
        for promise in &PROMISES {
            let texts = [Some(promise.text), Some(promise.how), promise.limits];
            for text in texts.into_iter().flatten() {
                assert!(english.contains(text.en), "{}", promise.id);
                assert!(french.contains(text.fr), "{}", promise.id);
            }
            assert!(english.contains(&format!(r#"id="{}""#, promise.id)));
        }
        assert!(english.contains("This build was not made by a run of all tests"));
    });
}

#[test]
fn reports_are_counted_and_nothing_of_them_is_kept() {
    on_a_stack(async |stack| {
        let mut browser = Browser::of(stack);
        let report =
            json!([{ "type": "csp-violation", "url": "https://canary.example", "body": {} }]);
        for _ in 0..3 {
            let request = browser
                .request(Method::POST, "/policy-reports")
                .header("content-type", "application/policy-reports+json")
                .body(report.to_string());
            assert_eq!(browser.send(request).await.status, 204);
        }
        stack
            .wait_for_value(
                "select count(*) from app.refusals where function = '/policy-reports'",
                "1",
            )
            .await;
        let kept = stack.value("select string_agg(r::text, ',') from app.refusals r").await;
        assert!(kept.contains("csp") && !kept.contains("canary"), "{kept}");
        assert!(!stack.log().join("\n").contains("canary"));
    });
}
