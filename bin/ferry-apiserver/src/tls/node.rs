//! Who a node is to the other nodes: a certificate for each end of a connection, in files that
//! QEMU's `tls-creds-x509` and ferry's daemons look for.
//!
//! Both ends are the same node, yet neither certificate does for the other end: whoever takes the
//! server's key from a guest's migration cannot speak to the API with it.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use ferry_units::WallTime;
use rcgen::KeyPair;

use super::server::params;
use super::{Authority, Credentials, Names, PkiError};
use crate::files;
use crate::secret::Secret;

/// The group of all nodes, as the API's rules know it.
const NODES: &str = "system:nodes";

/// A node's certificates.
#[derive(Debug)]
pub struct NodeIdentity<'a> {
    authority: &'a str,
    server: Credentials,
    client: Credentials,
}

impl<'a> NodeIdentity<'a> {
    /// Makes them for the node of this name, reached at these addresses.
    ///
    /// # Errors
    /// [`PkiError`], if the name cannot stand in a certificate.
    pub fn issue(
        authority: &'a Authority,
        node: &str,
        addresses: &[IpAddr],
        lifetime: Duration,
        now: WallTime,
    ) -> Result<Self, PkiError> {
        let names = Names::of_node(node, addresses)?;
        let user = format!("system:node:{node}");
        let key = KeyPair::generate().map_err(PkiError::Make)?;
        let certificate = authority.issue_server(params(&user, &names, lifetime, now)?, &key)?;
        let server = Credentials { certificate, key: Secret::new(key.serialize_pem()) };
        let client = authority.issue_client(&user, &[NODES.to_owned()], lifetime, now)?;
        Ok(Self { authority: authority.pem(), server, client })
    }

    /// Writes them into `dir`, which is made if it is not there.
    ///
    /// # Errors
    /// [`PkiError::File`].
    pub fn write(&self, dir: &Path) -> Result<(), PkiError> {
        files::private_dir(dir)?;
        let write = |name: &str, text: &str| files::write_private(&dir.join(name), text.as_bytes());
        write("ca-cert.pem", self.authority)?;
        for (role, credentials) in [("server", &self.server), ("client", &self.client)] {
            write(&format!("{role}-key.pem"), credentials.key.expose())?;
            write(&format!("{role}-cert.pem"), &credentials.certificate)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Arc;

    use ferry_runtime::identity::{Identity, Role, VerifyPeer};
    use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
    use rustls::{ClientConnection, ServerConnection};
    use x509_parser::prelude::{FromDer, X509Certificate};

    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn now() -> WallTime {
        let wall = ferry_runtime::Clock::system().wall();
        WallTime::from_unix_seconds(i64::try_from(wall.as_secs()).unwrap()).unwrap()
    }

    /// A node's directory, written by the authority in `pki`.
    fn written(pki: &Path, node: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::open(pki, now()).unwrap();
        let addresses = ["127.9.0.1".parse().unwrap()];
        let identity = NodeIdentity::issue(&authority, node, &addresses, DAY, now()).unwrap();
        identity.write(&dir.path().join("identity")).unwrap();
        dir
    }

    /// Shakes hands in memory, as `name`.
    fn connect(client: &Path, server: &Path, name: &str) -> Result<(), rustls::Error> {
        let load = |dir: &Path, role| Identity::load(dir, role, VerifyPeer::Yes).unwrap();
        let (client, server) = (load(client, Role::Client), load(server, Role::Server));
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut client = ClientConnection::new(Arc::clone(client.client().unwrap()), name)?;
        let mut server = ServerConnection::new(Arc::clone(server.server().unwrap()))?;
        while client.is_handshaking() || server.is_handshaking() {
            let mut wire = Vec::new();
            client.write_tls(&mut wire).unwrap();
            server.read_tls(&mut wire.as_slice()).unwrap();
            server.process_new_packets()?;
            wire.clear();
            server.write_tls(&mut wire).unwrap();
            client.read_tls(&mut wire.as_slice()).unwrap();
            client.process_new_packets()?;
        }
        Ok(())
    }

    #[test]
    fn nodes_of_one_authority_believe_each_other_by_name_and_address() {
        let (pki, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let [first, second] = ["node-1", "node-2"].map(|node| written(pki.path(), node));
        let stranger = written(other.path(), "node-2");
        let at = |dir: &tempfile::TempDir| dir.path().join("identity");
        for (name, holds) in [
            ("node-2", true),
            ("localhost", true),
            ("127.9.0.1", true),
            ("node-1", false),
            ("kubernetes", false),
            ("127.0.0.1", false),
        ] {
            assert_eq!(connect(&at(&first), &at(&second), name).is_ok(), holds, "{name}");
        }
        assert!(connect(&at(&first), &at(&stranger), "node-2").is_err());
        assert!(connect(&at(&stranger), &at(&first), "node-1").is_err());
    }

    #[test]
    fn a_client_certificate_says_which_node_and_that_it_is_one() {
        let pki = tempfile::tempdir().unwrap();
        let dir = written(pki.path(), "node-1");
        let pem = fs::read(dir.path().join("identity/client-cert.pem")).unwrap();
        let der = CertificateDer::from_pem_slice(&pem).unwrap();
        let (_, parsed) = X509Certificate::from_der(&der).unwrap();
        let subject = parsed.subject();
        let text = |value: &x509_parser::x509::AttributeTypeAndValue<'_>| {
            value.as_str().unwrap().to_owned()
        };
        let names: Vec<_> = subject.iter_common_name().map(text).collect();
        let groups: Vec<_> = subject.iter_organization().map(text).collect();
        assert_eq!(
            (names, groups),
            (vec!["system:node:node-1".to_owned()], vec![NODES.to_owned()])
        );
    }

    #[test]
    fn every_file_is_the_owners_alone_and_a_second_writing_replaces_it() {
        let pki = tempfile::tempdir().unwrap();
        let dir = written(pki.path(), "node-1");
        let identity = dir.path().join("identity");
        let authority = Authority::open(pki.path(), now()).unwrap();
        let again = NodeIdentity::issue(&authority, "node-1", &[], DAY, now()).unwrap();
        again.write(&identity).unwrap();
        let mut names: Vec<_> = fs::read_dir(&identity)
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let mode = entry.metadata().unwrap().permissions().mode();
                assert_eq!(mode & 0o777, 0o600, "{:?}", entry.path());
                entry.file_name().into_string().unwrap()
            })
            .collect();
        names.sort();
        let expected = [
            "ca-cert.pem",
            "client-cert.pem",
            "client-key.pem",
            "server-cert.pem",
            "server-key.pem",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn a_node_whose_name_is_none_gets_nothing() {
        let pki = tempfile::tempdir().unwrap();
        let authority = Authority::open(pki.path(), now()).unwrap();
        let error = NodeIdentity::issue(&authority, "a b", &[], DAY, now()).unwrap_err();
        assert_eq!(error.to_string(), "\"a b\" is neither an IP address nor a DNS name");
    }
}
