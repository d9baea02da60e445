//! What nodes may write: what is theirs, and nothing else.
//!
//! Roles cannot say "its own"; a node that was broken into would otherwise write for all others.
//! Upstream's admission has the same rules for nodes, leases and pods; those for instances are in
//! `node_instance`.

use ferry_api::Kind;
use ferry_registry::{Document, Operation, Part, Refusal, Review};

use crate::denial::forbidden;
use crate::fields::{at, map, same, text};
use crate::identity::{Role, role};
use crate::policies::node_instance;

/// The namespace of the leases by which nodes show that they live.
pub(super) const LEASES: &str = "kube-node-lease";

/// Labels of `kubernetes.io` and `k8s.io` that a node may give itself.
// PARITY: staging/src/k8s.io/kubelet/pkg/apis/well_known_labels.go#kubeletLabels
const OWN_LABELS: [&str; 15] = [
    "beta.kubernetes.io/arch",
    "beta.kubernetes.io/instance-type",
    "beta.kubernetes.io/os",
    "failure-domain.beta.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.kubernetes.io/region",
    "failure-domain.kubernetes.io/zone",
    "kubernetes.io/arch",
    "kubernetes.io/hostname",
    "kubernetes.io/instance-type",
    "kubernetes.io/os",
    "node.kubernetes.io/instance-type",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
    "node.kubernetes.io/windows-build",
];

/// Namespaces of such labels that are the nodes' own altogether.
const OWN_LABEL_NAMESPACES: [&str; 2] = ["kubelet.kubernetes.io", "node.kubernetes.io"];

// PARITY: plugin/pkg/admission/noderestriction/admission.go#Admit
pub(super) fn check(review: &Review<'_>) -> Result<(), Refusal> {
    let node = match role(review.user) {
        Role::Component | Role::Other => return Ok(()),
        Role::NamelessNode => {
            let user = &review.user.name;
            let message = format!("could not determine node from user {user:?}");
            return Err(forbidden(review.target, message));
        }
        Role::Node(name) => name,
    };
    let kind = review.target.served.kind();
    if matches!(kind, Kind::Node | Kind::VirtualMachineInstance) && gives_owners(review) {
        let message = format!("node {node:?} is not allowed to modify ownerReferences");
        return Err(forbidden(review.target, message));
    }
    let verdict = match kind {
        Kind::Node => own_node(node, review),
        Kind::Lease => own_lease(node, review),
        Kind::Pod => own_pod(node, review),
        Kind::VirtualMachineInstance => node_instance::check(node, review),
        Kind::Event => Ok(()),
        Kind::VirtualMachine
        | Kind::VirtualMachineInstanceMigration
        | Kind::MigrationPolicy
        | Kind::KubeVirt
        | Kind::HyperConverged
        | Kind::NetworkAttachmentDefinition
        | Kind::Namespace
        | Kind::PersistentVolumeClaim
        | Kind::ConfigMap
        | Kind::Secret
        | Kind::Service
        | Kind::ServiceAccount
        | Kind::ClusterRole
        | Kind::ClusterRoleBinding
        | Kind::Role
        | Kind::RoleBinding => {
            let plural = review.target.served.definition().plural;
            Err(format!("node {node:?} is not allowed to write {plural}"))
        }
    };
    verdict.map_err(|message| forbidden(review.target, message))
}

/// Whether a write changes whom an object belongs to. The collector deletes what belongs to something
/// that is gone: a node could have itself deleted like that, and register again without its taints.
fn gives_owners(review: &Review<'_>) -> bool {
    const OWNERS: [&str; 2] = ["metadata", "ownerReferences"];
    super::states(review)
        .is_some_and(|(old, new)| !same(old.and_then(|old| at(old, &OWNERS)), at(new, &OWNERS)))
}

// PARITY: plugin/pkg/admission/noderestriction/admission.go#admitNode
fn own_node(node: &str, review: &Review<'_>) -> Result<(), String> {
    let name = &review.target.name;
    if name != node {
        return Err(format!("node {node:?} is not allowed to modify node {name:?}"));
    }
    let Some((old, new)) = super::states(review) else { return Ok(()) };
    let labels = labels_out_of_reach(old, new);
    match old {
        None if !labels.is_empty() => Err(format!(
            "node {node:?} is not allowed to set the following labels: {}",
            labels.join(", ")
        )),
        Some(old) if !same(at(old, &["spec", "taints"]), at(new, &["spec", "taints"])) => {
            Err(format!("node {node:?} is not allowed to modify taints"))
        }
        Some(_) if !labels.is_empty() => {
            Err(format!("is not allowed to modify labels: {}", labels.join(", ")))
        }
        None | Some(_) => Ok(()),
    }
}

/// The labels that are different and that a node may not change.
// PARITY: plugin/pkg/admission/noderestriction/admission.go#getForbiddenLabels
fn labels_out_of_reach<'a>(old: Option<&'a Document>, new: &'a Document) -> Vec<&'a str> {
    let old = old.and_then(|old| map(old, &["metadata", "labels"]));
    let new = map(new, &["metadata", "labels"]);
    let keys = |labels: Option<&'a Document>| labels.into_iter().flat_map(Document::keys);
    let mut changed: Vec<&str> = keys(old)
        .chain(keys(new))
        .filter(|key| {
            old.and_then(|labels| labels.get(*key)) != new.and_then(|labels| labels.get(*key))
        })
        .map(String::as_str)
        .filter(|key| !is_within_reach(key))
        .collect();
    changed.sort_unstable();
    changed.dedup();
    changed
}

fn is_within_reach(label: &str) -> bool {
    let Some((namespace, _)) = label.split_once('/') else { return true };
    let is_under = |suffix: &str| {
        namespace == suffix
            || namespace.strip_suffix(suffix).is_some_and(|start| start.ends_with('.'))
    };
    if is_under("node-restriction.kubernetes.io") {
        return false;
    }
    if !is_under("kubernetes.io") && !is_under("k8s.io") {
        return true;
    }
    OWN_LABELS.contains(&label) || OWN_LABEL_NAMESPACES.into_iter().any(is_under)
}

// PARITY: plugin/pkg/admission/noderestriction/admission.go#admitLease
fn own_lease(node: &str, review: &Review<'_>) -> Result<(), String> {
    if review.target.namespace != LEASES {
        return Err(format!("can only access leases in the {LEASES:?} system namespace"));
    }
    if review.target.name != node {
        let message = "can only access node lease with the same name as the requesting node";
        return Err(message.to_owned());
    }
    Ok(())
}

// PARITY: plugin/pkg/admission/noderestriction/admission.go#admitPod
fn own_pod(node: &str, review: &Review<'_>) -> Result<(), String> {
    let is_own = |pod: &Document| text(pod, &["spec", "nodeName"]) == Some(node);
    match (review.target.part, review.operation) {
        (Part::Main | Part::Status, Operation::Delete { old }) if is_own(old) => Ok(()),
        (Part::Main | Part::Status, Operation::Delete { .. }) => {
            Err(format!("node {node:?} can only delete pods with spec.nodeName set to itself"))
        }
        // PARITY: plugin/pkg/admission/noderestriction/admission.go#admitPodStatus
        (Part::Status, Operation::Update { old, .. }) if !is_own(old) => Err(format!(
            "node {node:?} can only update pod status for pods with spec.nodeName set to itself"
        )),
        (Part::Status, Operation::Update { old, new }) => {
            let labels = |pod| at(pod, &["metadata", "labels"]);
            if same(labels(old), labels(new)) {
                Ok(())
            } else {
                Err(format!("node {node:?} cannot update labels through pod status"))
            }
        }
        (Part::Main | Part::Status, Operation::Create { .. }) => Err(format!(
            "unexpected operation \"CREATE\", node {node:?} can only update the status of pods and \
             delete them"
        )),
        (Part::Main, Operation::Update { .. }) => Err(format!(
            "unexpected operation \"UPDATE\", node {node:?} can only update the status of pods and \
             delete them"
        )),
        (Part::Binding, _) => {
            Err("unexpected pod subresource \"binding\", only 'status' and 'eviction' are allowed"
                .to_owned())
        }
        (Part::Finalize, _) => {
            Err("unexpected pod subresource \"finalize\", only 'status' and 'eviction' are allowed"
                .to_owned())
        }
    }
}
