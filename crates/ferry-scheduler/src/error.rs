//! What this crate refuses to understand.

use ferry_api::{QuantityError, RequirementError, SelectorError};
use thiserror::Error;

/// A wire value that means nothing here. All of them are the mistake of whoever wrote the value,
/// never of this crate.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SchedulerError {
    /// A field of a node or a pod that cannot be read.
    #[error("{object}: cannot read {field}")]
    Unreadable {
        /// The object's kind and name.
        object: String,
        /// The path of the field.
        field: String,
        /// What is wrong with it.
        #[source]
        problem: FieldProblem,
    },
    /// `memoryOvercommit: 0`, by which no memory can be divided.
    #[error("a memory overcommit of 0 %: use 100 for guests to ask for all of their memory")]
    ZeroOvercommit,
}

/// What is wrong with a field of a node or a pod.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FieldProblem {
    /// It has to be set.
    #[error("it is not set")]
    Missing,
    /// It is no taint effect.
    #[error("unknown effect \"{given}\": use NoSchedule, PreferNoSchedule or NoExecute")]
    UnknownEffect {
        /// What it is.
        given: String,
    },
    /// It is no operator of its place.
    #[error("unknown operator \"{given}\": use {known}")]
    UnknownOperator {
        /// What it is.
        given: String,
        /// Those that there are.
        known: &'static str,
    },
    /// A toleration without a key compares a value.
    #[error("without a key the operator must be Exists")]
    NoKey,
    /// An operator that compares with one value has another number of them.
    #[error("{operator} takes exactly one value, not {count}")]
    NotOneValue {
        /// The operator.
        operator: String,
        /// How many values there are.
        count: usize,
    },
    /// It is not the one field of a node that terms can match.
    #[error("unknown field \"{given}\": use metadata.name")]
    UnknownField {
        /// What it is.
        given: String,
    },
    /// It is outside the range of weights.
    #[error("a weight of {given}: use 1 to 100")]
    Weight {
        /// What it is.
        given: i32,
    },
    /// It is no amount.
    #[error(transparent)]
    Quantity(#[from] QuantityError),
    /// It is no requirement on a label.
    #[error(transparent)]
    Requirement(#[from] RequirementError),
    /// It is no label selector.
    #[error(transparent)]
    Selector(#[from] SelectorError),
}
