//! How well consent is understood, measured on labelled messages.

use std::{collections::BTreeMap, fmt};

use anyhow::{Result, ensure};
use trust::consent::{self, Decision, Meaning};

use crate::labelled;

/// What share of the wishes to stop must be understood, and what share of other
/// messages may be taken for one.
const LEAST_RECALL: f64 = 0.99;
const MOST_FALSE_STOPS: f64 = 0.03;

/// The labels a message may have.
pub const LABELS: [&str; 4] = ["stop", "start", "help", "text"];

/// What became of a set of messages.
#[derive(Debug, Default)]
pub struct Report {
    /// For each label as it is, how often each was given.
    given: BTreeMap<(&'static str, &'static str), usize>,
    /// The messages whose label was not the one given, a line each.
    misses: Vec<String>,
}

/// Classifies lines of `label<TAB>text`.
pub fn evaluate(lines: &str) -> Result<Report> {
    let mut report = Report::default();
    for labelled in labelled::texts(lines, &LABELS) {
        let (label, text) = labelled?;
        let decision = consent::classify(text, None);
        let given = label_of(decision);
        *report.given.entry((label, given)).or_default() += 1;
        if given != label {
            let rule = decision.rule.unwrap_or("no rule");
            report.misses.push(format!("{label} taken for {given} ({rule}): {text}"));
        }
    }
    ensure!(!report.given.is_empty(), "there is no message to classify");
    Ok(report)
}

fn label_of(decision: Decision) -> &'static str {
    match decision.meaning {
        Meaning::Stop => "stop",
        Meaning::Start | Meaning::Yes => "start",
        Meaning::Help => "help",
        Meaning::Text => "text",
    }
}

impl Report {
    /// Whether a shop can rely on it.
    pub fn is_good(&self) -> bool {
        self.recall("stop").is_none_or(|share| share >= LEAST_RECALL)
            && self.false_share("stop").is_none_or(|share| share <= MOST_FALSE_STOPS)
    }

    /// The share of the messages of `label` that were given it.
    pub fn recall(&self, label: &str) -> Option<f64> {
        self.share(|is| is == label, label)
    }

    /// The share of the other messages that were given `label`.
    pub fn false_share(&self, label: &str) -> Option<f64> {
        self.share(|is| is != label, label)
    }

    fn share(&self, of: impl Fn(&str) -> bool, label: &str) -> Option<f64> {
        let count = |given: &dyn Fn(&str) -> bool| {
            let of_these = self.given.iter().filter(|((is, got), _)| of(is) && given(got));
            of_these.map(|(_, count)| *count).sum::<usize>()
        };
        let all = count(&|_| true);
        #[expect(clippy::cast_precision_loss, reason = "no file has that many lines")]
        let share = (all > 0).then(|| count(&|got| got == label) as f64 / all as f64);
        share
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for miss in &self.misses {
            writeln!(f, "{miss}")?;
        }
        let percent = |share: Option<f64>| {
            share.map_or_else(|| "-".to_owned(), |share| format!("{:.2} %", share * 100.0))
        };
        for label in LABELS {
            let (recall, wrong) = (percent(self.recall(label)), percent(self.false_share(label)));
            writeln!(f, "{label:<6} recall {recall:>9}   given to others {wrong:>9}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_the_right_messages() {
        let report =
            evaluate("# a comment\n\nstop\tstop\nstop\tbananas\ntext\thello\nhelp\tSTOP\n");
        let report = report.unwrap();
        assert_eq!(report.recall("stop"), Some(0.5));
        assert_eq!(report.false_share("stop"), Some(0.5));
        assert_eq!(report.recall("start"), None);
        assert!(!report.is_good());
        assert!(report.to_string().contains("stop taken for text (no rule): bananas"));
        assert!(evaluate("stop\tstop\ntext\thello").unwrap().is_good());
    }

    #[test]
    fn a_file_without_messages_is_refused() {
        assert_eq!(
            evaluate("# nothing").unwrap_err().to_string(),
            "there is no message to classify"
        );
    }
}
