//! HTTP/1.1: one connection, one request after the other.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;

use super::Endpoint;

/// How much of an answer is shown when it is the wrong one.
const SHOWN: usize = 400;

/// What is wanted, and the code by which a server says that it did so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::api) enum Verb {
    Get,
    Create,
    Replace,
}

impl Verb {
    const fn method(self) -> Method {
        match self {
            Self::Get => Method::GET,
            Self::Create => Method::POST,
            Self::Replace => Method::PUT,
        }
    }

    const fn success(self) -> StatusCode {
        match self {
            Self::Get | Self::Replace => StatusCode::OK,
            Self::Create => StatusCode::CREATED,
        }
    }
}

/// A connection that is kept alive.
pub(in crate::api) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: HeaderValue,
}

impl Connection {
    pub(in crate::api) async fn open(endpoint: &Endpoint) -> Result<Self> {
        let io = TokioIo::new(endpoint.connect().await?);
        let (sender, connection) = handshake(io).await.context("a connection")?;
        // How it ends is told to whoever waits for an answer.
        tokio::spawn(async { drop(connection.await) });
        Ok(Self { sender, host: endpoint.host()? })
    }

    /// Sends a request, and returns the body of the answer.
    ///
    /// # Errors
    /// When the answer is none, or a refusal.
    pub(in crate::api) async fn send(
        &mut self,
        verb: Verb,
        target: &Uri,
        body: Bytes,
    ) -> Result<Bytes> {
        let request = Request::builder()
            .method(verb.method())
            .uri(target.clone())
            .header(HOST, &self.host)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .context("a request")?;
        self.sender.ready().await.context("the connection ended")?;
        let answer = self.sender.send_request(request).await.context("no answer")?;
        let status = answer.status();
        let body = answer.into_body().collect().await.context("half an answer")?.to_bytes();
        ensure!(
            status == verb.success(),
            "{verb:?} {target} was answered with {status}: {}",
            String::from_utf8_lossy(&body[..body.len().min(SHOWN)])
        );
        Ok(body)
    }

    /// Reads something.
    ///
    /// # Errors
    /// As of [`send`](Self::send).
    pub(in crate::api) async fn get(&mut self, target: &str) -> Result<Bytes> {
        let target = target.parse().context("a path")?;
        self.send(Verb::Get, &target, Bytes::new()).await
    }
}
