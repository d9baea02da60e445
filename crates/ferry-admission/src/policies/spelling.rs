//! Whether two specs of instances say the same, however it is spelled.
//!
//! Clients with types of their own write a spec back that they have read with other spellings of its
//! quantities, and without what is nothing in Go. That changes nothing.

use ferry_api::Quantity;
use serde_json::Value;

/// Fields that are no pointers upstream: where they are nothing, they are as good as absent. A field
/// that is not among them says something even then, such as `autoattachPodInterface: false`.
// PARITY: staging/src/kubevirt.io/api/core/v1/schema.go#CPU and its siblings
const VALUES: [&str; 31] = [
    "acpiIndex",
    "architecture",
    "bus",
    "cache",
    "cores",
    "dedicatedCpuPlacement",
    "dnsPolicy",
    "hostname",
    "hotpluggable",
    "imagePullPolicy",
    "imagePullSecret",
    "io",
    "isolateEmulatorThread",
    "macAddress",
    "maxSockets",
    "model",
    "networkData",
    "networkDataBase64",
    "overcommitGuestOverhead",
    "pciAddress",
    "priorityClassName",
    "readOnly",
    "schedulerName",
    "serial",
    "sockets",
    "state",
    "subdomain",
    "tag",
    "threads",
    "userData",
    "userDataBase64",
];

/// Whether two specs say the same.
// PARITY: pkg/virt-api/webhooks/validating-webhook/admitters/vmi-update-admitter.go#Admit: of Go's types
pub(super) fn same(left: Option<&Value>, right: Option<&Value>) -> bool {
    same_field(["", "spec"], left, right)
}

/// The same of a field, which is named with the one that it stands in.
fn same_field(names: [&str; 2], left: Option<&Value>, right: Option<&Value>) -> bool {
    let [_, name] = names;
    match (left, right) {
        (None, None) => true,
        (Some(value), None) | (None, Some(value)) => is_nothing(name, value),
        (Some(Value::Object(left)), Some(Value::Object(right))) => left
            .keys()
            .chain(right.keys())
            .all(|key| same_field([name, key], left.get(key), right.get(key))),
        (Some(Value::Array(left)), Some(Value::Array(right))) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|(l, r)| same_field(names, Some(l), Some(r)))
        }
        (Some(left), Some(right)) => {
            left == right
                || is_nothing(name, left) && is_nothing(name, right)
                || is_quantity(names)
                    && quantity(left).is_some_and(|it| quantity(right) == Some(it))
        }
    }
}

fn is_nothing(name: &str, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.iter().all(|(name, value)| is_nothing(name, value)),
        Value::Array(items) => items.is_empty(),
        Value::Bool(flag) => !flag && VALUES.contains(&name),
        Value::Number(number) => number.as_u64() == Some(0) && VALUES.contains(&name),
        Value::String(text) => text.is_empty() && VALUES.contains(&name),
    }
}

fn is_quantity([outer, name]: [&str; 2]) -> bool {
    matches!(outer, "requests" | "limits") || matches!(name, "capacity" | "guest" | "maxGuest")
}

fn quantity(value: &Value) -> Option<Quantity> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parity_what_a_typed_client_writes_back_is_no_change() {
        let requests = |memory| json!({ "resources": { "requests": { "memory": memory } } });
        for (left, right, expected) in [
            (requests(json!("1024Mi")), requests(json!("1Gi")), true),
            (requests(json!("1Gi")), requests(json!(1_073_741_824)), true),
            (requests(json!("1Gi")), requests(json!("1G")), false),
            (requests(json!("nothing")), requests(json!("no")), false),
            (
                json!({ "memory": { "guest": "2048Mi" } }),
                json!({ "memory": { "guest": "2Gi" } }),
                true,
            ),
            (
                json!({ "cpu": { "cores": 2, "dedicatedCpuPlacement": false } }),
                json!({ "cpu": { "cores": 2 } }),
                true,
            ),
            (json!({ "cpu": { "cores": 2 } }), json!({ "cpu": { "cores": 1 } }), false),
            (json!({ "hostname": "" }), json!({}), true),
            (json!({ "hostname": "" }), json!({ "hostname": null }), true),
            (json!({ "volumes": [] }), json!({ "nodeSelector": {} }), true),
            (json!({ "volumes": [{ "name": "a" }] }), json!({ "volumes": [] }), false),
            // These are pointers upstream, and nothing is not the same as absent.
            (
                json!({ "devices": { "autoattachPodInterface": false } }),
                json!({ "devices": {} }),
                false,
            ),
            (json!({ "machine": { "type": "" } }), json!({}), false),
            (json!({ "terminationGracePeriodSeconds": 0 }), json!({}), false),
        ] {
            assert_eq!(same(Some(&left), Some(&right)), expected, "{left} {right}");
            assert_eq!(same(Some(&right), Some(&left)), expected, "{right} {left}");
        }
    }
}
