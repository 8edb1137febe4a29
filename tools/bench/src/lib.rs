//! Benchmarks: what the functions cost, compared with the least a function can be.
//!
//! What is compared is measured in turn, in one run, on one machine; so the
//! ratios hold elsewhere, as far as the figures do not. Nothing here is a test:
//! how long something takes depends on what else the machine does.

mod cold_start;
mod connection;
mod load;
mod processor;
pub mod round_trips;
mod sample;
pub mod scale;
mod signature_check;
pub mod stand_in;
mod statistics;
mod table;
mod warm;

use std::{env, fmt, fs, path::Path, thread};

use anyhow::{Result, ensure};

use stack::{compile, progress::Progress};

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// How often each function is started, and `hello_world` with it.
    pairs: usize,
    /// How often each has its turn at answering texts.
    rounds: usize,
    /// How many texts such a turn has.
    requests: usize,
    /// How often each way to check a signature has its turn.
    checks: usize,
    /// How many texts the calls are counted of.
    counted: usize,
}

impl Extent {
    /// Enough to see how far the figures spread.
    pub const FULL: Self =
        Self { pairs: 200, rounds: 9, requests: 6000, checks: 501, counted: 1000 };
    /// Enough to see that it works.
    pub const QUICK: Self = Self { pairs: 20, rounds: 3, requests: 1000, checks: 51, counted: 100 };
}

/// What was measured, to be read by people.
#[derive(Debug)]
pub struct Report {
    sections: Vec<(&'static str, String)>,
}

/// Compares each function, as it starts and as it runs, with that of another build, whose
/// executables are in the folder `against`.
pub async fn compare(against: &Path, extent: Extent, progress: &Progress) -> Result<String> {
    progress.say("building the functions and hello_world");
    let executables = compile::functions(true).await?;
    let hello_world = compile::example("hello_world").await?;
    let cold_start =
        cold_start::measure(&executables, &hello_world, Some(against), extent, progress).await?;
    let warm = warm::compare(&executables, against, extent, progress).await?;
    let sections = vec![
        ("How it was measured", method()),
        ("Cold start, against the other build", cold_start),
        ("Running functions, against the other build", warm),
    ];
    Ok(Report { sections }.to_string())
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (title, content) in &self.sections {
            writeln!(f, "{title}\n{content}")?;
        }
        Ok(())
    }
}

/// Builds the functions as they are deployed, and measures them.
pub async fn run(extent: Extent, progress: &Progress) -> Result<Report> {
    ensure!(
        !cfg!(debug_assertions),
        "a benchmark has to be optimized too: cargo run --release --package local -- bench"
    );
    progress.say("building the functions and hello_world");
    let executables = compile::functions(true).await?;
    let hello_world = compile::example("hello_world").await?;
    let inbound = executables.join("sms_inbound");

    let method = method();
    let round_trips = round_trips::measure(&inbound, extent, progress).await?;
    progress.say("checking signatures");
    let (text_check, event_check) =
        (signature_check::of_text(extent)?, signature_check::of_event(extent)?);
    let cold_start =
        cold_start::measure(&executables, &hello_world, None, extent, progress).await?;
    let warm = warm::measure(&executables, &hello_world, extent, progress).await?;
    Ok(Report {
        sections: vec![
            ("How it was measured", method),
            ("Cold start, against hello_world (goal: a ratio of at most 2)", cold_start),
            ("Texts and events to running functions, against hello_world", warm),
            ("Signature check of a text, against its HMAC alone", text_check),
            (
                "Signature check of an event, against its HMAC alone (goal: at most 1.15)",
                event_check,
            ),
            (
                "What a text to a running sms_inbound asks of Supabase before it is answered",
                round_trips,
            ),
        ],
    })
}

/// On what the figures were taken, and how to read them.
fn method() -> String {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    // What waits for a processor, on average over the last minute.
    let load = fs::read_to_string("/proc/loadavg").ok();
    let load = load.as_deref().and_then(|load| load.split_ascii_whitespace().next());
    let load = load.map_or(String::new(), |load| format!(", load {load} before"));
    let system = format!("{} {}", env::consts::OS, env::consts::ARCH);
    format!(
        "  {processors} processors ({system}){load}; the functions share them with what calls\n  \
         them and with the stand-in for Supabase, which answers at once.\n  \
         Figures are medians, with the middle half of all measurements in parentheses.\n  \
         Ratios are of measurements taken in turn, one right after the other.\n"
    )
}
