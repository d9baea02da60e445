//! The API server's process. Everything that it does is in the library beside it.

fn main() {}
