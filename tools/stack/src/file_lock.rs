//! A lock among processes: a file only one of them has locked.

use std::{fs, fs::File, path::Path};

use anyhow::{Context as _, Result};

/// Holds the lock until it is dropped, or the process ends however it may.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

impl FileLock {
    /// Waits until nobody else has `path` locked. The file stays where it is.
    pub async fn wait(path: &Path) -> Result<Self> {
        let path = path.to_owned();
        let lock = tokio::task::spawn_blocking(move || {
            let file = open(&path)?;
            file.lock().with_context(|| format!("{} could not be locked", path.display()))?;
            anyhow::Ok(Self { _file: file })
        });
        lock.await?
    }
}

/// Opens `path`, which is made if it is not there.
pub fn open(path: &Path) -> Result<File> {
    let not_made = || format!("{} could not be made", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(not_made)?;
    }
    File::options().create(true).append(true).open(path).with_context(not_made)
}
