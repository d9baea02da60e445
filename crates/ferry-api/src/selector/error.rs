//! Why a text or an object is no selector.

use thiserror::Error;

use crate::names::NameError;

/// A text or an object that is no label selector. The messages follow Kubernetes'.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SelectorError {
    /// Something stands between requirements that does not belong there.
    #[error("found '{found}', expected: {expected}")]
    Unexpected {
        /// What stands there; nothing at the end of the text.
        found: String,
        /// What may stand there.
        expected: &'static str,
    },
    /// A requirement of the text is none.
    #[error("unable to parse requirement: {0}")]
    Requirement(RequirementError),
    /// A pair of `matchLabels` is no label.
    #[error("matchLabels: {0}")]
    MatchLabels(RequirementError),
    /// An entry of `matchExpressions` is no requirement.
    #[error("matchExpressions[{index}].{problem}")]
    MatchExpressions {
        /// Which one, counted from 0.
        index: usize,
        /// What is wrong with it.
        problem: RequirementError,
    },
}

/// A requirement that no label could be held against.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RequirementError {
    /// Something stands within a requirement that does not belong there.
    #[error("found '{found}', expected: {expected}")]
    Unexpected {
        /// What stands there; nothing at the end of the text.
        found: String,
        /// What may stand there.
        expected: &'static str,
    },
    /// The key is no label key.
    #[error("key: Invalid value: {key:?}: {problem}")]
    Key {
        /// The key.
        key: String,
        /// What is wrong with it.
        problem: NameError,
    },
    /// A value is no label value.
    #[error("values[{index}]: Invalid value: {value:?}: {problem}")]
    Value {
        /// Which one, counted from 0.
        index: usize,
        /// The value.
        value: String,
        /// What is wrong with it.
        problem: NameError,
    },
    /// What a label should be compared with as a number is none.
    #[error(
        "values[0]: Invalid value: {value:?}: \
         for 'Gt', 'Lt' operators, the value must be an integer"
    )]
    NotAnInteger {
        /// The value.
        value: String,
    },
    /// `In` or `NotIn` without anything to choose from.
    #[error("values: Required value: must be specified when `operator` is 'In' or 'NotIn'")]
    NoValues,
    /// `Exists` or `DoesNotExist` with values.
    #[error(
        "values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
    )]
    UselessValues,
    /// An operator that does not exist.
    #[error("operator: Invalid value: {operator:?}: not a valid selector operator")]
    UnknownOperator {
        /// The operator.
        operator: String,
    },
}
