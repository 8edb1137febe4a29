//! A connection to a function's process, for one request.

use std::{
    error::Error,
    io, iter,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::body::Body;
use http_body_util::LengthLimitError;
use hyper::{
    Request, Response,
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, timeout_at},
};

/// Why a request brought no response.
#[derive(Debug)]
pub(super) enum SendError {
    /// The time was up.
    Late,
    /// The request's body is longer than allowed.
    TooLarge,
    /// The function hung up, or what it said was not HTTP.
    Broken(hyper::Error),
}

/// A connection that nothing was sent on yet.
///
/// Each request has one of its own, so that it fails only when its own function does.
#[derive(Debug)]
pub(super) struct Connection {
    address: SocketAddr,
    sender: SendRequest<Body>,
    driver: http1::Connection<TokioIo<ListenOn>, Body>,
}

impl Connection {
    /// Connects to who listens at `address`.
    pub(super) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let stream = TokioIo::new(ListenOn(stream));
        let (sender, driver) = http1::handshake(stream).await.map_err(io::Error::other)?;
        Ok(Self { address, sender, driver })
    }

    /// Where the connection leads.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends `request` as it is, and returns the response once its head is there.
    ///
    /// At `deadline` the connection is cut, even while the response's body is on its way.
    pub(super) async fn send(
        mut self,
        request: Request<Body>,
        deadline: Instant,
    ) -> Result<Response<Incoming>, SendError> {
        tokio::spawn(async move {
            // Whatever goes wrong here, the response or its body reports it.
            let _ = timeout_at(deadline, self.driver).await;
        });
        self.sender.send_request(request).await.map_err(|error| {
            let mut causes = iter::successors(error.source(), |&cause| cause.source());
            if causes.any(|cause| cause.is::<LengthLimitError>()) {
                SendError::TooLarge
            } else if Instant::now() >= deadline {
                SendError::Late
            } else {
                SendError::Broken(error)
            }
        })
    }
}

/// A stream whose other end may stop reading: what is written then goes nowhere.
///
/// A function may answer before it has read the whole request, and hang up. Hyper would give
/// up at the failed write, and the answer would stay unread.
#[derive(Debug)]
struct ListenOn(TcpStream);

impl AsyncRead for ListenOn {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for ListenOn {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.0).poll_write(context, bytes));
        Poll::Ready(Ok(written.unwrap_or(bytes.len())))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
