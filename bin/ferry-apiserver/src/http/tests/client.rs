//! Clients of both protocols, over real sockets.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::tls::Credentials;

use super::handler::Fixture;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// As large as that of hyper's clients.
const WINDOW: u32 = 2 << 20;

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// One connection of a client.
pub(super) struct Client {
    sender: Sender,
    driver: JoinHandle<()>,
}

/// A connection with TLS and nothing on it.
pub(super) async fn tls(
    fixture: &Fixture,
    protocol: Protocol,
    credentials: Option<Credentials>,
) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(fixture.pki.authority.pem().as_bytes());
    roots.add(authority.unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match credentials {
        None => config.with_no_client_auth(),
        Some(Credentials { certificate, key }) => {
            let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
            let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes()).unwrap();
            config.with_client_auth_cert(chain, key).unwrap()
        }
    };
    config.alpn_protocols = match protocol {
        Protocol::Http1 => Vec::new(),
        Protocol::Http2 => vec![b"h2".to_vec()],
    };
    let stream = TcpStream::connect(fixture.address).await.unwrap();
    let name = "localhost".try_into().unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

impl Client {
    pub(super) async fn connect(fixture: &Fixture, protocol: Protocol, user: Option<&str>) -> Self {
        let credentials = user.map(|user| fixture.credentials(user));
        Self::connect_with(fixture, protocol, credentials).await
    }

    pub(super) async fn connect_with(
        fixture: &Fixture,
        protocol: Protocol,
        credentials: Option<Credentials>,
    ) -> Self {
        Self::connect_reading(fixture, protocol, credentials, WINDOW).await
    }

    /// A client that takes so many bytes of an answer over HTTP/2 before it is read.
    pub(super) async fn connect_reading(
        fixture: &Fixture,
        protocol: Protocol,
        credentials: Option<Credentials>,
        window: u32,
    ) -> Self {
        let stream = TokioIo::new(tls(fixture, protocol, credentials).await);
        let (sender, driver) = match protocol {
            Protocol::Http1 => {
                let (sender, connection) = http1::handshake(stream).await.unwrap();
                (Sender::Http1(sender), tokio::spawn(async { drop(connection.await) }))
            }
            Protocol::Http2 => {
                let executor = TokioExecutor::new();
                let mut builder = http2::Builder::new(executor);
                builder.initial_stream_window_size(window);
                let (sender, connection) = builder.handshake(stream).await.unwrap();
                (Sender::Http2(sender), tokio::spawn(async { drop(connection.await) }))
            }
        };
        Self { sender, driver }
    }

    /// The answer to a request, read to its end.
    pub(super) async fn get(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
    ) -> (StatusCode, String) {
        self.try_get(path, headers).await.unwrap()
    }

    pub(super) async fn try_get(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
    ) -> hyper::Result<(StatusCode, String)> {
        let response = self.send(path, headers).await?;
        let code = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        Ok((code, String::from_utf8(body.to_vec()).unwrap()))
    }

    /// The head of an answer, whose body is still to come.
    pub(super) async fn send(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
    ) -> hyper::Result<Response<Incoming>> {
        self.ask(request(path, headers)).await
    }

    /// The head of what is said of an answer that is not asked for.
    pub(super) async fn head(&mut self, path: &str) -> hyper::Result<Response<Incoming>> {
        let mut request = request(path, &[]);
        *request.method_mut() = Method::HEAD;
        self.ask(request).await
    }

    async fn ask(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>> {
        match &mut self.sender {
            Sender::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Sender::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }

    /// The answer to a request with a body, read to its end, and what its head says of the
    /// connection.
    pub(super) async fn post(
        &mut self,
        path: &str,
        body: Vec<u8>,
    ) -> hyper::Result<(StatusCode, String, Option<String>)> {
        let request = Request::post(format!("https://localhost{path}")).header("host", "localhost");
        let request = request.body(Full::from(body)).unwrap();
        let response = match &mut self.sender {
            Sender::Http1(sender) => sender.send_request(request).await?,
            Sender::Http2(sender) => sender.send_request(request).await?,
        };
        let code = response.status();
        let connection = response.headers().get("connection");
        let connection = connection.map(|value| value.to_str().unwrap().to_owned());
        let body = response.into_body().collect().await?.to_bytes();
        Ok((code, String::from_utf8(body.to_vec()).unwrap(), connection))
    }

    /// Opens a stream beside others, and reads the first that comes on it. It stays open until the
    /// connection ends.
    pub(super) fn open(&self, path: &str) -> impl Future<Output = hyper::Result<String>> + use<> {
        let Sender::Http2(sender) = &self.sender else {
            panic!("HTTP/1.1 has one request at a time")
        };
        let (mut sender, request) = (sender.clone(), request(path, &[]));
        async move {
            let mut body = sender.send_request(request).await?.into_body();
            let first = body.frame().await.unwrap()?.into_data().unwrap();
            std::mem::forget(body);
            Ok(String::from_utf8(first.to_vec()).unwrap())
        }
    }

    /// Waits until the server has closed the connection.
    pub(super) async fn ended(self) {
        self.driver.await.unwrap();
    }
}

fn request(path: &str, headers: &[(&str, &str)]) -> Request<Full<Bytes>> {
    let mut request = Request::get(format!("https://localhost{path}")).header("host", "localhost");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::default()).unwrap()
}
