//! What the server writes of itself: what every cluster begins with, and an account for each
//! namespace.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ferry_api::Kind;
use ferry_registry::{Refusal, Request};
use futures::future::join_all;

use crate::api::Backend;
use crate::bootstrap;
use crate::http::Stopping;

/// How often it is looked at once whether everything is there. Two are enough unless somebody else
/// deletes meanwhile what is being written.
const ROUNDS: usize = 3;

/// How long it takes until what could not be written is tried again: as often as the writer looks
/// for what is due.
const AGAIN: Duration = Duration::from_secs(5);

/// Whether what every cluster begins with has been there since the start.
#[derive(Debug, Default)]
pub(crate) struct Begun(AtomicBool);

impl Begun {
    /// Whether it has.
    pub(crate) fn is_done(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Writes what every cluster begins with, as far as it is not there. What cannot be written,
    /// because the disk is full, say, is told and done without: whoever is to help has to get in.
    pub(crate) async fn try_now<B: Backend>(&self, backend: &B) {
        for _ in 0..ROUNDS {
            // The guard goes before anything is waited for.
            let missing = bootstrap::missing(&backend.state());
            match write_all(backend, missing).await {
                Round::Nothing => {
                    self.0.store(true, Ordering::Relaxed);
                    break;
                }
                Round::Written => {}
                Round::Refused => return,
            }
        }
        let accounts = bootstrap::accounts(&backend.state());
        write_all(backend, accounts).await;
    }

    /// Tries again for as long as something is missing and might be written, until the server ends.
    pub(crate) async fn keep_trying<B: Backend>(&self, backend: &B, mut stopping: Stopping) {
        while !self.is_done() {
            tokio::select! {
                () = stopping.begun() => return,
                () = tokio::time::sleep(AGAIN) => {}
            }
            if backend.trouble().is_none() {
                self.try_now(backend).await;
            }
        }
    }
}

/// Gives each namespace its account, until the server ends.
pub(crate) async fn keep_accounts<B: Backend>(backend: Arc<B>, mut stopping: Stopping) {
    let mut namespaces = backend.watch(Kind::Namespace);
    let mut accounts = backend.watch(Kind::ServiceAccount);
    let mut round = Round::Nothing;
    loop {
        if round != Round::Refused || backend.trouble().is_none() {
            let missing = bootstrap::accounts(&backend.state());
            round = write_all(&*backend, missing).await;
        }
        tokio::select! {
            () = stopping.begun() => return,
            Ok(()) = namespaces.changed() => {}
            Ok(()) = accounts.changed() => {}
            () = tokio::time::sleep(AGAIN), if round == Round::Refused => {}
            else => return,
        }
    }
}

/// What became of a look for what is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Round {
    /// Everything is there.
    Nothing,
    /// What was not is now, or somebody else was quicker.
    Written,
    /// Some of it is still not.
    Refused,
}

async fn write_all<B: Backend>(backend: &B, requests: Result<Vec<Request>, Refusal>) -> Round {
    let requests = match requests {
        Ok(requests) if requests.is_empty() => return Round::Nothing,
        Ok(requests) => requests,
        Err(refusal) => {
            tracing::error!(%refusal, "what a cluster begins with does not fit its schema");
            return Round::Nothing;
        }
    };
    let keys: Vec<_> = requests.iter().map(|request| request.target.key()).collect();
    // All at once, so that one flush of the journal serves them all; they are decided in order.
    let written = join_all(requests.into_iter().map(|request| backend.write(request))).await;
    let refused: Vec<_> = keys
        .iter()
        .zip(written)
        .filter_map(|(key, outcome)| match outcome {
            // Somebody was quicker, or the namespace has gone.
            Ok(_) | Err(Refusal::AlreadyExists { .. } | Refusal::NotFound { .. }) => None,
            Err(refusal) => Some((key, refusal)),
        })
        .collect();
    let Some((key, refusal)) = refused.first() else { return Round::Written };
    // A full disk refuses all of them with the same words.
    tracing::warn!(
        kind = %key.kind, namespace = key.namespace, name = key.name, others = refused.len() - 1,
        "cannot write yet what belongs to every cluster: {refusal}",
    );
    Round::Refused
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use ferry_api::KindVersion;
    use ferry_registry::{DeleteOptions, ObjectKey, Part, Target, User, Write, WriteOptions};
    use tokio::time::timeout;

    use super::*;
    use crate::http::Stop;
    use crate::writer::Cluster;
    use crate::writer::testing::cluster_on_a_disk;

    fn has(cluster: &Cluster, kind: Kind, namespace: &str, name: &str) -> bool {
        cluster.state().object(&ObjectKey::new(kind, namespace, name)).is_some()
    }

    #[tokio::test]
    async fn what_a_full_disk_refuses_is_written_once_there_is_room() {
        let free = Arc::new(AtomicU64::new(30 << 20));
        let (cluster, _dir) = cluster_on_a_disk(&free);
        let cluster = Arc::new(cluster);
        let (_stop, stopping) = Stop::new();
        let begun = Begun::default();
        begun.try_now(&*cluster).await;
        assert!(!begun.is_done() && !has(&cluster, Kind::Namespace, "", "default"));
        // From here on, time goes as fast as it is waited for.
        tokio::time::pause();
        let mut trying = std::pin::pin!(begun.keep_trying(&*cluster, stopping.clone()));
        assert!(timeout(AGAIN * 3, &mut trying).await.is_err(), "there was no room");
        free.store(1 << 40, Ordering::SeqCst);
        trying.await;
        assert!(begun.is_done() && has(&cluster, Kind::ServiceAccount, "default", "default"));

        // As well an account that is missing later.
        free.store(60 << 20, Ordering::SeqCst);
        let keep = tokio::spawn(keep_accounts(Arc::clone(&cluster), stopping));
        delete_account(&cluster).await;
        let mut accounts = cluster.watch(Kind::ServiceAccount);
        assert!(timeout(AGAIN * 3, accounts.changed()).await.is_err(), "there was no room");
        assert!(!has(&cluster, Kind::ServiceAccount, "default", "default"));
        free.store(1 << 40, Ordering::SeqCst);
        accounts.changed().await.unwrap();
        assert!(has(&cluster, Kind::ServiceAccount, "default", "default"));
        keep.abort();
    }

    async fn delete_account(cluster: &Cluster) {
        let target = Target {
            served: KindVersion::storage(Kind::ServiceAccount),
            namespace: "default".to_owned(),
            name: "default".to_owned(),
            part: Part::Main,
        };
        let groups = vec![ferry_admission::identity::MASTERS.to_owned()];
        let user = User { name: "admin".to_owned(), groups, ..User::default() };
        let write = Write::Delete(DeleteOptions::default());
        let options = WriteOptions::default();
        cluster.write(Request { user: user.into(), target, write, options }).await.unwrap();
    }
}
