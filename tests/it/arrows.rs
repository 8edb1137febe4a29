//! Arrows run down: which folder may use which, and no circles among neighbours.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use crate::repository::{files, read, root};

/// A crate's source, and the folders (or files) of its top level with what each may use.
/// Lower ones first: a folder may name only what stands above it in this list.
struct Layers {
    source: &'static str,
    /// How the crate's own modules are named from within.
    folders: &'static [(&'static str, &'static [&'static str])],
}

const LAYERS: [Layers; 6] = [
    Layers {
        source: "lib/trust/src",
        folders: &[("text", &[]), ("consent", &["text"]), ("signatures", &["text"])],
    },
    Layers {
        source: "lib/src",
        folders: &[
            ("paths", &[]),
            ("settings", &[]),
            ("telemetry", &[]),
            ("edge", &["settings"]),
            ("providers", &["settings"]),
            ("session", &["providers", "settings"]),
            ("rate_limit", &["providers"]),
            ("context", &["edge", "providers", "session", "settings"]),
            ("jobs", &["providers"]),
            ("messaging", &["context", "jobs", "paths", "providers", "settings"]),
            ("data", &["context", "jobs", "providers", "settings"]),
            (
                "owner",
                &[
                    "context",
                    "data",
                    "jobs",
                    "messaging",
                    "paths",
                    "providers",
                    "session",
                    "settings",
                ],
            ),
            ("problems", &["edge", "owner", "providers", "session"]),
            (
                "pages",
                &[
                    "context",
                    "data",
                    "edge",
                    "owner",
                    "problems",
                    "providers",
                    "rate_limit",
                    "session",
                    "settings",
                ],
            ),
            (
                "functions",
                &[
                    "context",
                    "data",
                    "edge",
                    "jobs",
                    "messaging",
                    "owner",
                    "pages",
                    "paths",
                    "problems",
                    "providers",
                    "session",
                    "settings",
                ],
            ),
        ],
    },
    Layers {
        source: "tools/simulators/src",
        folders: &[
            ("caller", &[]),
            ("controls", &[]),
            ("log", &[]),
            ("phone", &[]),
            ("same_site", &[]),
            ("script", &[]),
            ("server", &[]),
            ("shared", &["controls"]),
            ("groq", &["log", "script", "server", "shared"]),
            ("stripe", &["caller", "log", "same_site", "script", "server", "shared"]),
            ("twilio", &["caller", "log", "script", "server", "shared"]),
            ("world", &["groq", "shared", "stripe", "twilio"]),
            ("conversation", &["twilio", "world"]),
            ("search", &["world"]),
            (
                "control",
                &[
                    "controls",
                    "conversation",
                    "groq",
                    "log",
                    "same_site",
                    "script",
                    "search",
                    "shared",
                    "stripe",
                    "twilio",
                    "world",
                ],
            ),
        ],
    },
    Layers {
        source: "tools/stack/src",
        folders: &[
            ("child", &[]),
            ("clock", &[]),
            ("digest", &[]),
            ("file_lock", &[]),
            ("port", &[]),
            ("progress", &[]),
            ("project", &[]),
            ("compile", &["project"]),
            ("edge", &["child", "port"]),
            ("node", &["file_lock", "progress", "project"]),
            ("postgres", &["child", "digest", "file_lock", "node", "port", "project"]),
            ("product", &["clock", "edge", "postgres", "project"]),
            ("supabase", &["child", "digest", "node", "port", "postgres", "project"]),
            ("schema", &["node", "postgres", "project", "supabase"]),
            ("stack", &["node", "postgres", "product", "progress", "supabase"]),
        ],
    },
    Layers {
        source: "tools/bench/src",
        folders: &[
            ("connection", &[]),
            ("processor", &[]),
            ("stand_in", &[]),
            ("statistics", &[]),
            ("table", &[]),
            ("load", &["connection"]),
            ("sample", &["stand_in"]),
            ("scale", &["statistics", "table"]),
            (
                "cold_start",
                &["connection", "processor", "sample", "stand_in", "statistics", "table"],
            ),
            ("round_trips", &["connection", "sample", "stand_in", "table"]),
            ("signature_check", &["sample", "statistics", "table"]),
            ("warm", &["load", "processor", "sample", "stand_in", "statistics", "table"]),
        ],
    },
    Layers {
        source: "tools/corpus/src",
        folders: &[
            ("labelled", &[]),
            ("classify", &["labelled"]),
            ("redaction", &["labelled"]),
            ("learn", &["classify", "labelled"]),
        ],
    },
];

/// A path that a file names, from its crate's root, and the line where.
struct Named {
    path: Vec<String>,
    line: usize,
}

/// The code of a file without comments and without what is for tests only.
fn code(text: &str) -> String {
    let without_tests = text.split("#[cfg(test)]\nmod ").next().unwrap_or(text);
    let blank = |line: &str| line.trim_start().starts_with("//");
    without_tests.lines().map(|line| if blank(line) { "" } else { line }).fold(
        String::new(),
        |mut code, line| {
            code.push_str(line);
            code.push('\n');
            code
        },
    )
}

/// All paths that begin with `crate`, `self` or `super`, in use statements and elsewhere.
/// `module` is the path of the file's own module.
fn named(text: &str, module: &[String]) -> Vec<Named> {
    let code = code(text);
    let mut found = Vec::new();
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    for start in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|letter| is_word(letter) || letter == ':') {
                continue;
            }
            let base = match start {
                "crate::" => Vec::new(),
                "super::" => module[..module.len().saturating_sub(1)].to_vec(),
                _ => module.to_vec(),
            };
            leaves(&code, at + start.len(), &base, &mut found);
        }
    }
    found
}

/// Reads one path or `{…}` of paths at `at`, and returns where it ends.
fn leaves(code: &str, mut at: usize, base: &[String], found: &mut Vec<Named>) -> usize {
    let mut path = base.to_vec();
    loop {
        at += code[at..].len() - code[at..].trim_start().len();
        let rest = &code[at..];
        if rest.starts_with('{') {
            at += 1;
            loop {
                at += code[at..].len() - code[at..].trim_start().len();
                match code[at..].chars().next() {
                    Some('}') => return at + 1,
                    Some(',') => at += 1,
                    Some(_) => at = leaves(code, at, &path, found),
                    None => return at,
                }
            }
        }
        let word: String =
            rest.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
        let length = word.len().max(usize::from(rest.starts_with('*')));
        match word.as_str() {
            "self" => {}
            "super" => {
                path.pop();
            }
            "" => {}
            _ => path.push(word),
        }
        let line = code[..at].matches('\n').count() + 1;
        at += length;
        if let Some(next) = code[at..].strip_prefix("::") {
            at = code.len() - next.len();
            continue;
        }
        found.push(Named { path, line });
        // `as` and a name.
        let end = code[at..].find([',', '}', ';', ')', '(', '<', '>', ' ', '\n']).unwrap_or(0);
        at += end;
        if let Some(alias) = code[at..].strip_prefix(" as ") {
            at = code.len() - alias.len();
            at += alias.find([',', '}', ';', '\n']).unwrap_or(alias.len());
        }
        return at.max(1);
    }
}

/// The module of a file: `owner/leads.rs` is `owner::leads`.
fn module_of(path: &str) -> Vec<String> {
    path.trim_end_matches(".rs").split('/').map(str::to_owned).collect()
}

/// What is against the table, one line each. `sources` are paths below the crate's source,
/// with their text.
fn violations(layers: &Layers, sources: &[(String, String)]) -> Vec<String> {
    let mut found = BTreeSet::new();
    let folders: BTreeMap<&str, &[&str]> = layers.folders.iter().copied().collect();
    for (at, (folder, allowed)) in layers.folders.iter().enumerate() {
        for lower in *allowed {
            let is_lower = layers.folders[..at].iter().any(|(name, _)| name == lower);
            assert!(is_lower, "{folder} may use {lower}, which does not stand before it");
        }
    }
    // Who names which neighbour in the same folder, and where first.
    let mut neighbours = BTreeMap::<(Vec<String>, Vec<String>), String>::new();
    for (path, text) in sources {
        let module = module_of(path);
        let [folder, ..] = module.as_slice() else { continue };
        if folder == "lib" {
            continue;
        }
        let file = format!("{}/{path}", layers.source);
        let Some(allowed) = folders.get(folder.as_str()) else {
            found.insert(format!("{file}: {folder} is not in the table of layers"));
            continue;
        };
        for Named { path: named, line } in self::named(text, &module) {
            let Some(other) = named.first() else { continue };
            if other != folder && folders.contains_key(other.as_str()) {
                if !allowed.contains(&other.as_str()) {
                    found.insert(format!("{file}:{line}: {folder} may not use {other}"));
                }
                continue;
            }
            let common = module.iter().zip(&named).take_while(|(one, two)| one == two).count();
            if other == folder && common < module.len() && common < named.len() {
                let ends = (module[..=common].to_vec(), named[..=common].to_vec());
                neighbours.entry(ends).or_insert(format!("{file}:{line}"));
            }
        }
    }
    let is_module = |name: &Vec<String>| {
        sources.iter().any(|(path, _)| module_of(path).starts_with(name.as_slice()))
    };
    neighbours.retain(|(_, to), _| is_module(to));
    for (from, to) in neighbours.keys() {
        if let Some(circle) = way(to, from, &neighbours) {
            let names: Vec<String> = circle.iter().map(|name| name.join("::")).collect();
            let at = &neighbours[&(from.clone(), to.clone())];
            found.insert(format!("{at}: a circle: {} -> {}", from.join("::"), names.join(" -> ")));
        }
    }
    found.into_iter().collect()
}

type Edges = BTreeMap<(Vec<String>, Vec<String>), String>;

/// A way along the arrows.
fn way(from: &[String], to: &[String], edges: &Edges) -> Option<Vec<Vec<String>>> {
    let mut ways = vec![vec![from.to_vec()]];
    let mut seen = BTreeSet::from([from.to_vec()]);
    while let Some(way) = ways.pop() {
        let end = way.last()?;
        if end == to {
            return Some(way);
        }
        for (_, next) in edges.keys().filter(|(start, _)| start == end) {
            if seen.insert(next.clone()) {
                ways.push([way.clone(), vec![next.clone()]].concat());
            }
        }
    }
    None
}

fn sources(layers: &Layers) -> Vec<(String, String)> {
    let base = Path::new(layers.source);
    files(layers.source)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        // Whole files that are for tests only.
        .filter(|path| !path.ends_with("tests.rs"))
        .map(|path| {
            let name = path.strip_prefix(base).unwrap().to_str().unwrap().to_owned();
            (name, read(path.to_str().unwrap()))
        })
        .collect()
}

#[test]
fn arrows_run_down() {
    for layers in &LAYERS {
        let sources = sources(layers);
        assert!(sources.len() >= layers.folders.len());
        let found = violations(layers, &sources);
        assert!(found.is_empty(), "\n{}\n", found.join("\n"));
    }
}

/// That the test above can fail, and says where.
#[test]
fn an_arrow_that_runs_up_is_found() {
    let lib = &LAYERS[1];
    let planted = |path: &str, text: &str| {
        let mut sources = sources(lib);
        sources.push((path.to_owned(), text.to_owned()));
        violations(lib, &sources)
    };
    let edge = "//! Planted.\n\nuse crate::{\n    settings,\n    pages::{self, Pages},\n};\n";
    assert_eq!(
        planted("edge/planted.rs", edge),
        ["lib/src/edge/planted.rs:5: edge may not use pages"]
    );
    let inline = "fn f() {\n    crate::functions::table::FUNCTIONS;\n}\n";
    assert_eq!(
        planted("owner/planted.rs", inline),
        ["lib/src/owner/planted.rs:2: owner may not use functions"]
    );
    let comment =
        "//! As [`crate::pages`] does.\n#[cfg(test)]\nmod tests {\n    use crate::pages;\n}\n";
    assert_eq!(planted("edge/planted.rs", comment), Vec::<String>::new());
    assert_eq!(
        planted("newcomer.rs", ""),
        ["lib/src/newcomer.rs: newcomer is not in the table of layers"]
    );
    let mut circle = sources(lib);
    circle.push(("owner/one.rs".to_owned(), "use super::two::Two;\n".to_owned()));
    circle.push(("owner/two.rs".to_owned(), "\nuse crate::owner::one::One;\n".to_owned()));
    assert_eq!(
        violations(lib, &circle),
        [
            "lib/src/owner/one.rs:1: a circle: owner::one -> owner::two -> owner::one",
            "lib/src/owner/two.rs:2: a circle: owner::two -> owner::one -> owner::two",
        ]
    );
    assert!(fs::metadata(root().join("lib/src/edge/planted.rs")).is_err());
}
