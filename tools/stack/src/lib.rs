//! The whole product on one machine: Postgres, Supabase's API, Vercel's edge with the
//! functions' executables behind it, and the simulators of the providers around it.

pub mod child;
pub mod clock;
pub mod compile;
mod digest;
pub mod edge;
pub mod file_lock;
pub mod node;
pub mod port;
pub mod postgres;
pub mod product;
pub mod progress;
pub mod project;
pub mod schema;
mod stack;
pub mod supabase;

pub use self::stack::{Database, Foundation, Stack};
