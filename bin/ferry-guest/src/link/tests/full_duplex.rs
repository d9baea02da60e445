//! Both directions at once, and several threads in each.

use std::thread;

use ferry_memory::Piece;

use super::support::{KINDS, Kind, SOURCE, linked, noise, run};
use crate::link::{Connection, LinkError};

const MIB: usize = 1 << 20;

#[test]
fn both_directions_carry_a_full_load_at_once() {
    const ROUNDS: usize = 24;
    for kind in KINDS {
        println!("{kind:?}");
        let (client, server) = linked(kind);
        let mut expected = vec![0; MIB];
        SOURCE.ram().read(ferry_units::Bytes::ZERO, &mut expected).unwrap();
        let send = |end: &Connection| {
            for _ in 0..ROUNDS {
                end.send(SOURCE.ram(), &[Piece::Pages(run(0, 256))]).unwrap();
            }
        };
        let receive = |end: &Connection| {
            let mut received = vec![0; MIB];
            for _ in 0..ROUNDS {
                end.read(&mut received).unwrap();
                assert!(received == expected);
            }
        };
        thread::scope(|scope| {
            for end in [&client, &server] {
                scope.spawn(move || send(end));
                scope.spawn(move || receive(end));
            }
        });
    }
}

/// One end sends more than the network holds to one that does not listen, and hears it meanwhile.
#[test]
fn who_is_stuck_sending_still_hears() {
    for kind in KINDS {
        println!("{kind:?}");
        let (client, server) = linked(kind);
        let (much, more) = (noise(32 * MIB, 5), noise(MIB, 9));
        thread::scope(|scope| {
            let sent = scope.spawn(|| client.write(&much));
            let mut received = vec![0; MIB];
            for _ in 0..8 {
                let answered = scope.spawn(|| server.write(&more));
                client.read(&mut received).unwrap();
                answered.join().unwrap().unwrap();
                assert!(received == more);
            }
            assert!(!sent.is_finished());
            let mut received = vec![0; much.len()];
            server.read(&mut received).unwrap();
            sent.join().unwrap().unwrap();
            assert!(received == much);
        });
    }
}

#[test]
fn what_several_send_at_once_is_not_mixed() {
    const LENGTH: usize = 40_000;
    for kind in [Kind::PlainTcp, Kind::TlsUnix, Kind::TlsChanging] {
        println!("{kind:?}");
        let (client, server) = linked(kind);
        thread::scope(|scope| {
            for name in 1..=4_u8 {
                let client = &client;
                scope.spawn(move || {
                    for _ in 0..50 {
                        client.write(&vec![name; LENGTH]).unwrap();
                    }
                });
            }
            let mut counts = [0; 5];
            let mut message = vec![0; LENGTH];
            for _ in 0..200 {
                server.read(&mut message).unwrap();
                assert!(message.iter().all(|byte| *byte == message[0]));
                counts[usize::from(message[0])] += 1;
            }
            assert_eq!(counts, [0, 50, 50, 50, 50]);
        });
    }
}

#[test]
fn shutting_down_wakes_who_receives_and_who_sends() {
    for kind in KINDS {
        println!("{kind:?}");
        for _ in 0..10 {
            let (client, server) = linked(kind);
            thread::scope(|scope| {
                let reader = scope.spawn(|| client.read(&mut [0]));
                let writer = scope.spawn(|| {
                    loop {
                        if let Err(error) = client.write(&vec![0; MIB]) {
                            return error;
                        }
                    }
                });
                // It is on its way, and nobody takes the rest.
                server.read(&mut [0; 100]).unwrap();
                client.shut_down();
                assert!(matches!(reader.join().unwrap(), Err(LinkError::ShutDown)));
                assert!(matches!(writer.join().unwrap(), LinkError::ShutDown));
            });
            assert!(matches!(client.write(&[0]), Err(LinkError::ShutDown)));
            assert!(matches!(client.read(&mut [0]), Err(LinkError::ShutDown)));
        }
    }
}

#[test]
fn what_was_sent_before_the_end_arrives_and_then_the_end() {
    for kind in KINDS {
        println!("{kind:?}");
        let (client, server) = linked(kind);
        client.write(&noise(50_000, 1)).unwrap();
        drop(client);
        let mut received = vec![0; 50_000];
        server.read(&mut received).unwrap();
        assert!(received == noise(50_000, 1));
        assert!(matches!(server.read(&mut [0]), Err(LinkError::Closed)));
        assert!(matches!(server.read(&mut [0]), Err(LinkError::Broken)));
    }
}

#[test]
fn silence_is_bounded_where_it_was_asked_for() {
    for kind in KINDS {
        println!("{kind:?}");
        let (client, _server) = linked(kind);
        client.set_read_limit(Some(std::time::Duration::from_millis(20)));
        assert!(matches!(client.read(&mut [0]), Err(LinkError::Silent)));
        client.write(&[0]).unwrap();
    }
}
