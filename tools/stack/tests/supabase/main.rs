//! Postgres, Supabase's API on it, and the schema, as the local stack runs them.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may fail")]

mod auth;
mod data_api;
mod outage;
mod postgres;
mod schema;
mod storage;
mod support;
