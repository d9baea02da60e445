//! Roles and bindings, written shortly.

use serde_json::{Map, Value, json};

pub(super) const READ: &[&str] = &["get", "list", "watch"];
pub(super) const WRITE: &[&str] = &["create", "delete", "deletecollection", "patch", "update"];
pub(super) const UPDATE: &[&str] = &["get", "list", "patch", "update", "watch"];
pub(super) const ALL: &[&str] =
    &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// Whose a role is: what labels and annotations it has.
#[derive(Clone, Copy)]
pub(super) enum Origin {
    /// Kubernetes' own, restored at every start.
    Kubernetes,
    /// KubeVirt's, restored at every start.
    KubeVirtDefault,
    /// KubeVirt's.
    KubeVirt,
}

/// A rule about objects.
pub(super) fn rule(groups: &[&str], resources: &[&str], verbs: &[&str]) -> Value {
    json!({ "apiGroups": groups, "resources": resources, "verbs": verbs })
}

/// A rule about paths.
pub(super) fn paths(paths: &[&str], verbs: &[&str]) -> Value {
    json!({ "nonResourceURLs": paths, "verbs": verbs })
}

/// A role with rules, which other roles gather by `aggregate_to`.
pub(super) fn role(origin: Origin, name: &str, aggregate_to: &[&str], rules: Vec<Value>) -> Value {
    let mut role = object("ClusterRole", origin, name, aggregate_to);
    role.insert("rules".to_owned(), Value::Array(rules));
    Value::Object(role)
}

/// A role that gathers others.
pub(super) fn gathering(name: &str, gathered: &str, aggregate_to: &[&str]) -> Value {
    let mut role = object("ClusterRole", Origin::Kubernetes, name, aggregate_to);
    let label = aggregation_label(gathered);
    let selectors = json!({ "clusterRoleSelectors": [{ "matchLabels": { label: "true" } }] });
    role.insert("aggregationRule".to_owned(), selectors);
    role.insert("rules".to_owned(), json!([]));
    Value::Object(role)
}

/// A binding of the role of the same name.
pub(super) fn binding(origin: Origin, name: &str, subjects: &[(&str, &str)]) -> Value {
    let subjects: Vec<Value> = subjects
        .iter()
        .map(|(kind, name)| {
            json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name })
        })
        .collect();
    let mut binding = object("ClusterRoleBinding", origin, name, &[]);
    binding.insert(
        "roleRef".to_owned(),
        json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name }),
    );
    binding.insert("subjects".to_owned(), Value::Array(subjects));
    Value::Object(binding)
}

fn object(kind: &str, origin: Origin, name: &str, aggregate_to: &[&str]) -> Map<String, Value> {
    let mut labels = Map::new();
    let mut annotations = Map::new();
    let is_restored = match origin {
        Origin::Kubernetes => true,
        Origin::KubeVirtDefault => {
            labels.insert("kubevirt.io".to_owned(), json!(""));
            true
        }
        Origin::KubeVirt => {
            labels.insert("kubevirt.io".to_owned(), json!(""));
            false
        }
    };
    if is_restored {
        labels.insert("kubernetes.io/bootstrapping".to_owned(), json!("rbac-defaults"));
        annotations.insert("rbac.authorization.kubernetes.io/autoupdate".to_owned(), json!("true"));
    }
    for role in aggregate_to {
        labels.insert(aggregation_label(role), json!("true"));
    }
    let mut metadata = Map::from_iter([("name".to_owned(), json!(name))]);
    metadata.insert("labels".to_owned(), Value::Object(labels));
    if !annotations.is_empty() {
        metadata.insert("annotations".to_owned(), Value::Object(annotations));
    }
    Map::from_iter([
        ("apiVersion".to_owned(), json!("rbac.authorization.k8s.io/v1")),
        ("kind".to_owned(), json!(kind)),
        ("metadata".to_owned(), Value::Object(metadata)),
    ])
}

fn aggregation_label(role: &str) -> String {
    format!("rbac.authorization.k8s.io/aggregate-to-{role}")
}
