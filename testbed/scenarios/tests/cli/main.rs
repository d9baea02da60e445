//! `ferry`'s commands on a whole testbed: what people type, and what has come of it.

#![allow(clippy::unwrap_used, reason = "a test that fails says so by panicking")]

mod tour;
mod work;
