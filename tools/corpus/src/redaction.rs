//! How well numbers are masked that must not be kept, measured on labelled texts.

use std::fmt;

use anyhow::{Result, ensure};
use trust::text::redaction;

use crate::labelled;

/// What share of the card and social-insurance numbers must be masked, and in
/// what share of the other texts something may be.
const LEAST_CARDS: f64 = 0.98;
const LEAST_SINS: f64 = 0.97;
const MOST_FALSE: f64 = 0.02;

/// The labels a text may have.
const LABELS: [&str; 3] = [CARD, SIN, NONE];
const CARD: &str = "card";
const SIN: &str = "sin";
const NONE: &str = "none";

/// How many letters at least are masked in a text of this label: what a card number of 13
/// digits has to hide, or a social-insurance number.
fn least_masked(label: &str) -> usize {
    match label {
        CARD => 9,
        SIN => 6,
        _ => 0,
    }
}

/// What became of the texts of one label.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    texts: usize,
    right: usize,
}

impl Tally {
    #[expect(clippy::cast_precision_loss, reason = "no file has that many lines")]
    fn share(self) -> Option<f64> {
        (self.texts > 0).then(|| self.right as f64 / self.texts as f64)
    }
}

/// What became of a set of texts.
#[derive(Debug, Default)]
pub struct Report {
    cards: Tally,
    sins: Tally,
    others: Tally,
    /// The texts in which too little was masked or too much, a line each.
    misses: Vec<String>,
}

/// Masks lines of `label<TAB>text`, in which `\n` stands for a new line.
pub fn evaluate(lines: &str) -> Result<Report> {
    let mut report = Report::default();
    for labelled in labelled::texts(lines, &LABELS) {
        let (label, text) = labelled?;
        let masked = redaction::redact(&text.replace("\\n", "\n")).text;
        let count = masked.chars().filter(|&letter| letter == '•').count();
        let is_right = if label == NONE { count == 0 } else { count >= least_masked(label) };
        let tally = report.tally_mut(label);
        tally.texts += 1;
        tally.right += usize::from(is_right);
        if !is_right {
            report.misses.push(format!("{label}: {text:?} became {masked:?}"));
        }
    }
    ensure!(report.tallies().iter().any(|tally| tally.texts > 0), "there is no text to mask");
    Ok(report)
}

impl Report {
    fn tally_mut(&mut self, label: &str) -> &mut Tally {
        match label {
            CARD => &mut self.cards,
            SIN => &mut self.sins,
            _ => &mut self.others,
        }
    }

    fn tallies(&self) -> [Tally; 3] {
        [self.cards, self.sins, self.others]
    }

    /// Whether people can rely on it.
    pub fn is_good(&self) -> bool {
        self.cards.share().is_none_or(|share| share >= LEAST_CARDS)
            && self.sins.share().is_none_or(|share| share >= LEAST_SINS)
            && self.others.share().is_none_or(|share| 1.0 - share <= MOST_FALSE)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for miss in &self.misses {
            writeln!(f, "{miss}")?;
        }
        let labels = ["cards masked", "social-insurance numbers masked", "others left alone"];
        for (label, tally) in labels.into_iter().zip(self.tallies()) {
            let share = tally
                .share()
                .map_or_else(|| "-".to_owned(), |share| format!("{:.2} %", share * 100.0));
            writeln!(f, "{label:<31} {share:>9}   {} of {}", tally.right, tally.texts)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_the_right_texts() {
        let report = evaluate(
            "# a comment\n\ncard\t4242\\n4242\\n4242\\n4242\ncard\t4242\nsin\t130 692 544\nnone\thello\n",
        );
        let report = report.unwrap();
        assert_eq!(report.tallies().map(Tally::share), [Some(0.5), Some(1.0), Some(1.0)]);
        assert!(!report.is_good());
        assert!(report.to_string().contains("card: \"4242\" became \"4242\""));
        assert!(!evaluate("none\t4242424242424242").unwrap().is_good());
        assert!(evaluate("card\t4242424242424242").unwrap().is_good());
    }

    #[test]
    fn a_file_without_texts_is_refused() {
        assert_eq!(evaluate("# nothing").unwrap_err().to_string(), "there is no text to mask");
    }
}
