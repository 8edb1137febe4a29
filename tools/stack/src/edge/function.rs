//! One process of one function.

use std::{
    collections::VecDeque,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, anyhow, bail};
use axum::body::Body;
use hyper::{Request, Uri};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    task::JoinHandle,
    time::Instant,
};

use super::{Line, Log, connection::Connection};
use crate::{
    child::{self, Child, StopSignal},
    port::Port,
};

/// How long a function may take from its start until it answers.
const START_LIMIT: Duration = Duration::from_secs(30);

/// The pause between two attempts to reach a function that is starting.
const PING_PAUSE: Duration = Duration::from_millis(2);

/// How many of its last lines explain why a function did not start.
const EXPLAINING_LINES: usize = 20;

/// A running function. It ends when this value is dropped, or we do.
#[derive(Debug)]
pub struct Function {
    child: Child,
    address: SocketAddr,
    _port: Port,
    log: Arc<Log>,
}

impl Function {
    /// Starts `executable` with `variables` and nothing else in its environment, and waits
    /// until it answers.
    ///
    /// The error of a function that refuses to start says what it printed.
    pub async fn start(
        executable: &Path,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> anyhow::Result<Self> {
        Self::start_logging(executable, variables, Arc::default()).await
    }

    /// As [`Self::start`], with everything the function prints added to `log`.
    pub(super) async fn start_logging(
        executable: &Path,
        variables: impl IntoIterator<Item = (String, String)>,
        log: Arc<Log>,
    ) -> anyhow::Result<Self> {
        let name = executable.file_name().unwrap_or_default().to_string_lossy();
        if !executable.is_file() {
            bail!("function {name} is not built: there is no {}", executable.display());
        }
        let cannot_start = || format!("function {name} cannot be started");
        let port = Port::reserve().with_context(cannot_start)?;
        let mut command = child::command(executable, StopSignal::Terminate);
        command
            .env_clear()
            .envs(variables)
            .env("VERCEL_DEV_PORT", port.number().to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = Child::spawn(&mut command).with_context(cannot_start)?;
        let output = child.take_stdout().map(|pipe| forward(pipe, &name, &log));
        let errors = child.take_stderr().map(|pipe| forward(pipe, &name, &log));

        let address = (Ipv4Addr::LOCALHOST, port.number()).into();
        let refusal = tokio::select! {
            () = answers(address) => None,
            status = child.wait() => Some(status.with_context(cannot_start)?),
            () = tokio::time::sleep(START_LIMIT) => {
                bail!("function {name} does not answer {START_LIMIT:?} after its start")
            }
        };
        let Some(status) = refusal else { return Ok(Self { child, address, _port: port, log }) };

        let mut said = last_lines(output).await;
        said.extend(last_lines(errors).await);
        let said = Vec::from(said).join("\n");
        Err(anyhow!(said)).with_context(|| format!("function {name} refused to start ({status})"))
    }

    /// The function's base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The function's process id, or none once it has ended.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// What the function printed so far, line by line.
    pub fn log(&self) -> Vec<String> {
        self.log.lines().into_iter().map(|line| line.text).collect()
    }

    /// Ends the function at once with SIGKILL, as a crash would.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("the function cannot be killed")?;
        Ok(())
    }

    /// Waits until the function ends by itself.
    pub async fn wait(&mut self) -> anyhow::Result<ExitStatus> {
        self.child.wait().await.context("the function cannot be waited for")
    }

    /// Asks the function to end, as Vercel does, and waits until it has: what it still does
    /// in the background is finished first, if that does not take too long.
    pub async fn stop(self) -> anyhow::Result<ExitStatus> {
        self.child.stop().await.context("the function cannot be stopped")
    }

    /// Where the function listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether the process is still there.
    pub(super) fn is_running(&mut self) -> bool {
        matches!(self.child.exit_status(), Ok(None))
    }
}

/// Waits until the function at `address` answers Vercel's ping.
async fn answers(address: SocketAddr) {
    while !ping(address).await {
        tokio::time::sleep(PING_PAUSE).await;
    }
}

/// Whether the function at `address` answers.
async fn ping(address: SocketAddr) -> bool {
    let Ok(connection) = Connection::open(address).await else { return false };
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = Uri::from_static("/_vercel/ping");
    let answer = connection.send(request, Instant::now() + START_LIMIT).await;
    answer.is_ok_and(|answer| answer.status().is_success())
}

/// Adds each line that comes out of `pipe` to `log`, and returns the last ones at the end.
fn forward(
    pipe: impl AsyncRead + Send + Unpin + 'static,
    source: &str,
    log: &Arc<Log>,
) -> JoinHandle<VecDeque<String>> {
    let (source, log) = (source.to_owned(), Arc::clone(log));
    tokio::spawn(async move {
        let mut last_lines = VecDeque::new();
        let mut lines = BufReader::new(pipe).split(b'\n');
        while let Ok(Some(line)) = lines.next_segment().await {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            if last_lines.len() == EXPLAINING_LINES {
                last_lines.pop_front();
            }
            last_lines.push_back(text.clone());
            log.push(Line { source: source.clone(), text });
        }
        last_lines
    })
}

/// What `forward` read last.
async fn last_lines(reader: Option<JoinHandle<VecDeque<String>>>) -> VecDeque<String> {
    match reader {
        Some(reader) => reader.await.unwrap_or_default(),
        None => VecDeque::new(),
    }
}
