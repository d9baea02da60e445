//! Node affinity and pod affinity.
//!
//! `matchLabelKeys` and `mismatchLabelKeys` are not read: an API server that knows them has
//! already written what they mean into the label selector.

use ferry_api::{Operator, Requirement, RequirementError, Selector};
use k8s_openapi::api::core::v1;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::{Unread, each};
use crate::{
    FieldProblem, NameRequirement, NamespaceScope, NodeAffinity, NodeTerm, PodTerm, PreferredTerm,
};

pub(super) fn node_affinity(affinity: &v1::NodeAffinity) -> Result<NodeAffinity, Unread> {
    let required = affinity.required_during_scheduling_ignored_during_execution.as_ref();
    let required = required.map(|required| {
        each("nodeSelectorTerms", Some(&required.node_selector_terms), node_term)
            .map_err(|unread| unread.within("requiredDuringSchedulingIgnoredDuringExecution"))
    });
    let preferred = affinity.preferred_during_scheduling_ignored_during_execution.as_ref();
    Ok(NodeAffinity {
        required: required.transpose()?,
        preferred: each(
            "preferredDuringSchedulingIgnoredDuringExecution",
            preferred,
            preferred_term,
        )?,
    })
}

fn preferred_term(preferred: &v1::PreferredSchedulingTerm) -> Result<PreferredTerm, Unread> {
    let term = node_term(&preferred.preference).map_err(|unread| unread.within("preference"))?;
    match u8::try_from(preferred.weight) {
        Ok(weight @ 1..=100) => Ok(PreferredTerm { weight, term }),
        Ok(_) | Err(_) => {
            Err(Unread::at("weight", FieldProblem::Weight { given: preferred.weight }))
        }
    }
}

fn node_term(term: &v1::NodeSelectorTerm) -> Result<NodeTerm, Unread> {
    let labels = each("matchExpressions", term.match_expressions.as_ref(), on_label)?;
    let names = each("matchFields", term.match_fields.as_ref(), on_name)?;
    Ok(NodeTerm { labels: Selector::from_iter(labels), names })
}

fn on_label(requirement: &v1::NodeSelectorRequirement) -> Result<Requirement, Unread> {
    let values = requirement.values.clone().unwrap_or_default();
    let known = "In, NotIn, Exists, DoesNotExist, Gt or Lt";
    let operator = match requirement.operator.as_str() {
        "In" => Operator::In(values.into_iter().collect()),
        "NotIn" => Operator::NotIn(values.into_iter().collect()),
        "Exists" => Operator::Exists,
        "DoesNotExist" => Operator::DoesNotExist,
        "Gt" => Operator::GreaterThan(number(requirement)?),
        "Lt" => Operator::LessThan(number(requirement)?),
        unknown => return Err(unknown_operator(unknown, known)),
    };
    Requirement::new(requirement.key.clone(), operator).map_err(|problem| {
        let field = if matches!(problem, RequirementError::Key { .. }) { "key" } else { "values" };
        Unread::at(field, problem)
    })
}

fn number(requirement: &v1::NodeSelectorRequirement) -> Result<i64, Unread> {
    let value = only_value(requirement)?;
    value.parse().map_err(|_| {
        let value = value.clone();
        Unread::at("values", RequirementError::NotAnInteger { value })
    })
}

fn on_name(requirement: &v1::NodeSelectorRequirement) -> Result<NameRequirement, Unread> {
    if requirement.key != "metadata.name" {
        let given = requirement.key.clone();
        return Err(Unread::at("key", FieldProblem::UnknownField { given }));
    }
    match requirement.operator.as_str() {
        "In" => only_value(requirement).cloned().map(NameRequirement::Is),
        "NotIn" => only_value(requirement).cloned().map(NameRequirement::IsNot),
        unknown => Err(unknown_operator(unknown, "In or NotIn")),
    }
}

fn only_value(requirement: &v1::NodeSelectorRequirement) -> Result<&String, Unread> {
    match requirement.values.as_deref().unwrap_or_default() {
        [value] => Ok(value),
        values => {
            let (operator, count) = (requirement.operator.clone(), values.len());
            Err(Unread::at("values", FieldProblem::NotOneValue { operator, count }))
        }
    }
}

fn unknown_operator(given: &str, known: &'static str) -> Unread {
    let given = given.to_owned();
    Unread::at("operator", FieldProblem::UnknownOperator { given, known })
}

/// The required terms of a pod in `namespace`, which they look into where they name no other.
pub(super) fn pod_terms(
    terms: Option<&Vec<v1::PodAffinityTerm>>,
    namespace: &str,
) -> Result<Vec<PodTerm>, Unread> {
    each("requiredDuringSchedulingIgnoredDuringExecution", terms, |term| pod_term(term, namespace))
}

// PARITY: pkg/scheduler/framework/types.go#getNamespacesFromPodAffinityTerm
fn pod_term(term: &v1::PodAffinityTerm, namespace: &str) -> Result<PodTerm, Unread> {
    let named = term.namespaces.as_deref().unwrap_or_default();
    let namespaces = if named.is_empty() && term.namespace_selector.is_none() {
        NamespaceScope::only(namespace)
    } else {
        let selector = selector("namespaceSelector", term.namespace_selector.as_ref())?;
        NamespaceScope { names: named.iter().cloned().collect(), selector }
    };
    let pods = selector("labelSelector", term.label_selector.as_ref())?;
    Ok(PodTerm { pods, namespaces, topology_key: term.topology_key.clone() })
}

fn selector(field: &str, written: Option<&LabelSelector>) -> Result<Option<Selector>, Unread> {
    written.map(Selector::try_from).transpose().map_err(|problem| Unread::at(field, problem))
}
