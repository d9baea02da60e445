//! What stands against an apply, and in which words.

use serde_json::json;

use super::Step::{Apply, Conflict, Force, Update};
use super::{Case, World, at, check, document, keyed, number, object, root, string};
use crate::fields::{ManagerId, Operation, Reach, apply, keep_within, track_update};
use crate::refusal::Refusal;
use crate::request::OnConflict;

#[test]
fn parity_a_conflict_names_the_manager_how_it_wrote_and_the_field() {
    let schema = root([("spec", object([("running", string()), ("size", number())]))]);
    check(
        &schema,
        vec![
            Case {
                name: "of an apply, of an update, and of both with one another",
                steps: vec![
                    Apply("m1", json!({ "spec": { "running": "true" } })),
                    Update("updater", json!({ "spec": { "running": "true", "size": 1 } })),
                    Conflict(
                        "m2",
                        json!({ "spec": { "running": "false" } }),
                        &[("\"m1\"", ".spec.running")],
                    ),
                    Conflict(
                        "m1",
                        json!({ "spec": { "running": "true", "size": 2 } }),
                        &[("\"updater\" using v1", ".spec.size")],
                    ),
                    Conflict(
                        "m2",
                        json!({ "spec": { "running": "false", "size": 2 } }),
                        &[("\"m1\"", ".spec.running"), ("\"updater\" using v1", ".spec.size")],
                    ),
                    Force("m2", json!({ "spec": { "running": "false", "size": 2 } })),
                ],
                object: json!({ "spec": { "running": "false", "size": 2 } }),
                owners: &[("m2", &[".spec.running", ".spec.size"])],
            },
            Case {
                name: "even of the same manager writing another way",
                steps: vec![
                    Update("m", json!({ "spec": { "size": 1 } })),
                    Conflict(
                        "m",
                        json!({ "spec": { "size": 2 } }),
                        &[("\"m\" using v1", ".spec.size")],
                    ),
                ],
                object: json!({ "spec": { "size": 1 } }),
                owners: &[("m/Update", &[".spec.size"])],
            },
        ],
    );
}

#[test]
fn a_conflict_is_told_as_a_refusal_with_its_fields() {
    let schema = root([("spec", object([("running", string())]))]);
    let mut world = World::new(&schema);
    let spec = |running: &str| json!({ "spec": { "running": running } });
    assert_eq!(world.apply("m1", spec("true"), OnConflict::Refuse), Ok(()));
    let error = world.apply("m2", spec("false"), OnConflict::Refuse).unwrap_err();
    assert_eq!(
        Refusal::from(error).to_string(),
        "Apply failed with 1 conflict: conflict with \"m1\": .spec.running"
    );
    let error = world.apply("m2", json!({ "spek": {} }), OnConflict::Refuse).unwrap_err();
    assert_eq!(
        Refusal::from(error),
        Refusal::BadRequest {
            message: "failed to create typed patch object (/; /, Kind=): .spek: field not \
                      declared in schema"
                .to_owned()
        }
    );
}

#[test]
fn parity_a_subresource_has_an_entry_of_its_own_and_only_its_fields() {
    let condition = object([("type", string()), ("status", string())]);
    let schema = root([
        ("spec", object([("size", number())])),
        ("status", object([("phase", string()), ("conditions", keyed(["type"], condition))])),
    ]);
    let manager = |name: &str, operation, subresource| ManagerId {
        name: name.to_owned(),
        operation,
        api_version: "kubevirt.io/v1".to_owned(),
        subresource,
    };
    let config = json!({
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": { "name": "vm", "labels": { "a": "b" } },
        "spec": { "size": 1 },
        "status": { "phase": "Running" },
    });

    let mut main = document(config.clone());
    keep_within(Reach::AllButStatus, &mut main);
    let applier = manager("m", Operation::Apply, "");
    let live =
        apply(&schema, None, &main, &applier, Reach::AllButStatus, OnConflict::Refuse, at(1))
            .unwrap();
    assert!(!live.contains_key("status"));

    let mut status = document(config);
    keep_within(Reach::Status, &mut status);
    let applier = manager("m", Operation::Apply, "status");
    let live =
        apply(&schema, Some(&live), &status, &applier, Reach::Status, OnConflict::Refuse, at(2))
            .unwrap();
    let entries = live["metadata"]["managedFields"].as_array().unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0].get("subresource"), None);
    assert_eq!(
        entries[0]["fieldsV1"],
        json!({ "f:metadata": { "f:labels": { "f:a": {} } }, "f:spec": { "f:size": {} } })
    );
    assert_eq!(entries[1]["subresource"], "status");
    assert_eq!(entries[1]["fieldsV1"], json!({ "f:status": { "f:phase": {} } }));

    // A controller updates the status; another applier meets it under its full name.
    let mut after = live.clone();
    after["metadata"]["uid"] = json!("u");
    after["status"]["phase"] = json!("Stopped");
    let controller = manager("controller", Operation::Update, "status");
    track_update(&schema, Some(&live), &mut after, &controller, at(3));
    let other = manager("m", Operation::Apply, "status");
    let error =
        apply(&schema, Some(&after), &status, &other, Reach::Status, OnConflict::Refuse, at(4));
    assert_eq!(
        Refusal::from(error.unwrap_err()).to_string(),
        "Apply failed with 1 conflict: conflict with \"controller\" with subresource \"status\" \
         using kubevirt.io/v1: .status.phase"
    );
}
