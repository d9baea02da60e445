//! The fields that a value mentions: what a manager owns after having applied it.

use serde_json::{Map, Value};

use crate::fields::element::PathElement;
use crate::fields::form::{Form, Layout};
use crate::fields::set::{FieldSet, Node, Part};

/// The fields that an object mentions: its leaves, and the items and entries that have an owner
/// beside what is in them.
// PARITY: structured-merge-diff/typed/tofieldset.go#toFieldSet
pub(super) fn mentioned(form: Form<'_>, fields: &Map<String, Value>) -> FieldSet {
    let nodes = fields.iter().map(|(name, value)| {
        let entry = form.entry(name);
        let mut part = mentioned_by(entry.form(), value);
        // Without anything in it, it is itself what is wanted. Upstream does not see lists so, and
        // takes one away that was applied empty, until it is applied again.
        part.member |= is_empty(value) || !entry.is_declared();
        Node { element: PathElement::Field(name.clone()), part }
    });
    FieldSet::of(nodes.collect())
}

fn mentioned_by(form: Form<'_>, value: &Value) -> Part {
    match (form.layout(value), value) {
        (None, _) => Part { member: form.is_atomic(), below: FieldSet::default() },
        (Some(Layout::Map), Value::Object(fields)) => {
            Part { member: false, below: mentioned(form, fields) }
        }
        (Some(layout @ (Layout::Set | Layout::Keyed(_))), Value::Array(items)) => {
            Part { member: false, below: mentioned_items(form, layout, items) }
        }
        _ => Part::leaf(),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// An item that is there twice is owned as a whole: nobody can say which of both is meant.
fn mentioned_items(form: Form<'_>, layout: Layout<'_>, items: &[Value]) -> FieldSet {
    let nodes = form.index(layout, items).into_iter().map(|(element, places)| {
        let below = match places.as_slice() {
            [place] => mentioned_by(form.item(), &items[*place]).below,
            _ => FieldSet::default(),
        };
        Node { element, part: Part { member: true, below } }
    });
    FieldSet::of(nodes.collect())
}

/// The same set, and every field that the schema names on the way to a member.
// PARITY: structured-merge-diff/fieldpath/set.go#EnsureNamedFieldsAreMembers
pub(super) fn with_named(form: Form<'_>, set: &FieldSet) -> FieldSet {
    let nodes = set.nodes().iter().map(|node| {
        let (form, declared) = match &node.element {
            PathElement::Field(name) => {
                let entry = form.entry(name);
                (entry.form(), entry.is_declared())
            }
            PathElement::Key(_) => (form.item(), false),
            PathElement::Value(_) | PathElement::Index(_) => (Form::Deduced, false),
        };
        let member = node.part.member || (declared && !node.part.below.is_empty());
        let part = Part { member, below: with_named(form, &node.part.below) };
        Node { element: node.element.clone(), part }
    });
    FieldSet::of(nodes.collect())
}
