//! What Twilio's error codes mean for a number and for a text.
//!
//! Twilio advises against logic on error codes as they keep changing
//! (<https://www.twilio.com/docs/api/errors>), so this is a table with a safe
//! default: an unknown code neither bans a number nor repeats a text.

use serde::Serialize;

/// What is to be done about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The text did not go out and the number stays as it is.
    GiveUp,
    /// The text did not go out, for a reason that passes.
    Retry,
    /// The number is not to be texted again.
    Suppress(Suppression),
}

/// Why a number is not to be texted again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Suppression {
    /// Its owner does not want it.
    OptedOut,
    /// Texts cannot reach it.
    Unreachable,
}

const TABLE: [(u32, Action); 13] = [
    // Too many requests, and too many texts waiting for one sender.
    (20429, Action::Retry),
    (21611, Action::Retry),
    // The recipient opted out with Twilio, or blocks the sender.
    (21610, Action::Suppress(Suppression::OptedOut)),
    (30004, Action::Suppress(Suppression::OptedOut)),
    // Not a number, not a mobile, not in use.
    (21211, Action::Suppress(Suppression::Unreachable)),
    (21214, Action::Suppress(Suppression::Unreachable)),
    (21217, Action::Suppress(Suppression::Unreachable)),
    (21614, Action::Suppress(Suppression::Unreachable)),
    (21635, Action::Suppress(Suppression::Unreachable)),
    (30005, Action::Suppress(Suppression::Unreachable)),
    (30006, Action::Suppress(Suppression::Unreachable)),
    // Filtered as spam: the same text would be filtered again.
    (30007, Action::GiveUp),
    (30034, Action::GiveUp),
];

/// What to do about `code`.
pub fn action(code: u32) -> Action {
    TABLE.iter().find(|(known, _)| *known == code).map_or(Action::GiveUp, |(_, action)| *action)
}

/// The suppression `code` asks for, if it does.
pub fn suppression(code: u32) -> Option<Suppression> {
    match action(code) {
        Action::Suppress(suppression) => Some(suppression),
        Action::GiveUp | Action::Retry => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_codes_neither_ban_nor_repeat() {
        for code in [0, 30003, 30008, 63016, u32::MAX] {
            assert_eq!(action(code), Action::GiveUp, "{code}");
        }
        assert_eq!(suppression(21610), Some(Suppression::OptedOut));
        assert_eq!(suppression(20429), None);
    }
}
