//! Which machines may be defined.

use ferry_registry::{Part, Refusal};
use serde_json::{Value, json};

use crate::common::{Attempt, World, changed, controller, denied, machine, user};

fn create(object: &Value) -> Result<Value, Refusal> {
    Attempt::by(user("alice"), &World::default()).create(object)
}

#[test]
fn parity_a_machine_says_once_how_it_runs() {
    for (spec, expected) in [
        (json!({ "running": true }), None),
        (json!({ "runStrategy": "Always" }), None),
        (json!({ "runStrategy": "RerunOnFailure" }), None),
        (
            json!({ "running": true, "runStrategy": "Halted" }),
            Some((
                "Running and RunStrategy are mutually exclusive. Note that Running is deprecated, \
                 please use RunStrategy instead",
                "spec.running",
            )),
        ),
        (
            json!({ "runStrategy": "Sometimes" }),
            Some(("Invalid RunStrategy (Sometimes)", "spec.runStrategy")),
        ),
    ] {
        let result = create(&machine("vm", &spec));
        match expected {
            None => assert!(result.is_ok(), "{result:?}"),
            Some((message, field)) => {
                let (code, said, blamed) = denied(result);
                assert_eq!((code, said.as_str(), blamed.as_str()), (422, message, field));
            }
        }
    }
}

#[test]
fn a_machine_that_does_not_say_how_it_runs_is_halted_and_cannot_unsay_it() {
    let made = create(&machine("vm", &json!({}))).unwrap();
    assert_eq!(made["spec"]["runStrategy"], "Halted");
    let (_, message, field) = denied(
        Attempt::by(user("alice"), &World::default())
            .update(&made, &changed(&made, &json!({ "spec": { "runStrategy": null } }))),
    );
    assert_eq!(
        (message.as_str(), field.as_str()),
        ("RunStrategy must be specified", "spec.running")
    );
    let flagged = create(&machine("vm", &json!({ "running": false }))).unwrap();
    assert_eq!(flagged["spec"].get("runStrategy"), None);
}

#[test]
fn parity_a_template_is_there_and_sound() {
    let mut bare = machine("vm", &json!({ "running": true }));
    bare["spec"].as_object_mut().unwrap().remove("template");
    let (code, message, field) = denied(create(&bare));
    assert_eq!(
        (code, message.as_str(), field.as_str()),
        (422, "missing virtual machine template.", "spec.template")
    );
    let odd = json!({ "running": true, "template": { "spec": { "evictionStrategy": "fantasy" } } });
    let (code, message, field) = denied(create(&machine("vm", &odd)));
    let path = "spec.template.spec.evictionStrategy";
    assert_eq!(code, 422);
    assert_eq!(message, format!("{path} is set with an unrecognized option: fantasy"));
    assert_eq!(field, path);
    for strategy in ["None", "LiveMigrate", "LiveMigrateIfPossible", "External"] {
        let spec = json!({
            "running": true, "template": { "spec": { "evictionStrategy": strategy } },
        });
        create(&machine("vm", &spec)).unwrap();
    }
}

#[test]
fn parity_labels_of_the_system_are_not_for_templates() {
    let with = |label: &str| {
        let metadata = json!({ "labels": { label: "x" } });
        machine("vm", &json!({ "running": true, "template": { "metadata": metadata } }))
    };
    let (code, message, field) = denied(create(&with("kubevirt.io/nodeName")));
    assert_eq!(code, 422);
    assert_eq!(
        message,
        "creation of the following reserved kubevirt.io/ labels on a VMI object is prohibited"
    );
    assert_eq!(field, "spec.template.metadata.labels");
    // Those of the documentation's example are nobody's.
    for label in ["kubevirt.io/size", "kubevirt.io/domain", "kubevirt.io/environment"] {
        create(&with(label)).unwrap();
    }
    let world = World::default();
    Attempt::by(controller(), &world).create(&with("kubevirt.io/nodeName")).unwrap();
}

#[test]
fn parity_a_disk_that_is_made_for_a_machine_is_used_by_it() {
    let with = |name: &str, used: &str| {
        machine(
            "vm",
            &json!({
                "running": true,
                "dataVolumeTemplates": [{ "metadata": { "name": name }, "spec": {} }],
                "template": { "spec": {
                    "volumes": [{ "name": "v", "dataVolume": { "name": used } }],
                } },
            }),
        )
    };
    create(&with("disk", "disk")).unwrap();
    let claimed = json!([{ "name": "v", "persistentVolumeClaim": { "claimName": "disk" } }]);
    let claimed = json!({ "spec": { "template": { "spec": { "volumes": claimed } } } });
    create(&changed(&with("disk", "other"), &claimed)).unwrap();
    let (_, message, field) = denied(create(&with("disk", "other")));
    let entry = "spec.dataVolumeTemplate[0]";
    let expected = format!(
        "DataVolumeTemplate entry {entry} must be referenced in the VMI template's 'volumes' list"
    );
    assert_eq!((message, field.as_str()), (expected, entry));
    let (_, message, _) = denied(create(&with("", "")));
    assert_eq!(
        message,
        format!("'name' field must not be empty for DataVolumeTemplate entry {entry}.")
    );
}

#[test]
fn what_is_on_its_way_out_or_is_only_the_status_is_not_looked_at() {
    let wrong = machine("vm", &json!({ "runStrategy": "Sometimes" }));
    let dying =
        changed(&wrong, &json!({ "metadata": { "deletionTimestamp": "2026-11-23T08:15:00Z" } }));
    let world = World::default();
    Attempt::by(user("a"), &world).update(&dying, &dying).unwrap();
    Attempt::by(user("a"), &world).at(Part::Status).update(&wrong, &wrong).unwrap();
    Attempt::by(user("a"), &world).delete(&wrong).unwrap();
}
