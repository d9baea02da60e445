//! A history that follows from its revisions, so that whoever writes it and whoever checks it need not
//! talk.

use std::collections::BTreeMap;
use std::io::{Write, stdin, stdout};
use std::path::PathBuf;

use bytes::Bytes;
use ferry_store::{Record, RecordChange, Recovered, Retention, StoreOptions};

/// Few keys and a short history, so that cleaning is under way most of the time.
const KEYS: u64 = 300;

const RETENTION: Retention = Retention { records: 400, bytes: 256 << 10 };

pub(crate) fn options() -> StoreOptions {
    StoreOptions { retention: RETENTION, ..StoreOptions::default() }
}

/// SplitMix64.
pub(crate) fn dice(seed: u64) -> u64 {
    let z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// What is written at a revision follows from the revision, so that both sides know it.
pub(crate) fn record(revision: u64) -> Record {
    let chance = dice(revision);
    let key = Bytes::from(format!("key/{}", chance % KEYS));
    let length = match chance >> 32 & 63 {
        0 => 150_000,
        1..8 => 9_000,
        rest => usize::try_from(rest * 17).expect("it is small"),
    };
    let value = Bytes::from(vec![chance.to_le_bytes()[0]; length]);
    let what = match chance >> 40 & 7 {
        0 => RecordChange::Delete(value),
        _ => RecordChange::Put(value),
    };
    Record { revision, key, change: what }
}

/// The batch after this revision.
pub(crate) fn batch(revision: u64) -> Vec<Record> {
    let size = 1 + dice(revision) % 24;
    (revision + 1..=revision + size).map(record).collect()
}

/// Where the parent says that the journal is.
pub(crate) fn told() -> PathBuf {
    let mut dir = String::new();
    stdin().read_line(&mut dir).expect("the parent says where");
    PathBuf::from(dir.trim())
}

/// Tells the parent.
pub(crate) fn say(revision: u64) {
    let mut out = stdout().lock();
    writeln!(out, "{revision}").and_then(|()| out.flush()).expect("the parent listens");
}

pub(crate) fn check(found: &Recovered, newest: u64, when: &str) {
    let log: Vec<_> = (found.base + 1..=newest).map(record).collect();
    assert!(found.log == log, "{when}: the log is not what was written after {}", found.base);
    let mut state = BTreeMap::new();
    for Record { revision, key, change } in (1..=found.base).map(record) {
        match change {
            RecordChange::Put(value) => state.insert(key, (revision, value)),
            RecordChange::Delete(_) => state.remove(&key),
        };
    }
    let objects = found.objects.iter();
    let objects: BTreeMap<_, _> =
        objects.map(|it| (it.key.clone(), (it.revision, it.value.clone()))).collect();
    assert!(objects == state, "{when}: the state at {} is not what was written", found.base);
}
