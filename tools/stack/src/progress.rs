//! Tells the person at the terminal what is being done.

use std::time::Instant;

/// Where progress is told: at the terminal, or nowhere.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    shown_since: Option<Instant>,
}

impl Progress {
    /// Tells progress at the terminal, with the seconds since now.
    pub fn shown() -> Self {
        Self { shown_since: Some(Instant::now()) }
    }

    /// Tells nobody.
    pub fn silent() -> Self {
        Self { shown_since: None }
    }

    /// Says what happens next, e.g. "building the functions".
    #[expect(clippy::print_stderr, reason = "this is what the person at the terminal waits for")]
    pub fn say(&self, what: &str) {
        if let Some(start) = self.shown_since {
            eprintln!("{:6.1} s  {what}", start.elapsed().as_secs_f32());
        }
    }
}
