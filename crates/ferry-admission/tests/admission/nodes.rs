//! What a node may write, and what not.

use ferry_registry::{Part, Refusal, User};
use serde_json::{Value, json};

use crate::common::{
    Attempt, World, changed, forbidden, instance, machine, member, migration, node,
};

fn named(api_version: &str, kind: &str, namespace: &str, name: &str) -> Value {
    let mut object =
        json!({ "apiVersion": api_version, "kind": kind, "metadata": { "name": name } });
    if !namespace.is_empty() {
        object["metadata"]["namespace"] = namespace.into();
    }
    object
}

fn create(user: User, object: &Value) -> Result<Value, Refusal> {
    Attempt::by(user, &World::default()).create(object)
}

fn update(user: User, part: Part, old: &Value, new: &Value) -> Result<Value, Refusal> {
    Attempt::by(user, &World::default()).at(part).update(old, new)
}

#[test]
fn parity_a_node_writes_its_own_node_only() {
    let own = named("v1", "Node", "", "a");
    create(node("a"), &own).unwrap();
    let message = forbidden(create(node("b"), &own));
    assert_eq!(message, "node \"b\" is not allowed to modify node \"a\"");
    for part in [Part::Main, Part::Status] {
        let new = changed(&own, &json!({ "status": { "conditions": [] } }));
        update(node("a"), part, &own, &new).unwrap();
        assert_eq!(forbidden(update(node("b"), part, &own, &new)), message);
    }
    let drained =
        changed(&own, &json!({ "spec": { "taints": [{ "key": "k", "effect": "NoSchedule" }] } }));
    assert_eq!(
        forbidden(update(node("a"), Part::Main, &drained, &own)),
        "node \"a\" is not allowed to modify taints"
    );
    // It may come with some.
    create(node("a"), &drained).unwrap();
}

/// The collector would delete what belongs to nothing, and a new node has no taints.
#[test]
fn a_node_gives_nothing_to_another_owner() {
    let owners = json!({ "metadata": { "ownerReferences": [
        { "apiVersion": "v1", "kind": "Namespace", "name": "nope", "uid": "0" },
    ] } });
    let own = named("v1", "Node", "", "a");
    let guest = instance("vm", &json!({ "phase": "Running", "nodeName": "a" }));
    for old in [own, guest] {
        let given = changed(&old, &owners);
        let message = "node \"a\" is not allowed to modify ownerReferences";
        assert_eq!(forbidden(update(node("a"), Part::Main, &old, &given)), message);
        assert_eq!(forbidden(update(node("a"), Part::Main, &given, &old)), message);
    }
}

#[test]
fn parity_a_node_does_not_call_itself_what_others_decide() {
    let own = named("v1", "Node", "", "a");
    for (label, may) in [
        ("team", true),
        ("example.com/x", true),
        ("kubevirt.io/schedulable", true),
        ("cpu-model.node.kubevirt.io/Haswell", true),
        ("kubernetes.io/hostname", true),
        ("node.kubernetes.io/instance-type", true),
        ("x.kubelet.kubernetes.io/y", true),
        ("topology.kubernetes.io/zone", true),
        ("node-role.kubernetes.io/control-plane", false),
        ("kubernetes.io/other", false),
        ("x.k8s.io/y", false),
        ("node-restriction.kubernetes.io/y", false),
        ("x.node-restriction.kubernetes.io/y", false),
        ("fakekubernetes.io/y", true),
    ] {
        let labelled = changed(&own, &json!({ "metadata": { "labels": { label: "x" } } }));
        let created = create(node("a"), &labelled);
        let updated = update(node("a"), Part::Main, &own, &labelled);
        let removed = update(node("a"), Part::Main, &labelled, &own);
        if may {
            assert!(created.is_ok() && updated.is_ok() && removed.is_ok(), "{label}");
            continue;
        }
        assert_eq!(
            forbidden(created),
            format!("node \"a\" is not allowed to set the following labels: {label}")
        );
        for result in [updated, removed] {
            assert_eq!(forbidden(result), format!("is not allowed to modify labels: {label}"));
        }
    }
}

#[test]
fn parity_a_node_keeps_its_own_lease() {
    let lease = |namespace, name| named("coordination.k8s.io/v1", "Lease", namespace, name);
    create(node("a"), &lease("kube-node-lease", "a")).unwrap();
    assert_eq!(
        forbidden(create(node("a"), &lease("kube-node-lease", "b"))),
        "can only access node lease with the same name as the requesting node"
    );
    assert_eq!(
        forbidden(create(node("a"), &lease("default", "a"))),
        "can only access leases in the \"kube-node-lease\" system namespace"
    );
}

#[test]
fn parity_a_node_reports_on_its_own_pods_and_ends_them() {
    let mut pod = named("v1", "Pod", "ns", "p");
    pod["spec"] = json!({ "nodeName": "a", "containers": [] });
    let ready = changed(&pod, &json!({ "status": { "phase": "Running" } }));
    update(node("a"), Part::Status, &pod, &ready).unwrap();
    let world = World::default();
    Attempt::by(node("a"), &world).delete(&pod).unwrap();
    assert_eq!(
        forbidden(Attempt::by(node("b"), &world).delete(&pod)),
        "node \"b\" can only delete pods with spec.nodeName set to itself"
    );
    assert_eq!(
        forbidden(update(node("b"), Part::Status, &pod, &ready)),
        "node \"b\" can only update pod status for pods with spec.nodeName set to itself"
    );
    let labelled = changed(&ready, &json!({ "metadata": { "labels": { "a": "b" } } }));
    assert_eq!(
        forbidden(update(node("a"), Part::Status, &pod, &labelled)),
        "node \"a\" cannot update labels through pod status"
    );
    assert!(forbidden(create(node("a"), &pod)).starts_with("unexpected operation \"CREATE\""));
    assert!(
        forbidden(update(node("a"), Part::Main, &pod, &ready))
            .starts_with("unexpected operation \"UPDATE\"")
    );
    assert!(
        forbidden(update(node("a"), Part::Binding, &pod, &pod))
            .starts_with("unexpected pod subresource \"binding\"")
    );
}

#[test]
fn a_node_writes_nothing_else_whatever_its_roles_say() {
    for object in [
        machine("vm", &json!({ "running": true })),
        migration("m", "vm"),
        named("v1", "Secret", "ns", "s"),
        named("v1", "ConfigMap", "ns", "c"),
        named("rbac.authorization.k8s.io/v1", "ClusterRole", "", "r"),
    ] {
        assert!(forbidden(create(node("a"), &object)).contains("is not allowed to write"));
    }
    let about = json!({ "involvedObject": { "namespace": "ns" } });
    let event = changed(&named("v1", "Event", "ns", "e"), &about);
    create(node("a"), &event).unwrap();
}

#[test]
fn parity_who_is_among_the_nodes_says_which_one() {
    let nobody = member("alice", &["system:nodes"]);
    assert_eq!(
        forbidden(create(nobody, &named("v1", "Node", "", "alice"))),
        "could not determine node from user \"alice\""
    );
    // The name alone makes no node: without the group there is nothing to restrict.
    let fake = member("system:node:a", &["system:authenticated"]);
    create(fake, &named("v1", "Node", "", "b")).unwrap();
}
