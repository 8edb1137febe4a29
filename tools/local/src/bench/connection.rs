//! A client that costs as little as it can.
//!
//! It shares the machine with what is measured, so it writes bytes that were
//! composed before, and reads of an answer only where it ends.

use std::{net::SocketAddr, str};

use anyhow::{Context as _, Result, bail, ensure};
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
        self.stream.write_all(request).await.context("a function does not read its request")?;
        self.buffer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.buffer).await;
            let read = read.context("a function's answer cannot be read")?;
            ensure!(read > 0, "a function hung up before its answer was whole");
            let Some(length) = answer_length(&self.buffer)? else { continue };
            if self.buffer.len() >= length {
                return Ok(());
            }
        }
    }
}

/// How long the answer is that `bytes` are the beginning of, once they tell.
fn answer_length(bytes: &[u8]) -> Result<Option<usize>> {
    const END_OF_HEAD: &[u8] = b"\r\n\r\n";
    let Some(end) = bytes.windows(END_OF_HEAD.len()).position(|window| window == END_OF_HEAD)
    else {
        return Ok(None);
    };
    let head = str::from_utf8(bytes.get(..end).unwrap_or_default())?;
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap_or_default();
    if !status.starts_with("HTTP/1.1 200 ") {
        bail!("a function answered {status:?}: {}", String::from_utf8_lossy(bytes));
    }
    let length = lines
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .context("a function's answer does not say how long it is")?
        .1;
    Ok(Some(end + END_OF_HEAD.len() + length.parse::<usize>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_as_long_as_its_head_says() {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nContent-Length: 2\r\n\r\nhi";
        assert_eq!(answer_length(answer).unwrap(), Some(answer.len()));
        assert_eq!(answer_length(&answer[..answer.len() - 2]).unwrap(), Some(answer.len()));
        assert_eq!(answer_length(&answer[..answer.len() - 3]).unwrap(), None);
    }

    #[test]
    fn only_a_200_is_an_answer() {
        let refusal = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno";
        assert!(answer_length(refusal).unwrap_err().to_string().contains("403"));
    }
}
