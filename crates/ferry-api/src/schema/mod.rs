//! The schema of a kind: which fields there are, of which type, and what they default to.
//!
//! It is derived from the Rust types (`schemars`, made structural by `kube-core` as for any custom
//! resource written in Rust) and then parsed into a closed set of shapes, so that checking,
//! defaulting, pruning and publishing all walk the same few cases.

mod check;
mod declared;
mod defaults;
mod openapi;
mod parse;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde_json::Value;

pub(crate) use declared::{Declared, Field, Json, Required, as_written, or_null};
pub(crate) use parse::without_default;

/// The schema of a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    /// What the value is for, in prose.
    pub description: Option<String>,
    /// What it may be.
    pub shape: Shape,
    /// Whether it may also be `null`.
    pub nullable: bool,
    /// What it is where nothing was written.
    pub default: Option<Value>,
    /// Who of several writers owns which part of it.
    pub merge: MergeStrategy,
    /// What a strategic merge patch does with it.
    pub patch: PatchStrategy,
}

/// What a strategic merge patch does with a list, where it is not the same as with objects.
///
/// Source: <https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/>,
/// `x-kubernetes-patch-strategy` and `x-kubernetes-patch-merge-key`. The key is not always among
/// those of server-side apply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PatchStrategy {
    /// It takes its place; objects are merged all the same.
    #[default]
    Replace,
    /// It adds to it: a list of scalars.
    Merge,
    /// It is merged with it, item by item; an item is told by this field.
    MergeBy(&'static str),
    /// The same, and a patch of an item may list the fields that it shall have (`$retainKeys`).
    MergeRetainingKeys(&'static str),
}

/// How a list or a map is shared by several writers, as server-side apply sees it.
///
/// Source: <https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy>,
/// `x-kubernetes-list-type`, `x-kubernetes-list-map-keys` and `x-kubernetes-map-type`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MergeStrategy {
    /// A map or an object whose entries have an owner each. Scalars do not care.
    Granular,
    /// A value that is replaced and owned as a whole: lists, where nothing else is said.
    Atomic,
    /// A list of scalars, each of which is there once and has an owner.
    Set,
    /// A list of objects that are told apart by these fields and have an owner each.
    Keyed(Vec<String>),
}

/// What a value may be.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Any JSON value.
    Anything,
    /// `true` or `false`.
    Boolean,
    /// A whole number within bounds, both included.
    Integer {
        /// The smallest.
        minimum: i128,
        /// The largest.
        maximum: i128,
    },
    /// Any number.
    Number,
    /// A string.
    String(Text),
    /// A whole number or a string.
    IntOrString(Text),
    /// A list of items of one schema.
    Array(Box<Schema>),
    /// An object whose keys are data, with values of one schema.
    Map(Box<Schema>),
    /// An object whose keys are fields.
    Object(ObjectShape),
}

/// What a string may say.
#[derive(Clone, Debug, PartialEq)]
pub enum Text {
    /// Anything.
    Any,
    /// One of these.
    OneOf(Vec<String>),
    /// An RFC 3339 time.
    DateTime,
    /// An RFC 3339 time, of which Kubernetes keeps microseconds.
    MicroTime,
    /// A Kubernetes quantity.
    Quantity,
    /// Bytes in base64.
    Base64,
}

/// An object whose keys are fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObjectShape {
    /// The fields.
    pub properties: BTreeMap<String, Schema>,
    /// Those that must be there.
    pub required: BTreeSet<String>,
    /// What becomes of other fields.
    pub unknown: UnknownFields,
}

/// What becomes of fields that a schema does not name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownFields {
    /// They are reported and dropped.
    #[default]
    Pruned,
    /// They are kept as written.
    Kept,
}

impl Schema {
    /// The schema of a Rust type.
    ///
    /// # Panics
    ///
    /// If the type's schema has a form that this module does not know. That is a property of the
    /// type alone; a test reads the schemas of all kinds.
    pub fn of<T: JsonSchema>() -> Self {
        parse::schema_of::<T>()
    }

    /// The field that tells the items of a list apart in a strategic merge patch, if such a patch
    /// merges the list at all and its items are objects.
    pub const fn patch_merge_key(&self) -> Option<&str> {
        match self.patch {
            PatchStrategy::MergeBy(key) | PatchStrategy::MergeRetainingKeys(key) => Some(key),
            PatchStrategy::Replace | PatchStrategy::Merge => None,
        }
    }

    /// A schema of `shape` and nothing else.
    pub(crate) fn plain(shape: Shape) -> Self {
        let merge = match shape {
            Shape::Array(_) => MergeStrategy::Atomic,
            Shape::Anything
            | Shape::Boolean
            | Shape::Integer { .. }
            | Shape::Number
            | Shape::String(_)
            | Shape::IntOrString(_)
            | Shape::Map(_)
            | Shape::Object(_) => MergeStrategy::Granular,
        };
        let patch = PatchStrategy::default();
        Self { description: None, shape, nullable: false, default: None, merge, patch }
    }
}
