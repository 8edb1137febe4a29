//! Twilio's connection overrides: how long it waits for a webhook, and when it
//! tries again, as the fragment of the webhook's URL says.
//!
//! The fragment is for Twilio alone; it is neither sent nor signed.
//! <https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides>

use std::{ops::RangeInclusive, time::Duration};

use url::Url;

use super::trouble::Trouble;
use crate::caller::Outcome;

/// How a webhook is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Overrides {
    /// `ct`: the wait for a connection.
    pub(super) connect_timeout: Duration,
    /// `rt`: the wait for the first byte, and between two pieces.
    pub(super) read_timeout: Duration,
    /// `tt`: the wait in all, retries included.
    pub(super) total_time: Duration,
    /// `rc`: the retries.
    pub(super) retries: u32,
    /// `rp`: the failures that are retried.
    retried: Retried,
}

/// The failures that are retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Retried {
    connect: bool,
    read: bool,
    client_errors: bool,
    server_errors: bool,
}

impl Default for Overrides {
    /// What Twilio does when a URL has no fragment.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(15),
            total_time: Duration::from_secs(15),
            retries: 1,
            retried: Retried { connect: true, ..Retried::NOTHING },
        }
    }
}

impl Retried {
    const NOTHING: Self =
        Self { connect: false, read: false, client_errors: false, server_errors: false };

    fn parse(policy: &str) -> Option<Self> {
        policy.split(',').try_fold(Self::NOTHING, |so_far, part| {
            Some(match part {
                "ct" => Self { connect: true, ..so_far },
                "rt" => Self { read: true, ..so_far },
                "4xx" => Self { client_errors: true, ..so_far },
                "5xx" => Self { server_errors: true, ..so_far },
                "all" => {
                    Self { connect: true, read: true, client_errors: true, server_errors: true }
                }
                _ => return None,
            })
        })
    }
}

impl Overrides {
    /// Reads the fragment of `url`. A setting that is not valid is left at its
    /// default, and comes back as an entry for the account's error log.
    pub(super) fn of(url: &Url) -> (Self, Vec<Trouble>) {
        let mut overrides = Self::default();
        let mut troubles = Vec::new();
        for pair in url.fragment().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let number = |range: RangeInclusive<u32>| {
                value.parse().ok().filter(|number| range.contains(number))
            };
            let milliseconds =
                |range| number(range).map(|number| Duration::from_millis(number.into()));
            let is_valid = match name {
                "ct" => set(&mut overrides.connect_timeout, milliseconds(100..=10_000)),
                "rt" => set(&mut overrides.read_timeout, milliseconds(100..=15_000)),
                "tt" => set(&mut overrides.total_time, milliseconds(100..=15_000)),
                "rc" => set(&mut overrides.retries, number(0..=5)),
                "rp" => set(&mut overrides.retried, Retried::parse(value)),
                // Where Twilio calls from, and server name indication: neither
                // means anything on one machine.
                "e" | "sni" => true,
                _ => false,
            };
            if !is_valid {
                troubles.push(Trouble {
                    // Twilio has a code of its own for a bad retry policy only.
                    code: (name == "rp").then_some(11243),
                    message: format!("The connection override {pair:?} is not valid."),
                });
            }
        }
        (overrides, troubles)
    }

    /// Whether an attempt that ended like this is repeated, retries permitting.
    pub(super) fn retries_after(&self, outcome: &Outcome) -> bool {
        match outcome {
            Outcome::NotConnected { .. } => self.retried.connect,
            Outcome::TimedOut => self.retried.read,
            // Twilio's proxy reports a connection that breaks as a 502.
            Outcome::Broken { .. } => self.retried.server_errors,
            Outcome::Answered { status: 400..500, .. } => self.retried.client_errors,
            Outcome::Answered { status: 500.., .. } => self.retried.server_errors,
            Outcome::Answered { .. } | Outcome::TooLong => false,
        }
    }
}

/// Sets what a valid value was found for.
fn set<T>(setting: &mut T, value: Option<T>) -> bool {
    value.map(|value| *setting = value).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(fragment: &str) -> (Overrides, Vec<Option<u32>>) {
        let url = Url::parse(&format!("http://example.com/sms?a=b{fragment}")).unwrap();
        let (overrides, troubles) = Overrides::of(&url);
        (overrides, troubles.into_iter().map(|trouble| trouble.code).collect())
    }

    #[track_caller]
    fn check_retries(fragment: &str, retried: [bool; 6]) {
        let (overrides, troubles) = of(fragment);
        assert_eq!(troubles, []);
        let answered =
            |status| Outcome::Answered { status, content_type: None, body: String::new() };
        let outcomes = [
            Outcome::NotConnected { reason: String::new() },
            Outcome::TimedOut,
            Outcome::Broken { reason: String::new() },
            answered(503),
            answered(404),
            answered(200),
        ];
        assert_eq!(outcomes.map(|outcome| overrides.retries_after(&outcome)), retried);
    }

    #[test]
    fn the_retry_policy_decides_what_is_retried() {
        //                        connect  read  broken   5xx    4xx    2xx
        check_retries("", [true, false, false, false, false, false]);
        check_retries("#rc=2", [true, false, false, false, false, false]);
        check_retries("#rp=ct", [true, false, false, false, false, false]);
        check_retries("#rp=rt", [false, true, false, false, false, false]);
        check_retries("#rp=4xx", [false, false, false, false, true, false]);
        check_retries("#rp=5xx", [false, false, true, true, false, false]);
        check_retries("#rp=5xx,ct,rt", [true, true, true, true, false, false]);
        check_retries("#rp=all", [true, true, true, true, true, false]);
    }

    #[test]
    fn the_fragment_sets_times_and_retries_within_their_ranges() {
        let (overrides, troubles) =
            of("#rc=3&rp=5xx,ct,rt&ct=100&rt=4500&tt=15000&e=ashburn&sni=y");
        assert_eq!(troubles, []);
        assert_eq!(overrides.retries, 3);
        assert_eq!(overrides.connect_timeout, Duration::from_millis(100));
        assert_eq!(overrides.read_timeout, Duration::from_millis(4500));
        assert_eq!(overrides.total_time, Duration::from_millis(15_000));
    }

    #[test]
    fn a_bad_setting_is_reported_and_stays_at_its_default() {
        let defaults = Overrides::default();
        assert_eq!(of("#rc=6"), (defaults.clone(), vec![None]));
        assert_eq!(of("#ct=99&rt=15001&tt=x"), (defaults.clone(), vec![None, None, None]));
        assert_eq!(of("#rp=5xx,3xx"), (defaults.clone(), vec![Some(11243)]));
        assert_eq!(of("#colour=blue"), (defaults, vec![None]));
    }
}
