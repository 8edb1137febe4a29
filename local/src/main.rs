//! `cargo dev`: the whole product on one machine.
fn main() {}
