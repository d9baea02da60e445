//! What a journal occupies: on the disk while keys are rewritten for ever, and in memory.

use std::{fs, slice};

use ferry_store::{Journal, Retention, Store};

use crate::common::{Scratch, delete, files, noise, put};

/// Nobody's history is worth more here.
const SHORT: Retention = Retention { records: 1_000, bytes: 1 << 20 };

fn largest(store: &Store, before: u64) -> u64 {
    before.max(store.stats().bytes_on_disk)
}

#[test]
fn heartbeats_do_not_grow_the_directory() {
    let scratch = Scratch::new(Retention::default());
    let (mut store, _) = scratch.open();
    let mut most = 0;
    for revision in (1..=200_000).step_by(16) {
        let batch: Vec<_> = (revision..revision + 16)
            .map(|revision| {
                put(revision, format!("leases/{}", revision % 20), noise(revision, 400))
            })
            .collect();
        store.append(&batch).unwrap();
        if revision % 8_000 == 1 {
            most = largest(&store, most);
        }
    }
    println!("{:?}, at most {most} on the disk", store.stats());
    assert_eq!(store.stats().objects, 20);
    // The history alone is 4 MB, and sled takes two to three times that. All that was written is 86 MB.
    assert!(most < 20 << 20, "{most}");
}

#[test]
fn lone_heartbeats_do_not_grow_the_directory() {
    let scratch = Scratch::new(SHORT);
    let (mut store, _) = scratch.open();
    let mut most = 0;
    for revision in 1..=10_000 {
        let record = put(revision, format!("leases/{}", revision % 20), noise(revision, 400));
        store.append(&[record]).unwrap();
        if revision % 500 == 0 {
            most = largest(&store, most);
        }
    }
    println!("{:?}, at most {most} on the disk", store.stats());
    assert!(most < 16 << 20, "{most}");
}

#[test]
fn what_is_deleted_goes_away() {
    let scratch = Scratch::new(SHORT);
    let (mut store, _) = scratch.open();
    let mut revision = 0;
    let mut most = 0;
    for round in 0..20 {
        for change in 0..2 {
            for key in (0..500).step_by(50) {
                let batch: Vec<_> = (key..key + 50)
                    .map(|key| {
                        revision += 1;
                        let key = format!("pods/{round}/{key}");
                        match change {
                            0 => put(revision, key, noise(revision, 2_000)),
                            _ => delete(revision, key, noise(revision - 500, 2_000)),
                        }
                    })
                    .collect();
                store.append(&batch).unwrap();
            }
        }
        most = largest(&store, most);
    }
    println!("{:?}, at most {most} on the disk", store.stats());
    assert_eq!(store.stats().objects, 500, "those of the last round; their deletion is history");
    assert!(most < 24 << 20, "{most}");
}

#[test]
fn nothing_becomes_a_blob() {
    let scratch = Scratch::new(SHORT);
    let (mut store, _) = scratch.open();
    for (revision, turn) in (1..300).zip(1..) {
        let length = if turn % 50 == 0 { 3 << 20 } else { 2_950 * (turn % 7) };
        let record = put(revision, format!("{}", revision % 10), noise(revision, length));
        store.append(&[record]).unwrap();
        assert_eq!(files(&scratch.path().join("sled").join("blobs")).len(), 0);
    }
}

#[test]
fn large_entries_are_kept_where_there_is_no_directory_for_them() {
    let scratch = Scratch::new(SHORT);
    let (mut store, _) = scratch.open();
    fs::remove_dir(scratch.path().join("large")).unwrap();
    let record = put(1, "a", noise(1, 100_000));
    store.append(slice::from_ref(&record)).unwrap();
    drop(store);
    let (mut store, found) = scratch.open();
    assert_eq!(found.log, [record]);
    store.append(&[put(2, "a", noise(2, 100_000))]).unwrap();
    assert_eq!(files(&scratch.path().join("large")).len(), 1);
}

#[test]
fn the_largest_bodies_are_kept_whole() {
    let scratch = Scratch::new(SHORT);
    let (mut store, _) = scratch.open();
    let batch: Vec<_> = (1..=16)
        .map(|revision| put(revision, format!("{revision}"), noise(revision, 3 << 20)))
        .collect();
    store.append(&batch).unwrap();
    drop(store);
    let (store, found) = scratch.open();
    assert_eq!(found.log, batch);
    println!("{:?}", store.stats());
}

/// Each lease that is renewed pushes a piece of what lives to the newest end, so that all of it has
/// moved several times by the end.
#[test]
fn heartbeats_beside_objects_do_not_grow_the_directory() {
    let scratch = Scratch::new(SHORT);
    let (mut store, _) = scratch.open();
    for first in (1..=2_000).step_by(50) {
        let batch: Vec<_> = (first..first + 50)
            .map(|revision| put(revision, format!("pods/{revision}"), noise(revision, 2_048)))
            .collect();
        store.append(&batch).unwrap();
    }
    let value = noise(1, 400);
    let (mut entries, mut most) = (0, 0);
    for first in (2_001..=122_000_u64).step_by(16) {
        let batch: Vec<_> = (first..first + 16)
            .map(|revision| put(revision, format!("leases/{}", revision % 20), value.clone()))
            .collect();
        store.append(&batch).unwrap();
        if first % 2_000 == 1 {
            let stats = store.stats();
            entries = entries.max(stats.entry_bytes);
            most = most.max(stats.bytes_on_disk);
            // What lives, as much that is dead, the history, and an entry or two.
            let history = stats.log_bytes + (1 << 20);
            let is_right = first < 10_000 || stats.entry_bytes < stats.live_bytes * 2 + history;
            assert!(is_right, "{stats:?}");
        }
    }
    println!("{:?}, at most {entries} in entries and {most} on the disk", store.stats());
    // With what is on its way, and twice the file of what is recent: that, and one batch of as much.
    assert!(most < entries * 2 + (3 << 20) + 2 * (64 << 10), "{most}, entries {entries}");
}
