//! Certificates of one measurement: for what is not ferry, which makes its own.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{RootCertStore, ServerConfig};
use tempfile::TempDir;

use super::client::{Endpoint, Identity};

/// Of a server on loopback and of its client, both from one authority; gone with this.
pub(super) struct Certificates {
    dir: TempDir,
}

impl Certificates {
    /// # Errors
    /// When there is no place for them.
    pub(super) fn new() -> Result<Self> {
        let dir = tempfile::tempdir().context("a directory for certificates")?;
        ferry_harness::certificates(dir.path())?;
        Ok(Self { dir })
    }

    /// Whom both sides believe.
    pub(super) fn authority(&self) -> PathBuf {
        self.path("ca-cert.pem")
    }

    pub(super) fn server_certificate(&self) -> PathBuf {
        self.path("server-cert.pem")
    }

    pub(super) fn server_key(&self) -> PathBuf {
        self.path("server-key.pem")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A server of ours, which asks nobody who it is.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(super) fn server(&self) -> Result<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let certificate = certificate(self.server_certificate())?;
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key(self.server_key())?)?;
        Ok(config)
    }

    /// A server at an address, as its client knows it.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(super) fn endpoint(&self, address: &str) -> Result<Endpoint> {
        let mut roots = RootCertStore::empty();
        roots.add(certificate(self.authority())?)?;
        let identity = Identity {
            certificates: vec![certificate(self.path("client-cert.pem"))?],
            key: key(self.path("client-key.pem"))?,
        };
        Endpoint::new(address, roots, identity)
    }
}

fn certificate(path: PathBuf) -> Result<CertificateDer<'static>> {
    CertificateDer::from_pem_file(path).context("reading a certificate")
}

fn key(path: PathBuf) -> Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_file(path).context("reading a key")
}
