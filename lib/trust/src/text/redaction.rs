//! Card and social-insurance numbers, masked before anything is stored.
//!
//! A number is masked to its last digits, so that the shop can still say which
//! one was meant. What is masked is decided by the digits and how they are grouped:
//! lengths, issuer ranges and the Luhn check (ISO/IEC 7812-1, annex B). Only a
//! social-insurance number in one piece is known by the words before it.
//! `cargo dev -- redaction FILE` measures how well that does.

/// How much was masked in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redacted {
    /// The text with `•` in place of what must not be kept.
    pub text: String,
    /// How many numbers were masked.
    pub count: usize,
}

/// The digits of a masked number that stay.
const KEPT_OF_CARD: usize = 4;
const KEPT_OF_SOCIAL_INSURANCE_NUMBER: usize = 3;

/// A digit of the text: its value, and where it stands among the characters.
#[derive(Clone, Copy)]
struct Digit {
    value: u32,
    at: usize,
    /// No digit stands right before it.
    starts_group: bool,
    /// What separates it from the digit before more often separates numbers than
    /// parts of one.
    is_after_sign: bool,
}

/// Masks the card and social-insurance numbers in `text`.
pub fn redact(text: &str) -> Redacted {
    let mut letters: Vec<char> = text.chars().collect();
    let mut count = 0;
    // What is left of a number may begin another one with what comes after it.
    loop {
        let masked = mask(&mut letters);
        if masked == 0 {
            return Redacted { text: letters.into_iter().collect(), count };
        }
        count += masked;
    }
}

/// Masks what is there at first sight, and returns how many numbers that were.
fn mask(letters: &mut [char]) -> usize {
    let mut count = 0;
    for run in digit_runs(letters) {
        let mut start = 0;
        while let Some(first) = run.get(start) {
            let found = first.starts_group.then(|| number_at(letters, &run, start)).flatten();
            let Some((length, kept)) = found else {
                start += 1;
                continue;
            };
            for digit in run.iter().skip(start).take(length - kept) {
                if let Some(letter) = letters.get_mut(digit.at) {
                    *letter = '•';
                }
            }
            count += 1;
            start += length;
        }
    }
    count
}

/// How many digits at an edge of a text may be a part of a longer number.
const MIN_PART: usize = 3;

/// Whether `text` may hold a part of a number that other texts complete: it
/// begins or ends with some digits.
pub fn may_be_part(text: &str) -> bool {
    let begins_with_digits = |letters: &mut dyn Iterator<Item = char>| {
        letters
            .filter(|&letter| !is_separator(letter) && !is_sign(letter))
            .take(MIN_PART)
            .filter_map(digit_value)
            .count()
            == MIN_PART
    };
    begins_with_digits(&mut text.chars()) || begins_with_digits(&mut text.chars().rev())
}

/// Masks numbers that are split over `texts`, which came one after the other.
///
/// `None` if together they hold no more than each by itself.
pub fn redact_split(texts: &[&str]) -> Option<Vec<String>> {
    let apart: usize = texts.iter().map(|text| redact(text).count).sum();
    let together = redact(&texts.join(" "));
    if together.count <= apart {
        return None;
    }
    // A letter stays a letter, so each text is found again by its length.
    let mut letters = together.text.chars();
    let mut take = |text: &&str| {
        let masked = letters.by_ref().take(text.chars().count()).collect();
        letters.next();
        masked
    };
    Some(texts.iter().map(&mut take).collect())
}

/// The length of the number that starts at `start` of `run`, and how much of it stays.
fn number_at(letters: &[char], run: &[Digit], start: usize) -> Option<(usize, usize)> {
    let digits = run.get(start..)?;
    let ends_group = |length: usize| digits.get(length).is_none_or(|next| next.starts_group);
    // Most have 16 digits: three more are rather the code on the back.
    let card = [16, 15, 19, 18, 17, 14, 13]
        .into_iter()
        .find(|&length| ends_group(length) && digits.get(..length).is_some_and(is_card));
    if let Some(length) = card {
        return Some((length, KEPT_OF_CARD));
    }
    let nine = digits.get(..9).filter(|_| ends_group(9))?;
    (is_social_insurance_number(nine)
        && (is_named(letters, nine) || stands_alone(run, start, nine)))
    .then_some((9, KEPT_OF_SOCIAL_INSURANCE_NUMBER))
}

/// Visa, Mastercard, American Express, Discover, Diners, JCB, UnionPay, Interac's
/// co-badged cards: every range in use starts with one of these.
fn is_card(digits: &[Digit]) -> bool {
    let has_length = |lengths: &[usize]| lengths.contains(&digits.len());
    let prefix = digits.iter().take(4).fold(0, |number, digit| number * 10 + digit.value);
    let is_issued = match prefix {
        3400..=3499 | 3700..=3799 => has_length(&[15]),
        3000..=3059 | 3600..=3699 | 3800..=3999 => has_length(&[14, 15, 16, 17, 18, 19]),
        3528..=3589 | 6000..=6999 => has_length(&[16, 17, 18, 19]),
        4000..=4999 => has_length(&[13, 16, 19]),
        2221..=2720 | 5100..=5599 => has_length(&[16]),
        5000..=5099 | 5600..=5899 => has_length(&[13, 14, 15, 16, 17, 18, 19]),
        _ => false,
    };
    is_issued && passes_luhn(digits) && is_grouped_as_a_card(digits)
}

/// Whether a card may be written in these groups: not as two phone numbers are,
/// and around signs that stand between numbers too only as on the card itself.
fn is_grouped_as_a_card(digits: &[Digit]) -> bool {
    let groups = || digits.chunk_by(|_, next| !next.starts_group).map(<[Digit]>::len);
    let begins_with = |want: [usize; 3]| groups().take(3).eq(want);
    let has_signs = digits.iter().skip(1).any(|digit| digit.is_after_sign);
    !begins_with([3, 3, 4])
        && !begins_with([10, 3, 3])
        && (!has_signs
            || begins_with([4, 4, 4])
            || begins_with([4, 6, 4])
            || begins_with([4, 6, 5]))
}

/// What Canada issues: 0 begins none, and 8 those of businesses.
fn is_social_insurance_number(digits: &[Digit]) -> bool {
    digits.first().is_some_and(|digit| !matches!(digit.value, 0 | 8)) && passes_luhn(digits)
}

/// Three groups of three, as they are written on paper, and no part of something
/// longer. Nine digits in one piece are more often an order number.
fn stands_alone(run: &[Digit], start: usize, nine: &[Digit]) -> bool {
    let is_grouped =
        nine.iter().enumerate().all(|(index, digit)| digit.starts_group == (index % 3 == 0));
    let has_signs = nine.iter().skip(1).any(|digit| digit.is_after_sign);
    let before = run.get(..start).unwrap_or_default();
    let after = run.get(start + nine.len()..).unwrap_or_default();
    let goes_on_before = nine.first().is_some_and(|first| !first.is_after_sign)
        && before.iter().rev().take_while(|digit| !digit.starts_group).count() >= 2;
    let goes_on_after = after.first().is_some_and(|next| !next.is_after_sign)
        && after.iter().skip(1).take_while(|digit| !digit.starts_group).count() >= 2;
    is_grouped && !has_signs && !goes_on_before && !goes_on_after
}

/// How many letters before a number may say what it is.
const NAMED_WITHIN: usize = 32;

/// Whether one of the last words before `number` says that it is a
/// social-insurance number.
fn is_named(letters: &[char], number: &[Digit]) -> bool {
    let end = number.first().map_or(0, |first| first.at);
    let before = letters.get(end.saturating_sub(NAMED_WITHIN)..end).unwrap_or_default();
    let words = before.rsplit(|letter| !letter.is_alphabetic()).filter(|word| !word.is_empty());
    words.take(4).any(|word| {
        ["sin", "nas", "social", "sociale"].into_iter().any(|name| {
            name.len() == word.len()
                && name.chars().zip(word).all(|(want, letter)| letter.eq_ignore_ascii_case(&want))
        })
    })
}

fn passes_luhn(digits: &[Digit]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(index, digit)| match (index % 2, digit.value * 2) {
            (0, _) => digit.value,
            (_, double) if double > 9 => double - 9,
            (_, double) => double,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Runs of digits with at most three separators between one and the next.
fn digit_runs(letters: &[char]) -> Vec<Vec<Digit>> {
    let mut runs: Vec<Vec<Digit>> = Vec::new();
    let mut separators = usize::MAX;
    let mut is_after_sign = false;
    for (at, &letter) in letters.iter().enumerate() {
        if let Some(value) = digit_value(letter) {
            let digit = Digit { value, at, starts_group: separators > 0, is_after_sign };
            match runs.last_mut() {
                Some(run) if separators <= 3 => run.push(digit),
                _ => runs.push(vec![digit]),
            }
            separators = 0;
            is_after_sign = false;
        } else if is_separator(letter) || is_sign(letter) {
            separators = separators.saturating_add(1);
            is_after_sign |= is_sign(letter);
        } else {
            separators = usize::MAX;
        }
    }
    runs
}

/// The digits people type: ASCII, full-width, Arabic, of India's scripts, and the
/// bold ones and the like that stand for ASCII's in fancy texts.
fn digit_value(letter: char) -> Option<u32> {
    let zero = match letter {
        '0'..='9' => '0',
        letter if letter.is_ascii() => return None,
        '\u{ff10}'..='\u{ff19}' => '\u{ff10}',
        '\u{660}'..='\u{669}' => '\u{660}',
        '\u{6f0}'..='\u{6f9}' => '\u{6f0}',
        '\u{966}'..='\u{96f}' => '\u{966}',
        '\u{9e6}'..='\u{9ef}' => '\u{9e6}',
        '\u{a66}'..='\u{a6f}' => '\u{a66}',
        '\u{ae6}'..='\u{aef}' => '\u{ae6}',
        '\u{be6}'..='\u{bef}' => '\u{be6}',
        '\u{1d7ce}'..='\u{1d7ff}' => '\u{1d7ce}',
        _ => return None,
    };
    Some((u32::from(letter) - u32::from(zero)) % 10)
}

fn is_separator(letter: char) -> bool {
    letter.is_whitespace()
        || matches!(
            letter,
            '-' | '.' | '_' | '\u{2010}'..='\u{2015}' | '\u{2212}'
            // Unseen, or what makes a digit look like a key.
            | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' | '\u{fe0f}' | '\u{20e3}'
        )
}

/// What separates numbers of a list as well as parts of one.
fn is_sign(letter: char) -> bool {
    matches!(letter, ',' | '/' | '|' | ':' | '*' | '·')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, want: &str, count: usize) {
        assert_eq!(redact(text), Redacted { text: want.to_owned(), count });
    }

    #[test]
    fn card_numbers_are_masked_however_they_are_written() {
        check("4242424242424242", "••••••••••••4242", 1);
        check("my card: 4242 4242 4242 4242 thanks", "my card: •••• •••• •••• 4242 thanks", 1);
        check("4242-4242-4242-4242, exp 12/27", "••••-••••-••••-4242, exp 12/27", 1);
        check("3782 822463 10005", "•••• •••••• •0005", 1);
        check("5555.5555.5555.4444 12 27 123", "••••.••••.••••.4444 12 27 123", 1);
        check("call 514 555 0100, 4111111111111111", "call 514 555 0100, ••••••••••••1111", 1);
        check("４２４２４２４２４２４２４２４２", "••••••••••••４２４２", 1);
        check("4242424242424242 4111111111111111", "••••••••••••4242 ••••••••••••1111", 2);
        check("4000 0566 5566 5556 007", "•••• •••• •••• 5556 007", 1);
        check("4242 - 4242 - 4242 - 4242", "•••• - •••• - •••• - 4242", 1);
        check("4242,4242,4242,4242", "••••,••••,••••,4242", 1);
        check("4242424242424242/1228/456", "••••••••••••4242/1228/456", 1);
        check("𝟒𝟐𝟒𝟐𝟒𝟐𝟒𝟐𝟒𝟐𝟒𝟐𝟒𝟐𝟒𝟐", "••••••••••••𝟒𝟐𝟒𝟐", 1);
        check("४२४२४२४२४२४२४२४२", "••••••••••••४२४२", 1);
        // The last digits of one are the first of another.
        check("4000000000024242 4242 4242 4242", "•••••••••••••••• •••• •••• 4242", 2);
    }

    #[test]
    fn social_insurance_numbers_are_masked() {
        check("SIN 046 454 286", "SIN 046 454 286", 0); // 0 begins no real one
        check("SIN 130 692 544", "SIN ••• ••• 544", 1);
        check("NAS: 130-692-544.", "NAS: •••-•••-544.", 1);
        // In one piece it is one only where that is said.
        check("my SIN is 130692544", "my SIN is ••••••544", 1);
        check(
            "numéro d’assurance sociale : 130/692/544",
            "numéro d’assurance sociale : •••/•••/544",
            1,
        );
        check("at the casino 130692544", "at the casino 130692544", 0);
    }

    #[test]
    fn other_numbers_stay() {
        for text in [
            "4242424242424241",
            "call me at 514-555-0100 or +1 514 555 0199",
            "order 1234567890123456",
            "130692544",
            "see you 2026-11-23 at 15:00",
            // Digits that would do, were they not grouped as two phone numbers, a
            // date and a list are, or a part of something longer.
            "438 555 0108 514 556 0123",
            "4385550108 514 556 0123",
            "4,2,4,2,4,2,4,2,4,2,4,2,4,2,4,2",
            "130 692 544 567",
            "331 130 692 544",
            "1, 130/692/544",
            "1Z 999 AA1 01 2345 6784",
            "",
        ] {
            check(text, text, 0);
        }
    }

    #[track_caller]
    fn check_split(texts: &[&str], want: Option<&[&str]>) {
        assert_eq!(
            redact_split(texts).as_deref(),
            want.map(|w| w.iter().map(ToString::to_string).collect::<Vec<_>>()).as_deref()
        );
    }

    #[test]
    fn a_number_split_over_texts_is_masked_in_all_of_them() {
        check_split(&["4242 4242", "4242 4242"], Some(&["•••• ••••", "•••• 4242"]));
        check_split(
            &["my visa is 4242-4242", "4242-4242, exp 12/27"],
            Some(&["my visa is ••••-••••", "••••-4242, exp 12/27"]),
        );
        check_split(&["4242 4242,", "4242 4242"], Some(&["•••• ••••,", "•••• 4242"]));
        check_split(&["4242", "4242", "4242", "4242"], Some(&["••••", "••••", "••••", "4242"]));
        check_split(&["sin is 130 692", "544"], Some(&["sin is ••• •••", "544"]));
        // Nothing that neither holds by itself.
        check_split(&["4242424242424242", "thanks"], None);
        check_split(&["4242 4242", "and then 4242 4242"], None);
        check_split(&["514 555", "0100"], None);
        check_split(&[], None);
    }

    #[test]
    fn a_part_of_a_number_begins_or_ends_a_text() {
        for part in ["4242", "4242 4242,", "my card: 4242 42", "4 2 4", "  4242 is it", "４２４"]
        {
            assert!(may_be_part(part), "{part}");
        }
        for other in ["", "hello", "at 5", "24", "room 12 please", "•••• 4242 ok"] {
            assert!(!may_be_part(other), "{other}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics_and_lengths_stay(text in any::<String>()) {
            let redacted = redact(&text);
            prop_assert_eq!(redacted.text.chars().count(), text.chars().count());
        }

        #[test]
        fn redacting_twice_changes_nothing_more(text in "[0-9 .-]{0,60}") {
            let once = redact(&text).text;
            prop_assert_eq!(redact(&once).text, once);
        }
    }
}
