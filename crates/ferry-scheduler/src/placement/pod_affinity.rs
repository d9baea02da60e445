//! Whose company a guest needs, and whose it avoids.

use std::collections::BTreeSet;

use super::node_affinity::{LabelCondition, LabelRequirement};
use crate::Labels;

/// The required parts of Kubernetes' `affinity.podAffinity` and `affinity.podAntiAffinity`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodAffinity {
    /// A node has to be close to pods that match every one of these terms.
    pub attracted: Vec<PodTerm>,
    /// A node must not be close to a pod that matches one of these terms.
    pub repelled: Vec<PodTerm>,
}

/// Some pods, and what "close to them" means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodTerm {
    /// The pods, by their labels.
    pub pods: LabelSelector,
    /// The pods, by their namespace.
    pub namespaces: NamespaceScope,
    /// Nodes with the same value of this label are close to each other. A node without it is close
    /// to nobody.
    pub topology_key: String,
}

/// Labels to look for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LabelSelector {
    /// Nothing matches (there is no selector).
    #[default]
    Nothing,
    /// What meets all of these matches; without any, everything does (the selector is empty).
    Matching(Vec<LabelRequirement>),
}

/// The namespaces that a term looks into: the named ones and those that the selector matches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamespaceScope {
    /// By name. A term that says nothing of namespaces names the one of its own pod.
    pub names: BTreeSet<String>,
    /// By the labels of the namespace.
    pub selector: LabelSelector,
}

/// Where to look for what a selector matches, without looking at everything.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Anchor<'a> {
    /// It matches nothing.
    Nowhere,
    /// It names no value that a label must have.
    Anywhere,
    /// Whatever it matches has this label, with one of these values.
    Label(&'a str, &'a BTreeSet<String>),
}

impl LabelSelector {
    /// Whether it matches something with these labels.
    pub fn matches(&self, labels: &Labels) -> bool {
        match self {
            Self::Nothing => false,
            Self::Matching(requirements) => {
                requirements.iter().all(|requirement| requirement.is_met_by(labels))
            }
        }
    }

    /// Where to look for what it matches.
    pub(crate) fn anchor(&self) -> Anchor<'_> {
        let Self::Matching(requirements) = self else { return Anchor::Nowhere };
        let mut with_values = requirements.iter().filter_map(|requirement| {
            if let LabelCondition::In(values) = &requirement.condition {
                Some(Anchor::Label(&requirement.key, values))
            } else {
                None
            }
        });
        with_values.next().unwrap_or(Anchor::Anywhere)
    }
}

impl NamespaceScope {
    /// The namespace `name` alone.
    pub fn only(name: impl Into<String>) -> Self {
        Self { names: BTreeSet::from([name.into()]), selector: LabelSelector::Nothing }
    }

    /// Whether the namespace `name`, with these labels, is in it.
    pub fn contains(&self, name: &str, labels: &Labels) -> bool {
        self.names.contains(name) || self.selector.matches(labels)
    }
}
