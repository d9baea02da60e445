//! The `ferry-apiserver` program. All of it is in the library, where tests reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    ferry_apiserver::main()
}
