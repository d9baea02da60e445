//! The program ferry-node; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    ferry_node::main()
}
