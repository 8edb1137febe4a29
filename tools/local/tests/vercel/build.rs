//! What comes out of `vercel build` is what we mean to deploy.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use leadslock::{
    edge::headers::POLICY,
    functions::{deployment::REGION, table::FUNCTIONS},
};
use serde_json::{Value, json};
use stack::{edge, project};

use crate::{files, variables, vercel};

#[tokio::test]
async fn vercel_builds_every_function_and_publishes_nothing_else() {
    let output = vercel().await.build().await.unwrap();

    check_functions(&output.join("functions")).await;
    check_static_files(&output.join("static"));
    check_config(&read(&output.join("config.json")));
    check_nothing_was_installed(output.ancestors().nth(2).unwrap());
}

/// There is exactly one folder for each function, set up as configured, and what is in it
/// starts.
async fn check_functions(folder: &Path) {
    let built: BTreeSet<PathBuf> = files(folder).into_iter().collect();
    let wanted: BTreeSet<PathBuf> = FUNCTIONS
        .iter()
        .map(|function| Path::new(&function.source()).with_extension("func"))
        .flat_map(|function| [".vc-config.json", "executable"].map(|file| function.join(file)))
        .collect();
    assert_eq!(built, wanted);

    for function in FUNCTIONS {
        let folder = folder.join(Path::new(&function.source()).with_extension("func"));
        let config = read(&folder.join(".vc-config.json"));
        let facts = ["handler", "runtime", "runtimeLanguage", "regions", "maxDuration"];
        let facts = facts.map(|name| (name, config[name].clone()));
        let wanted = [
            ("handler", json!("executable")),
            ("runtime", json!("executable")),
            ("runtimeLanguage", json!("rust")),
            ("regions", json!([REGION])),
            ("maxDuration", json!(function.max_duration)),
        ];
        assert_eq!(facts, wanted, "{}", function.path);

        let executable = folder.join("executable");
        let function = edge::Function::start(&executable, variables()).await.unwrap();
        function.stop().await.unwrap();
    }
}

/// What anyone can fetch is `public/`, file by file.
fn check_static_files(folder: &Path) {
    let public = project::root().join("public");
    assert_eq!(files(folder), files(&public));
    for file in files(&public) {
        assert_eq!(fs::read(folder.join(&file)).unwrap(), fs::read(public.join(&file)).unwrap());
    }
}

/// The scheduler's calls are there, and the header policy is on every path before anything
/// else is decided.
fn check_config(config: &Value) {
    let crons: Vec<Value> = FUNCTIONS
        .iter()
        .filter_map(|function| Some((function.path, function.schedule?)))
        .map(|(path, schedule)| json!({ "path": path, "schedule": schedule }))
        .collect();
    assert_eq!(config["crons"], json!(crons));

    let policy: BTreeMap<String, String> =
        POLICY.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).into();
    assert_eq!(
        config["routes"][0],
        json!({ "src": "^(?:/(.*))$", "headers": policy, "continue": true })
    );

    // A redirect or rewrite that somebody adds will be looked at here first.
    let ours = config["routes"].as_array().unwrap().iter();
    let ours = ours.take_while(|route| route["handle"] != "filesystem");
    assert_eq!(ours.count(), 1);

    // Pages come after files, and leave the functions alone.
    let mut routes = config["routes"].as_array().unwrap().iter();
    routes.find(|route| route["handle"] == "filesystem").unwrap();
    let pages = routes.find(|route| route["dest"] == "/api/page").unwrap();
    assert!(pages["src"].as_str().unwrap().contains("(?!api/)"), "{pages}");
}

/// The npm packages of the local stack are none of Vercel's business.
fn check_nothing_was_installed(project: &Path) {
    let installed = files(project)
        .into_iter()
        .find(|file| file.components().any(|part| part.as_os_str() == "node_modules"));
    assert_eq!(installed, None);
}

fn read(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}
