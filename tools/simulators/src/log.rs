//! A list of what happened, which forgets the oldest when it grows long.

use std::collections::VecDeque;

use serde::{Serialize, Serializer};

/// How many entries a log keeps: all of what the longest test does, and a bound on
/// memory for a stack that is left running, or under load.
const CAPACITY: usize = 100_000;

/// The newest entries of something that happens again and again, oldest first.
#[derive(Debug, Clone)]
pub struct Log<T>(VecDeque<T>);

impl<T> Log<T> {
    /// Adds an entry, and drops the oldest one if there are too many.
    pub(super) fn push(&mut self, entry: T) {
        if self.0.len() == CAPACITY {
            self.0.pop_front();
        }
        self.0.push_back(entry);
    }

    /// Forgets every entry.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The newest entry that fits, to be changed. What is still changing is new,
    /// so the search goes from the end.
    pub(super) fn newest_mut(&mut self, fits: impl Fn(&T) -> bool) -> Option<&mut T> {
        self.0.iter_mut().rev().find(|entry| fits(entry))
    }

    /// All entries, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + ExactSizeIterator {
        self.0.iter()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T> Default for Log<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T: Serialize> Serialize for Log<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_log_forgets_its_oldest_entry() {
        let mut log = Log::default();
        for entry in 0..=CAPACITY {
            log.push(entry);
        }
        assert_eq!(log.len(), CAPACITY);
        assert_eq!(log.iter().next(), Some(&1));
        assert_eq!(log.iter().next_back(), Some(&CAPACITY));
    }
}
