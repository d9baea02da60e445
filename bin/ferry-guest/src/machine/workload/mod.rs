//! What a guest works on: whether it can, and how a command line says it.

mod check;
mod text;

pub use check::WorkloadError;
pub(crate) use check::{Limits, check};
pub use text::{WorkloadText, WorkloadTextError, parse};
