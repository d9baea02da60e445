//! The kubeconfig of an administrator: where the server is, whom to believe, who one is.

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;

use super::{Endpoint, Identity};

/// Reads a kubeconfig with one cluster and one user who has a certificate.
///
/// # Errors
/// When it is not such a one.
pub(in crate::api) fn read(text: &str) -> Result<Endpoint> {
    let config: Value = serde_saphyr::from_str(text).context("a kubeconfig is YAML")?;
    let text_at = |place: &str| {
        let found = config.pointer(place).and_then(Value::as_str);
        found.with_context(|| format!("no {place} in a kubeconfig"))
    };
    let pem_at = |place: &str| {
        let text = text_at(place)?;
        STANDARD.decode(text).with_context(|| format!("{place} is no base64"))
    };
    let server = text_at("/clusters/0/cluster/server")?;
    let address = server.strip_prefix("https://").context("a server with TLS")?;
    let mut roots = RootCertStore::empty();
    let authority = pem_at("/clusters/0/cluster/certificate-authority-data")?;
    for certificate in CertificateDer::pem_slice_iter(&authority) {
        roots.add(certificate.context("the authority's certificate")?)?;
    }
    let certificates = pem_at("/users/0/user/client-certificate-data")?;
    let certificates = CertificateDer::pem_slice_iter(&certificates).collect::<Result<_, _>>();
    let key = PrivateKeyDer::from_pem_slice(&pem_at("/users/0/user/client-key-data")?);
    let identity = Identity {
        certificates: certificates.context("the user's certificate")?,
        key: key.context("the user's key")?,
    };
    Endpoint::new(address.trim_end_matches('/'), roots, identity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A kubeconfig as the server writes it, without one of its lines.
    fn kubeconfig(without: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        ferry_harness::certificates(dir.path()).unwrap();
        let data = |name: &str| STANDARD.encode(fs::read(dir.path().join(name)).unwrap());
        let lines = [
            "apiVersion: v1\nkind: Config\nclusters:\n- name: ferry\n  cluster:".to_owned(),
            "    server: https://127.0.0.1:6443".to_owned(),
            format!("    certificate-authority-data: {}", data("ca-cert.pem")),
            "users:\n- name: admin\n  user:".to_owned(),
            format!("    client-certificate-data: {}", data("client-cert.pem")),
            format!("    client-key-data: {}\n", data("client-key.pem")),
        ];
        let kept = lines.iter().filter(|line| without.is_empty() || !line.contains(without));
        kept.cloned().collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_kubeconfig_names_a_server_and_a_user() {
        assert_eq!(read(&kubeconfig("")).unwrap().host().unwrap(), "127.0.0.1:6443");
        for line in
            ["server", "certificate-authority-data", "client-certificate-data", "client-key"]
        {
            let error = format!("{:#}", read(&kubeconfig(line)).err().unwrap());
            assert!(error.contains(line), "{error}");
        }
    }
}
