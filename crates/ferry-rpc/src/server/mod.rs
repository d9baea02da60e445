//! Answering: the service of a node daemon, around whoever implements [`Node`].
//!
//! ```text
//!   accept ──► TLS, with a certificate ──► Caller ──► may it? ──► Node ──► answer
//! ```
//!
//! Whoever has no certificate of the cluster's authority does not get as far as a question.

mod access;
mod answer;
mod caller;
mod connection;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio_stream::Stream;
use tonic::transport::Server;

use crate::wire::node_server::NodeServer;
use crate::{
    Concluded, Conclusion, Console, Guest, GuestName, Outcome, Progress, Refusal, Reopened, Story,
    Verification,
};

pub use access::{Access, Nobody};
use answer::Service;
pub use caller::Caller;

/// Answers that come one after the other.
pub type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Refusal>> + Send>>;

/// How often an idle connection is tried, and how long the answer may take: connections of daemons
/// that are gone do not stay for ever.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Questions that a connection may have open at the same time. A person has a handful, a node one
/// for each migration.
const STREAMS: u32 = 256;

/// What a node daemon can be asked.
pub trait Node: Send + Sync + 'static {
    /// Which copy of a guest lives. Once it has said [`Outcome::NeverRan`], that stays true.
    fn outcome(
        &self,
        migration_uid: String,
    ) -> impl Future<Output = Result<Outcome, Refusal>> + Send;

    /// Listens once more for a post-copy whose link has broken.
    fn recover(
        &self,
        migration_uid: String,
    ) -> impl Future<Output = Result<Reopened, Refusal>> + Send;

    /// Takes in what only the source of a migration knows.
    fn conclude(
        &self,
        migration_uid: String,
        conclusion: Conclusion,
    ) -> impl Future<Output = Result<Concluded, Refusal>> + Send;

    /// How a migration goes that leaves this node.
    fn watch_migration(
        &self,
        migration_uid: String,
    ) -> impl Future<Output = Result<Answers<Progress>, Refusal>> + Send;

    /// The story of a migration that has left this node.
    fn story(&self, migration_uid: String) -> impl Future<Output = Result<Story, Refusal>> + Send;

    /// The guests on this node.
    fn guests(&self) -> impl Future<Output = Result<Vec<Guest>, Refusal>> + Send;

    /// Checks a guest.
    fn verify(
        &self,
        guest: GuestName,
    ) -> impl Future<Output = Result<Verification, Refusal>> + Send;

    /// What a guest has printed.
    fn console(
        &self,
        guest: GuestName,
        console: Console,
    ) -> impl Future<Output = Result<Answers<Vec<u8>>, Refusal>> + Send;
}

/// Answers until `shutdown` is over, and then what was asked before. Streams end with their
/// migrations and guests, so whoever is about to exit does not wait for this.
///
/// # Errors
/// When the server breaks, which it has no reason to.
pub async fn serve<N: Node, A: Access>(
    listener: TcpListener,
    tls: &ServerConfig,
    node: Arc<N>,
    access: A,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), tonic::transport::Error> {
    let connections = connection::accept(listener, crate::tls::server(tls));
    Server::builder()
        .http2_keepalive_interval(Some(KEEP_ALIVE))
        .http2_keepalive_timeout(Some(KEEP_ALIVE))
        .max_concurrent_streams(STREAMS)
        .add_service(NodeServer::new(Service { node, access: Arc::new(access) }))
        .serve_with_incoming_shutdown(connections, shutdown)
        .await
}
