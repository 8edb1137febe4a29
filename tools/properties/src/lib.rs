//! What holds for any input that reaches the code which judges strangers.
//!
//! Each function takes the bytes of one input and panics if something does not
//! hold for it. The fuzzers in `tools/fuzz/` call them on inputs they make up; the test
//! of this package calls them on the seeds those start from, so that they hold on
//! every machine, with or without a fuzzer.

mod classifier;
mod form_and_signature;
mod redactor;

pub use self::{
    classifier::classifier, form_and_signature::form_and_signature, redactor::redactor,
};
