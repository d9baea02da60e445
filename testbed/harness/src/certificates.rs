//! Certificates as QEMU's `tls-creds-x509` wants them in a directory, made on the spot.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

/// Somebody who says who is who. Two of them do not believe each other's word.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// A new one.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn new() -> Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, "ferry test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Ok(Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate()?)? })
    }

    /// Writes `ca-cert.pem` and, for a server of these names and for a client, certificates and
    /// keys to `dir`, which is made.
    ///
    /// # Errors
    /// When they cannot be made or written.
    pub fn issue(&self, dir: &Path, names: &[&str]) -> Result<()> {
        fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
        write(dir, "ca-cert.pem", &self.issuer.pem())?;
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        self.sign(dir, "server", names, ExtendedKeyUsagePurpose::ServerAuth)?;
        self.sign(dir, "client", Vec::new(), ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn sign(
        &self,
        dir: &Path,
        role: &str,
        names: Vec<String>,
        usage: ExtendedKeyUsagePurpose,
    ) -> Result<()> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, format!("ferry test {role}"));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        let certificate = params.signed_by(&key, &self.issuer)?;
        write(dir, &format!("{role}-cert.pem"), &certificate.pem())?;
        write(dir, &format!("{role}-key.pem"), &key.serialize_pem())
    }
}

/// Certificates of one new authority in `dir`, for a server on this machine and for a client.
///
/// # Errors
/// When they cannot be made or written.
pub fn certificates(dir: &Path) -> Result<()> {
    Authority::new()?.issue(dir, &["127.0.0.1", "localhost"])
}

fn write(dir: &Path, name: &str, text: &str) -> Result<()> {
    let path = dir.join(name);
    fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_what_qemu_looks_for() {
        let dir = tempfile::tempdir().unwrap();
        certificates(dir.path()).unwrap();
        let starts = [
            ("ca-cert.pem", "-----BEGIN CERTIFICATE-----"),
            ("server-cert.pem", "-----BEGIN CERTIFICATE-----"),
            ("server-key.pem", "-----BEGIN PRIVATE KEY-----"),
            ("client-cert.pem", "-----BEGIN CERTIFICATE-----"),
            ("client-key.pem", "-----BEGIN PRIVATE KEY-----"),
        ];
        for (name, start) in starts {
            let text = fs::read_to_string(dir.path().join(name)).unwrap();
            assert!(text.starts_with(start), "{name}");
        }
    }
}
