//! What a guest asks of a node's labels beyond plain pairs, as Kubernetes' node affinity says it.
//!
//! The same requirements, without the two that compare numbers, select pods by their labels.

use std::collections::BTreeSet;

use crate::Labels;

/// One requirement on one label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LabelRequirement {
    /// The label's key.
    pub key: String,
    /// What its value has to be like.
    pub condition: LabelCondition,
}

/// What a label's value has to be like.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LabelCondition {
    /// The label is there, with one of these values.
    In(BTreeSet<String>),
    /// The label is not there, or has none of these values.
    NotIn(BTreeSet<String>),
    /// The label is there.
    Exists,
    /// The label is not there.
    DoesNotExist,
    /// The label is there, and is a decimal number above this one.
    GreaterThan(i64),
    /// The label is there, and is a decimal number below this one.
    LessThan(i64),
}

/// A requirement on a node's name (`matchFields`, of which Kubernetes knows `metadata.name`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NameRequirement {
    /// It is this one.
    Is(String),
    /// It is any other.
    IsNot(String),
}

/// Requirements of which a node has to meet every one. Without any, no node will do.
// PARITY: component-helpers/scheduling/corev1/nodeaffinity/nodeaffinity.go#isEmptyNodeSelectorTerm
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NodeTerm {
    /// On its labels (`matchExpressions`).
    pub labels: Vec<LabelRequirement>,
    /// On its name (`matchFields`).
    pub names: Vec<NameRequirement>,
}

/// A term that is worth something where it holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PreferredTerm {
    /// How much, 1 to 100.
    pub weight: u8,
    /// What a node has to be like.
    pub term: NodeTerm,
}

/// Kubernetes' `affinity.nodeAffinity`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NodeAffinity {
    /// Terms of which a node has to meet one at least; `None` where anything goes.
    pub required: Option<Vec<NodeTerm>>,
    /// Terms that make a node better.
    pub preferred: Vec<PreferredTerm>,
}

impl LabelRequirement {
    /// A requirement on the label `key`.
    pub fn new(key: impl Into<String>, condition: LabelCondition) -> Self {
        Self { key: key.into(), condition }
    }

    /// That the label `key` has exactly this value, as a plain selector pair says it.
    pub fn pair(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self::new(key, LabelCondition::In(BTreeSet::from([value.into()])))
    }

    /// Whether `labels` meet it.
    pub fn is_met_by(&self, labels: &Labels) -> bool {
        self.condition.is_met_by(labels.get(&self.key).map(String::as_str))
    }
}

impl LabelCondition {
    /// Whether a label with this value meets it, or the lack of the label.
    pub fn is_met_by(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match self {
            Self::In(values) => value.is_some_and(|value| values.contains(value)),
            Self::NotIn(values) => !value.is_some_and(|value| values.contains(value)),
            Self::Exists => value.is_some(),
            Self::DoesNotExist => value.is_none(),
            Self::GreaterThan(bound) => number().is_some_and(|number| number > *bound),
            Self::LessThan(bound) => number().is_some_and(|number| number < *bound),
        }
    }
}

impl NodeTerm {
    /// Whether it asks for nothing, and so no node will do.
    pub const fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.names.is_empty()
    }
}
