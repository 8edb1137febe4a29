//! The pages, as browsers meet them: the policy on everything, sessions, forms, and
//! what others try.

use std::{collections::BTreeSet, io::Cursor};

use leadslock::{
    data::{
        export::verify::verify,
        tables::{self, Access},
    },
    functions::table::FUNCTIONS,
    pages::{
        public::promises::PROMISES,
        table::{Audience, PAGES},
    },
};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{
    OWNER, OWNER_PASSWORD, PATIENCE, TestStack,
    browser::{Browser, Shown, check_policy, encode},
    interceptor::Manner,
    run,
};

/// The paths, with their queries, of pages that are read and for whom `is_for` says; those of
/// one of many only with its id.
fn paths_of(is_for: impl Fn(Audience) -> bool) -> Vec<String> {
    PAGES
        .iter()
        .filter(|page| is_for(page.audience) && page.methods.contains(&Method::GET))
        .filter(|page| page.is_html && !page.path.contains('{'))
        .flat_map(|page| page.queries.iter().map(move |query| format!("{}{query}", page.path)))
        .collect()
}

/// Pages for everybody and for who signs in.
fn public() -> Vec<String> {
    paths_of(|audience| matches!(audience, Audience::Everybody | Audience::Visitor))
}

/// Pages for an owner who has a shop.
fn owners() -> Vec<String> {
    paths_of(|audience| audience == Audience::Owner)
        .into_iter()
        .filter(|path| path != "/welcome")
        .collect()
}

/// What breaks out of text, attributes, addresses and headers where it can.
const HOSTILE: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>\r\nX-Bad: 1";

#[test]
fn promise_tls_hsts_and_headers_are_on_every_response_once() {
    run(async {
        let stack = TestStack::start().await;
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
        let mut browser = Browser::of(&stack);
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
        stack.stop().await;
    });
}

/// Every place a page names, and every attribute that could run something.
fn places(page: &str) -> Vec<&str> {
    assert!(!page.contains("<script"), "{page}");
    let mut found = Vec::new();
    for tag in page.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap();
        for (at, part) in tag.split('"').enumerate() {
            // What stands before a quotation mark ends in the attribute's name.
            let attribute = part.trim_end_matches('=').rsplit(' ').next().unwrap();
            if at % 2 == 0 {
                assert!(!attribute.starts_with("on") && attribute != "style", "{tag}");
                if ["src", "href", "action", "srcset", "content"].contains(&attribute) {
                    found.push(tag.split('"').nth(at + 1).unwrap());
                }
            }
        }
    }
    found
}

#[test]
fn promise_never_track_no_page_asks_anything_of_anyone_else() {
    run(async {
        let stack = TestStack::start().await;
        let mut browser = Browser::of(&stack);
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
        stack.stop().await;
    });
}

#[test]
fn promise_optout_signals_are_seen_and_answered() {
    run(async {
        let stack = TestStack::start().await;
        let mut browser = Browser::of(&stack);
        let told = browser.get("/.well-known/gpc.json").await;
        assert!(told.body.contains(r#""gpc":true"#), "{}", told.body);
        for (value, is_seen) in [("1", true), ("0", false), ("", false)] {
            let request = browser.request(Method::GET, "/privacy").header("sec-gpc", value);
            let page = browser.send(request).await;
            assert_eq!(page.body.contains("Your browser sends this signal."), is_seen, "{value}");
            assert_eq!(page.body.contains("We do neither, for anybody."), is_seen, "{value}");
        }
        stack.stop().await;
    });
}

#[test]
fn promise_gdpr_rights_the_privacy_page_says_whom_to_ask() {
    run(async {
        let stack = TestStack::start().await;
        let mut browser = Browser::of(&stack);
        let page = browser.get("/privacy").await.body;
        assert!(page.contains("see, correct, take along and delete"), "{page}");
        assert!(page.contains("mailto:support@leadslock.example"), "{page}");
        stack.stop().await;
    });
}

/// The page has every promise, in both languages, with its limits.
#[test]
fn the_security_page_has_every_promise() {
    run(async {
        let stack = TestStack::start().await;
        let mut browser = Browser::of(&stack);
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
        stack.stop().await;
    });
}

#[test]
fn promise_password_bcrypt_a_password_is_a_hash_in_the_database_and_nowhere_else() {
    run(async {
        let stack = TestStack::start().await;
        let mut browser = Browser::of(&stack);
        let password = "canary violet plinth 7";
        let fields = [("email", "new@example.com"), ("password", password)];
        let page = browser.fill("/sign-up", "/sign-up", &fields).await;
        assert_eq!((page.status, page.location.as_deref()), (303, Some("/conversations")));
        let hash = "select encrypted_password from auth.users where email = 'new@example.com'";
        assert!(stack.value(hash).await.starts_with("$2"));

        // Once more: what was typed stays, but for the password.
        let mut other = Browser::of(&stack);
        let again = other.fill("/sign-up", "/sign-up", &fields).await;
        assert_eq!(again.status, 400);
        assert!(again.body.contains(r#"value="new@example.com""#), "{}", again.body);
        assert!(again.body.contains(r#"aria-describedby="email-error""#), "{}", again.body);
        for (password, why) in [
            ("short", "12 characters or more"),
            (&"é".repeat(37)[..], "at most 72 characters"),
            ("passwordpassword", "too easy to guess"),
        ] {
            let fields = [("email", "third@example.com"), ("password", password)];
            let page = other.fill("/sign-up", "/sign-up", &fields).await;
            assert_eq!(page.status, 400, "{password}");
            assert!(page.body.contains(why) && !page.body.contains(password), "{}", page.body);
        }
        assert!(!again.body.contains("canary") && !stack.log().join("\n").contains("canary"));
        assert_eq!(stack.value("select count(*) from auth.users").await, "2");
        stack.stop().await;
    });
}

#[test]
fn a_session_is_made_renewed_and_ended() {
    run(async {
        let stack = TestStack::start().await;
        let mut browser = Browser::of(&stack);
        // Nobody is signed in by what a browser brings along.
        for path in owners() {
            let page = browser.get(&path).await;
            let place = format!("/sign-in?next={path}");
            assert_eq!((page.status, page.location.as_deref()), (303, Some(place.as_str())));
        }
        let page = browser.sign_in(OWNER, "wrong horse battery").await;
        assert_eq!(page.status, 400);
        assert!(page.body.contains("e-mail and password don't match"), "{}", page.body);
        assert!(!browser.cookies.contains_key("__Host-access"));

        let planted = browser.cookies.clone();
        let page = browser.sign_in(OWNER, OWNER_PASSWORD).await;
        assert_eq!((page.status, page.location.as_deref()), (303, Some("/conversations")));
        assert!(!browser.cookies.contains_key("__Host-form"), "forms are bound to the session");
        for path in owners() {
            assert_eq!(browser.get(&path).await.status, 200, "{path}");
        }

        // Without the access token, the other one gets the next pair; for two at once, too.
        let mut twin = browser.clone();
        for each in [&mut browser, &mut twin] {
            each.cookies.remove("__Host-access");
        }
        let (one, two) = tokio::join!(browser.get("/billing"), twin.get("/privacy-centre"));
        assert_eq!((one.status, two.status), (200, 200), "{}{}", one.body, two.body);
        assert_eq!(
            (browser.get("/billing").await.status, twin.get("/billing").await.status),
            (200, 200)
        );

        // While Auth does not answer, nobody is signed out.
        let before = browser.cookies.clone();
        browser.cookies.remove("__Host-access");
        stack.interceptor.set("token", Manner::Unavailable);
        let page = browser.get("/billing").await;
        assert_eq!((page.status, page.cookies.len()), (503, 0));
        stack.interceptor.clear();
        assert_eq!(browser.get("/billing").await.status, 200);

        let page = browser.fill("/privacy-centre", "/sign-out", &[]).await;
        assert_eq!((page.status, page.location.as_deref()), (303, Some("/sign-in")));
        assert!(browser.get("/sign-in").await.body.contains("You are signed out."));
        assert!(browser.cookies.keys().all(|name| name == "__Host-form"));
        // What somebody kept of it is worth nothing.
        let mut thief = Browser::of(&stack);
        for cookies in [before, twin.cookies] {
            thief.cookies = cookies;
            let page = thief.get("/billing").await;
            assert_eq!(page.status, 303);
            assert!(page.location.unwrap().starts_with("/sign-in"));
        }
        thief.cookies = planted;
        assert_eq!(thief.get("/billing").await.status, 303);
        stack.stop().await;
    });
}

/// A form counts from our own page, in the browser and the session it was made for.
#[test]
fn a_form_from_elsewhere_changes_nothing() {
    run(async {
        let stack = TestStack::start().await;
        let mut browser = Browser::of(&stack);
        browser.sign_in(OWNER, OWNER_PASSWORD).await;
        let token = browser.token("/privacy-centre").await;
        let mut other = Browser::of(&stack);
        other.sign_in(OWNER, OWNER_PASSWORD).await;
        let others = other.token("/privacy-centre").await;
        let visitors = Browser::of(&stack).token("/sign-in").await;
        let own = stack.url("/").origin().ascii_serialization();
        let evil = "https://evil.example";
        let form_type = "application/x-www-form-urlencoded";

        for (told, site, origin, content_type, token) in [
            ("another site", Some("cross-site"), Some(evil), form_type, &token),
            (
                "a neighbour",
                Some("same-site"),
                Some("https://a.leadslock.example"),
                form_type,
                &token,
            ),
            ("typed by hand", Some("none"), None, form_type, &token),
            ("another origin", None, Some(evil), form_type, &token),
            ("no origin", None, Some("null"), form_type, &token),
            ("contradiction", Some("same-origin"), Some(evil), form_type, &token),
            ("nothing said", None, None, form_type, &token),
            ("no form", Some("same-origin"), Some(own.as_str()), "text/plain", &token),
            ("JSON", Some("same-origin"), Some(own.as_str()), "application/json", &token),
            ("another session's", Some("same-origin"), Some(own.as_str()), form_type, &others),
            ("a visitor's", Some("same-origin"), Some(own.as_str()), form_type, &visitors),
            ("no token", Some("same-origin"), Some(own.as_str()), form_type, &String::new()),
        ] {
            for path in
                ["/privacy-centre", "/sign-out", "/sign-out/everywhere", "/password", "/billing"]
            {
                let body = encode(&[
                    ("form", token),
                    ("format", "json"),
                    ("password", "hijacked by evil"),
                ]);
                let mut request = browser.request(Method::POST, path).body(body);
                request = request.header("content-type", content_type);
                for (name, value) in [("sec-fetch-site", site), ("origin", origin)] {
                    if let Some(value) = value {
                        request = request.header(name, value);
                    }
                }
                let page = browser.send(request).await;
                assert_eq!(page.status, 403, "{told} {path}");
            }
        }
        assert_eq!(stack.value("select count(*) from app.exports").await, "0");
        // Neither did anybody sign out, nor is the password another one.
        assert_eq!(browser.get("/billing").await.status, 200);
        assert_eq!(Browser::of(&stack).sign_in(OWNER, OWNER_PASSWORD).await.status, 303);
        stack.stop().await;
    });
}

/// Who plants cookies in a browser is not signed in when its user signs in.
#[test]
fn a_session_cannot_be_fixed_beforehand() {
    run(async {
        let stack = TestStack::start().await;
        let mut attacker = Browser::of(&stack);
        let fields = [("email", "evil@example.com"), ("password", "canary violet plinth 7")];
        attacker.fill("/sign-up", "/sign-up", &fields).await;
        let planted = attacker.cookies.clone();
        let mut victim = Browser::of(&stack);
        victim.cookies = planted.clone();
        victim.cookies.insert("__Host-form".to_owned(), "planted".to_owned());

        victim.sign_in(OWNER, OWNER_PASSWORD).await;

        for name in ["__Host-access", "__Host-refresh"] {
            assert_ne!(victim.cookies[name], planted[name], "{name}");
        }
        assert!(!victim.cookies.contains_key("__Host-form"));
        let told = stack.value("select count(*) from auth.sessions").await;
        assert_eq!(told, "2", "each has a session");
        // And the attacker's tokens are still the attacker's.
        assert!(attacker.get("/billing").await.body.contains("no shop in your account"));
        stack.stop().await;
    });
}

#[test]
fn who_guesses_passwords_has_to_wait() {
    run(async {
        let stack = TestStack::start().await;
        let mut browser = Browser::of(&stack);
        let mut statuses = Vec::new();
        for guess in 0..12 {
            let page = browser.sign_in(OWNER, &format!("wrong horse battery {guess}")).await;
            statuses.push(page.status);
        }
        assert_eq!(statuses[..10], [400; 10]);
        assert_eq!(statuses[10..], [429; 2]);
        // The right one has to wait as well: else guessing would go on.
        assert_eq!(browser.sign_in(OWNER, OWNER_PASSWORD).await.status, 429);
        assert!(!stack.log().join("\n").contains(OWNER));
        stack.stop().await;
    });
}

#[test]
fn a_code_is_sent_and_tells_nobody_who_has_an_account() {
    run(async {
        let stack = TestStack::start().await;
        let mut browser = Browser::of(&stack);
        let mut pages = Vec::new();
        for email in [OWNER, "nobody@example.com"] {
            for purpose in ["sign-in", "recovery"] {
                let page = browser
                    .fill("/code?for=sign-in", "/code", &[("email", email), ("for", purpose)])
                    .await;
                assert_eq!(page.status, 200, "{email} {purpose}: {}", page.body);
                let shown = page.body.replace(email, "ADDRESS");
                pages.push(shown.replace(&format!("value=\"{purpose}\""), "PURPOSE"));
            }
        }
        assert!(pages[0].contains("a code is on its way"), "{}", pages[0]);
        let without_tokens = |page: &String| -> String {
            let (before, rest) = page.split_once(r#"name="form" value=""#).unwrap();
            format!("{before}{}", rest.split_once('"').unwrap().1)
        };
        let distinct: BTreeSet<_> = pages.iter().map(without_tokens).collect();
        assert_eq!(distinct.len(), 1);

        let wrong = [("email", OWNER), ("for", "sign-in"), ("code", "000000")];
        let page = browser.fill("/code/enter", "/code/enter", &wrong).await;
        assert_eq!(page.status, 400);
        assert!(page.body.contains("wrong or has expired"), "{}", page.body);
        stack.stop().await;
    });
}

#[test]
fn what_is_hostile_comes_back_as_text_or_not_at_all() {
    run(async {
        let stack = TestStack::start().await;
        let mut browser = Browser::of(&stack);
        let check = |told: String, shown: Shown| {
            assert!(
                !shown.body.contains("<script") && !shown.body.contains("<img src=x"),
                "{told}"
            );
            assert!(
                shown
                    .location
                    .is_none_or(|place| place.starts_with("/") && !place.starts_with("//")),
                "{told}"
            );
            assert!(!shown.cookies.iter().any(|cookie| cookie.contains("X-Bad")), "{told}");
        };
        let hostile = encode(&[("next", HOSTILE), ("for", HOSTILE), ("lang", HOSTILE)]);
        for path in public() {
            let path = path.split('?').next().unwrap();
            check(path.to_owned(), browser.get(&format!("{path}?{hostile}")).await);
            check(path.to_owned(), browser.get(&format!("/a{path}/{hostile}")).await);
        }
        for next in
            [HOSTILE, "https://evil.example", "//evil.example", "/\\evil.example", "/sign-out"]
        {
            let fields =
                [("email", OWNER), ("password", OWNER_PASSWORD), ("next", next), ("for", next)];
            let page = browser.fill("/sign-in", "/sign-in", &fields).await;
            assert_eq!(page.location.as_deref(), Some("/conversations"), "{next}");
            browser.cookies.clear();
        }
        for (path, field) in [
            ("/sign-in", "email"),
            ("/sign-up", "email"),
            ("/code", "for"),
            ("/code/enter", "code"),
        ] {
            let page = browser.fill(path, path, &[(field, HOSTILE), ("next", HOSTILE)]).await;
            check(format!("{path} {field}"), page);
        }
        browser.cookies.insert("__Host-notice".to_owned(), "%3Cscript%3E".to_owned());
        check("a notice".to_owned(), browser.get("/").await);
        stack.stop().await;
    });
}

#[test]
fn promise_own_export_an_owner_takes_everything_along_from_the_page() {
    run(async {
        let stack = TestStack::start().await;
        stack.text_and_wait("Hi, what are your hours?").await;
        let mut browser = Browser::of(&stack);
        browser.sign_in(OWNER, OWNER_PASSWORD).await;
        let page = browser.fill("/privacy-centre", "/privacy-centre", &[("format", "csv")]).await;
        assert_eq!((page.status, page.location.as_deref()), (303, Some("/privacy-centre")));
        let wait = async {
            loop {
                let page = browser.get("/privacy-centre").await;
                if let Some((_, rest)) = page.body.split_once("/privacy-centre/exports/") {
                    return format!("/privacy-centre/exports/{}", rest.split_once('"').unwrap().0);
                }
                tokio::task::yield_now().await;
            }
        };
        let download = tokio::time::timeout(PATIENCE, wait).await.unwrap();

        let page = browser.get(&download).await;
        assert_eq!(page.status, 303);
        let bundle = stack.client.get(page.location.unwrap()).send().await.unwrap();
        assert_eq!(bundle.status(), StatusCode::OK);
        let report = verify(Cursor::new(bundle.bytes().await.unwrap().to_vec())).unwrap();
        assert!(report.faults.is_empty(), "{:?}", report.faults);
        let files = &report.manifest.files;
        let messages = files.iter().find(|file| file.name.contains("messages")).unwrap();
        assert_eq!(messages.rows, Some(2));

        // It is nobody else's, and nobody's who has not signed in lately.
        let mut other = Browser::of(&stack);
        let fields = [("email", "evil@example.com"), ("password", "canary violet plinth 7")];
        other.fill("/sign-up", "/sign-up", &fields).await;
        assert_eq!(other.get(&download).await.status, 404);
        stack.stop().await;
    });
}

#[test]
fn the_list_of_conversations_is_one_call_and_a_light_page_however_large_the_account() {
    run(async {
        let stack = TestStack::start().await;
        let mut browser = Browser::of(&stack);
        browser.sign_in(OWNER, OWNER_PASSWORD).await;
        for people in [30, 3000] {
            let fill = format!(
                "with people as (
                   insert into app.leads (business_id, phone, phone_hmac, name)
                   select id, '+1438555' || lpad(n::text, 4, '0'), sha256(n::text::bytea),
                     repeat('Élodie ', 10)
                   from app.businesses, generate_series(1, {people}) n
                   on conflict do nothing
                   returning id, business_id
                 )
                 insert into app.messages (
                   business_id, lead_id, sender_phone, direction, author, body, status, twilio_sid
                 )
                 select business_id, id, '+15145550100', 'inbound', 'lead', repeat('<é&> ', 300),
                   'received', 'SM' || replace(id::text, '-', '')
                 from people"
            );
            stack.database.batch_execute(&fill).await.unwrap();
            let before = stack.interceptor.calls("list_conversations");
            let page = browser.get("/conversations").await;
            assert_eq!(page.status, 200);
            assert_eq!(stack.interceptor.calls("list_conversations"), before + 1);
            // Less than what is allowed after compression.
            assert!(page.body.len() < 50 * 1024, "{} bytes", page.body.len());
            println!("{people} people: {} bytes", page.body.len());
        }
        stack.stop().await;
    });
}

#[test]
fn promise_own_delete_an_owner_closes_the_account_from_the_page() {
    run(async {
        let stack = TestStack::start().await;
        let shop = stack.value("select id from app.businesses").await;
        let mut browser = Browser::of(&stack);
        browser.sign_in(OWNER, OWNER_PASSWORD).await;
        let mut other = Browser::of(&stack);
        let fields = [("email", "evil@example.com"), ("password", "canary violet plinth 7")];
        other.fill("/sign-up", "/sign-up", &fields).await;

        // Another name, and another's shop, change nothing.
        let path = "/privacy-centre/delete";
        let name = "Mile End Bikes";
        let wrong = [("shop", shop.as_str()), ("confirmation", "Mile End Cars <b>")];
        let page = browser.fill(path, path, &wrong).await;
        assert_eq!(page.status, 400);
        assert!(page.body.contains("This is not the shop's name."), "{}", page.body);
        assert!(page.body.contains("Mile End Cars &lt;b&gt;"));
        let right = [("shop", shop.as_str()), ("confirmation", name)];
        assert_ne!(other.fill("/privacy-centre", path, &right).await.status, 200);
        assert_eq!(stack.value("select state from app.businesses").await, "active");

        // Once more is the same closure: whoever pressed twice has the link.
        let token = browser.token(path).await;
        let fields = [&right[..], &[("form", token.as_str())]].concat();
        let origin = stack.url("/").origin().ascii_serialization();
        let request = || {
            browser
                .request(Method::POST, path)
                .header("origin", &origin)
                .header("sec-fetch-site", "same-origin")
                .header("content-type", "application/x-www-form-urlencoded")
                .body(encode(&fields))
        };
        let (first, second) = tokio::join!(request().send(), request().send());
        let (first, second) = (first.unwrap(), second.unwrap());
        assert_eq!((first.status(), second.status()), (StatusCode::OK, StatusCode::OK));
        let (first, second) = (first.text().await.unwrap(), second.text().await.unwrap());
        assert_eq!(first, second);
        assert!(first.contains("/api/account/delete?closure="), "{first}");
        assert_eq!(stack.value("select count(*)::text from app.closures").await, "1");

        // Nothing of the account answers any more, and the scheduler does the rest.
        assert_eq!(browser.get("/conversations").await.status, 303);
        let mut again = Browser::of(&stack);
        let credentials = [("email", OWNER), ("password", OWNER_PASSWORD)];
        let page = again.fill("/sign-in", "/sign-in", &credentials).await;
        assert_eq!(page.status, 400);
        assert!(again.cookies.keys().all(|name| !name.contains("access")));
        // The first run waits for the ids of texts under way.
        assert_eq!(stack.run_scheduler().await, 200);
        stack.wait_for_value("select step from app.closures", "settle").await;
        stack.run_scheduler_later().await;
        let is_sealed = "select (wrapped_key is not null)::text from app.closures";
        stack.wait_for_value(is_sealed, "true").await;
        stack.stop().await;
    });
}

/// What nobody but its owner may see or do, asked for by another owner: there is no such thing.
#[test]
fn promise_own_correct_what_is_held_is_shown_to_its_owner_who_corrects_it() {
    run(async {
        let stack = TestStack::start().await;
        stack.text_and_wait(HOSTILE).await;
        let lead = stack.value("select id from app.leads").await;
        let (conversation, person) = (format!("/conversations/{lead}"), format!("/leads/{lead}"));
        let file = format!("{person}/export");
        let mut owner = Browser::of(&stack);
        owner.sign_in(OWNER, OWNER_PASSWORD).await;

        // A lead's words are text wherever they are shown.
        for path in ["/conversations", &conversation, "/leads", &person] {
            let page = owner.get(path).await;
            assert_eq!(page.status, 200, "{path}: {}", page.body);
            assert!(places(&page.body).iter().all(|place| !place.contains("evil")), "{path}");
            assert!(!page.body.contains("<img src=x"), "{path}");
        }
        assert!(
            owner.get(&conversation).await.body.contains("&lt;script&gt;alert(1)&lt;/script&gt;")
        );

        // Somebody else has a shop, too.
        let mut other = Browser::of(&stack);
        open_shop(&mut other, "evil@example.com", "Evil").await;
        for path in [&conversation, &person, &file] {
            assert_eq!(other.get(path).await.status, 404, "{path}");
        }
        let deeds: [(&str, &[(&str, &str)]); 6] = [
            (&conversation, &[("do", "text"), ("body", "x"), ("request", &lead)]),
            (&conversation, &[("do", "take-over")]),
            (&conversation, &[("do", "resolve")]),
            (&person, &[("do", "correct"), ("version", "1"), ("name", "Evil")]),
            (&person, &[("do", "erase"), ("sure", "yes")]),
            (&conversation, &[("do", "hand-back")]),
        ];
        for (path, fields) in deeds {
            let page = other.fill("/shop", path, fields).await;
            assert_eq!(page.status, 404, "{path} {fields:?}: {}", page.body);
        }
        assert_eq!(stack.value("select count(*) from app.leads where name is null").await, "1");
        assert!(!other.get("/leads").await.body.contains(&lead));

        // The owner corrects, with what is as bad; what is wrong is said next to the field.
        let wrong = [("do", "correct"), ("version", "1"), ("name", HOSTILE), ("email", "x")];
        let page = owner.fill(&person, &person, &wrong).await;
        assert_eq!(page.status, 400);
        assert!(page.body.contains("This is not an e-mail address."), "{}", page.body);
        let name = "\"><script>alert(1)</script>";
        let version = stack.value("select version from app.leads").await;
        let right =
            [("do", "correct"), ("version", version.as_str()), ("name", name), ("notes", name)];
        let page = owner.fill(&person, &person, &right).await;
        assert_eq!(
            (page.status, page.location.as_deref()),
            (303, Some(person.as_str())),
            "{}",
            page.body
        );
        assert_eq!(stack.value("select name from app.leads").await, name);
        for path in ["/conversations", &conversation, "/leads", &person] {
            places(&owner.get(path).await.body);
        }
        let found = owner.fill("/leads", "/leads", &[("search", name)]).await;
        assert!(found.body.contains(&lead), "{}", found.body);
        places(&found.body);
        let stale = [("do", "correct"), ("version", version.as_str()), ("name", "Somebody else")];
        let stale = owner.fill(&person, &person, &stale).await;
        assert_eq!(stale.status, 400, "an old version");

        let page = owner.get(&file).await;
        let told: serde_json::Value = serde_json::from_str(&page.body).unwrap();
        assert_eq!((page.status, &told["is_whole"]), (200, &json!(true)));
        assert_eq!(told["parts"][0]["person"]["name"], name);

        let page = owner.fill(&person, &person, &[("do", "erase")]).await;
        assert_eq!(page.status, 400);
        let page = owner.fill(&person, &person, &[("do", "erase"), ("sure", "yes")]).await;
        assert_eq!((page.status, page.location.as_deref()), (303, Some("/leads")));
        assert_eq!(owner.get(&person).await.status, 404);
        stack.stop().await;
    });
}

/// A field that the page lacks would be emptied by the next correction.
#[test]
fn what_owners_may_edit_is_a_field_of_its_page_and_is_kept() {
    run(async {
        let stack = TestStack::start().await;
        stack.text_and_wait("hello").await;
        let person = format!("/leads/{}", stack.value("select id from app.leads").await);
        let mut owner = Browser::of(&stack);
        owner.sign_in(OWNER, OWNER_PASSWORD).await;

        for (path, table) in [("/shop", "businesses"), (&person, "leads")] {
            let page = owner.get(path).await;
            for column in editable(table) {
                assert!(page.body.contains(&format!("name=\"{column}\"")), "{path} lacks {column}");
            }
        }

        // It would do as a name, an address and a note.
        let value = "canary@example.com";
        let mut fields = vec![("do", "correct"), ("version", "1")];
        fields.extend(editable("leads").map(|column| (column, value)));
        let page = owner.fill(&person, &person, &fields).await;
        assert_eq!(page.status, 303, "{}", page.body);
        for column in editable("leads") {
            assert_eq!(stack.value(&format!("select {column} from app.leads")).await, value);
        }
        stack.stop().await;
    });
}

/// The columns of `table` that its owner may edit.
fn editable(table: &str) -> impl Iterator<Item = &'static str> {
    let table = tables::find(table).unwrap();
    let columns = table.columns.iter().filter(|column| column.owners == Access::Edit);
    columns.map(|column| column.name)
}

/// Makes an account and opens its shop, on the way a person takes.
async fn open_shop(browser: &mut Browser, email: &str, name: &str) {
    let fields = [("email", email), ("password", "canary violet plinth 7")];
    let page = browser.fill("/sign-up", "/sign-up", &fields).await;
    assert_eq!(page.location.as_deref(), Some("/conversations"), "{}", page.body);
    assert_eq!(browser.get("/conversations").await.location.as_deref(), Some("/welcome"));
    let fields = [
        ("name", name),
        ("mailing_address", "1 Main Street, Montréal"),
        ("contact_email", "hello@example.com"),
        ("language", "en"),
    ];
    // Each thing that is missing is said, and what was typed stays.
    let page = browser.fill("/welcome", "/welcome", &fields[..1]).await;
    assert_eq!(page.status, 400);
    assert!(page.body.contains(r#"id="mailing_address-error""#), "{}", page.body);
    assert!(page.body.contains(&format!(r#"value="{name}""#)), "{}", page.body);
    let page = browser.fill("/welcome", "/welcome", &fields).await;
    assert_eq!(
        (page.status, page.location.as_deref()),
        (303, Some("/conversations")),
        "{}",
        page.body
    );
    assert_eq!(browser.get("/conversations").await.status, 200);
    assert_eq!(browser.get("/welcome").await.location.as_deref(), Some("/shop"));
}

#[test]
fn an_owner_reads_answers_and_takes_over() {
    run(async {
        let stack = TestStack::start().await;
        stack.text_and_wait("Hi, what are your hours?").await;
        let lead = stack.value("select id from app.leads").await;
        let place = format!("/conversations/{lead}");
        let mut owner = Browser::of(&stack);
        owner.sign_in(OWNER, OWNER_PASSWORD).await;
        let page = owner.get("/conversations").await;
        assert!(page.body.contains(&format!(r#"href="{place}""#)), "{}", page.body);
        assert!(owner.get(&place).await.body.contains("Hi, what are your hours?"));

        // Sent twice, as by an impatient finger: one text.
        let before = stack.answers().len();
        let page = owner.get(&place).await.body;
        let value = |name: &str| {
            let (_, rest) = page.split_once(&format!(r#"name="{name}" value=""#)).unwrap();
            rest.split_once('"').unwrap().0.to_owned()
        };
        let (token, request) = (value("form"), value("request"));
        let fields = [
            ("form", token.as_str()),
            ("request", &request),
            ("do", "text"),
            ("body", "We are open until 6. — Anna"),
        ];
        for _ in 0..2 {
            let page = owner.post(&place, &fields).await;
            assert_eq!((page.status, page.location.as_deref()), (303, Some(place.as_str())));
        }
        stack.wait(local::simulator::conversation::Until::Delivered).await;
        let answers = stack.answers();
        assert_eq!(answers.len(), before + 1, "{answers:?}");
        assert!(answers.last().unwrap().contains("We are open until 6. — Anna"));

        let empty = [("do", "text"), ("body", " "), ("request", request.as_str())];
        let page = owner.fill(&place, &place, &empty).await;
        assert_eq!(page.status, 400);
        assert!(page.body.contains(r#"id="body-error""#), "{}", page.body);

        owner.fill(&place, &place, &[("do", "take-over")]).await;
        assert!(owner.get(&place).await.body.contains("the assistant is silent"));
        owner.fill(&place, &place, &[("do", "hand-back")]).await;
        assert!(owner.get(&place).await.body.contains("The assistant answers here."));

        // Whoever has said stop is not texted, by hand either.
        stack.text("STOP");
        stack.wait_for_value("select count(*) from app.suppressions", "1").await;
        let page = owner.get(&place).await;
        assert!(page.body.contains("cannot be texted"), "{}", page.body);
        let again = [
            ("do", "text"),
            ("body", "Please!"),
            ("request", "0193a000-0000-7000-8000-0000000000bb"),
        ];
        let page = owner.fill(&place, &place, &again).await;
        assert_eq!(page.status, 400);
        stack.stop().await;
    });
}

#[test]
fn an_owner_tells_the_assistant_what_it_may_say_and_tries_it() {
    run(async {
        let stack = TestStack::start().await;
        let mut owner = Browser::of(&stack);
        owner.sign_in(OWNER, OWNER_PASSWORD).await;
        let version = stack.value("select version from app.businesses").await;
        let fields = [
            ("version", version.as_str()),
            ("name", "Bikes & <b>more</b>"),
            ("mailing_address", "1 Main Street"),
            ("contact_phone", "514-555-0100"),
            ("language", "fr"),
            ("time_zone", "America/Toronto"),
            ("about", HOSTILE),
        ];
        let page = owner.fill("/shop", "/shop", &fields).await;
        assert_eq!((page.status, page.location.as_deref()), (303, Some("/shop")), "{}", page.body);
        let page = owner.get("/shop").await.body;
        places(&page);
        assert!(page.contains("Bikes &amp; &lt;b&gt;more&lt;/b&gt;"), "{page}");
        let wrong = [&fields[1..], &[("version", "99999"), ("time_zone", "Mars/Olympus")]].concat();
        let page = owner.fill("/shop", "/shop", &wrong).await;
        assert_eq!(page.status, 400);

        let asked = [("do", "try"), ("question", "What are your hours?")];
        let page = owner.fill("/shop", "/shop", &asked).await;
        assert_eq!(page.status, 200);
        assert!(page.body.contains("The assistant would say:"), "{}", page.body);
        assert_eq!(stack.value("select count(*) from app.messages").await, "0");
        for path in [
            "/activity",
            "/activity?before=nonsense%00",
            "/leads?before=x",
            "/conversations?show=flagged",
        ] {
            let page = owner.get(path).await;
            assert_eq!(page.status, 200, "{path}: {}", page.body);
            places(&page.body);
        }
        stack.stop().await;
    });
}

#[test]
fn an_owner_is_shown_the_way_to_stripe() {
    run(async {
        let stack = TestStack::start().await;
        let clear = "delete from app.subscriptions; delete from app.stripe_customers";
        stack.database.batch_execute(clear).await.unwrap();
        let mut browser = Browser::of(&stack);
        browser.sign_in(OWNER, OWNER_PASSWORD).await;
        let page = browser.fill("/billing", "/billing", &[("plan", "monthly")]).await;
        assert_eq!(page.status, 200, "{}", page.body);
        // A link, so that no form has to be allowed to lead elsewhere.
        let stripe = stack.simulator().stripe_api_url();
        assert!(
            page.body.contains(&format!(r#"<a class="button" href="{stripe}"#)),
            "{}",
            page.body
        );
        let unknown = browser.fill("/billing", "/billing", &[("plan", "for-nothing")]).await;
        assert_eq!(unknown.status, 400);
        stack.stop().await;
    });
}

#[test]
fn reports_are_counted_and_nothing_of_them_is_kept() {
    run(async {
        let stack = TestStack::start().await;
        let mut browser = Browser::of(&stack);
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
        stack.stop().await;
    });
}
