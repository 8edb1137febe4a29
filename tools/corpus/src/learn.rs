//! The weights of the classifier's second opinion, learned from the labelled messages.
//!
//! Logistic regression by stochastic gradient descent, with a step of its own for each
//! weight (AdaGrad). Only additions, multiplications, divisions and square roots, which
//! every processor rounds alike, and a shuffle with a fixed seed: the same messages give the
//! same weights everywhere.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use trust::consent::likelihood::{self, COUNT, SCALE};

use crate::{classify::LABELS, labelled};

/// How often every message is looked at.
const ROUNDS: usize = 12;

/// How far a weight moves at first.
const STEP: f64 = 0.3;

/// What keeps a weight's first step from being endless.
const DAMPING: f64 = 0.1;

/// How strongly weights are drawn to nothing.
const DECAY: f64 = 1e-5;

/// The set in `tests/consent` that is for judging only.
const UNSEEN: &str = "unseen.tsv";

/// A message to learn from.
struct Example {
    features: Vec<usize>,
    is_stop: bool,
}

/// The weights, as they are committed.
pub fn weights_file() -> PathBuf {
    root().join("lib/trust/src/consent/likelihood.weights")
}

/// The weights learned from the sets in `tests/consent`, but for the unseen one and those
/// that `is_left_out`.
pub fn weights(is_left_out: impl Fn(&Path) -> bool) -> Result<Vec<u8>> {
    let folder = root().join("tests/consent");
    let entries = fs::read_dir(&folder).context("tests/consent cannot be read")?;
    let mut sets = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    sets.retain(|set| !set.ends_with(UNSEEN) && !is_left_out(set));
    sets.sort();

    let mut examples = Vec::new();
    for set in sets {
        let lines = fs::read_to_string(&set)?;
        for labelled in labelled::texts(&lines, &LABELS) {
            let (label, text) = labelled.with_context(|| set.display().to_string())?;
            let features = likelihood::features(text);
            examples.push(Example { features, is_stop: label == "stop" });
        }
    }
    Ok(learn(examples).into_iter().map(as_byte).collect())
}

fn learn(mut examples: Vec<Example>) -> Vec<f64> {
    let mut weights = vec![Weight::default(); COUNT];
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..ROUNDS {
        random.shuffle(&mut examples);
        for example in &examples {
            let sum = example.features.iter().filter_map(|&feature| weights.get(feature));
            let is = if example.is_stop { 1.0 } else { 0.0 };
            let error = probability(sum.map(|weight| weight.value).sum()) - is;
            for &feature in &example.features {
                if let Some(weight) = weights.get_mut(feature) {
                    weight.correct(error);
                }
            }
        }
    }
    weights.into_iter().map(|weight| weight.value).collect()
}

#[derive(Debug, Clone, Copy, Default)]
struct Weight {
    value: f64,
    /// The sum of the squares of what it was corrected by.
    corrections: f64,
}

impl Weight {
    fn correct(&mut self, error: f64) {
        let gradient = error + DECAY * self.value;
        self.corrections += gradient * gradient;
        self.value -= STEP * gradient / (DAMPING + self.corrections.sqrt());
    }
}

/// The probability of which `log_odds` is the logarithm of the odds, nearly: with the
/// exponential as the 1024th power it comes from, because the library's may differ from
/// machine to machine.
fn probability(log_odds: f64) -> f64 {
    let odds = (0..10).fold(1.0 + log_odds.clamp(-30.0, 30.0) / 1024.0, |power, _| power * power);
    odds / (1.0 + odds)
}

#[expect(clippy::cast_possible_truncation, reason = "clamped to what fits")]
fn as_byte(weight: f64) -> u8 {
    let scaled = (weight * f64::from(SCALE)).round();
    (scaled.clamp(f64::from(i8::MIN), f64::from(i8::MAX)) as i8).cast_unsigned()
}

/// Marsaglia's xorshift: the same order on every machine.
struct Random(u64);

impl Random {
    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            let other = self.0 % (last as u64 + 1);
            items.swap(last, usize::try_from(other).unwrap_or_default());
        }
    }
}

/// The project's folder.
fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).unwrap_or(package)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_weights_are_those_that_are_learned() {
        let learned = weights(|_| false).unwrap();
        let committed = fs::read(weights_file()).unwrap();
        assert!(
            learned == committed,
            "the weights are not those of tests/consent and the rules: run `cargo dev -- learn`"
        );
    }

    #[test]
    fn what_tells_the_labels_apart_gets_the_weight() {
        let example =
            |features: &[usize], is_stop| Example { features: features.to_vec(), is_stop };
        let weights = learn(vec![
            example(&[1, 2], true),
            example(&[1, 3], false),
            example(&[2, 4], true),
            example(&[3, 4], false),
        ]);
        let weight = |feature: usize| weights.get(feature).copied().unwrap();
        assert!(weight(2) > 1.0 && weight(3) < -1.0, "{} {}", weight(2), weight(3));
        assert!(weight(1).abs() < 0.5 && weight(4).abs() < 0.5);
        assert_eq!(weight(5), 0.0);
        assert_eq!([0.5, -0.5, 99.0, -99.0].map(as_byte), [12, 244, 127, 128]);
    }
}
