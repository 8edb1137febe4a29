//! Stripe: what a shop pays for.

pub mod signature;
