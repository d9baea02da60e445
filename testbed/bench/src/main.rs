//! Starts the benches and prints what went wrong.

use std::process::ExitCode;

fn main() -> ExitCode {
    ferry_bench::run().unwrap_or_else(|error| {
        eprintln!("ferry-bench: {error:#}");
        ExitCode::FAILURE
    })
}
