//! How well card and social-insurance numbers are masked, however they are texted.

use corpus::redaction::evaluate;

/// Guards against getting worse. What is missed is counted and not left out: some
/// numbers of parcels are in every way those of a card.
#[test]
fn promise_cards_never_numbers_are_masked_however_they_are_texted() {
    let report = evaluate(include_str!("../redaction/numbers.tsv")).unwrap();
    assert!(report.is_good(), "{report}");
}
