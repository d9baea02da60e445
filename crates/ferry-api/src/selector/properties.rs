//! What holds for every selector.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;

use super::{Operator, Requirement, Selector};

/// Few keys and values, so that requirements and labels often meet.
fn keys() -> impl Strategy<Value = String> {
    "[ab]|in|x\\.y/z"
}

fn values() -> impl Strategy<Value = String> {
    "|[0-3]|in|notin|[a-z0-9]{1,3}"
}

fn operators() -> impl Strategy<Value = Operator> {
    prop_oneof![
        values().prop_map(Operator::Equals),
        values().prop_map(Operator::NotEquals),
        btree_set(values(), 1..4).prop_map(Operator::In),
        btree_set(values(), 1..4).prop_map(Operator::NotIn),
        Just(Operator::Exists),
        Just(Operator::DoesNotExist),
        (0..=i64::MAX).prop_map(Operator::GreaterThan),
        (0..4_i64).prop_map(Operator::LessThan),
    ]
}

fn requirements() -> impl Strategy<Value = Requirement> {
    (keys(), operators()).prop_map(|(key, operator)| Requirement::new(key, operator).unwrap())
}

fn labels() -> impl Strategy<Value = BTreeMap<String, String>> {
    btree_map(keys(), values(), 0..4)
}

/// Whether the label `key` fulfils `operator`.
fn holds(key: &str, operator: Operator, labels: &BTreeMap<String, String>) -> bool {
    Requirement::new(key.to_owned(), operator).unwrap().matches(labels)
}

proptest! {
    #[test]
    fn a_printed_selector_reads_back_as_itself(requirements in vec(requirements(), 0..5)) {
        let selector = Selector::from_iter(requirements);
        prop_assert_eq!(Selector::parse(&selector.to_string()), Ok(selector));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC*|[ab/. =!()<>,0-9\"int]{0,16}") {
        if let Ok(selector) = Selector::parse(&text) {
            prop_assert_eq!(Selector::parse(&selector.to_string()), Ok(selector));
        }
    }

    #[test]
    fn a_selector_selects_what_meets_all_its_requirements(
        requirements in vec(requirements(), 0..4),
        labels in labels(),
    ) {
        let selector = Selector::from_iter(requirements.clone());
        let all = requirements.iter().all(|requirement| requirement.matches(&labels));
        prop_assert_eq!(selector.matches(&labels), all);
    }

    #[test]
    fn every_operator_but_the_numeric_ones_has_an_opposite(
        key in keys(),
        value in values(),
        set in btree_set(values(), 1..4),
        labels in labels(),
    ) {
        for (operator, opposite) in [
            (Operator::Equals(value.clone()), Operator::NotEquals(value)),
            (Operator::In(set.clone()), Operator::NotIn(set)),
            (Operator::Exists, Operator::DoesNotExist),
        ] {
            prop_assert_ne!(holds(&key, operator, &labels), holds(&key, opposite, &labels));
        }
    }

    #[test]
    fn a_set_is_the_choice_of_its_values(
        key in keys(),
        set in btree_set(values(), 1..4),
        labels in labels(),
    ) {
        let any = set.iter().any(|value| holds(&key, Operator::Equals(value.clone()), &labels));
        prop_assert_eq!(holds(&key, Operator::In(set), &labels), any);
    }

    #[test]
    fn numbers_compare_as_numbers(label in any::<i64>(), bound in 0..=i64::MAX) {
        let labels = BTreeMap::from([("n".to_owned(), label.to_string())]);
        prop_assert_eq!(holds("n", Operator::GreaterThan(bound), &labels), label > bound);
        prop_assert_eq!(holds("n", Operator::LessThan(bound), &labels), label < bound);
    }
}
