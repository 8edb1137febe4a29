//! `vercel dev`, running.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    process::Command,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::timeout,
};
use url::Url;

use super::copy;
use stack::{child::Child, port::Port};

/// How long `vercel dev` may take until it listens.
const START_LIMIT: Duration = Duration::from_secs(60);

/// What it prints when it does.
const READY: &str = "Ready! Available at";

/// A running `vercel dev`. It ends when this value is dropped.
#[derive(Debug)]
pub struct DevServer {
    url: Url,
    project: PathBuf,
    executables: PathBuf,
    child: Child,
    _ports: [Port; 4],
    /// What it prints; kept open, or it could not print any more.
    _output: UnboundedReceiver<String>,
}

impl DevServer {
    /// Starts it by `command`, which runs Vercel's program in `project`.
    pub(super) async fn start(
        mut command: Command,
        project: PathBuf,
        executables: PathBuf,
    ) -> Result<Self> {
        let cannot_start = "vercel dev cannot be started";
        let ports = [Port::reserve()?, Port::reserve()?, Port::reserve()?, Port::reserve()?];
        let [port, queue, cache, schedules] = ports.each_ref().map(Port::number);
        let address = format!("127.0.0.1:{port}");
        command
            .args(["dev", "--local", "--yes", "--listen", &address])
            .args(["--queue-port", &queue.to_string()])
            .args(["--runtime-cache-port", &cache.to_string()])
            .args(["--schedules-port", &schedules.to_string()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = Child::spawn(&mut command).context(cannot_start)?;
        let (sender, mut output) = unbounded_channel();
        if let Some(pipe) = child.take_stdout() {
            tokio::spawn(forward(pipe, sender.clone()));
        }
        if let Some(pipe) = child.take_stderr() {
            tokio::spawn(forward(pipe, sender));
        }

        let mut said = String::new();
        let ready = async {
            while let Some(line) = output.recv().await {
                said.push_str(&line);
                said.push('\n');
                if line.contains(READY) {
                    return true;
                }
            }
            false
        };
        if timeout(START_LIMIT, ready).await != Ok(true) {
            bail!("{cannot_start}; it said:\n{said}");
        }
        let url = Url::parse(&format!("http://{address}"))?;
        Ok(Self { url, project, executables, child, _ports: ports, _output: output })
    }

    /// Where it listens.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The copy of the project that it serves.
    pub fn project(&self) -> &Path {
        &self.project
    }

    /// The folder with the functions' executables that it starts.
    pub fn executables(&self) -> &Path {
        &self.executables
    }

    /// Stops it, and the functions with it.
    pub async fn stop(self) -> Result<()> {
        self.child.stop().await.context("vercel dev cannot be stopped")?;
        Ok(())
    }
}

/// Tells `lines` what comes out of `pipe`, line by line.
async fn forward(pipe: impl AsyncRead + Unpin, lines: UnboundedSender<String>) {
    let mut pipe = BufReader::new(pipe).lines();
    while let Ok(Some(line)) = pipe.next_line().await {
        // When nobody listens any more, the program is about to be stopped.
        let _ = lines.send(line);
    }
}

/// Writes the functions' variables to where `vercel dev` reads them.
pub(super) fn write_variables(project: &Path, variables: &BTreeMap<String, String>) -> Result<()> {
    let mut text = String::new();
    for (name, value) in variables {
        writeln!(text, "{name}={value}")?;
    }
    let file = project.join(".env");
    fs::write(&file, text).with_context(|| copy::not_written(&file))
}
