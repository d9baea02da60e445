//! Who has which of the roles from the beginning.

use serde_json::Value;

use crate::bootstrap::build::{Origin, binding};
use crate::identity::{CONTROLLER, MASTERS, NODES};

const AUTHENTICATED: &str = "system:authenticated";
const UNAUTHENTICATED: &str = "system:unauthenticated";

// PARITY: plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go#ClusterRoleBindings
pub(super) fn all() -> Vec<Value> {
    let kubernetes = |name, subjects| binding(Origin::Kubernetes, name, subjects);
    vec![
        kubernetes("cluster-admin", &[("Group", MASTERS)]),
        kubernetes("system:discovery", &[("Group", AUTHENTICATED)]),
        kubernetes("system:basic-user", &[("Group", AUTHENTICATED)]),
        kubernetes(
            "system:public-info-viewer",
            &[("Group", AUTHENTICATED), ("Group", UNAUTHENTICATED)],
        ),
        kubernetes("system:node", &[("Group", NODES)]),
        kubernetes(CONTROLLER, &[("User", CONTROLLER)]),
        binding(Origin::KubeVirtDefault, "kubevirt.io:default", &[("Group", AUTHENTICATED)]),
    ]
}
