//! Stripe: its API, its pages, the life of subscriptions, and the events of it.

mod api;
mod control;
mod failures;
mod idempotency;
mod life;
mod pages;
mod random_lives;
mod support;
mod webhooks;
