//! The HTTP server, which can also do what a broken one does: hang up.

use std::{convert::Infallible, time::Duration};

use axum::{
    Router,
    body::Body,
    response::{IntoResponse, Response},
};
use hyper::{body::Incoming, server::conn::http1, service::Service as _};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{net::TcpListener, task::JoinSet};

/// How long to wait after a failed `accept`, which mostly means that this
/// process has too many files open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// In a response's extensions, it makes the server close the connection instead
/// of sending that response.
#[derive(Clone, Copy)]
struct HangUp;

/// A response that is never sent: the connection is closed.
pub(super) fn hang_up() -> Response {
    let mut response = ().into_response();
    response.extensions_mut().insert(HangUp);
    response
}

/// A response that never comes, until the caller gives up.
pub(super) async fn stall() -> Response {
    std::future::pending::<Infallible>().await;
    hang_up()
}

/// The error that makes hyper close a connection without an answer.
#[derive(Debug)]
struct HungUp;

impl std::fmt::Display for HungUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("hung up as ordered")
    }
}

impl std::error::Error for HungUp {}

/// Serves `router` until this future is dropped, and all connections with it.
pub(super) async fn serve(listener: TcpListener, router: Router) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        while connections.try_join_next().is_some() {}

        let router = TowerToHyperService::new(router.clone());
        let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
            let response = router.call(request);
            async move {
                let response: hyper::Response<Body> =
                    response.await.unwrap_or_else(|never: Infallible| match never {});
                match response.extensions().get::<HangUp>() {
                    Some(HangUp) => Err(HungUp),
                    None => Ok(response),
                }
            }
        });
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        connections.spawn(async {
            // A caller that went away, or that we hung up on, is no failure of ours.
            let _ = connection.await;
        });
    }
}
