//! Guest memory over loopback TCP, beside a plain `write` from a buffer that is hot in the cache.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ferry_memory::{GuestMemory, Loading, Piece, Progress, Slot, SocketTuning};
use ferry_units::{Bytes, PageCount, PageRun};

/// What crosses in one iteration.
const SIZE: Bytes = Bytes::from_mib(128);

/// The yardstick's buffer.
const BUFFER: usize = 256 << 10;

const HEADER: [u8; 32] = [0; 32];

/// Headers and runs in one call.
const AT_ONCE: usize = 128;

fn connection() -> (TcpStream, TcpStream) {
    let connect = || {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let ours = TcpStream::connect(listener.local_addr()?)?;
        Ok::<_, std::io::Error>((ours, listener.accept()?.0))
    };
    let (ours, theirs) = connect().expect("there is a loopback device");
    for end in [&ours, &theirs] {
        SocketTuning::default().apply(end).expect("it is TCP");
    }
    (ours, theirs)
}

/// Reads as plainly as can be and tells when `size` bytes came, again and again.
fn drain(mut socket: TcpStream, size: Bytes) -> Receiver<()> {
    let (arrived, arrivals) = mpsc::channel();
    thread::spawn(move || {
        let mut buffer = vec![0; BUFFER];
        let mut count = 0;
        while let Ok(length @ 1..) = socket.read(&mut buffer) {
            count += length as u64;
            if count >= size.get() {
                count -= size.get();
                arrived.send(()).unwrap_or_default();
            }
        }
    });
    arrivals
}

fn source() -> GuestMemory {
    let memory = GuestMemory::create("bench", SIZE).expect("there is memory");
    let bytes = vec![7; usize::try_from(SIZE.get()).expect("it is small")];
    memory.enter().write(Bytes::ZERO, &bytes).expect("it is within");
    memory
}

/// Pairs of a header and a run, with as many pages between two runs as in one.
fn pieces(memory: &GuestMemory, pages: u64) -> Vec<Piece<'static>> {
    let runs: Vec<_> = memory.ram().whole().pieces(PageCount(pages)).collect();
    let (even, odd): (Vec<_>, Vec<_>) =
        runs.into_iter().enumerate().partition(|(number, _)| number % 2 == 0);
    let run_of = |(_, run): (usize, PageRun)| [Piece::Bytes(&HEADER), Piece::Pages(run)];
    even.into_iter().chain(odd).flat_map(run_of).collect()
}

fn send(memory: &GuestMemory, socket: &TcpStream, pieces: &[Piece<'_>], arrivals: &Receiver<()>) {
    for some in pieces.chunks(AT_ONCE) {
        let progress = memory.ram().send(socket, some, &mut Bytes::default());
        assert_eq!(progress.expect("somebody reads"), Progress::Done);
    }
    arrivals.recv().expect("somebody reads");
}

fn sends(c: &mut Criterion) {
    let mut group = c.benchmark_group("loopback, received into a buffer");
    group.sample_size(20).throughput(Throughput::Bytes(SIZE.get()));
    group.bench_function("write from a buffer", |b| {
        let (mut ours, theirs) = connection();
        let arrivals = drain(theirs, SIZE);
        let buffer = vec![7; BUFFER];
        b.iter(|| {
            for _ in 0..SIZE.get() / BUFFER as u64 {
                ours.write_all(&buffer).expect("somebody reads");
            }
            arrivals.recv()
        });
    });
    let memory = source();
    for pages in [1, 4, 8, 16, 64, 512] {
        group.bench_function(format!("runs of {pages}"), |b| {
            let pieces = pieces(&memory, pages);
            let headers = Bytes::new((pieces.len() / 2 * HEADER.len()) as u64);
            let (ours, theirs) = connection();
            let arrivals = drain(theirs, SIZE + headers);
            b.iter(|| send(&memory, &ours, &pieces, &arrivals));
        });
    }
}

/// Receives what was sent of `pieces` to where it belongs, until nothing comes any more, and tells
/// each time that everything came.
fn place(socket: TcpStream, pieces: Vec<Piece<'static>>) -> Receiver<()> {
    let (arrived, arrivals) = mpsc::channel();
    thread::spawn(move || {
        let target = Loading::create("bench", SIZE).expect("there is memory");
        target.ram().populate(target.ram().whole()).expect("it is within").for_each(drop);
        loop {
            for some in pieces.chunks(AT_ONCE) {
                let mut headers = [HEADER; AT_ONCE];
                let slots = some.iter().zip(&mut headers).map(|(piece, header)| match piece {
                    Piece::Bytes(_) => Slot::Bytes(header),
                    Piece::Pages(run) => Slot::Pages(*run),
                });
                let mut slots: Vec<_> = slots.collect();
                let progress = target.receive(&socket, &mut slots, &mut Bytes::default());
                if progress.is_err() {
                    return;
                }
            }
            arrived.send(()).unwrap_or_default();
        }
    });
    arrivals
}

fn receives(c: &mut Criterion) {
    let mut group = c.benchmark_group("loopback, received into guest memory");
    group.sample_size(20).throughput(Throughput::Bytes(SIZE.get()));
    let memory = source();
    for pages in [1, 64, 512] {
        group.bench_function(format!("runs of {pages}"), |b| {
            let pieces = pieces(&memory, pages);
            let (ours, theirs) = connection();
            let arrivals = place(theirs, pieces.clone());
            b.iter(|| send(&memory, &ours, &pieces, &arrivals));
        });
    }
}

criterion_group!(benches, sends, receives);
criterion_main!(benches);
