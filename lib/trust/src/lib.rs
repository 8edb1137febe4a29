//! What decides whether to trust, and needs nothing but its input to decide it.
//!
//! [`text`] has the values that are read from texts and numbers, and what masks
//! them; [`consent`] says what a text means for consent; [`signatures`] say who
//! sent a request. No I/O, no clock, no settings: whoever calls brings them. So
//! the tests of all this build in seconds, and the fuzzers reach all of it.

pub mod consent;
pub mod signatures;
pub mod text;
