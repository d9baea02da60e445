//! Objects as they are kept: the JSON that goes out, and the few things that are asked about often.
//!
//! Ten thousand objects as JSON values would take ten times the memory of their text. So an object
//! is kept as text, which is also what clients want, with its metadata beside it.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use ferry_api::{Kind, KindVersion};
use ferry_units::WallTime;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::document;
use crate::labels::Labels;
use crate::uid::Uid;

/// A JSON object: what a document is before it has a type.
pub type Document = Map<String, Value>;

/// A moment in the history of all objects: each write takes the next one. 0 is before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

impl Revision {
    /// The one after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What an object is found by. The order is that of lists.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace; empty for kinds of the whole cluster.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl ObjectKey {
    /// The key of the object of that kind, namespace and name.
    pub fn new(kind: Kind, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { kind, namespace: namespace.into(), name: name.into() }
    }
}

/// An object at one revision.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// What it is found by.
    pub key: ObjectKey,
    /// The revision of the write that made it so; the JSON's `resourceVersion`.
    pub revision: Revision,
    /// What is asked about often.
    pub meta: Meta,
    /// The whole object in the version that its kind is kept in.
    pub json: Bytes,
}

/// JSON that is no object.
#[derive(Debug, Error)]
#[error("the JSON of {} \"{}/{}\" cannot be read", key.kind, key.namespace, key.name)]
pub struct StoredError {
    /// The object whose JSON it should be.
    pub key: ObjectKey,
    /// What is wrong with it.
    pub source: serde_json::Error,
}

impl Stored {
    /// The object that was kept as `json`, at the revision that it was written.
    pub fn from_json(key: ObjectKey, revision: Revision, json: Bytes) -> Result<Self, StoredError> {
        match serde_json::from_slice::<Document>(&json) {
            Ok(document) => Ok(Self { meta: Meta::of(key.kind, &document), key, revision, json }),
            Err(source) => Err(StoredError { key, source }),
        }
    }

    /// The object that `document` is at `revision`, which is written into it.
    pub(crate) fn new(key: ObjectKey, revision: Revision, document: &mut Document) -> Self {
        document::set_revision(document, revision);
        let json = document::to_json(document);
        Self { meta: Meta::of(key.kind, document), key, revision, json }
    }

    /// The object as a document, in the version that its kind is kept in.
    pub fn document(&self) -> Document {
        serde_json::from_slice(&self.json)
            .expect("its JSON was made from a document, or read as one")
    }

    /// The same object as it is shown at a later revision: that of its deletion, or of the change
    /// with which it left a selection.
    pub(crate) fn at(&self, revision: Revision) -> Self {
        let mut document = self.document();
        document::set_revision(&mut document, revision);
        let json = document::to_json(&document);
        Self { key: self.key.clone(), revision, meta: self.meta.clone(), json }
    }
}

/// What is asked of objects often enough to be kept beside their JSON.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Meta {
    /// `metadata.uid`.
    pub uid: Uid,
    /// `metadata.labels`.
    pub labels: Labels,
    /// `metadata.creationTimestamp`.
    pub created: Option<WallTime>,
    /// What the kind's field selectors look at, beside name and namespace; absent where empty.
    pub fields: Box<[(&'static str, Box<str>)]>,
    /// What most objects have none of, and which would be a third of what is kept of each.
    pub(crate) rest: Option<Box<Rest>>,
}

/// What is known of few objects.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Rest {
    /// `metadata.deletionTimestamp`.
    pub(crate) deleted: Option<WallTime>,
    /// `metadata.finalizers`.
    pub(crate) finalizers: Vec<String>,
    /// `metadata.ownerReferences`.
    pub(crate) owners: Vec<Owner>,
    /// When what an Event reports last happened.
    pub(crate) seen: Option<WallTime>,
}

impl Meta {
    /// `metadata.deletionTimestamp`: it is being deleted, and finalizers hold it.
    pub fn deleted(&self) -> Option<WallTime> {
        self.rest.as_ref()?.deleted
    }

    /// `metadata.finalizers`.
    pub fn finalizers(&self) -> &[String] {
        self.rest.as_ref().map_or(&[], |rest| &rest.finalizers)
    }

    /// `metadata.ownerReferences`.
    pub fn owners(&self) -> &[Owner] {
        self.rest.as_ref().map_or(&[], |rest| &rest.owners)
    }

    /// When what an Event reports last happened; absent for other kinds.
    pub fn seen(&self) -> Option<WallTime> {
        self.rest.as_ref()?.seen
    }
}

/// An owner reference: what it refers to, and whether that waits for this object to go first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The owner's `apiVersion`.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// `blockOwnerDeletion`: a foreground deletion of the owner waits for this object.
    pub blocks_deletion: bool,
}

/// One write: what became of one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The revision that the write took.
    pub revision: Revision,
    /// What became of the object.
    pub effect: Effect,
}

/// What became of an object.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// It is this now.
    Put(Arc<Stored>),
    /// It is gone. This is its last state, with the revision of its end.
    Deleted(Arc<Stored>),
}

impl Change {
    /// The object that it is about, as it is now or was last.
    pub fn object(&self) -> &Arc<Stored> {
        match &self.effect {
            Effect::Put(object) | Effect::Deleted(object) => object,
        }
    }
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The kind, in the version that the client speaks.
    pub served: KindVersion,
    /// The namespace; empty for kinds of the whole cluster.
    pub namespace: String,
    /// The name; empty for a create in a collection.
    pub name: String,
    /// The part of the object that is written.
    pub part: Part,
}

/// The part of an object that a write is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// All but what has a path of its own.
    Main,
    /// `…/status`: the status and nothing else.
    Status,
    /// `namespaces/…/finalize`: the finalizers in a namespace's spec.
    Finalize,
    /// `pods/…/binding`: the node of a pod.
    Binding,
}

impl Target {
    /// What the object is found by.
    pub fn key(&self) -> ObjectKey {
        ObjectKey::new(self.served.kind(), self.namespace.clone(), self.name.clone())
    }
}
