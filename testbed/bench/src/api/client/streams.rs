//! HTTP/2: many answers at once through one connection, as client-go has them.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::Endpoint;

/// A connection that many share.
#[derive(Clone)]
pub(in crate::api) struct Streams {
    sender: SendRequest<Full<Bytes>>,
    authority: String,
}

impl Streams {
    pub(in crate::api) async fn open(endpoint: &Endpoint) -> Result<Self> {
        let io = TokioIo::new(endpoint.multiplexed().connect().await?);
        let handshake = handshake(TokioExecutor::new(), io).await;
        let (sender, connection) = handshake.context("a connection")?;
        // How it ends is told to whoever waits for an answer.
        tokio::spawn(async { drop(connection.await) });
        Ok(Self { sender, authority: endpoint.host()?.to_str()?.to_owned() })
    }

    /// Where something is, in the words of a request.
    ///
    /// # Errors
    /// When it is no path.
    pub(in crate::api) fn uri(&self, target: &str) -> Result<Uri> {
        format!("https://{}{target}", self.authority).parse().context("a path")
    }

    /// Creates an object in a collection.
    ///
    /// # Errors
    /// When the answer is none, or a refusal.
    pub(in crate::api) async fn create(&mut self, collection: &Uri, body: Bytes) -> Result<()> {
        let request = Request::post(collection.clone())
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .context("a request")?;
        self.sender.ready().await.context("the connection ended")?;
        let answer = self.sender.send_request(request).await.context("no answer")?;
        let status = answer.status();
        answer.into_body().collect().await.context("half an answer")?;
        ensure!(status == StatusCode::CREATED, "a create is answered with {status}");
        Ok(())
    }

    /// Asks for something whose answer does not end.
    ///
    /// # Errors
    /// When the answer is none, or a refusal.
    pub(in crate::api) async fn follow(&mut self, target: &str) -> Result<Answer> {
        let target = self.uri(target)?;
        let request = Request::get(target)
            .header(ACCEPT, "application/json")
            .body(Full::default())
            .context("a request")?;
        self.sender.ready().await.context("the connection ended")?;
        let answer = self.sender.send_request(request).await.context("no answer")?;
        let status = answer.status();
        ensure!(status == StatusCode::OK, "a watch is answered with {status}");
        Ok(Answer::new(answer.into_body()))
    }
}

/// An answer that comes in pieces.
pub(in crate::api) struct Answer(Incoming);

impl Answer {
    pub(super) fn new(body: Incoming) -> Self {
        Self(body)
    }

    /// The next piece; none at the end.
    pub(in crate::api) async fn piece(&mut self) -> Result<Option<Bytes>> {
        while let Some(frame) = self.0.frame().await {
            if let Ok(piece) = frame.context("a broken answer")?.into_data() {
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }
}
