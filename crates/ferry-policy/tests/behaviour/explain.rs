//! What manifests mean for one machine: sizes, timeouts, and where labels come from.

use crate::common::manifests::{INSTANCE, only, report};
use expect_test::expect;
use ferry_config::Semantics;
use serde_json::{Value, json};

fn seconds(yaml: &str, semantics: Semantics) -> Value {
    let report = report(yaml, semantics);
    serde_json::to_value(report.vms[0].completion_timeout_seconds).unwrap()
}

fn cluster(per_gib: i64) -> String {
    format!(
        "\n---\n{{apiVersion: kubevirt.io/v1, kind: KubeVirt, metadata: {{name: kubevirt}}, \
         spec: {{configuration: {{migrations: {{completionTimeoutPerGiB: {per_gib}}}}}}}}}"
    )
}

/// Rows: memory, seconds per GiB, the timeout as documented and as KubeVirt counts it.
#[test]
fn parity_a3_the_completion_timeout_scales_with_memory() {
    for (memory, per_gib, documented, kubevirt) in [
        ("6Gi", 800, json!(4800), json!(5600)),
        ("512Mi", 800, json!(400), json!(800)),
        ("512Mi", 150, json!(75), json!(150)),
        ("1Gi", 150, json!(150), json!(300)),
        ("64Gi", 150, json!(9600), json!(10350)),
        ("100Mi", 150, json!(14.648_437_5), json!(150)),
        ("1G", 150, json!(139.698_386_192_321_78), json!(150)),
        ("6Gi", 0, json!(null), json!(null)),
        ("1Gi", -5, json!(-5), json!(-10)),
    ] {
        let yaml = INSTANCE.replace("1Gi", memory) + &cluster(per_gib);
        assert_eq!(seconds(&yaml, Semantics::Documented), documented, "{memory} x {per_gib}");
        assert_eq!(seconds(&yaml, Semantics::KubeVirt), kubevirt, "{memory} x {per_gib}");
    }
}

#[test]
fn parity_guest_memory_is_the_first_of_guest_request_limit_and_huge_page() {
    for (domain, memory) in [
        ("memory: {guest: 1Gi}, resources: {requests: {memory: 2Gi}}", "1 GiB"),
        ("resources: {requests: {memory: 2Gi}, limits: {memory: 3Gi}}", "2 GiB"),
        ("resources: {limits: {memory: 3Gi}}", "3 GiB"),
        ("memory: {hugepages: {pageSize: 2Mi}}", "2 MiB"),
        ("memory: {guest: 1073741824}", "1 GiB"),
    ] {
        let vm = only(&INSTANCE.replace("memory: {guest: 1Gi}", domain));
        assert_eq!(vm.memory.unwrap().to_string(), memory, "{domain}");
    }
}

/// Rows: volumes and devices, then the method and the seconds at 150 s/GiB for 1 GiB of memory.
#[test]
fn parity_a6_disks_that_move_count_and_shared_ones_do_not() {
    let rows = [
        ("no volumes", "", "", "LiveMigration", 150),
        (
            "a claim is shared",
            "volumes: [{name: d, persistentVolumeClaim: {claimName: c}}]",
            "",
            "LiveMigration",
            150,
        ),
        (
            "so is a data volume",
            "volumes: [{name: d, dataVolume: {name: c}}]",
            "",
            "LiveMigration",
            150,
        ),
        (
            "a scratch disk moves",
            "volumes: [{name: d, emptyDisk: {capacity: 2Gi}}]",
            "",
            "BlockMigration",
            450,
        ),
        (
            "an image's size is not known",
            "volumes: [{name: d, containerDisk: {image: i}}]",
            "",
            "BlockMigration",
            150,
        ),
        (
            "cloud-init makes it a block migration and weighs nothing",
            "volumes: [{name: d, cloudInitNoCloud: {userData: u}}]",
            "",
            "BlockMigration",
            150,
        ),
        (
            "what can only be read does not move",
            "volumes: [{name: d, containerDisk: {image: i}}]",
            "disks: [{name: d, cdrom: {bus: sata}}]",
            "LiveMigration",
            150,
        ),
        (
            "a CD that can be written moves",
            "volumes: [{name: d, emptyDisk: {capacity: 1Gi}}]",
            "disks: [{name: d, cdrom: {bus: sata, readonly: false}}]",
            "BlockMigration",
            300,
        ),
        (
            "a file system of the guest does not move",
            "volumes: [{name: d, configMap: {name: c}}]",
            "filesystems: [{name: d, virtiofs: {}}]",
            "LiveMigration",
            150,
        ),
    ];
    for (row, volumes, devices, method, expected) in rows {
        let volumes = if volumes.is_empty() { String::new() } else { format!("{volumes}, ") };
        let yaml = INSTANCE
            .replace("spec: {", &format!("spec: {{{volumes}"))
            .replace("devices: {}", &format!("devices: {{{devices}}}"));
        let vm = only(&yaml);
        assert_eq!(format!("{:?}", vm.method), method, "{row}");
        assert_eq!(seconds(&yaml, Semantics::Documented), json!(expected), "{row}");
    }
}

#[test]
fn parity_a6_volumes_on_the_move_count_by_the_smaller_of_request_and_capacity() {
    let status = |method: &str| {
        format!(
            "{}\nstatus: {{{method}migratedVolumes: [{{volumeName: d, sourcePVCInfo: {{claimName: \
             c, requests: {{storage: 2Gi}}, capacity: {{storage: 3Gi}}}}}}]}}",
            INSTANCE.trim_end()
        )
    };
    for method in ["", "migrationMethod: BlockMigration, ", "migrationMethod: LiveMigration, "] {
        assert_eq!(seconds(&status(method), Semantics::Documented), json!(450), "{method}");
    }
}

#[test]
fn the_method_that_the_instance_reports_counts() {
    let yaml = INSTANCE.replace(
        "spec: {",
        "status: {migrationMethod: LiveMigration}\n\
         spec: {volumes: [{name: d, emptyDisk: {capacity: 2Gi}}], ",
    );
    assert_eq!(seconds(&yaml, Semantics::Documented), json!(150));
}

#[test]
fn a_vm_is_explained_by_its_template_and_a_running_one_by_its_instance() {
    let vm = "\n---\n{apiVersion: kubevirt.io/v1, kind: VirtualMachine, metadata: {name: web}, \
              spec: {template: {metadata: {labels: {app: db}}, \
              spec: {domain: {memory: {guest: 2Gi}, devices: {}}}}}}";
    let policy = "\n---\n{apiVersion: migrations.kubevirt.io/v1alpha1, kind: MigrationPolicy, \
                  metadata: {name: p}, spec: {allowPostCopy: true, selectors: \
                  {virtualMachineInstanceSelector: {app: db}}}}";
    let alone = only(&format!("{vm}{policy}"));
    assert_eq!(alone.policy.as_deref(), Some("p"));
    assert_eq!(alone.memory.unwrap().to_string(), "2 GiB");
    let running = only(&format!("{INSTANCE}{vm}{policy}"));
    assert_eq!(running.policy, None);
    assert_eq!(running.memory.unwrap().to_string(), "1 GiB");
}

#[test]
fn machines_are_told_apart_by_namespace_and_name() {
    let other = INSTANCE.replace("name: web,", "name: web, namespace: red,");
    let report = report(&format!("{INSTANCE}---{other}"), Semantics::Documented);
    let names: Vec<_> =
        report.vms.iter().map(|vm| format!("{}/{}", vm.namespace, vm.name)).collect();
    assert_eq!(names, ["default/web", "red/web"]);
}

/// Every namespace carries its name as a label; the API server sees to it.
#[test]
fn a_policy_can_select_a_namespace_by_its_name() {
    let policy = "\n---\n{apiVersion: migrations.kubevirt.io/v1alpha1, kind: MigrationPolicy, \
                  metadata: {name: p}, spec: {allowPostCopy: true, selectors: \
                  {namespaceSelector: {kubernetes.io/metadata.name: default}}}}";
    let namespace = "\n---\n{apiVersion: v1, kind: Namespace, metadata: {name: default}}";
    assert_eq!(only(&format!("{INSTANCE}{policy}{namespace}")).policy.as_deref(), Some("p"));
    // Without the document it has no labels at all.
    assert_eq!(only(&format!("{INSTANCE}{policy}")).policy, None);
}

#[test]
fn the_json_is_the_documented_contract() {
    let policy = "\n---\n{apiVersion: migrations.kubevirt.io/v1alpha1, kind: MigrationPolicy, \
                  metadata: {name: p}, spec: {bandwidthPerMigration: 2048Mi, selectors: \
                  {virtualMachineInstanceSelector: {app: web}}}}";
    let report = report(&format!("{INSTANCE}{policy}"), Semantics::Documented);
    expect![[r#"
        {
          "vms": [
            {
              "namespace": "default",
              "name": "web",
              "policy": "p",
              "configuration": {
                "nodeDrainTaintKey": "kubevirt.io/drain",
                "parallelOutboundMigrationsPerNode": 2,
                "parallelMigrationsPerCluster": 5,
                "allowAutoConverge": false,
                "bandwidthPerMigration": "2Gi",
                "completionTimeoutPerGiB": 150,
                "progressTimeout": 150,
                "utilityVolumesTimeout": 150,
                "unsafeMigrationOverride": false,
                "allowPostCopy": false,
                "allowWorkloadDisruption": false
              },
              "origins": {
                "allowAutoConverge": "default",
                "allowPostCopy": "default",
                "allowWorkloadDisruption": "default",
                "bandwidthPerMigration": "policy/p",
                "completionTimeoutPerGiB": "default",
                "nodeDrainTaintKey": "default",
                "parallelMigrationsPerCluster": "default",
                "parallelOutboundMigrationsPerNode": "default",
                "progressTimeout": "default",
                "unsafeMigrationOverride": "default",
                "utilityVolumesTimeout": "default"
              },
              "completionTimeoutSeconds": 150,
              "onTimeout": "Abort",
              "policies": [
                {
                  "name": "p",
                  "verdict": "applied",
                  "reason": "1 matching label, and no other policy matches"
                }
              ],
              "warnings": []
            }
          ]
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&report).unwrap());
}
