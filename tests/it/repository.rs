//! What the repository says of itself must be true.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use leadslock::{deployment, settings};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Every file below `folder`, relative to the root.
fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// Vercel builds every file in `api/` as a function and looks its `[[bin]]` up
/// by path; a file without one breaks the build.
#[test]
fn every_file_in_api_is_an_executable_named_after_its_path_and_deployed() {
    let manifest = read("Cargo.toml");
    let sources: Vec<String> =
        files("api").iter().map(|path| path.to_str().unwrap().to_owned()).collect();
    for source in &sources {
        let name = source.trim_start_matches("api/").trim_end_matches(".rs").replace('/', "_");
        let bin = format!("[[bin]]\nname = \"{name}\"\npath = \"{source}\"\n");
        assert!(manifest.contains(&bin), "Cargo.toml has no executable {name} of {source}");
    }
    assert_eq!(manifest.matches("\n[[bin]]\n").count(), sources.len());

    let deployed: BTreeSet<_> =
        deployment::FUNCTIONS.iter().map(|function| function.source.to_owned()).collect();
    assert_eq!(deployed, sources.into_iter().collect());
}

#[test]
fn vercel_json_is_what_the_code_makes() {
    let want = deployment::vercel_json();
    assert_eq!(
        read("vercel.json"),
        want,
        "write it anew: cargo run --package local -- vercel-json > vercel.json"
    );
}

#[test]
fn crons_call_functions_that_are_deployed() {
    for (path, _) in deployment::CRONS {
        let source = format!("{}.rs", path.trim_start_matches('/'));
        assert!(deployment::FUNCTIONS.iter().any(|function| function.source == source), "{path}");
    }
}

/// The variables of `.env.example`, and no others, are what the code reads.
#[test]
fn every_variable_is_documented_and_every_documented_variable_is_read() {
    let documented: Vec<String> = read(".env.example")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name.to_owned())
        .collect();
    assert_eq!(documented, settings::VARIABLES);

    let code = read("lib/src/settings.rs");
    for variable in settings::VARIABLES {
        // Once in the list, and at least once where it is read.
        let uses = code.matches(&format!("\"{variable}\"")).count();
        assert!(uses >= 2, "{variable} is never read");
    }
    let sources = [files("lib/src"), files("api")].concat();
    for path in sources.iter().filter(|path| path.extension() == Some("rs".as_ref())) {
        let text = read(path.to_str().unwrap());
        let is_reader = path.ends_with("settings.rs");
        assert!(is_reader || !text.contains("env::var"), "{path:?} reads the environment");
    }
}

/// `secrets.env`: no key of a real provider is in the tree.
#[test]
fn promise_secrets_env_no_key_is_in_the_tree() {
    let folders = ["api", "lib/src", "local/src", "supabase", "tests", "public"];
    let paths = folders.iter().flat_map(|folder| files(folder));
    for path in paths {
        let Ok(text) = fs::read_to_string(root().join(&path)) else { continue };
        for line in text.lines() {
            for prefix in ["sk_live_", "sk_test_", "whsec_", "gsk_", "sb_secret_", "SK", "AC"] {
                let Some((_, after)) = line.split_once(prefix) else { continue };
                let key: String = after.chars().take_while(char::is_ascii_alphanumeric).collect();
                let distinct = key.chars().collect::<BTreeSet<_>>().len();
                // Random keys are long and varied; the fakes of this repository are not.
                let is_random = key.len() >= 20
                    && distinct >= 10
                    && key.chars().any(|letter| letter.is_ascii_digit());
                assert!(!is_random, "{path:?} holds what looks like a key: {prefix}…");
            }
        }
    }
}

#[test]
fn the_toolchain_is_one_everywhere() {
    let pinned = read("rust-toolchain.toml");
    let version = pinned.lines().find_map(|line| line.strip_prefix("channel = ")).unwrap();
    let version = version.trim_matches('"');
    let minor = version.rsplit_once('.').unwrap().0;
    assert!(read("Cargo.toml").contains(&format!("rust-version = \"{minor}\"")));
}
