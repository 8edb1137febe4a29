//! Where the project's own files are.

use std::path::{Path, PathBuf};

/// The folder with the workspace's `Cargo.toml`.
pub fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).unwrap_or(package)
}

/// The folder that keeps what the local stack leaves behind. Git ignores it, and all of it
/// may be deleted while nothing runs.
pub fn state() -> PathBuf {
    root().join(".local")
}

/// The folder with the gateway and the list of npm packages it needs.
pub(crate) fn npm() -> PathBuf {
    root().join("tools/stack/supabase")
}
