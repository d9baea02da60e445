//! What pods may be, and what of them may change.

use ferry_registry::{Part, Refusal};
use serde_json::{Value, json};

use crate::common::{Attempt, World, changed, controller, invalid, user};

fn pod(spec: &Value) -> Value {
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "x", "namespace": "ns" },
        "spec": {
            "containers": [{ "name": "c", "image": "i" }],
            "terminationGracePeriodSeconds": 30,
        },
    });
    changed(&pod, &json!({ "spec": spec }))
}

fn container(fields: &Value) -> Value {
    let container = changed(&json!({ "name": "c", "image": "i" }), fields);
    pod(&json!({ "containers": [container] }))
}

fn create(object: &Value) -> Result<Value, Refusal> {
    Attempt::by(user("a"), &World::default()).create(object)
}

fn update(old: &Value, new: &Value) -> Result<Value, Refusal> {
    Attempt::by(user("a"), &World::default()).update(old, new)
}

/// Each is refused for these and nothing else; what has no problem is accepted.
fn expect(result: Result<Value, Refusal>, problems: &[&str], case: &Value) {
    if problems.is_empty() {
        assert!(result.is_ok(), "{case}: {result:?}");
    } else {
        assert_eq!(invalid(result), problems, "{case}");
    }
}

#[test]
fn parity_a_pods_deadline_only_comes_closer_and_its_grace_stays() {
    let deadline = |seconds: Value| json!({ "activeDeadlineSeconds": seconds });
    let grace = |seconds: Value| json!({ "terminationGracePeriodSeconds": seconds });
    let fixed = "spec: Forbidden: pod updates may not change fields other than \
                 `spec.containers[*].image`,`spec.initContainers[*].image`,\
                 `spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing \
                 tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it \
                 was previously negative)";
    let at = "spec.activeDeadlineSeconds: Invalid value";
    let least = format!("{at}: -5: must be between 1 and 2147483647, inclusive");
    let range = format!("{at}: -5: must be between 0 and 2147483647, inclusive");
    let later = format!("{at}: 60: must be less than or equal to previous value");
    let gone = format!("{at}: null: must not update from a positive integer to nil value");
    for (before, after, problems) in [
        (deadline(json!(null)), deadline(json!(60)), vec![]),
        (deadline(json!(60)), deadline(json!(50)), vec![]),
        (deadline(json!(50)), deadline(json!(60)), vec![later.as_str()]),
        (deadline(json!(60)), deadline(json!(null)), vec![gone.as_str()]),
        (deadline(json!(null)), deadline(json!(-5)), vec![&least, &range]),
        (deadline(json!(-5)), deadline(json!(-5)), vec![]),
        (grace(json!(30)), grace(json!(77)), vec![fixed]),
        (grace(json!(null)), grace(json!(30)), vec![]),
        (grace(json!(-1)), grace(json!(1)), vec![]),
        (grace(json!(-1)), grace(json!(2)), vec![fixed]),
    ] {
        expect(update(&pod(&before), &pod(&after)), &problems, &after);
    }
}

#[test]
fn parity_what_changes_of_a_pod_is_looked_at_as_if_it_were_new() {
    let image = |image: &str| container(&json!({ "image": image }));
    let at = "spec.containers[0].image";
    for (after, problem) in [
        ("j", None),
        ("", Some(format!("{at}: Required value"))),
        (
            " a ",
            Some(format!(
                "{at}: Invalid value: \" a \": must not have leading or trailing whitespace"
            )),
        ),
    ] {
        let problems: Vec<&str> = problem.iter().map(String::as_str).collect();
        expect(update(&image("i"), &image(after)), &problems, &json!(after));
        // A status says nothing of the spec, and what was kept before there were rules stays.
        let world = World::default();
        let status = Attempt::by(user("a"), &world).at(Part::Status);
        status.update(&image("i"), &image(after)).unwrap();
        update(&image(after), &image(after)).unwrap();
    }
}

#[test]
fn parity_what_a_pod_puts_up_with_makes_sense_and_only_grows() {
    let with = |tolerations: Value| pod(&json!({ "tolerations": tolerations }));
    let first = json!({ "key": "a", "operator": "Exists", "effect": "NoExecute" });
    let longer = changed(&first, &json!({ "tolerationSeconds": 5 }));
    let at = |rest: &str| format!("spec.tolerations[1].{rest}");
    for (second, problem) in [
        (json!({ "operator": "Exists" }), None),
        (json!({ "key": "b", "value": "v" }), None),
        (
            json!({ "key": "b", "operator": "Like" }),
            Some(at(
                "operator: Unsupported value: \"Like\": supported values: \"Equal\", \"Exists\"",
            )),
        ),
        (
            json!({ "value": "v" }),
            Some(at(
                "operator: Invalid value: \"\": operator must be Exists when `key` is empty, \
                     which means \"match all values and all keys\"",
            )),
        ),
        (
            json!({ "key": "b", "operator": "Exists", "value": "v" }),
            Some(at("operator: Invalid value: \"v\": value must be empty when `operator` is \
                     'Exists'")),
        ),
        (
            json!({ "key": "b", "effect": "NoSchedule", "tolerationSeconds": 1 }),
            Some(at("effect: Invalid value: \"NoSchedule\": effect must be 'NoExecute' when \
                     `tolerationSeconds` is set")),
        ),
        (
            json!({ "key": "b", "effect": "Never" }),
            Some(at("effect: Unsupported value: \"Never\": supported values: \"NoSchedule\", \
                     \"PreferNoSchedule\", \"NoExecute\"")),
        ),
    ] {
        let problems: Vec<&str> = problem.iter().map(String::as_str).collect();
        let after = with(json!([longer, second]));
        expect(create(&after), &problems, &second);
        expect(update(&with(json!([first])), &after), &problems, &second);
    }
    let kept = "spec.tolerations: Forbidden: existing toleration can not be modified except its \
                tolerationSeconds";
    expect(update(&with(json!([first])), &with(json!([]))), &[kept], &first);
}

#[test]
fn parity_a_container_mounts_volumes_of_its_pod() {
    let with = |list: &str, item: &Value| {
        let pod = container(&json!({ list: [item] }));
        changed(&pod, &json!({ "spec": { "volumes": [{ "name": "v" }] } }))
    };
    let at = "spec.containers[0]";
    for (list, item, problem) in [
        ("volumeMounts", json!({ "name": "v", "mountPath": "/a" }), None),
        ("volumeDevices", json!({ "name": "v", "devicePath": "/dev/a" }), None),
        (
            "volumeMounts",
            json!({ "name": "x", "mountPath": "/a" }),
            Some(".volumeMounts[0].name: Not found: \"x\""),
        ),
        (
            "volumeDevices",
            json!({ "name": "x", "devicePath": "/dev/a" }),
            Some(".volumeDevices[0].name: Not found: \"x\""),
        ),
        (
            "volumeMounts",
            json!({ "mountPath": "/a" }),
            Some(".volumeMounts[0].name: Required value"),
        ),
    ] {
        let problem = problem.map(|problem| format!("{at}{problem}"));
        let problems: Vec<&str> = problem.iter().map(String::as_str).collect();
        expect(create(&with(list, &item)), &problems, &item);
    }
}

#[test]
fn parity_variables_and_probes_of_a_container_can_be_used() {
    let variable = |name: &str| json!({ "env": [{ "name": name, "value": "v" }] });
    let handler = "Required value: must specify a handler type";
    let get = json!({ "httpGet": { "port": "web", "path": "/" } });
    for (fields, problem) in [
        (variable("MY.var-1"), String::new()),
        (json!({ "livenessProbe": get, "readinessProbe": { "tcpSocket": { "port": 1 } } }), String::new()),
        (variable(""), "env[0].name: Required value".to_owned()),
        (
            variable("a=b"),
            "env[0].name: Invalid value: \"a=b\": a valid environment variable name must consist \
             only of printable ASCII characters other than '='"
                .to_owned(),
        ),
        (json!({ "livenessProbe": {} }), format!("livenessProbe: {handler}")),
        (json!({ "lifecycle": { "preStop": {} } }), format!("lifecycle.preStop: {handler}")),
        (
            json!({ "startupProbe": { "exec": {} } }),
            "startupProbe.exec.command: Required value".to_owned(),
        ),
        (
            json!({ "readinessProbe": changed(&get, &json!({ "grpc": { "port": 1 } })) }),
            "readinessProbe.grpc: Forbidden: may not specify more than 1 handler type".to_owned(),
        ),
        (
            json!({ "livenessProbe": { "tcpSocket": { "port": 0 } } }),
            "livenessProbe.tcpSocket.port: Invalid value: 0: must be between 1 and 65535, inclusive"
                .to_owned(),
        ),
        (
            json!({ "livenessProbe": changed(&get, &json!({ "successThreshold": 2 })) }),
            "livenessProbe.successThreshold: Invalid value: 2: must be 1".to_owned(),
        ),
    ] {
        let problem = Some(format!("spec.containers[0].{problem}")).filter(|it| !it.ends_with('.'));
        let problems: Vec<&str> = problem.iter().map(String::as_str).collect();
        expect(create(&container(&fields)), &problems, &fields);
    }
    let first = json!([{ "name": "d", "image": "i", "livenessProbe": get }]);
    let refused = "spec.initContainers[0].livenessProbe: Forbidden: may not be set for init \
                   containers without restartPolicy=Always";
    expect(create(&pod(&json!({ "initContainers": first }))), &[refused], &first);
}

#[test]
fn parity_a_container_asks_for_no_more_than_it_is_allowed() {
    let at = "spec.containers[0].resources";
    let asks = |requests: Value, limits: Value| {
        container(&json!({ "resources": { "requests": requests, "limits": limits } }))
    };
    for (requests, limits, problem) in [
        (json!({ "cpu": "500m" }), json!({ "cpu": 1, "memory": "1Gi" }), None),
        (json!({ "memory": "1Gi" }), json!({}), None),
        (
            json!({ "cpu": "2" }),
            json!({ "cpu": "1" }),
            Some(".requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1"),
        ),
        (
            json!({ "a.dev/b": "1" }),
            json!({ "a.dev/b": "2" }),
            Some(".requests: Invalid value: \"1\": must be equal to a.dev/b limit of 2"),
        ),
        (
            json!({ "hugepages-2Mi": "2Mi" }),
            json!({}),
            Some(".limits: Required value: Limit must be set for non overcommitable resources"),
        ),
        (
            json!({ "cpu": "-1" }),
            json!({}),
            Some(".requests[cpu]: Invalid value: \"-1\": must be greater than or equal to 0"),
        ),
    ] {
        let problem = problem.map(|problem| format!("{at}{problem}"));
        let problems: Vec<&str> = problem.iter().map(String::as_str).collect();
        expect(create(&asks(requests.clone(), limits)), &problems, &requests);
    }
}

#[test]
fn a_guests_pod_is_let_in_as_its_machine_was() {
    let world = World::default();
    let launcher = pod(&json!({
        "containers": [{
            "name": "compute",
            "image": "quay.io/kubevirt/virt-launcher",
            // A machine with many CPUs that may use little of them.
            "resources": {
                "requests": { "cpu": "800m", "memory": "1294Mi", "devices.kubevirt.io/kvm": "1" },
                "limits": { "cpu": "500m", "devices.kubevirt.io/kvm": "1" },
            },
        }],
        "restartPolicy": "Never",
        "tolerations": [{ "key": "a", "operator": "Exists", "value": "true" }],
        "volumes": [{ "name": "disk", "persistentVolumeClaim": { "claimName": "c" } }],
    }));
    Attempt::by(controller(), &world).create(&launcher).unwrap();
    assert_eq!(invalid(create(&launcher)).len(), 2);
}
