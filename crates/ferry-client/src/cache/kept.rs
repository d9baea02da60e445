//! A kind that is followed: its table, and who hears of its changes.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ferry_api::{Modelled, Selector};
use ferry_reconcile::ObjectRef;
use serde_json::Value;

use super::Cache;
use super::table::{Changed, Table};

/// Hears of a change, with the cache in which it can be seen.
type Tell<T> = dyn Fn(&Cache, Option<&T>, Option<&T>) + Send + Sync;

/// A kind that is followed.
pub(super) struct Kept<T> {
    table: Mutex<Table<T>>,
    tell: Box<Tell<T>>,
}

/// A kind that is followed, whichever it is.
pub(super) trait AnyKept: fmt::Debug + Send + Sync {
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;

    /// The server has answered a write with this object.
    fn answered(&self, cache: &Cache, answer: Value);

    /// The server has said that the object is gone.
    fn forget(&self, cache: &Cache, object: &ObjectRef);
}

impl<T> fmt::Debug for Kept<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}

impl<T: Modelled> Kept<T> {
    pub(super) fn new(
        tell: impl Fn(&Cache, Option<&T>, Option<&T>) + Send + Sync + 'static,
    ) -> Self {
        Self { table: Mutex::default(), tell: Box::new(tell) }
    }

    pub(super) fn get(&self, namespace: &str, name: &str) -> Option<Arc<T>> {
        self.table().get(namespace, name).cloned()
    }

    pub(super) fn list(&self, namespace: Option<&str>, labels: &Selector) -> Vec<Arc<T>> {
        self.table().list(namespace, labels).cloned().collect()
    }

    pub(super) fn reach(&self, at: u64) {
        self.table().reach(at);
    }

    /// Changes the table, and tells of it once that can be seen.
    pub(super) fn change<C: IntoIterator<Item = Changed<T>>>(
        &self,
        cache: &Cache,
        change: impl FnOnce(&mut Table<T>) -> C,
    ) {
        let is_told = cache.is_filled();
        let changes = change(&mut self.table());
        if is_told {
            for Changed { old, new } in changes {
                (self.tell)(cache, old.as_deref(), new.as_deref());
            }
        }
    }

    fn table(&self) -> MutexGuard<'_, Table<T>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Modelled> AnyKept for Kept<T> {
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }

    fn answered(&self, cache: &Cache, answer: Value) {
        match serde_json::from_value(answer) {
            Ok(object) => self.change(cache, |table| table.answer(object)),
            // The watch tells of the same object soon, and its follower what is wrong.
            Err(error) => {
                tracing::warn!(kind = %<T as Modelled>::KIND, %error, "an answer cannot be read");
            }
        }
    }

    fn forget(&self, cache: &Cache, object: &ObjectRef) {
        let ObjectRef { namespace, name, uid, .. } = object;
        self.change(cache, |table| table.forget(namespace, name, uid));
    }
}
