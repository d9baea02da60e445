//! What services and claims of volumes may be.

use ferry_registry::Refusal;
use serde_json::{Value, json};

use crate::common::{Attempt, World, changed, invalid, user};

fn service(spec: &Value) -> Value {
    let ports = json!([{ "port": 80, "protocol": "TCP", "targetPort": 80 }]);
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "x", "namespace": "ns" },
        "spec": { "type": "ClusterIP", "sessionAffinity": "None", "ports": ports },
    });
    changed(&service, &json!({ "spec": spec }))
}

fn claim(spec: &Value) -> Value {
    let claim = json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": { "name": "x", "namespace": "ns" },
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "volumeMode": "Filesystem",
            "resources": { "requests": { "storage": "1Gi" } },
        },
    });
    changed(&claim, &json!({ "spec": spec }))
}

fn create(object: &Value) -> Result<Value, Refusal> {
    Attempt::by(user("a"), &World::default()).create(object)
}

fn update(old: &Value, new: &Value) -> Result<Value, Refusal> {
    Attempt::by(user("a"), &World::default()).update(old, new)
}

/// Each is refused for that and nothing else; what has no problem is accepted.
fn check(cases: Vec<(Value, &str)>) {
    for (object, problem) in cases {
        let result = create(&object);
        if problem.is_empty() {
            assert!(result.is_ok(), "{object}: {result:?}");
        } else {
            assert_eq!(invalid(result), [problem], "{object}");
        }
    }
}

#[test]
fn parity_ports_of_a_service_are_told_apart() {
    let ports = |ports: Value| service(&json!({ "ports": ports }));
    let port = |name: &str, number: i64, protocol: &str| json!({ "name": name, "port": number, "protocol": protocol, "targetPort": 80 });
    let target =
        |target: Value| ports(json!([{ "port": 80, "protocol": "TCP", "targetPort": target }]));
    let range = "must be between 1 and 65535, inclusive";
    check(vec![
        (ports(json!([])), "spec.ports: Required value"),
        (service(&json!({ "ports": [], "clusterIP": "None" })), ""),
        (ports(json!([port("a", 53, "TCP"), port("b", 53, "UDP")])), ""),
        (
            ports(json!([port("a", 53, "TCP"), port("b", 53, "TCP")])),
            "spec.ports[1]: Duplicate value: {\"port\":53,\"protocol\":\"TCP\"}",
        ),
        (
            ports(json!([port("a", 53, "TCP"), port("a", 54, "TCP")])),
            "spec.ports[1].name: Duplicate value: \"a\"",
        ),
        (
            ports(json!([port("a", 53, "TCP"), port("", 54, "TCP")])),
            "spec.ports[1].name: Required value",
        ),
        (
            ports(json!([port("", 0, "TCP")])),
            &format!("spec.ports[0].port: Invalid value: 0: {range}"),
        ),
        (
            ports(json!([port("", 80, "ICMP")])),
            "spec.ports[0].protocol: Unsupported value: \"ICMP\": supported values: \"SCTP\", \
             \"TCP\", \"UDP\"",
        ),
        (target(json!("http")), ""),
        (
            target(json!("80")),
            "spec.ports[0].targetPort: Invalid value: \"80\": must contain at least one letter \
             (a-z)",
        ),
        (
            target(json!(70_000)),
            &format!("spec.ports[0].targetPort: Invalid value: 70000: {range}"),
        ),
    ]);
    assert_eq!(invalid(create(&ports(json!([port("A", 1, "TCP")])))).len(), 1);
}

#[test]
fn parity_a_service_is_of_a_type_that_there_is() {
    check(vec![
        (
            service(&json!({ "type": "Headless" })),
            "spec.type: Unsupported value: \"Headless\": supported values: \"ClusterIP\", \
             \"ExternalName\", \"LoadBalancer\", \"NodePort\"",
        ),
        (service(&json!({ "type": "NodePort" })), ""),
        (
            service(&json!({ "type": "NodePort", "clusterIP": "None" })),
            "spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort \
             services",
        ),
        (
            service(&json!({ "type": "ExternalName", "ports": null })),
            "spec.externalName: Required value",
        ),
        (service(&json!({ "type": "ExternalName", "externalName": "a.b.", "ports": null })), ""),
        (
            service(&json!({ "sessionAffinity": "Cookie" })),
            "spec.sessionAffinity: Unsupported value: \"Cookie\": supported values: \"ClientIP\", \
             \"None\"",
        ),
        (
            service(&json!({
                "ports": [{ "port": 80, "protocol": "TCP", "targetPort": 80, "nodePort": 30000 }],
            })),
            "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
        ),
    ]);
}

#[test]
fn parity_a_service_selects_by_labels_and_is_reached_at_addresses_that_there_are() {
    let errors = invalid(create(&service(&json!({ "selector": { "a b": "v" } }))));
    assert!(errors.len() == 1 && errors[0].starts_with("spec.selector: Invalid value: \"a b\": "));
    let errors = invalid(create(&service(&json!({ "selector": { "a": "v w" } }))));
    assert!(errors.len() == 1 && errors[0].starts_with("spec.selector: Invalid value: \"v w\": "));
    for (address, problem) in [
        ("198.51.100.7", None),
        ("2001:db8::1", None),
        ("x", Some("must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")),
        ("0.0.0.0", Some("may not be unspecified (0.0.0.0)")),
        ("::1", Some("may not be in the loopback range (127.0.0.0/8, ::1/128)")),
        ("fe80::1", Some("may not be in the link-local range (169.254.0.0/16, fe80::/10)")),
        (
            "224.0.0.1",
            Some("may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"),
        ),
    ] {
        let result =
            create(&service(&json!({ "selector": { "a": "b" }, "externalIPs": [address] })));
        match problem {
            None => assert!(result.is_ok(), "{address}: {result:?}"),
            Some(problem) => {
                let expected =
                    format!("spec.externalIPs[0]: Invalid value: \"{address}\": {problem}");
                assert_eq!(invalid(result), [expected]);
            }
        }
    }
}

#[test]
fn parity_only_a_service_that_is_reached_from_outside_says_how_that_traffic_is_spread() {
    let inside = "may only be set for externally-accessible services";
    check(vec![
        (
            service(&json!({ "externalTrafficPolicy": "Local" })),
            &format!("spec.externalTrafficPolicy: Invalid value: \"Local\": {inside}"),
        ),
        (service(&json!({ "externalTrafficPolicy": "Cluster", "externalIPs": ["10.1.1.1"] })), ""),
        (service(&json!({ "type": "NodePort", "externalTrafficPolicy": "Local" })), ""),
        (
            service(&json!({ "type": "NodePort", "externalTrafficPolicy": "Near" })),
            "spec.externalTrafficPolicy: Unsupported value: \"Near\": supported values: \
             \"Cluster\", \"Local\"",
        ),
    ]);
    // What was filled in goes with the type that it was filled in for.
    let open = service(&json!({ "type": "NodePort", "externalTrafficPolicy": "Cluster" }));
    let closed = service(&json!({ "externalTrafficPolicy": "Cluster" }));
    let kept = update(&open, &closed).unwrap();
    assert_eq!(kept["spec"].get("externalTrafficPolicy"), None);
    // One that was kept before that was refused can still be changed.
    update(&closed, &changed(&closed, &json!({ "metadata": { "labels": { "a": "b" } } }))).unwrap();
}

#[test]
fn parity_a_service_keeps_its_address() {
    let with = |address: &str| service(&json!({ "clusterIP": address }));
    assert_eq!(
        invalid(update(&with("10.0.0.1"), &with("None"))),
        ["spec.clusterIPs[0]: Invalid value: [\"None\"]: may not change once set"]
    );
    let kept = update(&with("None"), &service(&json!({}))).unwrap();
    assert_eq!(kept["spec"]["clusterIP"], "None");
    update(&service(&json!({})), &with("10.0.0.1")).unwrap();
    let outside = json!({ "type": "ExternalName", "externalName": "a.b", "ports": null });
    let left = update(&with("10.0.0.1"), &service(&outside)).unwrap();
    assert_eq!(left["spec"].get("clusterIP"), None);
}

#[test]
fn parity_a_claim_says_what_it_asks_for() {
    let storage = |size: Value| claim(&json!({ "resources": { "requests": { "storage": size } } }));
    let modes = |modes: Value| claim(&json!({ "accessModes": modes }));
    check(vec![
        (claim(&json!({})), ""),
        (modes(json!([])), "spec.accessModes: Required value: at least 1 access mode is required"),
        (
            modes(json!(["ReadOnlyOnce"])),
            "spec.accessModes: Unsupported value: \"ReadOnlyOnce\": supported values: \
             \"ReadOnlyMany\", \"ReadWriteMany\", \"ReadWriteOnce\", \"ReadWriteOncePod\"",
        ),
        (
            modes(json!(["ReadWriteOncePod", "ReadWriteOnce"])),
            "spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes",
        ),
        (claim(&json!({ "resources": null })), "spec.resources[storage]: Required value"),
        (
            storage(json!("0")),
            "spec.resources[storage]: Invalid value: \"0\": must be greater than zero",
        ),
        (
            claim(&json!({ "volumeMode": "Tape" })),
            "spec.volumeMode: Unsupported value: \"Tape\": supported values: \"Block\", \
             \"Filesystem\"",
        ),
    ]);
    let errors = invalid(create(&json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": { "name": "x", "namespace": "ns" },
    })));
    assert_eq!(errors.len(), 2, "{errors:?}");
}

#[test]
fn parity_a_claim_says_who_makes_its_volume_though_it_was_copied_from_elsewhere() {
    let ours = json!({ "volume.kubernetes.io/storage-provisioner": "file.ferry.dev" });
    let plain = claim(&json!({ "storageClassName": "standard" }));
    let copied = json!({ "metadata": { "annotations": {
        "volume.kubernetes.io/storage-provisioner": "rbd.csi.ceph.com",
    } } });
    let copied = changed(&plain, &copied);
    for accepted in [create(&plain), create(&copied), update(&plain, &copied)] {
        assert_eq!(accepted.unwrap()["metadata"]["annotations"], ours);
    }
}

#[test]
fn parity_a_claim_stays_but_for_its_size_once_it_is_bound() {
    let immutable = "spec: Forbidden: spec is immutable after creation except resources.requests \
                     and volumeAttributesClassName for bound claims";
    let sized = |size: &str, phase: &str| {
        let claim = claim(&json!({ "resources": { "requests": { "storage": size } } }));
        let capacity = json!({ "storage": "1Gi" });
        changed(&claim, &json!({ "status": { "phase": phase, "capacity": capacity } }))
    };
    update(&sized("1Gi", "Bound"), &sized("2Gi", "Bound")).unwrap();
    update(&sized("3Gi", "Bound"), &sized("2Gi", "Bound")).unwrap();
    assert_eq!(invalid(update(&sized("1Gi", "Pending"), &sized("2Gi", "Pending"))), [immutable]);
    assert_eq!(
        invalid(update(&sized("2Gi", "Bound"), &sized("1Gi", "Bound"))),
        ["spec.resources.requests.storage: Forbidden: field can not be less than status.capacity"]
    );
    let plain = claim(&json!({}));
    for (change, fits) in [
        (json!({ "volumeName": "v" }), true),
        (json!({ "storageClassName": "fast" }), true),
        (json!({ "accessModes": ["ReadWriteMany"] }), false),
        (json!({ "volumeMode": "Block" }), false),
        (json!({ "selector": { "matchLabels": { "a": "b" } } }), false),
    ] {
        let result = update(&plain, &claim(&change));
        assert_eq!(result.is_ok(), fits, "{change}: {result:?}");
    }
    let bound = claim(&json!({ "volumeName": "v" }));
    assert_eq!(invalid(update(&bound, &claim(&json!({ "volumeName": "w" })))), [immutable]);
    // One that was kept before there were defaults is not changed by them.
    update(&claim(&json!({ "volumeMode": null })), &plain).unwrap();
}
