//! The objects themselves, in the order of lists. Each is kept once, with its key in it.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use ferry_api::Kind;

use crate::object::{ObjectKey, Stored};

/// The objects, by kind, namespace and name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Objects(BTreeSet<ByKey>);

/// An object that is compared by its key alone.
#[derive(Clone, Debug)]
struct ByKey(Arc<Stored>);

impl Objects {
    pub(crate) fn get(&self, key: &ObjectKey) -> Option<&Arc<Stored>> {
        self.0.get(key).map(|ByKey(object)| object)
    }

    /// Puts an object where its key says. What was there before is given back.
    pub(super) fn put(&mut self, object: Arc<Stored>) -> Option<Arc<Stored>> {
        self.0.replace(ByKey(object)).map(|ByKey(before)| before)
    }

    pub(super) fn take(&mut self, key: &ObjectKey) -> Option<Arc<Stored>> {
        self.0.take(key).map(|ByKey(before)| before)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Stored>> {
        self.0.iter().map(|ByKey(object)| object)
    }

    /// The objects of a kind, and of a namespace where one is given, from `start` on.
    pub(crate) fn range<'a>(
        &'a self,
        kind: Kind,
        namespace: Option<&'a str>,
        start: Bound<ObjectKey>,
    ) -> impl Iterator<Item = &'a Arc<Stored>> {
        let start = match start {
            Bound::Unbounded => {
                Bound::Included(ObjectKey::new(kind, namespace.unwrap_or_default(), ""))
            }
            start @ (Bound::Included(_) | Bound::Excluded(_)) => start,
        };
        self.0
            .range::<ObjectKey, _>((start, Bound::Unbounded))
            .map(|ByKey(object)| object)
            .take_while(move |object| {
                object.key.kind == kind
                    && namespace.is_none_or(|namespace| object.key.namespace == namespace)
            })
    }
}

impl Borrow<ObjectKey> for ByKey {
    fn borrow(&self) -> &ObjectKey {
        &self.0.key
    }
}

impl PartialEq for ByKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.key == other.0.key
    }
}

impl Eq for ByKey {}

impl PartialOrd for ByKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.key.cmp(&other.0.key)
    }
}
