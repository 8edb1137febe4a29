//! The simulators of the providers, seen from outside: by the product, which
//! calls them and is called, and by the scripts that control them.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

mod callbacks;
mod control;
mod failures;
mod groq;
mod media;
mod messages_api;
mod opt_out;
mod stripe;
mod support;
mod twiml;
mod webhooks;
