//! All objects at one revision, and the writes that led there.
//!
//! A state changes only by [`State::apply`], one write at a time, and says what it was before: lists
//! go on at the revision they began with, and watches miss nothing. What garbage collection wants
//! done is kept up to date with each write, so asking for it costs no search; a state that nobody
//! asks does without.

mod history;
mod index;
mod list;
mod objects;
mod selection;
#[cfg(test)]
mod tests;
mod token;
mod view;
mod watch;

use std::sync::Arc;

use ferry_api::Kind;
use ferry_units::WallTime;

pub use list::{ListOptions, ListStart, Page};
pub use selection::Selection;
pub use token::ContinueToken;
pub use watch::{Events, WatchEvent, WatchKind};

use crate::garbage;
use crate::object::{Change, Effect, ObjectKey, Revision, Stored};
use crate::request::Request;
pub(crate) use history::History;
pub(crate) use index::{Dependents, Due, Population, Upkeep};
use objects::Objects;

/// All objects at one revision, and the writes that led there.
#[derive(Clone, Debug)]
pub struct State {
    revision: Revision,
    objects: Objects,
    history: History,
    population: Population,
    /// What is known to clean up after writes; nothing where that is somebody else's.
    upkeep: Option<Upkeep>,
}

impl Default for State {
    fn default() -> Self {
        Self::restore([], Revision::default())
    }
}

impl State {
    /// The state in which these objects are all that there is. History begins at `revision`.
    pub fn restore(objects: impl IntoIterator<Item = Stored>, revision: Revision) -> Self {
        let mut state = Self {
            revision,
            objects: Objects::default(),
            history: History::from(revision),
            population: Population::default(),
            upkeep: None,
        };
        for object in objects {
            let object = Arc::new(object);
            let before = state.objects.put(object.clone());
            state.population.follow(before.as_deref(), Some(&object));
        }
        state.begin_upkeep();
        state
    }

    /// The same objects without their history: what decisions that are not durable yet are made on,
    /// and what knows of the chores that follow from them.
    #[must_use]
    pub fn speculative(&self) -> Self {
        let mut state = Self {
            revision: self.revision,
            objects: self.objects.clone(),
            history: History::none(self.revision),
            population: self.population.clone(),
            upkeep: self.upkeep.clone(),
        };
        if state.upkeep.is_none() {
            state.begin_upkeep();
        }
        state
    }

    /// The same state for those who only look: it has no chores, and needs no time to find them.
    #[must_use]
    pub fn without_chores(self) -> Self {
        Self { upkeep: None, ..self }
    }

    /// The revision of the newest write.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// A watch of objects of the kind may begin at this or any later revision.
    pub fn oldest(&self, kind: Kind) -> Revision {
        self.history.oldest(kind)
    }

    /// The object of that key.
    pub fn object(&self, key: &ObjectKey) -> Option<&Arc<Stored>> {
        self.objects.get(key)
    }

    /// The revision of the newest write to an object of the kind that is still in the history.
    pub fn last_change(&self, kind: Kind) -> Revision {
        self.history.last_change(kind)
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there is no object.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many objects of a kind there are.
    pub fn count(&self, kind: Kind) -> usize {
        self.population.of_kind(kind)
    }

    /// Makes a change that is durable part of the state. `now` is when that happens; history is
    /// kept for a while from then.
    pub fn apply(&mut self, change: Change, now: WallTime) {
        let Change { revision, effect } = change;
        self.revision = self.revision.max(revision);
        let (object, before, after) = match effect {
            Effect::Put(object) => (object.clone(), self.objects.put(object.clone()), Some(object)),
            Effect::Deleted(object) => (object.clone(), self.objects.take(&object.key), None),
        };
        self.population.follow(before.as_deref(), after.as_deref());
        if let Some(upkeep) = &mut self.upkeep {
            upkeep.follow(before.as_deref(), after.as_deref());
        }
        garbage::follow(self, before.as_deref(), after.as_deref());
        if before.is_some() || after.is_some() {
            self.history.push(revision, object, before, after.is_some().into(), now);
        }
    }

    /// What garbage collection, the deletion of namespaces and the expiry of Events want written
    /// now, a bounded number of it. As long as the writes are not done, they are wanted again, also
    /// where they are refused: whoever does them paces itself then. A state
    /// [without chores](Self::without_chores) has none.
    pub fn chores(&self, now: WallTime) -> Vec<Request> {
        garbage::chores(self, now)
    }

    /// The writes by which namespaces that are being deleted tell what they wait for, a bounded number
    /// of it; none for those that have told it. It takes a look at all that is in them, and is to be
    /// asked for once in a while.
    pub fn remaining(&self, now: WallTime) -> Vec<Request> {
        garbage::remaining(self, now)
    }

    /// When there may be something to do although nothing changes: an Event expires, or what is in a
    /// namespace that ends has been left for long enough.
    pub fn next_chore(&self) -> Option<WallTime> {
        let work = &self.upkeep.as_ref()?.work;
        work.first_expiry().into_iter().chain(work.first_due()).min()
    }

    /// Finds out from all objects what there is to clean up.
    fn begin_upkeep(&mut self) {
        let mut upkeep = Upkeep::default();
        for object in self.objects.all() {
            upkeep.follow(None, Some(object));
        }
        for object in self.objects.all() {
            if let Some(demand) = garbage::demand(self, &upkeep.dependents, object) {
                upkeep.work.follow(&object.key, Some(demand.due()));
            }
        }
        self.upkeep = Some(upkeep);
    }

    pub(crate) fn objects(&self) -> &Objects {
        &self.objects
    }

    pub(crate) fn population(&self) -> &Population {
        &self.population
    }

    pub(crate) fn upkeep(&self) -> Option<&Upkeep> {
        self.upkeep.as_ref()
    }

    pub(crate) fn upkeep_mut(&mut self) -> Option<&mut Upkeep> {
        self.upkeep.as_mut()
    }
}
