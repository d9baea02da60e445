//! Who the server is and whose certificates it believes: the `pki` directory.
//!
//! | file | what it is |
//! |---|---|
//! | `ca.crt`, `ca.key` | the authority, made at the first start, valid for ten years |
//! | `server.crt`, `server.key` | the server, signed by the authority, made again when needed |
//! | `sa.key` | what tokens are signed with (see [`crate::access`]) |

mod authority;
mod clients;
mod error;
mod node;
mod server;
mod subject;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ferry_units::WallTime;
use rcgen::CertificateParams;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::NoServerSessionStorage;
use rustls::version::{TLS12, TLS13};
use x509_parser::prelude::X509Certificate;

pub use authority::{Authority, Credentials};
pub use clients::ClientCertificates;
pub use error::PkiError;
pub use node::NodeIdentity;
pub use server::Names;

/// How far clocks of clients may be behind.
const CLOCK_SKEW: Duration = Duration::from_secs(5 * 60);

/// Characters of base64 in a line of PEM.
const PEM_LINE: usize = 64;

/// HTTP/2 and HTTP/1.1, as ALPN calls them, best first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Usage {
    Client,
    Server,
}

/// All that TLS needs.
#[derive(Debug)]
pub struct Pki {
    /// Signs certificates of clients.
    pub authority: Authority,
    /// The server's side of every connection.
    pub server: Arc<ServerConfig>,
    /// Says who a client is whose certificate it has seen.
    pub clients: ClientCertificates,
}

impl Pki {
    /// Reads everything from `dir`, which is there, and makes what is missing.
    ///
    /// # Errors
    /// [`PkiError`], with the file to look at and what to do.
    pub fn open(dir: &Path, names: &Names, now: WallTime) -> Result<Self, PkiError> {
        let authority = Authority::open(dir, now)?;
        let pair = server::open(dir, &authority, names, now)?;
        let clients = ClientCertificates::new(authority.certificate())?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(PkiError::Setup)?
            .with_client_cert_verifier(clients.handshake())
            .with_single_cert(pair.chain, pair.key)
            .map_err(PkiError::Setup)?;
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
        // kubectl, client-go and kube-rs resume no sessions; what is kept for that is a waste.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self { authority, server: Arc::new(config), clients })
    }
}

/// Whether the time of a certificate has not begun.
fn is_to_come(certificate: &X509Certificate<'_>, now: WallTime) -> bool {
    certificate.validity().not_before.timestamp() > now.unix_seconds()
}

/// Says from when until when a certificate is valid.
fn set_validity(params: &mut CertificateParams, now: WallTime, lifetime: Duration) {
    let now = Duration::from_secs(u64::try_from(now.unix_seconds()).unwrap_or(0));
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + now.saturating_sub(CLOCK_SKEW);
    params.not_after = epoch + now + lifetime;
}

/// PEM of one element.
fn pem(label: &str, der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    for (index, character) in text.chars().enumerate() {
        if index > 0 && index.is_multiple_of(PEM_LINE) {
            pem.push('\n');
        }
        pem.push(character);
    }
    pem + "\n-----END " + label + "-----\n"
}
