//! The same requests to `vercel dev` and to our edge bring the same answers.
//!
//! Nothing is behind the functions: a request that is in order ends at the database that
//! cannot be reached.

use std::{collections::BTreeMap, net::Ipv4Addr, sync::Arc, time::Duration};

use leadslock::{
    edge::{
        Flow as _,
        headers::{PAGE_POLICY, POLICY},
    },
    functions::{sms_inbound::SmsInbound, table::FUNCTIONS},
    paths,
};
use reqwest::{Client, Method, header};
use stack::edge::{self, Edge};
use tokio::net::TcpListener;
use trust::signatures;
use url::Url;

use crate::{AUTH_TOKEN, CRON_SECRET, ORIGIN, variables, vercel};

/// `vercel dev` asks cargo at each request whether there is something to build.
const PATIENCE: Duration = Duration::from_secs(120);

const TEXT: &str = "AccountSid=AC00000000000000000000000000000000\
     &MessageSid=SM00000000000000000000000000000000\
     &From=%2B15145550123&To=%2B15145550100&Body=%C3%8Ates-vous+ouverts+%3F+%F0%9F%91%8B";
const STATUS: &str = "AccountSid=AC00000000000000000000000000000000\
     &MessageSid=SM00000000000000000000000000000000&MessageStatus=sent";
const STATUS_PATH: &str = "/api/sms/status?message=0193a000-0000-7000-8000-0000000000aa";

/// One request, and the status it is answered with.
struct Case {
    what: &'static str,
    method: Method,
    path: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    status: u16,
    in_dev: InDev,
}

/// What `vercel dev` answers.
enum InDev {
    /// What our edge answers.
    Same,
    /// This status, and here is why Vercel itself does not.
    Other(u16, &'static str),
    /// Now this, now that, for this reason; it is not asked.
    Unsteady(&'static str),
}

impl Case {
    fn new(what: &'static str, method: Method, path: &'static str, status: u16) -> Self {
        let (headers, body) = (Vec::new(), Vec::new());
        Self { what, method, path, headers, body, status, in_dev: InDev::Same }
    }

    fn get(what: &'static str, path: &'static str, status: u16) -> Self {
        Self::new(what, Method::GET, path, status)
    }

    /// A form that nobody signed.
    fn post(what: &'static str, path: &'static str, body: impl Into<Vec<u8>>, status: u16) -> Self {
        let mut case = Self::new(what, Method::POST, path, status);
        case.body = body.into();
        case.with("content-type", "application/x-www-form-urlencoded")
    }

    /// A form as Twilio sends it.
    fn twilio(
        what: &'static str,
        path: &'static str,
        body: impl Into<Vec<u8>>,
        status: u16,
    ) -> Self {
        let case = Self::post(what, path, body, status);
        let url = Url::parse(ORIGIN).unwrap().join(path).unwrap();
        let signature = signatures::twilio::sign(&AUTH_TOKEN.into(), &url, &case.body);
        case.with(signatures::twilio::HEADER, signature)
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn in_dev(mut self, in_dev: InDev) -> Self {
        self.in_dev = in_dev;
        self
    }
}

fn cases() -> Vec<Case> {
    let (inbound, deliver) = (paths::SMS_INBOUND, paths::CRON_DELIVER);
    let authorization = format!("Bearer {CRON_SECRET}");
    let no_text = [TEXT.as_bytes(), b"%FF\xFF"].concat();
    let too_long = |bytes| vec![b'a'; bytes];
    // Each function of the table is there, and none answers this.
    let each = FUNCTIONS.map(|function| Case::new(function.path, Method::PUT, function.path, 405));
    let mut cases = Vec::from(each);
    cases.extend([
        Case::get("a file", "/logo.svg", 200),
        Case::get("a file, asked for with a query", "/logo.svg?a=b", 200),
        Case::new("the head of a file", Method::HEAD, "/logo.svg", 200),
        Case::new("a file, posted to", Method::POST, "/logo.svg", 405)
            .in_dev(InDev::Other(200, "it serves files whatever the method")),
        Case::get("no file", "/missing.txt", 404),
        Case::get("a file that is not public", "/Cargo.toml", 404),
        Case::get("the settings", "/.env", 404),
        Case::get("the stylesheet", "/style.css", 200),
        Case::get("a page", "/security", 200),
        Case::get("a page in French", "/security?lang=fr", 200),
        Case::get("a page that is there for its path only", "/security/", 404),
        Case::get("a page below a folder that Vercel hides", "/.well-known/security.txt", 200),
        Case::get("a page for owners", "/billing", 303),
        Case::new("a page, posted to", Method::POST, "/security", 405),
        Case::post("a form from nowhere", "/sign-in", "email=a%40b.example", 403),
        Case::get("the function of the pages itself", "/api/page", 404),
        Case::get("no function", "/api/unknown", 404),
        Case::get("a folder of functions", "/api/sms", 404),
        Case::get("a function with a slash behind it", "/api/sms/inbound/", 404),
        Case::get("a function by the name of its file", "/api/sms/inbound.rs", 405),
        Case::get("a text, the wrong way", inbound, 405),
        Case::new("a browser's question", Method::OPTIONS, inbound, 405),
        Case::post("a text that nobody signed", inbound, TEXT, 403),
        Case::post("a text with a signature of something else", inbound, TEXT, 403)
            .with(signatures::twilio::HEADER, "AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        Case::twilio("a text", inbound, TEXT, 503),
        Case::twilio("a text to what its sender says is the host", inbound, TEXT, 503)
            .with("x-forwarded-host", "evil.example")
            .with("x-forwarded-proto", "http"),
        Case::twilio("a text without its fields", inbound, "Body=hi", 400),
        Case::twilio("a text that is no text", inbound, no_text, 400),
        Case::post("more than a function reads", inbound, too_long(SmsInbound::MAX_BODY + 1), 413),
        Case::post("more than Vercel takes", inbound, too_long(5_000_000), 413)
            .in_dev(InDev::Unsteady("it has no limit, and may miss what a function says early")),
        Case::post("a status that nobody signed", STATUS_PATH, STATUS, 403),
        Case::twilio("a status", STATUS_PATH, STATUS, 503),
        Case::twilio("a status without its message", paths::SMS_STATUS, STATUS, 403),
        Case::get("the scheduler without its secret", deliver, 401),
        Case::get("the scheduler with another secret", deliver, 401)
            .with("authorization", "Bearer "),
        Case::get("the scheduler", deliver, 503).with("authorization", authorization),
        Case::new("the scheduler, the wrong way", Method::POST, deliver, 405),
    ]);
    cases
}

/// What is compared of an answer.
#[derive(Debug, PartialEq)]
struct Answer {
    status: u16,
    /// The header policy, and what else is ours to say, each header as often as it came.
    headers: BTreeMap<String, Vec<String>>,
    body: String,
}

impl Answer {
    async fn to(case: &Case, client: &Client, server: &Url) -> Self {
        let mut request = client.request(case.method.clone(), server.join(case.path).unwrap());
        for (name, value) in &case.headers {
            request = request.header(*name, value);
        }
        let response = request.body(case.body.clone()).send().await.unwrap();

        let policy = POLICY.map(|(name, _)| name);
        let ours = [header::ALLOW, header::CACHE_CONTROL, header::CONTENT_TYPE, header::LOCATION];
        let headers = policy.into_iter().chain(ours).map(|name| {
            let values = response.headers().get_all(&name).iter();
            let values = values.map(|value| value.to_str().unwrap().to_owned()).collect();
            (name.to_string(), values)
        });
        let headers = headers.collect();
        let status = response.status().as_u16();
        Self { status, headers, body: response.text().await.unwrap() }
    }

    #[track_caller]
    fn check(&self, what: &str, server: &str, status: u16) {
        assert_eq!(self.status, status, "{what}: {server} says {self:#?}");
        let content_type = &self.headers["content-type"];
        let is_page = content_type.iter().any(|value| value.starts_with("text/html"));
        for (name, value) in if is_page { PAGE_POLICY } else { POLICY } {
            assert_eq!(self.headers[name.as_str()], [value.to_str().unwrap()], "{what}: {server}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_edge_answers_as_vercel_dev_does() {
    let dev = vercel().await.dev(&variables()).await.unwrap();
    let edge = Edge::start(edge::Options {
        project: dev.project().to_owned(),
        executables: dev.executables().to_owned(),
        variables: variables(),
        listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap(),
        scheduler: false,
        log: Arc::default(),
    })
    .unwrap();
    rustls::crypto::ring::default_provider().install_default().unwrap();
    // A connection for each request, so that none suffers from the one before.
    let client = Client::builder().no_proxy().pool_max_idle_per_host(0).timeout(PATIENCE);
    let client = client.redirect(reqwest::redirect::Policy::none()).build().unwrap();

    for case in cases() {
        let what = case.what;
        let ours = Answer::to(&case, &client, edge.url()).await;
        ours.check(what, "our edge", case.status);
        let also = match case.in_dev {
            InDev::Same => {
                let theirs = Answer::to(&case, &client, dev.url()).await;
                assert_eq!(ours, theirs, "{what}: our edge, and vercel dev");
                String::new()
            }
            InDev::Other(status, why) => {
                let theirs = Answer::to(&case, &client, dev.url()).await;
                theirs.check(what, "vercel dev", status);
                format!(" (vercel dev: {status}, as {why})")
            }
            InDev::Unsteady(why) => format!(" (vercel dev was not asked, as {why})"),
        };
        println!("{what}: {}{also}", case.status);
    }

    edge.stop().await.unwrap();
    dev.stop().await.unwrap();
}
