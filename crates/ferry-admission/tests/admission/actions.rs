//! Migrating, pausing, and taking an evacuation back.

use ferry_admission::{Action, ActionAnswer, Outcome, Subject, act};
use ferry_registry::{Patch, Refusal, Run, Write};
use serde_json::{Value, json};

use crate::common::{NOW, World, changed, instance, kubevirt, machine, now, user};

fn subject() -> Subject {
    Subject { namespace: "ns".to_owned(), name: "vm".to_owned() }
}

fn run<T: serde::de::DeserializeOwned>(
    world: &World,
    action: impl Fn(Subject, T) -> Action,
    options: &Value,
) -> Outcome {
    let options = serde_json::from_value(options.clone()).unwrap();
    act(&action(subject(), options), &user("a"), world, now())
}

fn refusal(outcome: &Outcome) -> String {
    assert!(outcome.writes.is_empty(), "{outcome:?}");
    outcome.answer.clone().unwrap_err().to_string()
}

fn patch(outcome: &Outcome) -> Value {
    match outcome.writes.as_slice() {
        [request] => match &request.write {
            Write::Patch(Patch::Merge(patch)) => patch.clone(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn world(status: &Value) -> World {
    World::of([machine("vm", &json!({ "running": true })), instance("vm", status)])
}

#[test]
fn parity_migrating_makes_a_migration() {
    let world = world(&json!({ "phase": "Running" }));
    let selector = json!({ "a": "b" });
    for (options, expected, run_expected) in [
        (json!({}), json!({ "vmiName": "vm" }), Run::Real),
        (
            json!({ "addedNodeSelector": selector, "dryRun": ["All"] }),
            json!({ "vmiName": "vm", "addedNodeSelector": selector }),
            Run::Dry,
        ),
    ] {
        let outcome = run(&world, Action::MigrateVm, &options);
        assert_eq!(outcome.answer, Ok(ActionAnswer::Accepted));
        assert_eq!(ActionAnswer::Accepted.code(), 202);
        let [request] = outcome.writes.as_slice() else { panic!("{outcome:?}") };
        let Write::Create(draft) = &request.write else { panic!("{request:?}") };
        assert_eq!(draft.object()["metadata"]["generateName"], "kubevirt-migrate-vm-");
        assert_eq!(draft.object()["spec"], expected);
        assert_eq!(request.options.run, run_expected);
        assert_eq!(request.target.name, "");
    }
    let odd =
        run(&world, Action::MigrateVm, &json!({ "addedNodeSelector": { "not a label": "b" } }));
    assert!(refusal(&odd).contains("spec.addedNodeSelector: Invalid value: \"not a label\": "));
    let Err(Refusal::Denied { code, .. }) = odd.answer else { panic!("{odd:?}") };
    assert_eq!(code, 422);
}

#[test]
fn parity_what_does_not_run_is_not_migrated() {
    let machine_only = World::of([machine("vm", &json!({ "running": true }))]);
    let instance_only = World::of([instance("vm", &json!({ "phase": "Running" }))]);
    let not_running = "Operation cannot be fulfilled on virtualmachines.kubevirt.io \"vm\": VM is \
                       not running";
    for (world, message) in [
        (instance_only, "virtualmachines.kubevirt.io \"vm\" not found"),
        (machine_only, "virtualmachineinstances.kubevirt.io \"vm\" not found"),
        (world(&json!({ "phase": "Scheduled" })), not_running),
        (world(&json!({})), not_running),
    ] {
        assert_eq!(refusal(&run(&world, Action::MigrateVm, &json!({}))), message);
    }
}

#[test]
fn parity_whatever_refuses_the_migration_is_the_servers_fault() {
    let denied = Refusal::Denied {
        webhook: "migration-create-validator.kubevirt.io".to_owned(),
        message: "Cannot migrate VMI in finalized state.".to_owned(),
        code: 400,
        causes: Vec::new(),
    };
    let options = || serde_json::from_value(json!({})).unwrap();
    let mapped = Action::MigrateVm(subject(), options()).map_refusal(denied.clone());
    assert!(matches!(mapped, Refusal::Internal { .. }));
    assert_eq!(mapped.to_string(), format!("Internal error occurred: {denied}"));
    let options = serde_json::from_value(json!({})).unwrap();
    assert_eq!(Action::Evict(subject(), options).map_refusal(denied.clone()), denied);
}

#[test]
fn parity_pausing_is_a_wish_that_only_the_node_fulfils() {
    let paused = json!([{ "type": "Paused", "status": "True" }]);
    let moving = json!({ "phase": "Running", "migrationState": { "migrationUid": "u" } });
    let moved = json!({ "phase": "Running", "migrationState": { "completed": true } });
    let instances = "Operation cannot be fulfilled on virtualmachineinstances.kubevirt.io \"vm\": ";
    for (status, message) in [
        (json!({ "phase": "Running" }), None),
        (moved, None),
        (json!({ "phase": "Pending" }), Some("VM is not running")),
        (json!({ "phase": "Running", "conditions": paused }), Some("VMI is already paused")),
        (moving, Some("Cannot pause VM 'vm' because it is currently being migrated")),
    ] {
        let outcome = run(&world(&status), Action::PauseVmi, &json!({}));
        match message {
            None => {
                assert_eq!(outcome.answer, Ok(ActionAnswer::Done));
                let wish = json!({ "state": "Paused", "requestedAt": NOW });
                assert_eq!(patch(&outcome), json!({ "status": { "powerRequest": wish } }));
            }
            Some(message) => assert_eq!(refusal(&outcome), format!("{instances}{message}")),
        }
    }
    let probed = changed(
        &instance("vm", &json!({ "phase": "Running" })),
        &json!({ "spec": { "livenessProbe": { "periodSeconds": 5 } } }),
    );
    assert_eq!(
        refusal(&run(&World::of([probed]), Action::PauseVmi, &json!({}))),
        "virtualmachineinstances.kubevirt.io \"vm\" is forbidden: Pausing VMIs with LivenessProbe \
         is currently not supported"
    );
    let missing = run(&World::default(), Action::PauseVmi, &json!({}));
    assert_eq!(refusal(&missing), "virtualmachineinstances.kubevirt.io \"vm\" not found");
}

#[test]
fn parity_only_what_is_paused_is_resumed() {
    let paused = json!([{ "type": "Paused", "status": "True" }]);
    let instances = "Operation cannot be fulfilled on virtualmachineinstances.kubevirt.io \"vm\": ";
    let outcome = run(
        &world(&json!({ "phase": "Running", "conditions": paused })),
        Action::UnpauseVmi,
        &json!({ "dryRun": ["All"] }),
    );
    let wish = json!({ "state": "Running", "requestedAt": NOW });
    assert_eq!(patch(&outcome), json!({ "status": { "powerRequest": wish } }));
    assert_eq!(outcome.writes[0].options.run, Run::Dry);
    for (status, message) in [
        (json!({ "phase": "Running" }), "VMI is not paused"),
        (json!({ "phase": "Succeeded", "conditions": paused }), "VMI is not running"),
    ] {
        let outcome = run(&world(&status), Action::UnpauseVmi, &json!({}));
        assert_eq!(refusal(&outcome), format!("{instances}{message}"));
    }
}

#[test]
fn a_wish_that_nobody_has_answered_is_taken_back_by_its_contrary() {
    let paused = json!([{ "type": "Paused", "status": "True" }]);
    let wished = |state: &str, conditions: &Value| {
        let wish = json!({ "state": state, "requestedAt": NOW });
        world(&json!({ "phase": "Running", "powerRequest": wish, "conditions": conditions }))
    };
    let resumed = run(&wished("Paused", &json!([])), Action::UnpauseVmi, &json!({}));
    assert_eq!(patch(&resumed)["status"]["powerRequest"]["state"], "Running");
    let stopped = run(&wished("Running", &paused), Action::PauseVmi, &json!({}));
    assert_eq!(patch(&stopped)["status"]["powerRequest"]["state"], "Paused");
    // What is asked for is no more than it is.
    let instances = "Operation cannot be fulfilled on virtualmachineinstances.kubevirt.io \"vm\": ";
    let resumed = run(&wished("Running", &json!([])), Action::UnpauseVmi, &json!({}));
    assert_eq!(refusal(&resumed), format!("{instances}VMI is not paused"));
    let stopped = run(&wished("Paused", &paused), Action::PauseVmi, &json!({}));
    assert_eq!(refusal(&stopped), format!("{instances}VMI is already paused"));
}

fn node(taint: Option<(&str, &str)>) -> Value {
    let taints: Vec<Value> =
        taint.into_iter().map(|(key, effect)| json!({ "key": key, "effect": effect })).collect();
    json!({
        "apiVersion": "v1", "kind": "Node", "metadata": { "name": "n1" },
        "spec": { "taints": taints },
    })
}

#[test]
fn parity_an_evacuation_is_taken_back_for_the_node_that_is_named() {
    let marked = json!({ "phase": "Running", "nodeName": "n1", "evacuationNodeName": "n1" });
    let options = json!({ "evacuationNodeName": "n1" });
    let marked_world = world(&marked).with([node(None)]);
    for outcome in [
        run(&marked_world, Action::CancelEvacuation, &options),
        run(&marked_world, Action::CancelEvacuationOfVm, &options),
    ] {
        assert_eq!(outcome.answer, Ok(ActionAnswer::Done));
        assert_eq!(patch(&outcome), json!({ "status": { "evacuationNodeName": null } }));
    }
    // Nothing to take back.
    let free = world(&json!({ "phase": "Running", "nodeName": "n1" })).with([node(None)]);
    let outcome = run(&free, Action::CancelEvacuation, &json!({}));
    assert_eq!((outcome.answer, outcome.writes.len()), (Ok(ActionAnswer::Done), 0));

    let internal = "Internal error occurred: ";
    for (world, options, message) in [
        (
            marked_world.clone(),
            json!({ "evacuationNodeName": "n2" }),
            format!("{internal}the server rejected our request due to an error in our request"),
        ),
        (world(&marked), options.clone(), format!("{internal}nodes \"n1\" not found")),
        (
            world(&marked).with([node(Some(("kubevirt.io/drain", "NoSchedule")))]),
            options.clone(),
            "Node \"n1\" has NodeDrainTaintKey \"kubevirt.io/drain:NoSchedule\"".to_owned(),
        ),
        (
            world(&marked).with([
                node(Some(("empty", "NoSchedule"))),
                kubevirt(&json!({ "migrations": { "nodeDrainTaintKey": "empty" } })),
            ]),
            options.clone(),
            "Node \"n1\" has NodeDrainTaintKey \"empty:NoSchedule\"".to_owned(),
        ),
    ] {
        assert_eq!(refusal(&run(&world, Action::CancelEvacuation, &options)), message);
    }
    let tolerable = world(&marked).with([node(Some(("kubevirt.io/drain", "NoExecute")))]);
    assert!(run(&tolerable, Action::CancelEvacuation, &options).answer.is_ok());
    let bare = World::of([instance("vm", &marked), node(None)]);
    assert_eq!(
        refusal(&run(&bare, Action::CancelEvacuationOfVm, &options)),
        "virtualmachines.kubevirt.io \"vm\" not found"
    );
}
