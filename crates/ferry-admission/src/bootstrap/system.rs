//! What everybody may do who has got in, and what ferry's own components need.

use serde_json::Value;

use crate::bootstrap::build::{ALL, Origin, READ, UPDATE, paths, role, rule};
use crate::identity::CONTROLLER;

/// What tells whether the server lives, and which one it is.
const PUBLIC: &[&str] = &["/healthz", "/livez", "/readyz", "/version", "/version/"];

/// What clients read to find their way.
const DISCOVERY: &[&str] = &[
    "/api",
    "/api/*",
    "/apis",
    "/apis/*",
    "/healthz",
    "/livez",
    "/openapi",
    "/openapi/*",
    "/readyz",
    "/version",
    "/version/",
];

pub(super) fn roles() -> Vec<Value> {
    vec![
        role(Origin::Kubernetes, "system:discovery", &[], vec![paths(DISCOVERY, &["get"])]),
        role(Origin::Kubernetes, "system:public-info-viewer", &[], vec![paths(PUBLIC, &["get"])]),
        role(
            Origin::Kubernetes,
            "system:basic-user",
            &[],
            vec![
                rule(
                    &["authorization.k8s.io"],
                    &["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
                    &["create"],
                ),
                rule(&["authentication.k8s.io"], &["selfsubjectreviews"], &["create"]),
            ],
        ),
        role(Origin::Kubernetes, "system:node", &[], node()),
        role(Origin::Kubernetes, CONTROLLER, &[], controller()),
    ]
}

/// What a node does: it reports on itself, its pods and the instances there. That it touches only
/// what is its own is the node restriction's business.
// PARITY: plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go#NodeRules
fn node() -> Vec<Value> {
    vec![
        rule(&[""], &["nodes"], &["create", "get", "list", "patch", "update", "watch"]),
        rule(&[""], &["nodes/status"], &["patch", "update"]),
        rule(&[""], &["pods"], &["delete", "get", "list", "watch"]),
        rule(&[""], &["pods/status"], &["patch", "update"]),
        rule(&["", "events.k8s.io"], &["events"], &["create", "patch", "update"]),
        rule(&[""], &["namespaces", "persistentvolumeclaims", "services"], READ),
        rule(
            &["coordination.k8s.io"],
            &["leases"],
            &["create", "delete", "get", "patch", "update"],
        ),
        // Who asks the node itself is looked up.
        rule(&["authorization.k8s.io"], &["subjectaccessreviews"], &["create"]),
        rule(&["kubevirt.io"], &["virtualmachineinstances"], UPDATE),
        rule(&["kubevirt.io"], &["kubevirts", "virtualmachineinstancemigrations"], READ),
        rule(&["migrations.kubevirt.io"], &["migrationpolicies"], READ),
        rule(&["k8s.cni.cncf.io"], &["network-attachment-definitions"], READ),
    ]
}

/// What the controller does: it runs machines, places their pods and moves them.
fn controller() -> Vec<Value> {
    vec![
        rule(
            &["kubevirt.io"],
            &["virtualmachineinstancemigrations", "virtualmachineinstances", "virtualmachines"],
            ALL,
        ),
        rule(
            &["kubevirt.io"],
            &[
                "kubevirts/status",
                "virtualmachineinstancemigrations/status",
                "virtualmachines/status",
            ],
            &["get", "patch", "update"],
        ),
        rule(
            &["kubevirt.io"],
            &["kubevirts"],
            &["create", "get", "list", "patch", "update", "watch"],
        ),
        rule(&["hco.kubevirt.io"], &["hyperconvergeds"], UPDATE),
        rule(&["hco.kubevirt.io"], &["hyperconvergeds/status"], &["get", "patch", "update"]),
        rule(&["migrations.kubevirt.io"], &["migrationpolicies"], READ),
        rule(&["k8s.cni.cncf.io"], &["network-attachment-definitions"], READ),
        rule(&[""], &["pods"], ALL),
        rule(&[""], &["pods/status"], &["get", "patch", "update"]),
        rule(&[""], &["pods/binding", "pods/eviction"], &["create"]),
        rule(&[""], &["nodes"], UPDATE),
        rule(&[""], &["nodes/status"], &["get", "patch", "update"]),
        rule(&[""], &["namespaces"], READ),
        rule(&[""], &["persistentvolumeclaims"], UPDATE),
        rule(&[""], &["persistentvolumeclaims/status"], &["get", "patch", "update"]),
        rule(&["", "events.k8s.io"], &["events"], &["create", "get", "list", "patch", "update"]),
        rule(&["coordination.k8s.io"], &["leases"], ALL),
    ]
}
