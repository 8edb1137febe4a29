//! Vercel on one machine: its routing, its processes and its scheduler.
//!
//! The edge reads the project's real `vercel.json` and finds its functions and files as
//! Vercel does. It keeps one process of each function, gives it requests byte for byte, and
//! starts it again when it has ended. What it answers in a function's place is worded as
//! `vercel dev` words it.
//!
//! Where it is simpler than Vercel: there is one process per function and never a second one;
//! patterns know `(.*)` only; a doubled slash in a path is not mended; keys of `vercel.json`
//! that nobody uses here are refused, so that none is silently without effect.

mod connection;
mod crons;
mod function;
mod functions;
mod keeper;
mod log;
mod refusal;
mod router;
mod schedule;
mod source;
mod static_files;
#[cfg(test)]
mod tests;
mod variables;
mod vercel_json;

use std::{collections::BTreeMap, convert::Infallible, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context as _;
use axum::body::Body;
use futures_util::future::try_join_all;
use hyper::{Request, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, sync::Mutex, task::JoinSet};
use url::Url;

pub use self::{
    function::Function,
    log::{Line, Log},
};
use self::{
    keeper::Keeper,
    router::{Endpoint, Router},
    static_files::StaticFiles,
    variables::Variables,
    vercel_json::VercelJson,
};

/// The pause after a connection could not be accepted, mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What an edge is made of.
#[derive(Debug)]
pub struct Options {
    /// The folder with `vercel.json`, `api/` and the static files.
    pub project: PathBuf,
    /// The folder with the functions' executables.
    pub executables: PathBuf,
    /// The functions' environment. There is nothing else in it.
    pub variables: BTreeMap<String, String>,
    /// Where to listen. It is bound beforehand because its address is among the variables.
    pub listener: TcpListener,
    /// Whether the scheduler runs. Without it, crons run by [`Edge::fire_cron`] only.
    pub scheduler: bool,
    /// Where the functions' output goes.
    pub log: Arc<Log>,
}

/// A running edge. It ends when this value is dropped, and its functions with it.
#[derive(Debug)]
pub struct Edge {
    url: Url,
    router: Arc<Router>,
    tasks: Mutex<JoinSet<()>>,
}

impl Edge {
    /// Starts to listen. Functions start when they are first called; see also
    /// [`Self::start_functions`].
    pub fn start(options: Options) -> anyhow::Result<Self> {
        let address = options.listener.local_addr().context("the edge's port cannot be read")?;
        let url = Url::parse(&format!("http://{address}"))?;

        let sources = functions::find(&options.project)?;
        let files: Vec<&str> = sources.iter().map(|source| source.file.as_str()).collect();
        let vercel_json = VercelJson::read(&options.project.join("vercel.json"), &files)?;
        let variables = Arc::new(Variables::new(options.variables));
        let functions = sources.into_iter().map(|source| {
            let endpoint = Endpoint {
                keeper: Keeper::new(
                    options.executables.join(&source.name),
                    Arc::clone(&variables),
                    Arc::clone(&options.log),
                ),
                max_duration: vercel_json.duration(&source.file),
                name: source.name,
            };
            (source.path, endpoint)
        });
        let router = Arc::new(Router {
            functions: functions.collect(),
            files: StaticFiles::new(options.project.join(&vercel_json.output_directory)),
            vercel_json,
            variables,
            authority: address.to_string(),
            log: options.log,
        });

        let mut tasks = JoinSet::new();
        tasks.spawn(serve(options.listener, Arc::clone(&router)));
        if options.scheduler {
            tasks.spawn(crons::run(Arc::clone(&router)));
        }
        Ok(Self { url, router, tasks: Mutex::new(tasks) })
    }

    /// Where the edge listens, e.g. `http://127.0.0.1:3000/`.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Starts every function, and fails if one refuses to.
    pub async fn start_functions(&self) -> anyhow::Result<()> {
        try_join_all(self.router.functions.values().map(|function| function.keeper.connect()))
            .await?;
        Ok(())
    }

    /// The process id of a function, e.g. of `sms_inbound`, or none while it does not run.
    pub async fn pid(&self, function: &str) -> anyhow::Result<Option<u32>> {
        Ok(self.keeper(function)?.pid().await)
    }

    /// Ends a function's process with SIGKILL. The next request starts another.
    pub async fn kill(&self, function: &str) -> anyhow::Result<()> {
        self.keeper(function)?.kill().await
    }

    /// Deploys the functions with the variable `name` set to `value`, or not at all. Each
    /// request that comes from now on meets a process that has it so.
    pub fn deploy(&self, name: &str, value: Option<&str>) {
        self.router.variables.deploy(name, value);
    }

    /// The paths of the crons, e.g. `/api/cron/deliver`.
    pub fn crons(&self) -> Vec<String> {
        self.router.vercel_json.crons.iter().map(|cron| cron.path.clone()).collect()
    }

    /// Calls the cron at `path` as the scheduler does, and returns the status it answered with.
    pub async fn fire_cron(&self, path: &str) -> anyhow::Result<u16> {
        crons::fire(&self.router, path).await
    }

    /// What the functions printed.
    pub fn log(&self) -> &Log {
        &self.router.log
    }

    /// Stops listening, then the functions.
    pub async fn stop(&self) -> anyhow::Result<()> {
        self.tasks.lock().await.shutdown().await;
        try_join_all(self.router.functions.values().map(|function| function.keeper.stop())).await?;
        Ok(())
    }

    fn keeper(&self, function: &str) -> anyhow::Result<&Keeper> {
        let mut endpoints = self.router.functions.values();
        endpoints
            .find(|endpoint| endpoint.name == function)
            .map(|endpoint| &endpoint.keeper)
            .with_context(|| format!("there is no function {function}"))
    }
}

/// Answers requests until this future is dropped, and all connections with it.
async fn serve(listener: TcpListener, router: Arc<Router>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, client)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        while connections.try_join_next().is_some() {}

        let router = Arc::clone(&router);
        let service = service_fn(move |request: Request<_>| {
            let router = Arc::clone(&router);
            async move { Ok::<_, Infallible>(router.answer(request.map(Body::new), client.ip()).await) }
        });
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        connections.spawn(async {
            // A client that goes away is no failure of ours.
            let _ = connection.await;
        });
    }
}
