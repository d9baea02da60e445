//! The state of a pod in one word: upstream's cases, one by one.

use expect_test::expect;
use ferry_api::{Kind, table};
use ferry_units::WallTime;
use serde_json::{Value, json};

use crate::common::text;

const NOW: &str = "2026-11-23T08:20:00Z";

/// Ready, status and restarts of a pod.
fn state(pod: &Value) -> String {
    let now: WallTime = NOW.parse().expect("a time");
    let cells = table::cells(Kind::Pod, pod.as_object().expect("an object"), now);
    let cells: Vec<_> = cells[1..4].iter().filter_map(Value::as_str).collect();
    cells.join(" ")
}

fn pod(containers: usize, status: &Value) -> Value {
    let containers: Vec<_> = (0..containers).map(|i| json!({ "name": format!("c{i}") })).collect();
    json!({ "spec": { "containers": containers }, "status": status })
}

fn running() -> Value {
    json!({ "name": "c", "ready": true, "restartCount": 0, "state": { "running": {} } })
}

#[test]
fn parity_a_pods_containers_come_to_one_word() {
    let waiting = |reason: &str| json!({ "state": { "waiting": { "reason": reason } } });
    let ended = |end: Value| json!({ "restartCount": 2, "state": { "terminated": end } });
    let restarted = json!({
        "ready": true, "restartCount": 4, "state": { "running": {} },
        "lastState": { "terminated": { "finishedAt": "2026-11-23T08:10:00Z" } },
    });
    let mut states = Vec::new();
    for (containers, status) in [
        (1, json!({})),
        (2, json!({ "phase": "Pending" })),
        (1, json!({ "phase": "Failed", "reason": "Evicted" })),
        (
            1,
            json!({ "phase": "Pending", "conditions": [
            { "type": "PodScheduled", "reason": "SchedulingGated", "status": "False" },
        ] }),
        ),
        (1, json!({ "phase": "Pending", "containerStatuses": [waiting("ContainerCreating")] })),
        (
            2,
            json!({ "phase": "Running", "containerStatuses": [running(), waiting("CrashLoopBackOff")] }),
        ),
        (1, json!({ "phase": "Running", "containerStatuses": [restarted] })),
        (
            2,
            json!({ "phase": "Running", "containerStatuses": [ended(json!({ "reason": "Completed" })), running()] }),
        ),
        (
            2,
            json!({
                "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }],
                "containerStatuses": [ended(json!({ "reason": "Completed" })), running()],
            }),
        ),
        (
            1,
            json!({ "phase": "Succeeded", "containerStatuses": [ended(json!({ "reason": "Completed", "exitCode": 0 }))] }),
        ),
        (1, json!({ "phase": "Failed", "containerStatuses": [ended(json!({ "exitCode": 3 }))] })),
        (
            1,
            json!({ "phase": "Failed", "containerStatuses": [ended(json!({ "signal": 9, "exitCode": 137 }))] }),
        ),
    ] {
        states.push(state(&pod(containers, &status)));
    }
    expect![[r#"
        0/1  0
        0/2 Pending 0
        0/1 Evicted 0
        0/1 SchedulingGated 0
        0/1 ContainerCreating 0
        1/2 CrashLoopBackOff 0
        1/1 Running 4 (10m ago)
        1/2 NotReady 2
        1/2 Running 2
        0/1 Completed 2
        0/1 ExitCode:3 2
        0/1 Signal:9 2
    "#]]
    .assert_eq(&text(&states));
}

#[test]
fn parity_containers_that_come_first_are_told_as_init() {
    let with_init = |inits: Value, statuses: Value, initialized: &str| {
        json!({
            "spec": { "containers": [{ "name": "c" }], "initContainers": inits },
            "status": {
                "phase": "Pending", "initContainerStatuses": statuses,
                "containerStatuses": [{ "state": { "waiting": { "reason": "PodInitializing" } } }],
                "conditions": [{ "type": "Initialized", "status": initialized }],
            },
        })
    };
    let two = json!([{ "name": "i0" }, { "name": "i1" }]);
    let done =
        json!({ "name": "i0", "restartCount": 1, "state": { "terminated": { "exitCode": 0 } } });
    let end =
        |end: Value| json!({ "name": "i1", "restartCount": 2, "state": { "terminated": end } });
    let sidecar = json!([{ "name": "s", "restartPolicy": "Always" }]);
    let started = json!({
        "name": "s", "started": true, "ready": true, "restartCount": 3, "state": { "running": {} },
        "lastState": { "terminated": { "finishedAt": "2026-11-23T08:19:00Z" } },
    });
    let mut states = Vec::new();
    for pod in [
        with_init(
            two.clone(),
            json!([done, { "name": "i1", "state": { "running": {} } }]),
            "False",
        ),
        with_init(two.clone(), json!([done, end(json!({ "exitCode": 1 }))]), "False"),
        with_init(two.clone(), json!([done, end(json!({ "exitCode": 1, "signal": 6 }))]), "False"),
        with_init(
            two.clone(),
            json!([done, end(json!({ "exitCode": 1, "reason": "Error" }))]),
            "False",
        ),
        with_init(
            two.clone(),
            json!([{ "state": { "waiting": { "reason": "ImagePullBackOff" } } }]),
            "False",
        ),
        with_init(
            two.clone(),
            json!([{ "state": { "waiting": { "reason": "PodInitializing" } } }]),
            "False",
        ),
        with_init(two, json!([done, { "name": "i1", "state": { "running": {} } }]), "True"),
        with_init(sidecar.clone(), json!([started]), "True"),
        with_init(
            sidecar,
            json!([{ "name": "s", "started": false, "state": { "running": {} } }]),
            "False",
        ),
    ] {
        states.push(state(&pod));
    }
    expect![[r#"
        0/1 Init:1/2 1
        0/1 Init:ExitCode:1 3
        0/1 Init:Signal:6 3
        0/1 Init:Error 3
        0/1 Init:ImagePullBackOff 0
        0/1 Init:0/2 0
        0/1 PodInitializing 0
        1/2 PodInitializing 3 (60s ago)
        0/2 Init:0/1 0
    "#]]
    .assert_eq(&text(&states));
}

#[test]
fn parity_a_pod_that_is_being_deleted_terminates() {
    let mut states = Vec::new();
    for status in [
        json!({ "phase": "Running", "containerStatuses": [running()] }),
        json!({ "phase": "Succeeded" }),
        json!({ "phase": "Running", "reason": "NodeLost" }),
    ] {
        let mut pod = pod(1, &status);
        pod["metadata"] = json!({ "deletionTimestamp": NOW });
        states.push(state(&pod));
    }
    expect![[r#"
        1/1 Terminating 0
        0/1 Succeeded 0
        0/1 Unknown 0
    "#]]
    .assert_eq(&text(&states));
}

#[test]
fn parity_wide_rows_tell_where_a_pod_is_and_what_others_say_of_it() {
    let now: WallTime = NOW.parse().unwrap();
    let wide = |pod: &Value| table::cells(Kind::Pod, pod.as_object().unwrap(), now).split_off(4);
    let none = "<none>";
    assert_eq!(wide(&json!({})), ["<unknown>", none, none, none, none]);
    let pod = json!({
        "metadata": { "creationTimestamp": "2026-11-23T08:19:28Z" },
        "spec": {
            "nodeName": "node-1",
            "readinessGates": [{ "conditionType": "a" }, { "conditionType": "b" }],
        },
        "status": {
            "podIPs": [{ "ip": "10.0.0.1" }], "nominatedNodeName": "node-2",
            "conditions": [{ "type": "a", "status": "True" }, { "type": "b", "status": "False" }],
        },
    });
    assert_eq!(wide(&pod), ["32s", "10.0.0.1", "node-1", "node-2", "1/2"]);
}
