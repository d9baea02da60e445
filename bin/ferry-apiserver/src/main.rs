//! The API server's process. Everything that it does is in the library beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    ferry_apiserver::main()
}
