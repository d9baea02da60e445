//! A server that does nothing: it answers a create with what it was sent, and tells every watcher.
//!
//! It stands in for an API server in two places. As a yardstick it says what TLS, HTTP and the
//! client leave to any server on this machine; in tests it is what the client is tried on.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as Task, Poll};

use anyhow::Result;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{self, Runtime};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

use super::certificates::Certificates;
use super::client::Endpoint;
use super::objects::CONFIG_MAPS;

/// Events that wait for a watcher. One that is further behind is cut off, as a real server does.
const BACKLOG: usize = 256;

/// Where the watchers are told.
type Watchers = Arc<Mutex<Vec<mpsc::Sender<Bytes>>>>;

/// One that is running, on a thread of its own.
pub(super) struct StandIn {
    endpoint: Endpoint,
    /// With it ends everything that runs on it.
    _runtime: Runtime,
}

impl StandIn {
    /// Starts one.
    ///
    /// # Errors
    /// When there is no port, or no certificate.
    pub(super) fn start() -> Result<Self> {
        let certificates = Certificates::new()?;
        let tls = TlsAcceptor::from(Arc::new(certificates.server()?));
        let runtime =
            runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let address = listener.local_addr()?.to_string();
        runtime.spawn(accept(listener, tls));
        let endpoint = certificates.endpoint(&address)?;
        Ok(Self { endpoint, _runtime: runtime })
    }

    pub(super) const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor) {
    let watchers = Watchers::default();
    while let Ok((socket, _)) = listener.accept().await {
        tokio::spawn(serve(socket, acceptor.clone(), Arc::clone(&watchers)));
    }
}

async fn serve(socket: TcpStream, acceptor: TlsAcceptor, watchers: Watchers) -> Option<()> {
    socket.set_nodelay(true).ok()?;
    let stream = acceptor.accept(socket).await.ok()?;
    let service = service_fn(move |request| answer(request, Arc::clone(&watchers)));
    http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok()
}

type Answer = Response<Either<Full<Bytes>, Feed>>;

async fn answer(request: Request<Incoming>, watchers: Watchers) -> Result<Answer, Infallible> {
    let (head, body) = request.into_parts();
    let whole = |status: StatusCode, body: Bytes| {
        let mut answer = Response::new(Either::Left(Full::new(body)));
        *answer.status_mut() = status;
        answer
    };
    if head.method == Method::POST {
        let Ok(body) = body.collect().await else {
            return Ok(whole(StatusCode::BAD_REQUEST, Bytes::new()));
        };
        let object = body.to_bytes();
        tell(&watchers, &object);
        return Ok(whole(StatusCode::CREATED, object));
    }
    if head.uri.query().is_some_and(|query| query.contains("watch=true")) {
        let (sender, receiver) = mpsc::channel(BACKLOG);
        watchers.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        return Ok(Response::new(Either::Right(Feed { receiver })));
    }
    if head.uri.path() != CONFIG_MAPS {
        return Ok(whole(StatusCode::NOT_FOUND, Bytes::new()));
    }
    let list = Bytes::from_static(br#"{"metadata":{"resourceVersion":"1"},"items":[]}"#);
    Ok(whole(StatusCode::OK, list))
}

fn tell(watchers: &Watchers, object: &[u8]) {
    let mut watchers = watchers.lock().unwrap_or_else(PoisonError::into_inner);
    if watchers.is_empty() {
        return;
    }
    let line = Bytes::from([br#"{"type":"ADDED","object":"#, object, b"}\n"].concat());
    watchers.retain(|watcher| watcher.try_send(line.clone()).is_ok());
}

/// What a watcher is sent.
struct Feed {
    receiver: mpsc::Receiver<Bytes>,
}

impl Body for Feed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut Task<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.receiver.poll_recv(task).map(|line| line.map(|line| Ok(Frame::data(line))))
    }
}
