//! However the network cuts a stream into pieces, it is read alike.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::thread;

use ferry_memory::{Piece, Slot};
use ferry_units::PageRun;
use proptest::prelude::*;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

use super::support::{LONG, SOURCE, assert_has, run, target, tls};
use crate::link::socket::Socket;
use crate::link::{ClientSecurity, Connection, ServerSecurity};

/// Two sockets between which each write is one read, so that a stream comes in the pieces that it
/// was written in.
fn packets() -> (UnixStream, UnixStream) {
    let pair = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None);
    let (one, other): (OwnedFd, OwnedFd) = pair.unwrap();
    (one.into(), other.into())
}

/// Passes on what comes, in pieces of these lengths, again and again.
fn split(mut from: &UnixStream, mut to: &UnixStream, lengths: &[usize]) {
    let mut lengths = lengths.iter().cycle();
    let mut buffer = vec![0; 16 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let mut rest = &buffer[..count];
        while !rest.is_empty() {
            let length = *lengths.next().unwrap();
            let (now, later) = rest.split_at(length.min(rest.len()));
            if to.write_all(now).is_err() {
                return;
            }
            rest = later;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}

/// A part of what crosses: bytes of a header, or pages.
#[derive(Clone, Debug)]
enum Part {
    Header(Vec<u8>),
    Pages(PageRun),
}

fn any_parts() -> impl Strategy<Value = Vec<Part>> {
    let part = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..50).prop_map(Part::Header),
        (0..1024_u64, 0..12_u64)
            .prop_map(|(first, count)| Part::Pages(run(first, count.min(1024 - first)))),
    ];
    prop::collection::vec(part, 0..12)
}

fn any_lengths() -> impl Strategy<Value = Vec<usize>> {
    let length = prop_oneof![1 => 1..4_usize, 2 => 1..100_usize, 4 => 1..16_000_usize];
    prop::collection::vec(length, 1..8)
}

/// Sends `parts` over a connection whose bytes come in pieces of `lengths`; they are asked for in
/// portions of `portions` parts.
fn cross(
    securities: &(ClientSecurity, ServerSecurity),
    parts: &[Part],
    lengths: &[usize],
    portions: &[usize],
) {
    let ((client, left), (right, server)) = (UnixStream::pair().unwrap(), packets());
    let target = target();
    let pieces: Vec<Piece<'_>> = parts
        .iter()
        .map(|part| match part {
            Part::Header(bytes) => Piece::Bytes(bytes),
            Part::Pages(run) => Piece::Pages(*run),
        })
        .collect();
    thread::scope(|scope| {
        scope.spawn(|| split(&left, &right, lengths));
        scope.spawn(|| split(&right, &left, lengths));
        let taken =
            scope.spawn(|| Connection::serve(Socket::Unix(server), &securities.1, LONG).unwrap());
        let client = Connection::ask(Socket::Unix(client), &securities.0, LONG).unwrap();
        let server = taken.join().unwrap();
        server.set_read_limit(Some(LONG));

        let sent = scope.spawn(|| {
            let client = client;
            client.send(SOURCE.ram(), &pieces).unwrap();
            client
        });
        let mut rest = parts;
        let mut portions = portions.iter().cycle();
        while !rest.is_empty() {
            let portion;
            (portion, rest) = rest.split_at((*portions.next().unwrap()).min(rest.len()));
            receive(&server, &target, portion);
        }
        drop(sent.join().unwrap());
        assert!(server.read(&mut [0]).is_err());
    });
    let pages: Vec<PageRun> = parts
        .iter()
        .filter_map(|part| match part {
            Part::Header(_) => None,
            Part::Pages(run) => Some(*run),
        })
        .collect();
    assert_has(&target, &pages);
}

fn receive(from: &Connection, target: &ferry_memory::Loading, parts: &[Part]) {
    let length = |part: &Part| match part {
        Part::Header(bytes) => bytes.len(),
        Part::Pages(_) => 0,
    };
    let mut headers: Vec<Vec<u8>> = parts.iter().map(|part| vec![0; length(part)]).collect();
    let mut slots: Vec<Slot<'_>> = parts
        .iter()
        .zip(&mut headers)
        .map(|(part, header)| match part {
            Part::Header(_) => Slot::Bytes(header),
            Part::Pages(run) => Slot::Pages(*run),
        })
        .collect();
    from.receive(&mut &*target, &mut slots).unwrap();
    for (part, header) in parts.iter().zip(&headers) {
        match part {
            Part::Header(bytes) => assert_eq!(bytes, header),
            Part::Pages(_) => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_split_is_read_alike(
        parts in any_parts(),
        lengths in any_lengths(),
        portions in prop::collection::vec(1..5_usize, 1..4),
    ) {
        cross(&tls(), &parts, &lengths, &portions);
    }
}

#[test]
fn a_byte_at_a_time_is_enough() {
    let parts = [Part::Header(vec![7; 30]), Part::Pages(run(3, 5)), Part::Header(vec![8; 3])];
    cross(&tls(), &parts, &[1], &[1]);
    cross(&tls(), &parts, &[1], &[9]);
}
