//! Who is believed and who is not.

use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;

use ferry_runtime::identity::VerifyPeer;
use rustls::{AlertDescription, CertificateError, Error, ServerConfig};

use super::support::{Authority, LONG, client_config, server_config, tls};
use crate::link::socket::Socket;
use crate::link::{ClientSecurity, Connection, LinkError, ServerSecurity};

type Ends = (Result<Connection, LinkError>, Result<Connection, LinkError>);

/// What becomes of a client and of its server. Each end is dropped only when both are done.
fn shake(client: &ClientSecurity, server: &ServerSecurity) -> Ends {
    let (ours, theirs) = UnixStream::pair().unwrap();
    thread::scope(|scope| {
        let taken = scope.spawn(|| Connection::serve(Socket::Unix(theirs), server, LONG));
        let asked = Connection::ask(Socket::Unix(ours), client, LONG);
        (asked, taken.join().unwrap())
    })
}

fn handshake_error(result: Result<Connection, LinkError>) -> Error {
    match result {
        Err(LinkError::Handshake { source }) => source,
        other => panic!("{other:?}"),
    }
}

/// What a client that thought that it was done hears then.
fn hears(client: Result<Connection, LinkError>) -> AlertDescription {
    let heard = client.and_then(|client| client.read(&mut [0]));
    match heard {
        Err(
            LinkError::Tls { source: Error::AlertReceived(alert) }
            | LinkError::Handshake { source: Error::AlertReceived(alert) },
        ) => alert,
        other => panic!("{other:?}"),
    }
}

fn server_of(authority: &Authority, names: &[&str], verify: VerifyPeer) -> Arc<ServerConfig> {
    let dir = authority.dir();
    authority.certify(dir.path(), "server", names);
    server_config(&dir, verify)
}

#[test]
fn a_server_of_another_authority_is_not_believed() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let client = client_config(&ours.dir(), VerifyPeer::No);
    let server = server_of(&theirs, &["node2"], VerifyPeer::No);
    let client = ClientSecurity::tls(client, "node2").unwrap();
    let (asked, taken) = shake(&client, &ServerSecurity::Tls(server));
    let error = handshake_error(asked);
    assert!(matches!(error, Error::InvalidCertificate(_)), "{error}");
    // And learns why.
    let error = handshake_error(taken);
    assert!(matches!(error, Error::AlertReceived(_)), "{error}");
}

#[test]
fn a_server_of_another_name_is_not_believed() {
    let authority = Authority::new();
    let client = client_config(&authority.dir(), VerifyPeer::No);
    let server = server_of(&authority, &["node2", "10.0.0.2"], VerifyPeer::No);
    for (name, is_right) in
        [("node2", true), ("10.0.0.2", true), ("node1", false), ("10.0.0.1", false)]
    {
        let client = ClientSecurity::tls(client.clone(), name).unwrap();
        let (asked, _taken) = shake(&client, &ServerSecurity::Tls(server.clone()));
        if is_right {
            asked.unwrap();
        } else {
            let error = handshake_error(asked);
            assert!(
                matches!(
                    error,
                    Error::InvalidCertificate(CertificateError::NotValidForNameContext { .. })
                ),
                "{name}: {error}"
            );
        }
    }
}

#[test]
fn a_client_has_to_show_a_certificate_where_it_is_asked_to() {
    let authority = Authority::new();
    let client = client_config(&authority.dir(), VerifyPeer::No);
    let client = ClientSecurity::tls(client, "node2").unwrap();
    let lax = ServerSecurity::Tls(server_of(&authority, &["node2"], VerifyPeer::No));
    let (asked, taken) = shake(&client, &lax);
    asked.unwrap();
    taken.unwrap();
    let strict = ServerSecurity::Tls(server_of(&authority, &["node2"], VerifyPeer::Yes));
    let (asked, taken) = shake(&client, &strict);
    assert!(matches!(handshake_error(taken), Error::NoCertificatesPresented));
    assert_eq!(hears(asked), AlertDescription::CertificateRequired);
}

#[test]
fn a_client_of_another_authority_is_not_believed() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    // It trusts the server, but is vouched for by somebody else.
    let dir = ours.dir();
    theirs.certify(dir.path(), "client", &[]);
    let client = ClientSecurity::tls(client_config(&dir, VerifyPeer::Yes), "node2").unwrap();
    let server = ServerSecurity::Tls(server_of(&ours, &["node2"], VerifyPeer::Yes));
    let (asked, taken) = shake(&client, &server);
    let error = handshake_error(taken);
    assert!(matches!(error, Error::InvalidCertificate(_)), "{error}");
    hears(asked);
}

#[test]
fn who_is_revoked_is_not_believed_any_more() {
    for (serial, is_believed) in [(6, true), (7, false)] {
        let authority = Authority::new();
        let dir = authority.dir();
        authority.certify(dir.path(), "client", &[]);
        authority.certify(dir.path(), "server", &["node2"]);
        let client = ClientSecurity::tls(client_config(&dir, VerifyPeer::Yes), "node2").unwrap();
        authority.revoke(dir.path(), serial);
        let server = ServerSecurity::Tls(server_config(&dir, VerifyPeer::Yes));
        let (_asked, taken) = shake(&client, &server);
        if is_believed {
            taken.unwrap();
        } else {
            let error = handshake_error(taken);
            let revoked = Error::InvalidCertificate(CertificateError::Revoked);
            assert_eq!(error, revoked);
        }
        // And the same for the server's.
        let client = ClientSecurity::tls(client_config(&dir, VerifyPeer::Yes), "node2").unwrap();
        let (asked, _taken) = shake(&client, &tls_of(&dir));
        assert_eq!(asked.is_ok(), is_believed, "{asked:?}");
    }
}

fn tls_of(dir: &tempfile::TempDir) -> ServerSecurity {
    ServerSecurity::Tls(server_config(dir, VerifyPeer::No))
}

#[test]
fn a_name_that_no_certificate_can_have_is_refused() {
    let (client, _) = tls();
    let ClientSecurity::Tls { config, .. } = client else { panic!("plain") };
    let error = ClientSecurity::tls(config, "a b").unwrap_err();
    assert!(matches!(error, LinkError::ServerName { .. }), "{error}");
}
