//! One attempt of a call to the product, with each wait within its time.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, body::Incoming, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use leadslock::twilio::signature;
use tokio::{net::TcpStream, task::JoinSet, time::timeout};
use url::Position;

use super::{
    overrides::Overrides,
    webhook::{Call, Outcome},
};

/// The most of a response that is read. Twilio takes TwiML up to 64 KB.
const RESPONSE_LIMIT: usize = 64 * 1024;

/// Makes one attempt on a connection of its own.
pub(super) async fn make(
    call: &Call,
    signature: &str,
    overrides: &Overrides,
    deadline: Instant,
) -> Outcome {
    let within = |limit: Duration| limit.min(deadline.saturating_duration_since(Instant::now()));
    let url = &call.url;
    if url.scheme() != "http" {
        let reason = "this simulator calls plain http addresses only".to_owned();
        return Outcome::NotConnected { reason };
    }
    let host = url.host_str().unwrap_or_default();
    let address = (host.trim_matches(['[', ']']), url.port_or_known_default().unwrap_or(80));
    let stream = match timeout(within(overrides.connect_timeout), TcpStream::connect(address)).await
    {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Outcome::NotConnected { reason: error.to_string() },
        Err(_) => return Outcome::NotConnected { reason: "time is up".to_owned() },
    };

    let request = Request::post(&url[Position::BeforePath..Position::AfterQuery])
        .header(header::HOST, &url[Position::BeforeHost..Position::AfterPort])
        .header(header::USER_AGENT, "TwilioProxy/1.1")
        .header(header::ACCEPT, "*/*")
        .header(header::CONNECTION, "close")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded; charset=UTF-8")
        .header(signature::HEADER, signature)
        .header("i-twilio-idempotency-token", call.idempotency_token.to_string())
        .header("x-home-region", "us1")
        .body(Full::new(Bytes::from(call.form.clone())));
    let request = match request {
        Ok(request) => request,
        Err(error) => return Outcome::Broken { reason: error.to_string() },
    };

    let (mut sender, connection) = match http1::handshake(TokioIo::new(stream)).await {
        Ok(connection) => connection,
        Err(error) => return Outcome::Broken { reason: error.to_string() },
    };
    // Drives the connection, and closes it when this attempt is over.
    let mut driver = JoinSet::new();
    driver.spawn(async {
        // What goes wrong shows in the request's own outcome.
        let _ = connection.await;
    });
    match timeout(within(overrides.read_timeout), sender.send_request(request)).await {
        Ok(Ok(response)) => read(response, || within(overrides.read_timeout)).await,
        Ok(Err(error)) => Outcome::Broken { reason: error.to_string() },
        Err(_) => Outcome::TimedOut,
    }
}

/// Reads a response piece by piece, each within its time.
async fn read(response: Response<Incoming>, limit: impl Fn() -> Duration) -> Outcome {
    let (head, mut pieces) = response.into_parts();
    let mut body = Vec::new();
    loop {
        match timeout(limit(), pieces.frame()).await {
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
