//! New objects.

use ferry_api::{Kind, KindVersion};
use serde_json::{Value, json};

use crate::object::Target;
use crate::refusal::Refusal;
use crate::request::{Answer, FieldValidation, Run};
use crate::testing::{Cluster, config_map, pod, shown, target, vm};

#[test]
fn the_server_decides_who_an_object_is() {
    let mut cluster = Cluster::new();
    let mut object = vm("x");
    for (field, value) in [
        ("uid", json!("mine")),
        ("creationTimestamp", json!("2001-01-01T00:00:00Z")),
        ("generation", json!(7)),
        ("selfLink", json!("/x")),
        ("deletionTimestamp", json!("2001-01-01T00:00:00Z")),
        ("deletionGracePeriodSeconds", json!(3)),
    ] {
        object["metadata"][field] = value;
    }
    let created = cluster.create(&object).unwrap();
    assert!(matches!(created.answer, Answer::Created(_)));
    let metadata = &shown(&created)["metadata"];
    assert_eq!(metadata["uid"], "uid-2");
    assert_eq!(metadata["creationTimestamp"], "2026-11-26T00:00:00Z");
    assert_eq!(metadata["generation"], 1);
    assert_eq!(metadata["resourceVersion"], cluster.state.revision().to_string());
    for absent in ["selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"] {
        assert_eq!(metadata[absent], Value::Null, "{absent}");
    }
    assert_eq!(metadata["managedFields"][0]["manager"], "test");
    assert_eq!(metadata["managedFields"][0]["operation"], "Update");
}

#[test]
fn only_kinds_that_count_changes_have_a_generation() {
    let mut cluster = Cluster::new();
    for (object, generation) in
        [(vm("x"), json!(1)), (pod("x", ""), json!(1)), (config_map("x"), Value::Null)]
    {
        let created = shown(&cluster.create(&object).unwrap());
        assert_eq!(created["metadata"]["generation"], generation, "{created}");
    }
}

#[test]
fn what_exists_already_is_said_so_and_what_is_ending_too() {
    let mut cluster = Cluster::new();
    cluster.create(&vm("x")).unwrap();
    let refusal = cluster.create(&vm("x")).unwrap_err();
    assert_eq!(refusal.to_string(), "virtualmachines.kubevirt.io \"x\" already exists");
    let mut held = vm("y");
    held["metadata"]["finalizers"] = json!(["a/b"]);
    cluster.create(&held).unwrap();
    cluster.delete(target(Kind::VirtualMachine, "y")).unwrap();
    let refusal = cluster.create(&vm("y")).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "object is being deleted: virtualmachines.kubevirt.io \"y\" already exists"
    );
    assert_eq!(refusal.status()["reason"], "AlreadyExists");
}

#[test]
fn a_revision_cannot_be_asked_for() {
    let mut cluster = Cluster::new();
    let mut object = vm("x");
    object["metadata"]["resourceVersion"] = json!("5");
    let refusal = cluster.create(&object).unwrap_err();
    assert_eq!(refusal.to_string(), "resourceVersion should not be set on objects to be created");
    let status = refusal.status();
    assert_eq!((&status["code"], status.get("reason")), (&json!(500), None));
    // What is none says nothing.
    for (name, revision) in [("x", "0"), ("y", "-1"), ("z", "abc")] {
        let mut object = vm(name);
        object["metadata"]["resourceVersion"] = json!(revision);
        let made = shown(&cluster.create(&object).unwrap());
        assert_ne!(made["metadata"]["resourceVersion"], revision);
    }
}

#[test]
fn parity_names_are_generated_and_drawn_again_where_taken() {
    let mut cluster = Cluster::new();
    let long = "p".repeat(70);
    for (prefix, name) in [
        ("job-", "job-bbbbb".to_owned()),
        ("job-", "job-ccccc".to_owned()),
        (&long, format!("{}bbbbb", &long[..58])),
    ] {
        let mut object = config_map("");
        object["metadata"] = json!({ "generateName": prefix });
        let created = shown(&cluster.create(&object).unwrap());
        assert_eq!(created["metadata"]["name"], name);
        assert_eq!(created["metadata"]["generateName"], prefix);
    }
    let mut object = config_map("");
    object["metadata"] = json!({ "generateName": "job-" });
    let refusal = cluster.create(&object).unwrap_err();
    assert!(matches!(refusal, Refusal::GeneratedNameTaken { .. }), "{refusal}");
}

#[test]
fn parity_names_follow_the_rule_of_their_kind() {
    let mut cluster = Cluster::new();
    let named = |api_version: &str, kind: &str, name: &str| json!({ "apiVersion": api_version, "kind": kind, "metadata": { "name": name } });
    let mut role = named("rbac.authorization.k8s.io/v1", "ClusterRole", "kubevirt.io:migrate");
    role["rules"] = json!([]);
    cluster.create(&role).unwrap();
    for (object, message) in [
        (named("v1", "ConfigMap", "A"), "lowercase RFC 1123 subdomain"),
        (named("v1", "Namespace", "a.b"), "must not contain dots"),
        (named("v1", "ConfigMap", ""), "name or generateName is required"),
        ({ named("rbac.authorization.k8s.io/v1", "ClusterRole", "a/b") }, "may not contain '/'"),
    ] {
        let refusal = cluster.create(&object).unwrap_err();
        assert_eq!(refusal.code(), 422, "{refusal}");
        assert!(refusal.to_string().contains(message), "{refusal}");
    }
}

#[test]
fn parity_a_body_must_be_what_the_url_says() {
    let at = |kind| Target { name: String::new(), ..target(kind, "") };
    let without = |mut object: Value, field: &str| {
        object.as_object_mut().unwrap().remove(field);
        object
    };
    let with = |field: &str, value: &str| {
        let mut object = vm("x");
        object[field] = json!(value);
        object
    };
    let elsewhere = {
        let mut object = vm("x");
        object["metadata"]["namespace"] = json!("b");
        object
    };
    let refused = [
        (Kind::VirtualMachine, without(vm("x"), "kind"), "Object 'Kind' is missing in"),
        (Kind::VirtualMachine, without(vm("x"), "apiVersion"), "Object 'apiVersion' is missing"),
        (
            Kind::VirtualMachine,
            with("apiVersion", "kubevirt.io/v1alpha3"),
            "the API version in the data (kubevirt.io/v1alpha3) does not match the expected API \
             version (kubevirt.io/v1)",
        ),
        (
            Kind::VirtualMachine,
            with("kind", "KubeVirt"),
            "KubeVirt in version \"v1\" cannot be handled as a VirtualMachine",
        ),
        (
            Kind::VirtualMachine,
            elsewhere,
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
    ];
    let mut cluster = Cluster::new();
    for (kind, object, message) in refused {
        let refusal = cluster.create_at(at(kind), &object).unwrap_err();
        assert_eq!(refusal.code(), 400, "{refusal}");
        assert!(refusal.to_string().contains(message), "{refusal}");
    }
    // Python's client leaves them out, and Kubernetes' own kinds do not mind.
    let bare = json!({ "metadata": { "name": "bare" }, "data": {} });
    let created = shown(&cluster.create_at(at(Kind::ConfigMap), &bare).unwrap());
    assert_eq!((&created["apiVersion"], &created["kind"]), (&json!("v1"), &json!("ConfigMap")));
}

#[test]
fn parity_a8_a_vm_in_the_group_of_policies_is_accepted_with_a_warning() {
    let mut cluster = Cluster::new();
    let mut object = vm("x");
    object["apiVersion"] = json!("migrations.kubevirt.io/v1alpha1");
    let at = Target { name: String::new(), ..target(Kind::VirtualMachine, "") };
    let created = cluster.create_at(at, &object).unwrap();
    assert_eq!(shown(&created)["apiVersion"], "kubevirt.io/v1");
    assert_eq!(
        created.warnings,
        ["there is no VirtualMachine in migrations.kubevirt.io/v1alpha1; it was read as \
          kubevirt.io/v1"]
    );
}

fn policy(spec: &Value) -> Value {
    json!({
        "apiVersion": "migrations.kubevirt.io/v1alpha1",
        "kind": "MigrationPolicy",
        "metadata": { "name": "p" },
        "spec": spec,
    })
}

#[test]
fn parity_unknown_fields_are_dropped_and_told_as_was_asked_for() {
    let object = policy(&json!({ "selectors": {}, "foo": 1, "bar": { "x": 1 } }));
    for (validation, warnings) in [
        (FieldValidation::Ignore, vec![]),
        (FieldValidation::Warn, vec!["unknown field \"spec.bar\"", "unknown field \"spec.foo\""]),
    ] {
        let mut cluster = Cluster { validation, ..Cluster::new() };
        let created = cluster.create(&object).unwrap();
        assert_eq!(created.warnings, warnings);
        assert_eq!(shown(&created)["spec"], json!({ "selectors": {} }));
    }
    let mut cluster = Cluster { validation: FieldValidation::Strict, ..Cluster::new() };
    let refusal = cluster.create(&object).unwrap_err();
    assert_eq!(refusal.code(), 400);
    assert_eq!(
        refusal.to_string(),
        "MigrationPolicy in version \"v1alpha1\" cannot be handled as a MigrationPolicy: strict \
         decoding error: unknown field \"spec.bar\", unknown field \"spec.foo\""
    );
}

#[test]
fn what_does_not_fit_the_schema_is_invalid_with_a_cause_for_each_field() {
    let mut cluster = Cluster::new();
    let refusal = cluster
        .create(&policy(&json!({ "allowPostCopy": "yes", "completionTimeoutPerGiB": "x" })))
        .unwrap_err();
    assert_eq!(refusal.code(), 422);
    let status = refusal.status();
    let fields: Vec<_> = status["details"]["causes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cause| cause["field"].as_str().unwrap())
        .collect();
    assert_eq!(fields, ["spec.allowPostCopy", "spec.completionTimeoutPerGiB", "spec.selectors"]);
    assert_eq!(status["details"]["kind"], "MigrationPolicy");
    assert_eq!(status["details"]["name"], "p");
}

#[test]
fn parity_nulls_go_and_numbers_and_quantities_have_one_spelling() {
    let mut cluster = Cluster::new();
    let mut object = policy(&json!({ "selectors": {}, "allowPostCopy": null }));
    object["spec"]["completionTimeoutPerGiB"] = json!(150.0);
    object["spec"]["bandwidthPerMigration"] = json!("1024Mi");
    object["metadata"]["creationTimestamp"] = Value::Null;
    let created = shown(&cluster.create(&object).unwrap());
    assert_eq!(
        created["spec"].to_string(),
        r#"{"bandwidthPerMigration":"1024Mi","completionTimeoutPerGiB":150,"selectors":{}}"#
    );
    let node = json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": { "name": "n" },
        "status": { "capacity": { "memory": "1024Mi" } },
    });
    // A node may say how it is as it introduces itself.
    let created = shown(&cluster.create(&node).unwrap());
    assert_eq!(created["status"]["capacity"]["memory"], "1Gi");
}

#[test]
fn parity_status_is_kept_only_where_it_has_no_path_of_its_own() {
    let mut cluster = Cluster::new();
    let mut machine = vm("x");
    machine["status"] = json!({ "printableStatus": "Running" });
    assert_eq!(shown(&cluster.create(&machine).unwrap())["status"], Value::Null);
    let instance = json!({
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachineInstance",
        "metadata": { "name": "x" },
        "spec": { "domain": { "devices": {} } },
        "status": { "phase": "Running" },
    });
    let created = shown(&cluster.create(&instance).unwrap());
    assert_eq!(created["status"]["phase"], "Running");
    let mut born = pod("x", "");
    born["status"] = json!({ "phase": "Running", "qosClass": "Guaranteed" });
    let status = json!({ "phase": "Pending", "qosClass": "BestEffort" });
    assert_eq!(shown(&cluster.create(&born).unwrap())["status"], status);
}

#[test]
fn a_dry_run_answers_and_changes_nothing() {
    let mut cluster = Cluster { run: Run::Dry, ..Cluster::new() };
    let before = cluster.state.revision();
    let created = cluster.create(&vm("x")).unwrap();
    assert!(matches!(created.answer, Answer::Created(_)));
    assert_eq!(shown(&created)["metadata"]["resourceVersion"], Value::Null);
    assert_eq!(shown(&created)["metadata"]["generation"], 1);
    assert_eq!(created.change, None);
    assert_eq!(cluster.state.revision(), before);
}

#[test]
fn parity_annotations_have_a_limit_for_all_together() {
    let mut cluster = Cluster::new();
    let mut object = config_map("x");
    object["metadata"]["annotations"] = json!({ "k": "v".repeat(256 << 10) });
    let refusal = cluster.create(&object).unwrap_err();
    assert_eq!(refusal.code(), 422);
    assert_eq!(refusal.status()["details"]["causes"][0]["reason"], "FieldValueTooLong");
    object["metadata"]["annotations"] = json!({ "k": "v".repeat((256 << 10) - 1) });
    cluster.create(&object).unwrap();
}

#[test]
fn parity_a_secret_may_be_written_as_text() {
    let mut cluster = Cluster::new();
    let secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": "s" },
        "stringData": { "k": "value" },
    });
    let created = shown(&cluster.create(&secret).unwrap());
    assert_eq!(created["data"], json!({ "k": "dmFsdWU=" }));
    assert_eq!((&created["type"], &created["stringData"]), (&json!("Opaque"), &Value::Null));
}

#[test]
fn parity_versions_of_a_kind_are_kept_as_one() {
    let mut cluster = Cluster::new();
    let object = json!({
        "apiVersion": "hco.kubevirt.io/v1",
        "kind": "HyperConverged",
        "metadata": { "name": "kubevirt-hyperconverged" },
        "spec": {
            "virtualization": {
                "liveMigrationConfig": { "parallelMigrationsPerCluster": 9 },
                "tuningPolicy": "annotation",
            },
            "featureGates": [{ "name": "alignCPUs" }],
        },
    });
    let created = shown(&cluster.create(&object).unwrap());
    assert_eq!(created["apiVersion"], "hco.kubevirt.io/v1beta1");
    assert_eq!(created["spec"]["liveMigrationConfig"]["parallelMigrationsPerCluster"], 9);
    assert_eq!(created["spec"]["liveMigrationConfig"]["progressTimeout"], 150);
    let key = target(Kind::HyperConverged, "kubevirt-hyperconverged").key();
    let v1 = KindVersion::of_document("hco.kubevirt.io/v1", "HyperConverged").unwrap();
    let back: Value =
        serde_json::from_slice(&crate::convert(cluster.state.object(&key).unwrap(), v1)).unwrap();
    assert_eq!(back["spec"]["virtualization"]["tuningPolicy"], "annotation");
    assert_eq!(
        back["spec"]["virtualization"]["liveMigrationConfig"]["parallelMigrationsPerCluster"],
        9
    );
    assert_eq!(
        (&back["spec"]["featureGates"], &back["apiVersion"]),
        (&json!([{ "name": "alignCPUs" }]), &json!("hco.kubevirt.io/v1"))
    );
}

#[test]
fn parity_finalizers_of_built_in_kinds_are_standard_or_qualified() {
    let with = |mut object: Value, finalizer: &str| {
        object["metadata"]["finalizers"] = json!([finalizer]);
        object
    };
    let mut cluster = Cluster::new();
    for sound in ["orphan", "foregroundDeletion", "example.com/held"] {
        cluster.create(&with(config_map(&sound.to_lowercase().replace('/', "-")), sound)).unwrap();
    }
    let refusal = cluster.create(&with(config_map("y"), "held")).unwrap_err();
    assert_eq!(refusal.code(), 422);
    assert!(
        refusal.to_string().ends_with(
            "metadata.finalizers[0]: Invalid value: \"held\": name is neither a standard \
             finalizer name nor is it fully qualified"
        ),
        "{refusal}"
    );
    // Custom kinds call them what they like.
    cluster.create(&with(vm("x"), "held")).unwrap();
}

#[test]
fn parity_an_event_owns_nothing() {
    let mut owned = config_map("x");
    owned["metadata"]["ownerReferences"] =
        json!([{ "apiVersion": "v1", "kind": "Event", "name": "e", "uid": "u" }]);
    let refusal = Cluster::new().create(&owned).unwrap_err();
    assert_eq!(refusal.code(), 422);
    let sentence = "/v1, Kind=Event is disallowed from being an owner";
    assert!(refusal.to_string().ends_with(sentence), "{refusal}");
}
