//! Which nodes carry a label.
//!
//! A node of a KubeVirt cluster has more than a hundred labels (one for each CPU model and feature
//! it knows), and a guest asks for a handful. Asked from the label's side, that handful is all
//! that is ever looked up.

use std::collections::BTreeMap;

use ferry_api::{Operator, Requirement};

use super::node_set::NodeSet;
use crate::Labels;

/// The nodes by label key and value.
#[derive(Clone, Debug, Default)]
pub(crate) struct LabelIndex {
    keys: BTreeMap<String, Carriers>,
}

#[derive(Clone, Debug, Default)]
struct Carriers {
    any_value: NodeSet,
    values: BTreeMap<String, NodeSet>,
}

impl LabelIndex {
    pub(crate) fn add(&mut self, slot: usize, labels: &Labels) {
        for (key, value) in labels {
            let carriers = self.keys.entry(key.clone()).or_default();
            carriers.any_value.insert(slot);
            carriers.values.entry(value.clone()).or_default().insert(slot);
        }
    }

    /// Forgets the node in `slot`, and every key and value that nobody carries any more.
    pub(crate) fn remove(&mut self, slot: usize, labels: &Labels) {
        for (key, value) in labels {
            let Some(carriers) = self.keys.get_mut(key) else { continue };
            carriers.any_value.remove(slot);
            if let Some(set) = carriers.values.get_mut(value) {
                set.remove(slot);
                if set.is_empty() {
                    carriers.values.remove(value);
                }
            }
            if carriers.values.is_empty() {
                self.keys.remove(key);
            }
        }
    }

    /// The nodes with this label, whatever its value.
    pub(crate) fn with_key(&self, key: &str) -> Option<&NodeSet> {
        self.keys.get(key).map(|carriers| &carriers.any_value)
    }

    /// The nodes with this label and value.
    pub(crate) fn with_pair(&self, key: &str, value: &str) -> Option<&NodeSet> {
        self.keys.get(key)?.values.get(value)
    }

    /// Keeps those of `nodes` that meet `requirement`.
    pub(crate) fn narrow(&self, nodes: &mut NodeSet, requirement: &Requirement) {
        let key = requirement.key();
        let with = |value: &String| self.with_pair(key, value);
        let numbered = |matches: &dyn Fn(i64) -> bool| {
            let values = self.keys.get(key).into_iter().flat_map(|carriers| &carriers.values);
            let matching = values.filter(|(value, _)| value.parse().is_ok_and(matches));
            NodeSet::any_of(matching.map(|(_, set)| set))
        };
        match requirement.operator() {
            Operator::Equals(value) => nodes.intersect(&NodeSet::any_of(with(value))),
            Operator::NotEquals(value) => nodes.subtract(&NodeSet::any_of(with(value))),
            Operator::In(values) => {
                nodes.intersect(&NodeSet::any_of(values.iter().filter_map(with)));
            }
            Operator::NotIn(values) => {
                nodes.subtract(&NodeSet::any_of(values.iter().filter_map(with)));
            }
            Operator::Exists => nodes.intersect(&NodeSet::any_of(self.with_key(key))),
            Operator::DoesNotExist => nodes.subtract(&NodeSet::any_of(self.with_key(key))),
            Operator::GreaterThan(bound) => nodes.intersect(&numbered(&|number| number > *bound)),
            Operator::LessThan(bound) => nodes.intersect(&numbered(&|number| number < *bound)),
        }
    }
}
