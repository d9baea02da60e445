//! Waiting for what the cluster does: objects as they change, across restarts of the API server.

use std::fmt::Debug;
use std::pin::pin;
use std::time::Duration;

use futures::{Stream, StreamExt};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, watch_object};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

/// How an object looks after each change; `None` while it is not there. What fails meanwhile is
/// tried again: an API server may be started anew.
pub(crate) fn changes<K>(api: Api<K>, name: &str) -> impl Stream<Item = Option<K>> + use<K>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    watch_object(api, name)
        .backoff(watcher::DefaultBackoff::default())
        .filter_map(|seen| std::future::ready(seen.ok()))
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    /// What was waited for has come.
    Come,
    /// It took too long.
    TooLong,
}

/// Waits until an object looks right.
pub(crate) async fn until<K>(
    api: Api<K>,
    name: &str,
    limit: Option<Duration>,
    is_right: impl Fn(Option<&K>) -> bool,
) -> Waited
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    // On the heap: a watch is some 16 KiB large.
    let seen = Box::pin(async {
        let mut seen = pin!(changes(api, name));
        while let Some(object) = seen.next().await {
            if is_right(object.as_ref()) {
                return;
            }
        }
    });
    within(limit, seen).await.map_or(Waited::TooLong, |()| Waited::Come)
}

/// The outcome of something, unless it takes longer than the limit, if there is one.
pub(crate) async fn within<T>(limit: Option<Duration>, what: impl Future<Output = T>) -> Option<T> {
    match limit {
        Some(limit) => tokio::time::timeout(limit, what).await.ok(),
        None => Some(what.await),
    }
}
