//! Namespaces.

use ferry_api::Kind;
use serde_json::{Value, json};

use crate::object::{Part, Target};
use crate::request::Answer;
use crate::testing::{Cluster, config_map, shown, target, vm};

fn namespace(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } })
}

fn at(name: &str) -> Target {
    target(Kind::Namespace, name)
}

#[test]
fn parity_a_new_one_has_a_finalizer_a_phase_and_a_label() {
    let mut cluster = Cluster::new();
    let created = shown(&cluster.create(&namespace("b")).unwrap());
    assert_eq!(created["spec"]["finalizers"], json!(["kubernetes"]));
    assert_eq!(created["status"]["phase"], "Active");
    assert_eq!(created["metadata"]["labels"], json!({ "kubernetes.io/metadata.name": "b" }));
    // Those are not the client's to change.
    let mut changed = created;
    changed["spec"]["finalizers"] = json!([]);
    changed["status"]["phase"] = json!("Terminating");
    changed["metadata"]["labels"] = json!({ "x": "y" });
    let updated = shown(&cluster.update(&changed).unwrap());
    assert_eq!(updated["spec"]["finalizers"], json!(["kubernetes"]));
    assert_eq!(updated["status"]["phase"], "Active");
    assert_eq!(
        updated["metadata"]["labels"],
        json!({ "kubernetes.io/metadata.name": "b", "x": "y" })
    );
}

#[test]
fn nothing_is_made_where_there_is_none() {
    let mut cluster = Cluster::new();
    let mut object = config_map("x");
    object["metadata"]["namespace"] = json!("none");
    let refusal = cluster.create(&object).unwrap_err();
    assert_eq!(
        (refusal.code(), refusal.to_string().as_str()),
        (404, "namespaces \"none\" not found")
    );
    assert_eq!(refusal.status()["details"]["kind"], "namespaces");
}

#[test]
fn parity_some_cannot_be_deleted() {
    let mut cluster = Cluster::new();
    for name in ["default", "kube-system", "kube-public"] {
        cluster.create(&namespace(name)).unwrap();
        let refusal = cluster.delete(at(name)).unwrap_err();
        assert_eq!(refusal.code(), 403);
        assert_eq!(
            refusal.to_string(),
            format!("namespaces \"{name}\" is forbidden: this namespace may not be deleted")
        );
    }
    cluster.create(&namespace("kube-node-lease")).unwrap();
    cluster.delete(at("kube-node-lease")).unwrap();
}

#[test]
fn parity_one_that_is_deleted_takes_its_contents_along_and_nothing_new() {
    let mut cluster = Cluster::new();
    cluster.create(&config_map("x")).unwrap();
    let mut held = vm("y");
    held["metadata"]["finalizers"] = json!(["a/b"]);
    cluster.create(&held).unwrap();
    let deleted = cluster.delete(at("a")).unwrap();
    let object = shown(&deleted);
    assert_eq!(object["status"]["phase"], "Terminating");
    assert_eq!(object["metadata"]["deletionTimestamp"], "2026-11-26T00:00:00Z");
    assert!(matches!(cluster.delete(at("a")).unwrap().answer, Answer::Object(_)));

    let refusal = cluster.create(&config_map("z")).unwrap_err();
    assert_eq!(refusal.code(), 403);
    assert_eq!(
        refusal.to_string(),
        "configmaps \"z\" is forbidden: unable to create new content in namespace a because it is \
         being terminated"
    );
    assert_eq!(refusal.status()["details"]["causes"][0]["reason"], "NamespaceTerminating");

    // Whoever deletes all that a manifest has, one after the other, still finds it.
    cluster.pass(4);
    assert_eq!(cluster.clean(), 0);
    assert_eq!(cluster.state.next_chore(), "2026-11-26T00:00:05Z".parse().ok());
    cluster.pass(1);
    cluster.clean();
    assert_eq!(cluster.get(&target(Kind::ConfigMap, "x")), None);
    let waiting = cluster.get(&target(Kind::VirtualMachine, "y")).unwrap();
    assert!(waiting["metadata"]["deletionTimestamp"].is_string());
    assert!(cluster.get(&at("a")).is_some(), "it waits for what a finalizer holds");
    let released = json!({ "metadata": { "finalizers": null } });
    cluster.merge(target(Kind::VirtualMachine, "y"), released).unwrap();
    cluster.clean();
    assert_eq!(cluster.get(&at("a")), None);
    cluster.create(&namespace("a")).unwrap();
}

/// The status, reason and message of a condition, and since when it is so.
fn condition(cluster: &Cluster, kind: &str) -> [String; 4] {
    let namespace = cluster.get(&at("a")).unwrap();
    let conditions = namespace["status"]["conditions"].as_array().unwrap();
    assert_eq!(conditions.len(), 5);
    let condition = conditions.iter().find(|one| one["type"] == kind).unwrap();
    ["status", "reason", "message", "lastTransitionTime"]
        .map(|field| condition[field].as_str().unwrap().to_owned())
}

/// What has held a machine lets it go.
fn a_minute_later_it_goes(cluster: &mut Cluster, name: &str) {
    cluster.pass(60);
    let released = json!({ "metadata": { "finalizers": null } });
    cluster.merge(target(Kind::VirtualMachine, name), released).unwrap();
    cluster.clean();
}

#[test]
fn parity_one_that_is_deleted_tells_what_it_waits_for() {
    const CONTENT: &str = "NamespaceContentRemaining";
    const FINALIZERS: &str = "NamespaceFinalizersRemaining";
    let mut cluster = Cluster::new();
    for (object, finalizers) in [
        (vm("x"), json!(["a/b"])),
        (vm("y"), json!(["a/b", "c/d"])),
        (config_map("z"), json!(["c/d"])),
    ] {
        let mut object = object;
        object["metadata"]["finalizers"] = finalizers;
        cluster.create(&object).unwrap();
    }
    assert_eq!(cluster.tell_what_remains(), 0, "it is not deleted");
    cluster.delete(at("a")).unwrap();
    cluster.clean();
    assert_eq!(cluster.tell_what_remains(), 1);
    let begin = "2026-11-26T00:00:00Z";
    assert_eq!(
        condition(&cluster, CONTENT),
        [
            "True",
            "SomeResourcesRemain",
            "Some resources are remaining: configmaps. has 1 resource instances, \
             virtualmachines.kubevirt.io has 2 resource instances",
            begin
        ]
    );
    assert_eq!(
        condition(&cluster, FINALIZERS),
        [
            "True",
            "SomeFinalizersRemain",
            "Some content in the namespace has finalizers remaining: a/b in 2 resource instances, \
             c/d in 2 resource instances",
            begin
        ]
    );
    let message = "All content successfully deleted, may be waiting on finalization";
    let deleted = condition(&cluster, "NamespaceDeletionContentFailure");
    assert_eq!(deleted, ["False", "ContentDeleted", message, begin]);
    // It is told once, and again when it is something else.
    assert_eq!(cluster.tell_what_remains(), 0);
    a_minute_later_it_goes(&mut cluster, "x");
    assert_eq!(cluster.tell_what_remains(), 1);
    let [_, _, message, since] = condition(&cluster, CONTENT);
    assert!(message.ends_with("virtualmachines.kubevirt.io has 1 resource instances"), "{message}");
    assert_eq!(since, begin);
}

#[test]
fn what_others_tell_of_one_that_is_deleted_stays() {
    let mut cluster = Cluster::new();
    let mut held = vm("x");
    held["metadata"]["finalizers"] = json!(["a/b"]);
    cluster.create(&held).unwrap();
    cluster.delete(at("a")).unwrap();
    let foreign = json!({ "type": "Ours", "status": "True" });
    let status = Target { part: Part::Status, ..at("a") };
    cluster.merge(status, json!({ "status": { "conditions": [foreign] } })).unwrap();
    cluster.clean();
    assert_eq!(cluster.tell_what_remains(), 1);
    let told = cluster.get(&at("a")).unwrap();
    let conditions = told["status"]["conditions"].as_array().unwrap();
    assert_eq!((conditions.len(), &conditions[0]["type"]), (6, &json!("Ours")));
    assert_eq!(cluster.tell_what_remains(), 0);
}

#[test]
fn one_that_waits_for_others_than_its_contents_says_that_those_are_gone() {
    let mut cluster = Cluster::new();
    cluster.merge(at("a"), json!({ "metadata": { "finalizers": ["a/b"] } })).unwrap();
    let mut held = vm("x");
    held["metadata"]["finalizers"] = json!(["a/b"]);
    cluster.create(&held).unwrap();
    cluster.delete(at("a")).unwrap();
    cluster.clean();
    assert_eq!(cluster.tell_what_remains(), 1);
    a_minute_later_it_goes(&mut cluster, "x");
    assert_eq!(cluster.tell_what_remains(), 1);
    let [status, reason, _, since] = condition(&cluster, "NamespaceContentRemaining");
    assert_eq!([&*status, &*reason, &*since], ["False", "ContentRemoved", "2026-11-26T00:01:00Z"]);
    assert_eq!(cluster.tell_what_remains(), 0);
}

#[test]
fn one_with_finalizers_of_its_own_waits_for_those_too() {
    let mut cluster = Cluster::new();
    let mut held = namespace("b");
    held["metadata"]["finalizers"] = json!(["a/b"]);
    cluster.create(&held).unwrap();
    cluster.delete(at("b")).unwrap();
    cluster.clean();
    let left = cluster.get(&at("b")).unwrap();
    assert_eq!(left["spec"]["finalizers"], json!([]));
    cluster.merge(at("b"), json!({ "metadata": { "finalizers": [] } })).unwrap();
    assert_eq!(cluster.get(&at("b")), None);
}

#[test]
fn finalize_writes_the_finalizers_of_the_spec_alone() {
    let mut cluster = Cluster::new();
    let mut object = shown(&cluster.create(&namespace("b")).unwrap());
    object["spec"]["finalizers"] = json!(["kubernetes", "x/y"]);
    object["metadata"]["labels"] = json!({});
    let path = Target { part: Part::Finalize, ..at("b") };
    let updated = shown(&cluster.update_at(path, &object).unwrap());
    assert_eq!(updated["spec"]["finalizers"], json!(["kubernetes", "x/y"]));
    assert_eq!(updated["metadata"]["labels"]["kubernetes.io/metadata.name"], "b");
}

const ODD: &str = "name is neither a standard finalizer name nor is it fully qualified";

#[test]
fn parity_finalizers_of_a_new_namespace_are_standard_or_qualified() {
    let mut cluster = Cluster::new();
    let mut new = namespace("b");
    new["spec"] = json!({ "finalizers": ["a/b", "foo"] });
    let refusal = cluster.create(&new).unwrap_err();
    let says =
        format!("Namespace \"b\" is invalid: spec.finalizers: Invalid value: \"foo\": {ODD}");
    assert_eq!((refusal.code(), refusal.to_string()), (422, says));
    new["spec"] = json!({ "finalizers": ["a/b", "orphan"] });
    let created = shown(&cluster.create(&new).unwrap());
    assert_eq!(created["spec"]["finalizers"], json!(["a/b", "orphan", "kubernetes"]));
}

#[test]
fn parity_finalizers_of_a_namespace_are_standard_or_qualified() {
    let mut cluster = Cluster::new();
    let object = shown(&cluster.create(&namespace("b")).unwrap());
    let mut finalize = |finalizers: Value| {
        let mut object = object.clone();
        object["metadata"].as_object_mut().unwrap().remove("resourceVersion");
        object["spec"]["finalizers"] = finalizers;
        cluster.update_at(Target { part: Part::Finalize, ..at("b") }, &object)
    };
    for (finalizers, index, name) in
        [(json!(["foo"]), 0, "foo"), (json!(["kubernetes", "a/b", "foo"]), 2, "foo")]
    {
        let refusal = finalize(finalizers).unwrap_err();
        assert_eq!(
            (refusal.code(), refusal.to_string()),
            (
                422,
                format!(
                    "Namespace \"b\" is invalid: spec.finalizers[{index}]: Invalid value: \
                     {name:?}: {ODD}"
                )
            )
        );
    }
    let refusal = finalize(json!(["a/b c"])).unwrap_err();
    assert_eq!(refusal.code(), 422);
    assert!(refusal.to_string().contains("spec.finalizers[0]: Invalid value: \"a/b c\""));
    for sound in [json!(["kubernetes"]), json!(["orphan", "foregroundDeletion", "a/b"]), json!([])]
    {
        let finalized = shown(&finalize(sound.clone()).unwrap());
        assert_eq!(finalized["spec"].get("finalizers").unwrap_or(&json!([])), &sound);
    }
}
