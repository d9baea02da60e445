//! The command line of ferry.
fn main() {}
