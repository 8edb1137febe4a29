//! Who Postgres runs as, and where its programs and data can be for that.
//!
//! Postgres refuses to run as root. Where we are root (in a container, mostly) it runs as
//! `nobody`, who may be unable to reach the project: one in root's own home, say. Then the
//! programs are copied to, and the data is kept in, a folder of `/var/tmp` that belongs to
//! the project.

use std::{
    fs,
    io::ErrorKind,
    os::unix::{
        ffi::OsStrExt as _,
        fs::{MetadataExt as _, PermissionsExt, chown},
    },
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;
use uuid::Uuid;

use crate::{
    digest::digest,
    file_lock::{self, FileLock},
    node::Node,
    project,
};

/// Where folders are that everyone can reach, and that survive a restart of the machine.
const OPEN_TO_ALL: &str = "/var/tmp";

/// The beginning of the names of folders that end with the cluster they were made for.
const TEMPORARY: &str = "leadslock-postgres-";

/// An account of this machine.
#[derive(Debug, Clone, Copy)]
struct Account {
    uid: u32,
    gid: u32,
}

/// How to reach Postgres' files as the account it runs as.
#[derive(Debug)]
pub(super) struct Place {
    /// None where Postgres runs as we do.
    account: Option<Account>,
    /// The folder with Postgres' programs.
    programs: PathBuf,
}

impl Place {
    /// Chooses the account, and makes the programs reachable for it.
    pub(super) async fn find(node: &Node) -> Result<Self> {
        let account = if is_root().await? { Some(nobody()?) } else { None };
        let installed = node.postgres();
        let programs = if account.is_none() || is_open(&installed.join("bin")) {
            installed
        } else {
            copy(&installed).await?
        };
        Ok(Self { account, programs: programs.join("bin") })
    }

    /// One of Postgres' programs.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// Makes `command` run as the account Postgres runs as.
    pub(super) fn lend_account(&self, command: &mut Command) {
        if let Some(Account { uid, gid }) = self.account {
            command.uid(uid).gid(gid);
        }
    }

    /// Makes the folder for data that is kept: `wanted`, or a stand-in for it where the
    /// account cannot reach that.
    pub(super) fn kept(&self, wanted: &Path) -> Result<PathBuf> {
        let folder = kept(wanted, self.account.is_none())?;
        self.give(&folder)?;
        Ok(folder)
    }

    /// Makes a folder for data that is not kept, and removes those of clusters that have
    /// ended without doing so.
    pub(super) fn temporary(&self) -> Result<PathBuf> {
        let system = std::env::temp_dir();
        let parent =
            if self.account.is_none() || is_open(&system) { system } else { OPEN_TO_ALL.into() };
        remove_leftovers(&parent);
        let folder = parent.join(format!("{TEMPORARY}{}", Uuid::new_v4().simple()));
        make(&folder)?;
        self.give(&folder)?;
        Ok(folder)
    }

    /// Gives `folder` to the account.
    fn give(&self, folder: &Path) -> Result<()> {
        if let Some(Account { uid, gid }) = self.account {
            chown(folder, Some(uid), Some(gid))
                .with_context(|| format!("{} could not be given to nobody", folder.display()))?;
        }
        Ok(())
    }
}

/// Deletes all data kept under `wanted`, wherever it is. Nothing may be using it.
pub(super) async fn erase(wanted: &Path) -> Result<()> {
    let folder = kept(wanted, !is_root().await?)?;
    fs::remove_dir_all(&folder)
        .with_context(|| format!("{} could not be deleted", folder.display()))
}

/// The folder for data wanted at `wanted`, made if need be. Everyone must be able to reach
/// it unless `is_ours`.
fn kept(wanted: &Path, is_ours: bool) -> Result<PathBuf> {
    let parent = wanted.parent().unwrap_or(wanted);
    make(parent)?;
    let folder =
        if is_ours || is_open(parent) { wanted.to_owned() } else { stand_in(wanted)?.join("data") };
    make(&folder)?;
    Ok(folder)
}

/// Whether we run as the one account Postgres refuses to run as.
async fn is_root() -> Result<bool> {
    let output = Command::new("id").arg("-u").output().await;
    let output = output.context("the program `id` could not be run")?;
    Ok(output.stdout.trim_ascii() == b"0")
}

/// The account that owns nothing.
fn nobody() -> Result<Account> {
    let accounts = fs::read_to_string("/etc/passwd").context("/etc/passwd could not be read")?;
    let account = accounts.lines().find_map(|line| {
        let mut fields = line.strip_prefix("nobody:")?.split(':').skip(1);
        Some(Account { uid: number(fields.next()?)?, gid: number(fields.next()?)? })
    });
    account.context("Postgres cannot run as root, and there is no account `nobody` to run it as")
}

/// macOS writes the id of `nobody` as -2.
fn number(id: &str) -> Option<u32> {
    id.parse().ok().or_else(|| id.parse::<i32>().ok().map(i32::cast_unsigned))
}

/// Whether every account can list `folder` and reach what is in it.
fn is_open(folder: &Path) -> bool {
    let allows = |path: &Path, bits| {
        fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & bits == bits)
    };
    folder.canonicalize().is_ok_and(|folder| {
        allows(&folder, 0o005) && folder.ancestors().all(|ancestor| allows(ancestor, 0o001))
    })
}

/// Makes `folder` and those around it.
fn make(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("{} could not be made", folder.display()))
}

/// A folder everyone can reach, for what should be at `path` and cannot.
fn stand_in(path: &Path) -> Result<PathBuf> {
    let name: String = digest([path.as_os_str().as_bytes()]).chars().take(16).collect();
    let folder = Path::new(OPEN_TO_ALL).join(format!("leadslock-{name}"));
    match fs::create_dir(&folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            return Err(error).with_context(|| format!("{} could not be made", folder.display()));
        }
        _ => {}
    }
    // Everyone may make folders in /var/tmp; what we run or trust must be in one of ours.
    let metadata = folder.symlink_metadata()?;
    ensure!(
        metadata.is_dir() && metadata.uid() == 0,
        "{} belongs to someone else; delete it",
        folder.display(),
    );
    fs::set_permissions(&folder, PermissionsExt::from_mode(0o755))?;
    Ok(folder)
}

/// Copies the folder with Postgres' programs to where everyone can reach it, once for each
/// version.
async fn copy(installed: &Path) -> Result<PathBuf> {
    let package = fs::read(installed.with_file_name("package.json"))?;
    let package: serde_json::Value = serde_json::from_slice(&package)?;
    let version = package.get("version").and_then(serde_json::Value::as_str);
    let version = version.context("Postgres' package has no version")?;

    let folder = stand_in(project::root())?;
    let _lock = FileLock::wait(&folder.join("lock")).await?;
    let copy = folder.join(format!("postgres-{version}"));
    if !copy.exists() {
        let unfinished = folder.join("unfinished");
        let mut cp = Command::new("/bin/sh");
        cp.args(["-c", r#"rm -rf "$2" && cp -R "$1" "$2" && chmod -R a+rX "$2""#, "cp"]);
        let output = cp.arg(installed).arg(&unfinished).output().await?;
        ensure!(
            output.status.success(),
            "Postgres could not be copied to {}: {}",
            folder.display(),
            String::from_utf8_lossy(&output.stderr).trim(),
        );
        fs::rename(&unfinished, &copy)?;
    }
    Ok(copy)
}

/// The file in a data folder that is locked while anything of Postgres runs on it.
pub(super) fn lock_file(folder: &Path) -> PathBuf {
    folder.join("lock")
}

/// Removes the temporary folders whose cluster has ended.
fn remove_leftovers(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let is_temporary = entry.file_name().as_bytes().starts_with(TEMPORARY.as_bytes());
        if is_temporary && is_abandoned(&lock_file(&entry.path())) {
            // Whoever cannot remove it leaves it to whom it belongs.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether a lock file is there and nobody has it locked, nor is just about to.
fn is_abandoned(lock: &Path) -> bool {
    let is_old = fs::metadata(lock)
        .and_then(|metadata| metadata.modified())
        .is_ok_and(|made| made.elapsed().is_ok_and(|age| age > Duration::from_secs(60)));
    is_old && file_lock::open(lock).is_ok_and(|file| file.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_linux_and_macos_write_them() {
        assert_eq!(number("65534"), Some(65_534));
        assert_eq!(number("-2"), Some(4_294_967_294));
        assert_eq!(number("none"), None);
    }

    #[test]
    fn a_folder_is_open_if_all_folders_around_it_are() {
        let outer = std::env::temp_dir().join(format!("leadslock-test-{}", Uuid::new_v4()));
        let inner = outer.join("inner");
        make(&inner).unwrap();
        let set = |mode| fs::set_permissions(&outer, PermissionsExt::from_mode(mode)).unwrap();

        set(0o755);
        let with_open_parent = is_open(&inner);
        set(0o711);
        let with_unlisted_parent = is_open(&inner);
        set(0o700);
        let with_closed_parent = is_open(&inner);
        fs::remove_dir_all(&outer).unwrap();

        assert_eq!(
            (with_open_parent, with_unlisted_parent, with_closed_parent),
            (true, true, false)
        );
        assert!(!is_open(Path::new("/no such folder")));
    }
}
