//! What comes of an object when a configuration is applied to it.

use serde_json::{Map, Value};

use crate::fields::form::{Form, Layout};
use crate::fields::interleave::{Take, interleave};

/// The object with all that the configuration says. Nothing is taken away.
// PARITY: structured-merge-diff/typed/merge.go#merge
pub(super) fn merge(form: Form<'_>, live: &mut Map<String, Value>, config: &Map<String, Value>) {
    for (name, config) in config {
        match live.get_mut(name) {
            Some(live) => merge_value(form.entry(name).form(), live, config),
            None => {
                live.insert(name.clone(), config.clone());
            }
        }
    }
}

fn merge_value(form: Form<'_>, live: &mut Value, config: &Value) {
    match (form.layout(live), form.layout(config)) {
        // `null` is as good as an empty map or list, and those take nothing away.
        (Some(Layout::Map | Layout::Set | Layout::Keyed(_)), None) if !is_empty(live) => {}
        (Some(Layout::Map), Some(Layout::Map)) => {
            if let (Value::Object(live), Value::Object(config)) = (live, config) {
                merge(form, live, config);
            }
        }
        (Some(layout @ (Layout::Set | Layout::Keyed(_))), Some(config_layout))
            if layout == config_layout =>
        {
            if let (Value::Array(live), Value::Array(config)) = (live, config) {
                merge_items(form, layout, live, config);
            }
        }
        _ => *live = config.clone(),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn merge_items(form: Form<'_>, layout: Layout<'_>, live: &mut Vec<Value>, config: &[Value]) {
    let elements = |items: &[Value]| -> Vec<_> {
        items.iter().map(|item| form.element(layout, item).ok()).collect()
    };
    let order = interleave(&elements(live), &elements(config));
    let mut items = std::mem::take(live);
    live.extend(order.into_iter().map(|take| match take {
        Take::Live(place) => items[place].take(),
        Take::Config(place) => config[place].clone(),
        Take::Both { live, config: place } => {
            let mut item = items[live].take();
            merge_value(form.item(), &mut item, &config[place]);
            item
        }
    }));
}
