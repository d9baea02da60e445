//! The rules about the code, as tests.
//!
//! A rule that no test holds up is a wish. Each rule here is a function from values (a dependency
//! graph, a list of files) to what offends against it, so that it can be tested on a few lines in
//! memory as well as on the whole repository. The tests in `tests/` do the second and print every
//! offence at once, with its place and with what to do about it.
//!
//! | module | rules |
//! |---|---|
//! | [`house`] | the table of crates: floors and wings, and who may use what |
//! | [`dependencies`] | down only, no cycles, the waterline, the wings, one door per technology |
//! | [`manifests`] | what every crate inherits from the workspace |
//! | [`words`] | what source may not say, and where |
//! | [`shape`] | what a file looks like |
//! | [`places`] | no path of somebody's machine |
//! | [`parity`] | the ledger of copied behaviour is complete |
//!
//! Rules read words, not meanings: one that is meant to be broken can be. They are there for the
//! accident, and for the reviewer who need not look for it.

pub mod dependencies;
pub mod graph;
pub mod house;
pub mod manifests;
pub mod offence;
pub mod parity;
pub mod places;
pub mod rust_text;
pub mod shape;
pub mod tree;
pub mod words;
