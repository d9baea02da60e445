//! What the server writes of itself: what every cluster begins with, and an account for each
//! namespace.

use std::sync::Arc;

use ferry_api::Kind;
use ferry_registry::{Refusal, Request};
use futures::future::join_all;

use crate::api::Backend;
use crate::bootstrap;
use crate::http::Stopping;

/// How often it is looked whether everything is there. Once is enough unless somebody else deletes
/// meanwhile what is being written.
const ROUNDS: usize = 3;

/// Writes what every cluster begins with, as far as it is not there. What cannot be written, because
/// the disk is full, say, is told and done without: whoever is to help has to get in.
pub(crate) async fn bootstrap<B: Backend>(backend: &B) {
    for _ in 0..ROUNDS {
        // The guard goes before anything is waited for.
        let missing = bootstrap::missing(&backend.state());
        if is_done(write_all(backend, missing).await) {
            break;
        }
    }
    let accounts = bootstrap::accounts(&backend.state());
    write_all(backend, accounts).await;
}

/// Gives each namespace its account, until the server ends.
pub(crate) async fn keep_accounts<B: Backend>(backend: Arc<B>, mut stopping: Stopping) {
    let mut namespaces = backend.watch(Kind::Namespace);
    let mut accounts = backend.watch(Kind::ServiceAccount);
    loop {
        let missing = bootstrap::accounts(&backend.state());
        write_all(&*backend, missing).await;
        tokio::select! {
            () = stopping.begun() => return,
            Ok(()) = namespaces.changed() => {}
            Ok(()) = accounts.changed() => {}
            else => return,
        }
    }
}

/// How much of it there was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Round {
    Nothing,
    Something,
}

fn is_done(round: Round) -> bool {
    round == Round::Nothing
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
    for (key, outcome) in keys.iter().zip(written) {
        let Err(refusal) = outcome else { continue };
        match refusal {
            // Somebody was quicker, or the namespace has gone.
            Refusal::AlreadyExists { .. } | Refusal::NotFound { .. } => {}
            refusal => tracing::warn!(
                kind = %key.kind, namespace = key.namespace, name = key.name,
                "cannot write what belongs to every cluster: {refusal}",
            ),
        }
    }
    Round::Something
}
