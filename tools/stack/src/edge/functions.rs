//! The files that are functions.

use std::path::Path;

use anyhow::{Context as _, bail};

/// One file in `api/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// Its path in the project, e.g. `api/sms/inbound.rs`.
    pub(super) file: String,
    /// Its path in URLs, e.g. `/api/sms/inbound`.
    pub(super) path: String,
    /// The name of its executable, e.g. `sms_inbound`.
    pub(super) name: String,
}

/// Finds the functions of the project in `folder` as Vercel does: every Rust file in `api/`
/// whose name does not begin with an underscore or a dot.
pub(super) fn find(folder: &Path) -> anyhow::Result<Vec<Source>> {
    let mut found = Vec::new();
    search(&folder.join("api"), &mut Vec::new(), &mut found)?;
    found.sort_by(|one, other| one.file.cmp(&other.file));
    Ok(found)
}

/// Adds the functions in `folder`, whose path below `api/` is `parts`.
fn search(folder: &Path, parts: &mut Vec<String>, found: &mut Vec<Source>) -> anyhow::Result<()> {
    let cannot_read = || format!("{} cannot be read", folder.display());
    for entry in folder.read_dir().with_context(cannot_read)? {
        let entry = entry.with_context(cannot_read)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(['_', '.']) {
            continue;
        }
        if entry.file_type().with_context(cannot_read)?.is_dir() {
            parts.push(name);
            search(&entry.path(), parts, found)?;
            parts.pop();
        } else if let Some(stem) = name.strip_suffix(".rs") {
            if stem == "index" || stem.contains('[') {
                bail!(
                    "the local edge does not know Vercel's rules for {name}; give it another name"
                );
            }
            parts.push(stem.to_owned());
            found.push(Source {
                file: format!("api/{}.rs", parts.join("/")),
                path: format!("/api/{}", parts.join("/")),
                name: parts.join("_"),
            });
            parts.pop();
        }
    }
    Ok(())
}
