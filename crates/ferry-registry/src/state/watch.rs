//! What somebody who watches a selection is told of each write.

use std::sync::{Arc, OnceLock};

use bytes::{BufMut, Bytes, BytesMut};

use crate::object::{Revision, Stored};
use crate::refusal::Refusal;
use crate::state::history::{Entry, Fate};
use crate::state::{Selection, State};

/// What happened to an object, as one who watches a selection sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WatchKind {
    /// It is new, or new to the selection.
    Added,
    /// It changed.
    Modified,
    /// It is gone, or gone from the selection.
    Deleted,
}

/// One event of a watch.
#[derive(Clone, Debug)]
pub struct WatchEvent {
    /// What happened.
    pub kind: WatchKind,
    /// The object. One that is gone is shown as it was, with the revision at which it went.
    pub object: Arc<Stored>,
    /// The revision of the write.
    pub revision: Revision,
    lines: Arc<Lines>,
}

/// Events of a watch, in order.
#[derive(Clone, Debug)]
pub struct Events {
    /// The events.
    pub events: Vec<WatchEvent>,
    /// Where to go on: everything up to here was looked at, whether or not it is in the selection.
    pub upto: Revision,
}

/// The texts of one write's events. They are made when first asked for, and all watchers share
/// them.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    added: OnceLock<Bytes>,
    modified: OnceLock<Bytes>,
    deleted: OnceLock<Bytes>,
    /// The object as those see it whose selection it has left.
    left: OnceLock<Arc<Stored>>,
}

impl WatchKind {
    /// The word for it on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }
}

impl WatchEvent {
    /// The event that a watch begins with for an object that is already there.
    pub fn initial(object: Arc<Stored>) -> Self {
        let (kind, revision) = (WatchKind::Added, object.revision);
        Self { kind, object, revision, lines: Arc::default() }
    }

    /// The event as a line of JSON, in the version that the kind is kept in. It is made once for
    /// all watchers.
    pub fn line(&self) -> Bytes {
        let line = match self.kind {
            WatchKind::Added => &self.lines.added,
            WatchKind::Modified => &self.lines.modified,
            WatchKind::Deleted => &self.lines.deleted,
        };
        line.get_or_init(|| Self::line_of(self.kind, &self.object.json)).clone()
    }

    /// The line of an event whose object is shown as `json`.
    pub fn line_of(kind: WatchKind, json: &[u8]) -> Bytes {
        let head = [b"{\"type\":\"", kind.word().as_bytes(), b"\",\"object\":"].concat();
        let mut line = BytesMut::with_capacity(head.len() + json.len() + 2);
        line.put_slice(&head);
        line.put_slice(json);
        line.put_slice(b"}\n");
        line.freeze()
    }
}

impl State {
    /// The events of a selection after a revision, at most `most`.
    ///
    /// # Errors
    /// [`Refusal::Expired`] if what happened then is no longer known.
    pub fn events(
        &self,
        selection: &Selection,
        after: Revision,
        most: usize,
    ) -> Result<Events, Refusal> {
        let oldest = self.oldest(selection.kind);
        if after < oldest {
            return Err(Refusal::Expired {
                message: format!("too old resource version: {after} ({oldest})"),
                continue_token: None,
            });
        }
        let mut events = Vec::new();
        for entry in self.history.after(selection.kind, after) {
            if let Some(event) = event(entry, selection) {
                let upto = event.revision;
                events.push(event);
                if events.len() >= most {
                    return Ok(Events { events, upto });
                }
            }
        }
        Ok(Events { events, upto: self.revision().max(after) })
    }
}

/// What a watcher of `selection` sees of a write.
fn event(entry: &Entry, selection: &Selection) -> Option<WatchEvent> {
    let before = entry.before.as_deref().is_some_and(|before| selection.matches(before));
    let after = entry.fate == Fate::There && selection.matches(&entry.object);
    let lines = || entry.lines.clone().unwrap_or_default();
    let seen =
        |kind, object, lines| Some(WatchEvent { kind, object, revision: entry.revision, lines });
    match (before, after) {
        (false, false) => None,
        (false, true) => seen(WatchKind::Added, entry.object.clone(), lines()),
        (true, true) => seen(WatchKind::Modified, entry.object.clone(), lines()),
        (true, false) => {
            let lines = lines();
            let object = match (entry.fate, &entry.before) {
                (Fate::There, Some(before)) => {
                    let left = || Arc::new(before.at(entry.revision));
                    lines.left.get_or_init(left).clone()
                }
                (Fate::There, None) | (Fate::Gone, _) => entry.object.clone(),
            };
            seen(WatchKind::Deleted, object, lines)
        }
    }
}
