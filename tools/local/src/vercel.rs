//! Vercel's own command line program, the judge of what we deploy.
//!
//! It builds the project as for a deployment, and serves it as it would be served. Both are
//! done offline and without an account, in copies of the project, because the program leaves
//! things behind: `vercel dev` does not even start where `vercel build` was.
//!
//! The program is pinned by `tools/local/vercel/package-lock.json`. Neither a deployment nor
//! `cargo dev` installs it.

mod copy;
mod dev;

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tokio::process::Command;

pub use self::dev::DevServer;
use stack::{
    child::{self, Child, StopSignal},
    compile, node,
    progress::Progress,
    project,
};

/// Vercel's program, and a folder for all it makes.
#[derive(Debug)]
pub struct Vercel {
    node: PathBuf,
    script: PathBuf,
    folder: PathBuf,
    progress: Progress,
}

impl Vercel {
    /// Installs the program if it is not there. What is left in `folder` makes the next time
    /// faster.
    pub async fn prepare(folder: PathBuf, progress: Progress) -> Result<Self> {
        let packages = project::root().join("tools/local/vercel");
        let announcement = "installing Vercel's program from npm (once, about 360 MB)";
        let node = node::with_packages(&packages, announcement, &progress).await?;
        let script = packages.join("node_modules/vercel/dist/vc.js");
        Ok(Self { node, script, folder, progress })
    }

    /// Builds the project as for a deployment, and returns the folder of Vercel's Build Output:
    /// <https://vercel.com/docs/build-output-api>.
    ///
    /// The functions are optimized less than in a real deployment, to be built sooner.
    pub async fn build(&self) -> Result<PathBuf> {
        let project = self.copy("build").await?;
        // Without this the program would look the project up at Vercel.
        let stand_in = json!({ "projectId": "local", "orgId": "local", "settings": {} });
        let folder = project.join(".vercel");
        fs::create_dir(&folder).with_context(|| copy::not_written(&folder))?;
        let file = folder.join("project.json");
        fs::write(&file, stand_in.to_string()).with_context(|| copy::not_written(&file))?;

        self.progress.say("building the project as Vercel does");
        let mut command = self.command(&project);
        command
            .args(["build", "--yes", "--standalone"])
            // The program takes this machine for Vercel's, and needs no cross compiler.
            .env("VERCEL_BUILD_IMAGE", "1")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            .env("CARGO_PROFILE_RELEASE_LTO", "off");
        let mut build = Child::spawn(&mut command).context("Vercel's program cannot be run")?;
        let status = build.wait().await.context("Vercel's program cannot be waited for")?;
        ensure!(status.success(), "Vercel cannot build the project; the reason is above");
        Ok(folder.join("output"))
    }

    /// Serves the project by `vercel dev`, with these variables for its functions.
    pub async fn dev(&self, variables: &BTreeMap<String, String>) -> Result<DevServer> {
        let project = self.copy("dev").await?;
        dev::write_variables(&project, variables)?;
        self.progress.say("building the functions for vercel dev");
        let executables = compile::functions_of(&project, &self.target()).await?;
        self.progress.say("starting vercel dev");
        DevServer::start(self.command(&project), project, executables).await
    }

    /// A fresh copy of the project.
    async fn copy(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        copy::refresh(project::root(), &folder).await?;
        Ok(folder)
    }

    /// Where cargo builds the copies, all of them.
    fn target(&self) -> PathBuf {
        self.folder.join("target")
    }

    /// The command that runs the program in `project`, as nobody in particular.
    fn command(&self, project: &Path) -> Command {
        let mut command = child::command(&self.node, StopSignal::Terminate);
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("VERCEL") || text.starts_with("NOW_") {
                command.env_remove(&name);
            }
        }
        compile::hide_our_package(&mut command);
        command
            .arg(&self.script)
            .arg("--global-config")
            .arg(self.folder.join("global"))
            .env("CARGO_TARGET_DIR", self.target())
            .env("NO_UPDATE_NOTIFIER", "1")
            .env("VERCEL_TELEMETRY_DISABLED", "1")
            .current_dir(project)
            .stdout(Stdio::inherit())
            .stderr(Stdio::inherit());
        command
    }
}
