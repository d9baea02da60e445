//! Taking fields out of an object.

use serde_json::{Map, Value};

use crate::fields::form::{Form, Layout};
use crate::fields::set::{FieldSet, Part};

/// The object without the fields of `set`. What is left empty stays, empty: a map that somebody
/// owns is still a map.
// PARITY: structured-merge-diff/typed/remove.go#removeItemsWithSchema
pub(super) fn without(
    form: Form<'_>,
    mut fields: Map<String, Value>,
    set: &FieldSet,
) -> Map<String, Value> {
    remove(form, &mut fields, set);
    fields
}

fn remove(form: Form<'_>, fields: &mut Map<String, Value>, set: &FieldSet) {
    if set.is_empty() {
        return;
    }
    fields.retain(|name, value| keep(form.entry(name).form(), value, set.field(name)));
}

fn keep(form: Form<'_>, value: &mut Value, part: Option<&Part>) -> bool {
    let Some(part) = part else { return true };
    if !part.member && !part.below.is_empty() {
        remove_from(form, value, &part.below);
    }
    !part.member
}

fn remove_from(form: Form<'_>, value: &mut Value, set: &FieldSet) {
    let layout = form.layout(value);
    match (layout, value) {
        (Some(Layout::Map), Value::Object(fields)) => remove(form, fields, set),
        (Some(layout @ (Layout::Set | Layout::Keyed(_))), Value::Array(items)) => {
            items.retain_mut(|item| match form.element(layout, item) {
                Ok(element) => keep(form.item(), item, set.get(&element)),
                Err(_) => true,
            });
        }
        _ => {}
    }
}
