//! Which migrations may be made, and what may become of them.

use ferry_registry::{Part, Refusal};
use serde_json::{Value, json};

use crate::common::{
    Attempt, World, changed, controller, denied, instance, kubevirt, member, migration, user,
};

fn running() -> World {
    World::of([instance("vm", &json!({ "phase": "Running" }))])
}

fn create(world: &World, object: &Value) -> Result<Value, Refusal> {
    Attempt::by(user("alice"), world).create(object)
}

#[test]
fn parity_a_migration_is_labelled_and_held() {
    let world = running();
    let mut written = migration("m", "vm");
    written["metadata"]["labels"] = json!({ "kubevirt.io/vmi-name": "other", "a": "b" });
    written["metadata"]["finalizers"] = json!(["mine"]);
    let made = create(&world, &written).unwrap();
    assert_eq!(made["metadata"]["labels"], json!({ "kubevirt.io/vmi-name": "vm", "a": "b" }));
    let finalizers = json!(["mine", "kubevirt.io/migrationJobFinalize"]);
    assert_eq!(made["metadata"]["finalizers"], finalizers);
    // One that is there already is not there twice.
    assert_eq!(create(&world, &made).unwrap()["metadata"]["finalizers"], finalizers);
}

#[test]
fn parity_a_migration_is_refused_in_kubevirts_words() {
    let condition = |status: &str| {
        json!({
            "phase": "Running",
            "conditions": [{
                "type": "LiveMigratable", "status": status,
                "reason": "DisksNotLiveMigratable", "message": "a disk is not shared",
            }],
        })
    };
    let failed = instance("vm", &json!({ "phase": "Failed" }));
    let succeeded = instance("vm", &json!({ "phase": "Succeeded" }));
    let stuck = instance("vm", &condition("False"));
    let fit = instance("vm", &condition("True"));
    for (others, vmi, code, message, field) in [
        (vec![], "", 422, "vmiName is missing", "spec.vmiName"),
        (vec![], "vm", 400, "the VMI \"ns/vm\" does not exist", ""),
        (vec![failed], "vm", 400, "Cannot migrate VMI in finalized state.", ""),
        (vec![succeeded], "vm", 400, "Cannot migrate VMI in finalized state.", ""),
        (
            vec![stuck],
            "vm",
            400,
            "Cannot migrate VMI, Reason: DisksNotLiveMigratable, Message: a disk is not shared",
            "",
        ),
        (
            vec![fit, create(&running(), &migration("first", "vm")).unwrap()],
            "vm",
            400,
            "in-flight migration detected. Active migration job (first-uid) is currently already in \
             progress for VMI vm.",
            "",
        ),
    ] {
        let refusal = create(&World::of(others), &migration("m", vmi));
        let whole = refusal.clone().unwrap_err().to_string();
        let expected = (code, message.to_owned(), field.to_owned());
        assert_eq!(denied(refusal), expected);
        let prefix = "admission webhook \"migration-create-validator.kubevirt.io\" denied the \
                      request: ";
        assert_eq!(whole, format!("{prefix}{message}"));
    }
}

#[test]
fn a_label_that_no_node_can_have_is_no_target() {
    let world = running();
    for (key, value, problem) in [
        ("zone", "east", None),
        ("node-role.kubernetes.io/worker", "", None),
        ("bad key", "x", Some("\"bad key\": name part must consist of alphanumeric characters")),
        ("zone", "b=c", Some("\"b=c\": a valid label must be an empty string or consist of")),
    ] {
        let mut wanted = migration("m", "vm");
        wanted["spec"]["addedNodeSelector"] = json!({ key: value });
        let made = create(&world, &wanted);
        match problem {
            None => assert!(made.is_ok(), "{made:?}"),
            Some(problem) => {
                let (code, message, field) = denied(made);
                let start = format!("spec.addedNodeSelector: Invalid value: {problem}");
                assert!(message.starts_with(&start), "{message}");
                assert_eq!((code, field.as_str()), (422, "spec.addedNodeSelector"));
            }
        }
    }
}

#[test]
fn parity_a_migration_waits_for_an_instance_that_does_not_run_yet() {
    for status in [json!({}), json!({ "phase": "Pending" }), json!({ "phase": "Scheduling" })] {
        create(&World::of([instance("vm", &status)]), &migration("m", "vm")).unwrap();
    }
}

#[test]
fn only_a_migration_that_is_not_over_stands_in_the_way_of_another_one() {
    let earlier = |phase: &str, of: &str| {
        let made = create(
            &World::of([instance(of, &json!({ "phase": "Running" }))]),
            &migration("first", of),
        );
        changed(&made.unwrap(), &json!({ "status": { "phase": phase } }))
    };
    for (phase, of, is_in_the_way) in [
        ("", "vm", true),
        ("Pending", "vm", true),
        ("Running", "vm", true),
        ("Succeeded", "vm", false),
        ("Failed", "vm", false),
        ("Running", "other", false),
    ] {
        let world = running().with([earlier(phase, of)]);
        assert_eq!(create(&world, &migration("m", "vm")).is_err(), is_in_the_way, "{phase} {of}");
    }
}

#[test]
fn an_instance_whose_name_is_too_long_for_a_label_is_guarded_too() {
    let name = "a".repeat(80);
    let world = World::of([instance(&name, &json!({ "phase": "Running" }))]);
    let first = create(&world, &migration("first", &name)).unwrap();
    let second = create(&world.with([first]), &migration("second", &name));
    assert!(denied(second).1.starts_with("in-flight migration detected."));
}

#[test]
fn parity_only_the_controller_sets_a_priority() {
    let world = running();
    let urgent =
        changed(&migration("m", "vm"), &json!({ "spec": { "priority": "system-critical" } }));
    Attempt::by(controller(), &world).create(&urgent).unwrap();
    for outsider in [user("system:serviceaccount:external-user"), member("a", &["system:masters"])]
    {
        let (code, message, field) = denied(Attempt::by(outsider, &world).create(&urgent));
        assert_eq!(
            (code, message.as_str(), field.as_str()),
            (
                422,
                "Migration priority queue, only virt-controller is allowed to set priority field",
                "spec.migrationPriority"
            )
        );
    }
}

#[test]
fn parity_between_clusters_the_gate_and_the_ids_count() {
    let stuck = json!({
        "phase": "Running",
        "conditions": [{
            "type": "LiveMigratable", "status": "False", "reason": "DisksNotLiveMigratable",
        }],
    });
    let closed = World::of([instance("vm", &stuck)]);
    let gates =
        json!({ "developerConfiguration": { "featureGates": ["DecentralizedLiveMigration"] } });
    let open = closed.clone().with([kubevirt(&gates)]);
    let send = json!({ "sendTo": { "migrationID": "a", "connectURL": "x:1" } });
    let receive = json!({ "receive": { "migrationID": "b" } });
    let with = |spec: &Value| changed(&migration("m", "vm"), &json!({ "spec": spec }));

    let (_, message, _) = denied(create(&closed, &with(&send)));
    let expected = "DecentralizedLiveMigration feature gate is not enabled in kubevirt resource";
    assert_eq!(message, expected);
    create(&open, &with(&send)).unwrap();
    create(&open, &with(&receive)).unwrap();

    let running = running().with([kubevirt(&gates)]);
    let both = changed(&with(&send), &json!({ "spec": receive }));
    let (_, message, _) = denied(create(&running, &both));
    assert_eq!(message, "sendTo migrationID a does not match receive migrationID b");
    let alike = changed(&both, &json!({ "spec": { "receive": { "migrationID": "a" } } }));
    create(&running, &alike).unwrap();
    // With both halves here the disks have to be shared after all.
    assert!(denied(create(&open, &alike)).1.starts_with("Cannot migrate VMI, Reason:"));
}

#[test]
fn parity_what_a_migration_is_for_does_not_change() {
    let world = running();
    let made = create(&world, &migration("m", "vm")).unwrap();
    let attempt = Attempt::by(member("root", &["system:masters"]), &world);
    for change in [
        json!({ "spec": { "vmiName": "other" } }),
        json!({ "spec": { "addedNodeSelector": { "a": "b" } } }),
    ] {
        let (code, message, _) = denied(attempt.update(&made, &changed(&made, &change)));
        let expected = "update of Migration object's spec is restricted";
        assert_eq!((code, message.as_str()), (422, expected));
    }
    // What is empty says nothing, and other labels are free.
    for change in [
        json!({ "spec": { "addedNodeSelector": {} } }),
        json!({ "metadata": { "labels": { "team": "a" } } }),
    ] {
        attempt.update(&made, &changed(&made, &change)).unwrap();
    }
}

#[test]
fn parity_the_label_of_a_migration_in_flight_stays() {
    let world = running();
    let made = create(&world, &migration("m", "vm")).unwrap();
    let attempt = Attempt::by(user("alice"), &world);
    let with = |labels: Value, phase: &str| {
        let mut object = made.clone();
        object["metadata"]["labels"] = labels;
        object["status"] = json!({ "phase": phase });
        object
    };
    let removed = "selector label can't be removed from an in-flight migration";
    let modified = "selector label can't be modified on an in-flight migration";
    for (labels, message) in [
        (Value::Null, removed),
        (json!({}), removed),
        (json!({ "a": "b" }), modified),
        (json!({ "kubevirt.io/vmi-name": "other" }), modified),
    ] {
        let (code, said, _) = denied(attempt.update(&made, &with(labels.clone(), "Running")));
        assert_eq!((code, said.as_str()), (422, message), "{labels}");
        for phase in ["Succeeded", "Failed"] {
            attempt.update(&made, &with(labels.clone(), phase)).unwrap();
        }
    }
    // The status says nothing of labels, and is the controller's.
    let attempt = Attempt::by(controller(), &world).at(Part::Status);
    attempt.update(&made, &with(json!({ "kubevirt.io/vmi-name": "vm" }), "Running")).unwrap();
}
