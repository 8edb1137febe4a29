//! The edge in front of a stand-in function: this test program itself, see [`stand_in`].

use std::{fs, net::Ipv4Addr, os::unix::fs::PermissionsExt as _, path::Path, time::Duration};

use axum::{
    Router,
    body::{Bytes, to_bytes},
    extract::Request as Received,
    response::{IntoResponse as _, Response},
};
use futures_util::{StreamExt as _, stream};
use hyper::{StatusCode, body::Incoming, header::HeaderMap};
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use super::{connection::Connection, router::BODY_LIMIT, *};

/// What the stand-in is asked to do, in a request's query. Anything else is echoed.
const CRASH: &str = "crash";
const STALL: &str = "stall";
const ANSWER_EARLY: &str = "answer-early";
const ANSWER_FIRST_CHUNK: &str = "answer-first-chunk";
const COUNT: &str = "count";
const TRICKLE: &str = "trickle";
const OWN_HEADERS: &str = "own-headers";

/// The variable that makes the stand-in refuse to start.
const REFUSAL: &str = "REFUSE_TO_START";

/// The configuration of the projects of these tests.
fn vercel_json() -> Value {
    json!({
        "$schema": "https://openapi.vercel.sh/vercel.json",
        "regions": ["yul1"],
        "functions": { "api/slow.rs": { "maxDuration": 1 } },
        "crons": [{ "path": "/api/echo", "schedule": "* * * * *" }],
        "headers": [
            {
                "source": "/(.*)",
                "headers": [
                    { "key": "X-Frame-Options", "value": "DENY" },
                    { "key": "X-For", "value": "everything" },
                ],
            },
            { "source": "/style.css", "headers": [{ "key": "X-For", "value": "styles" }] },
        ],
        "framework": null,
        "installCommand": "",
        "buildCommand": "",
        "outputDirectory": "public",
    })
}

/// A project in a folder of its own, which is removed with it.
struct Project {
    folder: PathBuf,
}

impl Project {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("edge-test-{}", Uuid::new_v4()));
        let project = Self { folder };
        project.write("vercel.json", &vercel_json().to_string());
        for function in ["api/echo.rs", "api/sms/inbound.rs", "api/slow.rs", "api/_shared.rs"] {
            project.write(function, "");
        }
        for function in ["echo", "sms_inbound", "slow"] {
            project.write_executable(function);
        }
        project.write("public/index.html", "<p>home</p>");
        project.write("public/style.css", "p {}");
        project.write("public/a b.txt", "spaced");
        project.write("public/docs/index.html", "<p>docs</p>");
        project.write("public/empty/sub/.hidden", "hidden");
        project.write("public/.well-known/security.txt", "Contact: nobody");
        project
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes the executable of a function, which runs [`stand_in`].
    fn write_executable(&self, name: &str) {
        let program = std::env::current_exe().unwrap();
        let path = format!("bin/{name}");
        let script = format!(
            "#!/bin/sh\nexec '{}' --exact edge::tests::stand_in --ignored --nocapture\n",
            program.display(),
        );
        // Made under another name, so that it is never there unfinished.
        self.write("bin/unfinished", &script);
        let unfinished = self.folder.join("bin/unfinished");
        fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(unfinished, self.folder.join(path)).unwrap();
    }

    async fn start(&self) -> Edge {
        self.start_with(&[]).await
    }

    /// Starts an edge whose functions have these variables besides the usual ones.
    async fn start_with(&self, variables: &[(&str, &str)]) -> Edge {
        let usual = [("CRON_SECRET", "a-secret")];
        let variables = usual.iter().chain(variables);
        let options = Options {
            project: self.folder.clone(),
            executables: self.folder.join("bin"),
            variables: variables.map(|&(name, value)| (name.into(), value.into())).collect(),
            listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap(),
            scheduler: false,
            log: Arc::default(),
        };
        Edge::start(options).unwrap()
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).unwrap();
    }
}

/// Not a test: what the executables of these tests' functions run.
#[tokio::test]
#[ignore = "the other tests run it as a function"]
async fn stand_in() {
    let Ok(port) = std::env::var("VERCEL_DEV_PORT") else { return };
    if let Ok(reason) = std::env::var(REFUSAL) {
        eprintln!("{reason}");
        std::process::exit(1);
    }
    let port: u16 = port.parse().unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    println!("listening");
    axum::serve(listener, Router::new().fallback(respond)).await.unwrap();
}

/// What the stand-in answers.
async fn respond(request: Received) -> Response {
    match request.uri().query() {
        Some(CRASH) => std::process::exit(3),
        Some(STALL) => std::future::pending().await,
        Some(ANSWER_EARLY) => StatusCode::IM_A_TEAPOT.into_response(),
        Some(ANSWER_FIRST_CHUNK) => {
            let chunk = request.into_body().into_data_stream().next().await.unwrap().unwrap();
            chunk.into_response()
        }
        Some(COUNT) => {
            let body = to_bytes(request.into_body(), usize::MAX).await.unwrap();
            body.len().to_string().into_response()
        }
        Some(TRICKLE) => {
            Body::from_stream(stream::iter([Ok::<_, Infallible>("first")]).chain(stream::pending()))
                .into_response()
        }
        Some(OWN_HEADERS) => {
            let cookies = [("set-cookie", "one=1"), ("set-cookie", "two=2")];
            let headers = [("x-frame-options", "SAMEORIGIN"), ("cache-control", "no-store")];
            let cookies = axum::response::AppendHeaders(cookies);
            (StatusCode::FOUND, headers, cookies).into_response()
        }
        _ => echo(request).await,
    }
}

/// Everything about `request`, as JSON.
async fn echo(request: Received) -> Response {
    let (head, body) = request.into_parts();
    let headers: Vec<(&str, &str)> =
        head.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    let echo = json!({
        "method": head.method.as_str(),
        "target": head.uri.to_string(),
        "headers": headers,
        "body": to_bytes(body, usize::MAX).await.unwrap().to_vec(),
        "variables": std::env::vars().collect::<BTreeMap<String, String>>(),
    });
    axum::Json(echo).into_response()
}

/// Sends a request exactly as it is given.
async fn send(edge: &Edge, request: Request<Body>) -> hyper::Response<Incoming> {
    let address = edge.url().socket_addrs(|| None).unwrap()[0];
    let connection = Connection::open(address).await.unwrap();
    connection.send(request, Instant::now() + Duration::from_secs(60)).await.unwrap()
}

async fn get(edge: &Edge, path: &str) -> hyper::Response<Incoming> {
    send(edge, Request::get(path).body(Body::empty()).unwrap()).await
}

async fn post(edge: &Edge, path: &str, body: Body) -> hyper::Response<Incoming> {
    send(edge, Request::post(path).body(body).unwrap()).await
}

async fn bytes(response: hyper::Response<Incoming>) -> Bytes {
    to_bytes(Body::new(response.into_body()), usize::MAX).await.unwrap()
}

async fn text(response: hyper::Response<Incoming>) -> String {
    String::from_utf8(bytes(response).await.to_vec()).unwrap()
}

/// What the stand-in says that it received.
async fn echoed(response: hyper::Response<Incoming>) -> Value {
    assert_eq!(response.status(), 200);
    serde_json::from_slice(&bytes(response).await).unwrap()
}

/// All values of a header, of a response or in an echo.
fn values<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
}

fn echoed_values(echo: &Value, name: &str) -> Vec<String> {
    let headers: Vec<(String, String)> = serde_json::from_value(echo["headers"].clone()).unwrap();
    headers.into_iter().filter(|header| header.0 == name).map(|header| header.1).collect()
}

#[tokio::test]
async fn a_function_receives_the_request_byte_for_byte() {
    let project = Project::new();
    let edge = project.start().await;
    let body: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let target = "/api/sms/inbound?a=%2B+%20&empty=&a=%2f%zz&%C3%A9=é";
    let request = Request::builder()
        .method("PURGE")
        .uri(target)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-twice", "one")
        .header("x-twice", "two")
        .body(Body::from(body.clone()));

    let echo = echoed(send(&edge, request.unwrap()).await).await;

    assert_eq!(echo["method"], "PURGE");
    assert_eq!(echo["target"], target);
    assert_eq!(echo["body"], json!(body));
    assert_eq!(echoed_values(&echo, "x-twice"), ["one", "two"]);
    assert_eq!(echoed_values(&echo, "content-type"), ["application/x-www-form-urlencoded"]);
    assert_eq!(echoed_values(&echo, "content-length"), ["100000"]);
}

#[tokio::test]
async fn a_function_is_also_at_the_name_of_its_file() {
    let project = Project::new();
    let edge = project.start().await;

    let echo = echoed(get(&edge, "/api/sms/inbound.rs?query").await).await;
    assert_eq!(echo["target"], "/api/sms/inbound.rs?query");
}

#[tokio::test]
async fn a_function_is_told_the_truth_about_its_caller() {
    let project = Project::new();
    let edge = project.start().await;
    let request = Request::get("/api/echo")
        .header("host", "shop.example")
        .header("x-forwarded-for", "10.0.0.1")
        .header("x-forwarded-host", "elsewhere.example")
        .header("x-forwarded-proto", "https")
        .header("x-real-ip", "10.0.0.1")
        .header("x-vercel-ip-country", "CA")
        .header("connection", "close")
        .body(Body::empty());

    let echo = echoed(send(&edge, request.unwrap()).await).await;

    for (name, value) in [
        ("host", "shop.example"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-host", "shop.example"),
        ("x-forwarded-proto", "http"),
        ("x-real-ip", "127.0.0.1"),
    ] {
        assert_eq!(echoed_values(&echo, name), [value], "{name}");
    }
    for name in ["x-vercel-ip-country", "connection", "content-length", "transfer-encoding"] {
        assert!(echoed_values(&echo, name).is_empty(), "{name}");
    }
}

#[tokio::test]
async fn configured_headers_are_on_every_response() {
    let project = Project::new();
    let edge = project.start().await;

    for (path, status) in [
        ("/", 200),
        ("/style.css", 200),
        ("/nothing", 404),
        ("/api/nothing", 404),
        ("/api/echo", 200),
        ("/api/echo?crash", 500),
    ] {
        let response = get(&edge, path).await;
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(values(response.headers(), "x-frame-options"), ["DENY"], "{path}");
        let for_what = if path == "/style.css" { "styles" } else { "everything" };
        assert_eq!(values(response.headers(), "x-for"), [for_what], "{path}");
        let cache = values(response.headers(), "cache-control");
        assert_eq!(cache, ["public, max-age=0, must-revalidate"], "{path}");
    }
}

#[tokio::test]
async fn a_functions_own_headers_win() {
    let project = Project::new();
    let edge = project.start().await;

    let response = get(&edge, &format!("/api/echo?{OWN_HEADERS}")).await;

    assert_eq!(response.status(), 302);
    assert_eq!(values(response.headers(), "x-frame-options"), ["SAMEORIGIN"]);
    assert_eq!(values(response.headers(), "cache-control"), ["no-store"]);
    assert_eq!(values(response.headers(), "set-cookie"), ["one=1", "two=2"]);
    assert_eq!(values(response.headers(), "x-for"), ["everything"]);
}

#[tokio::test]
async fn static_files_are_served_and_nothing_else() {
    let project = Project::new();
    project.write("secret.txt", "secret");
    let edge = project.start().await;

    for (path, found) in [
        ("/", Some("<p>home</p>")),
        ("/index.html", Some("<p>home</p>")),
        ("/?query", Some("<p>home</p>")),
        ("/style.css", Some("p {}")),
        ("/a%20b.txt", Some("spaced")),
        ("/docs", Some("<p>docs</p>")),
        ("/.well-known/security.txt", Some("Contact: nobody")),
        ("/docs/", Some("<p>docs</p>")),
        ("/style.css/", None),
        ("//style.css", None),
        ("/empty", None),
        ("/empty/sub", None),
        ("/empty/sub/.hidden", None),
        ("/../secret.txt", None),
        ("/%2e%2e/secret.txt", None),
        ("/..%2fsecret.txt", None),
        ("/docs/../../secret.txt", None),
        ("//etc/hostname", None),
        ("/vercel.json", None),
        ("/api/_shared", None),
        ("/api/echo/", None),
        ("/API/echo", None),
        ("/api/%65cho", None),
    ] {
        let response = get(&edge, path).await;
        assert_eq!(response.status(), if found.is_some() { 200 } else { 404 }, "{path}");
        let body = text(response).await;
        assert_eq!(body, found.unwrap_or("The page could not be found.\n\nNOT_FOUND\n"), "{path}");
    }
}

#[tokio::test]
async fn static_files_are_only_read() {
    let project = Project::new();
    let edge = project.start().await;

    let head = send(&edge, Request::head("/style.css").body(Body::empty()).unwrap()).await;
    assert_eq!(head.status(), 200);
    assert_eq!(values(head.headers(), "content-length"), ["4"]);
    assert_eq!(values(head.headers(), "content-type"), ["text/css; charset=utf-8"]);

    assert_eq!(post(&edge, "/style.css", Body::empty()).await.status(), 405);
}

#[tokio::test]
async fn the_projects_own_page_is_shown_where_there_is_nothing() {
    let project = Project::new();
    project.write("public/404.html", "<p>nothing</p>");
    let edge = project.start().await;

    let page = get(&edge, "/nothing").await;
    assert_eq!(page.status(), 404);
    assert_eq!(values(page.headers(), "x-frame-options"), ["DENY"]);
    assert_eq!(text(page).await, "<p>nothing</p>");
}

#[tokio::test]
async fn a_rewrite_comes_after_files_and_functions_and_keeps_the_path() {
    let project = Project::new();
    let mut config = vercel_json();
    config["rewrites"] = json!([{ "source": "/((?!api/).*)", "destination": "/api/echo" }]);
    project.write("vercel.json", &config.to_string());
    let edge = project.start().await;

    assert_eq!(text(get(&edge, "/style.css").await).await, "p {}");
    assert_eq!(post(&edge, "/style.css", Body::empty()).await.status(), 405);
    assert_eq!(get(&edge, "/api/nothing").await.status(), 404);
    for target in ["/nothing", "/a/b?c=%2B", "/docs/nothing", "/api"] {
        assert_eq!(echoed(get(&edge, target).await).await["target"], target);
    }
}

#[tokio::test]
async fn refusals_are_json_for_those_who_ask_for_it() {
    let project = Project::new();
    let edge = project.start().await;
    let request = Request::get("/api/nothing").header("accept", "application/json");

    let response = send(&edge, request.body(Body::empty()).unwrap()).await;

    assert_eq!(response.status(), 404);
    assert_eq!(values(response.headers(), "content-type"), ["application/json"]);
    let error: Value = serde_json::from_slice(&bytes(response).await).unwrap();
    assert_eq!(
        error,
        json!({ "error": { "code": 404, "message": "The page could not be found." } })
    );
}

#[tokio::test]
async fn a_body_of_more_than_4_5_mb_is_refused() {
    let project = Project::new();
    let edge = project.start().await;
    let chunked = |length: usize| {
        let chunk = Bytes::from(vec![b'x'; length / 9]);
        Body::from_stream(stream::iter(vec![Ok::<_, Infallible>(chunk); 9]))
    };

    for longest in [vec![b'x'; BODY_LIMIT].into(), chunked(BODY_LIMIT)] {
        let response = post(&edge, &format!("/api/echo?{COUNT}"), longest).await;
        assert_eq!(text(response).await, BODY_LIMIT.to_string());
    }

    let declared = post(&edge, "/api/echo", vec![b'x'; BODY_LIMIT + 1].into()).await;
    assert_eq!(declared.status(), 413);
    assert_eq!(text(declared).await, "Request Entity Too Large\n\nFUNCTION_PAYLOAD_TOO_LARGE\n");
    let undeclared = post(&edge, "/api/echo", chunked(BODY_LIMIT + 9)).await;
    assert_eq!(undeclared.status(), 413);
}

#[tokio::test]
async fn an_answer_that_does_not_wait_for_the_body_arrives() {
    let project = Project::new();
    let edge = project.start().await;
    let path = format!("/api/echo?{ANSWER_EARLY}");

    assert_eq!(post(&edge, &path, vec![b'x'; BODY_LIMIT].into()).await.status(), 418);
}

#[tokio::test]
async fn bodies_are_streamed_both_ways() {
    let project = Project::new();
    let edge = project.start().await;
    let endless =
        Body::from_stream(stream::iter([Ok::<_, Infallible>("first")]).chain(stream::pending()));

    let response = post(&edge, &format!("/api/echo?{ANSWER_FIRST_CHUNK}"), endless).await;
    assert_eq!(text(response).await, "first");

    let response = get(&edge, &format!("/api/echo?{TRICKLE}")).await;
    let mut chunks = Body::new(response.into_body()).into_data_stream();
    assert_eq!(chunks.next().await.unwrap().unwrap(), "first");
}

#[tokio::test]
async fn a_function_that_crashes_is_started_again() {
    let project = Project::new();
    let edge = project.start().await;
    edge.start_functions().await.unwrap();
    let first = edge.pid("echo").await.unwrap().unwrap();

    let crash = get(&edge, &format!("/api/echo?{CRASH}")).await;
    assert_eq!(crash.status(), 500);
    assert_eq!(values(crash.headers(), "x-vercel-error"), ["FUNCTION_INVOCATION_FAILED"]);
    assert_eq!(text(crash).await, "A server error has occurred\n\nFUNCTION_INVOCATION_FAILED\n");

    assert_eq!(get(&edge, "/api/echo").await.status(), 200);
    assert_ne!(edge.pid("echo").await.unwrap().unwrap(), first);
}

#[tokio::test]
async fn requests_that_find_a_killed_function_wait_for_the_next() {
    let project = Project::new();
    let edge = project.start().await;
    for _ in 0..5 {
        assert_eq!(get(&edge, "/api/echo").await.status(), 200);
        let pid = edge.pid("echo").await.unwrap().unwrap().to_string();
        // Not by the edge, which would know at once.
        let address = edge.router.functions["/api/echo"].keeper.address().await.unwrap();
        let kill = std::process::Command::new("kill").args(["-s", "KILL", &pid]).status();
        assert!(kill.unwrap().success());
        while Connection::open(address).await.is_ok() {}

        let requests = (0..8).map(|_| get(&edge, "/api/echo"));
        for response in futures_util::future::join_all(requests).await {
            assert_eq!(response.status(), 200);
        }
    }
}

#[tokio::test]
async fn a_function_that_refuses_to_start_says_why() {
    let project = Project::new();
    let edge = project.start_with(&[(REFUSAL, "CRON_SECRET is too short")]).await;

    let response = get(&edge, "/api/echo").await;
    assert_eq!(response.status(), 500);
    assert_eq!(text(response).await, "A server error has occurred\n\nFUNCTION_INVOCATION_FAILED\n");

    let error = format!("{:#}", edge.start_functions().await.unwrap_err());
    assert!(error.contains("refused to start"), "{error}");
    assert!(error.contains("CRON_SECRET is too short"), "{error}");
    let lines: Vec<String> = edge.log().lines().iter().map(ToString::to_string).collect();
    assert!(lines.contains(&"echo: CRON_SECRET is too short".to_owned()), "{lines:?}");
}

#[tokio::test]
async fn a_function_that_is_not_built_is_named() {
    let project = Project::new();
    fs::remove_file(project.folder.join("bin/slow")).unwrap();
    let edge = project.start().await;

    let error = edge.start_functions().await.unwrap_err().to_string();
    assert!(error.starts_with("function slow is not built"), "{error}");
    assert_eq!(get(&edge, "/api/slow").await.status(), 500);
    assert_eq!(get(&edge, "/api/echo").await.status(), 200);
}

#[tokio::test]
async fn a_function_that_takes_too_long_is_given_up() {
    let project = Project::new();
    let edge = project.start().await;

    let late = get(&edge, &format!("/api/slow?{STALL}")).await;
    assert_eq!(late.status(), 504);
    assert_eq!(
        text(late).await,
        "An error occurred with your deployment\n\nFUNCTION_INVOCATION_TIMEOUT\n"
    );

    let trickle = get(&edge, &format!("/api/slow?{TRICKLE}")).await;
    assert_eq!(trickle.status(), 200);
    assert!(to_bytes(Body::new(trickle.into_body()), usize::MAX).await.is_err());
}

#[tokio::test]
async fn a_function_has_its_own_variables_and_no_others() {
    let project = Project::new();
    let edge = project.start_with(&[("SETTING", "on")]).await;

    let variables = echoed(get(&edge, "/api/echo").await).await["variables"].clone();

    assert_eq!(variables["SETTING"], "on");
    assert_eq!(variables["CRON_SECRET"], "a-secret");
    assert_eq!(variables["PATH"], Value::Null);
    assert_eq!(variables["CARGO_MANIFEST_DIR"], Value::Null);
}

#[tokio::test]
async fn a_function_that_was_deployed_anew_has_its_new_variables() {
    let project = Project::new();
    let edge = project.start_with(&[("SETTING", "on"), ("OTHER", "on")]).await;
    echoed(get(&edge, "/api/echo").await).await;

    edge.deploy("SETTING", Some("off"));
    edge.deploy("OTHER", None);
    let variables = echoed(get(&edge, "/api/echo").await).await["variables"].clone();

    assert_eq!(variables["SETTING"], "off");
    assert_eq!(variables["OTHER"], Value::Null);
    assert_eq!(variables["CRON_SECRET"], "a-secret");
}

#[tokio::test]
async fn a_function_that_was_built_anew_is_started_anew() {
    let project = Project::new();
    let edge = project.start().await;
    assert_eq!(get(&edge, "/api/echo").await.status(), 200);
    let first = edge.pid("echo").await.unwrap().unwrap();

    project.write_executable("echo");
    let built = std::time::SystemTime::now() + Duration::from_secs(60);
    let executable = fs::File::open(project.folder.join("bin/echo")).unwrap();
    executable.set_modified(built).unwrap();

    assert_eq!(get(&edge, "/api/echo").await.status(), 200);
    assert_ne!(edge.pid("echo").await.unwrap().unwrap(), first);
}

#[tokio::test]
async fn a_cron_is_called_as_vercel_calls_it() {
    let project = Project::new();
    let edge = project.start().await;

    assert_eq!(edge.crons(), ["/api/echo"]);
    assert_eq!(edge.fire_cron("/api/echo").await.unwrap(), 200);
    let error = edge.fire_cron("/api/slow").await.unwrap_err();
    assert_eq!(error.to_string(), "vercel.json has no cron /api/slow");

    let request = crons::request(&edge.router, "/api/echo").unwrap();
    let response = edge.router.answer(request, Ipv4Addr::LOCALHOST.into()).await;
    let echo: Value =
        serde_json::from_slice(&to_bytes(response.into_body(), usize::MAX).await.unwrap()).unwrap();
    assert_eq!(echo["method"], "GET");
    assert_eq!(echoed_values(&echo, "authorization"), ["Bearer a-secret"]);
    assert_eq!(echoed_values(&echo, "user-agent"), ["vercel-cron/1.0"]);
}

#[tokio::test]
async fn what_vercel_json_should_not_say_is_refused() {
    let project = Project::new();
    let files = ["api/echo.rs", "api/slow.rs"];
    let refusal = |change: Value| {
        let mut written = vercel_json();
        written.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        project.write("vercel.json", &written.to_string());
        let read = VercelJson::read(&project.folder.join("vercel.json"), &files);
        format!("{:#}", read.unwrap_err())
    };

    for (change, reason) in [
        (json!({ "redirects": [] }), "does not know what `redirects` does"),
        (
            json!({ "rewrites": [{ "source": "/(.*)", "destination": "/api/none" }] }),
            "a rewrite leads to /api/none, which is not a function",
        ),
        (json!({ "functions": { "api/**": {} } }), "names api/**, which is not a function"),
        (json!({ "crons": [{ "path": "/", "schedule": "daily" }] }), "five fields: `daily`"),
        (
            json!({ "headers": [{ "source": "/:path*", "headers": [] }] }),
            "no other patterns than `(.*)`",
        ),
        (
            json!({ "headers": [{ "source": "/", "headers": [{ "key": "a b", "value": "" }] }] }),
            "`a b: ` is not a header",
        ),
    ] {
        let refusal = refusal(change);
        assert!(refusal.contains("vercel.json is wrong"), "{refusal}");
        assert!(refusal.contains(reason), "{refusal}");
    }
}

#[tokio::test]
async fn functions_end_with_the_edge() {
    let project = Project::new();
    let edge = project.start().await;
    edge.start_functions().await.unwrap();
    let address = edge.router.functions["/api/echo"].keeper.address().await.unwrap();

    edge.stop().await.unwrap();
    assert!(Connection::open(address).await.is_err());
}

#[tokio::test]
async fn a_function_can_be_run_by_itself() {
    let project = Project::new();
    let executable = project.folder.join("bin/sms_inbound");
    let mut function = Function::start(&executable, []).await.unwrap();

    assert!(function.pid().is_some());
    assert!(function.log().contains(&"listening".to_owned()));
    assert!(function.url().starts_with("http://127.0.0.1:"));
    function.kill().await.unwrap();
    assert_eq!(function.pid(), None);

    let error = Function::start(Path::new("/no such function"), []).await.unwrap_err();
    assert!(error.to_string().contains("is not built"), "{error}");
}
