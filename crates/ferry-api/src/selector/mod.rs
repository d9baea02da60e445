//! Label selectors: which objects does somebody mean?
//!
//! Source: Kubernetes `apimachinery/pkg/labels/selector.go`. A requirement holds only what its
//! operator needs, so one that makes no sense cannot be built; and one that exists prints as text
//! that reads back as itself. `==` is read as the `=` that it is.

mod error;
mod label_selector;
mod parse;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

pub use error::{RequirementError, SelectorError};

use crate::names::NameRule;

/// Requirements on the labels of an object, all of which it has to meet.
///
/// Without any requirement, everything is selected.
///
/// ```
/// use std::collections::BTreeMap;
///
/// use ferry_api::Selector;
///
/// let selector = Selector::parse("tier in (web, db), !canary, size>2")?;
/// let labels = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
///     pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
/// };
/// assert!(selector.matches(&labels(&[("tier", "db"), ("size", "10")])));
/// assert!(!selector.matches(&labels(&[("tier", "db"), ("size", "10"), ("canary", "")])));
/// assert_eq!(selector.to_string(), "!canary,size>2,tier in (db,web)");
/// # Ok::<(), ferry_api::SelectorError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Selector {
    /// Ordered by key; requirements on the same key stay in the order they were written in.
    requirements: Vec<Requirement>,
}

/// What the label of one key has to be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Requirement {
    key: String,
    operator: Operator,
}

/// How a label is compared, and with what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// `k=v`: the label has this value.
    Equals(String),
    /// `k!=v`: there is no such label, or it has another value.
    NotEquals(String),
    /// `k in (a,b)`: the label has one of these values. At least one is given.
    In(BTreeSet<String>),
    /// `k notin (a,b)`: there is no such label, or it has none of these values. At least one is
    /// given.
    NotIn(BTreeSet<String>),
    /// `k`: there is such a label.
    Exists,
    /// `!k`: there is no such label.
    DoesNotExist,
    /// `k>2`: the label is a whole number above this one, which is not negative.
    GreaterThan(i64),
    /// `k<2`: the label is a whole number below this one, which is not negative.
    LessThan(i64),
}

impl Selector {
    /// The selector that `text` says, as kubectl's `-l` takes it.
    // PARITY: apimachinery/pkg/labels/selector.go#Parse
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        parse::requirements(text).map(Self::from_iter)
    }

    /// The selector of all objects that have these labels.
    // PARITY: apimachinery/pkg/labels/selector.go#ValidatedSelectorFromSet
    pub fn from_labels(labels: &BTreeMap<String, String>) -> Result<Self, SelectorError> {
        labels
            .iter()
            .map(|(key, value)| Requirement::new(key.clone(), Operator::Equals(value.clone())))
            .collect::<Result<_, _>>()
            .map_err(SelectorError::MatchLabels)
    }

    /// Whether an object with these labels is selected.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.requirements.iter().all(|requirement| requirement.matches(labels))
    }

    /// Whether an object is selected whose labels are known to `label_of`, by key.
    pub fn matches_with<'a>(&self, label_of: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.requirements.iter().all(|requirement| requirement.accepts(label_of(&requirement.key)))
    }

    /// Whether everything is selected.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// What is required, ordered by key.
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }
}

/// The selector that demands all of these.
impl FromIterator<Requirement> for Selector {
    fn from_iter<I: IntoIterator<Item = Requirement>>(requirements: I) -> Self {
        let mut requirements = Vec::from_iter(requirements);
        requirements.sort_by(|left, right| left.key.cmp(&right.key));
        Self { requirements }
    }
}

impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl Requirement {
    /// `operator` on the label `key`.
    ///
    /// Refused where the key is no label key, a value no label value, or a set is empty.
    // PARITY: apimachinery/pkg/labels/selector.go#NewRequirement
    pub fn new(key: String, operator: Operator) -> Result<Self, RequirementError> {
        if let Err(problem) = NameRule::LabelKey.check(&key) {
            return Err(RequirementError::Key { key, problem });
        }
        match &operator {
            Operator::Equals(value) | Operator::NotEquals(value) => check_value(0, value)?,
            Operator::In(values) | Operator::NotIn(values) => {
                if values.is_empty() {
                    return Err(RequirementError::NoValues);
                }
                for (index, value) in values.iter().enumerate() {
                    check_value(index, value)?;
                }
            }
            Operator::Exists | Operator::DoesNotExist => {}
            // No label starts with a dash, and so no number here does.
            Operator::GreaterThan(bound) | Operator::LessThan(bound) => {
                check_value(0, &bound.to_string())?;
            }
        }
        Ok(Self { key, operator })
    }

    /// The key of the label.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What is required of the label.
    pub fn operator(&self) -> &Operator {
        &self.operator
    }

    /// Whether an object with these labels meets the requirement.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.accepts(labels.get(&self.key).map(String::as_str))
    }

    /// Whether an object meets the requirement whose label of this key is `label`.
    // PARITY: apimachinery/pkg/labels/selector.go#Matches: a label that is no 64-bit number is
    // neither above nor below any number.
    pub fn accepts(&self, label: Option<&str>) -> bool {
        let number = || label?.parse::<i64>().ok();
        match &self.operator {
            Operator::Equals(value) => label == Some(value),
            Operator::NotEquals(value) => label != Some(value),
            Operator::In(values) => label.is_some_and(|label| values.contains(label)),
            Operator::NotIn(values) => label.is_none_or(|label| !values.contains(label)),
            Operator::Exists => label.is_some(),
            Operator::DoesNotExist => label.is_none(),
            Operator::GreaterThan(bound) => number().is_some_and(|number| number > *bound),
            Operator::LessThan(bound) => number().is_some_and(|number| number < *bound),
        }
    }
}

fn check_value(index: usize, value: &str) -> Result<(), RequirementError> {
    NameRule::LabelValue.check(value).map_err(|problem| RequirementError::Value {
        index,
        value: value.to_owned(),
        problem,
    })
}

/// Prints the requirements by key, the values of sets in order; it reads back as the same selector.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, requirement) in self.requirements.iter().enumerate() {
            let joint = if position == 0 { "" } else { "," };
            write!(f, "{joint}{requirement}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, operator } = self;
        match operator {
            Operator::Equals(value) => write!(f, "{key}={value}"),
            Operator::NotEquals(value) => write!(f, "{key}!={value}"),
            Operator::In(values) => write!(f, "{key} in ({})", Commas(values)),
            Operator::NotIn(values) => write!(f, "{key} notin ({})", Commas(values)),
            Operator::Exists => f.write_str(key),
            Operator::DoesNotExist => write!(f, "!{key}"),
            Operator::GreaterThan(bound) => write!(f, "{key}>{bound}"),
            Operator::LessThan(bound) => write!(f, "{key}<{bound}"),
        }
    }
}

/// Values with commas between.
struct Commas<'a>(&'a BTreeSet<String>);

impl fmt::Display for Commas<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, value) in self.0.iter().enumerate() {
            let joint = if position == 0 { "" } else { "," };
            write!(f, "{joint}{value}")?;
        }
        Ok(())
    }
}
