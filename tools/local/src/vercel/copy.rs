//! A copy of the project's files: what git would give to whoever clones it.

use std::{
    ffi::OsStr,
    fs,
    fs::File,
    io,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;

/// Replaces the folder `to` by a copy of the project in `from`, changes that are not committed
/// yet included.
pub(super) async fn refresh(from: &Path, to: &Path) -> Result<()> {
    let files = list(from).await?;
    match fs::remove_dir_all(to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(|| not_written(to));
        }
        _ => {}
    }
    for file in files {
        let (source, target) = (from.join(&file), to.join(&file));
        // Git still lists a file that was deleted since the last commit.
        if source.is_file() {
            copy(&source, &target).with_context(|| not_written(&target))?;
        }
    }
    Ok(())
}

/// The files in `folder` that are git's, or would be with the next commit.
async fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let git = Command::new("git")
        // Whoever runs this need not own the files.
        .args(["-c", "safe.directory=*", "ls-files", "-z"])
        .args(["--cached", "--others", "--exclude-standard"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .await
        .context("git is missing")?;
    ensure!(
        git.status.success(),
        "git cannot list the project's files: {}",
        String::from_utf8_lossy(&git.stderr).trim(),
    );
    let names = git.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Ok(names.map(|name| PathBuf::from(OsStr::from_bytes(name))).collect())
}

/// Copies a file and the time it was changed, by which cargo knows what it built already.
fn copy(source: &Path, target: &Path) -> io::Result<()> {
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::copy(source, target)?;
    let changed = fs::metadata(source)?.modified()?;
    File::options().append(true).open(target)?.set_modified(changed)
}

/// What is said when `path` cannot be written.
pub(super) fn not_written(path: &Path) -> String {
    format!("{} could not be written", path.display())
}
