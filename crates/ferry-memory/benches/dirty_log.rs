//! What a dirty log costs a guest, and what a harvest costs an engine.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use ferry_memory::{DirtyLog, GuestMemory};
use ferry_units::Bytes;

const MIB: u64 = 1 << 20;

/// Writes of one iteration, and between two harvests: 2 to 10 ms worth of them.
const WRITES: u64 = 1_000_000;

/// Words within the first `size` bytes, in an order that looks random.
struct Offsets {
    state: u64,
    words: u64,
}

impl Offsets {
    fn within(size: u64, seed: u64) -> Self {
        Self { state: seed, words: size / 8 }
    }

    fn next(&mut self) -> u64 {
        self.state =
            self.state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        (((self.state >> 32) * self.words) >> 32) * 8
    }
}

fn memory(size: u64) -> GuestMemory {
    let memory = GuestMemory::create("bench", Bytes::new(size)).expect("there is memory");
    memory.ram().populate(memory.ram().whole()).expect("it is within").for_each(drop);
    memory
}

/// One vCPU that stores words, or the same without marks, while others do the same.
fn stores(c: &mut Criterion) {
    for (size, name) in [(MIB, "1 MiB"), (64 * MIB, "64 MiB"), (512 * MIB, "512 MiB")] {
        let mut group = c.benchmark_group(format!("store words in {name}"));
        group.sample_size(20).throughput(Throughput::Elements(WRITES));
        for vcpus in [1, 2] {
            let words: Vec<_> = (0..size / 8).map(AtomicU64::new).collect();
            let unmarked = |offsets: &mut Offsets| {
                for _ in 0..WRITES {
                    let at = usize::try_from(offsets.next() / 8).expect("it is small");
                    words.get(at).expect("it is within").store(1, Ordering::Relaxed);
                }
            };
            group.bench_function(format!("{vcpus} vCPU, no marks"), |b| {
                beside(vcpus - 1, size, unmarked, |mut offsets| b.iter(|| unmarked(&mut offsets)));
            });

            // In small pages, as the words above are.
            let memory = GuestMemory::create("bench", Bytes::new(size)).expect("there is memory");
            let zeros = vec![0; usize::try_from(size).expect("it is small")];
            memory.enter().write(Bytes::ZERO, &zeros).expect("it is within");
            let marked = |offsets: &mut Offsets| {
                let mut guest = memory.enter();
                for _ in 0..WRITES {
                    guest.store(Bytes::new(offsets.next()), 1).expect("it is within");
                }
            };
            group.bench_function(format!("{vcpus} vCPU, no log"), |b| {
                beside(vcpus - 1, size, marked, |mut offsets| b.iter(|| marked(&mut offsets)));
            });
            // What a harvest itself costs is the engine's time, and not measured here.
            let log = memory.log().expect("there is no other");
            let mut dirty = memory.ram().no_pages();
            group.bench_function(format!("{vcpus} vCPU, harvested each time"), |b| {
                beside(vcpus - 1, size, marked, |mut offsets| {
                    b.iter_batched(
                        || log.harvest(memory.ram().whole(), &mut dirty),
                        |_| marked(&mut offsets),
                        BatchSize::PerIteration,
                    );
                });
            });
        }
    }
}

/// Runs `measured` while so many `others` do `work`.
fn beside(
    others: u64,
    size: u64,
    work: impl Fn(&mut Offsets) + Sync,
    measured: impl FnOnce(Offsets),
) {
    let end = AtomicBool::new(false);
    thread::scope(|scope| {
        for other in 0..others {
            let (end, work) = (&end, &work);
            scope.spawn(move || {
                let mut offsets = Offsets::within(size, 99 + other);
                while !end.load(Ordering::Relaxed) {
                    work(&mut offsets);
                }
            });
        }
        measured(Offsets::within(size, 1));
        end.store(true, Ordering::Relaxed);
    });
}

fn harvests(c: &mut Criterion) {
    const SIZE: u64 = 256 * MIB;
    let mut group = c.benchmark_group("harvest 256 MiB");
    group.throughput(Throughput::Elements(SIZE / 4096));
    let memory = memory(SIZE);
    let log = memory.log().expect("there is no other");
    let whole = memory.ram().whole();
    for (name, every) in
        [("clean", u64::MAX), ("1 % dirty", 100), ("10 % dirty", 10), ("all dirty", 1)]
    {
        let dirty = || {
            let mut guest = memory.enter();
            for page in (0..SIZE / 4096).filter(|page| page % every == every / 2) {
                guest.store(Bytes::new(page * 4096), 1).expect("it is within");
            }
            memory.ram().no_pages()
        };
        group.bench_function(format!("{name}, running"), |b| {
            b.iter_batched_ref(dirty, |dirty| log.harvest(whole, dirty), BatchSize::PerIteration);
        });
        group.bench_function(format!("{name}, stopped"), |b| {
            b.iter_batched_ref(
                || (dirty(), memory.stop()),
                |(dirty, stopped)| log.harvest_stopped(stopped, whole, dirty),
                BatchSize::PerIteration,
            );
        });
    }
}

/// From the wish that a vCPU stands still to the proof that it does.
fn stops(c: &mut Criterion) {
    let memory = memory(MIB);
    let turns = AtomicU64::new(0);
    let vcpu = |offsets: &mut Offsets| {
        let mut guest = memory.enter();
        for _ in 0..WRITES {
            guest.store(Bytes::new(offsets.next()), 1).expect("it is within");
            turns.fetch_add(1, Ordering::Relaxed);
            guest.checkpoint();
        }
    };
    let await_it = || {
        let before = turns.load(Ordering::Relaxed);
        while turns.load(Ordering::Relaxed) == before {
            thread::yield_now();
        }
    };
    c.bench_function("stop a vCPU", |b| {
        beside(1, MIB, vcpu, |_| {
            b.iter_batched(await_it, |()| memory.stop(), BatchSize::PerIteration);
        });
    });
}

criterion_group!(benches, stores, harvests, stops);
criterion_main!(benches);
