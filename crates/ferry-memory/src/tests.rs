//! Guests that never stop writing, and copies of them that are right all the same: the loop of a
//! pre-copy with real threads, under both kinds of barrier.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use ferry_units::{Bytes, PageCount, PageIndex, PageRun, PageSet};

use crate::barrier::Barrier;
use crate::ram::PAGE;
use crate::{DirtyLog, GuestMemory, Ram, Running};

const PAGES: usize = 256;
const VCPUS: u64 = 2;

/// Migrations of one guest in one test.
const MIGRATIONS: usize = 15;

/// Rounds of one migration before the last.
const ROUNDS: usize = 20;

/// Writes that are timed to meet a harvest.
const MEETINGS: u64 = 10_000;

/// Numbers that look random and are the same in each run (xorshift64*).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(high).unwrap() % limit
    }

    /// Mostly within a few pages, so that vCPUs and harvests meet there.
    fn offset(&mut self) -> usize {
        let pages = [4, 4, 4, PAGES][self.below(4)];
        self.below(pages * PAGE)
    }
}

fn memory(barrier: Barrier) -> GuestMemory {
    let ram = Ram::create("test", Bytes::new((PAGES * PAGE) as u64)).unwrap();
    let writes = crate::guest::Writes::none(ram.pages(), barrier);
    GuestMemory::new(ram, None, writes)
}

fn write(guest: &mut Running<'_>, numbers: &mut Numbers) {
    let at = numbers.offset();
    let value = numbers.below(usize::MAX) as u64;
    match numbers.below(8) {
        0 => {
            let length = numbers.below(3 * PAGE).min(PAGES * PAGE - at);
            let byte = value.to_ne_bytes()[0];
            guest.write(Bytes::new(at as u64), &vec![byte; length]).unwrap();
        }
        1 => guest.write(Bytes::new(at as u64), &value.to_ne_bytes()[..1]).unwrap(),
        _ => guest.store(Bytes::new((at / 8 * 8) as u64), value).unwrap(),
    }
}

/// A vCPU that writes until it is told to end.
fn storm(memory: &GuestMemory, seed: u64, end: &AtomicBool) {
    let mut numbers = Numbers(seed);
    let mut guest = memory.enter();
    while !end.load(Ordering::Relaxed) {
        for _ in 0..16 {
            write(&mut guest, &mut numbers);
        }
        if numbers.below(64) == 0 {
            guest.outside(thread::yield_now);
        }
        guest.checkpoint();
    }
}

/// What the destination of a migration has.
struct Copy(Vec<u8>);

impl Copy {
    fn fetch(&mut self, ram: &Ram, pages: &PageSet) {
        for run in pages.runs() {
            let span = ram.span_of(run).unwrap();
            ram.read(Bytes::new(span.start as u64), &mut self.0[span]).unwrap();
        }
    }
}

/// Migrates `memory` while it is being written, with `pieces` of so many pages a harvest.
fn migrate(memory: &GuestMemory, pieces: PageCount) {
    let ram = memory.ram();
    let log = memory.log().unwrap();
    let mut copy = Copy(vec![0; PAGES * PAGE]);
    copy.fetch(ram, &ram.all_pages());
    for _ in 0..ROUNDS {
        for piece in ram.whole().pieces(pieces) {
            let mut dirty = ram.no_pages();
            log.harvest(piece, &mut dirty).unwrap();
            copy.fetch(ram, &dirty);
        }
    }
    let stopped = memory.stop();
    let mut dirty = ram.no_pages();
    log.harvest_stopped(&stopped, ram.whole(), &mut dirty).unwrap();
    copy.fetch(ram, &dirty);
    let mut original = vec![0; PAGES * PAGE];
    ram.read(Bytes::ZERO, &mut original).unwrap();
    let different =
        (0..PAGES).find(|page| original[page * PAGE..][..PAGE] != copy.0[page * PAGE..][..PAGE]);
    assert_eq!(different, None, "a page is stale");
    drop(stopped);
}

fn migrate_in_a_storm(barrier: Barrier, migrations: impl Fn(&GuestMemory) + Sync) {
    let memory = memory(barrier);
    let end = AtomicBool::new(false);
    thread::scope(|scope| {
        for vcpu in 1..=VCPUS {
            scope.spawn({
                let (memory, end) = (&memory, &end);
                move || storm(memory, 0x9E37_79B9_7F4A_7C15 ^ vcpu, end)
            });
        }
        // The vCPUs end whether the migrations succeed or not.
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| migrations(&memory)));
        end.store(true, Ordering::Relaxed);
        result.unwrap();
    });
}

#[test]
fn a_copy_of_a_busy_guest_is_its_memory() {
    for barrier in [Barrier::choose(), Barrier::Rendezvous] {
        migrate_in_a_storm(barrier, |memory| {
            for pieces in [PAGES as u64, 100, 4].into_iter().cycle().take(MIGRATIONS) {
                migrate(memory, PageCount(pieces));
            }
        });
    }
}

#[test]
fn logs_that_come_and_go_do_not_disturb_each_other() {
    for barrier in [Barrier::choose(), Barrier::Rendezvous] {
        migrate_in_a_storm(barrier, |memory| {
            thread::scope(|scope| {
                for pieces in [64, 512] {
                    scope.spawn(move || {
                        (0..MIGRATIONS).for_each(|_| migrate(memory, PageCount(pieces)));
                    });
                }
            });
        });
    }
}

/// Waits until `stage` is at `round`, without being in the way of a stop.
fn await_round(mut guest: Option<&mut Running<'_>>, stage: &AtomicU64, round: u64) {
    while stage.load(Ordering::Acquire) < round {
        if let Some(guest) = &mut guest {
            guest.checkpoint();
        }
        thread::yield_now();
    }
}

/// A page is marked already when a vCPU writes to it, at the very moment when its mark is taken. If
/// the vCPU does not mark it again, the write must be seen. This is where a missing fence shows.
#[test]
fn a_write_that_meets_a_harvest_is_seen_or_marked() {
    for barrier in [Barrier::choose(), Barrier::Rendezvous] {
        let memory = memory(barrier);
        let log = memory.log().unwrap();
        let page = PageRun::one(PageIndex(0));
        let stages = [const { AtomicU64::new(0) }; 4];
        let [marked, go, written, checked] = &stages;
        let lost = thread::scope(|scope| {
            scope.spawn(|| {
                let mut guest = memory.enter();
                for round in 1..=MEETINGS {
                    guest.store(Bytes::new(2048), round).unwrap();
                    marked.store(round, Ordering::Release);
                    await_round(Some(&mut guest), go, round);
                    guest.store(Bytes::ZERO, round).unwrap();
                    written.store(round, Ordering::Release);
                    await_round(Some(&mut guest), checked, round);
                }
            });
            let mut lost = Vec::new();
            for round in 1..=MEETINGS {
                await_round(None, marked, round);
                let mut dirty = memory.ram().no_pages();
                go.store(round, Ordering::Release);
                let taken = log.harvest(page, &mut dirty).unwrap().get();
                let seen = memory.ram().load(Bytes::ZERO).unwrap();
                await_round(None, written, round);
                let marked_again = log.harvest(page, &mut dirty).unwrap().get();
                if taken == 0 || seen != round && marked_again == 0 {
                    lost.push(round);
                }
                checked.store(round, Ordering::Release);
            }
            lost
        });
        assert_eq!(lost, [0; 0], "writes that {barrier:?} lost");
    }
}

#[test]
fn threads_that_share_a_log_take_each_mark_once() {
    let memory = memory(Barrier::choose());
    let log = memory.log().unwrap();
    for round in 0..MIGRATIONS {
        let everything = vec![u8::try_from(round).unwrap(); PAGES * PAGE];
        memory.enter().write(Bytes::ZERO, &everything).unwrap();
        let taken: u64 = thread::scope(|scope| {
            let harvests: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        let mut dirty = memory.ram().no_pages();
                        log.harvest(memory.ram().whole(), &mut dirty).unwrap().get()
                    })
                })
                .collect();
            harvests.into_iter().map(|harvest| harvest.join().unwrap()).sum()
        });
        assert_eq!(taken, PAGES as u64);
    }
}

#[test]
fn a_guest_that_stands_still_writes_nothing() {
    migrate_in_a_storm(Barrier::choose(), |memory| {
        let log = memory.log().unwrap();
        let whole = memory.ram().whole();
        for _ in 0..MIGRATIONS * ROUNDS {
            let stopped = memory.stop();
            let also_stopped = memory.stop();
            let mut dirty = memory.ram().no_pages();
            log.harvest_stopped(&stopped, whole, &mut dirty).unwrap();
            drop(stopped);
            let word = memory.ram().load(Bytes::ZERO).unwrap();
            assert_eq!(log.harvest_stopped(&also_stopped, whole, &mut dirty).unwrap().0, 0);
            assert_eq!(memory.ram().load(Bytes::ZERO).unwrap(), word);
            also_stopped.resume();
        }
    });
}

#[test]
fn a_vcpu_outside_does_not_hold_up_a_stop() {
    let memory = memory(Barrier::choose());
    let mut guest = memory.enter();
    // On this very thread: it would wait for itself if the vCPU were inside.
    guest.outside(|| memory.stop().resume());
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        guest.outside(|| std::panic::resume_unwind(Box::new(())));
    }));
    assert!(panicked.is_err());
    drop(guest);
    memory.stop().resume();
}
