//! How a program is, over plain HTTP: `/healthz`, `/readyz` and `/metrics`.
//!
//! For probes and for Prometheus. There is nothing secret in it and nothing to be changed by it, so
//! everybody who can reach the port may ask.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::Stopping;

/// So many connections are served at once: a few scrapers and probes.
const MOST_CONNECTIONS: usize = 32;

/// How long a client may take to say what it wants.
const HEADER_LIMIT: Duration = Duration::from_secs(10);

/// How long a connection lasts. Scrapers keep theirs, and come again when it ends.
const CONNECTION_LIMIT: Duration = Duration::from_secs(300);

/// How long to wait where Linux gives no connection, because too many files are open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What Prometheus' text says it is.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

const TEXT: &str = "text/plain; charset=utf-8";

/// What is the matter with a program that has been told to end, with the name of the check that the API
/// server has for it.
const SHUTDOWN: &str = "shutdown: it was told to end\n";

/// What a program tells of itself.
pub trait Status: Send + Sync + 'static {
    /// Whether it does its work, or why not.
    ///
    /// # Errors
    /// The reason, in a sentence.
    fn ready(&self) -> Result<(), String>;

    /// All figures, in the text that Prometheus reads.
    fn metrics(&self) -> String;
}

/// Answers whoever connects to `listener`, until the task that this runs in ends. A program that has
/// been told to end is not ready, whatever it says itself.
pub async fn serve(listener: TcpListener, status: Arc<dyn Status>, stopping: Stopping) {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let place = Arc::clone(&places).acquire_owned().await.expect("nobody closes it");
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::debug!(%error, "cannot accept a connection to the status port");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (status, stopping) = (Arc::clone(&status), stopping.clone());
        tokio::spawn(async move {
            let answer = service_fn(move |request: Request<Incoming>| {
                let (method, path) = (request.method(), request.uri().path());
                let answer = answer(&*status, &stopping, method, path);
                async move { Ok::<_, Infallible>(answer) }
            });
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(HEADER_LIMIT);
            let served = http.serve_connection(TokioIo::new(stream), answer);
            // Whoever asked may go away at any time.
            let _over = timeout(CONNECTION_LIMIT, served).await;
            drop(place);
        });
    }
}

/// Writes where a program listens into a file, whole or not at all.
///
/// # Errors
/// When the file cannot be written.
pub fn write_address(path: &Path, address: SocketAddr) -> io::Result<()> {
    let new = path.with_extension("new");
    std::fs::write(&new, format!("{address}\n"))?;
    std::fs::rename(&new, path)
}

fn answer(
    status: &dyn Status,
    stopping: &Stopping,
    method: &Method,
    path: &str,
) -> Response<Full<Bytes>> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, TEXT, "GET only\n".to_owned());
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match path {
        "/healthz" | "/livez" => text(StatusCode::OK, TEXT, "ok\n".to_owned()),
        "/readyz" if stopping.is_told() => {
            text(StatusCode::SERVICE_UNAVAILABLE, TEXT, SHUTDOWN.to_owned())
        }
        "/readyz" => match status.ready() {
            Ok(()) => text(StatusCode::OK, TEXT, "ok\n".to_owned()),
            Err(why) => text(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("{why}\n")),
        },
        "/metrics" => text(StatusCode::OK, METRICS, status.metrics()),
        _ => {
            let known = "there are /healthz, /readyz and /metrics\n";
            text(StatusCode::NOT_FOUND, TEXT, known.to_owned())
        }
    }
}

fn text(code: StatusCode, type_: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = code;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(type_));
    answer
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;
    use crate::stopping;

    /// A program that is not ready.
    struct Idle;

    impl Status for Idle {
        fn ready(&self) -> Result<(), String> {
            Err("the caches are not filled".to_owned())
        }

        fn metrics(&self) -> String {
            "up 1\n".to_owned()
        }
    }

    #[tokio::test]
    async fn each_page_has_its_answer_and_its_code() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopping) = stopping();
        let server = tokio::spawn(serve(listener, Arc::new(Idle), stopping));
        let mut stop = Some(stop);
        for (request, code, said) in [
            ("GET /healthz", "200", "ok"),
            ("GET /readyz?verbose", "503", "the caches are not filled"),
            ("GET /metrics", "200", "up 1"),
            ("GET /nothing", "404", "there are /healthz"),
            ("POST /metrics", "405", "GET only"),
            ("told to end", "", ""),
            ("GET /healthz", "200", "ok"),
            ("GET /readyz", "503", "shutdown: it was told to end"),
        ] {
            if request == "told to end" {
                stop.take().expect("it is told once").tell();
                continue;
            }
            let mut stream = TcpStream::connect(address).await.unwrap();
            let request = format!("{request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with(&format!("HTTP/1.1 {code} ")), "{request}: {answer}");
            assert!(answer.contains(said), "{request}: {answer}");
        }
        server.abort();
    }

    #[test]
    fn an_address_is_written_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("status-address");
        for port in [1, 2] {
            write_address(&path, SocketAddr::from((Ipv4Addr::LOCALHOST, port))).unwrap();
            let written = std::fs::read_to_string(&path).unwrap();
            assert_eq!(written, format!("127.0.0.1:{port}\n"));
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
