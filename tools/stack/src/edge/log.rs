//! What the functions print.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Mutex, PoisonError},
};

/// How many lines are kept, so that a stack left running for weeks does not grow.
const KEPT_LINES: usize = 100_000;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Who printed it: a function, e.g. `sms_inbound`, or the edge itself for it.
    pub source: String,
    /// The line, without its end.
    pub text: String,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source, self.text)
    }
}

/// Shows a line as it is printed.
type Show = Box<dyn Fn(&Line) + Send + Sync>;

/// Keeps the last lines the functions printed, and can show them as they come.
#[derive(Default)]
pub struct Log {
    lines: Mutex<VecDeque<Line>>,
    show: Option<Show>,
}

impl Log {
    /// A log that calls `show` with each line as it is printed.
    pub fn shown(show: impl Fn(&Line) + Send + Sync + 'static) -> Self {
        Self { show: Some(Box::new(show)), ..Self::default() }
    }

    /// All lines so far, oldest first.
    pub fn lines(&self) -> Vec<Line> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Adds a line.
    pub(super) fn push(&self, line: Line) {
        if let Some(show) = &self.show {
            show(&line);
        }
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("lines", &self.lines().len()).finish_non_exhaustive()
    }
}
