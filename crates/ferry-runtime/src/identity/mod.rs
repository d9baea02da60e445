//! Who this process is to its peers, and whom it believes: certificates for TLS from a directory.
//!
//! The directory is what `tls-creds-x509` of QEMU takes, so the same one serves both:
//!
//! | file | of |
//! |---|---|
//! | `ca-cert.pem` | whoever signs the certificates of all peers |
//! | `ca-crl.pem` | what it has revoked since, if anything |
//! | `server-cert.pem`, `server-key.pem` | a server |
//! | `client-cert.pem`, `client-key.pem` | a client, which need not have any unless servers ask |
//!
//! What comes out speaks TLS 1.3 and nothing else, prefers AES-GCM, which processors have
//! instructions for, and resumes no sessions: a migration connects a handful of times.

mod error;
mod files;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::TLS13;
use rustls::{ClientConfig, ServerConfig};

pub use error::IdentityError;
use files::{Files, Pair};

/// Which end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The one that connects.
    Client,
    /// The one that listens.
    Server,
}

/// Whether clients have to show a certificate. Servers always have to, with the name that the
/// client looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifyPeer {
    /// A server asks for one; a client has one, or its identity is refused here.
    Yes,
    /// A server asks for none; a client shows one if it has one and is asked.
    No,
}

/// One end's part of every TLS connection that it has.
#[derive(Clone, Debug)]
pub enum Identity {
    /// For connections to a server.
    Client(Arc<ClientConfig>),
    /// For connections from clients.
    Server(Arc<ServerConfig>),
}

impl Identity {
    /// Reads the identity of `role` from `dir`.
    ///
    /// # Errors
    /// [`IdentityError`], with the file that is missing or wrong.
    pub fn load(dir: &Path, role: Role, verify: VerifyPeer) -> Result<Self, IdentityError> {
        let files = Files { dir };
        match role {
            Role::Client => client(&files, verify).map(Arc::new).map(Self::Client),
            Role::Server => server(&files, verify).map(Arc::new).map(Self::Server),
        }
    }

    /// That of a client, if it is one.
    pub fn client(&self) -> Option<&Arc<ClientConfig>> {
        match self {
            Self::Client(config) => Some(config),
            Self::Server(_) => None,
        }
    }

    /// That of a server, if it is one.
    pub fn server(&self) -> Option<&Arc<ServerConfig>> {
        match self {
            Self::Client(_) => None,
            Self::Server(config) => Some(config),
        }
    }
}

/// The algorithms, best first. 128 bits are as safe as anybody needs and a quarter faster than 256.
fn algorithms() -> Arc<CryptoProvider> {
    use ring::cipher_suite as suite;
    let cipher_suites = vec![
        suite::TLS13_AES_128_GCM_SHA256,
        suite::TLS13_AES_256_GCM_SHA384,
        suite::TLS13_CHACHA20_POLY1305_SHA256,
    ];
    Arc::new(CryptoProvider { cipher_suites, ..ring::default_provider() })
}

fn client(files: &Files<'_>, verify: VerifyPeer) -> Result<ClientConfig, IdentityError> {
    let algorithms = algorithms();
    // There are roots, so what a verifier is refused for is the list of what is revoked.
    let verifier = WebPkiServerVerifier::builder_with_provider(files.roots()?, algorithms.clone())
        .with_crls(files.revocations()?)
        .allow_unknown_revocation_status()
        .build()
        .map_err(|source| IdentityError::Verifier { path: files.revoked(), source })?;
    let config = ClientConfig::builder_with_provider(algorithms)
        .with_protocol_versions(&[&TLS13])
        .map_err(IdentityError::Setup)?
        .with_webpki_verifier(verifier);
    let pair = match verify {
        VerifyPeer::Yes => Some(files.own_pair(Role::Client)?),
        VerifyPeer::No => files.pair(Role::Client)?,
    };
    let mut config = match pair {
        None => config.with_no_client_auth(),
        Some(pair) => {
            let (certificate, key) = pair.paths();
            config
                .with_client_auth_cert(pair.chain, pair.key)
                .map_err(Pair::refused(certificate, key))?
        }
    };
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn server(files: &Files<'_>, verify: VerifyPeer) -> Result<ServerConfig, IdentityError> {
    let algorithms = algorithms();
    let config = ServerConfig::builder_with_provider(algorithms.clone())
        .with_protocol_versions(&[&TLS13])
        .map_err(IdentityError::Setup)?;
    let config = match verify {
        VerifyPeer::No => config.with_no_client_auth(),
        VerifyPeer::Yes => {
            let verifier = WebPkiClientVerifier::builder_with_provider(files.roots()?, algorithms)
                .with_crls(files.revocations()?)
                .allow_unknown_revocation_status()
                .build()
                .map_err(|source| IdentityError::Verifier { path: files.revoked(), source })?;
            config.with_client_cert_verifier(verifier)
        }
    };
    let pair = files.own_pair(Role::Server)?;
    let (certificate, key) = pair.paths();
    let mut config =
        config.with_single_cert(pair.chain, pair.key).map_err(Pair::refused(certificate, key))?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}
