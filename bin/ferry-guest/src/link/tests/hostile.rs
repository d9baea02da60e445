//! Peers that do not speak TLS, say nothing, break off, or were cut off.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use rustls::Error;

use super::support::{LONG, noise, tls};
use crate::link::socket::Socket;
use crate::link::{Connection, LinkError};

/// A server whose peer is whatever `act` does.
fn serve(limit: Duration, act: impl FnOnce(UnixStream) + Send) -> Result<Connection, LinkError> {
    let (ours, theirs) = UnixStream::pair().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| act(theirs));
        Connection::serve(Socket::Unix(ours), &tls().1, limit)
    })
}

/// A client whose peer is whatever `act` does.
fn ask(limit: Duration, act: impl FnOnce(UnixStream) + Send) -> Result<Connection, LinkError> {
    let (ours, theirs) = UnixStream::pair().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| act(theirs));
        Connection::ask(Socket::Unix(ours), &tls().0, limit)
    })
}

#[test]
fn who_does_not_speak_tls_is_turned_away_at_once() {
    for garbage in [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        b"QEVM\0\0\0\x03".to_vec(),
        vec![0; 100_000],
        vec![22, 3, 1, 0xff, 0xff],
        [&[22, 3, 1, 2, 0][..], &noise(512, 4)].concat(),
        [&[23, 3, 3, 2, 0][..], &noise(512, 4)].concat(),
        [&[20, 3, 3, 0, 1, 1][..], &[21, 3, 3, 0, 2, 2, 80]].concat(),
    ] {
        // It stays, as if it waited for an answer.
        let talk = |mut peer: UnixStream| {
            let _ = peer.write_all(&garbage);
            let _ = peer.read_to_end(&mut Vec::new());
        };
        for refused in [serve(LONG, talk), ask(LONG, talk)] {
            let Err(LinkError::Handshake { source }) = refused else { panic!("{refused:?}") };
            assert!(!source.to_string().is_empty());
        }
    }
}

#[test]
fn who_says_nothing_or_little_is_not_waited_for() {
    let limit = Duration::from_millis(50);
    for little in [&b""[..], &[22], &[22, 3, 1, 1, 0, 1]] {
        let wait = |mut peer: UnixStream| {
            peer.write_all(little).unwrap();
            let _ = peer.read_to_end(&mut Vec::new());
        };
        for slow in [serve(limit, wait), ask(limit, wait)] {
            assert!(matches!(slow, Err(LinkError::HandshakeSlow { .. })), "{slow:?}");
        }
    }
    // Nor is one who always says a little more.
    let drip = |mut peer: UnixStream| {
        let mut hello = vec![22, 3, 1, 0x40, 0];
        hello.extend([0; 0x4000]);
        for byte in hello.chunks(1) {
            if peer.write_all(byte).is_err() {
                return;
            }
            peer.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
            let _ = peer.read(&mut [0; 512]);
        }
    };
    for slow in [serve(limit, drip), ask(limit, drip)] {
        assert!(matches!(slow, Err(LinkError::HandshakeSlow { .. })), "{slow:?}");
    }
}

#[test]
fn who_leaves_during_the_handshake_is_let_go() {
    let leave = |peer: UnixStream| drop(peer);
    for gone in [serve(LONG, leave), ask(LONG, leave)] {
        assert!(matches!(gone, Err(LinkError::HandshakeCut)), "{gone:?}");
    }
}

/// A client and a server with somebody in between, who treats what the client says as `meddle`
/// does. What the server says passes.
fn between(
    meddle: impl FnOnce(UnixStream, UnixStream) + Send,
    talk: impl FnOnce(&Connection, &Connection),
) {
    let ((client, left), (right, server)) =
        (UnixStream::pair().unwrap(), UnixStream::pair().unwrap());
    let (left_too, right_too) = (left.try_clone().unwrap(), right.try_clone().unwrap());
    thread::scope(|scope| {
        scope.spawn(move || {
            let _ = std::io::copy(&mut &right_too, &mut &left_too);
            let _ = left_too.shutdown(Shutdown::Write);
        });
        scope.spawn(move || meddle(left, right));
        let taken = scope.spawn(|| Connection::serve(Socket::Unix(server), &tls().1, LONG));
        let client = Connection::ask(Socket::Unix(client), &tls().0, LONG).unwrap();
        let server = taken.join().unwrap().unwrap();
        server.set_read_limit(Some(LONG));
        talk(&client, &server);
        drop((client, server));
    });
}

/// Passes records on until `count` of them were application data of at least 1000 bytes.
fn pass(left: &mut UnixStream, right: &mut UnixStream, count: usize) {
    let mut seen = 0;
    while seen < count {
        let record = record(left);
        right.write_all(&record).unwrap();
        seen += usize::from(record[0] == 23 && record.len() > 16_000);
    }
}

fn record(from: &mut UnixStream) -> Vec<u8> {
    let mut record = vec![0; 5];
    from.read_exact(&mut record).unwrap();
    let length = usize::from(u16::from_be_bytes([record[3], record[4]]));
    record.resize(5 + length, 0);
    from.read_exact(&mut record[5..]).unwrap();
    record
}

/// What the server gets to hear after 16 KiB came whole.
fn after_one_record(meddle: impl FnOnce(&mut UnixStream, &mut UnixStream) + Send) -> LinkError {
    let mut heard = None;
    between(
        |mut left, mut right| {
            pass(&mut left, &mut right, 1);
            meddle(&mut left, &mut right);
            let _ = right.shutdown(Shutdown::Write);
            // So that nobody waits for room.
            let _ = std::io::copy(&mut left, &mut std::io::sink());
        },
        |client, server| {
            client.write(&noise(100_000, 8)).unwrap();
            let mut first = vec![0; 16_384];
            server.read(&mut first).unwrap();
            assert!(first == noise(16_384, 8));
            heard = server.read(&mut [0; 16_384]).err();
            assert!(matches!(server.read(&mut [0]), Err(LinkError::Broken)));
        },
    );
    heard.unwrap()
}

#[test]
fn an_end_without_a_word_is_a_cut_in_a_record_and_between_two() {
    for length in [0, 1, 5, 6, 10_000] {
        let error = after_one_record(|left, right| {
            let next = record(left);
            right.write_all(&next[..length]).unwrap();
        });
        assert!(matches!(error, LinkError::Cut), "{length}: {error}");
    }
}

#[test]
fn what_was_meddled_with_is_not_believed() {
    let flipped = |at: usize| {
        after_one_record(move |left, right| {
            let mut next = record(left);
            next[at] ^= 1;
            right.write_all(&next).unwrap();
        })
    };
    for at in [5, 9_000, 16_384 + 21] {
        let error = flipped(at);
        let is_decrypt = matches!(error, LinkError::Tls { source: Error::DecryptError });
        assert!(is_decrypt, "{at}: {error}");
    }
    // And neither is a record that is left out, or one that comes twice.
    let skipped = after_one_record(|left, right| {
        record(left);
        let next = record(left);
        right.write_all(&next).unwrap();
    });
    assert!(matches!(skipped, LinkError::Tls { source: Error::DecryptError }), "{skipped}");
    for header in [[99, 3, 3, 0, 1], [23, 9, 3, 0, 1], [23, 3, 3, 0xff, 0xff]] {
        let error = after_one_record(|_, right| right.write_all(&header).unwrap());
        assert!(matches!(error, LinkError::Tls { .. }), "{header:?}: {error}");
    }
}

#[test]
fn who_is_not_believed_is_told() {
    between(
        |mut left, mut right| {
            pass(&mut left, &mut right, 1);
            let mut next = record(&mut left);
            next[100] ^= 1;
            right.write_all(&next).unwrap();
            let _ = std::io::copy(&mut left, &mut std::io::sink());
        },
        |client, server| {
            client.write(&noise(100_000, 8)).unwrap();
            assert!(server.read(&mut vec![0; 32_768]).is_err());
            client.set_read_limit(Some(LONG));
            let heard = client.read(&mut [0]).unwrap_err();
            let alert = rustls::AlertDescription::BadRecordMac;
            match heard {
                LinkError::Tls { source } => assert_eq!(source, Error::AlertReceived(alert)),
                heard => panic!("{heard}"),
            }
        },
    );
}
