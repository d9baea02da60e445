//! What is not opened, and what is not written: each says why, and does no harm.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ferry_store::{Disk, Journal, Retention, Store, StoreError, StoreOptions};

use crate::common::{Scratch, delete, noise, put};

fn scratch() -> Scratch {
    Scratch::new(Retention::default())
}

#[test]
fn a_directory_of_somebody_else_is_left_alone() {
    let scratch = scratch();
    fs::create_dir_all(scratch.path()).unwrap();
    fs::write(scratch.path().join("thesis.tex"), "years of work").unwrap();
    let refusal = scratch.refusal();
    let expected = "is not a ferry journal: it holds `thesis.tex` and no `format` file; \
                    choose an empty directory";
    assert!(refusal.ends_with(expected), "{refusal}");
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
}

#[test]
fn a_file_is_no_directory() {
    let scratch = scratch();
    fs::write(scratch.path(), "").unwrap();
    let error = scratch.try_open().unwrap_err();
    assert!(matches!(error, StoreError::Inaccessible { .. }), "{error}");
    assert!(error.to_string().contains("journal: check its owner"), "{error}");
}

#[test]
fn a_journal_has_one_user() {
    let scratch = scratch();
    let (store, _) = scratch.open();
    let refusal = scratch.refusal();
    let expected = format!(
        "lock is locked by process {}: stop it first, or choose another directory",
        std::process::id()
    );
    assert!(refusal.ends_with(&expected), "{refusal}");
    drop(store);
    scratch.open();
}

#[test]
fn a_journal_of_a_newer_ferry_is_left_alone() {
    let scratch = scratch();
    drop(scratch.open());
    let format = scratch.path().join("format");
    fs::write(&format, "ferry-journal 4\n").unwrap();
    let error = scratch.try_open().unwrap_err();
    assert!(matches!(error, StoreError::NewerFormat { found: 4, known: 3, .. }), "{error}");
    for text in ["", "ferry-journal 3", "ferry-journal 0\n", "ferry-journal\n", "other 1\n"] {
        fs::write(&format, text).unwrap();
        let error = scratch.try_open().unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{text:?}: {error}");
    }
    fs::write(&format, "ferry-journal 3\n").unwrap();
    scratch.open();
}

#[test]
fn a_journal_of_an_older_ferry_is_taken_over() {
    for (older, lacks) in [(1, &["recent", "large"][..]), (2, &["large"])] {
        let scratch = scratch();
        let (mut store, _) = scratch.open();
        // So much that sled has it, in several pieces each, as an older ferry would have written it.
        for revision in 1..=3 {
            store.append(&[put(revision, "a", noise(revision, 30_000))]).unwrap();
        }
        drop(store);
        let format = scratch.path().join("format");
        fs::write(&format, format!("ferry-journal {older}\n")).unwrap();
        for part in lacks {
            let path = scratch.path().join(part);
            let gone = if path.is_dir() { fs::remove_dir(path) } else { fs::remove_file(path) };
            gone.unwrap();
        }
        let (mut store, found) = scratch.open();
        assert_eq!(found.log.len(), 3);
        assert_eq!(fs::read_to_string(&format).unwrap(), "ferry-journal 3\n");
        store.append(&[put(4, "b", "new")]).unwrap();
        store.append(&[put(5, "c", noise(5, 100_000))]).unwrap();
        drop(store);
        assert_eq!(scratch.open().1.log.len(), 5);
    }
}

#[test]
fn a_start_that_was_interrupted_is_started_again() {
    let scratch = scratch();
    drop(scratch.open());
    for gone in ["acknowledged", "format"] {
        fs::remove_file(scratch.path().join(gone)).unwrap();
        if gone == "format" {
            fs::remove_dir_all(scratch.path().join("sled")).unwrap();
            fs::remove_file(scratch.path().join("acknowledged")).unwrap();
            fs::remove_file(scratch.path().join("recent")).unwrap();
            fs::remove_dir(scratch.path().join("large")).unwrap();
        }
        fs::create_dir_all(scratch.path().join("sled.new/blobs")).unwrap();
        fs::write(scratch.path().join("acknowledged.new"), "half").unwrap();
        if gone == "format" {
            fs::remove_dir_all(scratch.path().join("sled.new")).unwrap();
            fs::remove_file(scratch.path().join("acknowledged.new")).unwrap();
        }
        let (mut store, found) = scratch.open();
        assert_eq!(found.log, []);
        store.append(&[]).unwrap();
    }
}

#[test]
fn a_full_disk_stops_writes_until_there_is_space() {
    let mut scratch = scratch();
    drop(scratch.open());
    scratch.options.reserve = u64::MAX / 8;
    let (mut store, _) = scratch.open();
    for _ in 0..3 {
        let error = store.append(&[put(1, "a", "one")]).unwrap_err();
        assert!(matches!(error, StoreError::NoSpace { .. }), "{error}");
        assert!(error.to_string().contains("bytes free and a write needs"), "{error}");
    }
    assert_eq!(store.log_since(0).unwrap(), [], "reads go on");
    drop(store);
    scratch.options.reserve = StoreOptions::RESERVE;
    let (mut store, found) = scratch.open();
    assert_eq!(found.log, [], "nothing was written");
    store.append(&[put(1, "a", "one")]).unwrap();
}

#[test]
fn what_is_essential_is_written_where_there_is_little_room() {
    let mut scratch = scratch();
    let free = Arc::new(AtomicU64::new(u64::MAX));
    let asked = Arc::clone(&free);
    scratch.options.disk = Disk::saying(move |_| Ok(asked.load(Ordering::SeqCst)));
    let (mut store, _) = scratch.open();
    let room = store.room();
    let mut revision = 0;
    // A write of a few bytes asks for a little more than the reserve.
    for (mebibytes, ordinary, essential) in [
        (100, true, true),
        (65, true, true),
        (63, false, true),
        (17, false, true),
        (15, false, false),
        (0, false, false),
        (100, true, true),
    ] {
        free.store(mebibytes << 20, Ordering::SeqCst);
        revision += 2;
        let written = store.append(&[put(revision, "a", "one")]);
        assert_eq!(written.is_ok(), ordinary, "{mebibytes}: {written:?}");
        assert_eq!(room.check().is_ok(), ordinary, "{mebibytes}");
        let written = store.append_essential(&[delete(revision + 1, "a", "one")]);
        assert_eq!(written.is_ok(), essential, "{mebibytes}: {written:?}");
    }
}

#[test]
fn a_large_deletion_needs_little_more_than_its_file() {
    let mut scratch = scratch();
    let free = Arc::new(AtomicU64::new(u64::MAX));
    let asked = Arc::clone(&free);
    scratch.options.disk = Disk::saying(move |_| Ok(asked.load(Ordering::SeqCst)));
    let (mut store, _) = scratch.open();
    let value = noise(1, 900 << 10);
    store.append(&[put(1, "a", value.clone())]).unwrap();
    // Five times its size: what it says, and what it may carry over of the oldest.
    free.store(StoreOptions::LAST_RESERVE + (7 << 20), Ordering::SeqCst);
    store.append_essential(&[delete(2, "a", value)]).unwrap();
}

#[test]
fn revisions_rise() {
    let scratch = scratch();
    let (mut store, _) = scratch.open();
    store.append(&[put(5, "a", "one"), put(9, "b", "two")]).unwrap();
    for (first, second) in [(9, 10), (3, 10), (10, 10), (11, 10)] {
        let error = store.append(&[put(first, "a", ""), put(second, "a", "")]).unwrap_err();
        assert!(matches!(error, StoreError::OutOfOrder { .. }), "{error}");
    }
    store.append(&[put(10, "a", "three")]).unwrap();
    let revisions: Vec<_> =
        store.log_since(0).unwrap().iter().map(|record| record.revision).collect();
    assert_eq!(revisions, [5, 9, 10]);
}

#[test]
fn a_batch_has_a_size() {
    let scratch = scratch();
    let (mut store, _) = scratch.open();
    let value = noise(1, 1 << 20);
    let batch: Vec<_> = (1..=64).map(|revision| put(revision, "k", value.clone())).collect();
    let error = store.append(&batch).unwrap_err();
    let most = Store::MOST_BATCH_BYTES;
    assert!(matches!(error, StoreError::TooLarge { bytes, .. } if bytes == most + 64), "{error}");
    store.append(&batch[..8]).unwrap();
}

#[test]
fn a_backlog_is_left_where_there_is_no_room_for_it() {
    let free = Arc::new(AtomicU64::new(u64::MAX));
    let asked = Arc::clone(&free);
    let mut scratch = scratch();
    scratch.options.disk = Disk::saying(move |_| Ok(asked.load(Ordering::SeqCst)));
    let (mut store, _) = scratch.open();
    assert!(!store.has_backlog());
    let mut revision = 0;
    while !store.has_backlog() {
        revision += 1;
        store.append(&[put(revision, "a", noise(revision, 2_000))]).unwrap();
    }
    free.store(StoreOptions::RESERVE, Ordering::SeqCst);
    let error = store.work_off().unwrap_err();
    assert!(matches!(error, StoreError::NoSpace { .. }), "{error}");
    assert!(store.has_backlog());
    free.store(u64::MAX, Ordering::SeqCst);
    store.work_off().unwrap();
    assert!(!store.has_backlog());
    store.work_off().unwrap();
    drop(store);
    let (_, found) = scratch.open();
    assert_eq!(found.log.len() as u64, revision);
}
