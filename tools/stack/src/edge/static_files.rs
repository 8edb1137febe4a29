//! The files of `public/`.

use std::path::{Path, PathBuf};

use axum::{
    body::Body,
    response::{IntoResponse as _, Response},
};
use hyper::{
    StatusCode,
    header::{CONTENT_TYPE, HeaderValue},
};
use percent_encoding::percent_decode_str;

/// The only folder with a leading dot that is meant to be read.
const WELL_KNOWN: &str = ".well-known";

/// A folder whose files are public.
#[derive(Debug)]
pub(super) struct StaticFiles {
    folder: PathBuf,
}

impl StaticFiles {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The file at the path of a URL. A folder stands for its `index.html`.
    pub(super) async fn get(&self, path: &str) -> Option<Response> {
        let mut file = self.locate(path)?;
        if tokio::fs::metadata(&file).await.ok()?.is_dir() {
            file.push("index.html");
        } else if path.ends_with('/') {
            return None;
        }
        read(&file, StatusCode::OK).await
    }

    /// The page for paths where there is nothing, if the project has one.
    pub(super) async fn not_found(&self) -> Option<Response> {
        read(&self.folder.join("404.html"), StatusCode::NOT_FOUND).await
    }

    /// Where the file of a URL's path would be.
    ///
    /// Each part of the path is decoded by itself and must then be a plain name: no dots to
    /// climb with, no hidden file, nothing that is a separator once it is decoded.
    fn locate(&self, path: &str) -> Option<PathBuf> {
        let mut file = self.folder.clone();
        if path == "/" {
            return Some(file);
        }
        let path = path.strip_prefix('/')?;
        let path = path.strip_suffix('/').unwrap_or(path);
        for part in path.split('/') {
            let name = percent_decode_str(part).decode_utf8().ok()?;
            let is_hidden = name.starts_with('.') && name != WELL_KNOWN;
            if name.is_empty() || name.contains(['/', '\\', '\0']) || is_hidden {
                return None;
            }
            file.push(name.as_ref());
        }
        Some(file)
    }
}

/// A response with the contents of `file`, if it can be read.
async fn read(file: &Path, status: StatusCode) -> Option<Response> {
    let contents = tokio::fs::read(file).await.ok()?;
    let mut response = (status, Body::from(contents)).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type(file)));
    Some(response)
}

/// The type of a file by the end of its name.
fn content_type(file: &Path) -> &'static str {
    match file.extension().and_then(|extension| extension.to_str()).unwrap_or_default() {
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "ico" => "image/vnd.microsoft.icon",
        "js" | "mjs" => "application/javascript; charset=utf-8",
        "json" => "application/json; charset=utf-8",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "txt" => "text/plain; charset=utf-8",
        "webmanifest" => "application/manifest+json",
        "woff2" => "font/woff2",
        "xml" => "application/xml",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where `path` leads below a folder `public`.
    #[track_caller]
    fn check(path: &str, file: Option<&str>) {
        let files = StaticFiles::new(PathBuf::from("public"));
        assert_eq!(files.locate(path), file.map(|file| Path::new("public").join(file)), "{path}");
    }

    #[test]
    fn a_path_leads_to_a_file_below_the_folder_or_nowhere() {
        check("/", Some(""));
        check("/logo.svg", Some("logo.svg"));
        check("/docs/", Some("docs"));
        check("/fonts/a%20b.woff2", Some("fonts/a b.woff2"));
        check("/.well-known/security.txt", Some(".well-known/security.txt"));
        check("/%2ewell-known/security.txt", Some(".well-known/security.txt"));
        check("/.env", None);
        check("/a/.git/config", None);
        check("/..", None);
        check("/../Cargo.toml", None);
        check("/%2e%2e/Cargo.toml", None);
        check("/..%2fCargo.toml", None);
        check("/a%2f..%2f..%2fCargo.toml", None);
        check("/a\\..\\..\\Cargo.toml", None);
        check("/%00", None);
        check("/%ff", None);
        check("//", None);
        check("//style.css", None);
        check("/docs//a", None);
        check("style.css", None);
    }
}
