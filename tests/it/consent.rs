//! How well wishes to stop are understood, in words nobody listed.

use local::classify::evaluate;

/// Guards against getting worse: all these sets were learned from. What to expect of messages
/// nobody has seen, the first lines of `held_out.tsv`, `external_*.tsv` and `unseen.tsv` tell
/// better; the last has not been learned from.
#[test]
fn promise_own_stop_wishes_to_stop_are_understood() {
    for (name, lines) in [
        ("independent", include_str!("../consent/independent.tsv")),
        ("development", include_str!("../consent/development.tsv")),
        ("held out", include_str!("../consent/held_out.tsv")),
        ("external 1", include_str!("../consent/external_1.tsv")),
        ("external 2", include_str!("../consent/external_2.tsv")),
        ("external 3", include_str!("../consent/external_3.tsv")),
        ("hostile", include_str!("../consent/hostile.tsv")),
    ] {
        let report = evaluate(lines).unwrap();
        assert!(report.is_good(), "{name}\n{report}");
    }
}
