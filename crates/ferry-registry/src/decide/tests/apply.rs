//! Server-side apply, as a write.

use ferry_api::Kind;
use serde_json::{Value, json};

use crate::object::{Part, Target};
use crate::request::{Answer, OnConflict};
use crate::testing::{Cluster, shown, target, vm};

fn at() -> Target {
    target(Kind::VirtualMachine, "x")
}

fn by(cluster: &mut Cluster, manager: &str) {
    manager.clone_into(&mut cluster.manager);
}

#[test]
fn it_creates_what_is_not_there_and_repeated_changes_nothing() {
    let mut cluster = Cluster::new();
    by(&mut cluster, "m1");
    let created = cluster.server_side_apply(at(), &vm("x"), OnConflict::Refuse).unwrap();
    assert!(matches!(created.answer, Answer::Created(_)));
    let created = shown(&created);
    assert_eq!(created["metadata"]["managedFields"][0]["operation"], "Apply");
    assert_eq!(created["metadata"]["generation"], 1);
    cluster.pass(60);
    let again = cluster.server_side_apply(at(), &vm("x"), OnConflict::Refuse).unwrap();
    assert_eq!((again.change.is_none(), shown(&again)), (true, created));
}

#[test]
fn another_ones_field_is_a_conflict_unless_it_is_taken() {
    let mut cluster = Cluster::new();
    by(&mut cluster, "m1");
    cluster.server_side_apply(at(), &vm("x"), OnConflict::Refuse).unwrap();
    let mut other = vm("x");
    other["spec"]["running"] = json!(false);
    by(&mut cluster, "m2");
    let refusal = cluster.server_side_apply(at(), &other, OnConflict::Refuse).unwrap_err();
    assert_eq!(refusal.code(), 409);
    assert_eq!(
        refusal.to_string(),
        "Apply failed with 1 conflict: conflict with \"m1\": .spec.running"
    );
    let taken = cluster.server_side_apply(at(), &other, OnConflict::TakeOver).unwrap();
    assert_eq!(shown(&taken)["spec"]["running"], false);
    assert_eq!(shown(&taken)["metadata"]["generation"], 2);
}

#[test]
fn the_path_of_the_status_applies_the_status() {
    let mut cluster = Cluster::new();
    let status = Target { part: Part::Status, ..at() };
    let config = json!({
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": { "labels": { "a": "b" } },
        "spec": { "running": false },
        "status": { "printableStatus": "Running" },
    });
    let refusal =
        cluster.server_side_apply(status.clone(), &config, OnConflict::Refuse).unwrap_err();
    assert_eq!(refusal.code(), 404);
    cluster.create(&vm("x")).unwrap();
    let applied = shown(&cluster.server_side_apply(status, &config, OnConflict::Refuse).unwrap());
    assert_eq!(applied["status"]["printableStatus"], "Running");
    assert_eq!(applied["spec"]["running"], true);
    assert_eq!(applied["metadata"]["labels"], Value::Null);
    // The main path neither writes nor owns it.
    let mut config = vm("x");
    config["status"] = json!({ "printableStatus": "Stopped" });
    let applied = shown(&cluster.server_side_apply(at(), &config, OnConflict::Refuse).unwrap());
    assert_eq!(applied["status"]["printableStatus"], "Running");
}

#[test]
fn parity_what_cannot_be_applied_is_refused_in_kubernetes_words() {
    let mut cluster = Cluster::new();
    let with = |field: &str, value: Value| {
        let mut config = vm("x");
        config[field] = value;
        config
    };
    let mut managed = vm("x");
    managed["metadata"]["managedFields"] = json!([]);
    let mut nameless = vm("x");
    nameless["metadata"].as_object_mut().unwrap().remove("name");
    let mut renamed = vm("y");
    renamed["metadata"]["name"] = json!("y");
    for (config, code, message) in [
        (managed, 400, "metadata.managedFields must be nil"),
        (nameless, 400, "name must be provided"),
        (renamed, 400, "does not match the name on the URL (x)"),
        (
            with("apiVersion", json!("kubevirt.io/v1alpha3")),
            400,
            "Incorrect version specified in apply patch. Specified patch version: \
             kubevirt.io/v1alpha3, expected: kubevirt.io/v1",
        ),
        (with("kind", json!("KubeVirt")), 400, "cannot be handled as a VirtualMachine"),
        (with("unheard", json!(1)), 400, ".unheard: field not declared in schema"),
    ] {
        let refusal = cluster.server_side_apply(at(), &config, OnConflict::Refuse).unwrap_err();
        assert_eq!(refusal.code(), code, "{refusal}");
        assert!(refusal.to_string().contains(message), "{refusal}");
    }
    by(&mut cluster, "");
    let refusal = cluster.server_side_apply(at(), &vm("x"), OnConflict::Refuse).unwrap_err();
    assert_eq!(
        (refusal.code(), refusal.to_string().as_str()),
        (
            422,
            "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required \
             for apply patch"
        )
    );
}

#[test]
fn parity_what_is_applied_names_no_other_namespace_than_the_url() {
    let mut cluster = Cluster::new();
    let within = |namespace: Value| {
        let mut config = vm("x");
        config["metadata"]["namespace"] = namespace;
        config
    };
    for state in ["none yet", "one that is there"] {
        let elsewhere = within(json!("elsewhere"));
        let refusal = cluster.server_side_apply(at(), &elsewhere, OnConflict::Refuse).unwrap_err();
        assert_eq!(
            (refusal.code(), refusal.to_string().as_str()),
            (
                400,
                "the namespace of the provided object does not match the namespace sent on the \
                 request"
            ),
            "{state}"
        );
        for same in [Value::Null, json!(""), json!("a")] {
            let applied = cluster.server_side_apply(at(), &within(same), OnConflict::Refuse);
            assert_eq!(shown(&applied.unwrap())["metadata"]["namespace"], "a", "{state}");
        }
    }
    // What belongs to the whole cluster is in none.
    let namespace = json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": { "name": "b", "namespace": "elsewhere" },
    });
    let at = || target(Kind::Namespace, "b");
    for state in ["none yet", "one that is there"] {
        let applied = cluster.server_side_apply(at(), &namespace, OnConflict::Refuse).unwrap();
        assert_eq!(shown(&applied)["metadata"]["namespace"], Value::Null, "{state}");
    }
}

#[test]
fn the_name_may_be_left_to_the_url_of_an_object_that_is_there() {
    let mut cluster = Cluster::new();
    cluster.create(&vm("x")).unwrap();
    let config = json!({
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": { "labels": { "a": "b" } },
    });
    let applied = shown(&cluster.server_side_apply(at(), &config, OnConflict::Refuse).unwrap());
    assert_eq!(applied["metadata"]["labels"]["a"], "b");
}

#[test]
fn what_was_applied_to_the_status_is_owned_fought_over_and_removed() {
    let mut cluster = Cluster::new();
    cluster.create(&vm("x")).unwrap();
    let at_status = || Target { part: Part::Status, ..at() };
    let config = |status: Value| {
        let meta = json!({ "name": "x" });
        json!({ "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "metadata": meta, "status": status })
    };
    by(&mut cluster, "c1");
    let both = config(json!({ "printableStatus": "Running", "ready": true }));
    let applied =
        shown(&cluster.server_side_apply(at_status(), &both, OnConflict::Refuse).unwrap());
    let managers = applied["metadata"]["managedFields"].as_array().unwrap();
    let entry = managers.iter().find(|entry| entry["manager"] == "c1").unwrap();
    assert_eq!((&entry["operation"], &entry["subresource"]), (&json!("Apply"), &json!("status")));

    by(&mut cluster, "c2");
    let other = config(json!({ "ready": false }));
    let refused = cluster.server_side_apply(at_status(), &other, OnConflict::Refuse).unwrap_err();
    assert_eq!(refused.code(), 409, "{refused}");

    by(&mut cluster, "c1");
    let less = config(json!({ "ready": true }));
    let applied =
        shown(&cluster.server_side_apply(at_status(), &less, OnConflict::Refuse).unwrap());
    assert_eq!(applied["status"], json!({ "ready": true }));
}

#[test]
fn parity_a_port_is_told_by_the_protocol_that_it_has_by_default() {
    let config = |ports: Value| {
        let mut pod = crate::testing::pod("x", "");
        pod["spec"]["containers"][0]["ports"] = ports;
        pod
    };
    let mut cluster = Cluster::new();
    let at = || target(Kind::Pod, "x");
    by(&mut cluster, "m");
    let ports = config(json!([{ "containerPort": 80, "name": "http" }]));
    let applied = shown(&cluster.server_side_apply(at(), &ports, OnConflict::Refuse).unwrap());
    let port = json!({ "containerPort": 80, "name": "http", "protocol": "TCP" });
    assert_eq!(applied["spec"]["containers"][0]["ports"], json!([port]));
    let fields = applied["metadata"]["managedFields"][0].to_string();
    assert!(fields.contains(r#"k:{\"containerPort\":80,\"protocol\":\"TCP\"}"#), "{fields}");
    // Said or not, it is the same port.
    for ports in [ports, config(json!([port]))] {
        let again = cluster.server_side_apply(at(), &ports, OnConflict::Refuse).unwrap();
        assert_eq!(shown(&again)["spec"], applied["spec"]);
    }
}
