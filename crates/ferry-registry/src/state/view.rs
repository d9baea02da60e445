//! The state as others look at it: typed objects, by name and by labels.

use std::ops::Bound;

use ferry_api::{Modelled, Selector, View};

use crate::object::{ObjectKey, Stored};
use crate::state::State;

impl View for State {
    fn get<T: Modelled>(&self, namespace: &str, name: &str) -> Option<T> {
        self.object(&ObjectKey::new(<T as Modelled>::KIND, namespace, name))
            .and_then(|object| typed(object))
    }

    fn list<T: Modelled>(&self, namespace: Option<&str>, labels: &Selector) -> Vec<T> {
        self.objects()
            .range(<T as Modelled>::KIND, namespace, Bound::Unbounded)
            .filter(|object| labels.matches_with(|key| object.meta.labels.get(key)))
            .filter_map(|object| typed(object))
            .collect()
    }
}

/// The object as a value of its type. What was written has passed the type's schema, so it has one;
/// should a newer program's object not, it is as if it were not there.
fn typed<T: Modelled>(object: &Stored) -> Option<T> {
    serde_json::from_slice(&object.json).ok()
}
