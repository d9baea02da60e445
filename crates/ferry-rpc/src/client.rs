//! Asking a node daemon.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_stream::{Stream, StreamExt};
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Request, Response, Status, Streaming};
use tower::service_fn;

use crate::wire::node_client::NodeClient as Generated;
use crate::{
    Concluded, Conclusion, Console, FieldError, Guest, GuestName, Outcome, Progress, Refusal,
    Reopened, RpcError, Story, Verification, tls, wire,
};

/// How long a connection may take, TLS included. The nodes of a cluster are near each other.
const CONNECT: Duration = Duration::from_secs(5);

/// How long an answer may take that a daemon has at hand, or gets from a guest.
const ANSWER: Duration = Duration::from_secs(20);

/// How long a check may take: it reads all memory and disks, which is a second for some GiB.
const VERIFY: Duration = Duration::from_mins(10);

/// How often a connection is tried on which something is awaited, and how long the answer may take:
/// a daemon that was stopped or cut off is noticed while somebody watches a migration.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// A client of one node's daemon. Clones share the connection.
#[derive(Clone)]
pub struct NodeClient {
    node: Arc<str>,
    inner: Generated<Channel>,
}

/// Answers that come one after the other, until there are no more.
pub struct Answers<T> {
    inner: Pin<Box<dyn Stream<Item = Result<T, RpcError>> + Send>>,
}

impl NodeClient {
    /// Connects to the daemon of the node of that name, which its certificate has to say.
    ///
    /// # Errors
    /// [`RpcError::Connect`], after five seconds at most.
    pub async fn connect(
        address: SocketAddr,
        node: &str,
        tls: Arc<ClientConfig>,
    ) -> Result<Self, RpcError> {
        let name = ServerName::try_from(node.to_owned())
            .map_err(|_| RpcError::Name { node: node.to_owned() })?;
        let connector = TlsConnector::from(tls::client(&tls));
        let failed = |why: String| RpcError::Connect { node: node.to_owned(), address, why };
        // Nobody reads it: the connection goes to the address, and its name is the node's.
        let endpoint = Endpoint::from(Uri::from_static("https://node"))
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE);
        let open = service_fn(move |_: Uri| {
            let (connector, name) = (connector.clone(), name.clone());
            async move { dial(address, connector, name).await.map(TokioIo::new) }
        });
        match timeout(CONNECT, endpoint.connect_with_connector(open)).await {
            Ok(Ok(channel)) => Ok(Self { node: Arc::from(node), inner: Generated::new(channel) }),
            Ok(Err(error)) => Err(failed(reasons(&error))),
            Err(_) => Err(failed(format!("no answer within {CONNECT:?}"))),
        }
    }

    /// The node that it asks.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// Which copy of a guest lives that was handed over in this migration. For nodes only.
    ///
    /// # Errors
    /// [`RpcError`]; nothing is known then.
    pub async fn outcome(&self, migration_uid: &str) -> Result<Outcome, RpcError> {
        let request = wire::GetOutcomeRequest { migration_uid: migration_uid.to_owned() };
        let answer = self.inner.clone().get_outcome(within(ANSWER, request)).await;
        self.read(answer, Outcome::try_from)
    }

    /// Has the destination of a post-copy listen once more. For nodes only.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn recover(&self, migration_uid: &str) -> Result<Reopened, RpcError> {
        let request = wire::RecoverRequest { migration_uid: migration_uid.to_owned() };
        let answer = self.inner.clone().recover(within(ANSWER, request)).await;
        self.read(answer, Reopened::try_from)
    }

    /// Tells the destination what only the source knows. For nodes only.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn conclude(
        &self,
        migration_uid: &str,
        conclusion: Conclusion,
    ) -> Result<Concluded, RpcError> {
        let request = wire::ConcludeRequest {
            migration_uid: migration_uid.to_owned(),
            conclusion: wire::conclude_request::Conclusion::from(conclusion).into(),
        };
        let answer = self.inner.clone().conclude(within(ANSWER, request)).await;
        self.read(answer, |it| Ok(Concluded::from(it)))
    }

    /// How a migration goes that leaves the node, until it has ended.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn watch_migration(
        &self,
        migration_uid: &str,
    ) -> Result<Answers<Progress>, RpcError> {
        let request = wire::WatchMigrationRequest { migration_uid: migration_uid.to_owned() };
        let answer = self.inner.clone().watch_migration(Request::new(request)).await;
        self.answers(answer, Progress::try_from)
    }

    /// The whole story of a migration that has left the node, or has failed to.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn story(&self, migration_uid: &str) -> Result<Story, RpcError> {
        let request = wire::GetMigrationReportRequest { migration_uid: migration_uid.to_owned() };
        let answer = self.inner.clone().get_migration_report(within(ANSWER, request)).await;
        self.read(answer, Story::try_from)
    }

    /// The guests on the node.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn guests(&self) -> Result<Vec<Guest>, RpcError> {
        let request = within(ANSWER, wire::ListGuestsRequest {});
        let answer = self.inner.clone().list_guests(request).await;
        self.read(answer, guests)
    }

    /// Compares the memory and disks of a guest with what it knows that it wrote.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn verify(&self, guest: &GuestName) -> Result<Verification, RpcError> {
        let request = wire::VerifyGuestRequest { guest: Some(guest.clone().into()) };
        let answer = self.inner.clone().verify_guest(within(VERIFY, request)).await;
        self.read(answer, |it| Ok(Verification::from(it)))
    }

    /// What a guest has printed on its serial console.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn console(
        &self,
        guest: &GuestName,
        console: Console,
    ) -> Result<Answers<Vec<u8>>, RpcError> {
        let guest = Some(guest.clone().into());
        let request = wire::ReadConsoleRequest { guest, follow: console.into() };
        let answer = self.inner.clone().read_console(Request::new(request)).await;
        self.answers(answer, |chunk: wire::ConsoleChunk| Ok(chunk.data))
    }

    fn read<W, T>(
        &self,
        answer: Result<Response<W>, Status>,
        read: fn(W) -> Result<T, FieldError>,
    ) -> Result<T, RpcError> {
        parse(&self.node, answer.map(Response::into_inner), read)
    }

    fn answers<W: Send + 'static, T: 'static>(
        &self,
        answer: Result<Response<Streaming<W>>, Status>,
        read: fn(W) -> Result<T, FieldError>,
    ) -> Result<Answers<T>, RpcError> {
        let node = Arc::clone(&self.node);
        let stream = answer.map_err(Refusal::from)?.into_inner();
        Ok(Answers { inner: Box::pin(stream.map(move |it| parse(&node, it, read))) })
    }
}

impl<T> Answers<T> {
    /// The next one, when it comes; `None` after the last.
    pub async fn next(&mut self) -> Option<Result<T, RpcError>> {
        self.inner.next().await
    }
}

impl<T> Stream for Answers<T> {
    type Item = Result<T, RpcError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.inner.as_mut().poll_next(context)
    }
}

fn parse<W, T>(
    node: &str,
    answer: Result<W, Status>,
    read: fn(W) -> Result<T, FieldError>,
) -> Result<T, RpcError> {
    let wire = answer.map_err(Refusal::from)?;
    read(wire).map_err(|error| RpcError::Answer { node: node.to_owned(), error })
}

fn guests(list: wire::ListGuestsResponse) -> Result<Vec<Guest>, FieldError> {
    list.guests.into_iter().map(Guest::try_from).collect()
}

/// A question that has to be answered in time, there as well as here.
fn within<T>(time: Duration, question: T) -> Request<T> {
    let mut request = Request::new(question);
    request.set_timeout(time);
    request
}

async fn dial(
    address: SocketAddr,
    connector: TlsConnector,
    name: ServerName<'static>,
) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    connector.connect(name, stream).await
}

/// What an error says, and what it says of its reasons: the last one is what matters, as a rule.
fn reasons(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = error.source();
    }
    text
}

impl fmt::Debug for NodeClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeClient").field("node", &self.node).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Answers<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").finish_non_exhaustive()
    }
}
