//! The authority that signs the certificates of the server and of its clients.
//!
//! It is made at the first start and kept for ten years. The key comes to the disk before the
//! certificate, so a start that was killed in between leaves a key alone, which then gets its
//! certificate.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ferry_units::WallTime;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::subject;
use super::{PkiError, Usage, is_to_come, pem, set_validity};
use crate::files;
use crate::secret::Secret;

/// As long as kubeadm's authority.
const AUTHORITY_LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// The most bytes of a user's or a group's name in a certificate. RFC 5280 allows 64 characters,
/// which nobody checks; names of service accounts alone have up to 340.
const MOST_SUBJECT_BYTES: usize = 1024;

/// Signs certificates.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
}

/// A certificate and its key, both in PEM.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: Secret,
}

impl Authority {
    /// Reads the authority from `ca.crt` and `ca.key` in `dir`, or makes one.
    ///
    /// # Errors
    /// [`PkiError`], with the file that is missing, damaged or too old.
    pub fn open(dir: &Path, now: WallTime) -> Result<Self, PkiError> {
        let (certificate, key) = (dir.join("ca.crt"), dir.join("ca.key"));
        match (files::read_if_there(&certificate)?, files::read_if_there(&key)?) {
            (Some(_), None) => Err(PkiError::NoKey { certificate, key }),
            (Some(text), Some(secret)) => {
                let secret = key_pair(&secret, &key, &certificate)?;
                Self::read(text, secret, &certificate, &key, now)
            }
            (None, Some(secret)) => {
                let secret = key_pair(&secret, &key, &certificate)?;
                Self::make(secret, &certificate, now)
            }
            (None, None) => {
                let secret = KeyPair::generate().map_err(PkiError::Make)?;
                files::write_private(&key, secret.serialize_pem().as_bytes())?;
                Self::make(secret, &certificate, now)
            }
        }
    }

    fn make(key: KeyPair, path: &Path, now: WallTime) -> Result<Self, PkiError> {
        let mut params = CertificateParams::default();
        set_validity(&mut params, now, AUTHORITY_LIFETIME);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
        ];
        // Two clusters on one machine have authorities that clients can tell apart.
        let name = format!("ferry-ca@{}", now.unix_seconds());
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.self_signed(&key).map_err(PkiError::Make)?;
        files::write_private(path, certificate.pem().as_bytes())?;
        let (pem, der) = (certificate.pem(), certificate.der().clone());
        Ok(Self { issuer: Issuer::new(params, key), certificate: der, pem })
    }

    fn read(
        text: Vec<u8>,
        key: KeyPair,
        path: &Path,
        key_path: &Path,
        now: WallTime,
    ) -> Result<Self, PkiError> {
        let damaged = || PkiError::Damaged {
            path: path.to_owned(),
            expected: "certificate",
            partner: key_path.to_owned(),
        };
        let pem = String::from_utf8(text).map_err(|_| damaged())?;
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| damaged())?;
        let (_, parsed) = X509Certificate::from_der(&der).map_err(|_| damaged())?;
        if parsed.public_key().raw != key.subject_public_key_info() {
            return Err(PkiError::NotAPair {
                certificate: path.to_owned(),
                key: key_path.to_owned(),
            });
        }
        let until = parsed.validity().not_after.timestamp();
        if let Some(at) = WallTime::from_unix_seconds(until).filter(|until| *until <= now) {
            return Err(PkiError::Expired { path: path.to_owned(), at });
        }
        let from = parsed.validity().not_before.timestamp();
        if let Some(at) = WallTime::from_unix_seconds(from).filter(|_| is_to_come(&parsed, now)) {
            return Err(PkiError::ToCome { path: path.to_owned(), at, now });
        }
        let issuer = Issuer::from_ca_cert_der(&der, key).map_err(|_| damaged())?;
        Ok(Self { issuer, certificate: der, pem })
    }

    /// Its certificate in PEM, which clients trust.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Its certificate.
    pub(super) fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// A certificate by which the server takes whoever has it for `user`, in `groups`.
    ///
    /// # Errors
    /// [`PkiError::Subject`] if a name is empty or too long.
    pub fn issue_client(
        &self,
        user: &str,
        groups: &[String],
        lifetime: Duration,
        now: WallTime,
    ) -> Result<Credentials, PkiError> {
        let is_wrong = |name: &str| name.is_empty() || name.len() > MOST_SUBJECT_BYTES;
        if is_wrong(user) || groups.iter().any(|group| is_wrong(group)) {
            return Err(PkiError::Subject { most: MOST_SUBJECT_BYTES });
        }
        let key = KeyPair::generate().map_err(PkiError::Make)?;
        let mut params = leaf(Usage::Client);
        set_validity(&mut params, now, lifetime);
        let bare = params.signed_by(&key, &self.issuer).map_err(PkiError::Make)?;
        let whole = subject::resubject(bare.der(), user, groups, self.issuer.key())
            .unwrap_or(Err(rcgen::Error::CouldNotParseCertificate))
            .map_err(PkiError::Make)?;
        let certificate = pem("CERTIFICATE", &whole);
        Ok(Credentials { certificate, key: Secret::new(key.serialize_pem()) })
    }

    /// A certificate of a server, with its names filled in by the caller.
    pub(super) fn issue_server(
        &self,
        mut params: CertificateParams,
        key: &KeyPair,
    ) -> Result<String, PkiError> {
        let usage = leaf(Usage::Server);
        params.key_usages = usage.key_usages;
        params.extended_key_usages = usage.extended_key_usages;
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(key, &self.issuer).map_err(PkiError::Make)?;
        Ok(certificate.pem())
    }
}

fn leaf(usage: Usage) -> CertificateParams {
    let mut params = CertificateParams::default();
    // TLS 1.3 needs the first only; QEMU asks for the other of every certificate, whatever
    // its key (`qcrypto_tls_creds_check_cert_key_usage`).
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages = vec![match usage {
        Usage::Client => ExtendedKeyUsagePurpose::ClientAuth,
        Usage::Server => ExtendedKeyUsagePurpose::ServerAuth,
    }];
    params.use_authority_key_identifier_extension = true;
    params
}

/// The key in a file.
pub(super) fn key_pair(text: &[u8], path: &Path, partner: &Path) -> Result<KeyPair, PkiError> {
    let parsed = std::str::from_utf8(text).ok().and_then(|text| KeyPair::from_pem(text).ok());
    parsed.ok_or_else(|| PkiError::Damaged {
        path: path.to_owned(),
        expected: "private key",
        partner: PathBuf::from(partner),
    })
}
