//! PATCH, but for server-side apply.

use ferry_api::{Kind, KindVersion};
use serde_json::{Value, json};

use crate::object::{Part, Target};
use crate::request::{Decision, FieldValidation, OnConflict, Patch, Run, Write};
use crate::testing::{Cluster, config_map, shown, target, vm};

fn machine() -> Target {
    target(Kind::VirtualMachine, "x")
}

#[test]
fn a_patch_without_a_revision_never_conflicts_and_with_a_stale_one_does() {
    let mut cluster = Cluster::new();
    let first = shown(&cluster.create(&vm("x")).unwrap());
    let stale = first["metadata"]["resourceVersion"].clone();
    let patched =
        shown(&cluster.merge(machine(), json!({ "spec": { "running": false } })).unwrap());
    assert_eq!(patched["metadata"]["generation"], 2);
    let refusal = cluster
        .merge(machine(), json!({ "metadata": { "resourceVersion": stale, "labels": {} } }))
        .unwrap_err();
    assert_eq!(refusal.code(), 409);
    let current = patched["metadata"]["resourceVersion"].clone();
    cluster
        .merge(
            machine(),
            json!({ "metadata": { "resourceVersion": current, "labels": { "a": "b" } } }),
        )
        .unwrap();
}

#[test]
fn a_patch_that_changes_nothing_is_none() {
    let mut cluster = Cluster::new();
    let created = shown(&cluster.create(&vm("x")).unwrap());
    for patch in [json!({}), json!({ "spec": { "running": true, "dataVolumeTemplates": null } })] {
        let patched = cluster.merge(machine(), patch).unwrap();
        assert_eq!((patched.change.is_none(), shown(&patched)), (true, created.clone()));
    }
}

#[test]
fn a_patch_keeps_the_object_what_and_where_it_is() {
    let mut cluster = Cluster::new();
    cluster.create(&vm("x")).unwrap();
    for (patch, code) in [
        (json!({ "metadata": { "name": "y" } }), 400),
        (json!({ "metadata": { "namespace": "b" } }), 400),
        (json!({ "kind": "KubeVirt" }), 400),
        (json!({ "apiVersion": "v1" }), 400),
        (json!({ "metadata": null }), 400),
        (json!({ "metadata": { "uid": "other" } }), 422),
        (json!({ "metadata": { "creationTimestamp": "2001-01-01T00:00:00Z" } }), 422),
        (json!({ "metadata": { "labels": { "-": "x" } } }), 422),
        (json!({ "spec": { "running": "perhaps" } }), 422),
    ] {
        let refusal = cluster.merge(machine(), patch.clone()).unwrap_err();
        assert_eq!(refusal.code(), code, "{patch}: {refusal}");
    }
}

#[test]
fn parity_a_patch_names_no_other_namespace_than_the_url() {
    let mut cluster = Cluster::new();
    cluster.create(&vm("x")).unwrap();
    cluster.create(&config_map("x")).unwrap();
    let of = |namespace: Value| json!({ "metadata": { "namespace": namespace } });
    let operation =
        json!([{ "op": "replace", "path": "/metadata/namespace", "value": "elsewhere" }]);
    for (kind, patch) in [
        (Kind::VirtualMachine, Patch::Merge(of(json!("elsewhere")))),
        (Kind::ConfigMap, Patch::Strategic(of(json!("elsewhere")))),
        (Kind::ConfigMap, Patch::Json(serde_json::from_value(operation).unwrap())),
    ] {
        let request = cluster.request(target(kind, "x"), Write::Patch(patch));
        let refusal = cluster.send(&request).unwrap_err();
        assert_eq!(
            (refusal.code(), refusal.to_string().as_str()),
            (
                400,
                "the namespace of the provided object does not match the namespace sent on the \
                 request"
            )
        );
    }
    // None is that of the URL, and what belongs to the whole cluster is in none.
    let patched = cluster.merge(machine(), of(Value::Null)).unwrap();
    assert_eq!(
        (patched.change.is_none(), &shown(&patched)["metadata"]["namespace"]),
        (true, &json!("a"))
    );
    let patched = cluster.merge(target(Kind::Namespace, "a"), of(json!("elsewhere"))).unwrap();
    assert_eq!(patched.change, None);
}

#[test]
fn parity_unknown_fields_of_a_patch_are_told_or_refused() {
    let at = target(Kind::MigrationPolicy, "p");
    let policy = json!({
        "apiVersion": "migrations.kubevirt.io/v1alpha1",
        "kind": "MigrationPolicy",
        "metadata": { "name": "p" },
        "spec": { "selectors": {} },
    });
    let mut cluster = Cluster::new();
    cluster.create(&policy).unwrap();
    let patch = json!({ "spec": { "foo": 1 } });
    let patched = cluster.merge(at.clone(), patch.clone()).unwrap();
    assert_eq!(patched.warnings, ["unknown field \"spec.foo\""]);
    assert_eq!(patched.change, None);
    cluster.validation = FieldValidation::Strict;
    let refusal = cluster.merge(at, patch).unwrap_err();
    assert_eq!(refusal.code(), 422);
    assert!(
        refusal.to_string().ends_with("strict decoding error: unknown field \"spec.foo\""),
        "{refusal}"
    );
}

#[test]
fn a_strategic_patch_is_for_built_in_kinds() {
    let mut cluster = Cluster::new();
    cluster.create(&vm("x")).unwrap();
    cluster.create(&config_map("x")).unwrap();
    let mut strategic = |at: Target, patch: Value| {
        cluster.send(&cluster.request(at, Write::Patch(Patch::Strategic(patch))))
    };
    let refusal = strategic(machine(), json!({ "spec": {} })).unwrap_err();
    assert_eq!(refusal.code(), 415);
    let at = target(Kind::ConfigMap, "x");
    let patched = strategic(at, json!({ "data": { "l": "w" } })).unwrap();
    assert_eq!(shown(&patched)["data"], json!({ "k": "v", "l": "w" }));
}

#[test]
fn a_patch_of_the_status_reaches_nothing_else() {
    let mut cluster = Cluster::new();
    cluster.create(&vm("x")).unwrap();
    let at = Target { part: Part::Status, ..machine() };
    let patch = json!({
        "spec": { "running": false },
        "metadata": { "labels": { "a": "b" } },
        "status": { "printableStatus": "Running" },
    });
    let patched = shown(&cluster.merge(at, patch).unwrap());
    assert_eq!(patched["spec"]["running"], true);
    assert_eq!(patched["metadata"]["labels"], Value::Null);
    assert_eq!(patched["status"]["printableStatus"], "Running");
}

#[test]
fn a_deleted_key_has_its_default_again() {
    let mut cluster = Cluster::new();
    let hco = json!({
        "apiVersion": "hco.kubevirt.io/v1beta1",
        "kind": "HyperConverged",
        "metadata": { "name": "h" },
        "spec": { "liveMigrationConfig": { "parallelMigrationsPerCluster": 9 } },
    });
    cluster.create(&hco).unwrap();
    let at = target(Kind::HyperConverged, "h");
    let patch =
        json!({ "spec": { "liveMigrationConfig": { "parallelMigrationsPerCluster": null } } });
    let patched = shown(&cluster.merge(at.clone(), patch).unwrap());
    assert_eq!(patched["spec"]["liveMigrationConfig"]["parallelMigrationsPerCluster"], 5);
    // The same section through the other version, where it stands elsewhere.
    let v1 = KindVersion::of_document("hco.kubevirt.io/v1", "HyperConverged").unwrap();
    let patch = json!({
        "spec": { "virtualization": { "liveMigrationConfig": { "parallelMigrationsPerCluster": 3 } } },
    });
    let patched = shown(&cluster.merge(Target { served: v1, ..at }, patch).unwrap());
    assert_eq!(patched["apiVersion"], "hco.kubevirt.io/v1beta1");
    assert_eq!(patched["spec"]["liveMigrationConfig"]["parallelMigrationsPerCluster"], 3);
    assert_eq!(patched["metadata"]["generation"], 3);
}

#[test]
fn kubectl_may_replace_managed_fields() {
    let mut cluster = Cluster::new();
    cluster.create(&config_map("x")).unwrap();
    let patch = json!([{ "op": "replace", "path": "/metadata/managedFields", "value": [{}] }]);
    let patch = Patch::Json(serde_json::from_value(patch).unwrap());
    let at = target(Kind::ConfigMap, "x");
    let patched = cluster.send(&cluster.request(at, Write::Patch(patch))).unwrap();
    assert_eq!(shown(&patched)["metadata"]["managedFields"], Value::Null);
}

#[test]
fn a_json_patch_that_does_not_fit_is_unprocessable() {
    let mut cluster = Cluster::new();
    cluster.create(&vm("x")).unwrap();
    for operation in [
        json!({ "op": "test", "path": "/spec/running", "value": false }),
        json!({ "op": "remove", "path": "/spec/nothing" }),
    ] {
        let patch = Patch::Json(serde_json::from_value(json!([operation])).unwrap());
        let refusal = cluster.send(&cluster.request(machine(), Write::Patch(patch))).unwrap_err();
        assert_eq!(
            (refusal.code(), refusal.to_string().as_str()),
            (422, "the server rejected our request due to an error in our request")
        );
    }
    let missing = Target { name: "none".to_owned(), ..machine() };
    assert_eq!(cluster.merge(missing, json!({})).unwrap_err().code(), 404);
}

#[test]
fn parity_keys_that_stand_twice_in_a_patch_are_told_or_refused() {
    let merge = || Patch::Merge(json!({ "metadata": { "labels": { "a": "b" } } }));
    let json = || Patch::Json(serde_json::from_value(json!([])).unwrap());
    let config = || Patch::Apply {
        config: vm("x").as_object().unwrap().clone(),
        conflicts: OnConflict::TakeOver,
    };
    for (patch, code, sentence) in [
        (merge(), 422, "duplicate field \"a.b\""),
        (json(), 422, "json patch duplicate field \"a.b\""),
        (config(), 400, "key \"a.b\" already set in map"),
    ] {
        let mut cluster = Cluster::new();
        cluster.create(&vm("x")).unwrap();
        cluster.duplicates = vec!["a.b".to_owned()];
        let write = || Write::Patch(patch.clone());
        let warned = cluster.send(&cluster.request(machine(), write())).unwrap();
        assert_eq!(warned.warnings, [sentence]);
        cluster.validation = FieldValidation::Strict;
        let refusal = cluster.send(&cluster.request(machine(), write())).unwrap_err();
        assert_eq!(refusal.code(), code, "{refusal}");
        assert!(refusal.to_string().contains("strict decoding"), "{refusal}");
        assert!(refusal.to_string().contains(sentence), "{refusal}");
        cluster.validation = FieldValidation::Ignore;
        let quiet = cluster.send(&cluster.request(machine(), write())).unwrap();
        assert_eq!(quiet.warnings, [""; 0]);
    }
}

#[test]
fn parity_members_that_operations_do_not_have_are_told_or_refused() {
    let patch = || Write::Patch(Patch::Json(serde_json::from_value(json!([])).unwrap()));
    let mut cluster = Cluster::new();
    cluster.create(&vm("x")).unwrap();
    cluster.unknown_members = vec!["[0].note".to_owned()];
    let warned = cluster.send(&cluster.request(machine(), patch())).unwrap();
    assert_eq!(warned.warnings, ["json patch unknown field \"[0].note\""]);
    cluster.validation = FieldValidation::Strict;
    let refusal = cluster.send(&cluster.request(machine(), patch())).unwrap_err();
    assert_eq!(refusal.code(), 422);
    assert!(
        refusal.to_string().contains("strict decoding error: json patch unknown field"),
        "{refusal}"
    );
}

#[test]
fn an_object_has_a_size_that_no_write_exceeds() {
    let large = "x".repeat(500 << 10);
    let text = |count: usize| {
        let keys = (0..count).map(|key| (format!("k{key}"), json!(large)));
        Value::Object(keys.collect())
    };
    let spec = |count: usize| json!({ "spec": { "config": text(count).to_string() } });
    let network = |count: usize| {
        json!({
            "apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition",
            "metadata": { "name": "x", "namespace": "a" }, "spec": spec(count)["spec"],
        })
    };
    let at = || target(Kind::NetworkAttachmentDefinition, "x");
    let mut cluster = Cluster::new();
    let refusal = cluster.create(&network(4)).unwrap_err();
    let sentence = refusal.to_string();
    assert_eq!((refusal.code(), cluster.get(&at())), (413, None));
    assert!(
        sentence.starts_with("Request entity too large: the object would have 20"),
        "{sentence}"
    );
    cluster.create(&network(2)).unwrap();
    let refusal = cluster.merge(at(), spec(4)).unwrap_err();
    assert_eq!(refusal.code(), 413);
    let refusal = cluster.server_side_apply(at(), &network(4), OnConflict::TakeOver).unwrap_err();
    assert_eq!(refusal.code(), 413);
    cluster.run = Run::Dry;
    assert_eq!(cluster.merge(at(), spec(4)).unwrap_err().code(), 413);
    cluster.run = Run::Real;
    cluster.merge(at(), spec(1)).unwrap();
    cluster.delete(at()).unwrap();
}

#[test]
fn parity_an_object_with_too_many_fields_forgets_who_owns_them() {
    let at = || target(Kind::ConfigMap, "x");
    let long = "this-key-is-very-long-so-as-to-create-a-very-large-serialized-fieldset";
    let data = |count: u32| -> Value {
        (0..count)
            .map(|key| (format!("{long}-{key}"), json!("A")))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let map = |count: u32| {
        let mut map = config_map("x");
        map["data"] = data(count);
        map
    };
    let owners =
        |cluster: &Cluster| cluster.get(&at()).unwrap()["metadata"].get("managedFields").cloned();
    let replace = |cluster: &mut Cluster| cluster.update(&map(9999)).unwrap();
    let merge = |cluster: &mut Cluster| cluster.merge(at(), json!({ "data": data(9999) })).unwrap();
    for write in [&replace as &dyn Fn(&mut Cluster) -> Decision, &merge] {
        let mut cluster = Cluster::new();
        cluster.create(&map(2)).unwrap();
        assert!(owners(&cluster).is_some());
        cluster.run = Run::Dry;
        assert_eq!(shown(&write(&mut cluster))["metadata"].get("managedFields"), None);
        cluster.run = Run::Real;
        write(&mut cluster);
        assert_eq!(owners(&cluster), None);
    }
    let mut cluster = Cluster::new();
    cluster.create(&map(9999)).unwrap();
    assert_eq!(owners(&cluster), None);
    // Whoever applies wants to own what is applied.
    let refusal = cluster.server_side_apply(at(), &map(9999), OnConflict::TakeOver).unwrap_err();
    assert_eq!(refusal.code(), 413);
}
