//! The whole product on one machine.

pub mod bench;
pub mod browser;
mod child;
pub mod classify;
pub mod clock;
pub mod compile;
pub mod dev;
mod digest;
pub mod edge;
mod file_lock;
mod labelled;
pub mod learn;
pub mod node;
mod port;
pub mod postgres;
pub mod product;
pub mod progress;
pub mod project;
pub mod redaction;
pub mod schema;
pub mod simulator;
pub mod stack;
pub mod stand_in;
pub mod supabase;
pub mod vercel;
