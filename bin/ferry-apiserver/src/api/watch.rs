//! Watches: what happens to a selection of objects, for as long as somebody listens.
//!
//! A watcher has no queue. It remembers up to which revision it has told, and looks into the
//! history for what came after whenever its client takes more. So a client that is slow costs
//! nothing; when the history no longer reaches back to where it is, it is told so (410) and begins
//! anew, as it would after being cut off by Kubernetes.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ferry_registry::{
    ListOptions, ListStart, Refusal, Revision, Selection, Stored, WatchEvent, WatchKind,
};
use http::StatusCode;
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::Api;
use super::answer::{self, Answer};
use super::backend::{Backend, Process};
use super::body::{Giver, PIECE, Parts, given};
use super::lens::{self, Carried, Lens};
use super::negotiate::{Offer, Shape};
use super::options::{Bookmarks, Initial, WatchQuery};
use super::path::ObjectsPath;
use super::request::Asked;
use crate::http::{EndsAt, Stopping, now};

/// How often a client is told up to where it has heard everything.
// PARITY: apiserver/pkg/storage/cacher/cacher.go#defaultBookmarkFrequency
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);

/// How long before its end a watch tells it once more, so that the next one can begin there.
const LAST_BOOKMARK: Duration = Duration::from_secs(2);

/// How long a watch lasts at least whose client does not say; some last up to twice as long, so that
/// not all end at once.
// PARITY: apiserver/pkg/endpoints/handlers/get.go#ListResource
const SHORTEST: Duration = Duration::from_secs(30 * 60);

/// How long one lasts at most, whatever its client says: no clock counts much further than some
/// centuries.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How many events are taken from the history at once, under the lock.
const MOST_EVENTS: usize = 256;

/// What tells a client that it has been told of all objects.
const INITIAL_END: &str = "k8s.io/initial-events-end";

impl<B: Backend, P: Process> Api<B, P> {
    /// A watch.
    pub(super) async fn watch(
        &self,
        asked: &Asked<'_>,
        path: &ObjectsPath,
    ) -> Result<Answer, Refusal> {
        let format = asked.format(Offer::Stream)?;
        let carried = Carried::read(&asked.query, format.shape)?;
        let query = WatchQuery::read(path, &asked.query)?;
        if let Initial::ObjectsAndMark(revision) = query.initial {
            self.wait_for(revision).await?;
        }
        // Before anything is looked at, so that nothing is missed in between.
        let changes = self.backend.watch(path.served.kind());
        let (at, initial) = self.beginning(&query)?;
        let lifetime = query.timeout.map_or_else(spread, |wanted| wanted.min(LONGEST));
        let begin = now();
        let end = begin + lifetime;
        let watcher = Watcher {
            backend: Arc::clone(&self.backend),
            show: Show {
                lens: Lens::new(path),
                shape: format.shape,
                carried,
                columns: Columns::ToBeTold,
            },
            selection: query.selection,
            at,
            initial: initial.into_iter(),
            mark: match query.initial {
                Initial::ObjectsAndMark(_) => query.bookmarks,
                Initial::Objects | Initial::After(_) | Initial::Now => Bookmarks::Withheld,
            },
            bookmarks: query.bookmarks,
            phase: Phase::Open,
            changes,
            stopping: self.process.stopping(),
            end,
            bookmark: begin + BOOKMARK_EVERY.min(lifetime.saturating_sub(LAST_BOOKMARK)),
        };
        let body = given(|giver| watcher.tell(giver));
        let mut answer = answer::typed(StatusCode::OK, format.content_type(), body);
        // It ends then also if its client reads nothing, and it is never asked.
        answer.extensions_mut().insert(EndsAt(end));
        Ok(answer)
    }

    /// The objects that a watch begins with, and the revision that they are of.
    fn beginning(&self, query: &WatchQuery) -> Result<(Revision, Vec<Arc<Stored>>), Refusal> {
        let state = self.backend.state();
        match query.initial {
            Initial::After(revision) => Ok((revision, Vec::new())),
            Initial::Now => Ok((state.revision(), Vec::new())),
            Initial::Objects | Initial::ObjectsAndMark(_) => {
                let options = ListOptions { limit: None, start: ListStart::Newest };
                let page = state.list(&query.selection, &options)?;
                Ok((page.revision, page.items))
            }
        }
    }
}

/// The lifetime of a watch whose client does not say.
fn spread() -> Duration {
    static WATCHES: AtomicU64 = AtomicU64::new(0);
    // Steps of a number that has no divisor in common with the range go through all of it.
    let step = WATCHES.fetch_add(1, Ordering::Relaxed).wrapping_mul(677);
    SHORTEST + Duration::from_secs(step % SHORTEST.as_secs())
}

/// A watch that somebody listens to.
struct Watcher<B> {
    backend: Arc<B>,
    selection: Selection,
    show: Show,
    /// Everything up to here was told.
    at: Revision,
    /// Objects that are still to be told of as new ones.
    initial: std::vec::IntoIter<Arc<Stored>>,
    /// Whether the end of those is still to be marked.
    mark: Bookmarks,
    bookmarks: Bookmarks,
    phase: Phase,
    changes: watch::Receiver<Revision>,
    stopping: Stopping,
    end: Instant,
    /// When the next bookmark is due, if any is.
    bookmark: Instant,
}

/// Whether a watch goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It does.
    Open,
    /// Its client was told why not.
    Ended,
}

impl<B: Backend> Watcher<B> {
    /// Tells what there is to tell, for as long as there may be more.
    async fn tell(mut self, giver: Giver) {
        let mut stopping = self.stopping.clone();
        let mut stopping = pin!(stopping.begun());
        let mut alarm = pin!(sleep_until(self.alarm()));
        while self.phase == Phase::Open {
            let piece = self.ready();
            if !piece.is_empty() {
                giver.give(piece.into_piece()).await;
                continue;
            }
            tokio::select! {
                biased;
                () = &mut stopping => return,
                () = &mut alarm => {
                    // Whoever was away for long is not told what is over.
                    if now() >= self.end {
                        return;
                    }
                    let piece = self.bookmark();
                    if !piece.is_empty() {
                        giver.give(piece.into_piece()).await;
                    }
                    alarm.as_mut().reset(self.alarm());
                }
                changed = self.changes.changed() => if changed.is_err() { return },
            }
        }
    }

    /// When something is to be done though nothing has happened.
    fn alarm(&self) -> Instant {
        match self.bookmarks {
            Bookmarks::Sent => self.bookmark.min(self.end),
            Bookmarks::Withheld => self.end,
        }
    }

    /// All that can be told now, up to a piece.
    fn ready(&mut self) -> Parts {
        let mut piece = Parts::default();
        for object in self.initial.by_ref() {
            self.show.event(&WatchEvent::initial(object), &self.backend, &mut piece);
            if piece.len() >= PIECE {
                return piece;
            }
        }
        if self.mark == Bookmarks::Sent {
            self.mark = Bookmarks::Withheld;
            self.show.bookmark(self.at, Some(INITIAL_END), &mut piece);
        }
        while piece.len() < PIECE && self.phase == Phase::Open {
            self.changes.borrow_and_update();
            let found = self.backend.state().events(&self.selection, self.at, MOST_EVENTS);
            match found {
                Ok(found) => {
                    self.at = found.upto;
                    for event in &found.events {
                        self.show.event(event, &self.backend, &mut piece);
                    }
                    if found.events.len() < MOST_EVENTS {
                        break;
                    }
                }
                Err(refusal) => {
                    self.phase = Phase::Ended;
                    line("ERROR", &refusal.status(), &mut piece);
                }
            }
        }
        piece
    }

    /// What is to be told, and up to where that is everything.
    fn bookmark(&mut self) -> Parts {
        let mut piece = self.ready();
        // One that waits for what is still to come has heard nothing yet.
        let is_published = self.at <= self.backend.state().revision();
        if self.phase == Phase::Open && is_published {
            self.show.bookmark(self.at, None, &mut piece);
        }
        let now = self.bookmark;
        match self.end.checked_sub(LAST_BOOKMARK).filter(|last| *last > now) {
            Some(last) => self.bookmark = last.min(now + BOOKMARK_EVERY),
            // That was the last one.
            None => self.bookmarks = Bookmarks::Withheld,
        }
        piece
    }
}

/// How events are shown.
struct Show {
    lens: Lens,
    shape: Shape,
    carried: Carried,
    columns: Columns,
}

/// Whether a client was told what the columns of its tables are. It is told once.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Columns {
    ToBeTold,
    Told,
}

impl Show {
    fn event(&mut self, event: &WatchEvent, backend: &Arc<impl Backend>, into: &mut Parts) {
        let object = &event.object;
        match self.shape {
            Shape::Object if self.lens.is_clear() => into.push(event.line()),
            Shape::Object => {
                into.push(WatchEvent::line_of(event.kind, &self.lens.json(object)));
            }
            Shape::Partial(version) => {
                line(event.kind.word(), &lens::partial_of(object, version), into);
            }
            Shape::Table(version) => {
                let row = self.lens.row(object, version, self.carried, backend.now());
                let revision =
                    if event.kind == WatchKind::Deleted { event.revision } else { object.revision };
                let table = self.table(version, revision, row);
                line(event.kind.word(), &table, into);
            }
        }
    }

    fn table(
        &mut self,
        version: super::negotiate::MetaVersion,
        revision: Revision,
        row: Value,
    ) -> Value {
        let columns = match std::mem::replace(&mut self.columns, Columns::Told) {
            Columns::ToBeTold => self.lens.columns(),
            Columns::Told => Value::Null,
        };
        let mut metadata = Map::new();
        metadata.insert("resourceVersion".to_owned(), Value::from(revision.to_string()));
        lens::table(version, metadata, columns, vec![row])
    }

    fn bookmark(&mut self, at: Revision, annotation: Option<&str>, into: &mut Parts) {
        let mut metadata = json!({ "resourceVersion": at.to_string() });
        if let Some(annotation) = annotation {
            metadata["annotations"] = json!({ annotation: "true" });
        }
        let object = match self.shape {
            Shape::Object => json!({
                "kind": self.lens.kind(),
                "apiVersion": self.lens.api_version(),
                "metadata": metadata,
            }),
            Shape::Partial(version) => lens::partial(metadata, version),
            Shape::Table(version) => {
                let row = self.lens.bookmark_row(metadata, version);
                self.table(version, at, row)
            }
        };
        line("BOOKMARK", &object, into);
    }
}

fn line(kind: &str, object: &Value, into: &mut Parts) {
    into.push(Bytes::from(format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n")));
}
