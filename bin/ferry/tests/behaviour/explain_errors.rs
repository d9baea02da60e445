//! What `ferry explain` says when an input is wrong: file, document, field, value and what would be
//! accepted; all problems at once, and nothing on standard output.

use crate::common::{Folder, INSTANCE, POLICY};
use expect_test::{Expect, expect};

#[track_caller]
fn check(test: &str, manifest: &str, expected: Expect) {
    let folder = Folder::new(test);
    folder.write("in.yaml", manifest);
    let run = folder.ferry(&["explain", "-f", "in.yaml"]);
    expected.assert_eq(&run.err);
    assert_eq!((run.code, run.out.as_str()), (Some(1), ""));
}

fn cluster(section: &str) -> String {
    format!(
        "apiVersion: hco.kubevirt.io/v1beta1\nkind: HyperConverged\n\
         metadata: {{name: kubevirt-hyperconverged}}\nspec:\n  liveMigrationConfig: {{{section}}}\n"
    )
}

#[test]
fn every_problem_of_every_document_is_told_at_once() {
    let policy = POLICY.replace("20", "-1").replace("spec:", "spec:\n  progressTimeout: 3");
    let cluster = cluster("bandwidthPerMigration: 64MB, parallelMigrationsPerCluster: five");
    check(
        "every_problem",
        &format!("{INSTANCE}---{policy}---\n{cluster}"),
        expect![[r#"
            error: in.yaml: document 2 (MigrationPolicy p): spec.progressTimeout: unknown field; use allowAutoConverge, allowPostCopy, allowWorkloadDisruption, bandwidthPerMigration, completionTimeoutPerGiB, experimental, maxDowntimeMs, selectors
            error: in.yaml: document 3 (HyperConverged kubevirt-hyperconverged): spec.liveMigrationConfig.bandwidthPerMigration: Invalid value: "64MB": "64MB" is not a quantity: "MB" is no suffix; use Ki Mi Gi Ti Pi Ei, n u m k M G T P E, or an exponent such as 1e3 (did you mean M?)
            error: in.yaml: document 3 (HyperConverged kubevirt-hyperconverged): spec.liveMigrationConfig.parallelMigrationsPerCluster: Invalid value: "five": must be a whole number from 0 to 4294967295
        "#]],
    );
}

#[test]
fn a_negative_timeout_of_a_policy() {
    check(
        "negative_timeout",
        &POLICY.replace("20", "-1"),
        expect![[r#"
            error: in.yaml: document 1 (MigrationPolicy p): spec.completionTimeoutPerGiB: Invalid value: -1: must not be negative
        "#]],
    );
}

#[test]
fn memory_that_is_no_quantity() {
    check(
        "bad_memory",
        &INSTANCE.replace("1Gi", "1GiB"),
        expect![[r#"
            error: in.yaml: document 1 (VirtualMachineInstance web): spec.domain.memory.guest: Invalid value: "1GiB": "1GiB" is not a quantity: "GiB" is no suffix; use Ki Mi Gi Ti Pi Ei, n u m k M G T P E, or an exponent such as 1e3 (did you mean Gi?)
        "#]],
    );
    check(
        "negative_memory",
        &INSTANCE.replace("1Gi", "-1Gi"),
        expect![[r#"
            error: in.yaml: document 1 (VirtualMachineInstance web): spec.domain.memory.guest: Invalid value: "-1Gi": -1Gi is negative; use 0 or more
        "#]],
    );
}

#[test]
fn parity_a8_a_vm_with_the_group_of_migration_policy_is_refused_by_kubevirt() {
    let folder = Folder::new("a8_refused");
    folder.write(
        "in.yaml",
        "{apiVersion: migrations.kubevirt.io/v1alpha1, kind: VirtualMachine, metadata: {name: a}, \
         spec: {template: {spec: {domain: {memory: {guest: 1Gi}, devices: {}}}}}}",
    );
    let accepted = folder.ferry(&["explain", "-f", "in.yaml"]);
    assert_eq!(accepted.code, Some(0), "{accepted:?}");
    let refused = folder.ferry(&["explain", "-f", "in.yaml", "--semantics", "kubevirt"]);
    expect![[r#"
        error: in.yaml: document 1 (VirtualMachine a): apiVersion: Invalid value: "migrations.kubevirt.io/v1alpha1": no matches for kind "VirtualMachine" in version "migrations.kubevirt.io/v1alpha1"; use kubevirt.io/v1
    "#]]
    .assert_eq(&refused.err);
    assert_eq!((refused.code, refused.out.as_str()), (Some(1), ""));
}

#[test]
fn a_policy_in_the_wrong_group_is_not_passed_over() {
    check(
        "wrong_group",
        &POLICY.replace("migrations.kubevirt.io/v1alpha1", "kubevirt.io/v1"),
        expect![[r#"
            error: in.yaml: document 1 (MigrationPolicy p): apiVersion: Invalid value: "kubevirt.io/v1": no matches for kind "MigrationPolicy" in version "kubevirt.io/v1"; use migrations.kubevirt.io/v1alpha1
        "#]],
    );
}

#[test]
fn a_hyperconverged_of_another_name() {
    check(
        "other_name",
        &cluster("").replace("kubevirt-hyperconverged", "mine"),
        expect![[r#"
            error: in.yaml: document 1 (HyperConverged mine): metadata.name: Invalid value: "mine": must be kubevirt-hyperconverged: a cluster has one HyperConverged
        "#]],
    );
}

#[test]
fn two_kubevirts() {
    let kubevirt = |name: &str| {
        format!(
            "{{apiVersion: kubevirt.io/v1, kind: KubeVirt, metadata: {{name: {name}}}, spec: {{}}}}"
        )
    };
    check(
        "two_kubevirts",
        &format!("{}\n---\n{}", kubevirt("one"), kubevirt("two")),
        expect![[r#"
            error: in.yaml: document 2 (KubeVirt two): metadata.name: Invalid value: "default/two": a cluster has one KubeVirt, and default/one is there already
        "#]],
    );
}

#[test]
fn what_is_no_object_or_no_yaml() {
    check(
        "no_object",
        "just some words",
        expect![[r#"
            error: in.yaml: document 1: a Kubernetes object is a mapping, this is a text
        "#]],
    );
    check(
        "no_type",
        "metadata: {name: x}",
        expect![[r#"
            error: in.yaml: document 1: apiVersion: Required value: must be a string such as kubevirt.io/v1
            error: in.yaml: document 1: kind: Required value: must be a string such as VirtualMachine
        "#]],
    );
    let folder = Folder::new("no_yaml");
    folder.write("in.yaml", format!("{INSTANCE}---\na: [1, 2\nb: 3\n"));
    let run = folder.ferry(&["explain", "-f", "in.yaml"]);
    assert!(run.err.starts_with("error: in.yaml: document 2: "), "{run:?}");
    assert_eq!((run.code, run.out.as_str()), (Some(1), ""));
}

#[test]
fn a_file_that_is_not_there_or_not_text() {
    let folder = Folder::new("no_file");
    let run = folder.ferry(&["explain", "-f", "missing.yaml"]);
    assert_eq!(run.err, "error: missing.yaml: No such file or directory (os error 2)\n");
    assert_eq!(run.code, Some(1));
    folder.write("binary.yaml", [0xff, 0xfe, 0x00]);
    let run = folder.ferry(&["explain", "-f", "binary.yaml"]);
    assert_eq!(run.err, "error: binary.yaml: stream did not contain valid UTF-8\n");
}

/// A selector's values are not checked, and messages repeat them.
#[test]
fn manifests_do_not_steer_the_terminal() {
    let folder = Folder::new("steering");
    let policy = POLICY.replace("app: web", r#"app: "\e[31m""#);
    let foreign = r#"{"apiVersion": "v1", "kind": "Sta\u001b[2Jtus"}"#;
    folder.write("in.yaml", format!("{INSTANCE}---{policy}")).write("other.json", foreign);
    let run = folder.ferry(&["explain", "-f", "in.yaml", "-f", "other.json"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.out.contains(r#"the policy wants "\u{1b}[31m""#), "{run:?}");
    assert!(run.err.contains(r"Sta\u{1b}[2Jtus"), "{run:?}");
    assert!(!run.out.contains('\u{1b}') && !run.err.contains('\u{1b}'));
}

#[test]
fn a_wrong_command_line_exits_with_2() {
    let folder = Folder::new("usage");
    for arguments in [
        &["explain"][..],
        &["explain", "-f", "x.yaml", "-o", "toml"][..],
        &["explain", "-f", "x.yaml", "--semantics", "Documented"][..],
        &["explain", "-f", "x.yaml", "--vm", "a/b/c"][..],
        &["no-such-command"][..],
    ] {
        let run = folder.ferry(arguments);
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(run.err.contains("--help"), "{run:?}");
    }
}
