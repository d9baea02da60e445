//! Disks against files: who may write, what is followed, what takes room.

use super::*;
use ferry_units::PageIndex;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

fn spec(path: PathBuf, size: Option<u64>) -> DiskSpec {
    DiskSpec { path, size: size.map(Bytes::from_kib), kind: DiskKind::Local }
}

/// A disk of so many blocks whose file has no name.
fn disk(dir: &tempfile::TempDir, blocks: u64) -> Disk {
    let disk = Disk::open(0, &spec(dir.path().join("disk"), Some(blocks * 4))).unwrap();
    disk.take().unwrap();
    disk
}

fn run(first: u64, count: u64) -> PageRun {
    PageRun::new(PageIndex(first), PageCount(count))
}

#[test]
fn a_file_that_is_missing_is_made_and_one_that_is_there_must_fit() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("disk");
    let open = |size| Disk::open(3, &spec(path.clone(), size));
    assert!(matches!(open(None), Err(MachineError::File { .. })));
    let made = open(Some(64)).unwrap();
    assert_eq!((made.id(), made.blocks()), ("disk3", PageCount(16)));
    assert!(made.allocated().unwrap().is_empty());
    assert_eq!(open(None).unwrap().blocks(), PageCount(16));
    let error = open(Some(128)).unwrap_err().to_string();
    let expected = "disk has 64 KiB; give the disk a size of 65536 bytes, or none";
    assert!(error.ends_with(expected), "{error}");
    let odd = DiskSpec { size: Some(Bytes::new(5_000)), ..spec(dir.path().join("odd"), None) };
    assert!(matches!(Disk::open(0, &odd), Err(MachineError::DiskSize { .. })));
}

#[test]
fn one_of_two_may_write_and_only_while_it_holds_the_right() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (disk(&dir, 4), Disk::open(1, &spec(dir.path().join("disk"), None)).unwrap());
    assert!(matches!(two.take(), Err(MachineError::DiskBusy { .. })));
    let refused = two.write(run(0, 1), &[1; 4096]).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
    one.write(run(1, 1), &[7; 4096]).unwrap();
    one.release();
    assert!(one.write(run(1, 1), &[8; 4096]).is_err() && one.zero(run(1, 1)).is_err());
    two.take().unwrap();
    two.take().unwrap();
    let mut block = [0; 4096];
    two.read(run(1, 1), &mut block).unwrap();
    assert_eq!(block, [7; 4096]);
    drop(two);
    one.take().unwrap();
}

#[test]
fn a_release_waits_for_writes_on_their_way() {
    let dir = tempfile::tempdir().unwrap();
    let disk = disk(&dir, 1);
    let (released, after) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            while disk.write(run(0, 1), &[1; 4096]).is_ok() {
                // A write that succeeds after the release returned would be one too many.
                after.fetch_add(released.load(Ordering::SeqCst).into(), Ordering::SeqCst);
            }
        });
        while disk.stats().wr_operations < 50 {
            std::thread::yield_now();
        }
        disk.release();
        let written = disk.stats().wr_operations;
        released.store(true, Ordering::SeqCst);
        writer.join().unwrap();
        assert_eq!(disk.stats().wr_operations, written);
    });
    assert!(after.load(Ordering::SeqCst) <= 1);
    assert_eq!(disk.stats().failed_wr_operations, 0);
}

#[test]
fn blocks_that_are_not_there_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let disk = disk(&dir, 4);
    let mut bytes = vec![0; 2 * 4096];
    for (run, length) in [(run(3, 2), 8192), (run(0, 2), 4096), (run(u64::MAX - 1, 1), 4096)] {
        assert!(disk.read(run, &mut bytes[..length]).is_err(), "{run}");
        assert!(disk.write(run, &bytes[..length]).is_err(), "{run}");
    }
    assert!(disk.zero(run(3, 2)).is_err());
}

#[test]
fn holes_take_no_room_and_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let disk = disk(&dir, 64);
    disk.write(run(16, 4), &[5; 4 * 4096]).unwrap();
    let allocated = disk.allocated().unwrap();
    assert!((16..20).all(|block| allocated.contains(PageIndex(block))));
    assert!(!allocated.contains(PageIndex(0)) && !allocated.contains(PageIndex(63)));
    disk.zero(run(16, 4)).unwrap();
    assert!(disk.allocated().unwrap().is_empty());
    disk.flush().unwrap();
    let stats = disk.stats();
    assert_eq!((stats.wr_operations, stats.flush_operations), (2, 1));
    assert_eq!(stats.wr_highest_offset, Bytes::from_kib(80));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_harvest_has_what_was_written_since_the_last(
        steps in prop::collection::vec((0..200_u64, 1..9_u64, any::<bool>()), 1..20),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let disk = disk(&dir, 200);
        disk.zero(run(0, 200)).unwrap();
        let log = disk.log();
        let second = disk.log();
        let (mut model, mut ever) = (BTreeSet::new(), BTreeSet::new());
        let whole = run(0, 200);
        for (first, count, harvest) in steps {
            let written = PageRun::of(first..(first + count).min(200));
            disk.zero(written).unwrap();
            model.extend(written.numbers());
            ever.extend(written.numbers());
            let mut peeked = PageSet::empty(PageCount(200));
            prop_assert_eq!(log.peek(whole, &mut peeked).get(), model.len() as u64);
            if harvest {
                let mut dirty = PageSet::empty(PageCount(200));
                prop_assert_eq!(log.harvest(whole, &mut dirty).get(), model.len() as u64);
                prop_assert!(model.iter().all(|block| dirty.contains(PageIndex(*block))));
                prop_assert_eq!(&dirty, &peeked);
                model.clear();
            }
        }
        // The other log lost nothing to it.
        let mut dirty = PageSet::empty(PageCount(200));
        prop_assert_eq!(second.harvest(whole, &mut dirty).get(), ever.len() as u64);
    }
}
