//! What a schema says about ownership: which values have an owner as a whole, and which are made
//! of fields and items that have owners each.

use ferry_api::Schema;
use ferry_api::schema::{MergeStrategy, Shape, UnknownFields};
use serde_json::Value;

use crate::fields::element::PathElement;

/// What is known of a value's ownership.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form<'s> {
    /// What its schema says.
    Known(&'s Schema),
    /// It has no schema. Maps are owned by entry, lists as a whole.
    // PARITY: structured-merge-diff/typed/parser.go#DeducedParseableType
    Deduced,
}

/// How a value is owned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout<'s> {
    /// As a whole.
    Leaf,
    /// By field or entry.
    Map,
    /// By item; each is a scalar and there once.
    Set,
    /// By item; these fields tell them apart.
    Keyed(&'s [String]),
}

/// A field or an entry, seen from the object or map that has it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Entry<'s> {
    /// A field that the schema names.
    Declared(Form<'s>),
    /// An entry whose name is data.
    Free(Form<'s>),
    /// There is no such field.
    Unknown,
}

impl<'s> Entry<'s> {
    /// What is known of its value.
    pub(super) fn form(self) -> Form<'s> {
        match self {
            Self::Declared(form) | Self::Free(form) => form,
            Self::Unknown => Form::Deduced,
        }
    }

    /// Whether the schema names it.
    pub(super) fn is_declared(self) -> bool {
        match self {
            Self::Declared(_) => true,
            Self::Free(_) | Self::Unknown => false,
        }
    }
}

impl<'s> Form<'s> {
    /// How `value` is owned. `None` for `null`, which is an empty whatever stands beside it.
    pub(super) fn layout(self, value: &Value) -> Option<Layout<'s>> {
        let Self::Known(schema) = self else {
            return match value {
                Value::Null => None,
                Value::Object(_) => Some(Layout::Map),
                _ => Some(Layout::Leaf),
            };
        };
        match (&schema.shape, value) {
            (_, Value::Null) => None,
            (Shape::Object(_) | Shape::Map(_) | Shape::Anything, Value::Object(_)) => {
                Some(if self.is_atomic() { Layout::Leaf } else { Layout::Map })
            }
            (Shape::Array(_), Value::Array(_)) => Some(match &schema.merge {
                MergeStrategy::Set => Layout::Set,
                MergeStrategy::Keyed(keys) => Layout::Keyed(keys),
                MergeStrategy::Atomic | MergeStrategy::Granular => Layout::Leaf,
            }),
            (
                Shape::Anything
                | Shape::Boolean
                | Shape::Integer { .. }
                | Shape::Number
                | Shape::String(_)
                | Shape::IntOrString(_)
                | Shape::Array(_)
                | Shape::Map(_)
                | Shape::Object(_),
                _,
            ) => Some(Layout::Leaf),
        }
    }

    /// Whether a value is owned as a whole whatever it is.
    pub(super) fn is_atomic(self) -> bool {
        match self {
            Self::Known(schema) => schema.merge == MergeStrategy::Atomic,
            Self::Deduced => false,
        }
    }

    /// The field or entry of that name.
    pub(super) fn entry(self, name: &str) -> Entry<'s> {
        let Self::Known(schema) = self else { return Entry::Free(Self::Deduced) };
        match &schema.shape {
            Shape::Object(object) => match (object.properties.get(name), object.unknown) {
                (Some(schema), _) => Entry::Declared(Self::Known(schema)),
                (None, UnknownFields::Kept) => Entry::Free(Self::Deduced),
                (None, UnknownFields::Pruned) => Entry::Unknown,
            },
            Shape::Map(values) => Entry::Free(Self::Known(values)),
            Shape::Anything => Entry::Free(Self::Deduced),
            Shape::Boolean
            | Shape::Integer { .. }
            | Shape::Number
            | Shape::String(_)
            | Shape::IntOrString(_)
            | Shape::Array(_) => Entry::Unknown,
        }
    }

    /// What is known of a list's items.
    pub(super) fn item(self) -> Self {
        match self {
            Self::Known(Schema { shape: Shape::Array(items), .. }) => Self::Known(items),
            Self::Known(_) | Self::Deduced => Self::Deduced,
        }
    }

    /// What tells `item` from the others of this list, or why it cannot be told.
    // PARITY: structured-merge-diff/typed/helpers.go#listItemToPathElement
    pub(super) fn element(self, layout: Layout<'s>, item: &Value) -> Result<PathElement, String> {
        match layout {
            Layout::Keyed(keys) => self.item_key(keys, item).map(PathElement::Key),
            Layout::Set => match item {
                Value::Object(_) => {
                    Err("associative list without keys has an element that's a map type".to_owned())
                }
                Value::Array(_) => {
                    Err("not supported: associative list with lists as elements".to_owned())
                }
                Value::Null => {
                    let problem = "associative list without keys has an element that's an \
                                   explicit null";
                    Err(problem.to_owned())
                }
                Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                    Ok(PathElement::Value(item.clone()))
                }
            },
            Layout::Leaf | Layout::Map => {
                Err("invalid indexing of non-associative list".to_owned())
            }
        }
    }

    fn item_key(self, keys: &[String], item: &Value) -> Result<Vec<(String, Value)>, String> {
        let fields = match item {
            Value::Object(fields) => fields,
            Value::Null => {
                return Err("associative list with keys may not have a null element".to_owned());
            }
            _ => {
                let problem = "associative list with keys may not have non-map elements";
                return Err(problem.to_owned());
            }
        };
        let mut key = Vec::with_capacity(keys.len());
        for name in keys {
            let value =
                fields.get(name).or_else(|| self.item().default_of(name)).ok_or_else(|| {
                    format!(
                        "associative list with keys has an element that omits key field {name:?} \
                     (and doesn't have default value)"
                    )
                })?;
            key.push((name.clone(), value.clone()));
        }
        key.sort_by(|left, right| left.0.cmp(&right.0));
        Ok(key)
    }

    fn default_of(self, name: &str) -> Option<&'s Value> {
        match self.entry(name) {
            Entry::Declared(Self::Known(schema)) => schema.default.as_ref(),
            Entry::Declared(Self::Deduced) | Entry::Free(_) | Entry::Unknown => None,
        }
    }

    /// The items of a list by what tells them apart, sorted; the places of those that are there
    /// more than once stand together. Items that cannot be told apart are left out.
    pub(super) fn index(
        self,
        layout: Layout<'s>,
        items: &[Value],
    ) -> Vec<(PathElement, Vec<usize>)> {
        let mut elements: Vec<(PathElement, Vec<usize>)> = Vec::with_capacity(items.len());
        for (place, item) in items.iter().enumerate() {
            if let Ok(element) = self.element(layout, item) {
                elements.push((element, vec![place]));
            }
        }
        elements.sort_by(|left, right| left.0.cmp(&right.0));
        elements.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1.append(&mut next.1);
            }
            same
        });
        elements
    }
}
