//! A real browser, driven through the product by a script of `tools/local/browser/`.
//!
//! The script and what it needs are pinned there; the browser is the system's.

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, Result, ensure};

use stack::{
    child::{self, Child, StopSignal},
    node,
    progress::Progress,
    project,
};

/// The variable that names the browser where it is none of [`NAMES`].
const VARIABLE: &str = "CHROMIUM";

/// What the browser may be called.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// The browser, and what drives it.
#[derive(Debug)]
pub struct Browser {
    node: PathBuf,
    scripts: PathBuf,
    program: PathBuf,
}

impl Browser {
    /// Finds the browser, and installs what drives it where that is missing.
    pub async fn prepare(progress: &Progress) -> Result<Self> {
        let program = program().with_context(|| {
            format!("there is no Chromium: install it (Debian: chromium), or name it in {VARIABLE}")
        })?;
        let scripts = project::root().join("tools/local/browser");
        let announcement = "installing what drives a browser from npm (once, about 10 MB)";
        let node = node::with_packages(&scripts, announcement, progress).await?;
        Ok(Self { node, scripts, program })
    }

    /// Runs a script with `variables` to its end, which has to be a good one.
    pub async fn run(&self, script: &str, variables: &BTreeMap<&str, String>) -> Result<()> {
        let mut command = child::command(&self.node, StopSignal::Terminate);
        command
            .arg(self.scripts.join(script))
            .env(VARIABLE, &self.program)
            .envs(variables)
            .stdout(Stdio::inherit())
            .stderr(Stdio::inherit());
        let mut child = Child::spawn(&mut command).context("the script cannot be run")?;
        let status = child.wait().await.context("the script cannot be waited for")?;
        ensure!(status.success(), "{script} has found something; it is above");
        Ok(())
    }
}

/// The browser that was named, or the first that is there.
fn program() -> Option<PathBuf> {
    if let Some(named) = env::var_os(VARIABLE) {
        return Some(PathBuf::from(named)).filter(|path| path.is_file());
    }
    let path = env::var_os("PATH")?;
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    let mut candidates =
        NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    candidates.find(|path: &PathBuf| Path::is_file(path))
}
