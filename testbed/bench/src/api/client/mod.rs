//! Clients that cost little, for they share the processors with what they measure.

mod http;
mod kubeconfig;
mod rpc;
mod streams;

use std::sync::Arc;

use ::http::HeaderValue;
use anyhow::{Context, Result};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub(super) use http::{Connection, Verb};
pub(super) use kubeconfig::read as read_kubeconfig;
pub(super) use rpc::{Put, Rpc};
pub(super) use streams::{Answer, Streams};

/// What is asked of the operating system at once: a whole record of TLS, where rustls would ask for a
/// quarter.
const READ_AT_ONCE: usize = 20 << 10;

/// A connection through TLS.
pub(super) type Secured = TlsStream<BufReader<TcpStream>>;

/// Who a client is.
pub(super) struct Identity {
    pub(super) certificates: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

/// A server that is spoken to through TLS.
#[derive(Clone)]
pub(super) struct Endpoint {
    /// `HOST:PORT`.
    address: String,
    name: ServerName<'static>,
    tls: Arc<ClientConfig>,
}

impl Endpoint {
    pub(super) fn new(address: &str, roots: RootCertStore, identity: Identity) -> Result<Self> {
        let (host, _port) = address.rsplit_once(':').context("an address with a port")?;
        let name = ServerName::try_from(host.to_owned()).context("the name of a server")?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots)
            .with_client_auth_cert(identity.certificates, identity.key)?;
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { address: address.to_owned(), name, tls: Arc::new(tls) })
    }

    /// The same, for connections that many share.
    fn multiplexed(&self) -> Self {
        let mut tls = ClientConfig::clone(&self.tls);
        tls.alpn_protocols = vec![b"h2".to_vec()];
        Self { tls: Arc::new(tls), ..self.clone() }
    }

    /// What a request says in `Host`.
    pub(super) fn host(&self) -> Result<HeaderValue> {
        HeaderValue::from_str(&self.address).context("an address for a header")
    }

    /// A connection of its own, with the handshake behind it.
    pub(super) async fn connect(&self) -> Result<Secured> {
        let socket = TcpStream::connect(&self.address).await.context("connecting")?;
        socket.set_nodelay(true)?;
        let socket = BufReader::with_capacity(READ_AT_ONCE, socket);
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        connector.connect(self.name.clone(), socket).await.context("a TLS handshake")
    }
}
