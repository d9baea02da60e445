//! Which writes are let in, and what they are completed with: what each kind demands beyond its
//! schema, and who may do what.
//!
//! - [`Policies`] are the checks of each kind, which KubeVirt has in its webhooks and Kubernetes in
//!   its admission plugins, in their words.
//! - [`Authorizer`] answers who may do what, as Kubernetes' roles and bindings say.
//!   [`bootstrap::objects`] are the roles that every cluster begins with.
//! - [`act`] is what becomes of an eviction and of `virtctl`'s commands: a few writes and an answer.
//!
//! Everything is a function of a request and a view of the cluster.

#![allow(clippy::result_large_err, reason = "a refusal is rare and ends what it comes from")]

mod actions;
pub mod bootstrap;
mod cluster;
mod denial;
mod fields;
pub mod identity;
mod policies;
mod rbac;
mod target_labels;

pub use actions::{
    Action, ActionAnswer, DeletionOptions, EvacuateCancelOptions, EvictionOptions, MigrateOptions,
    Outcome, PauseOptions, Preconditions, RestartOptions, StartOptions, StopOptions, Subject,
    UnpauseOptions, act,
};
pub use policies::{OPERATOR_NAMESPACE, Policies};
pub use rbac::{Attributes, Authorizer, ResourceAttributes, Rule, Rules, Verdict, gathered};
