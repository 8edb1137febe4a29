//! Signing up and in, and forms that count only from our pages.

use std::collections::BTreeSet;

use reqwest::Method;

use super::{HOSTILE, owners, public};
use crate::support::{
    OWNER, OWNER_PASSWORD,
    browser::{Browser, Shown, encode},
    interceptor::Manner,
    on_a_stack,
};

#[test]
fn promise_password_bcrypt_a_password_is_a_hash_in_the_database_and_nowhere_else() {
    on_a_stack(async |stack| {
        let mut browser = Browser::of(stack);
        let password = "canary violet plinth 7";
        let fields = [("email", "new@example.com"), ("password", password)];
        let page = browser.fill("/sign-up", "/sign-up", &fields).await;
        assert_eq!((page.status, page.location.as_deref()), (303, Some("/conversations")));
        let hash = "select encrypted_password from auth.users where email = 'new@example.com'";
        assert!(stack.value(hash).await.starts_with("$2"));

        // Once more: what was typed stays, but for the password.
        let mut other = Browser::of(stack);
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
    });
}

#[test]
fn a_session_is_made_renewed_and_ended() {
    on_a_stack(async |stack| {
        let mut browser = Browser::of(stack);
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
        let mut thief = Browser::of(stack);
        for cookies in [before, twin.cookies] {
            thief.cookies = cookies;
            let page = thief.get("/billing").await;
            assert_eq!(page.status, 303);
            assert!(page.location.unwrap().starts_with("/sign-in"));
        }
        thief.cookies = planted;
        assert_eq!(thief.get("/billing").await.status, 303);
    });
}

/// A form counts from our own page, in the browser and the session it was made for.
#[test]
fn a_form_from_elsewhere_changes_nothing() {
    on_a_stack(async |stack| {
        let mut browser = Browser::of(stack);
        browser.sign_in(OWNER, OWNER_PASSWORD).await;
        let token = browser.token("/privacy-centre").await;
        let mut other = Browser::of(stack);
        other.sign_in(OWNER, OWNER_PASSWORD).await;
        let others = other.token("/privacy-centre").await;
        let visitors = Browser::of(stack).token("/sign-in").await;
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
        assert_eq!(Browser::of(stack).sign_in(OWNER, OWNER_PASSWORD).await.status, 303);
    });
}

/// Who plants cookies in a browser is not signed in when its user signs in.
#[test]
fn a_session_cannot_be_fixed_beforehand() {
    on_a_stack(async |stack| {
        let mut attacker = Browser::of(stack);
        let fields = [("email", "evil@example.com"), ("password", "canary violet plinth 7")];
        attacker.fill("/sign-up", "/sign-up", &fields).await;
        let planted = attacker.cookies.clone();
        let mut victim = Browser::of(stack);
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
    });
}

#[test]
fn who_guesses_passwords_has_to_wait() {
    on_a_stack(async |stack| {
        let mut browser = Browser::of(stack);
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
    });
}

#[test]
fn a_code_is_sent_and_tells_nobody_who_has_an_account() {
    on_a_stack(async |stack| {
        let mut browser = Browser::of(stack);
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
    });
}

#[test]
fn what_is_hostile_comes_back_as_text_or_not_at_all() {
    on_a_stack(async |stack| {
        let mut browser = Browser::of(stack);
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
    });
}
