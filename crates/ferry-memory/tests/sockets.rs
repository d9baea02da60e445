//! Guest memory through real sockets: with small buffers, in pieces of all sizes, to peers that go.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::io::Read;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::sync::LazyLock;
use std::thread;

use ferry_memory::{GuestMemory, Loading, MemoryError, Piece, Progress, Slot, SocketTuning, Task};
use ferry_units::{Bytes, PageCount, PageIndex, PageRun};
use proptest::prelude::*;

const PAGE: usize = 4096;
const SIZE: Bytes = Bytes::from_mib(2);

/// Memory of which every word is different.
static SOURCE: LazyLock<GuestMemory> = LazyLock::new(|| {
    let memory = GuestMemory::create("source", SIZE).unwrap();
    let words = (1..=SIZE.get() / 8).flat_map(u64::to_ne_bytes).collect::<Vec<_>>();
    memory.enter().write(Bytes::ZERO, &words).unwrap();
    memory
});

fn target() -> Loading {
    Loading::create("target", SIZE).unwrap()
}

fn run(first: u64, count: u64) -> PageRun {
    PageRun::new(PageIndex(first), PageCount(count))
}

/// Two ends of a TCP connection, of which the sender's buffer is as small as Linux makes it. The
/// receiver's is not: a window that is smaller than a packet would be opened by timers only.
fn tcp() -> (TcpStream, TcpStream) {
    let small = Some(Bytes::from_kib(4));
    let tuning = SocketTuning { send_buffer: small, ..Default::default() };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (theirs, _) = listener.accept().unwrap();
    tuning.apply(&ours).unwrap();
    tuning.apply(&theirs).unwrap();
    (ours, theirs)
}

/// A part of what crosses: bytes of a header, or pages.
#[derive(Clone, Debug)]
enum Part {
    Header(Vec<u8>),
    Pages(PageRun),
}

fn any_parts() -> impl Strategy<Value = Vec<Part>> {
    let pages = SIZE.get() / PAGE as u64;
    let count = prop_oneof![4 => 0..4_u64, 1 => 0..40_u64, 1 => 0..400_u64];
    let part = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..50).prop_map(Part::Header),
        (0..pages, count)
            .prop_map(move |(first, count)| { Part::Pages(run(first, count.min(pages - first))) }),
    ];
    prop::collection::vec(part, 0..40)
}

fn pieces(parts: &[Part]) -> Vec<Piece<'_>> {
    let mut pieces = Vec::with_capacity(parts.len());
    for part in parts {
        pieces.push(match part {
            Part::Header(bytes) => Piece::Bytes(bytes),
            Part::Pages(run) => Piece::Pages(*run),
        });
    }
    pieces
}

/// Empty headers of the lengths that are going to come.
fn empty_headers(parts: &[Part]) -> Vec<Vec<u8>> {
    let header = |part: &Part| match part {
        Part::Header(bytes) => vec![0; bytes.len()],
        Part::Pages(_) => Vec::new(),
    };
    parts.iter().map(header).collect()
}

fn slots<'a>(parts: &[Part], headers: &'a mut [Vec<u8>]) -> Vec<Slot<'a>> {
    let slot = |(part, header): (&Part, &'a mut Vec<u8>)| match part {
        Part::Header(_) => Slot::Bytes(header),
        Part::Pages(run) => Slot::Pages(*run),
    };
    parts.iter().zip(headers).map(slot).collect()
}

fn assert_received(parts: &[Part], headers: &[Vec<u8>], target: &Loading) {
    let mut expected = target.ram().no_pages();
    for (part, header) in parts.iter().zip(headers) {
        match part {
            Part::Header(bytes) => assert_eq!(bytes, header),
            Part::Pages(run) => expected.insert_run(*run),
        }
    }
    let (mut theirs, mut ours) = ([0; PAGE], [0; PAGE]);
    for page in target.ram().whole().pages() {
        let at = Bytes::new(page.get() * PAGE as u64);
        target.ram().read(at, &mut theirs).unwrap();
        ours.fill(0);
        if expected.contains(page) {
            SOURCE.ram().read(at, &mut ours).unwrap();
        }
        assert!(ours == theirs, "{page} differs");
    }
}

/// One thread that sends until it is blocked and receives until it is blocked.
fn cross_without_blocking(
    parts: &[Part],
    (ours, theirs): (BorrowedFd<'_>, BorrowedFd<'_>),
) -> usize {
    let target = target();
    let mut headers = empty_headers(parts);
    let (mut sent, mut received) = (Bytes::ZERO, Bytes::ZERO);
    let mut blocked = 0;
    loop {
        let sending = SOURCE.ram().send(ours, &pieces(parts), &mut sent).unwrap();
        let mut slots = slots(parts, &mut headers);
        let receiving = target.receive(theirs, &mut slots, &mut received).unwrap();
        match (sending, receiving) {
            (Progress::Done, Progress::Done) => break,
            (Progress::Blocked, _) | (_, Progress::Blocked) => blocked += 1,
        }
    }
    assert_eq!(sent, received);
    assert_received(parts, &headers, &target);
    blocked
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn whatever_is_sent_arrives_over_tcp(parts in any_parts()) {
        use std::os::fd::AsFd;
        let (ours, theirs) = tcp();
        ours.set_nonblocking(true).unwrap();
        theirs.set_nonblocking(true).unwrap();
        cross_without_blocking(&parts, (ours.as_fd(), theirs.as_fd()));
    }

    #[test]
    fn whatever_is_sent_arrives_over_a_unix_socket(parts in any_parts()) {
        use std::os::fd::AsFd;
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        theirs.set_nonblocking(true).unwrap();
        cross_without_blocking(&parts, (ours.as_fd(), theirs.as_fd()));
    }

    #[test]
    fn sockets_that_block_need_one_call(parts in any_parts()) {
        let target = target();
        let (ours, theirs) = tcp();
        let mut headers = empty_headers(&parts);
        thread::scope(|scope| {
            scope.spawn(|| {
                let progress = SOURCE.ram().send(&ours, &pieces(&parts), &mut Bytes::default());
                assert_eq!(progress.unwrap(), Progress::Done);
            });
            let mut slots = slots(&parts, &mut headers);
            let progress = target.receive(&theirs, &mut slots, &mut Bytes::default());
            assert_eq!(progress.unwrap(), Progress::Done);
        });
        assert_received(&parts, &headers, &target);
    }
}

#[test]
fn more_parts_than_linux_takes_at_once_arrive() {
    use std::os::fd::AsFd;
    let parts: Vec<_> = (0..2500)
        .map(|part| match part % 3 {
            0 => Part::Header(vec![7; 3]),
            _ => Part::Pages(run(part * 7 % 512, 1)),
        })
        .collect();
    let (ours, theirs) = tcp();
    ours.set_nonblocking(true).unwrap();
    theirs.set_nonblocking(true).unwrap();
    let blocked = cross_without_blocking(&parts, (ours.as_fd(), theirs.as_fd()));
    assert!(blocked > 10, "the buffers were meant to be small: {blocked}");
}

#[test]
fn a_peer_that_goes_while_it_sends_is_an_error() {
    let target = target();
    let (ours, theirs) = tcp();
    let progress = SOURCE.ram().send(&ours, &[Piece::Pages(run(0, 1))], &mut Bytes::default());
    assert_eq!(progress.unwrap(), Progress::Done);
    ours.shutdown(Shutdown::Write).unwrap();
    let mut received = Bytes::ZERO;
    let refused = target.receive(&theirs, &mut [Slot::Pages(run(0, 2))], &mut received);
    let Err(MemoryError::Closed { missing }) = refused else { panic!("{refused:?}") };
    assert_eq!((received, missing), (Bytes::from_kib(4), Bytes::from_kib(4)));
}

#[test]
fn a_peer_that_is_gone_is_an_error_and_no_signal() {
    // Short runs go another way than long ones.
    for pages in [1, 64] {
        let (ours, theirs) = UnixStream::pair().unwrap();
        drop(theirs);
        let refused =
            SOURCE.ram().send(&ours, &[Piece::Pages(run(0, pages))], &mut Bytes::default());
        let Err(MemoryError::Os { task: Task::Send, source }) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(source.kind(), std::io::ErrorKind::BrokenPipe);
    }
}

#[test]
fn pages_that_are_not_there_are_not_sent() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let mut sent = Bytes::ZERO;
    let refused = SOURCE.ram().send(&ours, &[Piece::Pages(run(500, 13))], &mut sent);
    assert!(matches!(refused, Err(MemoryError::NoSuchPages { .. })), "{refused:?}");
    drop(ours);
    assert_eq!((sent, theirs.read(&mut [0]).unwrap()), (Bytes::ZERO, 0));
}
