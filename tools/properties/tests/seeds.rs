//! The seeds of the fuzzers, replayed: where no fuzzer runs, what they start from
//! holds nevertheless.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

use std::{fs, panic, path::Path};

/// The project's folder.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

/// Checks a property on every seed of a target, and names the one it does not hold for.
#[track_caller]
fn replay(target: &str, property: fn(&[u8])) {
    let folder = root().join("tools/fuzz/seeds").join(target);
    let mut seeds = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let input = fs::read(&path).unwrap();
        let outcome = panic::catch_unwind(|| property(&input));
        assert!(outcome.is_ok(), "{} does not hold, see above", path.display());
        seeds += 1;
    }
    assert!(seeds >= 10, "{seeds} seeds are too few");
}

#[test]
fn forms_and_signatures() {
    replay("form_and_signature", properties::form_and_signature);
}

#[test]
fn classifier() {
    replay("classifier", properties::classifier);
}

#[test]
fn redactor() {
    replay("redactor", properties::redactor);
}

/// The labelled messages are seeds too, of all that judges texts.
#[test]
fn labelled_messages() {
    for file in fs::read_dir(root().join("tests/consent")).unwrap() {
        for line in fs::read_to_string(file.unwrap().path()).unwrap().lines() {
            if let Some((_, text)) = line.split_once('\t') {
                properties::classifier(text.as_bytes());
                properties::redactor(text.as_bytes());
            }
        }
    }
}
