//! What the cluster does next, and why: every reconciler of the control plane as a function.

mod claims;
mod cluster;
mod conditions;
pub mod evacuation;
pub mod instance;
mod launcher;
pub mod machine;
pub mod migration;
pub mod node;
mod objects;
pub mod placement;
mod plan;
pub mod platform;
mod pods;
pub mod queue;
mod words;

pub use cluster::{NODE_GRACE, Now};
pub use plan::{
    Action, Bind, Component, Create, Delete, Event, EventType, Grace, Metric, ObjectRef, Part,
    Patch, Plan,
};

use ferry_api::Modelled;

/// The namespace and name of what a reconciler looks at; the namespace is empty for kinds of the
/// whole cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl Key {
    /// The key of that namespace and name.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// The key of an object.
    pub fn of<T: Modelled>(object: &T) -> Self {
        Self::new(objects::namespace(object), objects::name(object))
    }
}
