//! What a careful colleague says, and when there is nothing to say.

use crate::common::manifests::{INSTANCE, warnings};
use expect_test::{Expect, expect};

#[track_caller]
fn check(manifests: &[&str], expected: Expect) {
    expected.assert_eq(&warnings(&manifests.join("\n---\n")));
}

/// A policy `p` whose spec is `spec` (YAML in one line).
fn policy(name: &str, spec: &str) -> String {
    format!(
        "{{apiVersion: migrations.kubevirt.io/v1alpha1, kind: MigrationPolicy, \
         metadata: {{name: {name}}}, spec: {{{spec}}}}}"
    )
}

fn cluster(section: &str) -> String {
    format!(
        "{{apiVersion: hco.kubevirt.io/v1beta1, kind: HyperConverged, \
         metadata: {{name: kubevirt-hyperconverged}}, \
         spec: {{liveMigrationConfig: {{{section}}}}}}}"
    )
}

const SELECTS_WEB: &str = "selectors: {virtualMachineInstanceSelector: {app: web}}";

#[test]
fn sound_manifests_give_no_warning() {
    check(
        &[INSTANCE, &policy("p", &format!("{SELECTS_WEB}, allowPostCopy: true")), &cluster("")],
        expect![""],
    );
}

#[test]
fn a_selector_that_matches_no_vm() {
    check(
        &[
            INSTANCE,
            &policy(
                "p",
                "selectors: {virtualMachineInstanceSelector: {app: db}}, allowPostCopy: true",
            ),
        ],
        expect![[r#"
            selector-matches-no-vm: policy p selects none of the VMs given
        "#]],
    );
}

#[test]
fn a_policy_that_overrides_nothing() {
    check(
        &[INSTANCE, &policy("p", SELECTS_WEB)],
        expect![[r#"
            policy-overrides-nothing: policy p sets nothing: a VM that it applies to has the cluster's settings
        "#]],
    );
}

#[test]
fn two_policies_that_tie() {
    let spec = format!("{SELECTS_WEB}, completionTimeoutPerGiB: 1");
    check(
        &[INSTANCE, &policy("b", &spec), &policy("a", &spec), &policy("c", &spec)],
        expect![[r#"
            policies-tie: policies a and b, c tie at 1 matching label; give one of them another label to make the choice yours
        "#]],
    );
}

#[test]
fn a_tie_that_the_other_semantics_breaks_otherwise() {
    let two_labels = INSTANCE.replace("{app: web}", "{aaa: x, bbb: x}");
    let selecting = |name: &str, label: &str| {
        let selector = format!("virtualMachineInstanceSelector: {{{label}: x}}");
        policy(name, &format!("selectors: {{{selector}}}, allowAutoConverge: true"))
    };
    check(
        &[&two_labels, &selecting("b-policy", "aaa"), &selecting("a-policy", "bbb")],
        expect![[r#"
            policies-tie: policies b-policy and a-policy tie at 1 matching label; give one of them another label to make the choice yours
            semantics-differ: under documented semantics policy b-policy applies, under kubevirt it would be a-policy
        "#]],
    );
}

#[test]
fn a_tie_among_policies_that_do_not_apply_is_nothing_to_worry_about() {
    let two_labels = INSTANCE.replace("{app: web}", "{app: web, size: s}");
    let one = format!("{SELECTS_WEB}, completionTimeoutPerGiB: 1");
    let two =
        "selectors: {virtualMachineInstanceSelector: {app: web, size: s}}, allowPostCopy: true";
    check(&[&two_labels, &policy("a", &one), &policy("b", &one), &policy("c", two)], expect![""]);
}

#[test]
fn a_bandwidth_under_one_mib_per_second() {
    check(
        &[INSTANCE, &cluster("bandwidthPerMigration: 512Ki")],
        expect![[r#"
            bandwidth-below-one-mib: bandwidthPerMigration 512Ki (cluster) is under 1 MiB/s: the hypervisor is given 1 MiB/s, at which a GiB takes 17 minutes
        "#]],
    );
    // A number without a unit is a number of bytes.
    check(
        &[INSTANCE, &policy("p", &format!("{SELECTS_WEB}, bandwidthPerMigration: 64"))],
        expect![[r#"
            bandwidth-below-one-mib: bandwidthPerMigration 64 (policy/p) is under 1 MiB/s: the hypervisor is given 1 MiB/s, at which a GiB takes 17 minutes
        "#]],
    );
    check(&[INSTANCE, &cluster("bandwidthPerMigration: 1Mi")], expect![""]);
    check(&[INSTANCE, &cluster("bandwidthPerMigration: 0Mi")], expect![""]);
}

#[test]
fn a_bandwidth_under_one_byte_per_second() {
    check(
        &[INSTANCE, &cluster("bandwidthPerMigration: 100m")],
        expect![[r#"
            bandwidth-below-one-byte: bandwidthPerMigration 100m (cluster) is less than a byte per second, which the hypervisor takes for unlimited
        "#]],
    );
}

#[test]
fn post_copy_allowed_without_workload_disruption() {
    check(
        &[INSTANCE, &cluster("allowPostCopy: true, allowWorkloadDisruption: false")],
        expect![[r#"
            post-copy-without-workload-disruption: allowPostCopy is true (cluster) and allowWorkloadDisruption false (cluster): post-copy never starts, and a migration that takes too long is aborted
        "#]],
    );
    check(&[INSTANCE, &cluster("allowPostCopy: true")], expect![""]);
}

#[test]
fn a_negative_bandwidth() {
    check(
        &[INSTANCE, &cluster("bandwidthPerMigration: -1Mi")],
        expect![[r#"
            negative-bandwidth: bandwidthPerMigration -1Mi (cluster) is negative: every migration fails
        "#]],
    );
}

#[test]
fn negative_timeouts() {
    check(
        &[INSTANCE, &cluster("completionTimeoutPerGiB: -1, progressTimeout: -2")],
        expect![[r#"
            negative-timeout: completionTimeoutPerGiB -1 (cluster) is negative: it is over as soon as memory moves
            negative-timeout: progressTimeout -2 (cluster) is negative: it is over as soon as memory moves
        "#]],
    );
}

#[test]
fn limits_of_zero() {
    check(
        &[
            INSTANCE,
            &cluster("parallelMigrationsPerCluster: 0, parallelOutboundMigrationsPerNode: 0"),
        ],
        expect![[r#"
            migrations-never-start: parallelMigrationsPerCluster is 0: no migration ever starts
            migrations-never-start: parallelOutboundMigrationsPerNode is 0: no migration ever starts
        "#]],
    );
}

/// A VirtualMachine with its own labels and those of its template.
fn machine(api_version: &str, own: &str, template: &str) -> String {
    format!(
        "{{apiVersion: {api_version}, kind: VirtualMachine, \
         metadata: {{name: web, labels: {{{own}}}}}, \
         spec: {{template: {{metadata: {{labels: {{{template}}}}}, \
         spec: {{domain: {{memory: {{guest: 1Gi}}, devices: {{}}}}}}}}}}}}"
    )
}

#[test]
fn a_label_only_on_the_vm_and_not_on_its_template() {
    let sets = policy("p", &format!("{SELECTS_WEB}, allowPostCopy: true"));
    check(
        &[&machine("kubevirt.io/v1", "app: web, team: red", "size: s"), &sets],
        expect![[r#"
            label-not-on-template: label app is on the VirtualMachine and not on its template, where policy p looks for it: put it under spec.template.metadata.labels
            selector-matches-no-vm: policy p selects none of the VMs given
        "#]],
    );
    check(&[&machine("kubevirt.io/v1", "app: web", "app: web"), &sets], expect![""]);
    // No policy looks at these.
    check(&[&machine("kubevirt.io/v1", "team: red", "")], expect![""]);
}

#[test]
fn parity_a8_a_vm_with_the_group_of_migration_policy() {
    check(
        &[&machine("migrations.kubevirt.io/v1alpha1", "", "")],
        expect![[r#"
            vm-under-migration-policy-group: apiVersion migrations.kubevirt.io/v1alpha1 belongs to MigrationPolicy and was read as kubevirt.io/v1; a cluster would refuse it
        "#]],
    );
}

/// Labels of the template reach an instance when it is started, not before.
#[test]
fn parity_a9_a_running_instance_keeps_the_labels_that_it_was_started_with() {
    let sets = policy("p", &format!("{SELECTS_WEB}, allowPostCopy: true"));
    let started_before = INSTANCE.replace("{app: web}", "{kubevirt.io/nodeName: n1}");
    check(
        &[&machine("kubevirt.io/v1", "", "app: web"), &started_before, &sets],
        expect![[r#"
            template-not-applied: the running instance differs from the template in app; the template's labels count after a restart
            selector-matches-no-vm: policy p selects none of the VMs given
        "#]],
    );
}

/// At the hand-off an instance has the labels of its node and of the node that it goes to.
#[test]
fn a_label_that_is_only_set_at_run_time() {
    let by_node = policy(
        "p",
        "selectors: {virtualMachineInstanceSelector: {kubevirt.io/migrationTargetNodeName: n1}}, \
         allowPostCopy: true",
    );
    check(
        &[INSTANCE, &by_node],
        expect![[r#"
            label-set-at-run-time: policy p selects by kubevirt.io/migrationTargetNodeName, which the cluster sets when a VM runs or moves: whether it applies is only known then
            selector-matches-no-vm: policy p selects none of the VMs given
        "#]],
    );
}

#[test]
fn a_namespace_that_is_not_among_the_manifests() {
    let by_namespace =
        policy("p", "selectors: {namespaceSelector: {tier: gold}}, allowPostCopy: true");
    check(
        &[INSTANCE, &by_namespace],
        expect![[r#"
            namespace-not-given: namespace default is not among the manifests and counts as having no labels, which policy p looks at
            selector-matches-no-vm: policy p selects none of the VMs given
        "#]],
    );
    let namespace =
        "{apiVersion: v1, kind: Namespace, metadata: {name: default, labels: {tier: gold}}}";
    check(&[INSTANCE, &by_namespace, namespace], expect![""]);
}

#[test]
fn memory_that_no_manifest_names() {
    check(
        &[&INSTANCE.replace("memory: {guest: 1Gi}, ", "")],
        expect![[r#"
            memory-unknown: the manifest names no memory: the completion timeout is not known
        "#]],
    );
    check(
        &["{apiVersion: kubevirt.io/v1, kind: VirtualMachine, metadata: {name: web}, \
           spec: {instancetype: {name: u1.medium}, template: {spec: {domain: {devices: {}}}}}}"],
        expect![[r#"
            memory-unknown: memory comes from instance type u1.medium, which is not read: the completion timeout is not known
        "#]],
    );
}

#[test]
fn a_disk_whose_size_no_manifest_tells() {
    check(
        &[&INSTANCE.replace(
            "spec: {",
            "spec: {volumes: [{name: root, containerDisk: {image: fedora}}, \
             {name: init, cloudInitNoCloud: {userData: x}}], ",
        )],
        expect![[r#"
            disk-size-unknown: BlockMigration: manifests do not tell what the guest has written to root; the completion timeout grows with it
        "#]],
    );
}

#[test]
fn an_instance_that_says_it_cannot_be_migrated() {
    let status = "\nstatus: {conditions: [{type: LiveMigratable, status: 'False', \
                  reason: DisksNotLiveMigratable, message: PVC data is not shared}]}";
    check(
        &[&format!("{}{status}", INSTANCE.trim_end())],
        expect![[r#"
            not-live-migratable: the instance cannot be live-migrated: DisksNotLiveMigratable: PVC data is not shared
        "#]],
    );
}

#[test]
fn kubevirt_settings_that_hyperconverged_overwrites() {
    let kubevirt = "{apiVersion: kubevirt.io/v1, kind: KubeVirt, \
                    metadata: {name: kubevirt, namespace: kubevirt}, \
                    spec: {configuration: {migrations: {progressTimeout: 7}}}}";
    check(
        &[INSTANCE, kubevirt, &cluster("progressTimeout: 9")],
        expect![[r#"
            kubevirt-overwritten: KubeVirt kubevirt/kubevirt differs from HyperConverged, which overwrites it; HyperConverged's settings are used
        "#]],
    );
    check(&[INSTANCE, kubevirt, &cluster("progressTimeout: 7")], expect![""]);
}
