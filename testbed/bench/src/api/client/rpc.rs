//! Just enough gRPC to put a key into etcd, with no generated code: one message of two fields.

use anyhow::{Context, Result, bail, ensure};
use bytes::{BufMut, Bytes, BytesMut};
use http::header::{CONTENT_TYPE, TE};
use http::{HeaderMap, Request, Uri};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::Endpoint;

/// What stands before a message: a flag for compression and its length.
const PREFIX: usize = 5;

/// The two fields of `PutRequest` that matter, both of bytes: their numbers, and wire type 2.
const KEY: u8 = 1 << 3 | 2;
const VALUE: u8 = 2 << 3 | 2;

/// A key and its value.
#[derive(Clone, Copy, Debug)]
pub(in crate::api) struct Put<'a> {
    pub(in crate::api) key: &'a [u8],
    pub(in crate::api) value: &'a [u8],
}

impl Put<'_> {
    /// The message as it crosses.
    fn encode(self) -> Bytes {
        let fields = [(KEY, self.key), (VALUE, self.value)];
        let mut message = BytesMut::with_capacity(PREFIX + 32 + self.key.len() + self.value.len());
        message.put_bytes(0, PREFIX);
        for (tag, bytes) in fields {
            message.put_u8(tag);
            put_varint(&mut message, bytes.len());
            message.put_slice(bytes);
        }
        let length = u32::try_from(message.len() - PREFIX).expect("a value is far below 4 GiB");
        message[1..PREFIX].copy_from_slice(&length.to_be_bytes());
        message.freeze()
    }
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
        let put = format!("{scheme}://{address}/etcdserverpb.KV/Put").parse().context("a path")?;
        Ok(Self { sender, put })
    }

    /// Puts a value, and waits for the word that it is durable.
    ///
    /// # Errors
    /// When it says anything else.
    pub(in crate::api) async fn put(&mut self, put: Put<'_>) -> Result<()> {
        let request = Request::post(self.put.clone())
            .header(CONTENT_TYPE, "application/grpc")
            .header(TE, "trailers")
            .body(Full::new(put.encode()))
            .context("a request")?;
        self.sender.ready().await.context("the connection ended")?;
        let answer = self.sender.send_request(request).await.context("no answer")?;
        ensure!(answer.status().is_success(), "etcd answers with {}", answer.status());
        let (head, body) = answer.into_parts();
        let body = body.collect().await.context("half an answer")?;
        check(body.trailers().unwrap_or(&head.headers))
    }
}

/// How a call went stands behind the answer, or before it where there is none.
fn check(trailers: &HeaderMap) -> Result<()> {
    let text =
        |name: &str| trailers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    match text("grpc-status").as_deref() {
        Some("0") => Ok(()),
        Some(code) => {
            bail!("a put failed with {code}: {}", text("grpc-message").unwrap_or_default())
        }
        None => bail!("a put was answered without a status"),
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
