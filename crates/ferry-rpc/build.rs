//! Generates the messages and services of `proto/`. Everything is Rust: no protoc is needed.

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new("../../proto");
    println!("cargo:rerun-if-changed={}", root.display());
    let files = protox::compile([root.join("ferry/node/v1/node.proto")], [root])?;
    tonic_prost_build::configure().compile_fds(files)?;
    Ok(())
}
