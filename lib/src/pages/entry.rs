//! The way in: signing up, signing in, codes.

pub(super) mod sign_in;
