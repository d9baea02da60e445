//! The files of an identity, as `tls-creds-x509` of QEMU names them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

use super::{IdentityError, Role};

/// A directory with certificates.
pub(super) struct Files<'a> {
    pub(super) dir: &'a Path,
}

/// A certificate, with those that lead from it to the authority's, and its key.
pub(super) struct Pair {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
    certificate_path: PathBuf,
    key_path: PathBuf,
}

impl Pair {
    /// Names the two files in what the library has against them.
    pub(super) fn refused(
        certificate: PathBuf,
        key: PathBuf,
    ) -> impl FnOnce(rustls::Error) -> IdentityError {
        move |source| IdentityError::Pair { certificate, key, source }
    }

    /// Where they are.
    pub(super) fn paths(&self) -> (PathBuf, PathBuf) {
        (self.certificate_path.clone(), self.key_path.clone())
    }
}

impl Files<'_> {
    /// The certificate of whoever signs those of the peers.
    pub(super) fn authority(&self) -> PathBuf {
        self.dir.join("ca-cert.pem")
    }

    /// The list of what it has revoked since.
    pub(super) fn revoked(&self) -> PathBuf {
        self.dir.join("ca-crl.pem")
    }

    /// Whom to trust.
    pub(super) fn roots(&self) -> Result<Arc<RootCertStore>, IdentityError> {
        let path = self.authority();
        let mut roots = RootCertStore::empty();
        for certificate in all(&path, "certificate", &read(&path)?)? {
            roots
                .add(certificate)
                .map_err(|source| IdentityError::Authority { path: path.clone(), source })?;
        }
        Ok(Arc::new(roots))
    }

    /// Whom to trust no longer.
    pub(super) fn revocations(
        &self,
    ) -> Result<Vec<CertificateRevocationListDer<'static>>, IdentityError> {
        let path = self.revoked();
        match found(&path)? {
            None => Ok(Vec::new()),
            Some(text) => all(&path, "list of revoked certificates", &text),
        }
    }

    /// The certificate and the key of `role`, if both are there.
    pub(super) fn pair(&self, role: Role) -> Result<Option<Pair>, IdentityError> {
        let (certificate, key) = match role {
            Role::Client => ("client-cert.pem", "client-key.pem"),
            Role::Server => ("server-cert.pem", "server-key.pem"),
        };
        let (certificate, key) = (self.dir.join(certificate), self.dir.join(key));
        match (found(&certificate)?, found(&key)?) {
            (None, None) => Ok(None),
            (Some(_), None) => Err(IdentityError::Half { present: certificate, missing: key }),
            (None, Some(_)) => Err(IdentityError::Half { present: key, missing: certificate }),
            (Some(chain), Some(secret)) => Ok(Some(Pair {
                chain: all(&certificate, "certificate", &chain)?,
                key: private_key(&key, &secret)?,
                certificate_path: certificate,
                key_path: key,
            })),
        }
    }

    /// The certificate and the key of `role`, which has to have them.
    pub(super) fn own_pair(&self, role: Role) -> Result<Pair, IdentityError> {
        let name = match role {
            Role::Client => "client-cert.pem",
            Role::Server => "server-cert.pem",
        };
        self.pair(role)?.ok_or_else(|| IdentityError::Read {
            path: self.dir.join(name),
            source: io::ErrorKind::NotFound.into(),
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, IdentityError> {
    fs::read(path).map_err(|source| IdentityError::Read { path: path.to_owned(), source })
}

/// What is in a file that need not be there.
fn found(path: &Path) -> Result<Option<Vec<u8>>, IdentityError> {
    match fs::read(path) {
        Ok(text) => Ok(Some(text)),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(IdentityError::Read { path: path.to_owned(), source }),
    }
}

/// Everything of one kind in a file, of which there is at least one.
fn all<T: PemObject>(
    path: &Path,
    expected: &'static str,
    text: &[u8],
) -> Result<Vec<T>, IdentityError> {
    let found: Result<Vec<_>, _> = T::pem_slice_iter(text).collect();
    let found = found.map_err(|reason| IdentityError::Pem { path: path.to_owned(), reason })?;
    if found.is_empty() {
        return Err(IdentityError::Empty { path: path.to_owned(), expected });
    }
    Ok(found)
}

fn private_key(path: &Path, text: &[u8]) -> Result<PrivateKeyDer<'static>, IdentityError> {
    PrivateKeyDer::from_pem_slice(text).map_err(|reason| match reason {
        pem::Error::NoItemsFound => {
            IdentityError::Empty { path: path.to_owned(), expected: "private key" }
        }
        reason => IdentityError::Pem { path: path.to_owned(), reason },
    })
}
