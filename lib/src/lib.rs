//! Everything the functions share.
//!
//! The folders are layers, and arrows between them run down: [`functions`] are the
//! doors, one for each file in `api/`; [`pages`] are what people see, [`owner`] is
//! what they do there; [`messaging`] answers leads; [`data`] exports an account,
//! keeps it sealed, erases it; both owe it as [`jobs`]; [`session`] knows owners; [`providers`]
//! are the only ways out; [`edge`] takes requests in, and knows none of the others.
//! Below all of them is the crate `trust`. The crate speaks `http` types and knows
//! nothing of `vercel_runtime`, so all of it is within reach of a unit test.

pub mod context;
pub mod data;
pub mod edge;
pub mod functions;
pub mod jobs;
pub mod messaging;
pub mod owner;
pub mod pages;
pub mod paths;
mod problems;
pub mod providers;
pub mod rate_limit;
pub mod session;
pub mod settings;
pub mod telemetry;
