//! What a journal promises, against a map and a list.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod common;
mod damage;
mod model;
mod refusals;
mod size;
