//! What pods, nodes, ConfigMaps and Secrets may be.

use ferry_registry::Refusal;
use serde_json::{Value, json};

use crate::common::{Attempt, World, changed, invalid, user};

fn object(kind: &str, content: &Value) -> Value {
    let object = json!({
        "apiVersion": "v1", "kind": kind, "metadata": { "name": "x", "namespace": "ns" },
    });
    changed(&object, content)
}

fn create(object: &Value) -> Result<Value, Refusal> {
    Attempt::by(user("a"), &World::default()).create(object)
}

fn pod(spec: &Value) -> Value {
    let pod = object("Pod", &json!({ "spec": { "containers": [{ "name": "c", "image": "i" }] } }));
    changed(&pod, &json!({ "spec": spec }))
}

fn container(fields: &Value) -> Value {
    let container = changed(&json!({ "name": "c", "image": "i" }), fields);
    pod(&json!({ "containers": [container] }))
}

fn check(cases: Vec<(Value, &str)>) {
    for (pod, problem) in cases {
        let errors = invalid(create(&pod));
        assert!(errors.iter().any(|error| error.starts_with(problem)), "{problem}: {errors:?}");
    }
}

#[test]
fn parity_a_pods_containers_have_names_images_and_policies_that_there_are() {
    create(&pod(&json!({}))).unwrap();
    let volumes = json!([{ "name": "v", "emptyDir": {} }]);
    create(&pod(&json!({ "restartPolicy": "Never", "volumes": volumes }))).unwrap();
    let mounts = json!([{ "name": "v", "mountPath": "/a" }, { "name": "w", "mountPath": "/a" }]);
    let place = "spec.containers[0]";
    let at = |rest: &str| format!("{place}{rest}");
    check(vec![
        (pod(&json!({ "containers": [] })), "spec.containers: Required value"),
        (pod(&json!(null)), "spec.containers: Required value"),
        (object("Pod", &json!({})), "spec.containers: Required value"),
        (container(&json!({ "name": null })), &at(".name: Required value")),
        (container(&json!({ "name": "A.b" })), &at(".name: Invalid value: \"A.b\"")),
        (container(&json!({ "image": "" })), &at(".image: Required value")),
        (
            container(&json!({ "imagePullPolicy": "Often" })),
            &at(".imagePullPolicy: Unsupported value: \"Often\""),
        ),
        (
            pod(&json!({ "initContainers": [{ "name": "c", "image": "i" }] })),
            "spec.initContainers[0].name: Duplicate value: \"c\"",
        ),
        (
            pod(&json!({ "restartPolicy": "Sometimes" })),
            "spec.restartPolicy: Unsupported value: \"Sometimes\"",
        ),
        (pod(&json!({ "dnsPolicy": "Any" })), "spec.dnsPolicy: Unsupported value: \"Any\""),
        (
            pod(&json!({ "volumes": [{ "name": "v" }, { "name": "v" }] })),
            "spec.volumes[1].name: Duplicate value: \"v\"",
        ),
        (
            pod(&json!({ "terminationGracePeriodSeconds": -1 })),
            "spec.terminationGracePeriodSeconds: Invalid value: -1",
        ),
        (
            container(&json!({ "volumeMounts": mounts })),
            &at(".volumeMounts[1].mountPath: Invalid value: \"/a\": must be unique"),
        ),
    ]);
}

#[test]
fn parity_ports_of_a_container_have_numbers_and_names_that_there_are() {
    let ports = |ports: Value| container(&json!({ "ports": ports }));
    create(&ports(json!([
        { "name": "a", "containerPort": 80, "protocol": "TCP" },
        { "name": "b", "containerPort": 80, "protocol": "UDP", "hostPort": 65535 },
    ])))
    .unwrap();
    let first = "spec.containers[0].ports[0]";
    let at = |rest: &str| format!("{first}{rest}");
    let named = |name: &str| ports(json!([{ "containerPort": 1, "name": name }]));
    let twice = json!([{ "containerPort": 1, "name": "a" }, { "containerPort": 2, "name": "a" }]);
    check(vec![
        (ports(json!([{ "name": "a" }])), &at(".containerPort: Required value")),
        (
            ports(json!([{ "containerPort": 65536 }])),
            &at(".containerPort: Invalid value: 65536: must be between 1 and 65535, inclusive"),
        ),
        (
            ports(json!([{ "containerPort": 1, "hostPort": -1 }])),
            &at(".hostPort: Invalid value: -1"),
        ),
        (
            ports(json!([{ "containerPort": 1, "protocol": "HTTP" }])),
            &at(".protocol: Unsupported value: \"HTTP\""),
        ),
        (named("sixteen-letters-"), &at(".name: Invalid value: \"sixteen-letters-\": must be no")),
        (named("80"), &at(".name: Invalid value: \"80\": must contain at least one letter (a-z)")),
        (named("A"), &at(".name: Invalid value: \"A\": must contain only alpha-numeric")),
        (named("a--b"), &at(".name: Invalid value: \"a--b\": must not contain consecutive")),
        (named("a-"), &at(".name: Invalid value: \"a-\": must not begin or end with a hyphen")),
        (ports(twice), "spec.containers[0].ports[1].name: Duplicate value: \"a\""),
    ]);
}

#[test]
fn parity_what_is_configured_has_keys_that_can_be_files_and_a_size() {
    let whole = "x".repeat(1 << 20);
    let encoded = |bytes: usize| "AAAA".repeat(bytes.div_ceil(3));
    for (kind, sound) in [
        ("ConfigMap", json!({ "data": { "a.b-c_D": "v" }, "binaryData": { ".x": "AA==" } })),
        ("ConfigMap", json!({ "data": { "a": whole } })),
        ("Secret", json!({ "data": { "a": encoded((1 << 20) - 1) } })),
    ] {
        create(&object(kind, &sound)).unwrap();
    }
    for (kind, wrong, problem) in [
        (
            "ConfigMap",
            json!({ "data": { "a/b": "v" } }),
            "data[a/b]: Invalid value: \"a/b\": a valid config key must consist of",
        ),
        (
            "ConfigMap",
            json!({ "data": { "": "v" } }),
            "data[]: Invalid value: \"\": a valid config key must consist of",
        ),
        (
            "ConfigMap",
            json!({ "data": { "..": "v" } }),
            "data[..]: Invalid value: \"..\": must not be '..'",
        ),
        (
            "ConfigMap",
            json!({ "binaryData": { "..a": "AA==" } }),
            "binaryData[..a]: Invalid value: \"..a\": must not start with '..'",
        ),
        (
            "ConfigMap",
            json!({ "data": { "k": "v" }, "binaryData": { "k": "AA==" } }),
            "data[k]: Invalid value: \"k\": duplicate of key present in binaryData",
        ),
        (
            "ConfigMap",
            json!({ "data": { "a": whole, "b": "x" } }),
            "[]: Too long: may not be more than 1048576 bytes",
        ),
        (
            "Secret",
            json!({ "data": { "a": encoded((1 << 20) + 1) } }),
            "data: Too long: may not be more than 1048576 bytes",
        ),
        ("Secret", json!({ "data": { "a b": "" } }), "data[a b]: Invalid value"),
    ] {
        let errors = invalid(create(&object(kind, &wrong)));
        assert!(errors.iter().any(|error| error.starts_with(problem)), "{problem}: {errors:?}");
    }
    let long = "k".repeat(254);
    let errors = invalid(create(&object("ConfigMap", &json!({ "data": { long: "v" } }))));
    assert!(errors[0].ends_with("must be no more than 253 characters"), "{errors:?}");
}

#[test]
fn parity_a_secret_has_what_its_type_needs() {
    let secret = |of: &str, data: &Value| {
        object("Secret", &json!({ "type": format!("kubernetes.io/{of}"), "data": data }))
    };
    create(&secret("tls", &json!({ "tls.crt": "", "tls.key": "" }))).unwrap();
    create(&secret("basic-auth", &json!({ "password": "" }))).unwrap();
    let mut token = secret("service-account-token", &json!({}));
    token["metadata"]["annotations"] = json!({ "kubernetes.io/service-account.name": "bot" });
    create(&token).unwrap();
    for (of, data, problem) in [
        ("tls", json!({ "tls.crt": "" }), "data[tls.key]: Required value"),
        ("ssh-auth", json!({}), "data[ssh-privatekey]: Required value"),
        ("basic-auth", json!({ "x": "" }), "data[username]: Required value"),
        (
            "service-account-token",
            json!({}),
            "metadata.annotations[kubernetes.io/service-account.name]: Required value",
        ),
    ] {
        let errors = invalid(create(&secret(of, &data)));
        assert!(errors.iter().any(|error| error.starts_with(problem)), "{problem}: {errors:?}");
    }
}

#[test]
fn parity_a_node_keeps_its_provider_and_its_addresses() {
    let node = |spec: Value| json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "n" }, "spec": spec });
    let world = World::default();
    let update =
        |old: Value, new: Value| Attempt::by(user("a"), &world).update(&node(old), &node(new));
    let full = json!({ "podCIDR": "10.0.0.0/24", "podCIDRs": ["10.0.0.0/24"], "providerID": "p" });
    update(json!({}), full.clone()).unwrap();
    update(full.clone(), full.clone()).unwrap();
    update(json!({ "providerID": "" }), json!({ "providerID": "p" })).unwrap();
    for (change, expected) in [
        (
            json!({ "providerID": "q" }),
            "spec.providerID: Forbidden: node updates may not change providerID except from \"\" to valid",
        ),
        (
            json!({ "providerID": null }),
            "spec.providerID: Forbidden: node updates may not change providerID except from \"\" to valid",
        ),
        (
            json!({ "podCIDRs": [] }),
            "spec.podCIDRs: Forbidden: node updates may not change podCIDR except from \"\" to valid",
        ),
        (
            json!({ "podCIDR": "10.0.1.0/24" }),
            "spec.podCIDR: Forbidden: node updates may not change podCIDR except from \"\" to valid",
        ),
    ] {
        assert_eq!(invalid(update(full.clone(), changed(&full, &change))), [expected]);
    }
}
