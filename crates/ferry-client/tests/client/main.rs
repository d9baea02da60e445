//! The cache, the hands and the recorder against a server that answers as a test wants.
#![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

mod following;
mod plans;
mod server;
mod telling;
