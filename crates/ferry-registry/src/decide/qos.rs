//! The class of service of a pod, which follows from what its containers ask for.

use std::collections::BTreeMap;

use ferry_api::Quantity;
use serde_json::{Map, Value};

use crate::document::at;
use crate::object::Document;

/// What counts. Devices and disks do not.
// PARITY: pkg/apis/core/v1/helper/qos/qos.go#supportedQoSComputeResources
const COMPUTE: [&str; 2] = ["cpu", "memory"];

/// `Guaranteed` if all containers have limits for all that counts and ask for just as much,
/// `BestEffort` if none has any, else `Burstable`.
// PARITY: pkg/apis/core/v1/helper/qos/qos.go#ComputePodQOS
pub(super) fn class(pod: &Document) -> &'static str {
    let mut sums = [BTreeMap::new(), BTreeMap::new()];
    let mut is_limited = true;
    let lists = ["spec.containers", "spec.initContainers"];
    let containers = lists.iter().filter_map(|list| at(pod, list)?.as_array()).flatten();
    for container in containers {
        for (which, sum) in ["requests", "limits"].into_iter().zip(&mut sums) {
            let amounts = amounts(container, which);
            is_limited &= which != "limits" || amounts.len() == COMPUTE.len();
            for (name, amount) in amounts {
                sum.entry(name).or_insert_with(Vec::new).push(amount);
            }
        }
    }
    let [requests, limits] = sums.map(|sum| {
        sum.into_iter().map(|(name, amounts)| (name, total(&amounts))).collect::<BTreeMap<_, _>>()
    });
    if requests.is_empty() && limits.is_empty() {
        "BestEffort"
    } else if is_limited && requests == limits {
        "Guaranteed"
    } else {
        "Burstable"
    }
}

/// What counts of the requests or the limits of a container.
fn amounts(container: &Value, which: &str) -> Vec<(&'static str, Quantity)> {
    let amounts = container.get("resources").and_then(|it| it.get(which)?.as_object());
    let amount = |amounts: &Map<String, Value>, name: &str| {
        let amount: Quantity = match amounts.get(name)? {
            Value::String(text) => text.parse().ok()?,
            other => other.to_string().parse().ok()?,
        };
        (amount > Quantity::default()).then_some(amount)
    };
    let found = |name| Some((name, amount(amounts?, name)?));
    COMPUTE.into_iter().filter_map(found).collect()
}

/// The sum; nothing where it is no quantity any more.
fn total(amounts: &[Quantity]) -> Option<Quantity> {
    amounts.iter().try_fold(Quantity::default(), |sum, amount| sum.checked_add(*amount))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parity_the_class_of_a_pod_follows_from_its_resources() {
        let all = |cpu: &str| json!({ "cpu": cpu, "memory": "1Gi" });
        let full = json!({ "requests": all("1"), "limits": all("1") });
        for (containers, init, class) in [
            (vec![json!({})], json!({}), "BestEffort"),
            (vec![json!({ "requests": { "cpu": "0", "a.b/c": 1 } })], json!({}), "BestEffort"),
            (vec![full.clone()], full.clone(), "Guaranteed"),
            (vec![full.clone(), full.clone()], full.clone(), "Guaranteed"),
            (vec![full.clone()], json!({}), "Burstable"),
            (vec![full.clone(), json!({})], full.clone(), "Burstable"),
            (
                vec![json!({ "requests": all("500m"), "limits": all("1") })],
                full.clone(),
                "Burstable",
            ),
            (vec![json!({ "requests": { "memory": 1 } })], json!({}), "Burstable"),
            (vec![json!({ "limits": { "cpu": 2 } })], json!({}), "Burstable"),
        ] {
            let listed = |resources: &Value| json!({ "name": "c", "resources": resources });
            let pod = json!({ "spec": {
                "containers": containers.iter().map(listed).collect::<Vec<_>>(),
                "initContainers": [listed(&init)],
            } });
            let found = super::class(pod.as_object().unwrap());
            assert_eq!(found, class, "{containers:?} {init}");
        }
    }
}
