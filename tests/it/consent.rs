//! How well wishes to stop are understood, in words nobody listed.

use std::fs;

use corpus::classify::evaluate;

/// The sets of labelled messages, each with its name.
fn sets() -> Vec<(String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/consent");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let sets: Vec<_> = entries
        .map(|path| (path.display().to_string(), fs::read_to_string(path).unwrap()))
        .collect();
    assert!(!sets.is_empty());
    sets
}

/// Guards against getting worse: all these sets but `unseen.tsv` were learned from. What to
/// expect of messages nobody has seen, the first lines of the files tell better.
#[test]
fn promise_own_stop_wishes_to_stop_are_understood() {
    for (name, lines) in sets() {
        let report = evaluate(&lines).unwrap();
        assert!(report.is_good(), "{name}\n{report}");
    }
}

/// Whoever says what they came for, and in another sentence that they want no texts, wants
/// none.
#[test]
fn a_wish_to_stop_counts_beside_other_sentences() {
    for (name, lines) in sets() {
        let of = |label: &'static str| {
            lines.lines().filter_map(move |line| line.strip_prefix(label)?.strip_prefix('\t'))
        };
        let ordinary: Vec<_> = of("text").collect();
        let joined: String = of("stop")
            .enumerate()
            .flat_map(|(index, wish)| {
                let other = |step: usize| ordinary[(index * step + 3) % ordinary.len()];
                [
                    format!("stop\t{}. {wish}\n", other(7)),
                    format!("stop\t{wish}. {}. {}\n", other(11), other(13)),
                ]
            })
            .collect();
        let report = evaluate(&joined).unwrap();
        let recall = report.recall("stop").unwrap();
        assert!(recall >= 0.97, "{name}: {recall}\n{report}");
    }
}
