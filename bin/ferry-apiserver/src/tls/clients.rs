//! Certificates of clients: whom they show the bearer to be.
//!
//! A handshake takes any certificate whose key the client has, and each request looks at whether
//! the authority signed it and it is still valid. So bad credentials are answered with a 401 that
//! `kubectl` understands, as by the real server, and not with a broken connection; and one that
//! expires while a connection is open ends there too.

use std::sync::Arc;
use std::time::Duration;

use ferry_units::WallTime;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};

use super::PkiError;

/// Says whether the authority vouches for a client's certificate.
#[derive(Clone, Debug)]
pub struct ClientCertificates {
    verifier: Arc<dyn ClientCertVerifier>,
}

impl ClientCertificates {
    /// Believes those that `authority` has signed.
    pub(super) fn new(authority: &CertificateDer<'_>) -> Result<Self, PkiError> {
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone().into_owned()).map_err(PkiError::Setup)?;
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider)
            .build()
            .map_err(PkiError::Verifier)?;
        Ok(Self { verifier })
    }

    /// Whether the authority vouches for the first of `chain` at that time.
    pub fn are_valid(&self, chain: &[CertificateDer<'_>], now: WallTime) -> bool {
        let Some((certificate, rest)) = chain.split_first() else { return false };
        let now = u64::try_from(now.unix_seconds()).unwrap_or(0);
        let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
        self.verifier.verify_client_cert(certificate, rest, now).is_ok()
    }

    /// What handshakes ask: whether the client has the key of the certificate that it shows.
    pub(super) fn handshake(&self) -> Arc<dyn ClientCertVerifier> {
        Arc::new(Handshake { verifier: Arc::clone(&self.verifier) })
    }
}

#[derive(Debug)]
struct Handshake {
    verifier: Arc<dyn ClientCertVerifier>,
}

impl ClientCertVerifier for Handshake {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.verifier.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        // `ClientCertificates::are_valid` is asked before anybody is taken for somebody.
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
