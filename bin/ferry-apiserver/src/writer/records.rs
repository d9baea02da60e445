//! Changes as the journal keeps them, and back.
//!
//! A record's key is `plural.group/namespace/name`, so that a journal can be read by people; its
//! value is the object's JSON, whose `resourceVersion` is the record's revision.

use std::str;

use bytes::Bytes;
use ferry_api::{Kind, KindVersion};
use ferry_registry::{Change, Effect, ObjectKey, Revision, State, Stored};
use ferry_store::{Record, RecordChange, Recovered};
use ferry_units::WallTime;
use thiserror::Error;

/// What the journal holds is no object of this server.
#[derive(Debug, Error)]
#[error(
    "the journal's record of revision {revision}, \"{key}\", cannot be read: {message}; it was \
     written by another version of ferry, or damaged: restore the data directory from a copy, or \
     move it away to begin with an empty one"
)]
pub struct RecoveryError {
    /// The record's revision.
    pub revision: u64,
    /// Its key.
    pub key: String,
    /// What is wrong with it.
    pub message: String,
}

/// A change as a record.
pub(super) fn record(change: &Change) -> Record {
    Record {
        revision: change.revision.0,
        key: Bytes::from(key_text(&change.object().key)),
        change: match &change.effect {
            Effect::Put(object) => RecordChange::Put(object.json.clone()),
            Effect::Deleted(object) => RecordChange::Delete(object.json.clone()),
        },
    }
}

/// The state that a journal holds, with the history that it has kept.
///
/// # Errors
/// [`RecoveryError`], with the record that cannot be read.
pub fn recovered(journal: Recovered, now: WallTime) -> Result<State, RecoveryError> {
    let objects = journal.objects.into_iter().map(|object| {
        let key = object_key(object.revision, &object.key)?;
        stored(object.revision, key, object.value)
    });
    let objects = objects.collect::<Result<Vec<_>, _>>()?;
    let mut state = State::restore(objects, Revision(journal.base));
    for record in journal.log {
        let key = object_key(record.revision, &record.key)?;
        let effect = match record.change {
            RecordChange::Put(json) => Effect::Put(stored(record.revision, key, json)?.into()),
            RecordChange::Delete(json) => {
                Effect::Deleted(stored(record.revision, key, json)?.into())
            }
        };
        state.apply(Change { revision: Revision(record.revision), effect }, now);
    }
    Ok(state)
}

fn stored(revision: u64, key: ObjectKey, json: Bytes) -> Result<Stored, RecoveryError> {
    let text = key_text(&key);
    Stored::from_json(key, Revision(revision), json).map_err(|error| RecoveryError {
        revision,
        key: text,
        message: error.to_string(),
    })
}

fn key_text(key: &ObjectKey) -> String {
    let definition = key.kind.definition();
    format!("{}.{}/{}/{}", definition.plural, definition.group, key.namespace, key.name)
}

fn object_key(revision: u64, key: &[u8]) -> Result<ObjectKey, RecoveryError> {
    let wrong = |message: &str| RecoveryError {
        revision,
        key: String::from_utf8_lossy(key).into_owned(),
        message: message.to_owned(),
    };
    let text = str::from_utf8(key).map_err(|_| wrong("the key is no text"))?;
    let mut parts = text.splitn(3, '/');
    let (Some(resource), Some(namespace), Some(name)) = (parts.next(), parts.next(), parts.next())
    else {
        return Err(wrong("the key has no kind, namespace and name"));
    };
    let (plural, group) = resource.split_once('.').unwrap_or((resource, ""));
    let kind = Kind::ALL.into_iter().find(|kind| {
        let storage = KindVersion::storage(*kind);
        storage.group() == group && storage.definition().plural == plural
    });
    let kind = kind.ok_or_else(|| wrong("this server has no such kind"))?;
    Ok(ObjectKey::new(kind, namespace, name))
}
