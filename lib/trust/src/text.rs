//! Pure values of texts: numbers, languages, what must not be kept.

pub mod hex;
pub mod language;
pub mod media_type;
pub mod phone;
pub mod placeholders;
pub mod redaction;
pub mod segments;
