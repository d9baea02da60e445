//! The printers of Kubernetes' own kinds. Each gives the cells after the name, wide ones included.

mod access;
mod event;
mod node;
mod pod;
mod service;
mod storage;

use ferry_units::WallTime;
use serde_json::Value;

use super::age::UNKNOWN;
use super::fields::{self, Fields};
use crate::catalog::Kind;

/// From an object to its cells.
type Printer = fn(&Fields, WallTime) -> Vec<Value>;

/// The printer of a kind; custom kinds have none, nor have those that show their age alone.
pub(super) const fn printer(kind: Kind) -> Option<Printer> {
    match kind {
        Kind::Node => Some(node::cells),
        Kind::Namespace => Some(namespace),
        Kind::Pod => Some(pod::cells),
        Kind::Event => Some(event::cells),
        Kind::Lease => Some(lease),
        Kind::PersistentVolumeClaim => Some(storage::claim),
        Kind::ConfigMap => Some(storage::config_map),
        Kind::Secret => Some(storage::secret),
        Kind::Service => Some(service::cells),
        Kind::ServiceAccount => Some(access::service_account),
        Kind::ClusterRoleBinding | Kind::RoleBinding => Some(access::binding),
        Kind::VirtualMachine
        | Kind::VirtualMachineInstance
        | Kind::VirtualMachineInstanceMigration
        | Kind::MigrationPolicy
        | Kind::KubeVirt
        | Kind::HyperConverged
        | Kind::NetworkAttachmentDefinition
        | Kind::ClusterRole
        | Kind::Role => None,
    }
}

fn namespace(namespace: &Fields, now: WallTime) -> Vec<Value> {
    vec![fields::text(namespace, &["status", "phase"]).into(), fields::age(namespace, now)]
}

fn lease(lease: &Fields, now: WallTime) -> Vec<Value> {
    vec![fields::text(lease, &["spec", "holderIdentity"]).into(), fields::age(lease, now)]
}
