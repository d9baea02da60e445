//! Namespaces, the service of the API and service accounts, as manifests.

use serde_json::{Value, json};

/// The namespaces of every Kubernetes cluster.
// PARITY: pkg/controlplane/controller/systemnamespaces/system_namespaces_controller.go#NewController
const NAMESPACES: [&str; 4] = ["default", "kube-system", "kube-public", "kube-node-lease"];

/// Where the API is found inside of the cluster: the first address of services, as kubeadm has it.
const API_ADDRESS: &str = "10.96.0.1";

/// All but roles and service accounts. Namespaces come before what is in them.
pub(super) fn all() -> Vec<Value> {
    let mut objects: Vec<_> = NAMESPACES.into_iter().map(namespace).collect();
    objects.push(service());
    objects
}

fn namespace(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } })
}

/// A service account.
pub(super) fn service_account(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": { "namespace": namespace, "name": name },
    })
}

// PARITY: pkg/controlplane/controller/kubernetesservice/controller.go#CreateOrUpdateMasterServiceIfNeeded
fn service() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "namespace": "default",
            "name": "kubernetes",
            "labels": { "component": "apiserver", "provider": "kubernetes" },
        },
        "spec": {
            "type": "ClusterIP",
            "clusterIP": API_ADDRESS,
            "clusterIPs": [API_ADDRESS],
            "internalTrafficPolicy": "Cluster",
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            "sessionAffinity": "None",
            "ports": [{ "name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443 }],
        },
    })
}
