//! What built-in objects are completed with.

use ferry_api::Kind;
use serde_json::{Value, json};

use crate::request::OnConflict;
use crate::testing::{Cluster, pod, shown, target};

fn service(spec: &Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": { "name": "x", "namespace": "a" },
        "spec": spec,
    })
}

fn claim() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": { "name": "x", "namespace": "a" },
        "spec": { "accessModes": ["ReadWriteOnce"] },
    })
}

#[test]
fn parity_a_pod_is_shown_with_what_holds() {
    let mut cluster = Cluster::new();
    let mut new = pod("x", "");
    new["spec"]["restartPolicy"] = json!("");
    new["spec"]["volumes"] = json!([{ "name": "v" }, { "name": "w", "secret": {} }]);
    new["spec"]["containers"][0]["resources"] = json!({ "limits": { "cpu": "1" } });
    new["spec"]["containers"][0]["livenessProbe"] = json!({ "httpGet": { "port": 80 } });
    let made = shown(&cluster.create(&new).unwrap());
    for (field, expected) in [
        ("restartPolicy", json!("Always")),
        ("dnsPolicy", json!("ClusterFirst")),
        ("schedulerName", json!("default-scheduler")),
        ("terminationGracePeriodSeconds", json!(30)),
        ("enableServiceLinks", json!(true)),
        ("securityContext", json!({})),
        (
            "volumes",
            json!([
                { "name": "v", "emptyDir": {} },
                { "name": "w", "secret": { "defaultMode": 420 } },
            ]),
        ),
    ] {
        assert_eq!(made["spec"][field], expected, "{field}");
    }
    let container = &made["spec"]["containers"][0];
    for (field, expected) in [
        ("imagePullPolicy", json!("Always")),
        ("terminationMessagePath", json!("/dev/termination-log")),
        ("terminationMessagePolicy", json!("File")),
        ("resources", json!({ "limits": { "cpu": "1" }, "requests": { "cpu": "1" } })),
        (
            "livenessProbe",
            json!({
                "httpGet": { "port": 80, "path": "/", "scheme": "HTTP" },
                "timeoutSeconds": 1, "periodSeconds": 10,
                "successThreshold": 1, "failureThreshold": 3,
            }),
        ),
    ] {
        assert_eq!(container[field], expected, "{field}");
    }
    // Written again without them, it is the same pod.
    assert!(cluster.update(&new).unwrap().change.is_none());
}

#[test]
fn parity_only_the_newest_image_is_pulled_always() {
    for (image, policy) in [
        ("i", "Always"),
        ("r:5000/i", "Always"),
        ("r:5000/i:latest", "Always"),
        ("i:1", "IfNotPresent"),
        ("r:5000/i:1", "IfNotPresent"),
        ("i@sha256:00", "IfNotPresent"),
        ("i:latest@sha256:00", "Always"),
    ] {
        let mut cluster = Cluster::new();
        let mut new = pod("x", "");
        new["spec"]["containers"][0]["image"] = json!(image);
        let made = shown(&cluster.create(&new).unwrap());
        assert_eq!(made["spec"]["containers"][0]["imagePullPolicy"], policy, "{image}");
    }
}

#[test]
fn parity_a_port_of_a_pod_on_its_nodes_network_is_the_nodes() {
    let mut cluster = Cluster::new();
    let mut new = pod("x", "");
    new["spec"]["hostNetwork"] = json!(true);
    new["spec"]["containers"][0]["ports"] = json!([{ "containerPort": 80 }]);
    let made = shown(&cluster.create(&new).unwrap());
    assert_eq!(made["spec"]["containers"][0]["ports"][0]["hostPort"], 80);
}

#[test]
fn parity_a_service_and_a_claim_are_shown_with_what_holds() {
    let ports = json!([{ "port": 80 }, { "port": 81, "name": "b", "targetPort": "http" }]);
    for (spec, expected) in [
        (
            json!({ "ports": ports }),
            json!({
                "type": "ClusterIP",
                "sessionAffinity": "None",
                "internalTrafficPolicy": "Cluster",
                "ports": [
                    { "port": 80, "protocol": "TCP", "targetPort": 80 },
                    { "port": 81, "name": "b", "protocol": "TCP", "targetPort": "http" },
                ],
            }),
        ),
        (
            json!({ "type": "LoadBalancer", "sessionAffinity": "ClientIP" }),
            json!({
                "type": "LoadBalancer",
                "sessionAffinity": "ClientIP",
                "sessionAffinityConfig": { "clientIP": { "timeoutSeconds": 10800 } },
                "internalTrafficPolicy": "Cluster",
                "externalTrafficPolicy": "Cluster",
                "allocateLoadBalancerNodePorts": true,
            }),
        ),
        (
            json!({ "type": "ExternalName", "externalName": "a.b" }),
            json!({ "type": "ExternalName", "externalName": "a.b", "sessionAffinity": "None" }),
        ),
    ] {
        let mut cluster = Cluster::new();
        let made = shown(&cluster.create(&service(&spec)).unwrap());
        assert_eq!(made["spec"], expected);
    }
    let made = shown(&Cluster::new().create(&claim()).unwrap());
    assert_eq!(made["spec"]["volumeMode"], "Filesystem");
}

#[test]
fn parity_whoever_applies_owns_no_default() {
    for (kind, config) in [
        (Kind::Pod, pod("x", "")),
        (Kind::Service, service(&json!({ "ports": [{ "port": 80 }] }))),
        (Kind::PersistentVolumeClaim, claim()),
    ] {
        let mut cluster = Cluster::new();
        let at = target(kind, "x");
        let made = cluster.server_side_apply(at.clone(), &config, OnConflict::Refuse).unwrap();
        let made = shown(&made);
        let owned = made["metadata"]["managedFields"].to_string();
        for default in
            ["restartPolicy", "imagePullPolicy", "sessionAffinity", "targetPort", "volumeMode"]
        {
            assert!(!owned.contains(default), "{default}: {owned}");
        }
        let again = cluster.server_side_apply(at, &config, OnConflict::Refuse).unwrap();
        assert!(again.change.is_none(), "{}", shown(&again));
    }
}
