//! Keeps one process of a function alive.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::Context as _;
use tokio::{sync::Mutex, time::timeout};

use super::{
    Function, Log,
    connection::Connection,
    variables::{Deployed, Variables},
};

/// How long a crash may take, from the end of a connection to the end of the process.
const CRASH_LIMIT: Duration = Duration::from_millis(100);

/// A function of the edge: started when it is needed, and again when it has ended, its
/// executable was built anew, or its variables were deployed anew.
#[derive(Debug)]
pub(super) struct Keeper {
    executable: PathBuf,
    variables: Arc<Variables>,
    log: Arc<Log>,
    running: Mutex<Option<Running>>,
}

/// A process, and what it was made from: when its executable was built, and its variables.
#[derive(Debug)]
struct Running {
    function: Function,
    built: Option<SystemTime>,
    variables: Deployed,
}

impl Keeper {
    pub(super) fn new(executable: PathBuf, variables: Arc<Variables>, log: Arc<Log>) -> Self {
        Self { executable, variables, log, running: Mutex::default() }
    }

    /// Connects to the function, which is started if need be. Who asks meanwhile waits.
    pub(super) async fn connect(&self) -> anyhow::Result<Connection> {
        let address = self.address().await?;
        if let Ok(connection) = Connection::open(address).await {
            return Ok(connection);
        }
        // It has just ended, and the system has not told yet.
        self.discard(address).await?;
        let address = self.address().await?;
        Connection::open(address).await.context("the function does not listen")
    }

    /// Gives the process at `address`, which hung up on a request, a moment to end: so the
    /// next request finds it running or gone, not dying.
    pub(super) async fn await_crash(&self, address: SocketAddr) {
        if let Some(running) = self.running.lock().await.as_mut()
            && running.function.address() == address
        {
            // Most often it has only dropped this one connection.
            let _ = timeout(CRASH_LIMIT, running.function.wait()).await;
        }
    }

    /// Where the function listens, after it was started if need be.
    pub(super) async fn address(&self) -> anyhow::Result<SocketAddr> {
        let built = self.built();
        let variables = self.variables.deployed();
        let mut running = self.running.lock().await;
        if let Some(running) = running.as_mut()
            && running.function.is_running()
            // While the executable is being replaced there is no time, and no better process.
            && (running.built == built || built.is_none())
            && Arc::ptr_eq(&running.variables, &variables)
        {
            return Ok(running.function.address());
        }
        if let Some(outdated) = running.take() {
            // As on Vercel, it finishes what it has begun beside its successor.
            tokio::spawn(outdated.function.stop());
        }

        let log = Arc::clone(&self.log);
        let environment = variables.iter().map(|(name, value)| (name.clone(), value.clone()));
        let function = Function::start_logging(&self.executable, environment, log).await?;
        let address = function.address();
        *running = Some(Running { function, built, variables });
        Ok(address)
    }

    /// The function's process id, or none while it does not run.
    pub(super) async fn pid(&self) -> Option<u32> {
        self.running.lock().await.as_ref().and_then(|running| running.function.pid())
    }

    /// Ends the process at once, if one runs. The next request starts another.
    pub(super) async fn kill(&self) -> anyhow::Result<()> {
        match self.running.lock().await.take() {
            Some(mut running) => running.function.kill().await,
            None => Ok(()),
        }
    }

    /// Ends the process that listened at `address`, unless it was already replaced.
    async fn discard(&self, address: SocketAddr) -> anyhow::Result<()> {
        let mut running = self.running.lock().await;
        match running.take_if(|running| running.function.address() == address) {
            Some(mut running) => running.function.kill().await,
            None => Ok(()),
        }
    }

    /// Stops the process, if one runs. The next request starts another.
    pub(super) async fn stop(&self) -> anyhow::Result<()> {
        if let Some(running) = self.running.lock().await.take() {
            running.function.stop().await?;
        }
        Ok(())
    }

    /// When the executable was built, or none while it is not there.
    fn built(&self) -> Option<SystemTime> {
        self.executable.metadata().and_then(|metadata| metadata.modified()).ok()
    }
}
