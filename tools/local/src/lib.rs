//! `cargo dev`, and what tries the product as others see it: Vercel's program, a browser.

pub mod browser;
pub mod dev;
pub mod vercel;
