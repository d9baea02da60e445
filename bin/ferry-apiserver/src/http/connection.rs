//! One connection, from its first byte to its end.

use std::convert::Infallible;
use std::error::Error;
use std::future::{Future, pending};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::net::sockopt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::gather::Gather;
use super::places::Place;
use super::service::{Service, wall_time};
use super::streams::{Begun, Multiplexed};
use super::traffic::{Traffic, now};
use super::wire::{Wire, shut_down};
use super::{Handler, Limits, Server, Stopping};
use crate::access::Realm;

/// The first byte of a TLS connection: a record of the handshake.
const TLS_HANDSHAKE: u8 = 22;

/// What Go's servers say to a client that forgot the `s` of `https`.
const NOT_HTTPS: &[u8] = b"HTTP/1.0 400 Bad Request\r\nConnection: close\r\n\r\n\
                           Client sent an HTTP request to an HTTPS server.\n";

/// How much is read at once of what nobody wants to know.
const LINGER_PIECE: usize = 16 * 1024;

/// For so many requests that may be under way, one may be called off before it has begun. Many watches
/// share a connection, and whoever ends some of them at once is not to lose the others; but each is held
/// until it is seen that it is over.
// PARITY: golang/net/http2/server.go#scheduleHandler
const STREAMS_PER_RESET: usize = 2;

/// Why a connection ended otherwise than in good order.
type BoxError = Box<dyn Error + Send + Sync>;

/// What is known of a connection beside its bytes.
#[derive(Clone, Debug)]
pub(super) struct Guest {
    pub(super) place: Arc<Place>,
    pub(super) traffic: Arc<Traffic>,
}

/// Serves a connection until one side ends it, or its place is lost.
pub(super) async fn serve<H: Handler, R: Realm>(
    server: Arc<Server<H, R>>,
    socket: TcpStream,
    guest: Guest,
    stopping: Stopping,
) {
    let limits = server.limits;
    if let Err(error) = set_up(&socket, &limits) {
        // It is over already, or will be slower.
        tracing::debug!(%error, "cannot set options of a connection");
    }
    let socket = Arc::new(socket);
    let place = Arc::clone(&guest.place);
    tokio::select! {
        biased;
        () = place.lost() => tracing::debug!("a connection made room for another one"),
        ended = over(server, &socket, guest, stopping) => match ended {
            Ok(()) => linger(&socket, limits.linger).await,
            Err(error) => tracing::debug!(error = &*error, "a connection broke"),
        },
    }
}

/// Serves what comes over a socket.
async fn over<H: Handler, R: Realm>(
    server: Arc<Server<H, R>>,
    socket: &Arc<TcpStream>,
    guest: Guest,
    stopping: Stopping,
) -> Result<(), BoxError> {
    let limits = server.limits;
    let handshake = time::timeout(limits.handshake, handshake(&server, socket));
    let mut ending = stopping.clone();
    let stream = tokio::select! {
        stream = handshake => stream.map_err(|_elapsed| "the handshake took too long")??,
        () = ending.begun() => return Err("the server ended before the handshake".into()),
    };
    let (_, tls) = stream.get_ref();
    let now = wall_time(server.clock);
    let peer = server.authenticator.peer(tls.peer_certificates(), now);
    let (streams, first) = if peer.user(now).is_some() {
        guest.place.is_of_somebody_known();
        (limits.streams, limits.idle)
    } else {
        (limits.streams_of_strangers, limits.head)
    };
    let is_http2 = tls.alpn_protocol() == Some(b"h2");
    let traffic = Arc::clone(&guest.traffic);
    let service = Arc::new(Service { server, peer, guest });
    let begun = Begun::default();
    let beginning = begun.clone();
    let answer = service_fn(move |request: Request<Incoming>| {
        // A write may keep its thread until it is durable and a list while it looks at all there is, and
        // others on their connection do not wait for that.
        if !is_watch(&request) {
            beginning.next_is_apart();
        }
        let service = Arc::clone(&service);
        async move { Ok::<_, Infallible>(service.answer(request).await) }
    });
    // Neither kind of connection can be told to end by the same trait, so twice the same.
    if is_http2 {
        let stream = TokioIo::new(Gather::new(stream));
        let builder = http2_builder(&limits, streams, begun.clone());
        let connection = pin!(builder.serve_connection(stream, answer));
        let connection = pin!(Multiplexed::new(connection, begun));
        let end = |it: Pin<&mut Multiplexed<'_, _>>| {
            http2::Connection::graceful_shutdown(it.get_mut().connection());
        };
        watched(connection, end, &traffic, &limits, first, stopping).await?;
    } else {
        let stream = TokioIo::new(stream);
        let connection = pin!(http1_builder(&limits).serve_connection(stream, answer));
        let end = http1::Connection::graceful_shutdown;
        watched(connection, end, &traffic, &limits, first, stopping).await?;
    }
    Ok(())
}

/// Whether a request is one of those that say little and stay for long. Any other that looks like it is
/// answered all the same.
fn is_watch<B>(request: &Request<B>) -> bool {
    let says_so = |query: &str| query.split('&').any(|one| matches!(one, "watch=true" | "watch=1"));
    let uri = request.uri();
    request.method() == Method::GET
        && (uri.query().is_some_and(says_so) || uri.path().contains("/watch/"))
}

fn set_up(stream: &TcpStream, limits: &Limits) -> io::Result<()> {
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, limits.ping)?;
    sockopt::set_tcp_keepintvl(stream, limits.pong)?;
    sockopt::set_socket_send_buffer_size(stream, limits.socket_bytes)?;
    // What is in the socket counts as unread as well, and only Linux knows how long it has been.
    let unread = u32::try_from(limits.unread.as_millis()).unwrap_or(u32::MAX);
    sockopt::set_tcp_user_timeout(stream, unread)?;
    Ok(())
}

async fn handshake<H, R>(
    server: &Server<H, R>,
    socket: &Arc<TcpStream>,
) -> io::Result<TlsStream<Wire>> {
    let mut first = [0];
    let mut wire = Wire::new(Arc::clone(socket), server.limits.unread);
    if socket.peek(&mut first).await? == 1 && first[0] != TLS_HANDSHAKE {
        wire.write_all(NOT_HTTPS).await?;
        wire.shutdown().await?;
        return Err(io::Error::other("the client does not speak TLS"));
    }
    TlsAcceptor::from(Arc::clone(&server.tls)).accept(wire).await
}

/// Waits for a client to notice that its connection has ended. What it sends until then would make
/// Linux drop what it has not received yet.
async fn linger(socket: &TcpStream, patience: Duration) {
    if shut_down(socket).is_err() {
        return;
    }
    let mut piece = vec![0; LINGER_PIECE];
    let unheard = async {
        while socket.readable().await.is_ok() {
            match socket.try_read(&mut piece) {
                Ok(1..) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Ok(0) | Err(_) => break,
            }
        }
    };
    // Whoever takes longer has been told.
    let _noticed = time::timeout(patience, unheard).await;
}

fn http1_builder(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.idle)
        .max_headers(limits.headers)
        .max_buf_size(limits.head_bytes);
    builder
}

fn http2_builder(limits: &Limits, streams: u32, begun: Begun) -> http2::Builder<Begun> {
    let mut builder = http2::Builder::new(begun);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(streams)
        .max_pending_accept_reset_streams(streams as usize / STREAMS_PER_RESET)
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        .max_send_buf_size(limits.unread_bytes)
        .initial_stream_window_size(limits.stream_window)
        .initial_connection_window_size(limits.connection_window)
        .keep_alive_interval(limits.ping)
        .keep_alive_timeout(limits.pong);
    builder
}

/// Drives a connection and ends it when the server ends, or when its client keeps it for nothing: at
/// first for as long as `first`.
async fn watched<C>(
    mut connection: Pin<&mut C>,
    end: impl Fn(Pin<&mut C>),
    traffic: &Traffic,
    limits: &Limits,
    first: Duration,
    mut stopping: Stopping,
) -> Result<(), BoxError>
where
    C: Future<Output = hyper::Result<()>>,
{
    let mut seen = 0;
    let mut look = pin!(time::sleep(first));
    let mut stalled = pin!(traffic.unread().stalled(limits.unread));
    let grace = loop {
        let late = async {
            match traffic.first_end() {
                Some(end) => time::sleep_until(end + limits.late).await,
                None => pending().await,
            }
        };
        tokio::select! {
            ended = &mut connection => return Ok(ended?),
            () = stopping.begun() => break limits.grace,
            // Its client does not read it. Others on the connection come back.
            () = late => break limits.late,
            () = &mut stalled => break limits.late,
            () = traffic.is_to_leave() => break limits.late,
            () = traffic.end_said() => continue,
            () = &mut look => {}
        }
        let begun = traffic.begun();
        if begun == seen && traffic.is_idle() {
            break limits.grace;
        }
        seen = begun;
        let next = look.deadline() + limits.idle;
        look.as_mut().reset(next);
    };
    end(connection.as_mut());
    parting(connection, traffic, limits, grace).await
}

/// Waits for a connection that was told to end. Only for what is under way it gets all of its time:
/// a head that never comes whole or a `PING` that nobody answers would take it as well.
async fn parting<C>(
    mut connection: Pin<&mut C>,
    traffic: &Traffic,
    limits: &Limits,
    grace: Duration,
) -> Result<(), BoxError>
where
    C: Future<Output = hyper::Result<()>>,
{
    let end = now() + grace;
    let mut idle_at = None;
    loop {
        let look = end.min(now() + limits.parting);
        if let Ok(ended) = time::timeout_at(look, connection.as_mut()).await {
            return Ok(ended?);
        }
        if look == end {
            return Err("the client did not let it end".into());
        }
        // Twice, so that what has just been answered gets into the socket.
        let begun = traffic.is_idle().then(|| traffic.begun());
        if begun.is_some() && begun == idle_at {
            return Err("nothing was under way".into());
        }
        idle_at = begun;
    }
}
