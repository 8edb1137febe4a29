//! A call to the product on a connection of its own, with each wait within its time.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    HeaderMap, Request, Response,
    body::Incoming,
    client::conn::http1,
    header::{self, HeaderName, HeaderValue},
};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::{net::TcpStream, task::JoinSet, time::timeout};
use url::{Position, Url};

/// The most of a response that is read. Twilio takes TwiML up to 64 KB.
const RESPONSE_LIMIT: usize = 64 * 1024;

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// With a whole response.
    Answered {
        /// Its HTTP status.
        status: u16,
        /// Its content type.
        content_type: Option<String>,
        /// Its body.
        body: String,
    },
    /// Without a connection.
    NotConnected {
        /// What the system said.
        reason: String,
    },
    /// With the time up.
    TimedOut,
    /// With a connection that broke before the response was whole.
    Broken {
        /// What was wrong.
        reason: String,
    },
    /// With a response longer than is read.
    TooLong,
}

/// How long a call may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// To connect.
    pub(super) connect: Duration,
    /// Until the first byte, and between two pieces.
    pub(super) read: Duration,
    /// In all.
    pub(super) deadline: Instant,
}

impl Limits {
    fn within(&self, limit: Duration) -> Duration {
        limit.min(self.deadline.saturating_duration_since(Instant::now()))
    }
}

/// Posts `body` to `url`, whose fragment is not sent.
pub(super) async fn post<const N: usize>(
    url: &Url,
    headers: [(HeaderName, &str); N],
    body: Bytes,
    limits: Limits,
) -> Outcome {
    let Some(headers) = values(url, headers) else {
        return Outcome::Broken { reason: "a header cannot be sent".to_owned() };
    };
    if url.scheme() != "http" {
        let reason = "this simulator calls plain http addresses only".to_owned();
        return Outcome::NotConnected { reason };
    }
    let host = url.host_str().unwrap_or_default();
    let address = (host.trim_matches(['[', ']']), url.port_or_known_default().unwrap_or(80));
    let stream = match timeout(limits.within(limits.connect), TcpStream::connect(address)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Outcome::NotConnected { reason: error.to_string() },
        Err(_) => return Outcome::NotConnected { reason: "time is up".to_owned() },
    };

    let request = Request::post(&url[Position::BeforePath..Position::AfterQuery]);
    let mut request = match request.body(Full::new(body)) {
        Ok(request) => request,
        Err(error) => return Outcome::Broken { reason: error.to_string() },
    };
    *request.headers_mut() = headers;

    let (mut sender, connection) = match http1::handshake(TokioIo::new(stream)).await {
        Ok(connection) => connection,
        Err(error) => return Outcome::Broken { reason: error.to_string() },
    };
    // Drives the connection, and closes it when this call is over.
    let mut driver = JoinSet::new();
    driver.spawn(async {
        // What goes wrong shows in the request's own outcome.
        let _ = connection.await;
    });
    match timeout(limits.within(limits.read), sender.send_request(request)).await {
        Ok(Ok(response)) => read(response, limits).await,
        Ok(Err(error)) => Outcome::Broken { reason: error.to_string() },
        Err(_) => Outcome::TimedOut,
    }
}

/// The headers to send, with those that every call has.
fn values<const N: usize>(url: &Url, headers: [(HeaderName, &str); N]) -> Option<HeaderMap> {
    let host = &url[Position::BeforeHost..Position::AfterPort];
    let common = [(header::HOST, host), (header::CONNECTION, "close")];
    let pairs = common.into_iter().chain(headers);
    pairs.map(|(name, value)| Some((name, HeaderValue::from_str(value).ok()?))).collect()
}

/// Reads a response piece by piece, each within its time.
async fn read(response: Response<Incoming>, limits: Limits) -> Outcome {
    let (head, mut pieces) = response.into_parts();
    let mut body = Vec::new();
    loop {
        match timeout(limits.within(limits.read), pieces.frame()).await {
            Ok(Some(Ok(frame))) => body.extend(frame.into_data().unwrap_or_default()),
            Ok(Some(Err(error))) => return Outcome::Broken { reason: error.to_string() },
            Ok(None) => break,
            Err(_) => return Outcome::TimedOut,
        }
        if body.len() > RESPONSE_LIMIT {
            return Outcome::TooLong;
        }
    }
    let content_type = head.headers.get(header::CONTENT_TYPE);
    Outcome::Answered {
        status: head.status.as_u16(),
        content_type: content_type
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
        body: String::from_utf8_lossy(&body).into_owned(),
    }
}
