//! That no card number is left, and nothing else is taken.

use trust::text::redaction::{may_be_part, redact, redact_split};

/// A text keeps its letters and its length, loses every card number that stands by
/// itself, and has nothing more to lose after that; in one text or in several that
/// came one after the other. The input is these texts, in UTF-8, one a line.
pub fn redactor(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let redacted = redact(text);
    check(text, &redacted.text);
    assert_eq!(redacted.count == 0, redacted.text == text, "miscounted: {text:?}");
    assert_eq!(redact(&redacted.text).count, 0, "more to mask in {text:?}: {:?}", redacted.text);

    let raw: Vec<&str> = text.split('\n').collect();
    if let Some(masked) = redact_split(&raw) {
        check(&raw.join(" "), &masked.join(" "));
    }

    // As they come: each has been masked by itself.
    let parts: Vec<String> = raw.iter().map(|text| redact(text).text).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match redact_split(&parts) {
        Some(masked) => {
            assert_eq!(masked.len(), parts.len());
            for (part, masked) in parts.iter().zip(&masked) {
                check(part, masked);
            }
            assert_eq!(redact(&masked.join(" ")).count, 0, "more to mask in {masked:?}");
            // A number that goes over from one to the other, not one that the other named.
            if let [first, second] = *parts
                && masked.first().is_some_and(|masked| masked != first)
            {
                assert!(may_be_part(first) || may_be_part(second), "unasked for: {parts:?}");
            }
        }
        None => assert_eq!(redact(&parts.join(" ")).count, 0, "left in {parts:?}"),
    }
}

/// Only digits were masked, and no card number is left.
fn check(text: &str, masked: &str) {
    assert_eq!(text.chars().count(), masked.chars().count(), "length of {text:?}");
    for (before, after) in text.chars().zip(masked.chars()) {
        assert!(
            after == before || (after == '•' && digit(before).is_some()),
            "{before:?} became {after:?} in {text:?}"
        );
    }
    let letters: Vec<char> = masked.chars().collect();
    for run in letters.split(|letter| digit(*letter).is_none()) {
        let digits: Vec<u32> = run.iter().filter_map(|letter| digit(*letter)).collect();
        assert!(!is_card(&digits), "a card number is left in {masked:?}");
    }
}

/// The digits that are looked for: from these zeros on, and five alphabets of
/// bold and other digits.
fn digit(letter: char) -> Option<u32> {
    let point = u32::from(letter);
    let zeros = ['0', '０', '٠', '۰', '०', '০', '੦', '૦', '௦', '𝟎', '𝟘', '𝟢', '𝟬', '𝟶'];
    zeros
        .into_iter()
        .find_map(|zero| point.checked_sub(u32::from(zero)).filter(|value| *value < 10))
}

/// Issuers' numbers: how they begin, and how long they are.
const ISSUERS: [(std::ops::RangeInclusive<u32>, std::ops::RangeInclusive<usize>); 14] = [
    (3400..=3499, 15..=15), // American Express
    (3700..=3799, 15..=15),
    (3000..=3059, 14..=19), // Diners Club
    (3600..=3699, 14..=19),
    (3800..=3999, 14..=19),
    (3528..=3589, 16..=19), // JCB
    (4000..=4999, 13..=13), // Visa
    (4000..=4999, 16..=16),
    (4000..=4999, 19..=19),
    (2221..=2720, 16..=16), // Mastercard
    (5100..=5599, 16..=16),
    (5000..=5099, 13..=19), // Maestro
    (5600..=5899, 13..=19),
    (6000..=6999, 16..=19), // Discover, UnionPay, Interac
];

fn is_card(digits: &[u32]) -> bool {
    let issuer = digits.iter().take(4).fold(0, |number, digit| number * 10 + digit);
    let is_issued = ISSUERS
        .iter()
        .any(|(begin, length)| begin.contains(&issuer) && length.contains(&digits.len()));
    // From the left: whether the first digit is doubled depends on how many there are.
    let sum: u32 = digits
        .iter()
        .zip((1..=digits.len()).rev())
        .map(|(digit, from_right)| match from_right % 2 {
            0 => digit * 2 / 10 + digit * 2 % 10,
            _ => *digit,
        })
        .sum();
    is_issued && sum.is_multiple_of(10)
}
