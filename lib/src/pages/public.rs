//! Pages for everybody.

pub(super) mod changelog;
pub(super) mod home;
pub(super) mod incidents;
pub(super) mod policy_reports;
pub(super) mod privacy;
pub mod processors;
pub mod promises;
pub(super) mod security;
pub mod well_known;
