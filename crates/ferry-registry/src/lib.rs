//! What a write to a Kubernetes API means.
//!
//! The registry is a state machine without a clock, dice or a disk. [`Request`]s go in, and what
//! each comes to is a value, a [`Decision`] or a [`Refusal`]; whoever holds the disk makes its
//! [`Change`] durable and then applies it to the [`State`], which cannot fail. Recovery applies the
//! same changes again.

mod admission;
mod convert;
mod decide;
mod document;
mod draft;
mod fields;
mod garbage;
mod kinds;
mod labels;
mod meta;
mod object;
mod patch;
mod refusal;
mod request;
mod state;
#[cfg(test)]
mod testing;
mod uid;

pub use admission::{Admission, Operation, Review};
pub use convert::convert;
pub use decide::decide;
pub use draft::{Body, Draft, Parsed};
pub use labels::Labels;
pub use object::{
    Change, Document, Effect, Meta, ObjectKey, Owner, Part, Revision, Stored, StoredError, Target,
};
pub use refusal::{DeniedCause, FieldConflict, QualifiedKind, Refusal};
pub use request::{
    Answer, Context, Creation, Decision, DeleteOptions, FieldValidation, OnConflict, Patch,
    Propagation, Request, Run, User, Write, WriteOptions,
};
pub use state::{
    ContinueToken, Events, ListOptions, ListStart, Page, Selection, State, WatchEvent, WatchKind,
};
pub use uid::Uid;
