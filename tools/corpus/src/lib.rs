//! Labelled texts: how well consent is understood and numbers are masked, and what is
//! learned from them.

pub mod classify;
mod labelled;
pub mod learn;
pub mod redaction;
