//! The objects of some kinds, kept current, for whoever looks at them.
//!
//! A cache is a [`View`], so whatever decides by looking reads it as it reads the API server's own
//! state. It is filled when each kind that it follows has been listed; from then on those who asked
//! are told of each change, after it is there to be seen.

mod follow;
mod health;
mod kept;
mod table;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use ferry_api::{Kind, Modelled, Selector, View};
use ferry_reconcile::ObjectRef;
use ferry_units::WallTime;
use kube::Client;
use serde_json::Value;

use crate::Calendar;
use follow::Follower;
use health::Health;
use kept::{AnyKept, Kept};

/// Which objects of a kind are followed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    namespace: Option<String>,
    labels: Option<String>,
    fields: Option<String>,
}

/// Objects of some kinds, kept current by watches.
///
/// Clones share what they know.
#[derive(Clone, Debug)]
pub struct Cache {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    kinds: RwLock<BTreeMap<Kind, Arc<dyn AnyKept>>>,
    health: Health,
}

impl Selection {
    /// All objects.
    pub fn all() -> Self {
        Self::default()
    }

    /// Those of a namespace.
    #[must_use]
    pub fn in_namespace(self, namespace: &str) -> Self {
        Self { namespace: Some(namespace.to_owned()), ..self }
    }

    /// Those with such labels, as `kubectl -l` takes them.
    #[must_use]
    pub fn with_labels(self, selector: &str) -> Self {
        Self { labels: Some(selector.to_owned()), ..self }
    }

    /// Those with such fields, as `kubectl --field-selector` takes them.
    #[must_use]
    pub fn with_fields(self, selector: &str) -> Self {
        Self { fields: Some(selector.to_owned()), ..self }
    }
}

impl Cache {
    /// One that follows nothing yet.
    pub fn new(calendar: Calendar) -> Self {
        Self {
            shared: Arc::new(Shared { kinds: RwLock::default(), health: Health::new(calendar) }),
        }
    }

    /// Begins to follow a kind, on the runtime that this is called on, for as long as that runs.
    ///
    /// Once all kinds are filled, `tell` hears of each change: the object before, nothing where it
    /// was made; and after, nothing where it is gone.
    pub fn follow<T: Modelled>(
        &self,
        client: &Client,
        selection: &Selection,
        tell: impl Fn(&Self, Option<&T>, Option<&T>) + Send + Sync + 'static,
    ) {
        let kept = Arc::new(Kept::<T>::new(tell));
        self.shared.health.expect(<T as Modelled>::KIND);
        let mut kinds = self.shared.kinds.write().unwrap_or_else(PoisonError::into_inner);
        kinds.insert(<T as Modelled>::KIND, Arc::clone(&kept) as Arc<dyn AnyKept>);
        drop(kinds);
        let follower = Follower::new(client.clone(), selection, kept, self.clone());
        tokio::spawn(follower.run());
    }

    /// Waits until every kind has been listed.
    pub async fn filled(&self) {
        self.shared.health.filled().await;
    }

    /// Whether every kind has been listed.
    pub fn is_filled(&self) -> bool {
        self.shared.health.is_filled()
    }

    /// Since when every change has been heard of; nothing while the server cannot be reached.
    pub fn listening_since(&self) -> Option<WallTime> {
        self.shared.health.listening_since()
    }

    /// Whether whoever looks here sees the cluster as it is.
    ///
    /// # Errors
    /// What keeps it from that, in a sentence, for [`Status::ready`](crate::status::Status::ready).
    pub fn ready(&self) -> Result<(), String> {
        if !self.is_filled() {
            return Err("the objects of the cluster are not known yet".to_owned());
        }
        let heard = self.listening_since();
        heard.map(drop).ok_or_else(|| "the API server cannot be reached".to_owned())
    }

    /// The objects of a kind that are followed, without copies.
    ///
    /// # Panics
    /// When nobody follows the kind: whoever looks at it would take it for empty.
    pub fn all<T: Modelled>(&self) -> Vec<Arc<T>> {
        self.kept::<T>().list(None, &Selector::default())
    }

    /// Puts in what the server has answered a write with.
    pub(crate) fn answered(&self, kind: Kind, answer: Value) {
        if let Some(kept) = self.kept_of(kind) {
            kept.answered(self, answer);
        }
    }

    /// The server has said that the object is gone.
    pub(crate) fn forget(&self, object: &ObjectRef) {
        if let Some(kept) = self.kept_of(object.kind) {
            kept.forget(self, object);
        }
    }

    fn health(&self) -> &Health {
        &self.shared.health
    }

    fn kinds(&self) -> RwLockReadGuard<'_, BTreeMap<Kind, Arc<dyn AnyKept>>> {
        self.shared.kinds.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept_of(&self, kind: Kind) -> Option<Arc<dyn AnyKept>> {
        self.kinds().get(&kind).cloned()
    }

    fn kept<T: Modelled>(&self) -> Arc<Kept<T>> {
        let kept = self.kept_of(<T as Modelled>::KIND);
        let kept = kept.unwrap_or_else(|| panic!("nobody follows {}", <T as Modelled>::KIND));
        kept.into_any().downcast().expect("a kind is followed as its own type")
    }
}

impl View for Cache {
    fn get<T: Modelled>(&self, namespace: &str, name: &str) -> Option<T> {
        self.kept::<T>().get(namespace, name).map(Arc::unwrap_or_clone)
    }

    fn list<T: Modelled>(&self, namespace: Option<&str>, labels: &Selector) -> Vec<T> {
        let list = self.kept::<T>().list(namespace, labels);
        list.into_iter().map(Arc::unwrap_or_clone).collect()
    }
}
