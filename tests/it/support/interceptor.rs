//! A stand between the functions and Supabase that can hold a call up.
//!
//! Holding a call's answer is the moment after the commit and before the
//! function knows of it; holding the call itself is the moment before. Killing
//! a function there is killing it at a known point.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use tokio::{
    net::TcpListener,
    sync::{OwnedRwLockWriteGuard, RwLock, watch},
    task::JoinHandle,
};
use url::Url;

/// What happens to the calls of one function in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// The call never gets to the database and never gets an answer.
    HoldRequest,
    /// The call has its effect and never gets an answer.
    HoldResponse,
    /// The call never gets to the database; the answer is a 503.
    Unavailable,
    /// The call never gets there; the answer is Storage's to who may not: a 400, of which
    /// only the body says what it means.
    Denied,
    /// The call gets to the database late, after others that came later.
    Delay(Duration),
}

/// Forwards calls to Supabase as it is told. Ends when it is dropped.
pub(crate) struct Interceptor {
    url: Url,
    state: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    upstream: OnceLock<Url>,
    client: reqwest::Client,
    manners: Mutex<HashMap<String, Manner>>,
    /// Manners for one call each, the next one first.
    once: Mutex<Vec<(String, Manner)>>,
    /// Read by calls on their way; written by who holds them all up.
    road: Arc<RwLock<()>>,
    /// How many calls have met a manner, or gone through, by function's name.
    met: watch::Sender<HashMap<String, usize>>,
}

impl Interceptor {
    /// Starts to listen. There is nothing to forward to until [`Self::forward_to`].
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let state = Arc::new(Shared {
            upstream: OnceLock::new(),
            client: super::plain_client(),
            manners: Mutex::default(),
            once: Mutex::default(),
            road: Arc::default(),
            met: watch::Sender::default(),
        });
        let router = Router::new().fallback(forward).with_state(Arc::clone(&state));
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.unwrap();
        });
        Self { url, state, server }
    }

    /// Where functions find it, as `SUPABASE_URL`.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// Forwards to `upstream` from now on.
    pub(crate) fn forward_to(&self, upstream: Url) {
        self.state.upstream.set(upstream).unwrap();
    }

    /// Treats calls of `function` in `manner` from now on.
    pub(crate) fn set(&self, function: &str, manner: Manner) {
        self.state.manners.lock().unwrap().insert(function.to_owned(), manner);
    }

    /// Treats the next call of `function` in `manner`, and no other.
    pub(crate) fn set_once(&self, function: &str, manner: Manner) {
        self.state.once.lock().unwrap().push((function.to_owned(), manner));
    }

    /// Lets everything through again. What is held stays held. Returns the manners that
    /// were set for one call which has not come.
    pub(crate) fn clear(&self) -> Vec<Manner> {
        self.state.manners.lock().unwrap().clear();
        let unmet = std::mem::take(&mut *self.state.once.lock().unwrap());
        unmet.into_iter().map(|(_, manner)| manner).collect()
    }

    /// Waits until no call is on its way, and keeps all others waiting until the guard is
    /// dropped.
    pub(crate) async fn close(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.state.road).write_owned().await
    }

    /// How often `function` was called so far.
    pub(crate) fn calls(&self, function: &str) -> usize {
        self.state.met.borrow().get(function).copied().unwrap_or(0)
    }

    /// Waits until `function` was called `times` times in all and each call met
    /// its manner: is held, refused, or answered.
    pub(crate) async fn wait_for_calls(&self, function: &str, times: usize) {
        let mut met = self.state.met.subscribe();
        let enough = |met: &HashMap<String, usize>| met.get(function).is_some_and(|n| *n >= times);
        let waited = tokio::time::timeout(crate::support::PATIENCE, met.wait_for(enough)).await;
        assert!(waited.is_ok(), "{function} was not called {times} times");
    }
}

impl Drop for Interceptor {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn forward(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (function, request) = named(request).await;
    let manner = {
        let mut once = shared.once.lock().unwrap();
        let next = once.iter().position(|(of, _)| *of == function).map(|at| once.remove(at).1);
        next.or_else(|| shared.manners.lock().unwrap().get(&function).copied())
    };
    let meet = || shared.met.send_modify(|met| *met.entry(function.clone()).or_default() += 1);

    match manner {
        Some(Manner::HoldRequest) => {
            meet();
            std::future::pending().await
        }
        Some(Manner::Unavailable) => {
            meet();
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
        Some(Manner::Denied) => {
            meet();
            let said = r#"{"statusCode":"403","code":"AccessDenied","error":"AccessDenied"}"#;
            (StatusCode::BAD_REQUEST, [("content-type", "application/json")], said).into_response()
        }
        Some(Manner::HoldResponse) => {
            pass_on(&shared, request).await;
            meet();
            std::future::pending().await
        }
        None | Some(Manner::Delay(_)) => {
            if let Some(Manner::Delay(delay)) = manner {
                tokio::time::sleep(delay).await;
            }
            let response = pass_on(&shared, request).await;
            meet();
            response
        }
    }
}

/// What a call is of: a function, or an object's last name. Claims are told apart by
/// their queue: `claim_jobs texts`.
async fn named(request: Request) -> (String, Request) {
    let function = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
    if function != "claim_jobs" {
        return (function, request);
    }
    let (head, body) = request.into_parts();
    let body = to_bytes(body, 1024).await.unwrap();
    let claim: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let queue = claim["request"]["queue"].as_str().unwrap_or_default();
    let name = format!("{function} {queue}");
    (name, Request::from_parts(head, body.into()))
}

async fn pass_on(shared: &Shared, request: Request) -> Response {
    let _passing = shared.road.read().await;
    let (head, body) = request.into_parts();
    let upstream = shared.upstream.get().unwrap();
    let target = upstream.join(head.uri.path_and_query().unwrap().as_str()).unwrap();
    let mut headers = head.headers;
    headers.remove("host");
    // An upload may be cut off.
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let sent = shared.client.request(head.method, target).headers(headers).body(body).send().await;
    let Ok(reply) = sent else { return StatusCode::BAD_GATEWAY.into_response() };
    let status = reply.status();
    let content_type = reply.headers().get("content-type").cloned();
    let mut response = Response::new(Body::from(reply.bytes().await.unwrap_or_default()));
    *response.status_mut() = status;
    if let Some(content_type) = content_type {
        response.headers_mut().insert("content-type", content_type);
    }
    response
}
