//! How well numbers are masked that must not be kept, measured on labelled texts.

use std::fmt;

use anyhow::{Context as _, Result, ensure};
use leadslock::redaction;

/// What share of the card and social-insurance numbers must be masked, and in
/// what share of the other texts something may be.
const LEAST_CARDS: f64 = 0.98;
const LEAST_SINS: f64 = 0.97;
const MOST_FALSE: f64 = 0.02;

/// A label, and how many letters at least are masked in a text of it: what a
/// card number of 13 digits has to hide, or a social-insurance number.
struct Label {
    name: &'static str,
    least_masked: usize,
}

const CARD: Label = Label { name: "card", least_masked: 9 };
const SIN: Label = Label { name: "sin", least_masked: 6 };
const NONE: Label = Label { name: "none", least_masked: 0 };

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

/// Masks lines of `label<TAB>text`, in which `\n` stands for a new line. Blank
/// lines and those that begin with `#` are passed over.
pub fn evaluate(lines: &str) -> Result<Report> {
    let mut report = Report::default();
    for (index, line) in lines.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let (label, text) = line
            .split_once('\t')
            .with_context(|| format!("line {} is not a label, a tab and a text", index + 1))?;
        let label = [CARD, SIN, NONE]
            .into_iter()
            .find(|known| known.name == label)
            .with_context(|| format!("line {}: {label:?} is none of card, sin, none", index + 1))?;
        let masked = redaction::redact(&text.replace("\\n", "\n")).text;
        let count = masked.chars().filter(|&letter| letter == '•').count();
        let is_right =
            if label.name == NONE.name { count == 0 } else { count >= label.least_masked };
        let tally = report.tally_mut(label.name);
        tally.texts += 1;
        tally.right += usize::from(is_right);
        if !is_right {
            report.misses.push(format!("{}: {text:?} became {masked:?}", label.name));
        }
    }
    ensure!(report.tallies().iter().any(|tally| tally.texts > 0), "there is no text to mask");
    Ok(report)
}

impl Report {
    fn tally_mut(&mut self, label: &str) -> &mut Tally {
        match label {
            "card" => &mut self.cards,
            "sin" => &mut self.sins,
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
    fn a_malformed_line_is_named() {
        let error = |lines: &str| evaluate(lines).unwrap_err().to_string();
        assert_eq!(error("none\thi\nnone"), "line 2 is not a label, a tab and a text");
        assert_eq!(error("visa\t4242"), "line 1: \"visa\" is none of card, sin, none");
        assert_eq!(error("# nothing"), "there is no text to mask");
    }
}
