//! Kubernetes' own kinds: leases, nodes, pods.

use ferry_registry::{Part, Refusal};
use serde_json::{Value, json};

use crate::common::{Attempt, World, changed, invalid, user};

fn object(api_version: &str, kind: &str, namespace: &str, spec: &Value) -> Value {
    let mut object = json!({
        "apiVersion": api_version, "kind": kind, "metadata": { "name": "x" }, "spec": spec,
    });
    if !namespace.is_empty() {
        object["metadata"]["namespace"] = namespace.into();
    }
    object
}

#[test]
fn parity_the_numbers_of_a_lease_make_sense() {
    let world = World::default();
    for (spec, expected) in [
        (json!({ "leaseDurationSeconds": 1, "leaseTransitions": 0 }), vec![]),
        (json!({}), vec![]),
        (
            json!({ "leaseDurationSeconds": 0, "leaseTransitions": -1 }),
            vec![
                "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
                "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0",
            ],
        ),
    ] {
        let lease = object("coordination.k8s.io/v1", "Lease", "ns", &spec);
        let result = Attempt::by(user("a"), &world).create(&lease);
        if expected.is_empty() {
            result.unwrap();
        } else {
            assert_eq!(invalid(result), expected);
        }
    }
}

#[test]
fn parity_taints_have_a_key_and_an_effect_and_are_there_once() {
    let world = World::default();
    for (taints, wrong) in [
        (
            json!([{ "key": "a", "effect": "NoSchedule" }, { "key": "a", "effect": "NoExecute" }]),
            None,
        ),
        (json!([{ "effect": "NoSchedule" }]), Some("spec.taints[0].key: Required value")),
        (json!([{ "key": "a" }]), Some("spec.taints[0].effect: Required value")),
        (
            json!([{ "key": "a", "effect": "Never" }]),
            Some("spec.taints[0].effect: Unsupported value"),
        ),
        (
            json!([
                { "key": "a", "value": "1", "effect": "NoSchedule" },
                { "key": "a", "value": "2", "effect": "NoSchedule" },
            ]),
            Some("spec.taints[1]: Invalid value"),
        ),
    ] {
        let node = object("v1", "Node", "", &json!({ "taints": taints }));
        let result = Attempt::by(user("root"), &world).create(&node);
        match wrong {
            None => assert!(result.is_ok(), "{result:?}"),
            Some(start) => {
                let errors = invalid(result);
                assert!(errors.len() == 1 && errors[0].starts_with(start), "{errors:?}");
            }
        }
    }
}

#[test]
fn a_pod_stays_on_its_node() {
    let world = World::default();
    let waiting = object("v1", "Pod", "ns", &json!({ "containers": [] }));
    let placed = changed(&waiting, &json!({ "spec": { "nodeName": "n1" } }));
    let moved = changed(&waiting, &json!({ "spec": { "nodeName": "n2" } }));
    let main = Attempt::by(user("scheduler"), &world);
    let binding = Attempt::by(user("scheduler"), &world).at(Part::Binding);
    main.update(&waiting, &placed).unwrap();
    main.update(&placed, &placed).unwrap();
    assert!(invalid(main.update(&placed, &moved))[0].starts_with("spec.nodeName: Invalid value"));
    assert!(main.update(&placed, &waiting).is_err());
    binding.update(&waiting, &placed).unwrap();
    let Err(Refusal::Conflict { message, .. }) = binding.update(&placed, &moved) else {
        panic!("it is a conflict")
    };
    assert_eq!(message, "pod x is already assigned to node \"n1\"");
}
