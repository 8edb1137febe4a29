//! The process that serves Supabase's API, kept alive.

use std::{fs::File, path::PathBuf, process::Stdio, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    sync::oneshot,
    task::JoinHandle,
    time::{sleep, timeout},
};
use url::Url;

use crate::{
    child::{self, Child, StopSignal},
    node::Node,
};

/// How long a process may take to listen.
const START: Duration = Duration::from_secs(30);

/// How long to wait after a process could not be started again.
const PAUSE: Duration = Duration::from_millis(200);

/// What the gateway has to be told.
#[derive(Debug)]
pub(super) struct Options {
    /// Where it listens, on 127.0.0.1.
    pub(super) port: u16,
    /// The URL by which the product knows it, and tokens name it as their issuer.
    pub(super) public_url: Url,
    /// The database, for the API's role.
    pub(super) database_url: String,
    /// The project's `config.toml`.
    pub(super) config_file: PathBuf,
    /// The key that tokens are signed with; made if it is not there.
    pub(super) signing_key_file: PathBuf,
    /// Where Storage keeps objects.
    pub(super) storage_folder: PathBuf,
    /// Where the process says what it has to say.
    pub(super) log_file: PathBuf,
    /// The key that opens what anyone may do.
    pub(super) publishable_key: String,
    /// The key that opens what the service may do.
    pub(super) secret_key: String,
}

/// A gateway that listens, and is started again when its process ends: Lite's client for
/// Postgres does not survive every way in which a server can go.
#[derive(Debug)]
pub(super) struct Gateway {
    /// Dropped or used, it ends the keeper.
    stop: oneshot::Sender<()>,
    keeper: JoinHandle<()>,
}

/// The one line the process prints.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Announcement {
    /// It listens.
    Ready,
    /// It cannot listen, because of this.
    Failed(String),
}

impl Gateway {
    /// Starts the process and waits until it listens.
    pub(super) async fn start(node: &Node, options: Options) -> Result<Self> {
        let node = node.clone();
        File::create(&options.log_file)
            .with_context(|| format!("{} could not be made", options.log_file.display()))?;
        let child = launch(&node, &options).await?;
        let (stop, stopped) = oneshot::channel();
        let keeper = tokio::spawn(keep(node, options, child, stopped));
        Ok(Self { stop, keeper })
    }

    /// Ends the process.
    pub(super) async fn stop(self) -> Result<()> {
        // If the keeper has ended, there is nothing left to stop.
        let _ = self.stop.send(());
        self.keeper.await.context("the gateway's keeper failed")
    }
}

/// Starts the process again whenever it ends, until told to stop.
async fn keep(node: Node, options: Options, mut child: Child, mut stopped: oneshot::Receiver<()>) {
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            _ = child.wait() => {}
        }
        child = tokio::select! {
            _ = &mut stopped => break,
            child = relaunch(&node, &options) => child,
        };
    }
    // It is gone either way: the leash kills what does not end by itself.
    let _ = child.stop().await;
}

/// Starts the process again, however often it takes.
async fn relaunch(node: &Node, options: &Options) -> Child {
    loop {
        match launch(node, options).await {
            Ok(child) => return child,
            Err(_) => sleep(PAUSE).await,
        }
    }
}

/// Starts one process and waits until it listens.
async fn launch(node: &Node, options: &Options) -> Result<Child> {
    let log = File::options().append(true).open(&options.log_file)?;
    let mut command = child::command(node.program(), StopSignal::Terminate);
    command
        .arg(node.script("gateway.mjs"))
        .env_clear()
        .env("GATEWAY_PORT", options.port.to_string())
        .env("GATEWAY_PUBLIC_URL", options.public_url.as_str().trim_end_matches('/'))
        .env("GATEWAY_DATABASE_URL", &options.database_url)
        .env("GATEWAY_CONFIG_FILE", &options.config_file)
        .env("GATEWAY_SIGNING_KEY_FILE", &options.signing_key_file)
        .env("GATEWAY_STORAGE_FOLDER", &options.storage_folder)
        .env("SUPABASE_PUBLISHABLE_KEY", &options.publishable_key)
        .env("SUPABASE_SECRET_KEY", &options.secret_key)
        .stdout(Stdio::piped())
        .stderr(log);
    let mut child = Child::spawn(&mut command).context("Node could not be started")?;
    let output = child.take_stdout().context("the gateway has no output")?;
    let mut line = String::new();
    let mut output = BufReader::new(output);
    let read = timeout(START, output.read_line(&mut line)).await;
    ensure!(read.is_ok(), "Supabase's API does not start; see {}", options.log_file.display());
    match serde_json::from_str(&line) {
        Ok(Announcement::Ready) => Ok(child),
        Ok(Announcement::Failed(reason)) if reason == "EADDRINUSE" => bail!(
            "port {} is in use by another program: Supabase's API cannot listen on it",
            options.port,
        ),
        Ok(Announcement::Failed(reason)) => bail!("Supabase's API cannot listen: {reason}"),
        Err(_) => bail!("Supabase's API ended when it started; see {}", options.log_file.display()),
    }
}
