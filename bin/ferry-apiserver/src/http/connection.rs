//! One connection, from its first byte to its end.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustix::net::sockopt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::body::Traffic;
use super::service::{Service, wall_time};
use super::{Handler, Limits, Server, Stopping};
use crate::access::Realm;

/// The first byte of a TLS connection: a record of the handshake.
const TLS_HANDSHAKE: u8 = 22;

/// What Go's servers say to a client that forgot the `s` of `https`.
const NOT_HTTPS: &[u8] = b"HTTP/1.0 400 Bad Request\r\nConnection: close\r\n\r\n\
                           Client sent an HTTP request to an HTTPS server.\n";

/// Serves a connection until one side ends it.
pub(super) async fn serve<H: Handler, R: Realm>(
    server: Arc<Server<H, R>>,
    stream: TcpStream,
    stopping: Stopping,
) {
    let limits = server.limits;
    if let Err(error) = set_up(&stream, &limits) {
        // It is over already, or will be slower.
        tracing::debug!(%error, "cannot set options of a connection");
    }
    let handshake = time::timeout(limits.handshake, handshake(&server, stream));
    let stream = match handshake.await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(%error, "a handshake failed"),
        Err(_elapsed) => return tracing::debug!("a handshake took too long"),
    };
    let (_, tls) = stream.get_ref();
    let peer = server.authenticator.peer(tls.peer_certificates(), wall_time(server.clock));
    let is_http2 = tls.alpn_protocol() == Some(b"h2");
    let traffic = Arc::new(Traffic::default());
    let service = Arc::new(Service { server, peer, traffic: Arc::clone(&traffic) });
    let answer = service_fn(move |request| {
        let service = Arc::clone(&service);
        async move { Ok::<_, Infallible>(service.answer(request).await) }
    });
    let stream = TokioIo::new(stream);
    // Neither kind of connection can be told to end by the same trait, so twice the same.
    let ended = if is_http2 {
        let connection = pin!(http2_builder(&limits).serve_connection(stream, answer));
        watched(connection, |it| it.graceful_shutdown(), &traffic, &limits, stopping).await
    } else {
        let connection = pin!(http1_builder(&limits).serve_connection(stream, answer));
        watched(connection, |it| it.graceful_shutdown(), &traffic, &limits, stopping).await
    };
    if let Err(error) = ended {
        tracing::debug!(error = &error as &dyn std::error::Error, "a connection broke");
    }
}

fn set_up(stream: &TcpStream, limits: &Limits) -> io::Result<()> {
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, limits.ping)?;
    sockopt::set_tcp_keepintvl(stream, limits.pong)?;
    Ok(())
}

async fn handshake<H, R>(
    server: &Server<H, R>,
    mut stream: TcpStream,
) -> io::Result<TlsStream<TcpStream>> {
    let mut first = [0];
    if stream.peek(&mut first).await? == 1 && first[0] != TLS_HANDSHAKE {
        stream.write_all(NOT_HTTPS).await?;
        stream.shutdown().await?;
        return Err(io::Error::other("the client does not speak TLS"));
    }
    TlsAcceptor::from(Arc::clone(&server.tls)).accept(stream).await
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

fn http2_builder(limits: &Limits) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        .max_send_buf_size(limits.unread_bytes)
        .initial_stream_window_size(limits.stream_window)
        .initial_connection_window_size(limits.connection_window)
        .keep_alive_interval(limits.ping)
        .keep_alive_timeout(limits.pong);
    builder
}

/// Drives a connection and ends it when the server ends, or when its client keeps it for nothing.
async fn watched<C>(
    mut connection: std::pin::Pin<&mut C>,
    end: impl Fn(std::pin::Pin<&mut C>),
    traffic: &Traffic,
    limits: &Limits,
    mut stopping: Stopping,
) -> hyper::Result<()>
where
    C: Future<Output = hyper::Result<()>>,
{
    let mut seen = 0;
    let mut patience: Duration = limits.head;
    loop {
        tokio::select! {
            ended = &mut connection => return ended,
            () = stopping.begun() => break,
            () = time::sleep(patience) => {}
        }
        let begun = traffic.begun();
        if begun == 0 {
            // A handshake and then nothing.
            return Ok(());
        }
        if begun == seen && traffic.is_idle() {
            break;
        }
        (seen, patience) = (begun, limits.idle);
    }
    end(connection.as_mut());
    // A client that does not take its end for one is left alone with it.
    time::timeout(limits.grace, connection).await.unwrap_or(Ok(()))
}
