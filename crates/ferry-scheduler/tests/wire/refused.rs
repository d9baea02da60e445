//! What cannot be read is refused with its path.

use std::error::Error;

use ferry_api::Labels;
use ferry_scheduler::{Arrival, Demand, Node, PlacedPod, SchedulerError};
use k8s_openapi::api::core::v1;
use serde_json::{Value, json};

use crate::{launcher, object};

/// The message and that of its source, as a program prints them.
fn chain(error: &SchedulerError) -> String {
    let source = error.source().map(ToString::to_string).unwrap_or_default();
    format!("{error}: {source}")
}

fn refusal(path: &[&str], value: Value) -> String {
    let mut pod = launcher();
    let spec = path.iter().fold(&mut pod["spec"], |outer, field| &mut outer[*field]);
    *spec = value;
    let demand = Demand::from_wire(&object(pod), None, Labels::new());
    chain(&demand.expect_err("a pod that cannot be read"))
}

#[test]
fn a_toleration_must_be_one_that_kubernetes_would_take() {
    for (toleration, message) in [
        (
            json!({"operator": "Equal", "value": "x"}),
            "operator: without a key the operator must be Exists",
        ),
        (json!({}), "operator: without a key the operator must be Exists"),
        (
            json!({"key": "a", "operator": "Gt"}),
            "operator: unknown operator \"Gt\": use Equal or Exists",
        ),
        (
            json!({"key": "a", "effect": "Never"}),
            "effect: unknown effect \"Never\": use NoSchedule, PreferNoSchedule or NoExecute",
        ),
    ] {
        assert_eq!(
            refusal(&["tolerations"], json!([{"operator": "Exists"}, toleration])),
            format!("pod shop/virt-launcher-db-x7x2p: cannot read spec.tolerations[1].{message}")
        );
    }
}

#[test]
fn a_node_affinity_must_be_one_that_kubernetes_would_take() {
    let required = "requiredDuringSchedulingIgnoredDuringExecution";
    let expression = |operator: &str, values: Value| {
        json!({"matchExpressions": [
            {"key": "size", "operator": operator, "values": values},
        ]})
    };
    let field = |key: &str, operator: &str, values: Value| {
        json!({"matchFields": [
            {"key": key, "operator": operator, "values": values},
        ]})
    };
    for (term, message) in [
        (
            expression("Like", json!(["a"])),
            "matchExpressions[0].operator: unknown operator \"Like\": \
             use In, NotIn, Exists, DoesNotExist, Gt or Lt",
        ),
        (
            expression("Gt", json!(["1", "2"])),
            "matchExpressions[0].values: Gt takes exactly one value, not 2",
        ),
        (
            expression("Lt", json!(["big"])),
            "matchExpressions[0].values: values[0]: Invalid value: \"big\": \
             for 'Gt', 'Lt' operators, the value must be an integer",
        ),
        (
            expression("In", json!([])),
            "matchExpressions[0].values: values: Required value: \
             must be specified when `operator` is 'In' or 'NotIn'",
        ),
        (
            field("metadata.uid", "In", json!(["a"])),
            "matchFields[0].key: unknown field \"metadata.uid\": use metadata.name",
        ),
        (
            field("metadata.name", "Exists", json!([])),
            "matchFields[0].operator: unknown operator \"Exists\": use In or NotIn",
        ),
        (
            field("metadata.name", "In", json!(["a", "b"])),
            "matchFields[0].values: In takes exactly one value, not 2",
        ),
    ] {
        let path = ["affinity", "nodeAffinity", required, "nodeSelectorTerms"];
        assert_eq!(
            refusal(&path, json!([term])),
            format!(
                "pod shop/virt-launcher-db-x7x2p: cannot read \
                 spec.affinity.nodeAffinity.{required}.nodeSelectorTerms[0].{message}"
            )
        );
    }
}

#[test]
fn a_weight_lies_between_1_and_100() {
    for weight in [0, 101, -1] {
        let preferred = "preferredDuringSchedulingIgnoredDuringExecution";
        assert_eq!(
            refusal(
                &["affinity", "nodeAffinity", preferred],
                json!([{"weight": weight, "preference": {}}])
            ),
            format!(
                "pod shop/virt-launcher-db-x7x2p: cannot read \
                 spec.affinity.nodeAffinity.{preferred}[0].weight: \
                 a weight of {weight}: use 1 to 100"
            )
        );
    }
}

#[test]
fn a_demand_needs_a_spec_and_a_guest() {
    let bare: v1::Pod = object(json!({"metadata": {"namespace": "shop", "name": "p"}}));
    let error = Demand::from_wire(&bare, None, Labels::new()).unwrap_err();
    assert_eq!(chain(&error), "pod shop/p: cannot read spec: it is not set");
    let anonymous: v1::Pod = object(json!({
        "metadata": {"namespace": "shop", "name": "p"}, "spec": {"containers": []},
    }));
    let error = Demand::from_wire(&anonymous, None, Labels::new()).unwrap_err();
    assert_eq!(
        chain(&error),
        "pod shop/p: cannot read metadata.labels[kubevirt.io/created-by]: it is not set"
    );
}

#[test]
fn amounts_effects_and_selectors_are_named_by_their_path() {
    let node: v1::Node = object(json!({
        "metadata": {"name": "node-1"},
        "status": {"allocatable": {"cpu": "4", "memory": "-1Gi"}},
    }));
    assert_eq!(
        chain(&Node::try_from(&node).unwrap_err()),
        "node node-1: cannot read status.allocatable.memory: -1Gi is negative; use 0 or more"
    );
    let nameless: v1::Node = object(json!({"metadata": {}}));
    assert_eq!(
        chain(&Node::try_from(&nameless).unwrap_err()),
        "node : cannot read metadata.name: it is not set"
    );
    let mut pod = launcher();
    pod["spec"]["nodeName"] = json!("node-1");
    pod["spec"]["containers"][0]["resources"]["requests"]["cpu"] = json!("-1");
    let error = PlacedPod::from_wire(&object(pod.clone()), Arrival::Settled).unwrap_err();
    assert_eq!(
        chain(&error),
        "pod shop/virt-launcher-db-x7x2p: cannot read \
         spec.containers[0].resources.requests.cpu: -1 is negative; use 0 or more"
    );
}
