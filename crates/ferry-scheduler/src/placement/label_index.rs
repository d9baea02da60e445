//! Which nodes carry a label.
//!
//! A node of a KubeVirt cluster has more than a hundred labels (one for each CPU model and feature
//! it knows), and a guest asks for a handful. Asked from the label's side, that handful is all
//! that is ever looked up.

use std::collections::{BTreeMap, BTreeSet};

use super::node_affinity::{LabelCondition, LabelRequirement};
use super::node_set::NodeSet;
use crate::Labels;

/// The nodes by label key and value.
#[derive(Clone, Debug, Default)]
pub(crate) struct LabelIndex {
    everyone: NodeSet,
    keys: BTreeMap<String, Carriers>,
}

#[derive(Clone, Debug, Default)]
struct Carriers {
    any_value: NodeSet,
    values: BTreeMap<String, NodeSet>,
}

impl LabelIndex {
    pub(crate) fn add(&mut self, slot: usize, labels: &Labels) {
        self.everyone.insert(slot);
        for (key, value) in labels {
            let carriers = self.keys.entry(key.clone()).or_default();
            carriers.any_value.insert(slot);
            carriers.values.entry(value.clone()).or_default().insert(slot);
        }
    }

    /// Forgets the node in `slot`, and every key and value that nobody carries any more.
    pub(crate) fn remove(&mut self, slot: usize, labels: &Labels) {
        self.everyone.remove(slot);
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

    /// Every node.
    pub(crate) const fn everyone(&self) -> &NodeSet {
        &self.everyone
    }

    /// The nodes with this label, whatever its value.
    pub(crate) fn with_key(&self, key: &str) -> Option<&NodeSet> {
        self.keys.get(key).map(|carriers| &carriers.any_value)
    }

    /// The nodes with this label and value.
    pub(crate) fn with_pair(&self, key: &str, value: &str) -> Option<&NodeSet> {
        self.keys.get(key)?.values.get(value)
    }

    /// The nodes that meet `requirement`.
    pub(crate) fn meeting(&self, requirement: &LabelRequirement) -> NodeSet {
        let key = requirement.key.as_str();
        let with_any = |values: &BTreeSet<String>| {
            NodeSet::any_of(values.iter().filter_map(|value| self.with_pair(key, value)))
        };
        match &requirement.condition {
            LabelCondition::In(values) => with_any(values),
            LabelCondition::NotIn(values) => self.all_but(&with_any(values)),
            LabelCondition::Exists => NodeSet::any_of(self.with_key(key)),
            LabelCondition::DoesNotExist => self.all_but(&NodeSet::any_of(self.with_key(key))),
            LabelCondition::GreaterThan(_) | LabelCondition::LessThan(_) => {
                let values = self.keys.get(key).into_iter().flat_map(|carriers| &carriers.values);
                let met = values.filter(|(value, _)| requirement.condition.is_met_by(Some(value)));
                NodeSet::any_of(met.map(|(_, set)| set))
            }
        }
    }

    fn all_but(&self, excluded: &NodeSet) -> NodeSet {
        let mut rest = self.everyone.clone();
        rest.subtract(excluded);
        rest
    }
}
