//! An API server as a child of the test, and a shell in which people's tools talk to it.

mod server;
mod shell;

pub use server::{ApiServer, ApiServerBuilder};
pub use shell::{Output, Shell, kubectls};
