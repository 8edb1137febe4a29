//! What is stored of an account, and its ways out: exports, backups, deletion.

pub mod backup;
pub mod closure;
pub mod export;
mod pipe;
pub mod retention;
pub mod scan;
pub mod seal;
pub mod tables;
