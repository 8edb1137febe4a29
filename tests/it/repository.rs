//! What the repository says of itself must be true.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use leadslock::{
    functions::{check, deployment, table::FUNCTIONS},
    pages::public::promises::PROMISES,
    settings::{self, Reader},
};
use serde_json::Value;

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Every file of ours below `folder`, relative to the root.
pub(crate) fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if !path.ends_with("node_modules") {
                    folders.push(path);
                }
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

    let deployed: BTreeSet<_> = FUNCTIONS.iter().map(|function| function.source()).collect();
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

/// Who reads a variable, as `.env.example` has to say it.
fn readers_of(variable: &str) -> String {
    let readers: Vec<String> = FUNCTIONS
        .iter()
        .filter(|function| function.reads(variable))
        .map(|function| function.name())
        .collect();
    if readers.len() == FUNCTIONS.len() {
        return "# Read by every function.".to_owned();
    }
    format!("# Read by {}.", readers.join(", "))
}

/// The variables of `.env.example`, and no others, are what the code reads, and it says of
/// each who reads it.
#[test]
fn every_variable_is_documented_with_who_reads_it() {
    let text = read(".env.example");
    let mut documented = Vec::new();
    for block in text.split("\n\n").filter(|block| block.contains('=')) {
        let variables: Vec<&str> = block
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once('='))
            .map(|(name, _)| name)
            .collect();
        for variable in &variables {
            let readers = readers_of(variable);
            let said: Vec<&str> =
                block.lines().filter(|line| line.starts_with("# Read by ")).collect();
            assert_eq!(said, [readers.as_str()], "of {variable}");
        }
        documented.extend(variables);
    }
    assert_eq!(documented, settings::VARIABLES);
    for path in [files("lib"), files("api")].concat() {
        if path.extension() == Some("rs".as_ref()) && !path.ends_with("lib/src/settings.rs") {
            let text = read(path.to_str().unwrap());
            assert!(!text.contains("env::var"), "{path:?} reads the environment");
        }
    }
}

/// The settings of a function are exactly those that the table of functions says: with
/// them it starts, without one of a group that it needs it does not.
#[test]
fn every_function_reads_what_the_table_says() {
    let example: BTreeMap<String, String> = read(".env.example")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    for function in FUNCTIONS {
        let start = |without: Option<&str>| {
            let is_given = |name: &str| function.reads(name) && Some(name) != without;
            let lookup = |name: &str| example.get(name).filter(|_| is_given(name)).cloned();
            check(function.path, Reader::new(&lookup)).unwrap()
        };
        start(None).unwrap_or_else(|error| panic!("{}: {error}", function.name()));
        for group in function.settings {
            let is_needed = |variable: &&&str| start(Some(variable)).is_err();
            assert!(
                group.variables().iter().any(|variable| is_needed(&variable)),
                "{} does not need {group:?}",
                function.name()
            );
        }
    }
}

/// `secrets.env`: no key of a real provider is in the tree.
#[test]
fn promise_secrets_env_no_key_is_in_the_tree() {
    let folders = ["api", "lib", "tools", "supabase", "tests", "public"];
    let paths = folders.iter().flat_map(|folder| files(folder));
    // The checksums of packages look like keys.
    for path in paths.filter(|path| !path.ends_with("package-lock.json")) {
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

/// Every promise of the security page names tests that there are.
#[test]
fn every_promise_is_held_by_tests_that_exist() {
    let sources: String = ["lib", "tests/it", "tools"]
        .iter()
        .flat_map(|folder| files(folder))
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| read(path.to_str().unwrap()))
        .collect();
    for promise in &PROMISES {
        for test in promise.tests {
            assert!(test.starts_with("promise_"), "{test}");
            assert!(sources.contains(&format!("fn {test}(")), "{}: no {test}", promise.id);
        }
        let own = format!("fn promise_{}_", promise.id.replace('.', "_"));
        let is_said_by_another = promise.id == "never.sell";
        assert!(sources.contains(&own) || is_said_by_another, "{}: no {own}", promise.id);
    }
}

/// `store.supabase`: what an owner has is rows of schema app.
#[test]
fn promise_store_supabase_profile_leads_and_texts_are_tables_of_schema_app() {
    let tables = files("supabase/schemas").into_iter().filter(|path| path.ends_with("tables.sql"));
    let schema: String = tables.map(|path| format!("\n{}", read(path.to_str().unwrap()))).collect();
    for table in ["businesses", "leads", "messages", "consent_events", "media"] {
        assert!(schema.contains(&format!("\ncreate table app.{table} (")), "{table}");
        let secured = format!("alter table app.{table} enable row level security;");
        assert!(schema.contains(&secured), "{table}");
    }
}

/// `host.vercel`: nothing is served by anything else.
#[test]
fn promise_host_vercel_every_page_and_function_is_deployed_there() {
    let deployed: Value = serde_json::from_str(&read("vercel.json")).unwrap();
    let functions = deployed["functions"].as_object().unwrap();
    let sources: Vec<String> =
        files("api").iter().map(|path| path.to_str().unwrap().to_owned()).collect();
    assert_eq!(functions.keys().cloned().collect::<Vec<_>>(), sources);
    assert_eq!(deployed["rewrites"][0]["destination"], "/api/page");
}

/// `canada.data`: what people write is processed in Montréal, by us.
#[test]
fn promise_canada_data_functions_run_in_montreal() {
    let deployed: Value = serde_json::from_str(&read("vercel.json")).unwrap();
    for (function, settings) in deployed["functions"].as_object().unwrap() {
        assert_eq!(settings["regions"], serde_json::json!(["yul1"]), "{function}");
    }
    assert_eq!(deployed["regions"], serde_json::json!(["yul1"]));
    assert!(read("README.md").contains("create a project in ca-central-1"));
}
