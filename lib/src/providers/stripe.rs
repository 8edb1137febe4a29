//! Stripe: what it sends us, and what we ask of it.

pub mod client;
pub mod event;
pub mod id;
pub mod mirror;
pub mod reconcile;
pub mod settings;
pub mod subscription;

/// The version of Stripe's API we ask in, and that our webhook endpoint is to be
/// created with. <https://docs.stripe.com/api/versioning>
pub const API_VERSION: &str = "2026-07-29.dahlia";
