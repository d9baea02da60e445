//! The cluster's configuration and its policies.

use ferry_registry::{Part, Refusal};
use serde_json::{Value, json};

use crate::common::{Attempt, World, changed, denied, instance, invalid, kubevirt, machine, user};

fn policy(spec: &Value) -> Value {
    let mut policy = json!({
        "apiVersion": "migrations.kubevirt.io/v1alpha1",
        "kind": "MigrationPolicy",
        "metadata": { "name": "p" },
        "spec": { "selectors": {} },
    });
    crate::common::merge(&mut policy["spec"], spec);
    policy
}

fn gates(names: &[&str]) -> World {
    World::of([kubevirt(&json!({ "developerConfiguration": { "featureGates": names } }))])
}

fn create(world: &World, object: &Value) -> Result<Value, Refusal> {
    Attempt::by(user("root"), world).create(object)
}

#[test]
fn parity_a_policy_is_not_negative_and_all_that_is_wrong_is_said_at_once() {
    let world = World::default();
    for (spec, expected) in [
        (json!({ "completionTimeoutPerGiB": 0, "bandwidthPerMigration": "0Mi" }), None),
        (json!({ "bandwidthPerMigration": 64 }), None),
        (json!({ "completionTimeoutPerGiB": -1 }), Some("spec.completionTimeoutPerGiB")),
        (json!({ "bandwidthPerMigration": "-1Mi" }), Some("spec.bandwidthPerMigration")),
        (json!({ "bandwidthPerMigration": "-100m" }), Some("spec.bandwidthPerMigration")),
        (json!({ "bandwidthPerMigration": -5 }), Some("spec.bandwidthPerMigration")),
    ] {
        let result = create(&world, &policy(&spec));
        match expected {
            None => assert!(result.is_ok(), "{spec}: {result:?}"),
            Some(field) => {
                let (code, message, blamed) = denied(result);
                assert_eq!(
                    (code, message.as_str(), blamed.as_str()),
                    (422, "must not be negative", field),
                );
            }
        }
    }
    let both = json!({ "completionTimeoutPerGiB": -1, "bandwidthPerMigration": "-1" });
    let (_, message, _) = denied(create(&world, &policy(&both)));
    assert_eq!(message, "must not be negative, must not be negative");
}

#[test]
fn parity_what_is_experimental_needs_its_gate_when_it_changes() {
    let downtime = json!({ "maxDowntimeMs": 100 });
    let stall = json!({ "experimental": { "stallDetector": { "ewmaAlpha": "0.4" } } });
    let tuning = json!({ "experimental": { "downtimeTuning": { "steps": 3 } } });
    for (spec, gate, message) in [
        (
            &downtime,
            "MigrationStallDetection",
            "maxDowntimeMs cannot be modified without enabling the MigrationStallDetection or \
             MigrationDowntimeTuning feature gate",
        ),
        (
            &stall,
            "MigrationStallDetection",
            "experimental.stallDetector cannot be modified without enabling the \
             MigrationStallDetection feature gate",
        ),
        (
            &tuning,
            "MigrationDowntimeTuning",
            "experimental.downtimeTuning cannot be modified without enabling the \
             MigrationDowntimeTuning feature gate",
        ),
    ] {
        let wanted = policy(spec);
        assert_eq!(denied(create(&World::default(), &wanted)).1, message);
        create(&gates(&[gate]), &wanted).unwrap();
        // What was there before the gate was closed may stay.
        let closed = World::default();
        Attempt::by(user("root"), &closed).update(&wanted, &wanted).unwrap();
        Attempt::by(user("root"), &closed).update(&wanted, &policy(&json!({}))).unwrap();
    }
}

#[test]
fn parity_factors_of_the_stall_detector_have_ranges() {
    let world = gates(&["MigrationStallDetection", "MigrationDowntimeTuning"]);
    for (field, value, expected) in [
        ("ewmaAlpha", "1", None),
        ("ewmaAlpha", "0", Some("must be greater than 0")),
        ("ewmaAlpha", "1.1", Some("must be less than or equal to 1")),
        ("precopyPossibleFactor", "0.9", Some("must be greater than or equal to 1")),
        ("precopyPossibleFactor", "1.125", None),
        ("patienceWindowDecayFactor", "0", None),
        ("completionTimeoutFactor", "0.999", Some("must be greater than or equal to 1")),
        (
            "completionTimeoutFactor",
            "1.2345",
            Some("must be a decimal number with at most 3 decimal places, not \"1.2345\""),
        ),
        (
            "ewmaAlpha",
            "NaN",
            Some("must be a decimal number with at most 3 decimal places, not \"NaN\""),
        ),
    ] {
        let spec = json!({ "experimental": { "stallDetector": { field: value } } });
        let result = create(&world, &policy(&spec));
        match expected {
            None => assert!(result.is_ok(), "{field} {value}: {result:?}"),
            Some(message) => {
                let (_, said, blamed) = denied(result);
                assert_eq!(said, message);
                assert_eq!(blamed, format!("spec.experimental.stallDetector.{field}"));
            }
        }
    }
    let both = json!({ "experimental": { "stallDetector": {}, "downtimeTuning": {} } });
    assert!(denied(create(&world, &policy(&both))).1.contains("mutually exclusive"));
}

#[test]
fn parity_there_is_one_kubevirt() {
    create(&World::default(), &kubevirt(&json!({}))).unwrap();
    let world = World::of([kubevirt(&json!({}))]);
    let mut other = kubevirt(&json!({}));
    other["metadata"] = json!({ "name": "other", "namespace": "elsewhere" });
    let (code, message, _) = denied(create(&world, &other));
    assert_eq!((code, message.as_str()), (400, "Kubevirt is already created"));
}

#[test]
fn parity_the_downtime_of_the_cluster_needs_a_gate_and_its_timeouts_may_be_negative() {
    let old = kubevirt(&json!({ "migrations": { "maxDowntimeMs": 900 } }));
    let world = World::of([old.clone()]);
    let with = |migrations: Value| {
        changed(&old, &json!({ "spec": { "configuration": { "migrations": migrations } } }))
    };
    let attempt = Attempt::by(user("root"), &world);
    let (_, message, field) = denied(attempt.update(&old, &with(json!({ "maxDowntimeMs": 100 }))));
    assert!(message.starts_with("maxDowntimeMs cannot be modified without enabling the"));
    assert_eq!(field, "spec.configuration.migrationConfiguration.maxDowntimeMs");
    let open = json!({ "spec": { "configuration": {
        "developerConfiguration": { "featureGates": ["MigrationDowntimeTuning"] },
    } } });
    attempt.update(&old, &changed(&with(json!({ "maxDowntimeMs": 100 })), &open)).unwrap();
    for migrations in [
        json!({ "maxDowntimeMs": null }),
        json!({ "completionTimeoutPerGiB": -1, "progressTimeout": -1 }),
    ] {
        attempt.update(&old, &with(migrations)).unwrap();
    }
    let status = Attempt::by(user("root"), &world).at(Part::Status);
    status.update(&old, &with(json!({ "maxDowntimeMs": 100 }))).unwrap();
}

#[test]
fn parity_a_negative_limit_of_the_platform_is_accepted_and_every_migration_fails_with_it() {
    let negative = json!({ "migrations": { "bandwidthPerMigration": "-1Mi" } });
    create(&World::default(), &kubevirt(&negative)).unwrap();
    let object = hyperconverged("kubevirt-hyperconverged", "openshift-cnv");
    let spec = json!({ "spec": { "liveMigrationConfig": { "bandwidthPerMigration": "-1Mi" } } });
    create(&World::default(), &changed(&object, &spec)).unwrap();
}

#[test]
fn parity_kubevirt_stays_while_there_are_machines_if_it_was_told_to() {
    let blocking = changed(
        &kubevirt(&json!({})),
        &json!({
            "spec": { "uninstallStrategy": "BlockUninstallIfWorkloadsExist" },
            "status": { "phase": "Deployed" },
        }),
    );
    let with_instance = World::of([instance("vm", &json!({}))]);
    let with_machine = World::of([machine("vm", &json!({}))]);
    for (world, kubevirt, present) in [
        (&with_instance, &blocking, Some("Virtual Machine Instances")),
        (&with_machine, &blocking, Some("Virtual Machines")),
        (&World::default(), &blocking, None),
        (&with_machine, &kubevirt(&json!({})), None),
    ] {
        let result = Attempt::by(user("root"), world).delete(kubevirt);
        match present {
            None => assert!(result.is_ok()),
            Some(present) => {
                let (code, message, _) = denied(result);
                assert_eq!(code, 400);
                let start = format!(
                    "Rejecting the uninstall request, since there are still {present} present."
                );
                assert!(message.starts_with(&start), "{message}");
            }
        }
    }
}

fn hyperconverged(name: &str, namespace: &str) -> Value {
    json!({
        "apiVersion": "hco.kubevirt.io/v1beta1",
        "kind": "HyperConverged",
        "metadata": { "name": name, "namespace": namespace },
        "spec": {},
    })
}

#[test]
fn parity_hyperconverged_stays_while_there_are_machines_unless_they_may_go() {
    let object = hyperconverged("kubevirt-hyperconverged", "openshift-cnv");
    let with =
        |strategy: &str| changed(&object, &json!({ "spec": { "uninstallStrategy": strategy } }));
    let world = World::of([machine("vm", &json!({}))]);
    for (world, object, is_refused) in [
        (&world, &object, true),
        (&world, &with("BlockUninstallIfWorkloadsExist"), true),
        (&world, &with("RemoveWorkloads"), false),
        (&World::default(), &object, false),
    ] {
        let result = Attempt::by(user("root"), world).delete(object);
        if is_refused {
            let (code, message, _) = denied(result);
            assert_eq!(code, 400);
            let end = "there are still Virtual Machines present. ";
            assert!(message.contains(end), "{message}");
        } else {
            assert!(result.is_ok(), "{result:?}");
        }
    }
}

#[test]
fn parity_hyperconverged_has_one_name_and_one_namespace() {
    let world = World::default();
    create(&world, &hyperconverged("kubevirt-hyperconverged", "openshift-cnv")).unwrap();
    assert_eq!(
        invalid(create(&world, &hyperconverged("mine", "openshift-cnv"))),
        ["metadata.name: Invalid value: \"mine\": metadata.name in body should match \
             'kubevirt-hyperconverged'"]
    );
    let elsewhere = hyperconverged("kubevirt-hyperconverged", "default");
    let Err(Refusal::Unprocessable { message }) = create(&world, &elsewhere) else {
        panic!("it is refused")
    };
    assert_eq!(
        message,
        "hyperconvergeds.hco.kubevirt.io \"kubevirt-hyperconverged\" is forbidden: \
         ValidatingAdmissionPolicy 'hyperconverged-namespace-policy' with binding \
         'hyperconverged-namespace-policy-binding' denied request: HyperConverged CR can only be \
         created in the 'openshift-cnv' namespace."
    );
    // What is there already may be changed wherever it is.
    Attempt::by(user("root"), &world).update(&elsewhere, &elsewhere).unwrap();
}

#[test]
fn parity_an_annotation_patches_kubevirt_or_is_refused() {
    let world = World::default();
    let plain = hyperconverged("kubevirt-hyperconverged", "openshift-cnv");
    let words = "invalid jsonPatch in the kubevirt.kubevirt.io/jsonpatch annotation: ";
    for (patch, is_taken) in [
        (r#"[{"op":"add","path":"/spec/configuration/migrations","value":{}}]"#, true),
        (r#"[{"op":"add","path":"/spec/configuration/new","value":1}]"#, true),
        ("[]", true),
        ("nonsense", false),
        (r#"[{"op":"remove","path":"/spec/bogus"}]"#, false),
        (r#"[{"op":"add","path":"/spec/configuration","value":"all"}]"#, false),
    ] {
        let annotations = json!({ "kubevirt.kubevirt.io/jsonpatch": patch });
        let patched = changed(&plain, &json!({ "metadata": { "annotations": annotations } }));
        let root = || Attempt::by(user("root"), &world);
        for result in [create(&world, &patched), root().update(&plain, &patched)] {
            match result {
                Ok(_) => assert!(is_taken, "{patch}"),
                refused => {
                    let (code, message, _) = denied(refused);
                    assert!(!is_taken && code == 403 && message.starts_with(words), "{message}");
                }
            }
        }
        // What is there already does not hold up its end.
        root().update(&patched, &patched).unwrap();
    }
}

#[test]
fn a_patch_in_an_annotation_has_bounds() {
    let world = World::default();
    let plain = hyperconverged("kubevirt-hyperconverged", "openshift-cnv");
    let double = r#"{"op":"copy","from":"/spec","path":"/spec/x"}"#;
    let large = format!(r#"{{"op":"add","path":"/spec/x","value":"{}"}}"#, "x".repeat(100_000));
    let copies = |count: usize| vec![double; count].join(",");
    for (operations, why) in [
        (copies(17), "more than 16 operations copy or move something"),
        (format!("{large},{}", copies(16).replace("/spec/x", "/spec/y")), "it copies more than"),
        (
            format!(r#"{{"op":"add","path":"{}","value":1}}"#, "/a".repeat(65)),
            "a path has more than 64 names",
        ),
    ] {
        let annotations = json!({ "kubevirt.kubevirt.io/jsonpatch": format!("[{operations}]") });
        let patched = changed(&plain, &json!({ "metadata": { "annotations": annotations } }));
        let (code, message, _) = denied(create(&world, &patched));
        assert!(code == 403 && message.contains(why), "{message}");
    }
}

#[test]
fn parity_evicted_instances_migrate_where_there_is_another_node() {
    let nodes = |count: usize| {
        World::of((0..count).map(|number| {
            json!({
                "apiVersion": "v1", "kind": "Node", "metadata": { "name": format!("n{number}") },
            })
        }))
    };
    let object = hyperconverged("kubevirt-hyperconverged", "openshift-cnv");
    for (count, expected) in
        [(0, Value::Null), (1, json!("None")), (2, json!("LiveMigrate")), (5, json!("LiveMigrate"))]
    {
        let made = create(&nodes(count), &object).unwrap();
        let strategy = made["spec"].get("evictionStrategy").cloned().unwrap_or_default();
        assert_eq!(strategy, expected, "{count}");
    }
    let own = changed(&object, &json!({ "spec": { "evictionStrategy": "External" } }));
    assert_eq!(create(&nodes(3), &own).unwrap(), own);
}
