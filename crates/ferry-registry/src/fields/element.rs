//! One step on the way to a field: a name, the key of a list's item, an item's value, an index.

use std::cmp::Ordering;
use std::fmt;

use serde_json::Value;

use crate::fields::value;

/// One step on the way to a field.
#[derive(Clone, Debug)]
pub(super) enum PathElement {
    /// A field of an object, or an entry of a map.
    Field(String),
    /// The item of a keyed list that has these fields, sorted by name.
    Key(Vec<(String, Value)>),
    /// The item of a set that is this scalar.
    Value(Value),
    /// An item of a list by its place. Nothing here makes one; other servers' field sets may.
    Index(i64),
}

/// Why a field set's key is no path element.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ElementText {
    /// A kind of element that is not known here. A later version may have meant something by it.
    Unknown,
    /// It cannot be read.
    Malformed,
}

impl PathElement {
    /// How the element stands among the keys of `FieldsV1`.
    // PARITY: structured-merge-diff/fieldpath/serialize-pe.go#SerializePathElement
    pub(super) fn to_text(&self) -> String {
        match self {
            Self::Field(name) => ["f:", name].concat(),
            Self::Key(fields) => {
                let mut text = "k:{".to_owned();
                for (index, (name, value)) in fields.iter().enumerate() {
                    if index > 0 {
                        text.push(',');
                    }
                    text.push_str(&Value::from(name.as_str()).to_string());
                    text.push(':');
                    text.push_str(&value.to_string());
                }
                text.push('}');
                text
            }
            Self::Value(value) => format!("v:{value}"),
            Self::Index(index) => format!("i:{index}"),
        }
    }

    /// Reads what [`Self::to_text`] writes.
    pub(super) fn from_text(text: &str) -> Result<Self, ElementText> {
        let malformed = |_| ElementText::Malformed;
        let (kind, rest) = text.split_once(':').ok_or(ElementText::Malformed)?;
        match kind {
            "f" => Ok(Self::Field(rest.to_owned())),
            "v" => serde_json::from_str(rest).map(Self::Value).map_err(malformed),
            "k" => {
                let fields: serde_json::Map<String, Value> =
                    serde_json::from_str(rest).map_err(malformed)?;
                let mut fields: Vec<_> = fields.into_iter().collect();
                fields.sort_by(|left, right| left.0.cmp(&right.0));
                Ok(Self::Key(fields))
            }
            "i" => rest.parse().map(Self::Index).map_err(|_| ElementText::Malformed),
            _ if kind.len() == 1 => Err(ElementText::Unknown),
            _ => Err(ElementText::Malformed),
        }
    }

    /// How it compares to the field of that name.
    pub(super) fn cmp_field(&self, name: &str) -> Ordering {
        match self {
            Self::Field(own) => own.as_str().cmp(name),
            Self::Key(_) | Self::Value(_) | Self::Index(_) => Ordering::Greater,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Field(_) => 0,
            Self::Key(_) => 1,
            Self::Value(_) => 2,
            Self::Index(_) => 3,
        }
    }
}

// PARITY: structured-merge-diff/fieldpath/element.go#Compare
impl Ord for PathElement {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Field(own), Self::Field(other)) => own.cmp(other),
            (Self::Key(own), Self::Key(other)) => {
                for (own, other) in own.iter().zip(other) {
                    let order = own.0.cmp(&other.0).then_with(|| value::compare(&own.1, &other.1));
                    if order.is_ne() {
                        return order;
                    }
                }
                own.len().cmp(&other.len())
            }
            (Self::Value(own), Self::Value(other)) => value::compare(own, other),
            (Self::Index(own), Self::Index(other)) => own.cmp(other),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for PathElement {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for PathElement {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for PathElement {}

/// As messages and conflicts have it: `.spec`, `[name="a"]`, `[="a"]`, `[0]`.
// PARITY: structured-merge-diff/fieldpath/element.go#String
impl fmt::Display for PathElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Key(fields) => {
                f.write_str("[")?;
                for (index, (name, value)) in fields.iter().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    write!(f, "{comma}{name}={value}")?;
                }
                f.write_str("]")
            }
            Self::Value(value) => write!(f, "[={value}]"),
            Self::Index(index) => write!(f, "[{index}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(fields: &[(&str, Value)]) -> PathElement {
        PathElement::Key(fields.iter().map(|(name, v)| ((*name).to_owned(), v.clone())).collect())
    }

    #[test]
    fn an_element_is_written_and_read_as_in_fields_v1() {
        for (text, element, shown) in [
            ("f:spec", PathElement::Field("spec".to_owned()), ".spec"),
            ("f:", PathElement::Field(String::new()), "."),
            ("f:a.b/c:d", PathElement::Field("a.b/c:d".to_owned()), ".a.b/c:d"),
            (r#"k:{"name":"a"}"#, key(&[("name", json!("a"))]), r#"[name="a"]"#),
            (
                r#"k:{"port":80,"protocol":"TCP"}"#,
                key(&[("port", json!(80)), ("protocol", json!("TCP"))]),
                r#"[port=80,protocol="TCP"]"#,
            ),
            (r#"v:"a""#, PathElement::Value(json!("a")), r#"[="a"]"#),
            ("v:1", PathElement::Value(json!(1)), "[=1]"),
            ("v:null", PathElement::Value(json!(null)), "[=null]"),
            ("i:0", PathElement::Index(0), "[0]"),
            ("i:-7", PathElement::Index(-7), "[-7]"),
        ] {
            assert_eq!(PathElement::from_text(text), Ok(element.clone()), "{text}");
            assert_eq!(element.to_text(), text);
            assert_eq!(element.to_string(), shown);
        }
    }

    #[test]
    fn keys_are_sorted_when_read() {
        let element = PathElement::from_text(r#"k:{"b":1,"a":2}"#).unwrap();
        assert_eq!(element.to_text(), r#"k:{"a":2,"b":1}"#);
    }

    #[test]
    fn what_is_no_element_is_told_apart_from_what_a_later_version_may_know() {
        for (text, problem) in [
            ("x:later", ElementText::Unknown),
            ("spec", ElementText::Malformed),
            ("", ElementText::Malformed),
            ("k:[]", ElementText::Malformed),
            ("k:{", ElementText::Malformed),
            ("v:", ElementText::Malformed),
            ("i:one", ElementText::Malformed),
        ] {
            assert_eq!(PathElement::from_text(text), Err(problem), "{text}");
        }
    }
}
