//! Objects of tests, as their users write them.

use serde_json::{Value, json};

pub(crate) fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// A node of 16 GiB that takes guests.
pub(crate) fn node(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name, "kubevirt.io/schedulable": "true", "name": name,
            },
        },
        "status": {
            "allocatable": { "cpu": "8", "memory": "16Gi" },
            "conditions": [{ "type": "Ready", "status": "True" }],
        },
    })
}

/// A machine of 256 MiB with this run strategy.
pub(crate) fn machine(name: &str, strategy: &str) -> Value {
    json!({
        "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine",
        "metadata": { "name": name, "namespace": "ns" },
        "spec": {
            "runStrategy": strategy,
            "template": {
                "metadata": { "labels": { "app": name } },
                "spec": {
                    "evictionStrategy": "LiveMigrate",
                    "domain": { "memory": { "guest": "256Mi" }, "devices": {} },
                },
            },
        },
    })
}

/// An instance that nobody manages.
pub(crate) fn instance(name: &str) -> Value {
    json!({
        "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance",
        "metadata": { "name": name, "namespace": "ns", "labels": { "app": name } },
        "spec": {
            "evictionStrategy": "LiveMigrate",
            "domain": { "memory": { "guest": "256Mi" }, "devices": {} },
        },
    })
}

pub(crate) fn migration(name: &str, instance: &str) -> Value {
    json!({
        "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstanceMigration",
        "metadata": { "name": name, "namespace": "ns" },
        "spec": { "vmiName": instance },
    })
}

pub(crate) fn kubevirt(configuration: &Value) -> Value {
    json!({
        "apiVersion": "kubevirt.io/v1", "kind": "KubeVirt",
        "metadata": { "name": "kubevirt", "namespace": "openshift-cnv" },
        "spec": { "configuration": configuration },
    })
}

pub(crate) fn claim(name: &str, mode: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": { "name": name, "namespace": "ns" },
        "spec": {
            "accessModes": [mode], "resources": { "requests": { "storage": "1Gi" } },
        },
    })
}

/// The object with something else in it.
pub(crate) fn with(mut object: Value, change: &Value) -> Value {
    merge(&mut object, change);
    object
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}
