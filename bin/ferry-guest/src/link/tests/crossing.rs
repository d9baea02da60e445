//! Pages and bytes cross as they are, whatever the pieces, the slots and the kind of connection.

use ferry_memory::{Piece, Slot};
use ferry_units::PageRun;

use super::support::{KINDS, SOURCE, assert_has, linked, noise, run, target};
use crate::link::Connection;

/// One end sends to the other and back.
fn crosses(from: &Connection, to: &Connection) {
    let header = noise(1000, 7);
    let runs = [run(0, 1), run(3, 2), run(100, 700), run(1023, 1), run(40, 0)];
    let mut pieces = vec![Piece::Bytes(&header)];
    pieces.extend(runs.map(Piece::Pages));
    pieces.push(Piece::Bytes(&header[..1]));
    let target = target();
    std::thread::scope(|scope| {
        let sent = scope.spawn(|| from.send(SOURCE.ram(), &pieces));
        // In other portions than it was sent in, also within a page's header and within a run.
        let (mut first, mut rest, mut last) = (vec![0; 999], [0; 1], [0; 1]);
        let place = &mut &target;
        to.receive(place, &mut [Slot::Bytes(&mut first)]).unwrap();
        to.receive(place, &mut []).unwrap();
        let halves = [run(100, 333), run(433, 367)];
        let slots = &mut [
            Slot::Bytes(&mut []),
            Slot::Bytes(&mut rest),
            Slot::Pages(runs[0]),
            Slot::Pages(runs[1]),
            Slot::Pages(halves[0]),
        ];
        to.receive(place, slots).unwrap();
        let slots = &mut [
            Slot::Pages(PageRun::default()),
            Slot::Pages(halves[1]),
            Slot::Pages(runs[3]),
            Slot::Bytes(&mut last),
        ];
        to.receive(place, slots).unwrap();
        sent.join().unwrap().unwrap();
        first.extend(rest);
        assert!(first == header && last == header[..1]);
    });
    assert_has(&target, &runs);
}

#[test]
fn pages_cross_both_ways() {
    for kind in KINDS {
        println!("{kind:?}");
        let (client, server) = linked(kind);
        crosses(&client, &server);
        crosses(&server, &client);
        crosses(&client, &server);
    }
}

#[test]
fn pages_of_a_claim_cross() {
    for kind in KINDS {
        println!("{kind:?}");
        let (client, server) = linked(kind);
        let target = target();
        let mut missing = target.ram().no_pages();
        missing.insert_run(run(5, 16));
        let (memory, _stopped, arrivals) = target.finish_but(&missing, |_| ()).unwrap();
        client.send(SOURCE.ram(), &[Piece::Pages(run(5, 16))]).unwrap();
        let mut claim = arrivals.claim(run(5, 16)).unwrap();
        server.receive(&mut claim, &mut [Slot::Pages(run(5, 16))]).unwrap();
        assert_eq!(claim.publish().0, 0);
        let at = run(5, 16).first().0 * 4096;
        let (mut ours, mut theirs) = (vec![0; 16 * 4096], vec![0; 16 * 4096]);
        SOURCE.ram().read(ferry_units::Bytes::new(at), &mut ours).unwrap();
        memory.ram().read(ferry_units::Bytes::new(at), &mut theirs).unwrap();
        assert!(ours == theirs);
    }
}

#[test]
fn bytes_cross_in_one_piece_or_in_many() {
    for kind in KINDS {
        println!("{kind:?}");
        let (client, server) = linked(kind);
        let bytes = noise(300_000, 3);
        std::thread::scope(|scope| {
            let sent = scope.spawn(|| {
                let mut rest = &bytes[..];
                // From single bytes to more than a record.
                for length in (1..).map(|step| step * step) {
                    let (now, later) = rest.split_at(rest.len().min(length));
                    client.write(now)?;
                    rest = later;
                    if rest.is_empty() {
                        return Ok::<(), crate::link::LinkError>(());
                    }
                }
                Ok(())
            });
            let mut received = vec![0; bytes.len()];
            for portion in received.chunks_mut(7001) {
                server.read(portion).unwrap();
            }
            sent.join().unwrap().unwrap();
            assert!(received == bytes);
        });
    }
}

#[test]
fn pages_that_there_are_not_are_refused() {
    for kind in KINDS {
        println!("{kind:?}");
        let (client, server) = linked(kind);
        let beyond = [Piece::Pages(run(1024, 1))];
        let refused = client.send(SOURCE.ram(), &beyond).unwrap_err();
        assert!(matches!(refused, crate::link::LinkError::Memory(_)), "{refused}");
        server.write(&[0; 4096]).unwrap();
        let refused = client.receive(&mut &target(), &mut [Slot::Pages(run(u64::MAX - 1, 1))]);
        assert!(matches!(refused, Err(crate::link::LinkError::Memory(_))), "{refused:?}");
        assert!(matches!(client.read(&mut [0]), Err(crate::link::LinkError::Broken)));
        assert!(matches!(client.write(&[0]), Err(crate::link::LinkError::Broken)));
    }
}
