//! Requests that are not what they should be: the right answer, the header
//! policy on it, nothing written, nothing leaked.

use std::process::Stdio;

use reqwest::{Method, Response, StatusCode};
use secrecy::SecretString;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    process::Command,
};
use trust::signatures;
use url::Url;

use crate::support::{
    LEAD, SHOP, TestStack, browser::check_policy, interceptor::Manner, on_a_stack, run,
};

const INBOUND: &str = leadslock::paths::SMS_INBOUND;
const STATUS: &str = leadslock::paths::SMS_STATUS;
const SID: &str = "SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const MESSAGE: &str = "0193a000-0000-7000-8000-0000000000aa";

struct Sender {
    account: String,
    token: SecretString,
}

impl Sender {
    fn of(stack: &TestStack) -> Self {
        stack.simulator().read(|world| Self {
            account: world.twilio.sid.clone(),
            token: world.twilio.auth_token.clone(),
        })
    }

    /// A good inbound form; `changes` replace fields, or leave them out.
    fn form(&self, changes: &[(&str, Option<&str>)]) -> String {
        let fields = [
            ("AccountSid", self.account.as_str()),
            ("MessageSid", SID),
            ("From", LEAD),
            ("To", SHOP),
            ("Body", "canary-text"),
        ];
        let mut form = form_urlencoded::Serializer::new(String::new());
        for (name, value) in fields {
            match changes.iter().find(|(changed, _)| *changed == name) {
                Some((_, None)) => {}
                Some((_, Some(value))) => drop(form.append_pair(name, value)),
                None => drop(form.append_pair(name, value)),
            }
        }
        form.finish()
    }

    async fn post(&self, stack: &TestStack, url: &Url, signed: &Url, body: &[u8]) -> Response {
        let signature = signatures::twilio::sign(&self.token, signed, body);
        stack
            .client
            .post(url.clone())
            .header("content-type", "application/x-www-form-urlencoded")
            .header(signatures::twilio::HEADER, signature)
            .body(body.to_vec())
            .send()
            .await
            .unwrap()
    }
}

/// Checks status and header policy, and that the body says nothing of the request.
async fn check(told: &str, response: Response, want: u16) -> String {
    assert_eq!(response.status().as_u16(), want, "{told}");
    check_policy(told, &response);
    let body = response.text().await.unwrap();
    for canary in ["canary", LEAD, SHOP, "sb_secret", "127.0.0.1", "app."] {
        assert!(!body.contains(canary), "{told}: {canary} is in {body}");
    }
    body
}

#[test]
fn promise_webhook_twilio_unsigned_and_mis_signed_requests_are_dropped() {
    on_a_stack(async |stack| {
        let sender = Sender::of(stack);
        let form = sender.form(&[]);
        let url = stack.url(INBOUND);
        let with_query = stack.url(&format!("{INBOUND}?Body=x"));
        let other_host = Url::parse(&format!("https://evil.example{INBOUND}")).unwrap();
        let stranger = Sender { account: sender.account.clone(), token: "other".into() };

        let unsigned = stack.client.post(url.clone()).body(form.clone()).send().await.unwrap();
        check("unsigned", unsigned, 403).await;
        for header in ["", "not base64", "AAAA", "\u{a0}"] {
            let request = stack
                .client
                .post(url.clone())
                .header(signatures::twilio::HEADER, header.as_bytes());
            let response = request.body(form.clone()).send().await.unwrap();
            check(&format!("signed with {header:?}"), response, 403).await;
        }
        let response = stranger.post(stack, &url, &url, form.as_bytes()).await;
        check("signed with another token", response, 403).await;
        let response = sender.post(stack, &url, &other_host, form.as_bytes()).await;
        check("signed for another host", response, 403).await;
        let response = sender.post(stack, &url, &stack.url(STATUS), form.as_bytes()).await;
        check("signed for another path", response, 403).await;
        let response = sender.post(stack, &with_query, &with_query, form.as_bytes()).await;
        check("signed with a query", response, 403).await;
        // Vercel lets a function be called by its file's name, too.
        let file = stack.url(&format!("{INBOUND}.rs"));
        let response = sender.post(stack, &file, &file, form.as_bytes()).await;
        check("signed for the file's path", response, 403).await;
        let status = stack.url(STATUS);
        let response = sender.post(stack, &status, &status, form.as_bytes()).await;
        check("a status without its message", response, 403).await;

        let host = stack
            .client
            .post(url.clone())
            .header("host", "evil.example")
            .header("x-forwarded-host", "evil.example")
            .header(
                signatures::twilio::HEADER,
                signatures::twilio::sign(&sender.token, &other_host, form.as_bytes()),
            )
            .body(form.clone());
        check("signed for the Host it names", host.send().await.unwrap(), 403).await;

        assert_nothing_written(stack).await;
    });
}

/// The signature covers names and values written one after the other, and the URL before
/// them: so it fits other requests, in which they are divided in another way.
#[test]
fn promise_webhook_twilio_of_requests_with_one_signature_the_genuine_one_is_taken() {
    on_a_stack(async |stack| {
        let sender = Sender::of(stack);
        let url = stack.url(INBOUND);
        let genuine = sender.form(&[]);
        let signature = signatures::twilio::sign(&sender.token, &url, genuine.as_bytes());

        let account = sender.account.as_str();
        let form = |fields: &[(&str, &str)]| {
            form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
        };
        let account_and =
            |rest: &[(&str, &str)]| form(&[&[("AccountSid", account)], rest].concat());
        let rest = [("MessageSid", SID), ("To", SHOP)];
        let swallowed = format!("canary-textFrom{LEAD}");
        let in_path = format!("{INBOUND}AccountSid{account}Body{swallowed}MessageSid{SID}To{SHOP}");
        let sid_and_to = format!("{SID}To{SHOP}");
        let all_but_first = format!("{account}Body{swallowed}MessageSid{SID}To{SHOP}");
        for (told, url, form) in [
            (
                "the sender is part of the text",
                url.clone(),
                account_and(&[&[("Body", swallowed.as_str())], &rest[..]].concat()),
            ),
            (
                "the text is part of a name",
                url.clone(),
                account_and(&[&[("Bodycanary-textFrom", LEAD)], &rest[..]].concat()),
            ),
            (
                "a name ends earlier",
                url.clone(),
                account_and(&[&[("Bod", "ycanary-text"), ("From", LEAD)], &rest[..]].concat()),
            ),
            (
                "the shop is part of an id",
                url.clone(),
                account_and(&[
                    ("Body", "canary-text"),
                    ("From", LEAD),
                    ("MessageSid", &sid_and_to),
                ]),
            ),
            ("everything is in one field", url.clone(), form(&[("AccountSid", &all_but_first)])),
            ("everything is in the path", stack.url(&in_path), String::new()),
        ] {
            assert_eq!(
                signatures::twilio::sign(&sender.token, &url, form.as_bytes()),
                signature,
                "{told}"
            );
            let response = sender.post(stack, &url, &url, form.as_bytes()).await;
            let status = response.status().as_u16();
            assert!([400, 403, 404].contains(&status), "{told}: {status}");
            check(told, response, status).await;
        }
        assert_nothing_written(stack).await;

        let response = sender.post(stack, &url, &url, genuine.as_bytes()).await;
        check("the genuine one", response, 200).await;
        let body = "select body from app.messages where author = 'lead'";
        assert_eq!(stack.value(body).await, "canary-text");
    });
}

#[test]
fn malformed_requests_are_refused_by_name() {
    on_a_stack(async |stack| {
        let sender = Sender::of(stack);
        let url = stack.url(INBOUND);

        for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
            let response = stack.client.request(method.clone(), url.clone()).send().await.unwrap();
            assert_eq!(response.headers()["allow"], "POST");
            check(&format!("{method}"), response, 405).await;
        }

        let oversized = sender.form(&[("Body", Some(&"x".repeat(70_000)))]);
        let response = sender.post(stack, &url, &url, oversized.as_bytes()).await;
        check("oversized", response, 413).await;

        let mut not_utf8 = sender.form(&[("Body", None)]).into_bytes();
        not_utf8.extend_from_slice(b"&Body=%ff%fe");
        let response = sender.post(stack, &url, &url, &not_utf8).await;
        let body = check("not UTF-8", response, 400).await;
        assert!(body.contains("Body is not valid"), "{body}");

        for (field, value, want) in [
            ("Body", None, "Body is missing"),
            ("From", None, "From is missing"),
            ("MessageSid", Some("SM1"), "MessageSid is not valid"),
            ("From", Some("anonymous"), "From is not valid"),
            ("AccountSid", Some("AC1"), "AccountSid is not valid"),
        ] {
            let form = sender.form(&[(field, value)]);
            let response = sender.post(stack, &url, &url, form.as_bytes()).await;
            let body = check(want, response, 400).await;
            assert!(body.contains(want), "{body}");
        }
        let unknown = sender.form(&[("To", Some("+15145550999"))]);
        let response = sender.post(stack, &url, &url, unknown.as_bytes()).await;
        check("a number no shop has", response, 404).await;

        let status = stack.url(&format!("{STATUS}?message={MESSAGE}"));
        let form = format!("AccountSid={}&MessageSid={SID}&MessageStatus=sent", sender.account);
        let response = sender.post(stack, &status, &status, form.as_bytes()).await;
        // Twilio has signed our own id, so we had it, and it was erased since.
        check("the status of a text we do not have", response, 200).await;

        assert_nothing_written(stack).await;
    });
}

/// Of a JSON body Twilio signs the digest, in the URL.
#[test]
fn promise_webhook_twilio_a_json_body_is_taken_only_with_its_digest() {
    on_a_stack(async |stack| {
        let sender = Sender::of(stack);
        let body = json!({
            "AccountSid": sender.account, "MessageSid": SID, "From": LEAD, "To": SHOP, "Body": "héllo",
        })
        .to_string();
        let digest: String =
            Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
        let url = stack.url(&format!("{INBOUND}?bodySHA256={digest}"));
        let post = async |url: &Url, body: String| {
            let signature = signatures::twilio::sign(&sender.token, url, b"");
            let request =
                stack.client.post(url.clone()).header(signatures::twilio::HEADER, signature);
            request.header("content-type", "application/json").body(body).send().await.unwrap()
        };

        check("another body", post(&url, body.replace('h', "H")).await, 403).await;
        check("no body", post(&url, String::new()).await, 403).await;
        check("no digest", post(&stack.url(INBOUND), body.clone()).await, 403).await;
        assert_nothing_written(stack).await;

        assert_eq!(post(&url, body).await.status(), 200);
        stack.wait_for_value("select body from app.messages where author = 'lead'", "héllo").await;
    });
}

#[test]
fn refusals_are_counted_by_reason() {
    on_a_stack(async |stack| {
        stack.client.post(stack.url(INBOUND)).send().await.unwrap();
        stack.client.get(stack.url(leadslock::paths::CRON_DELIVER)).send().await.unwrap();
        let counts =
            "select string_agg(concat_ws(' ', function, reason, count), ', ' order by function)
                      from app.refusals";
        let want = "/api/cron/deliver unauthorized 1, /api/sms/inbound signature missing 1";
        stack.wait_for_value(counts, want).await;
    });
}

#[test]
fn a_body_that_ends_early_is_not_taken_for_whole() {
    on_a_stack(async |stack| {
        let sender = Sender::of(stack);
        let url = stack.url(INBOUND);
        let form = sender.form(&[]);
        let signature = signatures::twilio::sign(&sender.token, &url, form.as_bytes());
        let address = format!("127.0.0.1:{}", url.port().unwrap());
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST {INBOUND} HTTP/1.1\r\nhost: x\r\nx-twilio-signature: {signature}\r\n\
             content-length: {}\r\n\r\n",
            form.len() + 10
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(form.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        // Whether the edge answers or hangs up, it is not a success.
        let _ = stream.read_to_string(&mut answer).await;
        assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
        assert_nothing_written(stack).await;
    });
}

#[test]
fn a_failing_database_is_a_503_that_tells_nothing() {
    on_a_stack(async |stack| {
        let sender = Sender::of(stack);
        stack.interceptor.set("receive_sms", Manner::Unavailable);
        let url = stack.url(INBOUND);
        let response = sender.post(stack, &url, &url, sender.form(&[]).as_bytes()).await;
        let body = check("the database fails", response, 503).await;
        assert_eq!(body, r#"{"error":"the service is temporarily unavailable"}"#);
        assert_nothing_written(stack).await;
    });
}

#[test]
fn the_scheduler_is_let_in_by_its_secret_only() {
    on_a_stack(async |stack| {
        let url = stack.url(leadslock::paths::CRON_DELIVER);
        for shown in [None, Some("Bearer wrong"), Some("Bearer "), Some("local-cron-secret")] {
            let mut request = stack.client.get(url.clone());
            if let Some(shown) = shown {
                request = request.header("authorization", shown);
            }
            check(&format!("{shown:?}"), request.send().await.unwrap(), 401).await;
        }
        assert_eq!(stack.run_scheduler().await, 200);
    });
}

#[test]
fn a_function_without_its_settings_names_all_that_is_wrong_and_does_not_start() {
    run(async {
        let output = Command::new(env!("CARGO_BIN_EXE_sms_inbound"))
            .env_clear()
            .env("SUPABASE_URL", "http://db.example")
            .env("TWILIO_AUTH_TOKEN", "canary")
            .env("GROQ_API_URL", "http://127.0.0.1:1")
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        assert!(!output.status.success());
        let message = String::from_utf8(output.stderr).unwrap();
        for fault in [
            "SUPABASE_URL is not an https URL",
            "SUPABASE_SECRET_KEY is not set",
            "PUBLIC_BASE_URL is not set",
            "TWILIO_ACCOUNT_SID is not set",
            "SUPPRESSION_KEY is not set",
            "GROQ_API_URL may not be set in production",
            "GROQ_MODELS is not set",
        ] {
            assert_eq!(message.matches(fault).count(), 1, "{fault}: {message}");
        }
        assert!(!message.contains("canary"), "{message}");
        assert_eq!(message.trim().lines().count(), 1, "{message}");
    });
}

#[test]
fn what_is_not_there_is_a_404_with_the_header_policy() {
    on_a_stack(async |stack| {
        for path in ["/api/nothing", "/nothing", "/Cargo.toml", "/.env", "/lib/src/lib.rs"] {
            let response = stack.client.get(stack.url(path)).send().await.unwrap();
            check(path, response, StatusCode::NOT_FOUND.as_u16()).await;
        }
        let response = stack.client.get(stack.url("/logo.svg")).send().await.unwrap();
        check("/logo.svg", response, 200).await;
    });
}

async fn assert_nothing_written(stack: &TestStack) {
    for table in ["messages", "leads", "webhook_events", "jobs", "consent_events", "audit_events"] {
        let count = stack.value(&format!("select count(*) from app.{table}")).await;
        assert_eq!(count, "0", "{table}");
    }
    let log = stack.log().join("\n");
    for canary in ["canary", LEAD] {
        assert!(!log.contains(canary), "{canary} is in the log: {log}");
    }
}
