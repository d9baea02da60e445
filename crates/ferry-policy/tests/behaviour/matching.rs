//! Which virtual machines a policy selects.

use crate::common::{decide, policy};
use expect_test::{Expect, expect};
use ferry_config::Semantics;

/// Each row: the policy's selectors, the labels that are there, whether it applies.
#[test]
fn parity_a2_all_labels_of_the_policy_must_match_and_no_others() {
    let rows = [
        ("one matching label is enough", "size=large", "", "size=large", "", true),
        ("labels that the policy does not name do not matter", "a=1", "", "a=1 b=2", "c=3", true),
        ("all of the policy's labels must match", "a=1 b=2", "", "a=1", "", false),
        ("another value does not match", "a=1", "", "a=2", "", false),
        ("values are case-sensitive", "hpc=True", "", "hpc=true", "", false),
        ("keys are case-sensitive", "Size=large", "", "size=large", "", false),
        ("an empty value matches an empty one", "xyz=", "", "xyz=", "", true),
        ("an empty value does not match another", "xyz=", "", "xyz=1", "", false),
        ("an empty value does not match a missing label", "xyz=", "", "abc=", "", false),
        ("a prefix is part of the key", "kubevirt.io/size=l", "", "size=l", "", false),
        ("the namespace's labels are not the VM's", "a=1", "", "", "a=1", false),
        ("the VM's labels are not the namespace's", "", "a=1", "a=1", "", false),
        ("both selectors must match", "a=1", "b=2", "a=1", "b=3", false),
        ("both selectors match", "a=1", "b=2", "a=1", "b=2", true),
        ("empty selectors select everything", "", "", "a=1", "", true),
        ("empty selectors select what has no labels", "", "", "", "", true),
    ];
    for (row, vm_selector, namespace_selector, vm, namespace, applies) in rows {
        let policies = [policy("p", vm_selector, namespace_selector)];
        for semantics in Semantics::ALL {
            let (applied, _) = decide(&policies, vm, namespace, semantics);
            assert_eq!(applied.is_some(), applies, "{row} ({semantics})");
        }
    }
}

/// The documentation's example.
#[test]
fn the_documented_policy_applies_to_production_vms_in_hpc_projects() {
    let policies = [policy(
        "production",
        "kubevirt.io/environment=production",
        "hpc-workloads=True xyz-workloads-type=",
    )];
    let vm = "kubevirt.io/domain=vm kubevirt.io/size=large kubevirt.io/environment=production";
    for (namespace, applies) in [
        ("hpc-workloads=True xyz-workloads-type=", true),
        ("hpc-workloads=True xyz-workloads-type= team=red", true),
        ("hpc-workloads=true xyz-workloads-type=", false),
        ("hpc-workloads=True", false),
        ("", false),
    ] {
        let (applied, _) = decide(&policies, vm, namespace, Semantics::Documented);
        assert_eq!(applied.is_some(), applies, "{namespace}");
    }
}

/// Upstream, such an instance matches every policy with score 0. It cannot exist where a migration
/// could happen, since a running instance has the label of its node.
#[test]
fn parity_a_vm_without_labels_matches_only_what_asks_for_no_labels() {
    let policies = [policy("all", "", ""), policy("some", "a=1", ""), policy("there", "", "b=2")];
    for semantics in Semantics::ALL {
        let (applied, _) = decide(&policies, "", "", semantics);
        assert_eq!(applied.as_deref(), Some("all"));
    }
}

fn reasons(policies: &[ferry_policy::Policy], vm: &str, namespace: &str, expected: Expect) {
    let (_, lines) = decide(policies, vm, namespace, Semantics::Documented);
    expected.assert_eq(&(lines.join("\n") + "\n"));
}

#[test]
fn a_policy_that_does_not_match_names_the_label_and_what_was_found() {
    reasons(
        &[
            policy("other-value", "os=windows", ""),
            policy("no-such-label", "gpu=nvidia", ""),
            policy("namespace", "os=linux", "tier=gold"),
            policy("namespace-value", "", "team=blue"),
        ],
        "os=linux",
        "team=red",
        expect![[r#"
            namespace not-matched: the namespace has no label tier, the policy wants "gold"
            namespace-value not-matched: label team of the namespace is "red", the policy wants "blue"
            no-such-label not-matched: the VM has no label gpu, the policy wants "nvidia"
            other-value not-matched: label os of the VM is "linux", the policy wants "windows"
        "#]],
    );
}
