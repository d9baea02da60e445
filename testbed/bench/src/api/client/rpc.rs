//! Just enough gRPC to put a key into etcd and to watch some, with no generated code: messages of at most
//! two fields.

use anyhow::{Context, Result, bail, ensure};
use bytes::{BufMut, Bytes, BytesMut};
use http::header::{CONTENT_TYPE, TE};
use http::{HeaderMap, Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::{Answer, Endpoint};

/// What stands before a message: a flag for compression and its length.
const PREFIX: usize = 5;

/// The first two fields of a message, both of bytes: their numbers, and wire type 2.
const FIRST: u8 = 1 << 3 | 2;
const SECOND: u8 = 2 << 3 | 2;

/// A key and its value.
#[derive(Clone, Copy, Debug)]
pub(in crate::api) struct Put<'a> {
    pub(in crate::api) key: &'a [u8],
    pub(in crate::api) value: &'a [u8],
}

impl Put<'_> {
    /// `PutRequest` as it crosses.
    fn encode(self) -> Bytes {
        framed(&[(FIRST, self.key), (SECOND, self.value)])
    }
}

/// `WatchRequest` with a `WatchCreateRequest`, for all keys that begin with this, as it crosses.
fn watch_request(prefix: &[u8]) -> Bytes {
    let mut end = prefix.to_vec();
    // The first that does not begin with it.
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    let create = framed(&[(FIRST, prefix), (SECOND, &end)]);
    framed(&[(FIRST, &create[PREFIX..])])
}

/// A message of these fields behind its prefix.
fn framed(fields: &[(u8, &[u8])]) -> Bytes {
    let bytes: usize = fields.iter().map(|(_, bytes)| bytes.len()).sum();
    let mut message = BytesMut::with_capacity(PREFIX + 32 + bytes);
    message.put_bytes(0, PREFIX);
    for (tag, bytes) in fields {
        message.put_u8(*tag);
        put_varint(&mut message, bytes.len());
        message.put_slice(bytes);
    }
    let length = u32::try_from(message.len() - PREFIX).expect("a value is far below 4 GiB");
    message[1..PREFIX].copy_from_slice(&length.to_be_bytes());
    message.freeze()
}

fn put_varint(message: &mut BytesMut, mut number: usize) {
    while number >= 0x80 {
        let low = u8::try_from(number & 0x7f).expect("seven bits");
        message.put_u8(low | 0x80);
        number >>= 7;
    }
    message.put_u8(u8::try_from(number).expect("seven bits are left"));
}

/// A connection that many share, each with a stream for each call.
#[derive(Clone)]
pub(in crate::api) struct Rpc {
    sender: SendRequest<Full<Bytes>>,
    put: Uri,
    watch: Uri,
}

impl Rpc {
    /// Through TLS.
    pub(in crate::api) async fn open(endpoint: &Endpoint) -> Result<Self> {
        let stream = endpoint.multiplexed().connect().await?;
        Self::over(stream, "https", endpoint.host()?.to_str()?).await
    }

    /// With nothing between gRPC and TCP.
    pub(in crate::api) async fn open_plain(address: &str) -> Result<Self> {
        let socket = TcpStream::connect(address).await.context("connecting")?;
        socket.set_nodelay(true)?;
        Self::over(socket, "http", address).await
    }

    async fn over(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        scheme: &str,
        address: &str,
    ) -> Result<Self> {
        let handshake = handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (sender, connection) = handshake.await.context("a connection")?;
        tokio::spawn(async { drop(connection.await) });
        let method = |name| {
            let path = format!("{scheme}://{address}/etcdserverpb.{name}");
            path.parse::<Uri>().context("a path")
        };
        Ok(Self { sender, put: method("KV/Put")?, watch: method("Watch/Watch")? })
    }

    /// Puts a value, and waits for the word that it is durable.
    ///
    /// # Errors
    /// When it says anything else.
    pub(in crate::api) async fn put(&mut self, put: Put<'_>) -> Result<()> {
        let answer = self.call(self.put.clone(), put.encode()).await?;
        let (head, body) = answer.into_parts();
        let body = body.collect().await.context("half an answer")?;
        check(body.trailers().unwrap_or(&head.headers))
    }

    /// Watches all keys that begin with this, which has begun when this returns.
    ///
    /// # Errors
    /// When it does not.
    pub(in crate::api) async fn watch(&mut self, prefix: &str) -> Result<Answer> {
        let answer = self.call(self.watch.clone(), watch_request(prefix.as_bytes())).await?;
        if answer.headers().contains_key("grpc-status") {
            check(answer.headers())?;
        }
        let mut answer = Answer::new(answer.into_body());
        // The word that it has begun is a message of its own.
        answer.piece().await?.context("a watch ended at once")?;
        Ok(answer)
    }

    async fn call(&mut self, method: Uri, message: Bytes) -> Result<Response<Incoming>> {
        let request = Request::post(method)
            .header(CONTENT_TYPE, "application/grpc")
            .header(TE, "trailers")
            .body(Full::new(message))
            .context("a request")?;
        self.sender.ready().await.context("the connection ended")?;
        let answer = self.sender.send_request(request).await.context("no answer")?;
        ensure!(answer.status().is_success(), "etcd answers with {}", answer.status());
        Ok(answer)
    }
}

/// How a call went stands behind the answer, or before it where there is none.
fn check(trailers: &HeaderMap) -> Result<()> {
    let text =
        |name: &str| trailers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    match text("grpc-status").as_deref() {
        Some("0") => Ok(()),
        Some(code) => {
            bail!("a call failed with {code}: {}", text("grpc-message").unwrap_or_default())
        }
        None => bail!("a call was answered without a status"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_put_is_a_message_of_two_fields() {
        let value = [7; 300];
        let message = Put { key: b"ab", value: &value }.encode();
        // 300 is two groups of seven bits, the lower one first.
        let head = [0, 0, 0, 1, 0x33, 0x0a, 2, b'a', b'b', 0x12, 0xac, 0x02];
        assert_eq!(message[..head.len()], head);
        assert_eq!(message[head.len()..], value);
    }

    #[test]
    fn a_watch_is_of_a_range_of_keys() {
        let message = watch_request(b"a/");
        assert_eq!(*message, *b"\0\0\0\0\x0a\x0a\x08\x0a\x02a/\x12\x02a0");
    }

    #[test]
    fn only_status_zero_is_success() {
        let mut trailers = HeaderMap::new();
        assert!(check(&trailers).is_err());
        trailers.insert("grpc-status", "8".parse().unwrap());
        trailers.insert("grpc-message", "database space exceeded".parse().unwrap());
        assert!(check(&trailers).unwrap_err().to_string().contains("space exceeded"));
        trailers.insert("grpc-status", "0".parse().unwrap());
        check(&trailers).unwrap();
    }
}
