//! How well wishes to stop are understood, in words nobody listed.

use local::classify::evaluate;

/// Guards against getting worse: both sets were learned from. What to expect of
/// messages nobody has seen, `tests/consent/held_out.tsv` tells better.
#[test]
fn promise_own_stop_wishes_to_stop_are_understood() {
    for (name, lines) in [
        ("independent", include_str!("../consent/independent.tsv")),
        ("development", include_str!("../consent/development.tsv")),
    ] {
        let report = evaluate(lines).unwrap();
        assert!(report.is_good(), "{name}\n{report}");
    }
}
