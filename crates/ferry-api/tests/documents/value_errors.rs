//! What `decode` says of fields with wrong values: where, what stands there, and what would be
//! accepted.

use expect_test::{Expect, expect};
use ferry_api::decode;
use serde_json::{Map, json};

use crate::common::check_errors;

/// The error of a policy with `spec`.
fn check_policy(spec: &str, expected: &Expect) {
    check_errors(
        &format!(
            "apiVersion: migrations.kubevirt.io/v1alpha1\nkind: MigrationPolicy\n\
             metadata: {{name: a}}\nspec: {spec}\n"
        ),
        expected,
    );
}

#[test]
fn a_migration_policy_has_selectors() {
    check_policy(
        "{}",
        &expect![[r#"
        spec.selectors: Required value: must be an object
    "#]],
    );
    check_policy(
        "{selectors: }",
        &expect![[r#"
        spec.selectors: Invalid value: null: must be an object
    "#]],
    );
    check_errors(
        "apiVersion: migrations.kubevirt.io/v1alpha1\nkind: MigrationPolicy\nmetadata: {name: a}\n",
        &expect![[r#"
            spec: Required value: must be an object
        "#]],
    );
}

#[test]
fn selectors_are_plain_maps_of_texts() {
    check_policy(
        "{selectors: {namespaceSelector: {matchLabels: {a: b}, matchExpressions: [{key: a}]}}}",
        &expect![[r#"
            spec.selectors.namespaceSelector[matchExpressions]: Invalid value: [{"key":"a"}]: must be a string: this selector is itself the map of labels; there are no expressions
            spec.selectors.namespaceSelector[matchLabels]: Invalid value: {"a":"b"}: must be a string: this selector is itself the map of labels; write them in it, without matchLabels
        "#]],
    );
    check_policy(
        "{selectors: {virtualMachineInstanceSelector: {hpc: true, tier: 1, zone: }}}",
        &expect![[r#"
            spec.selectors.virtualMachineInstanceSelector[hpc]: Invalid value: true: must be a string; put it in quotes
            spec.selectors.virtualMachineInstanceSelector[tier]: Invalid value: 1: must be a string; put it in quotes
            spec.selectors.virtualMachineInstanceSelector[zone]: Invalid value: null: must be a string; write "" for an empty one
        "#]],
    );
    check_policy(
        "{selectors: {namespaceSelector: [a]}}",
        &expect![[r#"
        spec.selectors.namespaceSelector: Invalid value: ["a"]: must be a map of strings to strings
    "#]],
    );
    check_policy(
        "{selectors: all}",
        &expect![[r#"
        spec.selectors: Invalid value: "all": must be an object
    "#]],
    );
}

#[test]
fn settings_have_their_types_and_bounds() {
    check_policy(
        "{selectors: {}, allowPostCopy: 'true'}",
        &expect![[r#"
            spec.allowPostCopy: Invalid value: "true": must be true or false; take it out of the quotes
        "#]],
    );
    check_policy(
        "{selectors: {}, allowPostCopy: 1}",
        &expect![[r#"
        spec.allowPostCopy: Invalid value: 1: must be true or false
    "#]],
    );
    check_policy(
        "{selectors: {}, completionTimeoutPerGiB: 1.5}",
        &expect![[r#"
        spec.completionTimeoutPerGiB: Invalid value: 1.5: must be a whole number
    "#]],
    );
    check_policy(
        "{selectors: {}, completionTimeoutPerGiB: '800'}",
        &expect![[r#"
            spec.completionTimeoutPerGiB: Invalid value: "800": must be a whole number; take it out of the quotes
        "#]],
    );
    check_policy(
        "{selectors: {}, completionTimeoutPerGiB: 10m}",
        &expect![[r#"
        spec.completionTimeoutPerGiB: Invalid value: "10m": must be a whole number
    "#]],
    );
    check_policy(
        "{selectors: {}, completionTimeoutPerGiB: 9223372036854775808}",
        &expect![[r#"
            spec.completionTimeoutPerGiB: Invalid value: 9223372036854775808: must be a whole number; this one is too large
        "#]],
    );
    check_policy(
        "{selectors: {}, maxDowntimeMs: 0}",
        &expect![[r#"
        spec.maxDowntimeMs: Invalid value: 0: must be a whole number from 1 to 2000000
    "#]],
    );
    check_policy(
        "{selectors: {}, maxDowntimeMs: 2000001}",
        &expect![[r#"
        spec.maxDowntimeMs: Invalid value: 2000001: must be a whole number from 1 to 2000000
    "#]],
    );
    check_policy(
        "{selectors: {}, experimental: {compression: lz4}}",
        &expect![[r#"
        spec.experimental.compression: Unsupported value: "lz4": supported values: "none", "zstd"
    "#]],
    );
}

#[test]
fn limits_are_counts() {
    let check_kubevirt = |migrations: &str, expected: &Expect| {
        check_errors(
            &format!(
                "apiVersion: kubevirt.io/v1\nkind: KubeVirt\nmetadata: {{name: a}}\n\
                 spec: {{configuration: {{migrations: {migrations}}}}}\n"
            ),
            expected,
        );
    };
    check_kubevirt(
        "{parallelMigrationsPerCluster: -1}",
        &expect![[r#"
        spec.configuration.migrations.parallelMigrationsPerCluster: Invalid value: -1: must be a whole number from 0 to 4294967295
    "#]],
    );
    check_kubevirt(
        "{parallelMigrationsPerCluster: 4294967296}",
        &expect![[r#"
        spec.configuration.migrations.parallelMigrationsPerCluster: Invalid value: 4294967296: must be a whole number from 0 to 4294967295
    "#]],
    );
    check_kubevirt(
        "{parallelOutboundMigrationsPerNode: two}",
        &expect![[r#"
        spec.configuration.migrations.parallelOutboundMigrationsPerNode: Invalid value: "two": must be a whole number from 0 to 4294967295
    "#]],
    );
    check_kubevirt(
        "[]",
        &expect![[r#"
        spec.configuration.migrations: Invalid value: []: must be an object
    "#]],
    );
}

#[test]
fn quantities_are_quantities() {
    check_policy(
        "{selectors: {}, bandwidthPerMigration: 64MiB}",
        &expect![[r#"
        spec.bandwidthPerMigration: Invalid value: "64MiB": "64MiB" is not a quantity: "MiB" is no suffix; use Ki Mi Gi Ti Pi Ei, n u m k M G T P E, or an exponent such as 1e3 (did you mean Mi?)
    "#]],
    );
    check_policy(
        "{selectors: {}, bandwidthPerMigration: fast}",
        &expect![[r#"
        spec.bandwidthPerMigration: Invalid value: "fast": "fast" is not a quantity: it has no number; write one such as 64Mi, 500m or 1e3
    "#]],
    );
    check_policy(
        "{selectors: {}, bandwidthPerMigration: ''}",
        &expect![[r#"
        spec.bandwidthPerMigration: Invalid value: "": "" is not a quantity: it has no number; write one such as 64Mi, 500m or 1e3
    "#]],
    );
    check_policy(
        "{selectors: {}, bandwidthPerMigration: true}",
        &expect![[r#"
            spec.bandwidthPerMigration: Invalid value: true: must be a quantity such as 64Mi
        "#]],
    );
    check_policy(
        "{selectors: {}, bandwidthPerMigration: [64Mi]}",
        &expect![[r#"
        spec.bandwidthPerMigration: Invalid value: ["64Mi"]: must be a quantity such as 64Mi
    "#]],
    );
    // The one place where a number is no quantity.
    check_errors(
        "apiVersion: hco.kubevirt.io/v1beta1\nkind: HyperConverged\nmetadata: {name: a}\n\
         spec: {liveMigrationConfig: {bandwidthPerMigration: 64}}\n",
        &expect![[r#"
            spec.liveMigrationConfig.bandwidthPerMigration: Invalid value: 64: must be a string that is a quantity, such as "64Mi"; put it in quotes
        "#]],
    );
    check_errors(
        "apiVersion: v1\nkind: Node\nmetadata: {name: a}\nstatus: {capacity: {memory: 8GB}}\n",
        &expect![[r#"
            status.capacity[memory]: Invalid value: "8GB": "8GB" is not a quantity: "GB" is no suffix; use Ki Mi Gi Ti Pi Ei, n u m k M G T P E, or an exponent such as 1e3 (did you mean G?)
        "#]],
    );
}

#[test]
fn times_are_rfc_3339() {
    let check_time = |time: &str, expected: &Expect| {
        check_errors(
            &format!(
                "apiVersion: v1\nkind: Namespace\n\
                 metadata: {{name: a, creationTimestamp: {time}}}\n"
            ),
            expected,
        );
    };
    check_time(
        "yesterday",
        &expect![[r#"
        metadata.creationTimestamp: Invalid value: "yesterday": must be an RFC 3339 time such as 2026-11-23T08:15:00Z
    "#]],
    );
    check_time(
        "2026-11-23",
        &expect![[r#"
        metadata.creationTimestamp: Invalid value: "2026-11-23": must be an RFC 3339 time such as 2026-11-23T08:15:00Z
    "#]],
    );
    check_time(
        "'2026-11-23 08:15:00Z'",
        &expect![[r#"
        metadata.creationTimestamp: Invalid value: "2026-11-23 08:15:00Z": must be an RFC 3339 time such as 2026-11-23T08:15:00Z
    "#]],
    );
    check_time(
        "'2026-02-30T08:15:00Z'",
        &expect![[r#"
        metadata.creationTimestamp: Invalid value: "2026-02-30T08:15:00Z": must be an RFC 3339 time such as 2026-11-23T08:15:00Z
    "#]],
    );
    check_time(
        "1795421700",
        &expect![[r#"
            metadata.creationTimestamp: Invalid value: 1795421700: must be an RFC 3339 time such as 2026-11-23T08:15:00Z
        "#]],
    );
}

#[test]
fn words_are_of_the_list() {
    check_errors(
        "apiVersion: kubevirt.io/v1\nkind: VirtualMachineInstanceMigration\nmetadata: {name: a}\n\
         spec: {vmiName: b, priority: urgent}\nstatus: {phase: running}\n",
        &expect![[r#"
            spec.priority: Unsupported value: "urgent": supported values: "system-critical", "user-triggered", "system-maintenance"
            status.phase: Unsupported value: "running": supported values: "", "WaitingForSync", "Synchronizing", "Pending", "Scheduling", "Scheduled", "PreparingTarget", "TargetReady", "Running", "Succeeded", "Failed"
        "#]],
    );
}

#[test]
fn bytes_are_base64() {
    check_errors(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {password: hunter2!}\n",
        &expect![[r#"
            data[password]: Invalid value: "hunter2!": must be base64
        "#]],
    );
}

#[test]
fn a_long_value_is_cut() {
    check_policy(
        &format!("{{selectors: {}}}", "x".repeat(300)),
        &expect![[r#"
        spec.selectors: Invalid value: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…: must be an object
    "#]],
    );
}

#[test]
fn of_very_many_errors_a_hundred_are_told() {
    let names =
        |count: usize| (0..count).map(|n| (format!("x y{n}"), json!("-"))).collect::<Map<_, _>>();
    let document = json!({
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachineInstanceMigration",
        "metadata": { "name": "a", "labels": names(1000), "annotations": names(1000) },
        "spec": names(1000),
    });
    assert_eq!(decode(document.as_object().unwrap()).unwrap_err().len(), 100);
}

#[test]
fn everything_wrong_is_reported_at_once() {
    check_errors(
        "
apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata:
  name: Bad Name
  labels: {ok: yes}
spec:
  running: always
  template:
    spec:
      domain:
        cpu: {cores: -4}
        memory: {guest: 8 GiB}
      volumes:
      - dataVolume: {}
      - name: seed
        containerDisk: {image: 7}
",
        &expect![[r#"
            metadata.name: Invalid value: "Bad Name": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            metadata.labels[ok]: Invalid value: true: must be a string; put it in quotes
            spec.running: Invalid value: "always": must be true or false
            spec.template.spec.domain.cpu.cores: Invalid value: -4: must be a whole number from 0 to 4294967295
            spec.template.spec.domain.memory.guest: Invalid value: "8 GiB": "8 GiB" is not a quantity: " GiB" is no suffix; use Ki Mi Gi Ti Pi Ei, n u m k M G T P E, or an exponent such as 1e3 (did you mean Gi?)
            spec.template.spec.domain.devices: Required value: must be an object
            spec.template.spec.volumes[0].dataVolume.name: Required value: must be a string
            spec.template.spec.volumes[0].name: Required value: must be a string
            spec.template.spec.volumes[1].containerDisk.image: Invalid value: 7: must be a string; put it in quotes
        "#]],
    );
}

#[test]
fn parity_the_platforms_strategy_of_evictions_is_one_of_four() {
    check_errors(
        "
apiVersion: hco.kubevirt.io/v1beta1
kind: HyperConverged
metadata: {name: kubevirt-hyperconverged}
spec: {evictionStrategy: Migrate}
",
        &expect![[r#"
            spec.evictionStrategy: Unsupported value: "Migrate": supported values: "None", "LiveMigrate", "LiveMigrateIfPossible", "External"
        "#]],
    );
    check_errors(
        "
apiVersion: hco.kubevirt.io/v1
kind: HyperConverged
metadata: {name: kubevirt-hyperconverged}
spec: {virtualization: {evictionStrategy: ''}}
",
        &expect![[r#"
            spec.virtualization.evictionStrategy: Unsupported value: "": supported values: "None", "LiveMigrate", "LiveMigrateIfPossible", "External"
        "#]],
    );
    for strategy in ["None", "LiveMigrate", "LiveMigrateIfPossible", "External"] {
        let platform = json!({
            "apiVersion": "hco.kubevirt.io/v1",
            "kind": "HyperConverged",
            "metadata": { "name": "kubevirt-hyperconverged" },
            "spec": { "virtualization": { "evictionStrategy": strategy } },
        });
        let Some(platform) = platform.as_object() else { panic!("it is an object") };
        assert!(decode(platform).is_ok(), "{strategy}");
    }
}

#[test]
fn parity_a_machine_has_hardware_with_devices() {
    let kind = |kind: &str, spec: &str| {
        format!("apiVersion: kubevirt.io/v1\nkind: {kind}\nmetadata: {{name: a}}\nspec: {spec}\n")
    };
    let domain = expect![[r#"
        spec.template.spec.domain: Required value: must be an object
    "#]];
    check_errors(&kind("VirtualMachine", "{template: {spec: {}}}"), &domain);
    let devices = expect![[r#"
        spec.template.spec.domain.devices: Required value: must be an object
    "#]];
    check_errors(&kind("VirtualMachine", "{template: {spec: {domain: {}}}}"), &devices);
    let domain = expect![[r#"
        spec.domain: Required value: must be an object
    "#]];
    check_errors(&kind("VirtualMachineInstance", "{}"), &domain);
    let devices = expect![[r#"
        spec.domain.devices: Required value: must be an object
    "#]];
    check_errors(&kind("VirtualMachineInstance", "{domain: {cpu: {cores: 1}}}"), &devices);
}
