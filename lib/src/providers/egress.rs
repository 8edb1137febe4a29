//! The one way out: an HTTP client that reaches a closed list of hosts.
//!
//! Every call has a deadline and a limit to the answer it reads, follows no
//! redirect and uses no proxy. Its errors tell what a caller has to know before
//! it may try again: whether the request can have arrived.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, StatusCode};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use thiserror::Error;
use url::{Origin, Url};

use crate::settings::Reader;

/// How long to wait for a connection, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long an unused connection is kept. Shorter than what the providers keep,
/// so that a request rarely meets a connection that is just being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// The longest answer we read, unless a caller says otherwise.
const MAX_ANSWER: usize = 1024 * 1024;

/// Why a call has no answer.
///
/// Says nothing about the URL, which may name a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EgressError {
    /// The host is not on the list. Nothing was sent.
    #[error("the host is not on the egress list")]
    Forbidden,
    /// No connection came about. Nothing was sent.
    #[error("the host could not be reached")]
    NotSent,
    /// The request was sent, or part of it, and no whole answer came back.
    /// Whether it had its effect is unknown.
    #[error("the host did not answer in time or not whole")]
    Unanswered,
    /// The answer is longer than was to be read. The request had its effect.
    #[error("the response exceeds the size limit")]
    TooLong,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// The client. Cloning shares its connections.
#[derive(Debug, Clone)]
pub struct Egress {
    client: reqwest::Client,
    allowed: Arc<[Origin]>,
}

impl Egress {
    /// Reaches the hosts of `allowed` and no others.
    ///
    /// `extra_root` is a PEM certificate to trust besides the web's roots.
    pub fn new(allowed: &[&Url], extra_root: Option<&str>) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(extra_root))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .tcp_nodelay(true)
            // Supabase refuses its secret keys to anything that looks like a browser.
            .user_agent(concat!("leadslock/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client, allowed: allowed.iter().map(|url| url.origin()).collect() })
    }

    /// As [`Egress::new`], with what only the local stack may add to it.
    pub fn from_settings(reader: &Reader<'_>, allowed: &[&Url]) -> Option<Self> {
        let extra_root = reader.local_ca_certificate();
        let egress = Self::new(allowed, extra_root.as_deref());
        if egress.is_err() {
            reader.fault("the HTTP client could not be started");
        }
        egress.ok()
    }

    /// The same client, for those of `hosts` that it may reach itself, and no others.
    #[must_use]
    pub fn only(&self, hosts: &[&Url]) -> Self {
        let origins = hosts.iter().map(|url| url.origin());
        let allowed = origins.filter(|origin| self.allowed.contains(origin)).collect();
        Self { client: self.client.clone(), allowed }
    }

    /// Sends `request` and reads the whole answer before `deadline` is over.
    pub async fn send(
        &self,
        request: Request<impl Into<reqwest::Body>>,
        deadline: Duration,
    ) -> Result<Reply, EgressError> {
        self.send_for(request, deadline, MAX_ANSWER).await
    }

    /// As [`Egress::send`], for an answer of at most `max_answer` bytes.
    pub async fn send_for(
        &self,
        request: Request<impl Into<reqwest::Body>>,
        deadline: Duration,
        max_answer: usize,
    ) -> Result<Reply, EgressError> {
        let mut body = BytesMut::new();
        let take = |_: StatusCode, chunk: &[u8]| body.extend_from_slice(chunk);
        let (status, headers) = self.send_through(request, deadline, max_answer, take).await?;
        Ok(Reply { status, headers, body: body.freeze() })
    }

    /// As [`Egress::send_for`], for an answer that is not held whole: `take` gets it piece
    /// by piece, with the answer's status.
    pub async fn send_through(
        &self,
        request: Request<impl Into<reqwest::Body>>,
        deadline: Duration,
        max_answer: usize,
        mut take: impl FnMut(StatusCode, &[u8]),
    ) -> Result<(StatusCode, HeaderMap), EgressError> {
        let request = reqwest::Request::try_from(request).map_err(|_| EgressError::Forbidden)?;
        if !self.allowed.contains(&request.url().origin()) {
            return Err(EgressError::Forbidden);
        }
        let exchange = async {
            let mut response = self.client.execute(request).await?;
            let (status, mut length) = (response.status(), 0);
            // What says that it is too long is not even begun.
            if response.content_length().is_some_and(|length| length > max_answer as u64) {
                return Ok(None);
            }
            while let Some(chunk) = response.chunk().await? {
                length += chunk.len();
                if length > max_answer {
                    return Ok(None);
                }
                take(status, &chunk);
            }
            Ok(Some((status, response.headers().clone())))
        };
        match tokio::time::timeout(deadline, exchange).await {
            Ok(Ok(Some(head))) => Ok(head),
            Ok(Ok(None)) => Err(EgressError::TooLong),
            Ok(Err(error)) if is_before_sending(&error) => Err(EgressError::NotSent),
            Ok(Err(_)) | Err(_) => Err(EgressError::Unanswered),
        }
    }
}

fn is_before_sending(error: &reqwest::Error) -> bool {
    error.is_connect() || error.is_builder()
}

fn tls(extra_root: Option<&str>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let extra = extra_root.and_then(|pem| CertificateDer::from_pem_slice(pem.as_bytes()).ok());
    // A certificate that cannot be read is not trusted: calls fail, none is made unsafe.
    let _ = extra.map(|certificate| roots.add(certificate));

    #[expect(clippy::expect_used, reason = "ring supports both versions, as every test shows")]
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring supports TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::TcpListener,
        thread,
    };

    use super::*;

    async fn outcome(allowed: &str, url: &str) -> EgressError {
        let egress = Egress::new(&[&Url::parse(allowed).unwrap()], None).unwrap();
        let request = Request::get(url).body(Bytes::new()).unwrap();
        egress.send(request, Duration::from_millis(300)).await.unwrap_err()
    }

    #[tokio::test]
    async fn only_listed_origins_are_reached() {
        for url in [
            "https://example.com/",
            "http://listed.example/",
            "https://listed.example:444/",
            "https://listed.example.evil.example/",
            "https://listed.example@evil.example/",
            "/relative",
        ] {
            assert_eq!(
                outcome("https://listed.example", url).await,
                EgressError::Forbidden,
                "{url}"
            );
        }
    }

    #[tokio::test]
    async fn the_error_tells_whether_the_request_can_have_arrived() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let silent = format!("http://{}", listener.local_addr().unwrap());
        assert_eq!(outcome(&silent, &silent).await, EgressError::Unanswered);
        drop(listener);
        assert_eq!(outcome(&silent, &silent).await, EgressError::NotSent);
    }

    /// What a server that answers `answer` to one request makes of a call.
    async fn of_answer(answer: &'static str, max_answer: usize) -> Result<Bytes, EgressError> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 1024]).unwrap();
            // A client that has read enough may have hung up.
            let _ = stream.write_all(answer.as_bytes());
        });
        let egress = Egress::new(&[&Url::parse(&url).unwrap()], None).unwrap();
        let request = Request::get(url).body(Bytes::new()).unwrap();
        let reply = egress.send_for(request, Duration::from_secs(10), max_answer).await;
        server.join().unwrap();
        reply.map(|reply| reply.body)
    }

    #[tokio::test]
    async fn an_answer_is_read_whole_or_not_at_all() {
        let told = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
        let untold = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
                      3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n";
        for answer in [told, untold] {
            assert_eq!(of_answer(answer, 5).await, Ok(Bytes::from_static(b"hello")));
            assert_eq!(of_answer(answer, 4).await, Err(EgressError::TooLong));
        }
        let endless = "HTTP/1.1 200 OK\r\ncontent-length: 999999999999\r\n\r\nhello";
        assert_eq!(of_answer(endless, 4).await, Err(EgressError::TooLong));
        for cut_off in [
            "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n",
        ] {
            assert_eq!(of_answer(cut_off, 9).await, Err(EgressError::Unanswered));
        }
    }
}
