//! Answers each request as Vercel would: with a function, a file or a refusal.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Duration};

use axum::{body::Body, response::Response};
use http_body_util::{BodyExt as _, Limited};
use hyper::{
    HeaderMap, Method, Request, Uri, Version,
    body::{Body as _, Incoming},
    header::{CACHE_CONTROL, HOST, HeaderName, HeaderValue},
};
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    Line, Log, connection::SendError, keeper::Keeper, refusal::Refusal, static_files::StaticFiles,
    variables::Variables, vercel_json::VercelJson,
};

/// The longest request body that Vercel gives to a function: 4.5 MB.
pub(super) const BODY_LIMIT: usize = 4_718_592;

/// How much is read of a body that is too long.
const DRAIN_LIMIT: usize = 16 * BODY_LIMIT;

/// The paths below which there are only functions.
const FUNCTIONS_BELOW: &str = "/api/";

/// Headers that concern one connection only.
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "expect",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// One function, at its path.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) name: String,
    pub(super) keeper: Keeper,
    pub(super) max_duration: Duration,
}

/// Everything a request is answered from.
#[derive(Debug)]
pub(super) struct Router {
    pub(super) vercel_json: VercelJson,
    /// The functions by their path, e.g. `/api/sms/inbound`.
    pub(super) functions: BTreeMap<String, Endpoint>,
    pub(super) files: StaticFiles,
    /// The functions' environment.
    pub(super) variables: Arc<Variables>,
    /// The host and port at which the edge listens.
    pub(super) authority: String,
    pub(super) log: Arc<Log>,
}

impl Router {
    /// Answers a request that came from `client`.
    pub(super) async fn answer(&self, request: Request<Body>, client: IpAddr) -> Response {
        let path = request.uri().path().to_owned();
        let id = format!("local::{}", Uuid::new_v4().simple());
        let mut response = if let Some(function) = self.function(&path) {
            self.invoke(function, request, client, &id).await
        } else if let Some(file) = self.file(&path, request.method(), request.headers()).await {
            file
        } else if let Some(function) = self.rewritten(&path) {
            // It sees the path that was asked for.
            self.invoke(function, request, client, &id).await
        } else {
            let page = self.files.not_found().await;
            page.unwrap_or_else(|| Refusal::NotFound.answer(request.headers()))
        };

        // What a function says of its own response holds.
        let headers = response.headers_mut();
        for (name, value) in &self.vercel_json.headers(&path) {
            headers.entry(name).or_insert_with(|| value.clone());
        }
        headers
            .entry(CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("public, max-age=0, must-revalidate"));
        insert(headers, "x-vercel-id", &id);
        response
    }

    /// The function at `path`. Vercel lets the end of its file's name stand there too.
    fn function(&self, path: &str) -> Option<&Endpoint> {
        self.functions.get(path.strip_suffix(".rs").unwrap_or(path))
    }

    /// The function that answers for `path`, where there is nothing.
    fn rewritten(&self, path: &str) -> Option<&Endpoint> {
        self.vercel_json.rewritten(path).and_then(|destination| self.function(destination))
    }

    /// Answers with a static file, if there is one. Below [`FUNCTIONS_BELOW`] there is none.
    async fn file(&self, path: &str, method: &Method, asked: &HeaderMap) -> Option<Response> {
        if path.starts_with(FUNCTIONS_BELOW) {
            return None;
        }
        let file = self.files.get(path).await?;
        let is_read = matches!(*method, Method::GET | Method::HEAD);
        Some(if is_read { file } else { Refusal::Method.answer(asked) })
    }

    /// Answers with what `function` answers.
    async fn invoke(
        &self,
        function: &Endpoint,
        request: Request<Body>,
        client: IpAddr,
        id: &str,
    ) -> Response {
        let asked = request.headers().clone();
        if request.body().size_hint().lower() > BODY_LIMIT as u64 {
            // Most clients look for an answer only when they have sent everything.
            drain(request.into_body()).await;
            return Refusal::PayloadTooLarge.answer(&asked);
        }
        let request = forwarded(request, client, id);
        match self.forward(function, request).await {
            Ok(mut response) => {
                remove_hop_by_hop(response.headers_mut());
                response.map(Body::new)
            }
            Err(refusal) => refusal.answer(&asked),
        }
    }

    /// Sends `request` to a live process of `function`.
    async fn forward(
        &self,
        function: &Endpoint,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, Refusal> {
        let refuse = |refusal, why: String| {
            self.log.push(Line { source: function.name.clone(), text: why });
            Err(refusal)
        };
        let connection = match function.keeper.connect().await {
            Ok(connection) => connection,
            // What the function printed when it refused to start is in the log already.
            Err(error) => return refuse(Refusal::InvocationFailed, error.to_string()),
        };
        let address = connection.address();
        let deadline = Instant::now() + function.max_duration;
        match connection.send(request, deadline).await {
            Ok(response) => Ok(response),
            Err(SendError::TooLarge) => Err(Refusal::PayloadTooLarge),
            Err(SendError::Late) => {
                let why = format!("no answer within {:?}, its maxDuration", function.max_duration);
                refuse(Refusal::InvocationTimeout, why)
            }
            Err(SendError::Broken(error)) => {
                function.keeper.await_crash(address).await;
                refuse(Refusal::InvocationFailed, format!("no answer to a request: {error}"))
            }
        }
    }
}

/// The request as a function sees it: the same bytes, and Vercel's word on where it came from
/// instead of the client's.
fn forwarded(request: Request<Body>, client: IpAddr, id: &str) -> Request<Body> {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().cloned();
    parts.uri = path.map_or_else(|| Uri::from_static("/"), Uri::from);
    parts.version = Version::HTTP_11;

    let headers = &mut parts.headers;
    remove_hop_by_hop(headers);
    let claims: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with("x-vercel-")).cloned().collect();
    for name in claims {
        headers.remove(name);
    }
    let client = client.to_string();
    for (name, value) in [
        ("x-forwarded-for", client.as_str()),
        ("x-forwarded-proto", "http"),
        ("x-real-ip", &client),
        ("x-vercel-forwarded-for", &client),
        ("x-vercel-id", id),
    ] {
        insert(headers, name, value);
    }
    match headers.get(HOST).cloned() {
        Some(host) => headers.insert("x-forwarded-host", host),
        None => headers.remove("x-forwarded-host"),
    };
    Request::from_parts(parts, Body::new(Limited::new(body, BODY_LIMIT)))
}

/// Reads the rest of a request, within reason.
async fn drain(body: Body) {
    let mut body = Limited::new(body, DRAIN_LIMIT);
    while let Some(Ok(_)) = body.frame().await {}
}

/// Sets a header whose value is known to be made of visible characters.
fn insert(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Removes what one end said about its own connection to us.
fn remove_hop_by_hop(headers: &mut HeaderMap) {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}
