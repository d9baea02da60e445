//! What is different between two objects, as sets of fields.

use serde_json::{Map, Value};

use crate::fields::element::PathElement;
use crate::fields::form::{Form, Layout};
use crate::fields::set::{FieldSet, Node, Part, join};
use crate::fields::value;

/// What is different between two objects. No field is in two of the sets.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Comparison {
    /// Only the second has it.
    pub(super) added: FieldSet,
    /// Both have it, with different values.
    pub(super) modified: FieldSet,
    /// Only the first has it.
    pub(super) removed: FieldSet,
}

/// The same for one field.
#[derive(Default)]
struct Difference {
    added: Part,
    modified: Part,
    removed: Part,
}

/// The nodes of one level while they are gathered.
#[derive(Default)]
struct Gathered {
    added: Vec<Node>,
    modified: Vec<Node>,
    removed: Vec<Node>,
}

impl Gathered {
    fn push(&mut self, element: &PathElement, difference: Difference) {
        let Difference { added, modified, removed } = difference;
        for (nodes, part) in
            [(&mut self.added, added), (&mut self.modified, modified), (&mut self.removed, removed)]
        {
            if !part.is_empty() {
                nodes.push(Node { element: element.clone(), part });
            }
        }
    }

    fn finish(self) -> Comparison {
        Comparison {
            added: FieldSet::of(self.added),
            modified: FieldSet::of(self.modified),
            removed: FieldSet::of(self.removed),
        }
    }
}

impl From<Comparison> for Difference {
    fn from(below: Comparison) -> Self {
        let part = |below| Part { member: false, below };
        Self {
            added: part(below.added),
            modified: part(below.modified),
            removed: part(below.removed),
        }
    }
}

/// What is different in `right`.
// PARITY: structured-merge-diff/typed/compare.go#compare
pub(super) fn compare(
    form: Form<'_>,
    left: &Map<String, Value>,
    right: &Map<String, Value>,
) -> Comparison {
    let mut gathered = Gathered::default();
    for (name, left) in left {
        let form = form.entry(name).form();
        let difference = match right.get(name) {
            Some(right) => compare_values(form, left, right),
            None => Difference { removed: whole(form, left), ..Difference::default() },
        };
        if !difference.is_none() {
            gathered.push(&PathElement::Field(name.clone()), difference);
        }
    }
    for (name, right) in right.iter().filter(|(name, _)| !left.contains_key(*name)) {
        let added = whole(form.entry(name).form(), right);
        gathered.added.push(Node { element: PathElement::Field(name.clone()), part: added });
    }
    gathered.finish()
}

/// All of an object that was not there.
pub(super) fn all_of(form: Form<'_>, fields: &Map<String, Value>) -> FieldSet {
    let nodes = fields.iter().map(|(name, value)| Node {
        element: PathElement::Field(name.clone()),
        part: whole(form.entry(name).form(), value),
    });
    FieldSet::of(nodes.collect())
}

/// All of a value that only one side has: itself, and what is in it.
fn whole(form: Form<'_>, value: &Value) -> Part {
    let below = match (form.layout(value), value) {
        (Some(Layout::Map), Value::Object(fields)) => all_of(form, fields),
        (Some(layout @ (Layout::Set | Layout::Keyed(_))), Value::Array(items)) => {
            let nodes = form.index(layout, items).into_iter().map(|(element, places)| {
                let part = match places.as_slice() {
                    [place] => whole(form.item(), &items[*place]),
                    _ => Part::leaf(),
                };
                Node { element, part }
            });
            FieldSet::of(nodes.collect())
        }
        _ => FieldSet::default(),
    };
    Part { member: true, below }
}

impl Difference {
    fn is_none(&self) -> bool {
        self.added.is_empty() && self.modified.is_empty() && self.removed.is_empty()
    }

    fn in_value(left: &Value, right: &Value) -> Self {
        let member = !value::same(left, right);
        Self { modified: Part { member, below: FieldSet::default() }, ..Self::default() }
    }
}

fn compare_values<'v>(form: Form<'_>, left: &'v Value, right: &'v Value) -> Difference {
    let (left_layout, right_layout) = (form.layout(left), form.layout(right));
    let layout = match (left_layout, right_layout) {
        (Some(left), Some(right)) if left == right => left,
        (Some(layout), None) | (None, Some(layout)) => layout,
        (None, None) => return Difference::default(),
        // A change of type: the field is different, and so is all that was or is in it.
        (Some(_), Some(_)) => {
            return Difference {
                added: Part { member: false, below: whole(form, right).below },
                modified: Part::leaf(),
                removed: Part { member: false, below: whole(form, left).below },
            };
        }
    };
    // Two empty ones are compared as a whole, so that `{}` and `null` are told apart.
    if layout == Layout::Leaf || (is_empty(left) && is_empty(right)) {
        return Difference::in_value(left, right);
    }
    match layout {
        Layout::Leaf => Difference::in_value(left, right),
        Layout::Map => {
            let none = Map::new();
            let (left, right) = (left.as_object(), right.as_object());
            compare(form, left.unwrap_or(&none), right.unwrap_or(&none)).into()
        }
        Layout::Set | Layout::Keyed(_) => {
            let items = |list: &'v Value| list.as_array().map_or(&[][..], Vec::as_slice);
            compare_items(form, layout, items(left), items(right)).into()
        }
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

fn compare_items(
    form: Form<'_>,
    layout: Layout<'_>,
    left: &[Value],
    right: &[Value],
) -> Comparison {
    let (lefts, rights) = (form.index(layout, left), form.index(layout, right));
    let mut gathered = Gathered::default();
    for (element, ours, theirs) in join(&lefts, &rights) {
        let ours = pick(ours, left);
        let theirs = pick(theirs, right);
        gathered.push(element, compare_item(form.item(), &ours, &theirs));
    }
    gathered.finish()
}

fn pick<'v>(places: Option<&Vec<usize>>, items: &'v [Value]) -> Vec<&'v Value> {
    places.into_iter().flatten().map(|place| &items[*place]).collect()
}

/// Items with the same key: one on each side, or several, which count as one.
fn compare_item(form: Form<'_>, left: &[&Value], right: &[&Value]) -> Difference {
    match (left, right) {
        ([], []) => Difference::default(),
        ([left], [right]) => compare_values(form, left, right),
        ([left], []) => Difference { removed: whole(form, left), ..Difference::default() },
        ([], [right]) => Difference { added: whole(form, right), ..Difference::default() },
        ([_, _, ..], [_, _, ..]) => {
            let same = left.len() == right.len()
                && left.iter().zip(right).all(|(left, right)| value::same(left, right));
            let modified = Part { member: !same, below: FieldSet::default() };
            Difference { modified, ..Difference::default() }
        }
        ([_, _, ..], right) => Difference {
            added: right.first().map(|item| whole(form, item)).unwrap_or_default(),
            removed: Part::leaf(),
            ..Difference::default()
        },
        (left, [_, _, ..]) => Difference {
            added: Part::leaf(),
            removed: left.first().map(|item| whole(form, item)).unwrap_or_default(),
            ..Difference::default()
        },
    }
}
