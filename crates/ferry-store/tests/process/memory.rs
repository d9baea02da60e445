//! What a journal costs in memory while it works.

use std::fs;
use std::process::{Command, Stdio};

use bytes::Bytes;
use ferry_store::{Journal, Record, RecordChange, Store, StoreOptions};

use crate::history::say;

pub(crate) const ROLE: &str = "write-much";

/// In KiB: a fifth more than a debug build was measured to take; a release build takes 14 MiB. Were
/// sled not pressed to keep to its limit, a debug build would take 46 MiB.
const MOST: u64 = 42 << 10;

/// glibc raises this limit by itself to the largest block that was freed. sled's buffers of 512 KiB
/// then come from the heap and leave holes of 30 MB there, which says nothing about the journal.
const MMAP_FROM: (&str, &str) = ("MALLOC_MMAP_THRESHOLD_", "131072");

pub(crate) fn the_data_are_not_kept_in_memory() {
    let mut command = Command::new("/proc/self/exe");
    command.arg(ROLE).env(MMAP_FROM.0, MMAP_FROM.1).stdout(Stdio::piped());
    let output = command.output().expect("this program can be run");
    assert!(output.status.success(), "the writer failed");
    let said = String::from_utf8_lossy(&output.stdout);
    let resident: u64 = said.trim().parse().expect("sizes are numbers");
    println!("a writer of 40,000 records of 2 KiB had {resident} KiB in memory");
    assert!(resident < MOST, "{resident} KiB");
}

/// In KiB.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("it is there");
    line.trim().trim_end_matches(" kB").parse().expect("it is a number")
}

pub(crate) fn write_much() {
    let dir = tempfile::tempdir().expect("there is a directory for temporary files");
    let path = dir.path().join("journal");
    let (mut store, _) = Store::open(&path, &StoreOptions::default()).expect("it is new");
    let mut revision = 0;
    while revision < 40_000 {
        let batch: Vec<_> = (0..16)
            .map(|_| {
                revision += 1;
                let key = format!("kubevirt.io/virtualmachines/default/vm-{}", revision % 10_000);
                let change = RecordChange::Put(Bytes::from(vec![b'x'; 2_048]));
                Record { revision, key: key.into(), change }
            })
            .collect();
        store.append(&batch).expect("there is space");
    }
    let stats = store.stats();
    assert_eq!(stats.objects, 10_000);
    assert!(stats.entry_bytes > 50 << 20, "{stats:?}");
    say(resident());
}
