//! Who listens and who connects.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::thread;
use std::time::Duration;

use ferry_qmp::words::SocketAddress;

use super::support::linked;
use super::support::{Kind, LONG};
use crate::link::connect::connect;
use crate::link::{ClientSecurity, Connection, Endpoint, LinkError, Listener, ServerSecurity};

fn tcp(host: &str, port: u16) -> Endpoint {
    Endpoint::Tcp { host: host.to_owned(), port }
}

/// A byte from one who connects to `endpoint` to one who listens at `listener`.
fn meet(listener: &Listener, endpoint: &Endpoint) {
    thread::scope(|scope| {
        let accepted = scope.spawn(|| {
            let peer = listener.accept().unwrap().establish(&ServerSecurity::Plain).unwrap();
            let mut byte = [0];
            peer.read(&mut byte).unwrap();
            byte
        });
        let peer = Connection::connect(endpoint, &ClientSecurity::Plain).unwrap();
        peer.write(&[42]).unwrap();
        assert_eq!(accepted.join().unwrap(), [42]);
    });
}

#[test]
fn names_numbers_and_paths_lead_to_who_listens_there() {
    for host in ["127.0.0.1", "localhost", ""] {
        let listener = Listener::bind(&tcp(host, 0)).unwrap();
        let SocketAddress::Inet(address) = listener.address() else { panic!("not TCP") };
        let port = address.port.parse().unwrap();
        assert_ne!(port, 0);
        meet(&listener, &tcp(host, port));
    }
    let dir = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::Unix(dir.path().join("socket"));
    let listener = Listener::bind(&endpoint).unwrap();
    assert_eq!(Endpoint::of(&listener.address()).unwrap(), endpoint);
    meet(&listener, &endpoint);
}

#[test]
fn ipv6_works_where_the_machine_has_it() {
    let has_ipv6 = TcpListener::bind("[::1]:0").is_ok();
    let listener = Listener::bind(&tcp("::1", 0));
    assert_eq!(listener.is_ok(), has_ipv6, "{listener:?}");
    if let Ok(listener) = listener {
        meet(&listener, &Endpoint::of(&listener.address()).unwrap());
    }
}

#[test]
fn every_address_of_a_name_is_tried() {
    // Only on one of the two that `localhost` or nothing at all may lead to.
    let listener = Listener::bind(&tcp("127.0.0.1", 0)).unwrap();
    let Endpoint::Tcp { port, .. } = Endpoint::of(&listener.address()).unwrap() else {
        panic!("not TCP")
    };
    meet(&listener, &tcp("", port));
}

#[test]
fn parity_who_cannot_connect_is_told_in_the_words_of_qemu() {
    let port = {
        let gone = TcpListener::bind("127.0.0.1:0").unwrap();
        gone.local_addr().unwrap().port()
    };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("nobody");
    for (endpoint, text) in [
        (
            tcp("127.0.0.1", port),
            format!("Failed to connect to '127.0.0.1:{port}': Connection refused"),
        ),
        (
            Endpoint::Unix(path.clone()),
            format!("Failed to connect to '{}': No such file or directory", path.display()),
        ),
    ] {
        let error = Connection::connect(&endpoint, &ClientSecurity::Plain).unwrap_err();
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn parity_who_cannot_listen_is_told_in_the_words_of_qemu() {
    let busy = Listener::bind(&tcp("127.0.0.1", 0)).unwrap();
    let error = Listener::bind(&Endpoint::of(&busy.address()).unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "Failed to find an available port: Address already in use");
    let endpoint = Endpoint::Unix("/nowhere/at/all".into());
    let error = Listener::bind(&endpoint).unwrap_err().to_string();
    let text = "Failed to bind socket /nowhere/at/all: No such file or directory";
    assert_eq!(error, text);
}

#[test]
fn a_full_listener_does_not_hold_up_who_connects_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let socket = UnixListener::bind(&path).unwrap();
    rustix::net::listen(&socket, 0).unwrap();
    let endpoint = Endpoint::Unix(path);
    let mut waiting = Vec::new();
    let error = loop {
        match connect(&endpoint, Duration::from_millis(20)) {
            Ok(peer) => waiting.push(peer),
            Err(error) => break error,
        }
        assert!(waiting.len() < 10);
    };
    match error {
        LinkError::Connect { source, .. } => assert_eq!(source.kind(), ErrorKind::WouldBlock),
        error => panic!("{error}"),
    }
}

#[test]
fn closing_wakes_who_accepts_and_frees_the_address() {
    let dir = tempfile::tempdir().unwrap();
    let unix = Endpoint::Unix(dir.path().join("socket"));
    for endpoint in [tcp("127.0.0.1", 0), unix] {
        let mut endpoint = endpoint;
        for _ in 0..20 {
            let listener = Listener::bind(&endpoint).unwrap();
            // The same one again, with the same port.
            endpoint = Endpoint::of(&listener.address()).unwrap();
            thread::scope(|scope| {
                let accepting = scope.spawn(|| listener.accept());
                listener.close();
                assert!(matches!(accepting.join().unwrap(), Err(LinkError::ListenerClosed)));
            });
            assert!(matches!(listener.accept(), Err(LinkError::ListenerClosed)));
            assert!(connect(&endpoint, LONG).is_err());
        }
    }
}

#[test]
fn a_socket_left_behind_is_replaced_and_a_file_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let endpoint = Endpoint::Unix(path.clone());
    let listener = Listener::bind(&endpoint).unwrap();
    meet(&listener, &endpoint);
    drop(listener);
    assert!(!path.exists());
    fs::write(&path, "of value").unwrap();
    let error = Listener::bind(&endpoint).unwrap_err().to_string();
    assert!(error.ends_with("Address already in use"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"of value");
}

#[test]
fn buffers_can_be_made_small() {
    use ferry_units::Bytes;
    for kind in [Kind::PlainTcp, Kind::PlainUnix] {
        let (client, server) = linked(kind);
        client.set_buffers(Some(Bytes::from_kib(16)), None);
        server.set_buffers(None, Some(Bytes::new(u64::MAX)));
        client.write(&[1]).unwrap();
        server.read(&mut [0]).unwrap();
    }
}
