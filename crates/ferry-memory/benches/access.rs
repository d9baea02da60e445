//! What it costs to treat guest memory as atomic words: reading, writing and searching it, each
//! beside what a program would do that need not care.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use ferry_memory::{GuestMemory, Populated};
use ferry_units::Bytes;
use vm_memory::{VolatileMemory, VolatileSlice};

/// Larger than any cache.
const LARGE: usize = 256 << 20;

/// Fits the second-level cache.
const SMALL: usize = 256 << 10;

/// What is copied at once: what a TLS engine takes.
const CHUNK: usize = 16 << 10;

fn memory(size: usize) -> GuestMemory {
    let memory = GuestMemory::create("bench", Bytes::new(size as u64)).expect("there is memory");
    memory.enter().write(Bytes::ZERO, &vec![1; size]).expect("it is within");
    memory
}

fn offsets(size: usize) -> impl Iterator<Item = usize> {
    (0..size).step_by(CHUNK)
}

fn reads(c: &mut Criterion) {
    for (name, size) in [("DRAM", LARGE), ("L2", SMALL)] {
        let mut group = c.benchmark_group(format!("read from {name}"));
        group.sample_size(20).throughput(Throughput::Bytes(size as u64));
        let mut buffer = vec![0; CHUNK];
        let guest = memory(size);
        group.bench_function("ferry", |b| {
            b.iter(|| {
                for at in offsets(size) {
                    let read = guest.ram().read(Bytes::new(at as u64), &mut buffer);
                    read.expect("it is within");
                    black_box(&buffer);
                }
            });
        });
        let mut bytes = vec![1_u8; size];
        group.bench_function("memcpy", |b| {
            b.iter(|| {
                for at in offsets(size) {
                    buffer.copy_from_slice(black_box(&bytes[at..at + CHUNK]));
                }
            });
        });
        let slice = VolatileSlice::from(bytes.as_mut_slice());
        group.bench_function("vm-memory", |b| {
            b.iter(|| {
                for at in offsets(size) {
                    let part = slice.get_slice(at, CHUNK).expect("it is within");
                    black_box(part.copy_to(&mut buffer[..]));
                }
            });
        });
    }
}

fn writes(c: &mut Criterion) {
    for (name, size) in [("DRAM", LARGE), ("L2", SMALL)] {
        let mut group = c.benchmark_group(format!("write to {name}"));
        group.sample_size(20).throughput(Throughput::Bytes(size as u64));
        let buffer = vec![7; CHUNK];
        let memory = memory(size);
        let mut guest = memory.enter();
        group.bench_function("ferry", |b| {
            b.iter(|| {
                for at in offsets(size) {
                    guest.write(Bytes::new(at as u64), &buffer).expect("it is within");
                }
            });
        });
        let mut bytes = vec![1_u8; size];
        group.bench_function("memcpy", |b| {
            b.iter(|| {
                for at in offsets(size) {
                    black_box(&mut bytes[at..at + CHUNK]).copy_from_slice(&buffer);
                }
            });
        });
    }
}

fn zero_pages(c: &mut Criterion) {
    let mut group = c.benchmark_group("find zero pages");
    group.sample_size(20).throughput(Throughput::Bytes(LARGE as u64));
    let zero = GuestMemory::create("bench", Bytes::new(LARGE as u64)).expect("there is memory");
    let full = memory(LARGE);
    for (name, guest) in [("zero", &zero), ("not zero", &full)] {
        let ram = guest.ram();
        ram.populate(ram.whole()).expect("it is within").for_each(drop);
        group.bench_function(name, |b| {
            b.iter(|| ram.contents(ram.whole()).expect("it is within").count());
        });
    }
    // Zeros that were written: the allocator's would be one page, seen again and again.
    let mut words = vec![1_u64; LARGE / 8];
    black_box(&mut words).fill(0);
    group.bench_function("zero, by plain words", |b| {
        b.iter(|| {
            let is_zero = |page: &[u64]| {
                page.chunks_exact(32).all(|line| line.iter().fold(0, |all, word| all | word) == 0)
            };
            black_box(&words).chunks_exact(512).filter(|page| is_zero(page)).count()
        });
    });
}

fn population(c: &mut Criterion) {
    const SIZE: Bytes = Bytes::from_mib(64);
    let mut group = c.benchmark_group("populate");
    group.sample_size(20).throughput(Throughput::Bytes(SIZE.get()));
    let create = || GuestMemory::create("bench", SIZE).expect("there is memory");
    let populate = |guest: &GuestMemory| {
        let mut populated = Populated::default();
        for step in guest.ram().populate(guest.ram().whole()).expect("it is within") {
            populated += step.expect("there is memory");
        }
        populated
    };
    let populated = populate(&create());
    group.bench_function(format!("{} huge, {} small", populated.huge, populated.small), |b| {
        b.iter_batched_ref(create, |guest| populate(guest), BatchSize::PerIteration);
    });
    group.bench_function("touch", |b| {
        b.iter_batched_ref(
            create,
            |memory| {
                let mut guest = memory.enter();
                for at in (0..SIZE.get()).step_by(4096) {
                    guest.store(Bytes::new(at), 1).expect("it is within");
                }
            },
            BatchSize::PerIteration,
        );
    });
}

criterion_group!(benches, reads, writes, zero_pages, population);
criterion_main!(benches);
