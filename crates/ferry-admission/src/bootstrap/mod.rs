//! The roles and bindings that every cluster begins with, as data.
//!
//! Names, labels and annotations are those of Kubernetes and KubeVirt, so that what people know
//! holds here; rules name what ferry serves. Upstream restores them when the API server starts, and
//! so should whoever writes these.

mod bindings;
mod build;
mod kubernetes;
mod kubevirt;
mod system;

use serde_json::Value;

/// All of them, as manifests of `rbac.authorization.k8s.io/v1`. Roles come before bindings.
// PARITY: plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go#ClusterRoles
pub fn objects() -> Vec<Value> {
    let mut objects = kubernetes::roles();
    objects.extend(system::roles());
    objects.extend(kubevirt::roles());
    objects.extend(bindings::all());
    objects
}
