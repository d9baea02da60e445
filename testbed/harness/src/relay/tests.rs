//! The relay as a source and a destination see it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use ferry_units::{Bytes, BytesPerSecond};

use super::{Direction, Relay};
use crate::{LIMIT, wait_until};

struct Ends {
    relay: Relay,
    listener: TcpListener,
}

impl Ends {
    fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        Self { relay: Relay::to(listener.local_addr().unwrap()).unwrap(), listener }
    }

    fn connect(&self) -> (TcpStream, TcpStream) {
        let source = TcpStream::connect(self.relay.address()).unwrap();
        let (target, _) = self.listener.accept().unwrap();
        for end in [&source, &target] {
            end.set_read_timeout(Some(LIMIT)).unwrap();
        }
        (source, target)
    }
}

fn send(mut from: &TcpStream, to: &mut TcpStream, bytes: usize) {
    from.write_all(&vec![7; bytes]).unwrap();
    to.read_exact(&mut vec![0; bytes]).unwrap();
}

/// Everything that still comes before the end, which may be an abrupt one.
fn rest(from: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    if let Err(error) = from.read_to_end(&mut rest) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
    rest
}

#[test]
fn bytes_cross_both_ways_and_are_counted() {
    let ends = Ends::new();
    let (mut source, mut target) = ends.connect();
    let (mut other, mut its_target) = ends.connect();
    send(&source, &mut target, 100_000);
    send(&target, &mut source, 5);
    send(&other, &mut its_target, 3);
    drop(source);
    assert!(rest(&mut target).is_empty(), "the end crosses too");
    assert_eq!(ends.relay.connections(), 2);
    // It arrives before it is counted.
    wait_until("what was written is counted", || {
        let forth = ends.relay.carried(Direction::Forth);
        let back = ends.relay.carried_by_each(Direction::Back);
        let is_counted = forth == Bytes::new(100_003) && back == [Bytes::new(5), Bytes::ZERO];
        Ok(is_counted.then_some(()))
    })
    .unwrap();
    drop(ends);
    assert!(rest(&mut other).is_empty(), "connections end with the relay");
}

#[test]
fn a_cut_comes_after_the_very_byte() {
    for bytes in [1, 999, 50_000] {
        let ends = Ends::new();
        let (source, mut target) = ends.connect();
        let (_other, mut its_target) = ends.connect();
        ends.relay.cut_after(Direction::Forth, Bytes::new(bytes));
        // The relay may be gone before the last of it is written.
        let _written = (&source).write_all(&vec![7; 60_000]);
        assert_eq!(rest(&mut target).len() as u64, bytes);
        assert!(rest(&mut its_target).is_empty(), "every connection is cut");
        let mut refused = TcpStream::connect(ends.relay.address()).unwrap();
        assert!(rest(&mut refused).is_empty());
        ends.relay.accept();
        let (source, mut target) = ends.connect();
        send(&source, &mut target, 60_000);
    }
}

#[test]
fn nothing_crosses_while_it_is_stalled() {
    let ends = Ends::new();
    let (source, mut target) = ends.connect();
    send(&source, &mut target, 10);
    ends.relay.stall();
    (&source).write_all(&[1; 10]).unwrap();
    target.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let error = target.read(&mut [0; 10]).unwrap_err();
    assert!(matches!(error.kind(), std::io::ErrorKind::WouldBlock), "{error}");
    ends.relay.resume();
    target.set_read_timeout(Some(LIMIT)).unwrap();
    target.read_exact(&mut [0; 10]).unwrap();
}

#[test]
fn a_cut_lets_new_connections_be() {
    let ends = Ends::new();
    let (_source, mut target) = ends.connect();
    ends.relay.cut();
    assert!(rest(&mut target).is_empty());
    let (source, mut target) = ends.connect();
    send(&source, &mut target, 10);
}

#[test]
fn a_limit_holds_for_all_connections_together() {
    let ends = Ends::new();
    let (first, mut to_first) = ends.connect();
    let (second, mut to_second) = ends.connect();
    ends.relay.limit(Direction::Forth, Some(BytesPerSecond::from_mib(8)));
    let start = Instant::now();
    std::thread::scope(|both| {
        both.spawn(|| send(&first, &mut to_first, 1 << 20));
        both.spawn(|| send(&second, &mut to_second, 1 << 20));
    });
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(240), "2 MiB at 8 MiB/s took {took:?}");
    let meter = ends.relay.meter(Direction::Forth);
    let peak = meter.peak(start, start + took, Duration::from_millis(100));
    assert!(peak <= BytesPerSecond::from_mib(10), "{peak}");
}

#[test]
fn what_is_delayed_arrives_later_and_as_fast() {
    let ends = Ends::new();
    let (source, mut target) = ends.connect();
    let delay = Duration::from_millis(50);
    ends.relay.delay(Direction::Forth, delay);
    let start = Instant::now();
    send(&source, &mut target, 500_000);
    let took = start.elapsed();
    assert!(took >= delay, "{took:?}");
    // Piece after piece it would be half a second at 1 MB a trip, and two for each of 16 KiB.
    assert!(took < delay * 20, "{took:?}");
}

#[test]
fn many_ports_are_one_link_that_remembers_sums() {
    // An address of this test's own, so that the ports are free.
    let (from, to) = (Ipv4Addr::new(127, 9, 8, 2), Ipv4Addr::new(127, 9, 8, 1));
    let ports = 49152..=49155;
    let listeners: Vec<_> =
        ports.clone().map(|port| TcpListener::bind((to, port)).unwrap()).collect();
    let relay = Relay::between(from.into(), to.into(), ports.clone()).unwrap();
    let error = Relay::between(from.into(), to.into(), ports.clone()).unwrap_err();
    assert!(error.to_string().contains("127.9.8.2:49152, which cannot be had"), "{error}");
    for (port, listener) in ports.zip(&listeners) {
        let source = TcpStream::connect((from, port)).unwrap();
        let (mut target, _) = listener.accept().unwrap();
        send(&source, &mut target, 1000);
        drop(source);
        assert!(rest(&mut target).is_empty());
    }
    wait_until("what was written is counted", || {
        Ok((relay.state().forth == Bytes::new(4000)).then_some(()))
    })
    .unwrap();
    assert_eq!(relay.state().connections, 4);
    assert_eq!(relay.state().back, Bytes::ZERO);

    relay.limit(Direction::Forth, Some(BytesPerSecond::from_mib(8)));
    let pairs: Vec<_> = listeners[..2]
        .iter()
        .map(|listener| {
            let source = TcpStream::connect((from, listener.local_addr().unwrap().port())).unwrap();
            (source, listener.accept().unwrap().0)
        })
        .collect();
    let start = Instant::now();
    std::thread::scope(|both| {
        for (source, mut target) in pairs {
            both.spawn(move || send(&source, &mut target, 1 << 20));
        }
    });
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(240), "2 MiB at 8 MiB/s over two ports took {took:?}");
}
