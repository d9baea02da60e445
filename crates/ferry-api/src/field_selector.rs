//! Field selectors: which objects does somebody mean, by a few of their fields?
//!
//! Which fields can be asked for differs from kind to kind, and this module knows none of them: it
//! reads the text, lists the fields that it names, and compares what it is given.
//!
//! Source: Kubernetes `apimachinery/pkg/fields/selector.go`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// What some fields of an object have to be, all of them. Without any, everything is selected.
///
/// ```
/// use ferry_api::FieldSelector;
///
/// let selector = FieldSelector::parse("spec.nodeName=node-1,status.phase!=Failed")?;
/// let pod = |field: &str| match field {
///     "spec.nodeName" => Some("node-1"),
///     "status.phase" => Some("Running"),
///     _ => None,
/// };
/// assert!(selector.matches(pod));
///
/// let refusal = selector.check_fields(|field| field == "spec.nodeName").unwrap_err();
/// assert_eq!(refusal.to_string(), "field label not supported: status.phase");
/// # Ok::<(), ferry_api::FieldSelectorError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FieldSelector {
    /// Ordered, so that equal selectors are equal.
    requirements: Vec<FieldRequirement>,
}

/// What one field has to be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldRequirement {
    field: String,
    operator: FieldOperator,
    value: String,
}

/// How a field is compared with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FieldOperator {
    /// `=` or `==`.
    Equals,
    /// `!=`.
    NotEquals,
}

/// A text that is no field selector, or one that asks for a field that cannot be asked for. The
/// messages are Kubernetes'.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FieldSelectorError {
    /// A term without an operator.
    #[error("invalid selector: '{selector}'; can't understand '{term}'")]
    NoOperator {
        /// The whole text.
        selector: String,
        /// The term.
        term: String,
    },
    /// A backslash before something that needs none.
    #[error("invalid field selector: invalid escape sequence: {sequence}")]
    InvalidEscape {
        /// The backslash and what follows it.
        sequence: String,
    },
    /// A value with an equals sign that has no backslash before it. Upstream prints its number.
    #[error("invalid field selector: unescaped character in value: {character}")]
    Unescaped {
        /// The character.
        character: char,
    },
    /// A field that objects of this kind are not selected by.
    #[error("field label not supported: {field}")]
    Unsupported {
        /// The field.
        field: String,
    },
}

impl FieldSelector {
    /// The selector that `text` says: `field=value`, `field==value` and `field!=value` with commas
    /// between. Within a value, a backslash stands before each comma, equals sign and backslash.
    // PARITY: apimachinery/pkg/fields/selector.go#ParseSelector: empty terms do not count, and
    // blanks belong to the field or value that they stand in.
    pub fn parse(text: &str) -> Result<Self, FieldSelectorError> {
        let mut requirements = Vec::new();
        for term in split_terms(text).filter(|term| !term.is_empty()) {
            let (field, operator, value) = split_term(term).ok_or_else(|| {
                FieldSelectorError::NoOperator { selector: text.to_owned(), term: term.to_owned() }
            })?;
            let value = unescape(value)?;
            requirements.push(FieldRequirement { field: field.to_owned(), operator, value });
        }
        requirements.sort_unstable();
        Ok(Self { requirements })
    }

    /// Whether an object is selected, where `value_of` says what its fields are.
    // PARITY: apimachinery/pkg/fields/fields.go#Get: a field that is not there is empty.
    pub fn matches<V: AsRef<str>>(&self, value_of: impl Fn(&str) -> Option<V>) -> bool {
        self.requirements.iter().all(|requirement| {
            let value = value_of(&requirement.field);
            let equal = value.as_ref().map_or("", AsRef::as_ref) == requirement.value;
            match requirement.operator {
                FieldOperator::Equals => equal,
                FieldOperator::NotEquals => !equal,
            }
        })
    }

    /// Refuses the first field that is not `supported`.
    pub fn check_fields(&self, supported: impl Fn(&str) -> bool) -> Result<(), FieldSelectorError> {
        match self.fields().find(|field| !supported(field)) {
            None => Ok(()),
            Some(field) => Err(FieldSelectorError::Unsupported { field: field.to_owned() }),
        }
    }

    /// The fields that the selector looks at, in order; one that it names twice comes twice.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.requirements.iter().map(|requirement| requirement.field.as_str())
    }

    /// Whether everything is selected.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// What is required, in order.
    pub fn requirements(&self) -> &[FieldRequirement] {
        &self.requirements
    }
}

impl FieldRequirement {
    /// The field, such as `metadata.name`.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// How it is compared.
    pub fn operator(&self) -> FieldOperator {
        self.operator
    }

    /// What it is compared with.
    pub fn value(&self) -> &str {
        &self.value
    }
}

/// The terms between commas that have no backslash before them.
fn split_terms(text: &str) -> impl Iterator<Item = &str> {
    let mut escaped = false;
    text.split(move |c| {
        let ends = c == ',' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })
}

/// A term at its first operator. A field cannot be escaped, so the first is the one.
fn split_term(term: &str) -> Option<(&str, FieldOperator, &str)> {
    let (before, behind) = term.split_once('=')?;
    match (before.strip_suffix('!'), behind.strip_prefix('=')) {
        (Some(field), _) => Some((field, FieldOperator::NotEquals, behind)),
        (None, Some(value)) => Some((before, FieldOperator::Equals, value)),
        (None, None) => Some((before, FieldOperator::Equals, behind)),
    }
}

// PARITY: apimachinery/pkg/fields/selector.go#UnescapeValue
fn unescape(value: &str) -> Result<String, FieldSelectorError> {
    let mut plain = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some(escaped @ ('\\' | ',' | '=')) => plain.push(escaped),
                other => {
                    let sequence = std::iter::once('\\').chain(other).collect();
                    return Err(FieldSelectorError::InvalidEscape { sequence });
                }
            },
            ',' | '=' => return Err(FieldSelectorError::Unescaped { character }),
            _ => plain.push(character),
        }
    }
    Ok(plain)
}

impl FromStr for FieldSelector {
    type Err = FieldSelectorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// Prints the requirements in order; it reads back as the same selector.
impl fmt::Display for FieldSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, requirement) in self.requirements.iter().enumerate() {
            let joint = if position == 0 { "" } else { "," };
            write!(f, "{joint}{requirement}")?;
        }
        Ok(())
    }
}

impl fmt::Display for FieldRequirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operator = match self.operator {
            FieldOperator::Equals => "=",
            FieldOperator::NotEquals => "!=",
        };
        write!(f, "{}{operator}", self.field)?;
        for character in self.value.chars() {
            let escape = if matches!(character, '\\' | ',' | '=') { "\\" } else { "" };
            write!(f, "{escape}{character}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_field_selector_prints_as_canonical_text() {
        for (written, printed) in [
            ("", ""),
            (",,", ""),
            ("metadata.name=x", "metadata.name=x"),
            ("metadata.name==x", "metadata.name=x"),
            ("b=2,a!=1", "a!=1,b=2"),
            ("a==z,a=b,", "a=b,a=z"),
            ("a=", "a="),
            ("=a", "=a"),
            ("a = b", "a = b"),
            (r"a=x\,y", r"a=x\,y"),
            (r"a=x\=y\\", r"a=x\=y\\"),
            (r"a=\=b", r"a=\=b"),
            ("a!b=c", "a!b=c"),
            (r"a\=b", r"a\=b"),
            (r"a\,b=c", r"a\,b=c"),
        ] {
            let selector: FieldSelector = written.parse().unwrap();
            assert_eq!(selector.to_string(), printed, "{written}");
            assert_eq!(FieldSelector::parse(printed), Ok(selector), "{written}");
        }
    }

    #[test]
    fn a_requirement_has_a_field_an_operator_and_a_plain_value() {
        for (text, field, operator, value) in [
            ("a=b", "a", FieldOperator::Equals, "b"),
            ("a==b", "a", FieldOperator::Equals, "b"),
            ("a!=b", "a", FieldOperator::NotEquals, "b"),
            (r"a=b\\\,\=", "a", FieldOperator::Equals, r"b\,="),
            ("a!=!b", "a", FieldOperator::NotEquals, "!b"),
            ("a!!=b", "a!", FieldOperator::NotEquals, "b"),
        ] {
            let selector = FieldSelector::parse(text).unwrap();
            let [only] = selector.requirements() else { panic!("{text}") };
            assert_eq!((only.field(), only.operator(), only.value()), (field, operator, value));
        }
    }

    #[test]
    fn a_text_that_is_no_selector_is_refused_with_kubernetes_words() {
        for (text, message) in [
            ("a", "invalid selector: 'a'; can't understand 'a'"),
            ("a=b,c", "invalid selector: 'a=b,c'; can't understand 'c'"),
            ("a>2", "invalid selector: 'a>2'; can't understand 'a>2'"),
            ("a in (b)", "invalid selector: 'a in (b)'; can't understand 'a in (b)'"),
            ("a=b=c", "invalid field selector: unescaped character in value: ="),
            ("a!==b", "invalid field selector: unescaped character in value: ="),
            ("a===b", "invalid field selector: unescaped character in value: ="),
            (r"a=\n", r"invalid field selector: invalid escape sequence: \n"),
            (r"a=b\", r"invalid field selector: invalid escape sequence: \"),
        ] {
            assert_eq!(FieldSelector::parse(text).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn a_field_selector_selects_by_the_fields_of_an_object() {
        let field = |name: &str| match name {
            "name" => Some("x".to_owned()),
            "unset" => Some(String::new()),
            _ => None,
        };
        for (text, selected) in [
            ("", true),
            ("name=x", true),
            ("name==x", true),
            ("name=X", false),
            ("name!=x", false),
            ("name!=y", true),
            ("name=x,name!=y", true),
            ("name=x,name=y", false),
            ("absent=", true),
            ("absent!=", false),
            ("absent!=x", true),
            ("absent=x", false),
            ("unset=", true),
        ] {
            assert_eq!(FieldSelector::parse(text).unwrap().matches(field), selected, "{text}");
        }
    }

    #[test]
    fn the_first_field_that_is_not_supported_is_named() {
        let selector =
            FieldSelector::parse("spec.x=1,metadata.name=a,spec.y!=2,spec.x!=3").unwrap();
        let fields: Vec<_> = selector.fields().collect();
        assert_eq!(fields, ["metadata.name", "spec.x", "spec.x", "spec.y"]);
        assert_eq!(selector.check_fields(|field| field != "none"), Ok(()));
        let refusal = selector.check_fields(|field| field.starts_with("metadata."));
        assert_eq!(refusal.unwrap_err().to_string(), "field label not supported: spec.x");
        assert!(!selector.is_empty());
    }

    proptest! {
        #[test]
        fn any_value_can_be_selected_by(field in "[a-z.]{1,8}", value in "\\PC*|[,=\\\\!a]*") {
            let escaped = value.replace('\\', r"\\").replace(',', r"\,").replace('=', r"\=");
            let selector = FieldSelector::parse(&format!("{field}={escaped}")).unwrap();
            prop_assert_eq!(selector.requirements()[0].value(), &value);
            prop_assert!(selector.matches(|_| Some(&value)));
            prop_assert_eq!(FieldSelector::parse(&selector.to_string()), Ok(selector));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*|[ab.,=!\\\\]{0,12}") {
            if let Ok(selector) = FieldSelector::parse(&text) {
                prop_assert_eq!(FieldSelector::parse(&selector.to_string()), Ok(selector));
            }
        }
    }
}
