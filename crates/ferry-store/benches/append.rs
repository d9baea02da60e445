//! What it costs to make records durable, in groups as a committer makes them, beside the least that
//! any journal could do: append the same bytes to a file and call fdatasync.

use std::fs::File;
use std::io::Write;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ferry_store::{Journal, Record, RecordChange, Store, StoreOptions};

/// A VirtualMachineInstanceMigration with its status and managed fields.
const VALUE: usize = 2 << 10;

/// How many objects there are. Beyond that, records replace values.
const KEYS: u64 = 10_000;

fn batch(revision: &mut u64, group: u64) -> Vec<Record> {
    let value = Bytes::from(vec![b'x'; VALUE]);
    (0..group)
        .map(|_| {
            *revision += 1;
            let key =
                format!("kubevirt.io/virtualmachineinstances/default/vm-{}", *revision % KEYS);
            let change = RecordChange::Put(value.clone());
            Record { revision: *revision, key: key.into(), change }
        })
        .collect()
}

fn append(c: &mut Criterion) {
    for group in [1, 16, 256] {
        let mut benches = c.benchmark_group(format!("append {group}"));
        benches.sample_size(20).throughput(Throughput::Elements(group));
        let dir = tempfile::tempdir().expect("there is a directory for temporary files");
        let path = dir.path().join("journal");
        let (mut store, _) = Store::open(&path, &StoreOptions::default()).expect("it is new");
        let mut revision = 0;
        // A journal in use: its window is full and it cleans.
        while revision < 3 * KEYS {
            store.append(&batch(&mut revision, 250)).expect("there is space");
        }
        benches.bench_function("journal", |b| {
            b.iter(|| store.append(&batch(&mut revision, group)).expect("there is space"));
        });
        let mut file = File::create(dir.path().join("bare")).expect("the directory is ours");
        benches.bench_function("bare file", |b| {
            b.iter(|| {
                let batch = batch(&mut revision, group);
                let bytes: Vec<u8> =
                    batch.iter().flat_map(|record| record.value().to_vec()).collect();
                file.write_all(&bytes).expect("there is space");
                file.sync_data().expect("the disk works");
            });
        });
        println!("{:?}", store.stats());
        let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
        status.lines().filter(|line| line.starts_with("VmRSS")).for_each(|line| println!("{line}"));
        benches.finish();
    }
}

fn open(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("there is a directory for temporary files");
    let path = dir.path().join("journal");
    let mut revision = 0;
    let (mut store, _) = Store::open(&path, &StoreOptions::default()).expect("it is new");
    while revision < 3 * KEYS {
        store.append(&batch(&mut revision, 250)).expect("there is space");
    }
    drop(store);
    let mut benches = c.benchmark_group("open");
    benches.sample_size(10);
    benches.bench_function("10,000 objects", |b| {
        b.iter(|| Store::open(&path, &StoreOptions::default()).expect("it is whole"));
    });
    benches.finish();
}

criterion_group!(benches, append, open);
criterion_main!(benches);
