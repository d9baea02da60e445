//! PUT.

use ferry_api::Kind;
use serde_json::{Value, json};

use crate::object::{Effect, Part, Target};
use crate::request::{Answer, Run};
use crate::testing::{Cluster, config_map, pod, shown, target, vm};

fn lease(name: &str) -> Value {
    json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": { "name": name },
        "spec": { "holderIdentity": "h" },
    })
}

#[test]
fn a_stale_revision_is_a_conflict_and_the_current_one_is_taken() {
    let mut cluster = Cluster::new();
    let first = shown(&cluster.create(vm("x")).unwrap());
    let mut second = first.clone();
    second["spec"]["running"] = json!(false);
    let updated = shown(&cluster.update(second.clone()).unwrap());
    assert_eq!(updated["metadata"]["resourceVersion"], cluster.state.revision().to_string());
    let refusal = cluster.update(second).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "Operation cannot be fulfilled on virtualmachines.kubevirt.io \"x\": the object has been \
         modified; please apply your changes to the latest version and try again"
    );
}

#[test]
fn some_kinds_must_say_which_revision_they_change() {
    let mut cluster = Cluster::new();
    let without = |object: &Value| {
        let mut object = object.clone();
        object["metadata"].as_object_mut().unwrap().remove("resourceVersion");
        object
    };
    for object in [vm("x"), lease("l")] {
        let created = shown(&cluster.create(object).unwrap());
        let refusal = cluster.update(without(&created)).unwrap_err();
        assert_eq!(refusal.code(), 422);
        let message = "metadata.resourceVersion: Invalid value: 0: must be specified for an update";
        assert!(refusal.to_string().contains(message), "{refusal}");
        // "0" is none.
        let mut zero = created;
        zero["metadata"]["resourceVersion"] = json!("0");
        assert_eq!(cluster.update(zero).unwrap_err().code(), 422);
    }
    let mut created = without(&shown(&cluster.create(config_map("c")).unwrap()));
    created["data"]["k"] = json!("w");
    cluster.update(created).unwrap();
    let mut bad = config_map("c");
    bad["metadata"]["resourceVersion"] = json!("abc");
    assert_eq!(cluster.update(bad).unwrap_err().code(), 422);
}

#[test]
fn a_write_that_changes_nothing_is_none() {
    let mut cluster = Cluster::new();
    for object in [vm("x"), config_map("x"), lease("x"), pod("x", "")] {
        let created = shown(&cluster.create(object).unwrap());
        cluster.pass(10);
        let before = cluster.state.revision();
        let updated = cluster.update(created.clone()).unwrap();
        assert_eq!(updated.change, None);
        assert_eq!(shown(&updated), created);
        assert_eq!(cluster.state.revision(), before);
    }
}

#[test]
fn generation_counts_what_is_wanted_and_nothing_else() {
    let mut cluster = Cluster::new();
    let mut object = shown(&cluster.create(vm("x")).unwrap());
    object["metadata"]["labels"] = json!({ "k": "v" });
    object["metadata"]["generation"] = json!(40);
    let mut object = shown(&cluster.update(object).unwrap());
    assert_eq!(object["metadata"]["generation"], 1, "labels do not count");
    object["status"] = json!({ "printableStatus": "Running" });
    let mut object = shown(&cluster.update_status(object).unwrap());
    assert_eq!(object["metadata"]["generation"], 1, "status does not count");
    object["spec"]["running"] = json!(false);
    let object = shown(&cluster.update(object).unwrap());
    assert_eq!(object["metadata"]["generation"], 2, "spec does");

    let instance = json!({
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachineInstance",
        "metadata": { "name": "x" },
        "spec": { "domain": { "devices": {} } },
    });
    let mut instance = shown(&cluster.create(instance).unwrap());
    instance["status"] = json!({ "phase": "Running" });
    let instance = shown(&cluster.update(instance).unwrap());
    assert_eq!(instance["metadata"]["generation"], 2, "status that has no path of its own does");
}

#[test]
fn each_path_writes_its_own_part() {
    let mut cluster = Cluster::new();
    let created = shown(&cluster.create(vm("x")).unwrap());
    let mut both = created.clone();
    both["spec"]["running"] = json!(false);
    both["metadata"]["labels"] = json!({ "k": "v" });
    both["status"] = json!({ "printableStatus": "Stopped" });

    let status = shown(&cluster.update_status(both.clone()).unwrap());
    assert_eq!(status["status"]["printableStatus"], "Stopped");
    assert_eq!(status["spec"], created["spec"]);
    assert_eq!(status["metadata"]["labels"], Value::Null);
    let managers = status["metadata"]["managedFields"].as_array().unwrap();
    assert!(managers.iter().any(|entry| entry["subresource"] == "status"), "{managers:?}");

    both["metadata"]["resourceVersion"] = status["metadata"]["resourceVersion"].clone();
    both["status"] = json!({ "printableStatus": "Running" });
    let main = shown(&cluster.update(both).unwrap());
    assert_eq!(main["status"]["printableStatus"], "Stopped");
    assert_eq!(main["spec"]["running"], false);
    assert_eq!(main["metadata"]["labels"], json!({ "k": "v" }));
}

#[test]
fn metadata_of_the_server_stays() {
    let mut cluster = Cluster::new();
    let created = shown(&cluster.create(config_map("x")).unwrap());
    let with = |field: &str, value: &str| {
        let mut object = created.clone();
        object["metadata"][field] = json!(value);
        object
    };
    let refusal = cluster.update(with("uid", "another")).unwrap_err();
    assert_eq!(refusal.code(), 409);
    assert!(refusal.to_string().contains("UID in precondition: another"), "{refusal}");
    for field in ["creationTimestamp", "deletionTimestamp"] {
        let refusal = cluster.update(with(field, "2001-01-01T00:00:00Z")).unwrap_err();
        assert_eq!(refusal.code(), 422);
        assert!(refusal.to_string().contains("field is immutable"), "{refusal}");
    }
    let mut bare = config_map("x");
    bare["data"]["k"] = json!("w");
    let updated = shown(&cluster.update(bare).unwrap());
    assert_eq!(updated["metadata"]["uid"], created["metadata"]["uid"]);
    assert_eq!(updated["metadata"]["creationTimestamp"], created["metadata"]["creationTimestamp"]);
}

#[test]
fn names_must_fit_the_url() {
    let mut cluster = Cluster::new();
    cluster.create(config_map("x")).unwrap();
    for (name, message) in [
        ("y", "the name of the object (y) does not match the name on the URL (x)"),
        ("", "the name of the object (x based on URL) was undeterminable: name must be provided"),
    ] {
        let refusal =
            cluster.update_at(target(Kind::ConfigMap, "x"), config_map(name)).unwrap_err();
        assert_eq!((refusal.code(), refusal.to_string().as_str()), (400, message));
    }
}

#[test]
fn what_is_not_there_cannot_be_changed_but_for_a_few_kinds() {
    let mut cluster = Cluster::new();
    assert_eq!(cluster.update(config_map("x")).unwrap_err().code(), 404);
    let created = cluster.update(lease("l")).unwrap();
    assert!(matches!(created.answer, Answer::Created(_)));
    let mut gone = lease("m");
    gone["metadata"]["resourceVersion"] = json!("3");
    assert_eq!(cluster.update(gone).unwrap_err().code(), 404);
}

#[test]
fn finalizers_only_shrink_once_the_end_has_begun() {
    let mut cluster = Cluster::new();
    let mut object = vm("x");
    object["metadata"]["finalizers"] = json!(["a/1", "a/2"]);
    cluster.create(object).unwrap();
    let at = target(Kind::VirtualMachine, "x");
    let deleting = shown(&cluster.delete(at.clone()).unwrap());
    assert_eq!(deleting["metadata"]["generation"], 2);
    let finalizers = |list: Value| {
        let mut object = deleting.clone();
        object["metadata"]["finalizers"] = list;
        object["metadata"].as_object_mut().unwrap().remove("deletionTimestamp");
        object
    };
    let refusal = cluster.update(finalizers(json!(["a/1", "a/2", "a/3"]))).unwrap_err();
    assert_eq!(refusal.code(), 422);
    assert!(
        refusal.to_string().contains(
            "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being \
             deleted, found new finalizers []string{\"a/3\"}"
        ),
        "{refusal}"
    );
    let one = shown(&cluster.update(finalizers(json!(["a/2"]))).unwrap());
    assert_eq!(one["metadata"]["deletionTimestamp"], deleting["metadata"]["deletionTimestamp"]);
    let mut none = one;
    none["metadata"]["finalizers"] = json!([]);
    let last = cluster.update(none).unwrap();
    assert!(matches!(last.change.as_ref().unwrap().effect, Effect::Deleted(_)));
    assert_eq!(shown(&last)["metadata"]["name"], "x");
    assert_eq!(cluster.get(&at), None);
}

#[test]
fn a_dry_run_shows_what_would_be() {
    let mut cluster = Cluster::new();
    let mut object = shown(&cluster.create(vm("x")).unwrap());
    object["spec"]["running"] = json!(false);
    cluster.run = Run::Dry;
    let updated = cluster.update(object).unwrap();
    assert_eq!(
        (updated.change.is_none(), &shown(&updated)["spec"]["running"]),
        (true, &json!(false))
    );
    assert_eq!(cluster.get(&target(Kind::VirtualMachine, "x")).unwrap()["spec"]["running"], true);
}

#[test]
fn what_is_sealed_stays() {
    let mut cluster = Cluster::new();
    let mut sealed = config_map("x");
    sealed["immutable"] = json!(true);
    let mut object = shown(&cluster.create(sealed).unwrap());
    object["data"]["k"] = json!("w");
    let refusal = cluster.update(object).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "ConfigMap \"x\" is invalid: data: Forbidden: field is immutable when `immutable` is set"
    );
}

#[test]
fn status_is_checked_where_it_is_written_and_not_where_it_is_ignored() {
    let mut cluster = Cluster::new();
    let created = shown(&cluster.create(vm("x")).unwrap());
    let mut object = created.clone();
    object["status"] = json!({ "printableStatus": 5 });
    let refusal = cluster.update_status(object.clone()).unwrap_err();
    assert_eq!(refusal.status()["details"]["causes"][0]["field"], "status.printableStatus");
    cluster.update(object).unwrap();
    let at = Target { part: Part::Status, ..target(Kind::VirtualMachine, "x") };
    let mut no_spec = created;
    no_spec["spec"] = json!("nonsense");
    no_spec["status"] = json!({ "printableStatus": "Running" });
    let updated = shown(&cluster.update_at(at, no_spec).unwrap());
    assert_eq!(updated["spec"]["running"], true);
}
