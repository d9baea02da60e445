//! kubectl moves an object from client-side to server-side apply.

use serde_json::{Value, json};

use super::{World, map, number, object, root, string};
use crate::fields::ApplyError;
use crate::request::OnConflict;

const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";

fn config(a: u32) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": "c" },
        "spec": { "a": a },
    })
}

/// An object that client-side apply made of `config(1)`, and of which somebody changed `b`.
fn applied_client_side() -> World {
    let schema =
        root([("spec", object([("a", number()), ("b", number())])), ("data", map(string()))]);
    let mut world = World::new(&schema);
    let mut created = config(1);
    created["metadata"]["annotations"] = json!({ ANNOTATION: format!("{}\n", config(1)) });
    world.update("kubectl-client-side-apply", created);
    let mut changed = Value::Object(world.object.clone().unwrap());
    changed["spec"]["b"] = json!(1);
    world.update("controller", changed);
    world
}

#[test]
fn parity_kubectl_may_change_what_it_applied_client_side() {
    let mut world = applied_client_side();
    let error = world.apply("other", config(2), OnConflict::Refuse).unwrap_err();
    let ApplyError::Conflicts { conflicts } = error else { panic!("{error} is no conflict") };
    assert_eq!(conflicts[0].manager, "\"kubectl-client-side-apply\" using v1");

    assert_eq!(world.apply("kubectl", config(2), OnConflict::Refuse), Ok(()));
    assert_eq!(world.content()["spec"], json!({ "a": 2, "b": 1 }));
    let annotations = &world.object.as_ref().unwrap()["metadata"]["annotations"];
    assert_eq!(annotations[ANNOTATION], format!("{}\n", config(2)), "the annotation follows");
}

#[test]
fn parity_it_may_not_change_what_others_changed_since() {
    let mut world = applied_client_side();
    let mut wanted = config(2);
    wanted["spec"]["b"] = json!(2);
    let error = world.apply("kubectl", wanted, OnConflict::Refuse).unwrap_err();
    let ApplyError::Conflicts { conflicts } = error else { panic!("{error} is no conflict") };
    let told: Vec<(&str, &str)> =
        conflicts.iter().map(|one| (one.manager.as_str(), one.field.as_str())).collect();
    assert_eq!(told, [("\"controller\" using v1", ".spec.b")]);
}

#[test]
fn an_annotation_that_is_no_configuration_allows_nothing() {
    for annotation in
        ["", "{", "[]", "{}", r#"{"apiVersion":"v2"}"#, r#"{"apiVersion":"v1","x":1}"#]
    {
        let mut world = applied_client_side();
        let mut changed = Value::Object(world.object.clone().unwrap());
        changed["metadata"]["annotations"][ANNOTATION] = json!(annotation);
        world.update("kubectl-client-side-apply", changed);
        let outcome = world.apply("kubectl", config(2), OnConflict::Refuse);
        assert!(matches!(outcome, Err(ApplyError::Conflicts { .. })), "{annotation}");
    }
}

#[test]
fn an_annotation_that_would_be_too_large_is_left_out() {
    let mut world = applied_client_side();
    let mut wanted = config(1);
    wanted["data"] = json!({ "blob": "x".repeat(300_000) });
    assert_eq!(world.apply("kubectl", wanted, OnConflict::Refuse), Ok(()));
    let metadata = &world.object.as_ref().unwrap()["metadata"];
    assert_eq!(metadata["annotations"], json!({}));
}
