//! The monitor seen from outside, as a node daemon uses it.

mod cases;
mod properties;
mod script;
