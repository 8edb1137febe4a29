//! The integration suite: the functions' real executables against the local
//! stack. One executable, so that everything is linked once.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says so"
)]

mod arrows;
mod backup;
mod billing;
mod canary;
mod chaos;
mod closure;
mod consent;
mod convergence;
mod crashes;
mod data;
mod exports;
mod faults;
mod gate;
mod interleavings;
mod jobs;
mod ledger;
mod media;
mod one_round_trip;
mod owners;
mod pages;
mod redaction;
mod refusals;
mod repository;
mod retention;
mod rotation;
mod rules;
mod scan;
mod sessions;
mod stripe;
mod support;
mod whole_line;
