//! What owners do on their pages.

use std::io::Cursor;

use leadslock::data::{
    export::verify::verify,
    tables::{self, Access},
};
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{HOSTILE, places};
use crate::support::{
    OWNER, OWNER_PASSWORD, PATIENCE,
    browser::{Browser, encode},
    on_a_stack,
};

#[test]
fn promise_own_export_an_owner_exports_everything_from_the_page() {
    on_a_stack(async |stack| {
        stack.text_and_wait("Hi, what are your hours?").await;
        let mut browser = Browser::of(stack);
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
        let mut other = Browser::of(stack);
        let fields = [("email", "evil@example.com"), ("password", "canary violet plinth 7")];
        other.fill("/sign-up", "/sign-up", &fields).await;
        assert_eq!(other.get(&download).await.status, 404);
    });
}

#[test]
fn the_list_of_conversations_is_one_call_and_a_light_page_however_large_the_account() {
    on_a_stack(async |stack| {
        let mut browser = Browser::of(stack);
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
    });
}

#[test]
fn promise_own_delete_an_owner_closes_the_account_from_the_page() {
    on_a_stack(async |stack| {
        let shop = stack.value("select id from app.businesses").await;
        let mut browser = Browser::of(stack);
        browser.sign_in(OWNER, OWNER_PASSWORD).await;
        let mut other = Browser::of(stack);
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
        let mut again = Browser::of(stack);
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
    });
}

/// What nobody but its owner may see or do, asked for by another owner: there is no such thing.
#[test]
fn promise_own_correct_what_is_held_is_shown_to_its_owner_who_corrects_it() {
    on_a_stack(async |stack| {
        stack.text_and_wait(HOSTILE).await;
        let lead = stack.value("select id from app.leads").await;
        let (conversation, person) = (format!("/conversations/{lead}"), format!("/leads/{lead}"));
        let file = format!("{person}/export");
        let mut owner = Browser::of(stack);
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
        let mut other = Browser::of(stack);
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
    });
}

/// A field that the page lacks would be emptied by the next correction.
#[test]
fn what_owners_may_edit_is_a_field_of_its_page_and_is_kept() {
    on_a_stack(async |stack| {
        stack.text_and_wait("hello").await;
        let person = format!("/leads/{}", stack.value("select id from app.leads").await);
        let mut owner = Browser::of(stack);
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
    on_a_stack(async |stack| {
        stack.text_and_wait("Hi, what are your hours?").await;
        let lead = stack.value("select id from app.leads").await;
        let place = format!("/conversations/{lead}");
        let mut owner = Browser::of(stack);
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
        stack.wait(simulators::conversation::Until::Delivered).await;
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
    });
}

#[test]
fn an_owner_tells_the_assistant_what_it_may_say_and_tries_it() {
    on_a_stack(async |stack| {
        let mut owner = Browser::of(stack);
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
    });
}

#[test]
fn an_owner_is_shown_the_way_to_stripe() {
    on_a_stack(async |stack| {
        let clear = "delete from app.subscriptions; delete from app.stripe_customers";
        stack.database.batch_execute(clear).await.unwrap();
        let mut browser = Browser::of(stack);
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
    });
}
