//! What a thread writes, as the body of a request: sent while it is written, and
//! whole or nothing.

use std::{
    io::{self, Write},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use http_body::Frame;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;
use trust::text::hex;

/// How much is sent at a time, and how many such pieces may wait.
const PIECE: usize = 64 * 1024;
const PIECES: usize = 8;

/// What went through a [`Pipe`].
pub(crate) struct Stored {
    pub(crate) byte_count: u64,
    /// In hexadecimal digits.
    pub(crate) sha256: String,
}

/// A pipe for a thread that may block, and the body that comes out of it.
pub(crate) fn pipe() -> (Pipe, Pieces) {
    let (sender, pieces) = mpsc::channel(PIECES);
    let piece = BytesMut::with_capacity(PIECE);
    (Pipe { sender, piece, byte_count: 0, sha256: Sha256::new() }, Pieces(pieces))
}

/// Sends what is written to it, in pieces, and knows what it was.
pub(crate) struct Pipe {
    sender: mpsc::Sender<Option<Bytes>>,
    piece: BytesMut,
    byte_count: u64,
    sha256: Sha256,
}

impl Pipe {
    fn send(&mut self, piece: Option<Bytes>) -> io::Result<()> {
        self.sender.blocking_send(piece).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    /// Says that this was all. What ends without it is not whole.
    pub(crate) fn end(mut self) -> io::Result<Stored> {
        self.flush()?;
        self.send(None)?;
        Ok(Stored { byte_count: self.byte_count, sha256: hex::encode(&self.sha256.finalize()) })
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        self.byte_count += bytes.len() as u64;
        self.sha256.update(bytes);
        if self.piece.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let piece = self.piece.split().freeze();
        if piece.is_empty() { Ok(()) } else { self.send(Some(piece)) }
    }
}

/// What comes out of a [`Pipe`], as the body of a request.
pub(crate) struct Pieces(mpsc::Receiver<Option<Bytes>>);

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Poll::Ready(match ready!(self.0.poll_recv(context)) {
            Some(Some(piece)) => Some(Ok(Frame::data(piece))),
            Some(None) => None,
            None => Some(Err(io::ErrorKind::UnexpectedEof.into())),
        })
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    async fn received(write: impl FnOnce(Pipe) + Send + 'static) -> io::Result<Bytes> {
        let (pipe, pieces) = pipe();
        let writer = tokio::task::spawn_blocking(move || write(pipe));
        let body = pieces.collect().await;
        writer.await.unwrap();
        body.map(http_body_util::Collected::to_bytes)
    }

    #[tokio::test]
    async fn what_is_not_ended_is_no_whole_body() {
        let whole = received(|mut pipe| {
            for _ in 0..3 * PIECE {
                pipe.write_all(b"ab").unwrap();
            }
            let stored = pipe.end().unwrap();
            assert_eq!(stored.byte_count, 6 * PIECE as u64);
            assert_eq!(stored.sha256, hex::encode(&Sha256::digest("ab".repeat(3 * PIECE))));
        });
        assert_eq!(whole.await.unwrap(), "ab".repeat(3 * PIECE));

        let broken = received(|mut pipe| pipe.write_all(&[0; 2 * PIECE]).unwrap());
        assert_eq!(broken.await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn who_writes_to_nobody_ends() {
        let (mut pipe, pieces) = pipe();
        drop(pieces);
        let outcome = tokio::task::spawn_blocking(move || {
            pipe.write_all(&[0; PIECE]).map_err(|error| error.kind())
        });
        assert_eq!(outcome.await.unwrap(), Err(io::ErrorKind::BrokenPipe));
    }
}
