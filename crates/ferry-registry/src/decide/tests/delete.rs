//! DELETE.

use ferry_api::Kind;
use serde_json::{Value, json};

use crate::object::{Effect, Target};
use crate::request::{Answer, DeleteOptions, Propagation, Run};
use crate::testing::{Cluster, config_map, propagation, shown, target, vm};

fn machine() -> Target {
    target(Kind::VirtualMachine, "x")
}

#[test]
fn what_nothing_holds_goes_at_once_and_its_uid_is_told() {
    let mut cluster = Cluster::new();
    let created = shown(&cluster.create(&vm("x")).unwrap());
    let deleted = cluster.delete(machine()).unwrap();
    let uid = created["metadata"]["uid"].as_str().unwrap().to_owned();
    assert_eq!(deleted.answer, Answer::Deleted { name: "x".to_owned(), uid });
    let change = deleted.change.unwrap();
    let Effect::Deleted(last) = &change.effect else { panic!("{change:?}") };
    let last: Value = serde_json::from_slice(&last.json).unwrap();
    assert_eq!(last["metadata"]["resourceVersion"], change.revision.to_string());
    assert_eq!(last["spec"], created["spec"]);
    assert_eq!(cluster.delete(machine()).unwrap_err().code(), 404);
}

#[test]
fn parity_some_kinds_are_shown_as_they_were() {
    let mut cluster = Cluster::new();
    for kind in [Kind::Pod, Kind::Service, Kind::ServiceAccount, Kind::PersistentVolumeClaim] {
        let mut object = match kind {
            Kind::Pod => crate::testing::pod("x", ""),
            Kind::Service => json!({ "spec": { "ports": [{ "port": 80 }] } }),
            Kind::PersistentVolumeClaim => json!({ "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": { "requests": { "storage": "1Gi" } },
            } }),
            _ => json!({}),
        };
        object["apiVersion"] = json!("v1");
        object["kind"] = json!(kind.to_string());
        object["metadata"]["name"] = json!("x");
        let created = shown(&cluster.create(&object).unwrap());
        let mut dry = Cluster { run: Run::Dry, ..cluster.clone() };
        assert_eq!(shown(&dry.delete(target(kind, "x")).unwrap()), created);
        let deleted = cluster.delete(target(kind, "x")).unwrap();
        let last = shown(&deleted);
        assert_eq!(last["kind"], kind.to_string());
        assert_eq!(last["metadata"]["uid"], created["metadata"]["uid"]);
        let revision = deleted.change.unwrap().revision.to_string();
        assert_eq!(last["metadata"]["resourceVersion"], revision);
        assert_eq!(cluster.get(&target(kind, "x")), None);
    }
}

#[test]
fn parity_what_finalizers_hold_is_marked_once() {
    let mut cluster = Cluster::new();
    let mut held = vm("x");
    held["metadata"]["finalizers"] = json!(["a/b"]);
    cluster.create(&held).unwrap();
    cluster.pass(5);
    let marked = cluster.delete(machine()).unwrap();
    let object = shown(&marked);
    assert_eq!(object["metadata"]["deletionTimestamp"], "2026-11-26T00:00:05Z");
    assert_eq!(object["metadata"]["deletionGracePeriodSeconds"], 0);
    assert_eq!(object["metadata"]["generation"], 2);
    cluster.pass(5);
    for options in [DeleteOptions::default(), propagation(Propagation::Background)] {
        let again = cluster.delete_with(machine(), options).unwrap();
        assert_eq!((again.change.is_none(), shown(&again)), (true, object.clone()));
    }
}

#[test]
fn parity_what_becomes_of_dependents_may_be_said_anew() {
    use Propagation::{Background, Foreground, Orphan};
    for (first, second, finalizers) in [
        (Background, Orphan, json!(["a/b", "orphan"])),
        (Background, Foreground, json!(["a/b", "foregroundDeletion"])),
        (Foreground, Background, json!(["a/b"])),
        (Foreground, Orphan, json!(["a/b", "orphan"])),
        (Orphan, Foreground, json!(["a/b", "foregroundDeletion"])),
    ] {
        let mut cluster = Cluster::new();
        let mut held = vm("x");
        held["metadata"]["finalizers"] = json!(["a/b"]);
        cluster.create(&held).unwrap();
        let mut marked = shown(&cluster.delete_with(machine(), propagation(first)).unwrap());
        cluster.pass(5);
        let again = cluster.delete_with(machine(), propagation(second)).unwrap();
        let again = shown(&again);
        marked["metadata"]["finalizers"] = finalizers;
        marked["metadata"]["resourceVersion"] = again["metadata"]["resourceVersion"].clone();
        assert_eq!(again, marked, "{first:?}, then {second:?}");
        // Without a word it stays as it is.
        let again = cluster.delete_with(machine(), DeleteOptions::default()).unwrap();
        assert_eq!(again.change, None);
    }
}

#[test]
fn parity_what_waits_for_its_dependents_goes_when_it_is_not_to_any_more() {
    let mut cluster = Cluster::new();
    cluster.create(&vm("x")).unwrap();
    cluster.delete_with(machine(), propagation(Propagation::Foreground)).unwrap();
    let gone = cluster.delete_with(machine(), propagation(Propagation::Background)).unwrap();
    assert!(matches!(gone.answer, Answer::Deleted { .. }));
    assert!(cluster.get(&machine()).is_none());
}

#[test]
fn parity_preconditions_are_kept() {
    let mut cluster = Cluster::new();
    let created = shown(&cluster.create(&vm("x")).unwrap());
    let start = "Operation cannot be fulfilled on VirtualMachine.kubevirt.io \"x\": the";
    for (options, end) in [
        (
            DeleteOptions { uid: Some("other".to_owned()), ..DeleteOptions::default() },
            "UID in the precondition (other) does not match the UID in record (uid-2). The object \
             might have been deleted and then recreated",
        ),
        (
            DeleteOptions { resource_version: Some("1".to_owned()), ..DeleteOptions::default() },
            "ResourceVersion in the precondition (1) does not match the ResourceVersion in record \
             (2). The object might have been modified",
        ),
    ] {
        let refusal = cluster.delete_with(machine(), options).unwrap_err();
        assert_eq!((refusal.code(), refusal.to_string()), (409, format!("{start} {end}")));
        let status = refusal.status();
        assert_eq!(status["reason"], "Conflict");
        assert_eq!(
            status["details"],
            json!({ "name": "x", "group": "kubevirt.io", "kind": "VirtualMachine" })
        );
    }
    let text = |value: &Value| Some(value.as_str().unwrap().to_owned());
    let right = DeleteOptions {
        uid: text(&created["metadata"]["uid"]),
        resource_version: text(&created["metadata"]["resourceVersion"]),
        ..DeleteOptions::default()
    };
    cluster.delete_with(machine(), right).unwrap();
}

#[test]
fn parity_propagation_is_a_finalizer_until_the_collector_is_done() {
    let mut cluster = Cluster::new();
    let at = target(Kind::ConfigMap, "x");
    for (how, finalizers) in [
        (Propagation::Foreground, json!(["foregroundDeletion"])),
        (Propagation::Orphan, json!(["orphan"])),
    ] {
        cluster.create(&config_map("x")).unwrap();
        let marked = shown(&cluster.delete_with(at.clone(), propagation(how)).unwrap());
        assert_eq!(marked["metadata"]["finalizers"], finalizers);
        cluster.clean();
        assert_eq!(cluster.get(&at), None);
    }
    // What its creator wrote is what happens, unless the deletion says otherwise.
    let mut orphaning = config_map("x");
    orphaning["metadata"]["finalizers"] = json!(["orphan"]);
    cluster.create(&orphaning).unwrap();
    assert!(matches!(cluster.delete(at.clone()).unwrap().answer, Answer::Object(_)));
    cluster.clean();
    cluster.create(&orphaning).unwrap();
    let gone = cluster.delete_with(at, propagation(Propagation::Background)).unwrap();
    assert!(matches!(gone.answer, Answer::Deleted { .. }));
}

#[test]
fn a_dry_run_deletes_nothing() {
    let mut cluster = Cluster::new();
    cluster.create(&vm("x")).unwrap();
    cluster.run = Run::Dry;
    let deleted = cluster.delete(machine()).unwrap();
    assert!(matches!(deleted.answer, Answer::Deleted { .. }));
    assert_eq!(deleted.change, None);
    let marked = cluster.delete_with(machine(), propagation(Propagation::Foreground)).unwrap();
    assert!(matches!(marked.answer, Answer::Object(_)));
    assert!(cluster.get(&machine()).is_some());
}
