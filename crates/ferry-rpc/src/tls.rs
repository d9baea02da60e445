//! TLS around gRPC: what both ends agree on beside their certificates.

use std::sync::Arc;

use rustls::{ClientConfig, ServerConfig};

/// The name of HTTP/2 in TLS, without which other gRPC programs do not talk.
const HTTP_2: &[u8] = b"h2";

/// A client's part, for gRPC.
pub(crate) fn client(tls: &ClientConfig) -> Arc<ClientConfig> {
    let mut tls = tls.clone();
    tls.alpn_protocols = vec![HTTP_2.to_vec()];
    Arc::new(tls)
}

/// A server's part, for gRPC.
pub(crate) fn server(tls: &ServerConfig) -> Arc<ServerConfig> {
    let mut tls = tls.clone();
    tls.alpn_protocols = vec![HTTP_2.to_vec()];
    Arc::new(tls)
}
