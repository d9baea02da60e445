//! What a write to a Kubernetes API means.
//!
//! The registry is a state machine without a clock, dice or a disk. [`Request`]s go in, and what
//! each comes to is a value, a [`Decision`] or a [`Refusal`]; whoever holds the disk makes its
//! [`Change`] durable and then applies it to the [`State`], which cannot fail. Recovery applies the
//! same changes again.

mod admission;
#[allow(dead_code, unused_imports, reason = "its caller, `decide`, is written at the same time")]
mod fields;
mod object;
#[allow(dead_code, unused_imports, reason = "its caller, `decide`, is written at the same time")]
mod patch;
mod refusal;
mod request;
mod state;

pub use admission::{Admission, Operation, Review};
pub use object::{
    Change, Document, Effect, Meta, ObjectKey, Owner, Part, Revision, Stored, Target,
};
pub use refusal::{DeniedCause, FieldConflict, QualifiedKind, Refusal};
pub use request::{
    Answer, Context, Decision, DeleteOptions, FieldValidation, OnConflict, Patch, Propagation,
    Request, Run, User, Write, WriteOptions,
};
pub use state::State;
