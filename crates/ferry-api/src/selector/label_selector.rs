//! From the selector that objects carry (`matchLabels` and `matchExpressions`).
//!
//! Source: Kubernetes `apimachinery/pkg/apis/meta/v1/{helpers,validation/validation}.go`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};

use super::{Operator, Requirement, RequirementError, Selector, SelectorError, check_value};

/// An empty selector selects everything. Where an object has no selector at all, nothing is
/// selected; whoever holds the `Option` decides that.
// PARITY: apimachinery/pkg/apis/meta/v1/helpers.go#LabelSelectorAsSelector
impl TryFrom<&LabelSelector> for Selector {
    type Error = SelectorError;

    fn try_from(selector: &LabelSelector) -> Result<Self, Self::Error> {
        let labels = match &selector.match_labels {
            Some(labels) => Self::from_labels(labels)?,
            None => Self::default(),
        };
        let expressions = selector.match_expressions.iter().flatten().enumerate();
        let expressions = expressions.map(|(index, expression)| {
            Requirement::try_from(expression)
                .map_err(|problem| SelectorError::MatchExpressions { index, problem })
        });
        labels.requirements.into_iter().map(Ok).chain(expressions).collect()
    }
}

// PARITY: apimachinery/pkg/apis/meta/v1/validation/validation.go#ValidateLabelSelectorRequirement
impl TryFrom<&LabelSelectorRequirement> for Requirement {
    type Error = RequirementError;

    fn try_from(requirement: &LabelSelectorRequirement) -> Result<Self, Self::Error> {
        let values = || {
            let written = requirement.values.iter().flatten();
            // Checked here, where they are still in the order in which they were written.
            written.clone().enumerate().try_for_each(|(index, value)| check_value(index, value))?;
            Ok(written.cloned().collect())
        };
        let operator = match requirement.operator.as_str() {
            "In" => Operator::In(values()?),
            "NotIn" => Operator::NotIn(values()?),
            "Exists" => Operator::Exists,
            "DoesNotExist" => Operator::DoesNotExist,
            unknown => {
                return Err(RequirementError::UnknownOperator { operator: unknown.to_owned() });
            }
        };
        let takes_none = matches!(operator, Operator::Exists | Operator::DoesNotExist);
        if takes_none && requirement.values.as_ref().is_some_and(|values| !values.is_empty()) {
            return Err(RequirementError::UselessValues);
        }
        Self::new(requirement.key.clone(), operator)
    }
}
