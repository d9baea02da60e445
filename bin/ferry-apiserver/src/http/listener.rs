//! The port: who comes in, how many, and what happens when no more may.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::{JoinError, JoinSet};
use tokio::time;

use super::connection::Guest;
use super::places::Places;
use super::{Handler, Server, Stopping, connection};
use crate::access::Realm;

/// How long nobody is let in after Linux had no file left for one: until some have gone.
const PAUSE: Duration = Duration::from_millis(100);

/// Nobody can be let in at an address.
#[derive(Debug, Error)]
#[error("cannot listen at {address}")]
pub struct ListenError {
    /// The address.
    pub address: SocketAddr,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// A port that is ours. Clients may connect; they are answered when it is served.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
}

impl Bound {
    /// Takes the port of `address`, or a free one if that is 0.
    ///
    /// # Errors
    /// [`ListenError`].
    pub async fn to(address: SocketAddr) -> Result<Self, ListenError> {
        let refused = |source| ListenError { address, source };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok(Self { listener, address })
    }

    /// The address, with the port that it has.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves whoever comes until `stopping` says otherwise. Returns when the last connection has
    /// ended, or has been cut off because it took longer than it may.
    pub async fn serve<H: Handler, R: Realm>(
        self,
        server: Arc<Server<H, R>>,
        mut stopping: Stopping,
    ) {
        let places = Arc::new(Places::new(&server.limits));
        let mut connections = JoinSet::new();
        loop {
            let next = async {
                places.some().await;
                self.listener.accept().await
            };
            tokio::select! {
                () = stopping.begun() => break,
                Some(ended) = connections.join_next() => tell(ended),
                accepted = next => match accepted {
                    Ok((stream, _)) => {
                        let (server, stopping) = (Arc::clone(&server), stopping.clone());
                        let places = Arc::clone(&places);
                        connections.spawn(async move {
                            let traffic = Arc::new(places.traffic());
                            // The last one may have been taken since.
                            let place = Arc::new(places.take(&traffic).await);
                            let guest = Guest { place, traffic };
                            connection::serve(server, stream, guest, stopping).await;
                        });
                    }
                    Err(error) => pause(&error).await,
                },
            }
        }
        // Nobody else comes in.
        drop(self.listener);
        drain(connections, server.limits.grace).await;
    }
}

/// Waits for the connections to end, and ends those that do not.
async fn drain(mut connections: JoinSet<()>, grace: Duration) {
    let all = async {
        while let Some(ended) = connections.join_next().await {
            tell(ended);
        }
    };
    if time::timeout(grace, all).await.is_err() {
        tracing::warn!(connections = connections.len(), "cutting off what has not ended in time");
        connections.shutdown().await;
    }
}

async fn pause(error: &io::Error) {
    // One that was gone before it came in is nobody's problem; no more files is.
    let is_gone =
        matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset);
    if !is_gone {
        tracing::warn!(%error, "cannot let anybody in");
        time::sleep(PAUSE).await;
    }
}

fn tell(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        // The hook has said where.
        tracing::error!("a connection ended in a panic");
    }
}
