//! Who owns which field, and server-side apply.
//!
//! Each manager's entry in `metadata.managedFields` lists the fields that it set last. A plain
//! write takes what it changes from all others ([`track_update`]). An apply says all that its
//! manager wants: what it wanted before and wants no longer goes, unless someone else owns it, and
//! what someone else owns with another value is a conflict ([`apply`]).
//!
//! ```text
//!  value, schema ──► form ──► mention  fields that a value mentions   ┐
//!                         ├─► compare  added, modified, removed       ├─► update, apply
//!                         ├─► merge, interleave, remove, prune        │
//!                         └─► validate                                ┘      ▲
//!  managedFields ──► managers ──► v1 ──► set of elements ────────────────────┘
//! ```
//!
//! The rules are those of `structured-merge-diff` and of apimachinery's `managedfields`. An entry
//! names fields of the version that it was written in, and is compared in that version
//! ([`Versions`]).

mod apply;
mod compare;
mod element;
mod error;
mod form;
mod interleave;
mod last_applied;
mod managers;
mod mention;
mod merge;
mod prune;
mod remove;
mod set;
mod strip;
mod update;
mod v1;
mod validate;
pub(crate) mod value;
mod versions;

#[cfg(test)]
mod tests;

pub(crate) use apply::apply;
pub(crate) use error::ApplyError;
pub(crate) use strip::{Reach, keep_within};
pub(crate) use update::{settle, track_update};
pub(crate) use versions::Versions;

/// Who writes, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ManagerId {
    /// The manager's name: the `fieldManager` that was given, or the client's.
    pub(crate) name: String,
    /// How it writes.
    pub(crate) operation: Operation,
    /// The version that it writes in.
    pub(crate) api_version: String,
    /// The subresource that it writes through; empty for the object itself.
    pub(crate) subresource: &'static str,
}

/// How a manager writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    /// By server-side apply.
    Apply,
    /// Any other way.
    Update,
}

impl Operation {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}
