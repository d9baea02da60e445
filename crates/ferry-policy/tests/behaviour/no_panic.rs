//! Whatever manifests say, explaining them ends in a report or in errors, never in a panic.

use ferry_api::{Decoded, decode};
use ferry_config::Semantics;
use ferry_policy::explain::{Inventory, explain};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Sound objects of every kind that matters.
fn sound() -> Vec<Value> {
    let quantities = ["1Gi", "0", "-1", "100m", "9E", "1e300", "x", "18446744073709551616"];
    let mut objects = vec![
        json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": { "name": "default", "labels": { "tier": "gold" } },
        }),
        json!({
            "apiVersion": "hco.kubevirt.io/v1", "kind": "HyperConverged",
            "metadata": { "name": "kubevirt-hyperconverged" },
            "spec": { "virtualization": { "liveMigrationConfig": { "progressTimeout": 1 } } },
        }),
    ];
    for quantity in quantities {
        objects.push(json!({
            "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance",
            "metadata": { "name": "web", "labels": { "app": "web" } },
            "spec": {
                "domain": { "memory": { "guest": quantity } },
                "volumes": [{ "name": "d", "emptyDisk": { "capacity": quantity } }],
            },
            "status": { "migratedVolumes": [{ "volumeName": "m", "sourcePVCInfo": {
                "claimName": "c",
                "requests": { "storage": quantity },
                "capacity": { "storage": "1Gi" },
            } }] },
        }));
        objects.push(json!({
            "apiVersion": "migrations.kubevirt.io/v1alpha1", "kind": "MigrationPolicy",
            "metadata": { "name": "p" },
            "spec": {
                "bandwidthPerMigration": quantity,
                "completionTimeoutPerGiB": 9_223_372_036_854_775_807_i64,
                "selectors": { "virtualMachineInstanceSelector": { "app": "web" } },
            },
        }));
        objects.push(json!({
            "apiVersion": "kubevirt.io/v1", "kind": "KubeVirt",
            "metadata": { "name": "kubevirt" },
            "spec": { "configuration": { "migrations": {
                "bandwidthPerMigration": quantity,
                "completionTimeoutPerGiB": -9_223_372_036_854_775_808_i64,
                "progressTimeout": 0,
            } } },
        }));
    }
    objects
}

/// Values to put in the place of others.
fn odd() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!([{ "a": {} }])),
    ]
}

/// Replaces the value that is met after `steps` of a walk through `value`.
fn replace(value: &mut Value, steps: &mut usize, by: &Value) {
    if *steps == 0 {
        *value = by.clone();
    }
    *steps = steps.wrapping_sub(1);
    match value {
        Value::Object(fields) => fields.values_mut().for_each(|field| replace(field, steps, by)),
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, steps, by)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

proptest! {
    #[test]
    fn odd_manifests_are_explained_or_refused(
        picks in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..40, odd()), 1..12),
        semantics in prop::sample::select(Semantics::ALL.to_vec()),
    ) {
        let sound = sound();
        let mut inventory = Inventory::default();
        for (pick, mut steps, by) in picks {
            let mut document = pick.get(&sound).clone();
            replace(&mut document, &mut steps, &by);
            let Value::Object(document) = document else { continue };
            match decode(&document) {
                Ok(Decoded::Known { object, filing }) => {
                    if let Err(errors) = inventory.add(object, filing, semantics) {
                        prop_assert!(!errors.is_empty());
                    }
                }
                Ok(Decoded::Foreign { .. }) => {}
                Err(errors) => prop_assert!(!errors.is_empty()),
            }
        }
        let report = explain(&inventory, semantics);
        prop_assert!(serde_json::to_string(&report).is_ok());
    }
}
