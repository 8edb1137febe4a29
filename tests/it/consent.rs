//! How well wishes to stop are understood, in words nobody listed.

use local::classify::evaluate;

/// Both sets are kept in `tests/consent/`; the independent one was written by
/// somebody who had not seen the rules.
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
