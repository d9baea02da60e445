//! The gRPC service of this node: what other nodes and people ask about its guests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use ferry_rpc::server::{Access, Answers, Node};
use ferry_rpc::{
    Concluded, Conclusion, Console, Guest, GuestName, Outcome, Progress, Refusal, Reopened, Story,
    Verification,
};
use ferry_runtime::identity::{Identity, Role, VerifyPeer};
use std::future::Future;
use std::path::Path;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_stream::wrappers::ReceiverStream;

use crate::guests::Guests;

/// How often whoever watches a migration is told of it.
const TELLING: Duration = Duration::from_millis(250);

/// How often the console of a guest is looked at for more.
const LOOKING: Duration = Duration::from_millis(200);

/// Answers of a stream that wait for a slow reader. Those that come later wait with whoever sends
/// them.
const WAITING: usize = 4;

/// Serves until `shutdown` is over, with the certificates in `identity`.
///
/// # Errors
/// When the certificates cannot be used.
pub async fn serve(
    listener: TcpListener,
    identity: &Path,
    guests: Guests,
    access: impl Access,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<()> {
    let address: SocketAddr = listener.local_addr().context("where gRPC is served")?;
    let identity = Identity::load(identity, Role::Server, VerifyPeer::Yes)?;
    let tls = identity.server().context("a server's identity")?;
    tracing::info!(%address, "gRPC is served");
    let service = Arc::new(Service { guests });
    ferry_rpc::server::serve(listener, tls, service, access, shutdown).await.context("serving gRPC")
}

struct Service {
    guests: Guests,
}

impl Node for Service {
    async fn outcome(&self, migration_uid: String) -> Result<Outcome, Refusal> {
        self.guests.outcome(migration_uid).await
    }

    async fn recover(&self, migration_uid: String) -> Result<Reopened, Refusal> {
        self.guests.recover(migration_uid).await
    }

    async fn conclude(
        &self,
        migration_uid: String,
        conclusion: Conclusion,
    ) -> Result<Concluded, Refusal> {
        self.guests.conclude(migration_uid, conclusion).await
    }

    async fn watch_migration(&self, migration_uid: String) -> Result<Answers<Progress>, Refusal> {
        let (sender, receiver) = mpsc::channel(WAITING);
        match self.guests.watch_story(&migration_uid) {
            Some(mut story) => drop(tokio::spawn(async move {
                loop {
                    let last = story.borrow_and_update().last.clone();
                    let is_last = last.end.is_some();
                    if sender.send(Ok(last)).await.is_err() || is_last {
                        return;
                    }
                    sleep(TELLING).await;
                    // It has ended: what it said last is told once more if it was not.
                    if story.changed().await.is_err() && story.borrow().last.end.is_none() {
                        return;
                    }
                }
            })),
            // It is over, or was never here.
            None => drop(sender.try_send(Ok(self.guests.story(&migration_uid)?.last))),
        }
        Ok(Box::pin(ReceiverStream::new(receiver)))
    }

    async fn story(&self, migration_uid: String) -> Result<Story, Refusal> {
        self.guests.story(&migration_uid)
    }

    async fn guests(&self) -> Result<Vec<Guest>, Refusal> {
        Ok(self.guests.list())
    }

    async fn verify(&self, guest: GuestName) -> Result<Verification, Refusal> {
        self.guests.verify(&guest).await
    }

    async fn console(
        &self,
        guest: GuestName,
        console: Console,
    ) -> Result<Answers<Vec<u8>>, Refusal> {
        let mut reader = self.guests.console(&guest)?;
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::spawn(async move {
            loop {
                // Asked before reading: what it prints last is read too.
                let may_print = reader.may_print();
                let piece = reader.next().await;
                let is_over = match &piece {
                    Ok(piece) if piece.is_empty() => true,
                    Ok(_) => false,
                    Err(_) => {
                        let _gone = sender.send(piece).await;
                        return;
                    }
                };
                if !is_over {
                    if sender.send(piece).await.is_err() {
                        return;
                    }
                    continue;
                }
                match console {
                    Console::Follow if may_print => {}
                    Console::Follow | Console::SoFar => return,
                }
                tokio::select! {
                    () = sleep(LOOKING) => {}
                    () = sender.closed() => return,
                }
            }
        });
        Ok(Box::pin(ReceiverStream::new(receiver)))
    }
}
