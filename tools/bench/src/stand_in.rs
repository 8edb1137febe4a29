//! A stand-in for Supabase that gives every call the same answer, at once.
//!
//! With it a function's own cost can be told from the database's, and what the
//! function asks of Supabase can be counted.

use std::{
    env, fs,
    net::Ipv4Addr,
    ops::Sub,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, Response, body::Incoming, header, http::HeaderValue, server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use rcgen::CertifiedKey;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
};
use url::Url;
use uuid::Uuid;

/// What is answered: every function in the database that a request is answered
/// from may say this, and it means that nothing is owed.
const ANSWER: &str = r#"{"outcome":"received","work":[],"claimed":0,"late":0}"#;

/// What is answered to an event of Stripe's, and means that nothing is to be asked.
const ANSWER_TO_EVENT: &str = r#"{"outcome":"duplicate"}"#;

/// The pause after a connection could not be accepted, mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A running stand-in. It ends when this value is dropped.
#[derive(Debug)]
pub struct StandIn {
    url: Url,
    certificate: Option<Certificate>,
    counters: Arc<Counters>,
    server: JoinHandle<()>,
}

/// What a stand-in was asked for, in all or in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counts {
    /// How many calls came.
    pub calls: usize,
    /// How many connections were made for them.
    pub connections: usize,
}

impl Sub for Counts {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            calls: self.calls - earlier.calls,
            connections: self.connections - earlier.connections,
        }
    }
}

impl StandIn {
    /// Starts a stand-in that speaks plain HTTP.
    pub async fn start() -> Result<Self> {
        Self::serve(None, None).await
    }

    /// Starts a stand-in that speaks TLS, with a certificate made just now.
    pub async fn start_tls() -> Result<Self> {
        let names = [Ipv4Addr::LOCALHOST.to_string()];
        let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(names)
            .context("a certificate cannot be made for the stand-in")?;
        let key = PrivateKeyDer::try_from(signing_key.serialize_der())
            .map_err(|reason| anyhow::anyhow!("the stand-in's key cannot be used: {reason}"))?;
        let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)?;
        let certificate = Certificate::write(&cert.pem())?;
        Self::serve(Some(TlsAcceptor::from(Arc::new(tls))), Some(certificate)).await
    }

    /// The URL to use as `SUPABASE_URL`.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The file to use as `LOCAL_CA_CERTIFICATE`, if it speaks TLS.
    pub fn certificate(&self) -> Option<&Path> {
        self.certificate.as_ref().map(|certificate| certificate.0.as_path())
    }

    /// What it was asked for so far.
    pub fn counts(&self) -> Counts {
        Counts {
            calls: self.counters.calls.load(Ordering::SeqCst),
            connections: self.counters.connections.load(Ordering::SeqCst),
        }
    }

    async fn serve(tls: Option<TlsAcceptor>, certificate: Option<Certificate>) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .context("no port can be listened on")?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = Url::parse(&format!("{scheme}://{}", listener.local_addr()?))?;
        let counters = Arc::<Counters>::default();
        let server = tokio::spawn(accept(listener, tls, Arc::clone(&counters)));
        Ok(Self { url, certificate, counters, server })
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[derive(Debug, Default)]
struct Counters {
    calls: AtomicUsize,
    connections: AtomicUsize,
}

/// A file with a certificate in PEM. It is deleted when this value is dropped.
#[derive(Debug)]
struct Certificate(PathBuf);

impl Certificate {
    fn write(pem: &str) -> Result<Self> {
        let path = env::temp_dir().join(format!("leadslock-stand-in-{}.pem", Uuid::new_v4()));
        fs::write(&path, pem).with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Certificate {
    fn drop(&mut self) {
        // The file is of no use to anyone, and does no harm where it stays.
        let _ = fs::remove_file(&self.0);
    }
}

/// Accepts connections until this future is dropped, and all connections with it.
async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, counters: Arc<Counters>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        while connections.try_join_next().is_some() {}

        // Without it a small answer may wait for the caller's acknowledgement.
        let _ = stream.set_nodelay(true);
        counters.connections.fetch_add(1, Ordering::SeqCst);
        let (tls, counters) = (tls.clone(), Arc::clone(&counters));
        connections.spawn(async move {
            match tls {
                None => answer(stream, counters).await,
                Some(tls) => {
                    // A caller that does not trust the certificate goes away.
                    if let Ok(stream) = tls.accept(stream).await {
                        answer(stream, counters).await;
                    }
                }
            }
        });
    }
}

/// Answers what comes over one connection.
async fn answer(stream: impl AsyncRead + AsyncWrite + Unpin, counters: Arc<Counters>) {
    let service = service_fn(|request: Request<Incoming>| {
        counters.calls.fetch_add(1, Ordering::SeqCst);
        async {
            let is_event = request.uri().path().ends_with("/apply_stripe_event");
            let answer = if is_event { ANSWER_TO_EVENT } else { ANSWER };
            // As a database would, it knows the answer when it has the whole question.
            request.into_body().collect().await?;
            let mut response = Response::new(Full::new(Bytes::from_static(answer.as_bytes())));
            response
                .headers_mut()
                .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            Ok::<_, hyper::Error>(response)
        }
    });
    // A function that ends, or is ended, is no failure of ours.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

#[cfg(test)]
mod tests {
    use leadslock::providers::egress::{Egress, EgressError};

    use super::*;

    /// Calls `stand_in` as a function does that trusts `root` besides the web's roots.
    async fn call(stand_in: &StandIn, root: Option<&str>) -> Result<Bytes, EgressError> {
        let egress = Egress::new(&[stand_in.url()], root).unwrap();
        let request = Request::post(stand_in.url().as_str()).body(Bytes::new()).unwrap();
        egress.send(request, Duration::from_secs(60)).await.map(|reply| reply.body)
    }

    #[tokio::test]
    async fn every_call_has_the_same_answer_and_is_counted() {
        let stand_in = StandIn::start().await.unwrap();
        for calls in 1..=2 {
            assert_eq!(call(&stand_in, None).await.unwrap(), ANSWER);
            // Each of these calls comes from a client of its own.
            assert_eq!(stand_in.counts(), Counts { calls, connections: calls });
        }
    }

    #[tokio::test]
    async fn over_tls_it_answers_who_trusts_its_certificate() {
        let stand_in = StandIn::start_tls().await.unwrap();
        let file = stand_in.certificate().unwrap().to_owned();
        let certificate = fs::read_to_string(&file).unwrap();

        assert_eq!(call(&stand_in, Some(&certificate)).await.unwrap(), ANSWER);
        assert_eq!(call(&stand_in, None).await, Err(EgressError::NotSent));
        drop(stand_in);
        assert!(!file.exists());
    }
}
