//! What the cluster does next, and why: every reconciler of the control plane as a function.
//!
//! A reconciler is a pair: `observe` looks at a [`View`](ferry_api::View) of the cluster and keeps
//! what matters, `plan` says what is to be done about it. Nothing here waits, asks a clock or sends
//! anything; a [`Plan`] is a value, and whoever carries it out needs to know nothing of machines.
//!
//! ```text
//!  View + Now ──observe──► Observed ──plan──► Plan { actions, revisit }
//!      ▲                                        │
//!      └──── the API server ◄── create, patch, bind, delete, event ┘
//! ```
//!
//! | reconciler | looks at | makes |
//! |---|---|---|
//! | [`platform`] | HyperConverged | the KubeVirt object |
//! | [`installation`] | KubeVirt | its status: deployed, available |
//! | [`node`] | a node's lease | its condition `Ready`, its taints |
//! | [`machine`] | a VirtualMachine | its instance |
//! | [`instance`] | a VirtualMachineInstance | its pod; its phase until the node has it |
//! | [`claims`] | a PersistentVolumeClaim | its binding; holds it while it is used |
//! | [`placement`] | all pods without a node | bindings |
//! | [`queue`] | all waiting migrations | target pods |
//! | [`migration`] | a migration | its phases, hand-off, its end |
//! | [`evacuation`] | a node | migrations |
//!
//! [`work`] says which of them have to look when something has changed.
//!
//! # What holds
//!
//! **Level, not edge.** A plan follows from how things are. It may be interrupted between any two of
//! its actions, or never be carried out: the next look goes on from there.
//!
//! **A plan that was carried out is empty.** A reconciler changes a copy of an object and asks what
//! differs, and what it makes has the same name whenever it makes it. Events are told with the change
//! that they are about, and not again.
//!
//! **Nothing is overwritten unseen.** Each patch and each deletion holds only for the object that was
//! seen.
//!
//! **One writer for each field.** Of an instance the controller writes the phase up to `Scheduled`
//! (and `Failed` once nobody else can), the node before it has one, `activePods`, the conditions
//! `Ready`, `PodScheduled`, `Synchronized`, `LiveMigratable`, `StorageLiveMigratable` and
//! `EvictionRequested`, how it migrates, hand-off and the wish to abort. All else is its node's.
//!
//! # Carrying out
//!
//! [`Plan`] says how. [`placement`] and [`queue`] each look at everything and must not run twice at
//! the same time, and they have to see what their last plans have written; the others may run side by
//! side for different objects.
//!
//! ```
//! use ferry_api::{Modelled, Selector, View};
//! use ferry_reconcile::{Action, Key, Now, machine};
//! use serde_json::json;
//!
//! /// A cluster with one machine.
//! struct One(serde_json::Value);
//!
//! impl View for One {
//!     fn get<T: Modelled>(&self, _: &str, _: &str) -> Option<T> {
//!         serde_json::from_value(self.0.clone()).ok()
//!     }
//!     fn list<T: Modelled>(&self, _: Option<&str>, _: &Selector) -> Vec<T> {
//!         self.get("", "").into_iter().collect()
//!     }
//! }
//!
//! let cluster = One(json!({
//!     "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine",
//!     "metadata": { "name": "db", "namespace": "shop", "uid": "1" },
//!     "spec": { "runStrategy": "Always", "template": { "spec": { "domain": {} } } },
//! }));
//! let now = Now::at("2026-11-26T00:00:00Z".parse().unwrap());
//! let seen = machine::observe(&cluster, &Key::new("shop", "db"), &now).unwrap();
//! let plan = machine::plan(&seen);
//! let Action::Create(create) = &plan.actions[0] else { panic!() };
//! assert_eq!(create.body["kind"], "VirtualMachineInstance");
//! ```

pub mod claims;
mod cluster;
mod conditions;
pub mod evacuation;
pub mod guest;
pub mod installation;
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
pub mod presence;
pub mod queue;
mod words;
pub mod work;

pub use cluster::{NODE_GRACE, Now};
pub use plan::{
    Action, Bind, Component, Create, Delete, Event, EventType, Grace, Metric, ObjectRef, Part,
    Patch, Plan,
};
pub use work::{Cause, Work};

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
