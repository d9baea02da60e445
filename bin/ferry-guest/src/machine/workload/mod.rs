//! What a guest works on: whether it can.

mod check;

pub use check::WorkloadError;
pub(crate) use check::{Limits, check};
