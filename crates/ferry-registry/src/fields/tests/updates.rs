//! Plain writes: who comes to own what, since when, and what clients may do to the entries.

use serde_json::{Value, json};

use super::{World, anything, at, document, manager, map, number, object, root};
use crate::fields::{Operation, settle, track_update};
use crate::request::OnConflict;

fn spec(a: u32, b: Option<u32>) -> Value {
    let mut spec = json!({ "spec": { "a": a } });
    if let Some(b) = b {
        spec["spec"]["b"] = json!(b);
    }
    spec
}

fn world() -> World {
    World::new(&root([("spec", object([("a", number()), ("b", number())]))]))
}

impl World {
    fn managed(&self) -> Value {
        let object = self.object.as_ref().expect("something was written");
        object["metadata"].get("managedFields").cloned().unwrap_or_default()
    }

    fn times(&self) -> Vec<(String, String)> {
        let managed = self.managed();
        let entries = managed.as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        entries.iter().map(|entry| (text(&entry["manager"]), text(&entry["time"]))).collect()
    }
}

#[test]
fn an_entry_is_written_as_kubernetes_does() {
    let mut world = World::new(&root([("spec", map(anything()))]));
    world.update(
        "kubectl-create",
        json!({
            "apiVersion": "kubevirt.io/v1",
            "kind": "VirtualMachine",
            "metadata": { "name": "vm", "namespace": "ns", "labels": { "l": "v" } },
            "spec": { "running": true, "template": { "volumes": [{ "name": "v" }] } },
        }),
    );
    assert_eq!(
        world.managed(),
        json!([{
            "apiVersion": "v1",
            "fieldsType": "FieldsV1",
            "fieldsV1": {
                "f:metadata": { "f:labels": { ".": {}, "f:l": {} } },
                "f:spec": {
                    ".": {},
                    "f:running": {},
                    "f:template": { ".": {}, "f:volumes": {} },
                },
            },
            "manager": "kubectl-create",
            "operation": "Update",
            "time": at(1).to_string(),
        }])
    );
}

#[test]
fn parity_a_built_in_kind_is_never_without_a_spec() {
    let schema = root([("spec", object([("a", number())]))]);
    for (api_version, own) in [
        ("v1", json!({ "f:a": {} })),
        ("coordination.k8s.io/v1", json!({ "f:a": {} })),
        ("kubevirt.io/v1", json!({ ".": {}, "f:a": {} })),
        ("k8s.cni.cncf.io/v1", json!({ ".": {}, "f:a": {} })),
    ] {
        let mut world = World::new(&schema);
        world.update("m", json!({ "apiVersion": api_version, "spec": { "a": 1 } }));
        assert_eq!(world.managed()[0]["fieldsV1"]["f:spec"], own, "{api_version}");
    }
}

#[test]
fn parity_time_moves_only_for_who_comes_to_own_something() {
    let mut world = world();
    world.update("first", spec(1, Some(1)));
    world.update("second", spec(2, Some(1)));
    let times = |entries: &[(&str, i64)]| -> Vec<(String, String)> {
        entries.iter().map(|(name, second)| ((*name).to_owned(), at(*second).to_string())).collect()
    };
    assert_eq!(world.times(), times(&[("first", 1), ("second", 2)]));

    world.update("third", spec(2, Some(1)));
    assert_eq!(world.times(), times(&[("first", 1), ("second", 2)]), "nothing changed");

    world.update("third", spec(2, None));
    assert_eq!(world.times(), times(&[("second", 2)]), "a removal takes from others only");

    world.update("second", spec(3, None));
    assert_eq!(world.times(), times(&[("second", 5)]));
}

#[test]
fn parity_managers_are_sorted_by_operation_time_and_name() {
    let fields = ["a", "b", "c", "d"].map(|name| (name, number()));
    let mut world = World::new(&root(fields));
    world.update("z", json!({ "a": 1 }));
    world.update("y", json!({ "a": 1, "b": 1 }));
    assert_eq!(world.apply("x", json!({ "c": 1 }), OnConflict::Refuse), Ok(()));
    world.second -= 1;
    assert_eq!(world.apply("w", json!({ "d": 1 }), OnConflict::Refuse), Ok(()));
    let names: Vec<String> = world.times().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["w", "x", "z", "y"]);
}

#[test]
fn parity_more_than_ten_updaters_become_ancient_changes() {
    let mut world = World::new(&root([("spec", map(number()))]));
    let mut spec = json!({});
    for writer in 0..15 {
        spec[format!("field{writer:02}")] = json!(1);
        world.update(&format!("writer{writer:02}"), json!({ "spec": spec }));
        assert!(world.times().len() <= 10);
    }
    let owners = world.owners();
    assert_eq!(owners.len(), 10);
    assert_eq!(
        owners["ancient-changes/Update"],
        [
            ".spec.field00",
            ".spec.field01",
            ".spec.field02",
            ".spec.field03",
            ".spec.field04",
            ".spec.field05",
        ]
    );
    assert_eq!(owners["writer06/Update"], [".spec.field06"]);
    assert_eq!(world.times()[0], ("ancient-changes".to_owned(), at(6).to_string()));
}

#[test]
fn nothing_is_lost_when_all_updates_are_of_one_second() {
    let mut world = World::new(&root([("spec", map(number()))]));
    let mut spec = json!({});
    for writer in 0..30 {
        // Names on both sides of `ancient-changes`, and several versions of the bucket in between.
        let name = format!("{}{writer}", if writer % 2 == 0 { "a" } else { "z" });
        spec[&name] = json!(1);
        world.second = 0;
        world.update(&name, json!({ "spec": spec }));
    }
    let owned: usize = world.owners().values().map(Vec::len).sum();
    assert_eq!(world.times().len(), 10);
    assert_eq!(owned, 30, "{:?}", world.owners());
}

#[test]
fn appliers_are_not_capped() {
    let mut world = World::new(&root([("spec", map(number()))]));
    for writer in 0..15 {
        let mut config = json!({ "spec": {} });
        config["spec"][format!("f{writer}")] = json!(1);
        assert_eq!(world.apply(&format!("m{writer}"), config, OnConflict::Refuse), Ok(()));
    }
    assert_eq!(world.times().len(), 15);
}

/// `managedFields` that a client sends with an otherwise unchanged object, and what becomes of them.
fn sent(managed: &Value) -> Value {
    let mut world = world();
    world.update("first", spec(1, Some(1)));
    let mut content = spec(1, Some(1));
    content["metadata"] = json!({ "uid": "u", "managedFields": managed });
    world.update("editor", content);
    world.managed()
}

#[test]
fn parity_managed_fields_that_a_client_sends_take_effect() {
    let kept = sent(&Value::Null);
    assert_eq!(kept[0]["manager"], "first");
    for reset in [json!([]), json!([{}])] {
        assert_eq!(sent(&reset), Value::Null, "they are gone");
    }
    let edited = json!([{
        "apiVersion": "v1",
        "fieldsType": "FieldsV1",
        "fieldsV1": { "f:spec": { "f:a": {} } },
        "manager": "kubectl",
        "operation": "Apply",
        "time": "2026-11-23T08:15:00Z",
    }]);
    assert_eq!(sent(&edited), edited);
    let broken = |name: &str, value: Value| {
        let mut managed = edited.clone();
        managed[0][name] = value;
        managed
    };
    for malformed in [
        json!("x"),
        json!([1]),
        json!([{}, {}]),
        broken("operation", json!("Delete")),
        broken("apiVersion", json!("")),
        broken("fieldsType", json!("FieldsV2")),
        broken("fieldsType", Value::Null),
        broken("fieldsV1", json!({ "spec": {} })),
        broken("fieldsV1", json!({ "k:{": {} })),
        broken("fieldsV1", json!([])),
        broken("time", json!("yesterday")),
        broken("manager", json!(1)),
    ] {
        assert_eq!(sent(&malformed), kept, "{malformed} is ignored");
    }
}

#[test]
fn parity_an_object_without_managers_is_not_tracked_until_it_is_applied_to() {
    let mut world = world();
    world.update("first", spec(1, None));
    let mut content = spec(1, None);
    content["metadata"] = json!({ "uid": "u", "managedFields": [] });
    world.update("first", content);
    world.update("second", spec(2, None));
    assert_eq!(world.managed(), Value::Null);

    let error = world.apply("applier", spec(3, None), OnConflict::Refuse).unwrap_err();
    assert_eq!(error.to_string(), "Apply failed with 1 conflicts");
    assert_eq!(world.apply("applier", spec(2, None), OnConflict::Refuse), Ok(()));
    let owners = world.owners();
    assert_eq!(owners["applier"], [".spec.a"]);
    assert_eq!(owners["before-first-apply/Update"], [".spec.a"]);
}

#[test]
fn a_subresource_does_not_take_managed_fields_from_its_body() {
    let mut world = world();
    world.update("first", spec(1, None));
    let mut after = document(spec(1, None));
    after.insert("metadata".to_owned(), json!({ "uid": "u", "managedFields": [] }));
    let mut status = manager("second", Operation::Update, "v1");
    status.subresource = "status";
    track_update(&world.schema, world.object.as_ref(), &mut after, &status, at(9));
    assert_eq!(after["metadata"]["managedFields"], world.managed());
}

#[test]
fn a_write_that_comes_to_nothing_keeps_the_old_times() {
    let mut world = world();
    assert_eq!(world.apply("m", spec(1, None), OnConflict::Refuse), Ok(()));
    let before = world.object.clone().unwrap();
    let mut after = before.clone();
    after["metadata"]["managedFields"][0]["time"] = json!(at(7).to_string());
    let later = after.clone();
    settle(&before, &mut after);
    assert_eq!(after, before);

    after = later.clone();
    after["spec"]["a"] = json!(2);
    let changed = after.clone();
    settle(&before, &mut after);
    assert_eq!(after, changed, "something else changed");
}
