//! Kubernetes' roles for people: `cluster-admin`, and `admin`, `edit` and `view`, which gather what
//! others say belongs to them.

use serde_json::Value;

use crate::bootstrap::build::{ALL, Origin, READ, WRITE, gathering, paths, role, rule};

const RBAC: &str = "rbac.authorization.k8s.io";

// PARITY: plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go#ClusterRoles
pub(super) fn roles() -> Vec<Value> {
    vec![
        role(
            Origin::Kubernetes,
            "cluster-admin",
            &[],
            vec![rule(&["*"], &["*"], &["*"]), paths(&["*"], &["*"])],
        ),
        gathering("admin", "admin", &[]),
        gathering("edit", "edit", &["admin"]),
        gathering("view", "view", &["edit"]),
        role(
            Origin::Kubernetes,
            "system:aggregate-to-admin",
            &["admin"],
            vec![
                rule(&["authorization.k8s.io"], &["localsubjectaccessreviews"], &["create"]),
                rule(&[RBAC], &["rolebindings", "roles"], ALL),
            ],
        ),
        role(Origin::Kubernetes, "system:aggregate-to-edit", &["edit"], edit()),
        role(Origin::Kubernetes, "system:aggregate-to-view", &["view"], view()),
    ]
}

// PARITY: plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go#editRules
fn edit() -> Vec<Value> {
    vec![
        rule(&[""], &["secrets"], READ),
        rule(&[""], &["serviceaccounts"], &["impersonate"]),
        rule(&[""], &["pods"], WRITE),
        rule(&[""], &["pods/eviction"], &["create"]),
        rule(
            &[""],
            &["configmaps", "events", "persistentvolumeclaims", "secrets", "serviceaccounts"],
            WRITE,
        ),
        rule(&[""], &["services"], WRITE),
        rule(&[""], &["serviceaccounts/token"], &["create"]),
        rule(&["coordination.k8s.io"], &["leases"], ALL),
    ]
}

// PARITY: plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go#viewRules
fn view() -> Vec<Value> {
    vec![
        rule(
            &[""],
            &[
                "configmaps",
                "persistentvolumeclaims",
                "persistentvolumeclaims/status",
                "pods",
                "serviceaccounts",
                "services",
                "services/status",
            ],
            READ,
        ),
        rule(&[""], &["events", "namespaces", "namespaces/status", "pods/status"], READ),
        rule(&["events.k8s.io"], &["events"], READ),
        rule(&["k8s.cni.cncf.io"], &["network-attachment-definitions"], READ),
    ]
}
