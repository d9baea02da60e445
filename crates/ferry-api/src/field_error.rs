//! What is wrong with a document: which field, which value, and what would be accepted.
//!
//! The words follow Kubernetes (`apimachinery pkg/util/validation/field/errors.go`), so that people
//! who know its messages know these.

use std::fmt;

use serde_json::Value;
use thiserror::Error;

/// The longest value that a message repeats; the rest is cut.
const LONGEST_VALUE: usize = 80;

/// How many errors of one document are told. Whoever has more has another problem, and a document
/// of a few megabytes could ask for gigabytes of messages.
pub(crate) const MOST_ERRORS: usize = 100;

/// Where in a document a field is: `spec.template.spec.volumes[0].name`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath(Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Segment {
    Field(String),
    Key(String),
    Index(usize),
}

/// One thing that is wrong with a document.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{path}: {problem}")]
pub struct FieldError {
    /// Where.
    pub path: FieldPath,
    /// What.
    pub problem: Problem,
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Problem {
    /// It must be set and is not.
    Required {
        /// What has to be there.
        accepted: String,
    },
    /// Its value is not acceptable.
    Invalid {
        /// The value.
        value: Value,
        /// What would be accepted.
        accepted: String,
    },
    /// Its value is none of a few.
    NotSupported {
        /// The value.
        value: Value,
        /// The few.
        accepted: Vec<String>,
    },
    /// It may not be set, or not to this.
    Forbidden {
        /// Why not.
        message: String,
    },
    /// It is longer than it may be.
    TooLong {
        /// What would be accepted.
        accepted: String,
    },
    /// The same value stands in the list twice.
    Duplicate {
        /// The value.
        value: Value,
    },
    /// It names something that is not there.
    NotFound {
        /// The name.
        value: Value,
    },
    /// There is no such field.
    Unknown {
        /// The name that was written.
        name: String,
        /// The fields that there are.
        accepted: Vec<String>,
    },
}

impl FieldPath {
    /// The document itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// A path of fields, written with dots: `FieldPath::of("spec.liveMigrationConfig")`.
    pub fn of(dotted: &str) -> Self {
        Self(dotted.split('.').map(|field| Segment::Field(field.to_owned())).collect())
    }

    /// The field `name` of what is here.
    #[must_use]
    pub fn field(&self, name: &str) -> Self {
        self.with(Segment::Field(name.to_owned()))
    }

    /// The value under `key` of the map that is here.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.with(Segment::Key(key.to_owned()))
    }

    /// The item `index` of the list that is here.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.with(Segment::Index(index))
    }

    fn with(&self, segment: Segment) -> Self {
        let mut longer = self.clone();
        longer.0.push(segment);
        longer
    }
}

impl FieldError {
    /// `value` at `path` is not acceptable; `accepted` says what would be.
    pub fn invalid(path: FieldPath, value: Value, accepted: impl Into<String>) -> Self {
        Self { path, problem: Problem::Invalid { value, accepted: accepted.into() } }
    }

    /// `path` may not be set, or not like this.
    pub fn forbidden(path: FieldPath, message: impl Into<String>) -> Self {
        Self { path, problem: Problem::Forbidden { message: message.into() } }
    }

    /// Something must be at `path`; `accepted` says what.
    pub fn required(path: FieldPath, accepted: impl Into<String>) -> Self {
        Self { path, problem: Problem::Required { accepted: accepted.into() } }
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Field(name) if !is_word(name) => write!(f, "[{name:?}]")?,
                Segment::Field(name) if position == 0 => f.write_str(name)?,
                Segment::Field(name) => write!(f, ".{name}")?,
                Segment::Key(key) => write!(f, "[{}]", key.escape_debug())?,
                Segment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        if self.0.is_empty() { f.write_str("the document") } else { Ok(()) }
    }
}

/// Whether a name can stand in a path as it is. All fields that there are can; unknown ones may be
/// anything.
fn is_word(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-$".contains(&byte))
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Required { accepted } if accepted.is_empty() => f.write_str("Required value"),
            Self::Required { accepted } => write!(f, "Required value: {accepted}"),
            Self::Invalid { value, accepted } => {
                write!(f, "Invalid value: {}: {accepted}", Shown(value))
            }
            Self::NotSupported { value, accepted } => {
                write!(f, "Unsupported value: {}: supported values: ", Shown(value))?;
                for (position, value) in accepted.iter().enumerate() {
                    let joint = if position == 0 { "" } else { ", " };
                    write!(f, "{joint}\"{value}\"")?;
                }
                Ok(())
            }
            Self::Forbidden { message } => write!(f, "Forbidden: {message}"),
            Self::TooLong { accepted } => write!(f, "Too long: {accepted}"),
            Self::Duplicate { value } => write!(f, "Duplicate value: {}", Shown(value)),
            Self::NotFound { value } => write!(f, "Not found: {}", Shown(value)),
            Self::Unknown { name, accepted } => match nearest(name, accepted) {
                Some(near) => write!(f, "unknown field; did you mean {near}?"),
                None => write!(f, "unknown field; use {}", accepted.join(", ")),
            },
        }
    }
}

/// The one of `accepted` that `name` is a slip of: other capitals, or at most two letters off.
fn nearest<'a>(name: &str, accepted: &'a [String]) -> Option<&'a str> {
    let slips = |other: &str| {
        let same = name.eq_ignore_ascii_case(other);
        if same { 0 } else { edits(name.as_bytes(), other.as_bytes()) }
    };
    accepted
        .iter()
        .filter(|other| name.len().abs_diff(other.len()) <= 2)
        .map(|other| (slips(other), other.as_str()))
        .filter(|(slips, other)| *slips <= 2 && slips * 3 < other.len())
        .min()
        .map(|(_, other)| other)
}

/// How many letters must be put in, taken out or changed to make one of the other (Levenshtein).
fn edits(from: &[u8], to: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, letter) in from.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], line + 1);
        for column in 0..to.len() {
            let changed = diagonal + usize::from(*letter != to[column]);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

/// A value as JSON in one line, cut where it is long.
struct Shown<'a>(&'a Value);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        match text.char_indices().nth(LONGEST_VALUE) {
            None => f.write_str(&text),
            Some((end, _)) => write!(f, "{}…", &text[..end]),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_print_as_kubernetes_prints_them() {
        let path = FieldPath::of("spec.volumes").index(0).field("name");
        assert_eq!(path.to_string(), "spec.volumes[0].name");
        let path = FieldPath::of("metadata.labels").key("kubevirt.io/size");
        assert_eq!(path.to_string(), "metadata.labels[kubevirt.io/size]");
        assert_eq!(FieldPath::root().to_string(), "the document");
        let path = FieldPath::of("spec").field("a.b").field("").field("\n").key("\n");
        assert_eq!(path.to_string(), r#"spec["a.b"][""]["\n"][\n]"#);
    }

    #[test]
    fn messages_name_the_field_the_value_and_what_is_accepted() {
        let error = FieldError::invalid(FieldPath::of("spec.x"), json!(true), "must be a string");
        assert_eq!(error.to_string(), "spec.x: Invalid value: true: must be a string");
        let long = FieldError::invalid(FieldPath::of("x"), json!("ä".repeat(200)), "no");
        assert!(long.to_string().len() < 200, "{long}");
    }
}
