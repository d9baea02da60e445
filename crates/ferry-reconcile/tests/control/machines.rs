//! Machines: run strategies, requests, and what a machine says of itself.

use ferry_reconcile::work::refused;
use ferry_reconcile::{Action, Key, Part, Work};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::migrations::INSTANCE;
use crate::objects::{claim, instance, machine, text, with};

const MACHINE: &str = "VirtualMachine";

fn word(cluster: &Cluster) -> String {
    text(&cluster.get(MACHINE, "vm"), "/status/printableStatus").to_owned()
}

fn ask(cluster: &mut Cluster, requests: &Value) {
    let patch = json!({ "status": { "stateChangeRequests": requests } });
    cluster.patch("apiserver", MACHINE, Part::Status, "vm", &patch);
}

fn uid(cluster: &Cluster) -> String {
    text(&cluster.get(INSTANCE, "vm"), "/metadata/uid").to_owned()
}

/// Ends the guest of `vm` in this phase.
fn end(cluster: &mut Cluster, phase: &str) {
    let patch = json!({ "status": { "phase": phase } });
    cluster.patch("node-1", INSTANCE, Part::Main, "vm", &patch);
}

#[test]
fn parity_each_run_strategy_starts_and_restarts_in_its_own_way() {
    // Whether it runs when it is made, after its guest has shut down, and after it has crashed.
    for (strategy, at_first, after_success, after_failure) in [
        ("Always", true, true, true),
        ("RerunOnFailure", true, false, true),
        ("Once", true, false, false),
        ("Manual", false, false, false),
        ("Halted", false, false, false),
        ("WaitAsReceiver", false, false, false),
    ] {
        for (phase, expected) in [("Succeeded", after_success), ("Failed", after_failure)] {
            let mut cluster = Cluster::new();
            cluster.create(&machine("vm", strategy));
            cluster.run();
            let runs = |cluster: &Cluster| cluster.phase(INSTANCE, "vm") == "Running";
            assert_eq!(runs(&cluster), at_first, "{strategy}");
            assert_eq!(word(&cluster), if at_first { "Running" } else { "Stopped" }, "{strategy}");
            if !at_first {
                continue;
            }
            let before = uid(&cluster);
            end(&mut cluster, phase);
            cluster.run();
            assert_eq!(runs(&cluster), expected, "{strategy} after {phase}");
            assert!(!expected || uid(&cluster) != before);
            assert_eq!(
                word(&cluster),
                if expected { "Running" } else { "Stopped" },
                "{strategy} {phase}"
            );
        }
    }
}

#[test]
fn parity_what_is_asked_of_a_machine_is_done_once() {
    let mut cluster = Cluster::new();
    cluster.create(&machine("vm", "Manual"));
    cluster.settle();
    ask(&mut cluster, &json!([{ "action": "Start" }]));
    cluster.run();
    assert_eq!(word(&cluster), "Running");
    let status = &cluster.get(MACHINE, "vm")["status"];
    assert!(status.get("stateChangeRequests").is_none(), "{status}");
    assert_eq!((&status["created"], &status["ready"]), (&json!(true), &json!(true)));

    let first = uid(&cluster);
    ask(&mut cluster, &json!([{ "action": "Stop", "uid": first }, { "action": "Start" }]));
    cluster.run();
    assert_eq!(word(&cluster), "Running");
    assert_ne!(uid(&cluster), first);

    // A stop of an instance that is gone stops no other one.
    ask(&mut cluster, &json!([{ "action": "Stop", "uid": first }]));
    cluster.run();
    assert_eq!(word(&cluster), "Running");
    let now = uid(&cluster);
    ask(&mut cluster, &json!([{ "action": "Stop", "uid": now }]));
    cluster.settle();
    assert_eq!(word(&cluster), "Stopping");
    cluster.run();
    assert_eq!(word(&cluster), "Stopped");
    assert_eq!(cluster.pods_of("vm"), [] as [String; 0]);
    let events = cluster.told();
    let started = "VirtualMachine/vm Normal SuccessfulCreate Started the virtual machine by \
                   creating the new virtual machine instance vm";
    assert_eq!(events.iter().filter(|event| *event == started).count(), 2);
    let stopped = "VirtualMachine/vm Normal SuccessfulDelete Stopped the virtual machine by \
                   deleting the virtual machine instance ";
    assert_eq!(events.iter().filter(|event| event.starts_with(stopped)).count(), 2);
}

#[test]
fn parity_a_halted_machine_that_is_started_paused_runs_from_then_on() {
    let mut cluster = Cluster::new();
    cluster.create(&machine("vm", "Halted"));
    cluster.settle();
    ask(&mut cluster, &json!([{ "action": "Start", "data": { "paused": "true" } }]));
    cluster.run();
    assert_eq!(cluster.get(MACHINE, "vm")["spec"]["runStrategy"], "Always");
    assert_eq!(cluster.get(INSTANCE, "vm")["spec"]["startStrategy"], "Paused");
}

#[test]
fn a_machine_that_is_halted_during_its_restart_stays_halted() {
    let mut cluster = Cluster::new();
    cluster.create(&machine("vm", "Always"));
    cluster.run();
    let first = uid(&cluster);
    ask(&mut cluster, &json!([{ "action": "Stop", "uid": first }, { "action": "Start" }]));
    let halt = json!({ "spec": { "runStrategy": "Halted" } });
    cluster.patch("user", MACHINE, Part::Main, "vm", &halt);
    cluster.run();
    let machine = cluster.get(MACHINE, "vm");
    assert_eq!(word(&cluster), "Stopped");
    assert_eq!(machine["spec"]["runStrategy"], "Halted");
    assert!(machine["status"].get("stateChangeRequests").is_none(), "{machine}");
    assert!(cluster.get(INSTANCE, "vm").is_null());
}

#[test]
fn parity_a_machine_that_cannot_start_is_tried_less_and_less_often() {
    let mut cluster = Cluster::new();
    cluster.create(&machine("vm", "Always"));
    cluster.settle();
    for (count, least) in [(1, 10), (2, 40), (3, 90)] {
        end(&mut cluster, "Failed");
        cluster.run_while(|_, deed| matches!(deed, crate::nodes::Deed::EndPod(_)));
        assert_eq!(word(&cluster), "CrashLoopBackOff");
        let failure = cluster.get(MACHINE, "vm")["status"]["startFailure"].clone();
        assert_eq!(failure["consecutiveFailCount"], count);
        assert!(cluster.get(INSTANCE, "vm").is_null());
        cluster.pass(least - 1);
        cluster.settle();
        assert!(cluster.get(INSTANCE, "vm").is_null(), "too early");
        cluster.pass(least / 2 + 1);
        cluster.settle();
        assert_eq!(word(&cluster), "Starting");
    }
    cluster.run();
    assert_eq!(word(&cluster), "Running");
    assert!(cluster.get(MACHINE, "vm")["status"].get("startFailure").is_none());
}

#[test]
fn parity_a_machine_says_that_its_instance_is_refused_until_it_is_not() {
    let mut cluster = Cluster::new();
    cluster.create(&machine("vm", "Always"));
    let work = Work::Machine(Key::new("ns", "vm"));
    let plan = cluster.plans().remove(&work).unwrap();
    let Action::Create(create) = &plan.actions[0] else { panic!("{plan:?}") };
    let failure = |cluster: &Cluster| {
        let machine = cluster.get(MACHINE, "vm");
        let conditions = machine["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.into_iter().find(|it| it["type"] == "Failure")
    };
    let told = |cluster: &Cluster| {
        refused(&cluster.state, &work, &create.object, "no room", &cluster.now()).unwrap()
    };
    let first = told(&cluster);
    assert!(cluster.carry_out(&first, 9));
    let said = failure(&cluster).unwrap();
    assert_eq!((&said["status"], &said["reason"]), (&json!("True"), &json!("FailedCreate")));
    assert_eq!(said["message"], "Failure while starting VMI: no room");
    assert_eq!(word(&cluster), "Stopped");
    let event = "VirtualMachine/vm Warning FailedCreate Error creating virtual machine instance: \
                 no room";
    assert_eq!(cluster.told(), [event]);
    // The same again is an event, and changes nothing.
    cluster.pass(1);
    let second = told(&cluster);
    assert!(matches!(&second.actions[..], [Action::Event(_)]), "{second:?}");
    // What is refused of other objects is nobody's business but the operator's.
    let other = Work::Instance(Key::new("ns", "vm"));
    assert_eq!(refused(&cluster.state, &other, &create.object, "no", &cluster.now()), None);
    cluster.run();
    assert_eq!((word(&cluster).as_str(), failure(&cluster)), ("Running", None));
    // It is there by now: what was refused has been done by somebody else.
    assert!(told(&cluster).is_empty());
}

#[test]
fn an_instance_is_made_from_the_template_of_its_time() {
    let mut cluster = Cluster::new();
    cluster.create(&machine("vm", "Always"));
    cluster.run();
    let made = cluster.get(INSTANCE, "vm");
    assert_eq!(text(&made, "/metadata/labels/app"), "vm");
    assert_eq!(text(&made, "/spec/evictionStrategy"), "LiveMigrate");
    assert_eq!(text(&made, "/metadata/ownerReferences/0/kind"), MACHINE);
    // Labels do not ask for a restart, and do not reach what runs.
    let labels =
        json!({ "spec": { "template": { "metadata": { "labels": { "tier": "gold" } } } } });
    cluster.patch("user", MACHINE, Part::Main, "vm", &labels);
    cluster.settle();
    let condition = |cluster: &Cluster| {
        let machine = cluster.get(MACHINE, "vm");
        let conditions = machine["status"]["conditions"].as_array().unwrap().clone();
        conditions.into_iter().find(|it| it["type"] == "RestartRequired")
    };
    assert_eq!(condition(&cluster), None);
    assert!(cluster.get(INSTANCE, "vm")["metadata"]["labels"].get("tier").is_none());
    let memory = json!({ "spec": { "template": { "spec": { "domain": { "memory": { "guest": "1Gi" } } } } } });
    cluster.patch("user", MACHINE, Part::Main, "vm", &memory);
    cluster.settle();
    assert_eq!(condition(&cluster).unwrap()["status"], "True");
}

#[test]
fn parity_an_instance_that_was_freed_of_its_machine_outlives_it_and_is_adopted_by_the_next() {
    let mut cluster = Cluster::new();
    cluster.create(&machine("vm", "Always"));
    cluster.run();
    let uid = text(&cluster.get(INSTANCE, "vm"), "/metadata/uid").to_owned();
    // What `kubectl delete --cascade=orphan` has the server do, as fast as it can be.
    let freed = json!({ "metadata": { "ownerReferences": null } });
    cluster.patch("user", INSTANCE, Part::Main, "vm", &freed);
    cluster.delete(MACHINE, "vm");
    cluster.run();
    assert!(cluster.get(MACHINE, "vm").is_null());
    assert_eq!(text(&cluster.get(INSTANCE, "vm"), "/status/phase"), "Running");
    cluster.create(&machine("vm", "Always"));
    cluster.run();
    let adopted = cluster.get(INSTANCE, "vm");
    assert_eq!(text(&adopted, "/metadata/ownerReferences/0/kind"), MACHINE);
    assert_eq!(text(&adopted, "/metadata/uid"), uid);
}

#[test]
fn a_change_of_anything_but_the_template_is_observed_at_once() {
    let generations = |cluster: &Cluster| {
        let machine = cluster.get(MACHINE, "vm");
        let observed = machine["status"]["observedGeneration"].clone();
        assert_eq!(machine["status"]["desiredGeneration"], machine["metadata"]["generation"]);
        (observed == machine["metadata"]["generation"], observed)
    };
    let mut cluster = Cluster::new();
    cluster.create(&machine("vm", "Always"));
    cluster.run();
    let (_, first) = generations(&cluster);
    let strategy = json!({ "spec": { "runStrategy": "RerunOnFailure" } });
    cluster.patch("user", MACHINE, Part::Main, "vm", &strategy);
    cluster.settle();
    let (is_observed, second) = generations(&cluster);
    assert!(is_observed && second != first, "{first} {second}");
    for template in [
        json!({ "metadata": { "labels": { "tier": "gold" } } }),
        json!({ "metadata": { "labels": { "tier": null } }, "spec": { "subdomain": "new" } }),
    ] {
        let change = json!({ "spec": { "template": template } });
        cluster.patch("user", MACHINE, Part::Main, "vm", &change);
        cluster.settle();
        assert_eq!(generations(&cluster), (false, second.clone()), "{template}");
    }
}

#[test]
fn parity_a_machine_says_in_one_word_how_it_is() {
    let condition = |type_: &str, status: &str| json!({ "type": type_, "status": status });
    let ended =
        json!({ "startTimestamp": "2026-11-26T00:00:00Z", "endTimestamp": "2026-11-26T00:00:01Z" });
    for (status, expected) in [
        (json!({}), "Running"),
        (json!({ "conditions": [condition("Paused", "True")] }), "Paused"),
        (json!({ "migrationState": { "startTimestamp": "2026-11-26T00:00:00Z" } }), "Migrating"),
        (json!({ "migrationState": { "targetNode": "node-2" } }), "Running"),
        (json!({ "migrationState": ended }), "Running"),
    ] {
        let mut cluster = Cluster::new();
        cluster.create(&machine("vm", "Always"));
        cluster.run();
        cluster.patch("node-1", INSTANCE, Part::Main, "vm", &json!({ "status": status }));
        cluster.settle();
        assert_eq!(word(&cluster), expected, "{status}");
    }
    for (change, expected) in [
        (json!({ "nodeSelector": { "moon": "full" } }), "ErrorUnschedulable"),
        (
            json!({ "volumes": [{ "name": "d", "persistentVolumeClaim": { "claimName": "c" } }] }),
            "ErrorPvcNotFound",
        ),
        (json!({}), "Starting"),
    ] {
        let mut cluster = Cluster::new();
        let change = json!({ "spec": { "template": { "spec": change } } });
        cluster.create(&with(machine("vm", "Always"), &change));
        cluster.settle();
        assert_eq!(word(&cluster), expected);
        cluster.create(&claim("c", "ReadWriteMany"));
        let anywhere = json!({ "spec": { "nodeSelector": null } });
        cluster.patch("user", INSTANCE, Part::Main, "vm", &anywhere);
        if expected == "ErrorPvcNotFound" {
            cluster.run();
            assert_eq!(word(&cluster), "Running");
        }
    }
}

#[test]
fn a_machine_goes_after_its_instance_and_adopts_one_that_nobody_has() {
    let mut cluster = Cluster::new();
    cluster.create(&instance("vm"));
    cluster.settle();
    cluster.create(&machine("vm", "Always"));
    cluster.run();
    let adopted = cluster.get(INSTANCE, "vm");
    assert_eq!(text(&adopted, "/metadata/ownerReferences/0/name"), "vm");
    cluster.delete(MACHINE, "vm");
    cluster.settle();
    assert_eq!(word(&cluster), "Terminating");
    cluster.run();
    assert!(cluster.get(MACHINE, "vm").is_null());
    assert!(cluster.get(INSTANCE, "vm").is_null());
    assert_eq!(cluster.pods_of("vm"), [] as [String; 0]);
}

#[test]
fn a_pod_of_containers_is_told_that_nothing_runs_it() {
    let mut cluster = Cluster::new();
    for (name, scheduler) in [("x", "default-scheduler"), ("y", "mine")] {
        cluster.create(&json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": "ns" },
            "spec": {
                "schedulerName": scheduler, "containers": [{ "name": "x", "image": "foo" }],
            },
        }));
    }
    cluster.settle();
    cluster.pass(60);
    cluster.settle();
    assert_eq!(
        cluster.told(),
        ["Pod/x Warning FailedScheduling nothing here runs containers: only pods of virtual \
             machines get a node"]
    );
    let condition = |name: &str| cluster.get("Pod", name)["status"]["conditions"][0].clone();
    assert_eq!(condition("x")["reason"], "Unschedulable");
    // It asks for somebody else's scheduler.
    assert!(condition("y").is_null());
}
