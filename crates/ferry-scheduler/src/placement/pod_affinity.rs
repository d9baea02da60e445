//! Whose company a guest needs, and whose it avoids.

use std::collections::BTreeSet;

use ferry_api::{Operator, Selector};

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
    /// The pods, by their labels; without a selector there are none.
    pub pods: Option<Selector>,
    /// The pods, by their namespace.
    pub namespaces: NamespaceScope,
    /// Nodes with the same value of this label are close to each other. A node without it is close
    /// to nobody.
    pub topology_key: String,
}

/// The namespaces that a term looks into: the named ones and those that the selector matches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamespaceScope {
    /// By name. A term that says nothing of namespaces names the one of its own pod.
    pub names: BTreeSet<String>,
    /// By the labels of the namespace; without a selector there are no more.
    pub selector: Option<Selector>,
}

/// Where to look for the pods of a term, without looking at every pod.
#[derive(Clone, Debug)]
pub(crate) enum Anchor<'a> {
    /// It matches none.
    Nowhere,
    /// It names no value that a label must have.
    Anywhere,
    /// Whatever it matches has this label, with one of these values.
    Label(&'a str, Vec<&'a str>),
}

impl PodTerm {
    /// Whether it matches pods with these labels, if it looks into their namespace.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.pods.as_ref().is_some_and(|pods| pods.matches(labels))
    }

    /// Where to look for what it matches.
    pub(crate) fn anchor(&self) -> Anchor<'_> {
        let Some(pods) = &self.pods else { return Anchor::Nowhere };
        let mut with_values = pods.requirements().iter().filter_map(|requirement| {
            let values = match requirement.operator() {
                Operator::Equals(value) => vec![value.as_str()],
                Operator::In(values) => values.iter().map(String::as_str).collect(),
                Operator::NotEquals(_)
                | Operator::NotIn(_)
                | Operator::Exists
                | Operator::DoesNotExist
                | Operator::GreaterThan(_)
                | Operator::LessThan(_) => return None,
            };
            Some(Anchor::Label(requirement.key(), values))
        });
        with_values.next().unwrap_or(Anchor::Anywhere)
    }
}

impl NamespaceScope {
    /// The namespace `name` alone.
    pub fn only(name: impl Into<String>) -> Self {
        Self { names: BTreeSet::from([name.into()]), selector: None }
    }

    /// Whether the namespace `name`, with these labels, is in it.
    pub fn contains(&self, name: &str, labels: &Labels) -> bool {
        self.names.contains(name)
            || self.selector.as_ref().is_some_and(|selector| selector.matches(labels))
    }
}
