//! How many SMS a text is cut into.
//!
//! A text of the GSM 7-bit alphabet holds 160 characters, any other 70; texts of
//! several parts lose some to the header that joins them.
//! <https://www.twilio.com/docs/glossary/what-is-gsm-7-character-encoding>

/// The basic character set of 3GPP TS 23.038, section 6.2.1.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡\
                     ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

/// Its extension table: each character takes two places.
const EXTENDED: &str = "^{}\\[~]|€\u{c}";

/// The number of SMS `text` is sent as; 0 if it is empty.
pub fn count(text: &str) -> usize {
    let septets = text.chars().try_fold(0, |sum, letter| {
        if BASIC.contains(letter) {
            Some(sum + 1)
        } else if EXTENDED.contains(letter) {
            Some(sum + 2)
        } else {
            None
        }
    });
    match septets {
        Some(septets) => parts(septets, 160, 153),
        None => parts(text.encode_utf16().count(), 70, 67),
    }
}

fn parts(units: usize, alone: usize, joined: usize) -> usize {
    if units <= alone { units.min(1) } else { units.div_ceil(joined) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_counted_as_carriers_do() {
        for (text, want) in [
            (String::new(), 0),
            ("a".repeat(160), 1),
            ("a".repeat(161), 2),
            ("a".repeat(459), 3),
            ("a".repeat(460), 4),
            ("€".repeat(80), 1),
            ("€".repeat(81), 2),
            ("ê".repeat(70), 1),
            ("ê".repeat(71), 2),
            ("ê".repeat(201), 3),
            ("ê".repeat(202), 4),
            ("🚲".repeat(35), 1),
            ("🚲".repeat(36), 2),
        ] {
            assert_eq!(count(&text), want, "{text}");
        }
    }
}
