//! Which of several matching policies applies.

use crate::common::{decide, policy};
use expect_test::expect;
use ferry_config::Semantics::{self, Documented, KubeVirt};
use ferry_policy::Policy;

/// The winner under both semantics, whatever the order in which policies are listed.
#[track_caller]
fn check(policies: &[Policy], vm: &str, namespace: &str, documented: &str, kubevirt: &str) {
    let mut reversed = policies.to_vec();
    reversed.reverse();
    for (semantics, expected) in [(Documented, documented), (KubeVirt, kubevirt)] {
        for listed in [policies, &reversed] {
            let (applied, lines) = decide(listed, vm, namespace, semantics);
            assert_eq!(applied.as_deref(), Some(expected), "{semantics}: {lines:#?}");
        }
    }
}

#[test]
fn the_policy_with_the_most_matching_labels_wins() {
    let policies =
        [policy("a-one", "a", ""), policy("z-three", "a b", "n"), policy("m-two", "a", "n")];
    check(&policies, "a b", "n", "z-three", "z-three");
}

#[test]
fn labels_of_the_vm_and_of_its_namespace_count_alike() {
    let policies = [policy("vm", "a b", ""), policy("namespace", "", "x y z")];
    check(&policies, "a b", "x y z", "namespace", "namespace");
}

#[test]
fn a_label_in_both_selectors_counts_twice() {
    let policies = [policy("once", "b", ""), policy("twice", "a", "a")];
    check(&policies, "a b", "a", "twice", "twice");
}

#[test]
fn a_policy_that_selects_everything_comes_last() {
    let policies = [policy("a-all", "", ""), policy("z-one", "a", "")];
    check(&policies, "a", "", "z-one", "z-one");
}

#[test]
fn policies_that_do_not_match_do_not_count() {
    let policies = [policy("many", "a b c", ""), policy("few", "a", "")];
    check(&policies, "a b", "", "few", "few");
}

/// Worked example 1: the keys decide for the documentation, the names for KubeVirt.
#[test]
fn parity_a1_a_tie_goes_by_label_keys_or_by_name() {
    let policies = [policy("b-policy", "aaa=1", ""), policy("a-policy", "bbb=1", "")];
    check(&policies, "aaa=1 bbb=1", "", "b-policy", "a-policy");
}

/// Worked example 2, the user guide's: bandwidth stands before hpc-workload.
#[test]
fn parity_a1_all_keys_of_both_selectors_are_sorted_together() {
    let policies = [
        policy("policy-b", "size gpu", "priority bandwidth"),
        policy("policy-a", "size gpu", "priority hpc-workload"),
    ];
    let namespace = "priority bandwidth hpc-workload";
    check(&policies, "size gpu", namespace, "policy-b", "policy-a");
}

/// Worked example 3: more labels of the VM decide for KubeVirt before any name.
#[test]
fn parity_a1_more_labels_of_the_vm_win_a_tie_for_kubevirt() {
    let policies =
        [policy("vmi-heavy", "size os", "priority"), policy("ns-heavy", "gpu", "bandwidth hpc")];
    check(&policies, "size os gpu", "priority bandwidth hpc", "ns-heavy", "vmi-heavy");
}

/// Worked example 4: identical selectors.
#[test]
fn parity_a1_the_name_decides_when_all_else_is_equal() {
    let policies = [policy("p2", "a", "n"), policy("p1", "a", "n")];
    check(&policies, "a", "n", "p1", "p1");
}

#[test]
fn names_are_compared_byte_by_byte() {
    for (first, second) in
        [("policy-10", "policy-2"), ("a-b", "a.b"), ("p1", "pa"), ("policy", "policy-1")]
    {
        let policies = [policy(second, "a", ""), policy(first, "a", "")];
        check(&policies, "a", "", first, first);
    }
}

#[test]
fn a_shorter_list_of_keys_that_begins_a_longer_one_cannot_tie_with_it() {
    // Equal counts mean equal lengths, so one list never continues the other.
    let policies = [policy("two", "a b", ""), policy("three", "a b c", "")];
    check(&policies, "a b c", "", "three", "three");
}

#[test]
fn a_doubled_key_stands_twice_in_the_sorted_list() {
    // a, a, c before a, b, c.
    let policies = [policy("single", "a b c", ""), policy("doubled", "a c", "a")];
    check(&policies, "a b c", "a", "doubled", "single");
}

#[test]
fn no_policy_applies_where_none_matches() {
    for semantics in Semantics::ALL {
        assert_eq!(decide(&[], "a", "", semantics), (None, Vec::new()));
        assert_eq!(decide(&[policy("p", "b", "")], "a", "", semantics).0, None);
    }
}

#[test]
fn each_verdict_says_what_decided() {
    let policies = [
        policy("all", "", ""),
        policy("gold", "size os", "tier"),
        policy("silver", "gpu size", "tier"),
        policy("silver-2", "gpu size", "tier"),
        policy("vm-only", "size", ""),
        policy("other", "arch=arm", ""),
    ];
    let lines = |semantics| {
        let (_, lines) = decide(&policies, "size os gpu arch=x86", "tier", semantics);
        lines.join("\n") + "\n"
    };
    expect![[r#"
        silver applied: 3 matching labels, as many as silver-2; all else is equal, and its name comes before silver-2
        silver-2 outranked: 3 matching labels, as many as silver; all else is equal, and its name comes after silver
        gold outranked: 3 matching labels, as many as silver; its label keys (os, size, tier) come after those of silver (gpu, size, tier) in alphabetical order
        vm-only outranked: 1 matching label, silver has 3
        all outranked: selects everything (0 matching labels), silver has 3
        other not-matched: label arch of the VM is "x86", the policy wants "arm"
    "#]]
    .assert_eq(&lines(Documented));
    expect![[r#"
        gold applied: 3 matching labels, as many as silver; all else is equal, and its name comes before silver
        silver outranked: 3 matching labels, as many as gold; all else is equal, and its name comes after gold
        silver-2 outranked: 3 matching labels, as many as gold; all else is equal, and its name comes after gold
        vm-only outranked: 1 matching label, gold has 3
        all outranked: selects everything (0 matching labels), gold has 3
        other not-matched: label arch of the VM is "x86", the policy wants "arm"
    "#]]
    .assert_eq(&lines(KubeVirt));
}

#[test]
fn a_tie_that_kubevirt_breaks_by_labels_of_the_vm_says_so() {
    let policies =
        [policy("ns", "a", "x y"), policy("vm", "a b", "x"), policy("vm-3", "a b c", "")];
    let (_, lines) = decide(&policies, "a b c", "x y", KubeVirt);
    expect![[r#"
        vm-3 applied: 3 matching labels, as many as vm; 3 of them are the VM's, of vm's 2
        vm outranked: 3 matching labels, as many as vm-3; 2 of them are the VM's, of vm-3's 3
        ns outranked: 3 matching labels, as many as vm-3; 1 of them is the VM's, of vm-3's 3
    "#]]
    .assert_eq(&(lines.join("\n") + "\n"));
}
