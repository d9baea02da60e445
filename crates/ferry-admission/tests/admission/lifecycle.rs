//! Starting, stopping and restarting machines.

use ferry_admission::{Action, ActionAnswer, Outcome, Subject, act};
use ferry_registry::{Part, Patch, Run, Write};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::common::{World, changed, instance, machine, now, user};

fn run<T: DeserializeOwned>(
    world: &World,
    action: impl Fn(Subject, T) -> Action,
    options: &Value,
) -> Outcome {
    let subject = Subject { namespace: "ns".to_owned(), name: "vm".to_owned() };
    let options = serde_json::from_value(options.clone()).unwrap();
    act(&action(subject, options), &user("a"), world, now())
}

/// What is written: where, and the patch.
fn patches(outcome: &Outcome) -> Vec<(&str, Part, Value)> {
    assert_eq!(outcome.answer, Ok(ActionAnswer::Accepted), "{outcome:?}");
    outcome
        .writes
        .iter()
        .map(|request| {
            let plural = request.target.served.definition().plural;
            match &request.write {
                Write::Patch(Patch::Merge(patch)) => (plural, request.target.part, patch.clone()),
                Write::Delete(options) => {
                    (plural, request.target.part, json!(options.grace_period_seconds))
                }
                other => panic!("{other:?}"),
            }
        })
        .collect()
}

fn refusal(outcome: &Outcome) -> String {
    assert!(outcome.writes.is_empty(), "{outcome:?}");
    outcome.answer.clone().unwrap_err().to_string()
}

fn conflict(message: &str) -> String {
    format!("Operation cannot be fulfilled on virtualmachines.kubevirt.io \"vm\": {message}")
}

fn world(spec: &Value, phase: Option<&str>) -> World {
    let world = World::of([machine("vm", spec)]);
    match phase {
        None => world,
        Some(phase) => world.with([instance("vm", &json!({ "phase": phase }))]),
    }
}

fn requests(list: &Value) -> Value {
    json!({ "status": { "stateChangeRequests": list } })
}

#[test]
fn parity_a_machine_is_started_as_its_strategy_has_it() {
    let start = json!({ "action": "Start" });
    let paused = json!({ "action": "Start", "data": { "paused": "true" } });
    let stop = json!({ "action": "Stop", "uid": "vm-vmi" });
    let spec = |patch: Value| (Part::Main, json!({ "spec": patch }));
    let status = |list: Value| (Part::Status, requests(&list));
    for (run_spec, phase, options, expected) in [
        (json!({ "running": false }), None, json!({}), spec(json!({ "running": true }))),
        (
            json!({ "runStrategy": "Halted" }),
            None,
            json!({}),
            spec(json!({ "runStrategy": "Always" })),
        ),
        (json!({}), None, json!({}), spec(json!({ "runStrategy": "Always" }))),
        (
            json!({ "runStrategy": "Halted" }),
            Some("Succeeded"),
            json!({}),
            spec(json!({ "runStrategy": "Always" })),
        ),
        (
            json!({ "runStrategy": "Halted" }),
            None,
            json!({ "paused": true }),
            status(json!([paused])),
        ),
        (json!({ "runStrategy": "Manual" }), None, json!({}), status(json!([start]))),
        (
            json!({ "runStrategy": "Manual" }),
            None,
            json!({ "paused": true }),
            status(json!([paused])),
        ),
        (
            json!({ "runStrategy": "Manual" }),
            Some("Failed"),
            json!({}),
            status(json!([stop, start])),
        ),
        (
            json!({ "runStrategy": "RerunOnFailure" }),
            Some("Succeeded"),
            json!({}),
            status(json!([stop, start])),
        ),
        (json!({ "runStrategy": "RerunOnFailure" }), None, json!({}), status(json!([start]))),
    ] {
        let outcome = run(&world(&run_spec, phase), Action::StartVm, &options);
        let (part, patch) = expected;
        assert_eq!(patches(&outcome), [("virtualmachines", part, patch)], "{run_spec} {phase:?}");
    }
}

#[test]
fn parity_a_machine_that_cannot_be_started_says_why() {
    for (spec, phase, message) in [
        (json!({ "running": true }), Some("Running"), conflict("VM is already running")),
        (json!({ "runStrategy": "Manual" }), Some("Scheduling"), conflict("VM is already running")),
        (
            json!({ "running": true }),
            None,
            conflict("Always does not support manual start requests"),
        ),
        (
            json!({ "runStrategy": "Once" }),
            None,
            conflict("Once does not support manual start requests"),
        ),
        (
            json!({ "runStrategy": "RerunOnFailure" }),
            Some("Failed"),
            conflict("RerunOnFailure does not support starting VM from failed state"),
        ),
        (
            json!({ "running": true, "runStrategy": "Always" }),
            None,
            "Internal error occurred: running and runstrategy are mutually exclusive".to_owned(),
        ),
    ] {
        let outcome = run(&world(&spec, phase), Action::StartVm, &json!({}));
        assert_eq!(refusal(&outcome), message, "{spec} {phase:?}");
    }
    let missing = run(&World::default(), Action::StartVm, &json!({}));
    assert_eq!(refusal(&missing), "virtualmachines.kubevirt.io \"vm\" not found");
}

#[test]
fn parity_a_machine_is_stopped_as_its_strategy_has_it() {
    let stop = requests(&json!([{ "action": "Stop", "uid": "vm-vmi" }]));
    let machines = "virtualmachines";
    for (spec, phase, expected) in [
        (json!({ "running": true }), Some("Running"), json!({ "spec": { "running": false } })),
        (json!({ "running": true }), None, json!({ "spec": { "running": false } })),
        (
            json!({ "runStrategy": "Once" }),
            Some("Running"),
            json!({ "spec": { "runStrategy": "Halted" } }),
        ),
        (json!({ "runStrategy": "Manual" }), Some("Running"), stop.clone()),
        (json!({ "runStrategy": "RerunOnFailure" }), Some("Pending"), stop.clone()),
    ] {
        let outcome = run(&world(&spec, phase), Action::StopVm, &json!({}));
        let written = patches(&outcome);
        assert_eq!(written.len(), 1);
        assert_eq!((written[0].0, &written[0].2), (machines, &expected), "{spec}");
    }
    for (spec, phase, message) in [
        (json!({ "running": false }), None, "VM is not running"),
        (json!({ "runStrategy": "Manual" }), None, "VM is not running"),
        (json!({ "runStrategy": "Manual" }), Some("Failed"), "VM is not running"),
        (
            json!({ "running": false }),
            Some("Running"),
            "Halted only supports manual stop requests with a shorter graceperiod",
        ),
    ] {
        let outcome = run(&world(&spec, phase), Action::StopVm, &json!({}));
        assert_eq!(refusal(&outcome), conflict(message), "{spec} {phase:?}");
    }
}

#[test]
fn parity_a_stop_may_shorten_what_a_guest_is_given() {
    let grace = |seconds: i64| json!({ "gracePeriod": seconds });
    let halted = json!({ "runStrategy": "Halted" });
    let guest = changed(
        &instance("vm", &json!({ "phase": "Running" })),
        &json!({ "spec": { "terminationGracePeriodSeconds": 30 } }),
    );
    let world = World::of([machine("vm", &halted), guest.clone()]);
    let written = run(&world, Action::StopVm, &grace(5));
    let patches = patches(&written);
    assert_eq!(
        patches[0],
        (
            "virtualmachineinstances",
            Part::Main,
            json!({ "spec": { "terminationGracePeriodSeconds": 5 } })
        )
    );
    assert_eq!(patches[1].0, "virtualmachines");
    // A refused stop leaves the guest what it had.
    for seconds in [30, 31] {
        let outcome = run(&world, Action::StopVm, &grace(seconds));
        assert!(refusal(&outcome).ends_with("with a shorter graceperiod"));
    }
    let dry = run(&world, Action::StopVm, &json!({ "gracePeriod": 5, "dryRun": ["All"] }));
    assert!(dry.writes.iter().all(|write| write.options.run == Run::Dry));
}

#[test]
fn parity_a_machine_is_restarted_by_a_stop_and_a_start() {
    let manual = json!({ "runStrategy": "Manual" });
    let both = requests(&json!([{ "action": "Stop", "uid": "vm-vmi" }, { "action": "Start" }]));
    let pod = |name: &str, phase: &str| {
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": name, "namespace": "ns", "labels": {
                "kubevirt.io": "virt-launcher", "kubevirt.io/created-by": "vm-vmi",
            } },
            "spec": { "containers": [] }, "status": { "phase": phase },
        })
    };
    let world =
        world(&manual, Some("Running")).with([pod("old", "Succeeded"), pod("p", "Running")]);
    let outcome = run(&world, Action::RestartVm, &json!({}));
    assert_eq!(patches(&outcome), [("virtualmachines", Part::Status, both.clone())]);
    let forced = run(&world, Action::RestartVm, &json!({ "gracePeriodSeconds": 0 }));
    assert_eq!(
        patches(&forced),
        [("virtualmachines", Part::Status, both), ("pods", Part::Main, json!(1))]
    );
    assert_eq!(forced.writes[1].target.name, "p");
    for (seconds, message) in [
        (5, "For force restart, only gracePeriod=0 is supported for now"),
        (-1, "gracePeriod has to be greater or equal to 0"),
    ] {
        let outcome = run(&world, Action::RestartVm, &json!({ "gracePeriodSeconds": seconds }));
        assert_eq!(refusal(&outcome), message);
    }
    // The pod of a guest that has moved is the target's.
    let moved =
        json!({ "phase": "Running", "migrationState": { "completed": true, "targetPod": "q" } });
    let world = world.with([instance("vm", &moved), pod("q", "Running")]);
    let forced = run(&world, Action::RestartVm, &json!({ "gracePeriodSeconds": 0 }));
    assert_eq!(forced.writes[1].target.name, "q");
}

#[test]
fn parity_a_machine_that_cannot_be_restarted_says_why() {
    for (spec, phase, message) in [
        (
            json!({ "running": false }),
            None,
            "RunStategy Halted does not support manual restart requests",
        ),
        (
            json!({ "runStrategy": "Once" }),
            Some("Running"),
            "RunStategy Once does not support manual restart requests",
        ),
        (json!({ "running": true }), None, "VM is not running: Halted"),
    ] {
        let outcome = run(&world(&spec, phase), Action::RestartVm, &json!({}));
        assert_eq!(refusal(&outcome), conflict(message), "{spec}");
    }
}

#[test]
fn parity_a_stop_overtakes_what_was_asked_before_and_nothing_else_does() {
    let manual = machine("vm", &json!({ "runStrategy": "Manual" }));
    let waiting = json!({
        "stateChangeRequests": [{ "action": "Start" }], "startFailure": { "consecutiveFailCount": 1 },
    });
    let busy = changed(&manual, &json!({ "status": waiting }));
    let world = World::of([busy.clone()]);
    let underway =
        "Internal error occurred: unable to complete request: stop/start already underway";
    assert_eq!(refusal(&run(&world, Action::StartVm, &json!({}))), underway);
    let world = World::of([busy, instance("vm", &json!({ "phase": "Running" }))]);
    assert_eq!(refusal(&run(&world, Action::RestartVm, &json!({}))), underway);
    let stopped = run(&world, Action::StopVm, &json!({}));
    assert_eq!(
        patches(&stopped)[0].2,
        json!({ "status": {
            "stateChangeRequests": [{ "action": "Stop", "uid": "vm-vmi" }], "startFailure": null,
        } })
    );
}

#[test]
fn a_stop_takes_back_the_start_of_a_restart() {
    let restarting = json!({ "status": { "stateChangeRequests": [{ "action": "Start" }] } });
    for (before, after) in [
        (json!({ "running": true }), json!({ "running": false })),
        (json!({ "runStrategy": "Always" }), json!({ "runStrategy": "Halted" })),
    ] {
        let busy = changed(&machine("vm", &before), &restarting);
        for world in [
            World::of([busy.clone()]),
            World::of([busy, instance("vm", &json!({ "phase": "Running" }))]),
        ] {
            let stopped = run(&world, Action::StopVm, &json!({}));
            let expected = [
                ("virtualmachines", Part::Status, requests(&Value::Null)),
                ("virtualmachines", Part::Main, json!({ "spec": after })),
            ];
            assert_eq!(patches(&stopped), expected, "{before}");
        }
    }
}
