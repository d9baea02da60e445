//! Resolution against a slow model that follows the rules word by word.

use std::cmp::Reverse;

use crate::common::policy_with;
use ferry_api::Labels;
use ferry_config::Semantics;
use ferry_policy::{EffectiveConfiguration, Policy, PolicySet, Subject, Verdict, resolve};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::json;

/// Few keys and values, so that matches and ties are common.
fn some_labels() -> impl Strategy<Value = Labels> {
    btree_map("[abc]", "[12]", 0..3)
}

fn some_policies() -> impl Strategy<Value = Vec<Policy>> {
    let text = |labels: Labels| {
        labels.iter().map(|(key, value)| format!("{key}={value} ")).collect::<String>()
    };
    vec((some_labels(), some_labels()), 0..8).prop_map(move |selectors| {
        selectors
            .into_iter()
            .enumerate()
            .map(|(index, (vm, namespace))| {
                policy_with(&format!("p{index}"), &text(vm), &text(namespace), json!({}))
            })
            .collect()
    })
}

/// The name of the policy that the rules choose.
fn model(policies: &[Policy], vm: &Labels, namespace: &Labels, by: Semantics) -> Option<String> {
    let has = |labels: &Labels, selector: &Labels| {
        selector.iter().all(|(key, value)| labels.get(key) == Some(value))
    };
    let matching = policies.iter().filter(|policy| {
        has(vm, policy.vm_selector()) && has(namespace, policy.namespace_selector())
    });
    let keys = |policy: &Policy| {
        let mut keys: Vec<String> = policy.vm_selector().keys().cloned().collect();
        keys.extend(policy.namespace_selector().keys().cloned());
        keys.sort();
        keys
    };
    let name = |policy: &&Policy| policy.name().to_owned();
    match by {
        Semantics::Documented => {
            matching.min_by_key(|policy| (Reverse(keys(policy).len()), keys(policy), name(policy)))
        }
        Semantics::KubeVirt => matching.min_by_key(|policy| {
            (Reverse(keys(policy).len()), Reverse(policy.vm_selector().len()), name(policy))
        }),
    }
    .map(|policy| policy.name().to_owned())
}

proptest! {
    #[test]
    fn resolution_agrees_with_the_model(
        policies in some_policies(),
        vm in some_labels(),
        namespace in some_labels(),
    ) {
        let subject = Subject { vm_labels: &vm, namespace_labels: &namespace };
        let cluster = EffectiveConfiguration::default();
        let set: PolicySet = policies.iter().cloned().collect();
        let reversed: PolicySet = policies.iter().rev().cloned().collect();
        for semantics in Semantics::ALL {
            let resolution = resolve(&subject, &set, &cluster, semantics);
            let applied = resolution.applied.map(|policy| policy.name().to_owned());
            prop_assert_eq!(&applied, &model(&policies, &vm, &namespace, semantics));

            let other = model(&policies, &vm, &namespace, semantics.other());
            let said = resolution.under_other_semantics.map(|policy| policy.name().to_owned());
            prop_assert_eq!(said.clone().or(applied.clone()), other);
            prop_assert!(said.is_none() || said != applied);

            let backwards = resolve(&subject, &reversed, &cluster, semantics);
            prop_assert_eq!(resolution.applied, backwards.applied);

            prop_assert_eq!(resolution.verdicts.len(), policies.len());
            for policy in &policies {
                let mut verdicts =
                    resolution.verdicts.iter().filter(|line| line.policy.name() == policy.name());
                let verdict = &verdicts.next().expect("every policy has a verdict").verdict;
                prop_assert!(verdicts.next().is_none());
                let is_applied = matches!(verdict, Verdict::Applied { .. });
                prop_assert_eq!(is_applied, applied.as_deref() == Some(policy.name()));
            }
        }
    }
}
