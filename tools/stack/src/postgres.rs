//! A Postgres server of our own: its data, its process, its databases.

mod place;

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, Error, Result, anyhow, bail, ensure};
use tokio::{
    process::Command,
    sync::Mutex,
    time::{Instant, sleep},
};
use tokio_postgres::{Client, NoTls};

use self::place::Place;
use crate::{
    child::{self, Child, StopSignal},
    file_lock,
    node::Node,
    port::Port,
};

/// The superuser. Hosted projects have one of this name too, which only Supabase may use.
pub(crate) const SUPERUSER: &str = "supabase_admin";

/// How long a server may take to start, recovery after a crash included.
const START: Duration = Duration::from_secs(60);

/// How long the server of an earlier run may take to stop.
const STOP_OF_AN_EARLIER_RUN: Duration = Duration::from_secs(15);

/// How often it is looked whether something has happened that cannot be waited for.
const LOOK: Duration = Duration::from_millis(10);

/// Where a cluster's data is, and how long.
#[derive(Debug, Clone)]
pub enum Data {
    /// In this folder, for later runs.
    Kept(PathBuf),
    /// In a folder of its own, which is removed with the cluster.
    Temporary,
}

impl Data {
    /// Deletes the data. Nothing may be running on it.
    pub async fn erase(&self) -> Result<()> {
        match self {
            Self::Kept(path) => place::erase(path).await,
            Self::Temporary => Ok(()),
        }
    }
}

/// A running server.
///
/// It writes as durably as Postgres does by default: what has been committed survives
/// [`Cluster::crash`], and us.
#[derive(Debug)]
pub struct Cluster {
    place: Place,
    folder: PathBuf,
    is_temporary: bool,
    port: ChosenPort,
    server: Mutex<Option<Child>>,
}

/// The port a server listens on.
#[derive(Debug)]
enum ChosenPort {
    Fixed(u16),
    /// Stays ours while the server is down.
    Reserved(Port),
}

impl ChosenPort {
    fn number(&self) -> u16 {
        match self {
            Self::Fixed(number) => *number,
            Self::Reserved(port) => port.number(),
        }
    }
}

impl Cluster {
    /// Starts a server on `data`, which is made if it is not there. It listens on `port` of
    /// 127.0.0.1, or on a free one, and ends when we do.
    pub async fn start(node: &Node, data: Data, port: Option<u16>) -> Result<Self> {
        let place = Place::find(node).await?;
        let folder = match &data {
            Data::Kept(path) => place.kept(path)?,
            Data::Temporary => place.temporary()?,
        };
        let port = match port {
            Some(number) => ChosenPort::Fixed(number),
            None => ChosenPort::Reserved(Port::reserve().context("no port is free")?),
        };
        let is_temporary = matches!(data, Data::Temporary);
        let cluster = Self { place, folder, is_temporary, port, server: Mutex::default() };
        match cluster.resume().await {
            Ok(()) => Ok(cluster),
            Err(error) => {
                // Whatever fails now is of no interest beside the first error.
                let _ = cluster.stop().await;
                Err(error)
            }
        }
    }

    /// The port the server listens on.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// The address of a database, for the superuser.
    pub fn url(&self, database: &str) -> String {
        self.url_as(SUPERUSER, database)
    }

    /// The address of a database, for a role. No role needs a password.
    pub(crate) fn url_as(&self, role: &str, database: &str) -> String {
        format!("postgresql://{role}@127.0.0.1:{}/{database}?sslmode=disable", self.port())
    }

    /// A folder for what belongs to the cluster and is not Postgres' own. It lasts as long as
    /// the data.
    pub(crate) fn companion_folder(&self) -> Result<PathBuf> {
        made(self.folder.join("companions"))
    }

    /// The same for one database. It lasts as long as that.
    pub(crate) fn companion_folder_of(&self, database: &str) -> Result<PathBuf> {
        made(self.companion_folder()?.join(database))
    }

    /// Connects to a database as the superuser.
    pub async fn connect(&self, database: &str) -> Result<Client> {
        connect(&self.url(database)).await
    }

    /// Makes the database `name`, a copy of `template`, and as on a hosted project owned by
    /// `postgres`.
    pub async fn create_database(&self, name: &str, template: &str) -> Result<()> {
        let client = self.connect("postgres").await?;
        client
            .batch_execute(&format!(
                r#"create database "{name}" template "{template}" owner postgres"#
            ))
            .await
            .with_context(|| format!("the database {name} could not be made from {template}"))
    }

    /// Drops the database `name`, if it is there, whoever is connected to it.
    pub async fn drop_database(&self, name: &str) -> Result<()> {
        let client = self.connect("postgres").await?;
        client
            .batch_execute(&format!(r#"drop database if exists "{name}" with (force)"#))
            .await
            .with_context(|| format!("the database {name} could not be dropped"))?;
        let companion = self.companion_folder_of(name)?;
        fs::remove_dir_all(&companion)
            .with_context(|| format!("{} could not be removed", companion.display()))
    }

    /// Whether there is a database of this name.
    pub async fn has_database(&self, name: &str) -> Result<bool> {
        let client = self.connect("postgres").await?;
        let question = "select exists (select from pg_database where datname = $1)";
        Ok(client.query_one(question, &[&name]).await?.get(0))
    }

    /// Stops the server and keeps the cluster, for [`Cluster::resume`].
    pub async fn halt(&self) -> Result<()> {
        if let Some(server) = self.server.lock().await.take() {
            server.stop().await.context("Postgres could not be stopped")?;
        }
        Ok(())
    }

    /// Ends the server before it can finish anything, and keeps the cluster, for [`Cluster::resume`].
    pub async fn crash(&self) -> Result<()> {
        if let Some(mut server) = self.server.lock().await.take() {
            server.kill().await.context("Postgres could not be killed")?;
        }
        Ok(())
    }

    /// Starts the server again, if it is not running, on the same data and port.
    pub async fn resume(&self) -> Result<()> {
        let mut running = self.server.lock().await;
        if let Some(server) = running.as_mut()
            && server.exit_status()?.is_none()
        {
            return Ok(());
        }
        let lock = self.lock().await?;
        let data = self.folder.join("data");
        if !data.exists() {
            self.make(&data).await?;
        }
        *running = Some(self.serve(&data, lock).await?);
        Ok(())
    }

    /// Stops the server. Temporary data is removed.
    pub async fn stop(self) -> Result<()> {
        self.halt().await?;
        if self.is_temporary {
            // Processes of a server that was killed may still be about to end.
            let _lock = self.lock().await?;
            fs::remove_dir_all(&self.folder)
                .with_context(|| format!("{} could not be removed", self.folder.display()))?;
        }
        Ok(())
    }

    /// Locks the folder. The lock is inherited by everything the server starts, so whoever
    /// has it knows that nothing of Postgres runs on the data any more.
    async fn lock(&self) -> Result<File> {
        let file = file_lock::open(&place::lock_file(&self.folder))?;
        let deadline = Instant::now() + STOP_OF_AN_EARLIER_RUN;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(error)) => return Err(error.into()),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(LOOK).await,
                Err(TryLockError::WouldBlock) => bail!(
                    "the database in {} is already in use, by another run of the local stack",
                    self.folder.display(),
                ),
            }
        }
    }

    /// Makes an empty cluster. What is there under its name is whole.
    async fn make(&self, data: &Path) -> Result<()> {
        let unfinished = data.with_extension("unfinished");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished)?;
        }
        let mut initdb = self.command(Command::new(self.place.program("initdb")));
        initdb
            // A password everyone can read in the code would keep nobody out.
            .args(["--username", SUPERUSER, "--auth=trust"])
            .args(["--encoding=UTF8", "--locale=C"])
            // The same order of text on every machine.
            .args(["--locale-provider=builtin", "--builtin-locale=C.UTF-8"])
            .arg("--pgdata")
            .arg(&unfinished);
        if self.is_temporary {
            // Only a power cut could lose it, and then nobody looks for it.
            initdb.arg("--no-sync");
        }
        let output = initdb.kill_on_drop(true).output().await?;
        ensure!(
            output.status.success(),
            "Postgres could not make its data in {}: {}",
            self.folder.display(),
            String::from_utf8_lossy(&output.stderr).trim(),
        );
        fs::rename(&unfinished, data)?;
        Ok(())
    }

    /// Starts the server and waits until it takes connections.
    async fn serve(&self, data: &Path, lock: File) -> Result<Child> {
        // After a power cut it is still there, and the process id in it may be someone else's by
        // now, whom Postgres would take for a server. We have the lock, so there is none.
        match fs::remove_file(data.join("postmaster.pid")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }

        let log = self.folder.join("server.log");
        let program = self.place.program("postgres");
        let mut server = self.command(child::command(&program, StopSignal::Interrupt));
        server.arg("-D").arg(data).arg("-p").arg(self.port().to_string());
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=200",
            "timezone=UTC",
            "log_timezone=UTC",
        ] {
            server.args(["-c", setting]);
        }
        let mut server = Child::spawn(server.stdout(lock).stderr(File::create(&log)?))
            .context("Postgres could not be started")?;

        let deadline = Instant::now() + START;
        while !is_ready(data) {
            if server.exit_status()?.is_some() {
                return Err(self.why_it_ended(&log));
            }
            ensure!(Instant::now() < deadline, "Postgres does not start; see {}", log.display());
            sleep(LOOK).await;
        }
        Ok(server)
    }

    /// Gives `command` what all of Postgres' programs need.
    fn command(&self, mut command: Command) -> Command {
        command.env_clear().env("LC_ALL", "C").current_dir(&self.folder).stdin(Stdio::null());
        self.place.lend_account(&mut command);
        command
    }

    /// What went wrong, from the log of a server that ended.
    fn why_it_ended(&self, log: &Path) -> Error {
        let text = fs::read_to_string(log).unwrap_or_default();
        if text.contains("Address already in use") {
            return anyhow!(
                "port {} is in use by another program: Postgres cannot listen on it",
                self.port(),
            );
        }
        let mut reason = text.lines().filter_map(|line| Some(line.split_once("FATAL:")?.1.trim()));
        let reason = reason.next_back().unwrap_or("it gave no reason");
        anyhow!("Postgres ended when it started: {reason} (see {})", log.display())
    }
}

/// `folder`, which is made if it is not there.
fn made(folder: PathBuf) -> Result<PathBuf> {
    fs::create_dir_all(&folder)
        .with_context(|| format!("{} could not be made", folder.display()))?;
    Ok(folder)
}

/// Whether the server has written that it takes connections, as pg_ctl finds out.
fn is_ready(data: &Path) -> bool {
    fs::read_to_string(data.join("postmaster.pid"))
        .is_ok_and(|text| text.lines().nth(7).is_some_and(|state| state.trim_end() == "ready"))
}

/// Connects to a database. The connection ends with the client.
pub(crate) async fn connect(url: &str) -> Result<Client> {
    let (client, connection) =
        tokio_postgres::connect(url, NoTls).await.context("Postgres cannot be reached")?;
    tokio::spawn(async move {
        // Whatever breaks the connection is an error of the client's calls as well.
        let _ = connection.await;
    });
    Ok(client)
}
