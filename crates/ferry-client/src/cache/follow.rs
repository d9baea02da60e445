//! Follows one kind: lists it, watches from there, and begins again where a watch ended.
//!
//! It is a loop of its own rather than `kube`'s watcher, because that does not tell of which revision
//! a list was. Without it, an object that was made here while the list was under way could not be
//! told from one that has been deleted.

use std::sync::Arc;
use std::time::Duration;

use ferry_api::{Kind, Modelled};
use futures::StreamExt;
use kube::Client;
use kube::api::{ListParams, ObjectList, WatchEvent, WatchParams};
use kube::core::{Request, Status};
use thiserror::Error;
use tokio::time::{sleep, timeout};

use super::health::News;
use super::kept::Kept;
use super::{Cache, Selection};
use crate::pause::Pause;
use crate::request::{collection, told};
use crate::revision::revision;

/// How long a list may take: thousands of objects take a second.
const LIST_LIMIT: Duration = Duration::from_secs(60);

/// How long the server may take to begin a watch.
const BEGIN_LIMIT: Duration = Duration::from_secs(10);

/// How long a watch lasts. Kubernetes refuses none below five minutes.
const WATCH_SECONDS: u32 = 290;

/// A watch of which nothing is heard for longer than it was to last has no server any more.
const SILENCE_LIMIT: Duration = Duration::from_secs(WATCH_SECONDS as u64 + 5);

/// The pauses before another attempt. A server that was started again is there after a moment, and
/// a dozen watches that look for it every two seconds cost nothing.
const AGAIN: Pause = Pause::new(Duration::from_millis(50), Duration::from_secs(2));

/// The status of a watch whose revision lies too far back.
const FORGOTTEN: u16 = 410;

/// Follows one kind.
pub(super) struct Follower<T: Modelled> {
    kind: Kind,
    client: Client,
    request: Request,
    list: ListParams,
    watch: WatchParams,
    kept: Arc<Kept<T>>,
    cache: Cache,
}

/// Why a list or a watch ended.
#[derive(Debug, Error)]
enum FollowError {
    /// The server refused it, or could not be reached.
    #[error(transparent)]
    Client(kube::Error),
    /// The request cannot be made.
    #[error(transparent)]
    Request(#[from] kube::core::request::Error),
    /// The server does not answer.
    #[error("no answer within {0:?}")]
    Slow(Duration),
    /// The server has ended the watch for a reason.
    #[error("the watch ended: {0}")]
    Ended(Box<Status>),
    /// The server no longer knows what came after the revision.
    #[error("the server has forgotten what came after the last revision")]
    Forgotten,
}

impl From<kube::Error> for FollowError {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) if status.code == FORGOTTEN => Self::Forgotten,
            error => Self::Client(error),
        }
    }
}

/// Whether a watch that ended well has told anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    Something,
    Nothing,
}

impl<T: Modelled> Follower<T> {
    pub(super) fn new(
        client: Client,
        selection: &Selection,
        kept: Arc<Kept<T>>,
        cache: Cache,
    ) -> Self {
        let Selection { namespace, labels, fields } = selection.clone();
        let list = ListParams {
            label_selector: labels.clone(),
            field_selector: fields.clone(),
            ..ListParams::default()
        };
        let watch = WatchParams {
            label_selector: labels,
            field_selector: fields,
            timeout: Some(WATCH_SECONDS),
            bookmarks: true,
            send_initial_events: false,
        };
        let kind = <T as Modelled>::KIND;
        let request = collection(kind, namespace.as_deref());
        Self { kind, client, request, list, watch, kept, cache }
    }

    /// Follows it until the runtime ends.
    pub(super) async fn run(self) {
        let mut at = None;
        let mut pause = AGAIN;
        loop {
            match self.listen(&mut at, &mut pause).await {
                Ok(Heard::Something) => {}
                // A server that ends watches at once is not asked at once.
                Ok(Heard::Nothing) => sleep(pause.longer()).await,
                Err(FollowError::Forgotten) => {
                    tracing::debug!(kind = %self.kind, "listing anew: {}", FollowError::Forgotten);
                    at = None;
                }
                Err(error) => {
                    self.complain(&error);
                    sleep(pause.longer()).await;
                }
            }
        }
    }

    fn complain(&self, error: &FollowError) {
        let error = told(error);
        match self.cache.health().fails(self.kind) {
            News::Worth => tracing::warn!(kind = %self.kind, error, "the API server is not heard"),
            News::None => tracing::debug!(kind = %self.kind, error, "not heard"),
        }
    }

    /// One watch, from `at` or from a new list, to its end. `at` follows it.
    async fn listen(
        &self,
        at: &mut Option<String>,
        pause: &mut Pause,
    ) -> Result<Heard, FollowError> {
        let from = match at.clone() {
            Some(from) => from,
            None => at.insert(self.fill().await?).clone(),
        };
        let answer = self.client.request_events::<T>(self.request.watch(&self.watch, &from)?);
        let answer =
            timeout(BEGIN_LIMIT, answer).await.map_err(|_| FollowError::Slow(BEGIN_LIMIT))?;
        let mut events = std::pin::pin!(answer?);
        if self.cache.health().hears(self.kind) == News::Worth {
            tracing::info!("the API server is heard");
        }
        let mut heard = Heard::Nothing;
        loop {
            let event = timeout(SILENCE_LIMIT, events.next()).await;
            let event = event.map_err(|_| FollowError::Slow(SILENCE_LIMIT))?;
            let Some(event) = event else { return Ok(heard) };
            let reached = self.take(event?)?;
            if !reached.is_empty() {
                *at = Some(reached);
            }
            heard = Heard::Something;
            pause.forget();
        }
    }

    /// Takes what the watch tells, and returns the revision that it has reached.
    fn take(&self, event: WatchEvent<T>) -> Result<String, FollowError> {
        let revision_of = |object: &T| object.metadata().resource_version.clone();
        let reached = match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                let reached = revision_of(&object);
                self.kept.change(&self.cache, |table| table.apply(object));
                reached
            }
            WatchEvent::Deleted(object) => {
                self.kept.change(&self.cache, |table| table.delete(&object));
                revision_of(&object)
            }
            WatchEvent::Bookmark(mark) => {
                self.kept.reach(revision(Some(&mark.metadata.resource_version)));
                Some(mark.metadata.resource_version)
            }
            WatchEvent::Error(status) if status.code == FORGOTTEN => {
                return Err(FollowError::Forgotten);
            }
            WatchEvent::Error(status) => return Err(FollowError::Ended(status.boxed())),
        };
        Ok(reached.unwrap_or_default())
    }

    /// Lists the kind, and returns the revision of that.
    async fn fill(&self) -> Result<String, FollowError> {
        let request = self.request.list(&self.list)?;
        let list = timeout(LIST_LIMIT, self.client.request::<ObjectList<T>>(request)).await;
        let list = list.map_err(|_| FollowError::Slow(LIST_LIMIT))??;
        let at = list.metadata.resource_version.unwrap_or_default();
        let number = revision(Some(&at));
        tracing::debug!(kind = %self.kind, objects = list.items.len(), revision = at, "listed");
        self.kept.change(&self.cache, |table| table.refill(list.items, number));
        Ok(at)
    }
}
