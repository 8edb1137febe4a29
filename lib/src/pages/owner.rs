//! The console: pages for an owner who has signed in.

pub(super) mod activity;
pub(super) mod billing;
pub(super) mod conversations;
pub(super) mod delete_account;
pub(super) mod labels;
pub(super) mod leads;
pub(super) mod privacy_centre;
pub(super) mod shop;
