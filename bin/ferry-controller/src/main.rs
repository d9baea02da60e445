//! The program ferry-controller; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    ferry_controller::main()
}
