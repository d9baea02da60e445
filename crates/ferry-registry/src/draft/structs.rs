//! What objects of Kubernetes' own kinds are never without.
//!
//! A field of Go's types that is a struct, and no pointer to one, is written even where nothing is in it.
//! Whoever looks into it need not ask whether it is there, and a patch can add to it.
//!
//! Source: Kubernetes `staging/src/k8s.io/api/core/v1/types.go` and its siblings.

use ferry_api::{Kind, KindVersion};
use serde_json::{Value, json};

use crate::draft::built_in::{fill, items, section};
use crate::object::Document;

/// Adds what an object is never without. Values of wrong types are left for the schema to refuse.
// PARITY: golang/go/src/encoding/json/encode.go#isEmptyValue: no struct is empty
pub(super) fn fill_all(served: KindVersion, object: &mut Value) {
    fill_those(served, object, |_| true);
}

/// The same, of its status alone.
pub(super) fn fill_status(served: KindVersion, object: &mut Value) {
    fill_those(served, object, |path| path.split('.').next() == Some("status"));
}

fn fill_those(served: KindVersion, object: &mut Value, is_meant: impl Fn(&str) -> bool) {
    let Value::Object(object) = object else { return };
    for path in structs(served).iter().filter(|path| is_meant(path)) {
        fill_at(object, path);
    }
}

/// Where they stand, what is outside before what is in it. `[]` is each item of a list.
fn structs(served: KindVersion) -> &'static [&'static str] {
    match served.kind() {
        Kind::Namespace => &["spec", "status"],
        Kind::Node => &[
            "spec",
            "status",
            "status.daemonEndpoints",
            "status.daemonEndpoints.kubeletEndpoint",
            "status.nodeInfo",
        ],
        Kind::Pod => &[
            "spec",
            "spec.initContainers[].resources",
            "spec.containers[].resources",
            "spec.ephemeralContainers[].resources",
            "spec.volumes[].ephemeral.volumeClaimTemplate.metadata",
            "spec.volumes[].ephemeral.volumeClaimTemplate.spec.resources",
            "status",
            "status.initContainerStatuses[].state",
            "status.initContainerStatuses[].lastState",
            "status.containerStatuses[].state",
            "status.containerStatuses[].lastState",
            "status.ephemeralContainerStatuses[].state",
            "status.ephemeralContainerStatuses[].lastState",
        ],
        Kind::PersistentVolumeClaim => &["spec", "spec.resources", "status"],
        Kind::Service => &["spec", "status", "status.loadBalancer"],
        Kind::Lease => &["spec"],
        Kind::Event if served == KindVersion::NEW_EVENT => &["deprecatedSource", "regarding"],
        Kind::Event => &["involvedObject", "source"],
        Kind::VirtualMachine
        | Kind::VirtualMachineInstance
        | Kind::VirtualMachineInstanceMigration
        | Kind::MigrationPolicy
        | Kind::KubeVirt
        | Kind::HyperConverged
        | Kind::NetworkAttachmentDefinition
        | Kind::ConfigMap
        | Kind::Secret
        | Kind::ServiceAccount
        | Kind::ClusterRole
        | Kind::ClusterRoleBinding
        | Kind::Role
        | Kind::RoleBinding => &[],
    }
}

fn fill_at(object: &mut Document, path: &str) {
    let Some((outer, inner)) = path.split_once('.') else { return fill(object, path, json!({})) };
    if let Some(list) = outer.strip_suffix("[]") {
        items(object, list).for_each(|item| fill_at(item, inner));
    } else if let Some(outer) = section(object, outer) {
        fill_at(outer, inner);
    }
}
