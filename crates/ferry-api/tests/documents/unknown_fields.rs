//! The fields of every kind are known: one that nobody knows is reported by its path. Inside a
//! machine's hardware and what else ferry does not act on, all is kept as it was written.

use expect_test::expect;
use serde_json::{Value, json};

use crate::common::{check_errors, documents, encode, object};

#[test]
fn a_policy_has_no_other_settings() {
    check_errors(
        "
apiVersion: migrations.kubevirt.io/v1alpha1
kind: MigrationPolicy
metadata: {name: a}
spec:
  selectors: {}
  bandwithPerMigration: 64Mi
  progressTimeout: 150
",
        &expect![[r#"
            spec.bandwithPerMigration: unknown field; did you mean bandwidthPerMigration?
            spec.progressTimeout: unknown field; use allowAutoConverge, allowPostCopy, allowWorkloadDisruption, bandwidthPerMigration, completionTimeoutPerGiB, experimental, maxDowntimeMs, selectors
        "#]],
    );
}

#[test]
fn selectors_of_a_policy_are_two() {
    check_errors(
        "
apiVersion: migrations.kubevirt.io/v1alpha1
kind: MigrationPolicy
metadata: {name: a}
spec:
  selectors:
    vmiSelector: {size: large}
    namespaceSelectors: {env: prod}
  experimental: {multifd: 8}
",
        &expect![[r#"
            spec.experimental.multifd: unknown field; use compression, downtimeTuning, stallDetector
            spec.selectors.namespaceSelectors: unknown field; did you mean namespaceSelector?
            spec.selectors.vmiSelector: unknown field; use namespaceSelector, virtualMachineInstanceSelector
        "#]],
    );
}

#[test]
fn a_network_has_a_configuration_and_nothing_else() {
    check_errors(
        "
apiVersion: k8s.cni.cncf.io/v1
kind: NetworkAttachmentDefinition
metadata: {name: a}
spec:
  config: '{}'
  Config: {}
",
        &expect![[r#"
            spec.Config: unknown field; did you mean config?
        "#]],
    );
}

#[test]
fn a_migration_asks_for_nothing_else() {
    check_errors(
        "
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstanceMigration
metadata: {name: a}
spec:
  vmiName: b
  nodeSelector: {kubernetes.io/hostname: worker-2}
  sendTo: {migrationID: x, connectURL: 'host:9185', token: z}
  receive: {migrationID: x, migrationId: y}
",
        &expect![[r#"
            spec.nodeSelector: unknown field; use addedNodeSelector, priority, receive, sendTo, vmiName
            spec.receive.migrationId: unknown field; did you mean migrationID?
            spec.sendTo.token: unknown field; use connectURL, migrationID
        "#]],
    );
}

#[test]
fn both_versions_of_hyperconverged_know_the_same_settings() {
    check_errors(
        "
apiVersion: hco.kubevirt.io/v1beta1
kind: HyperConverged
metadata: {name: kubevirt-hyperconverged}
spec:
  liveMigrationConfig: {completionTimeoutPerGib: 800, maxDowntimeMs: 500}
",
        &expect![[r#"
            spec.liveMigrationConfig.completionTimeoutPerGib: unknown field; did you mean completionTimeoutPerGiB?
            spec.liveMigrationConfig.maxDowntimeMs: unknown field; use allowAutoConverge, allowPostCopy, allowWorkloadDisruption, bandwidthPerMigration, completionTimeoutPerGiB, network, parallelMigrationsPerCluster, parallelOutboundMigrationsPerNode, progressTimeout
        "#]],
    );
    check_errors(
        "
apiVersion: hco.kubevirt.io/v1
kind: HyperConverged
metadata: {name: kubevirt-hyperconverged}
spec:
  virtualization:
    liveMigrationConfig: {disableTLS: true}
",
        &expect![[r#"
            spec.virtualization.liveMigrationConfig.disableTLS: unknown field; use allowAutoConverge, allowPostCopy, allowWorkloadDisruption, bandwidthPerMigration, completionTimeoutPerGiB, network, parallelMigrationsPerCluster, parallelOutboundMigrationsPerNode, progressTimeout
        "#]],
    );
}

#[test]
fn the_cluster_knows_its_own_settings() {
    check_errors(
        "
apiVersion: kubevirt.io/v1
kind: KubeVirt
metadata: {name: kubevirt}
spec:
  configuration:
    migrations: {disableTls: true, progresTimeout: 1, somethingElse: 1}
",
        &expect![[r#"
            spec.configuration.migrations.disableTls: unknown field; did you mean disableTLS?
            spec.configuration.migrations.progresTimeout: unknown field; did you mean progressTimeout?
            spec.configuration.migrations.somethingElse: unknown field; use allowAutoConverge, allowPostCopy, allowWorkloadDisruption, bandwidthPerMigration, completionTimeoutPerGiB, crossClusterNetwork, decentralizedLiveMigrationDatapath, disableTLS, matchSELinuxLevelOnMigration, maxDowntimeMs, network, nodeDrainTaintKey, parallelMigrationsPerCluster, parallelOutboundMigrationsPerNode, progressTimeout, unsafeMigrationOverride, utilityVolumesTimeout
        "#]],
    );
}

#[test]
fn no_kind_has_fields_beside_metadata_spec_and_status() {
    check_errors(
        "
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstance
metadata: {name: a, label: {b: c}}
specs: {}
spec: {domain: {devices: {}}}
",
        &expect![[r#"
            metadata.label: unknown field; did you mean labels?
            specs: unknown field; did you mean spec?
        "#]],
    );
}

#[test]
fn in_a_migration_unknown_fields_are_kept_all_the_same() {
    // `decode` refuses them; a client that reads from a newer cluster must not lose them.
    let migration: ferry_api::kubevirt::VirtualMachineInstanceMigration =
        serde_json::from_value(json!({
            "metadata": { "name": "a" },
            "spec": {
                "vmiName": "b",
                "deadline": "1h",
                "sendTo": { "migrationID": "x", "connectURL": "y", "token": "z" },
                "receive": { "migrationID": "x", "window": [1, 2] },
            },
            "status": {
                "progress": { "percent": 40 },
                "phaseTransitionTimestamps": [
                    { "phaseTransitionTimestamp": "2026-11-23T08:15:00Z", "by": "controller" },
                ],
            },
        }))
        .unwrap();
    let written = json!(migration);
    assert_eq!(written["spec"]["deadline"], "1h");
    assert_eq!(written["spec"]["sendTo"]["token"], "z");
    assert_eq!(written["spec"]["receive"]["window"], json!([1, 2]));
    assert_eq!(written["status"]["progress"]["percent"], 40);
    assert_eq!(written["status"]["phaseTransitionTimestamps"][0]["by"], "controller");
}

/// Where in each manifest a field of tomorrow may turn up.
const OPEN_PLACES: [(&str, &[&str]); 5] = [
    (
        include_str!("../manifests/vm-postgres.yaml"),
        &[
            "/spec/dataVolumeTemplates/0/spec",
            "/spec/template/spec/domain",
            "/spec/template/spec/domain/memory",
            "/spec/template/spec/domain/devices/disks/1",
            "/spec/template/spec/domain/resources",
            "/spec/template/spec/networks/0",
            "/spec/template/spec/volumes/0",
            "/spec/template/spec/volumes/0/dataVolume",
        ],
    ),
    (
        include_str!("../manifests/vm-realtime-gpu.yaml"),
        &[
            "/spec/template/spec/domain/cpu",
            "/spec/template/spec/domain/memory/hugepages",
            "/spec/template/spec/resourceClaims/0",
            "/spec/template/spec/dnsConfig",
        ],
    ),
    (
        include_str!("../manifests/vmi-running.yaml"),
        &["/spec/domain/machine", "/status/guestOSInfo", "/status/migrationState/sourceState"],
    ),
    (
        include_str!("../manifests/kubevirt.yaml"),
        &["/spec/workloads", "/spec/configuration/network", "/status/generations/0"],
    ),
    (
        include_str!("../manifests/hyperconverged-v1beta1.yaml"),
        &["/spec/certConfig", "/spec/dataImportCronTemplates/0"],
    ),
];

#[test]
fn elsewhere_fields_of_tomorrow_are_kept() {
    for (text, places) in OPEN_PLACES {
        for place in places {
            let mut document = documents(text)
                .into_iter()
                .map(|document| Value::Object(document.value))
                .find(|value| value.pointer(place).is_some())
                .unwrap();
            let fields = document.pointer_mut(place).and_then(Value::as_object_mut).unwrap();
            fields.insert("fieldOfTomorrow".to_owned(), json!({ "a": [1, null] }));
            let written = Value::Object(encode(&object(document.as_object().unwrap())));
            let kept = written.pointer(&format!("{place}/fieldOfTomorrow"));
            assert_eq!(kept, Some(&json!({ "a": [1, null] })), "{place}");
        }
    }
}
