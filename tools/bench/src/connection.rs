//! A client that costs as little as it can.
//!
//! It shares the machine with what is measured, so it writes bytes that were
//! composed before, and reads of an answer only where it ends.

use std::{net::SocketAddr, str};

use anyhow::{Context as _, Result, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// More than any answer of a function that is measured.
const BUFFER: usize = 16 * 1024;

/// A connection that stays open from one request to the next.
pub(super) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects to the function at `address`.
    pub(super) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.context("a function cannot be reached")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(BUFFER) })
    }

    /// Sends `request` and reads the whole answer, which must be a 200.
    pub(super) async fn exchange(&mut self, request: &[u8]) -> Result<()> {
        let status = self.ask(request).await?;
        ensure!(status == 200, "a function answered {status}: {}", self.answer());
        Ok(())
    }

    /// Sends `request` and reads the whole answer; gives its status.
    pub(super) async fn ask(&mut self, request: &[u8]) -> Result<u16> {
        self.stream.write_all(request).await.context("a function does not read its request")?;
        self.buffer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.buffer).await;
            let read = read.context("a function's answer cannot be read")?;
            ensure!(read > 0, "a function hung up before its answer was whole");
            let Some((status, length)) = answer_head(&self.buffer)? else { continue };
            if self.buffer.len() >= length {
                return Ok(status);
            }
        }
    }

    /// The answer that was read last.
    pub(super) fn answer(&self) -> String {
        String::from_utf8_lossy(&self.buffer).into_owned()
    }
}

/// The status and the length of the answer that `bytes` are the beginning of, once they tell.
fn answer_head(bytes: &[u8]) -> Result<Option<(u16, usize)>> {
    const END_OF_HEAD: &[u8] = b"\r\n\r\n";
    let Some(end) = bytes.windows(END_OF_HEAD.len()).position(|window| window == END_OF_HEAD)
    else {
        return Ok(None);
    };
    let head = str::from_utf8(bytes.get(..end).unwrap_or_default())?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let status = status.context("a function's answer has no status")?.parse()?;
    let length = lines
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .context("a function's answer does not say how long it is")?
        .1;
    Ok(Some((status, end + END_OF_HEAD.len() + length.parse::<usize>()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_as_long_as_its_head_says() {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nContent-Length: 2\r\n\r\nhi";
        assert_eq!(answer_head(answer).unwrap(), Some((200, answer.len())));
        assert_eq!(answer_head(&answer[..answer.len() - 2]).unwrap(), Some((200, answer.len())));
        assert_eq!(answer_head(&answer[..answer.len() - 3]).unwrap(), None);
    }

    #[test]
    fn a_refusal_is_told_from_an_answer() {
        let refusal = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno";
        assert_eq!(answer_head(refusal).unwrap(), Some((403, refusal.len())));
    }
}
