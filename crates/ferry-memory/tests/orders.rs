//! Every order in which threads can meet at the cards and at the gate, tried by loom.
//!
//! The two files are compiled here once more, with loom's primitives for those of the standard
//! library. A pair of a light and a heavy fence orders as two `fence(SeqCst)` do, so that is what
//! both are here.
//!
//! That several logs leave each other's marks alone is for `src/tests.rs` to show, with real threads:
//! loom 0.7 lets a plain store slip in front of a read-modify-write that did not read it, and so
//! loses marks that cannot be lost.

use std::sync::Arc;

use loom::model;
use loom::thread;

use crate::cards::{Harvest, look, mark, take};
use crate::gate::Gate;
use crate::sync::{AtomicU8, AtomicU64, Ordering, heavy_fence};

#[path = "../src/cards.rs"]
mod cards;
#[path = "../src/gate.rs"]
mod gate;

mod sync {
    pub(crate) use loom::sync::atomic::{AtomicU8, AtomicU64, Ordering};
    pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard};
    pub(crate) use std::sync::PoisonError;

    pub(crate) fn light_fence() {
        loom::sync::atomic::fence(Ordering::SeqCst);
    }

    pub(crate) fn heavy_fence() {
        loom::sync::atomic::fence(Ordering::SeqCst);
    }
}

const OURS: u8 = 1;

/// A page of two words, and its card.
struct Page {
    words: [AtomicU64; 2],
    card: [AtomicU8; 1],
}

impl Page {
    fn new(marks: u8) -> Arc<Self> {
        Arc::new(Self {
            words: [AtomicU64::new(0), AtomicU64::new(0)],
            card: [AtomicU8::new(marks)],
        })
    }

    fn write(&self, word: usize) {
        self.words[word].store(1, Ordering::Relaxed);
        mark(&self.card);
    }

    /// What a harvest reads that took the page.
    fn harvest(&self, bit: u8) -> Option<[u64; 2]> {
        (take(&self.card, bit, Harvest::Running) != 0).then(|| {
            heavy_fence();
            [0, 1].map(|word| self.words[word].load(Ordering::Relaxed))
        })
    }

    /// Whether the next harvest has the page.
    fn is_dirty(&self, bit: u8) -> bool {
        let is_marked = look(&self.card, bit) != 0;
        assert_eq!(take(&self.card, bit, Harvest::Stopped) != 0, is_marked);
        is_marked
    }
}

#[test]
fn a_write_is_seen_or_still_marked() {
    for marks in [0, OURS, u8::MAX] {
        model(move || {
            let page = Page::new(marks);
            let writer = thread::spawn({
                let page = Arc::clone(&page);
                move || page.write(0)
            });
            let seen = page.harvest(OURS);
            writer.join().unwrap();
            assert!(page.is_dirty(OURS) || seen == Some([1, 0]), "{marks:#x}: {seen:?}");
        });
    }
}

#[test]
fn the_writes_of_two_are_seen_or_still_marked() {
    model(|| {
        let page = Page::new(u8::MAX);
        let writers = [0, 1].map(|word| {
            let page = Arc::clone(&page);
            thread::spawn(move || page.write(word))
        });
        let seen = page.harvest(OURS);
        for writer in writers {
            writer.join().unwrap();
        }
        assert!(page.is_dirty(OURS) || seen == Some([1, 1]), "{seen:?}");
    });
}

/// Counts what was done to it, if nobody else does anything meanwhile and everybody sees what was
/// done before.
struct Memory(AtomicU64);

impl Memory {
    fn add(&self) {
        self.0.store(self.count() + 1, Ordering::Relaxed);
    }

    fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[test]
fn who_stopped_a_guest_sees_what_it_wrote_and_nobody_writes() {
    model(|| {
        let shared = Arc::new((Gate::open(), Memory(AtomicU64::new(0))));
        let vcpu = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                let (gate, memory) = &*shared;
                gate.enter();
                memory.add();
                gate.checkpoint();
                memory.add();
                gate.leave();
            }
        });
        let (gate, memory) = &*shared;
        gate.stop();
        memory.add();
        gate.resume();
        vcpu.join().unwrap();
        assert_eq!(memory.count(), 3);
    });
}

#[test]
fn a_guest_that_two_stopped_runs_on_when_both_let_it() {
    model(|| {
        let shared = Arc::new((Gate::open(), Memory(AtomicU64::new(0))));
        let (gate, memory) = &*shared;
        gate.stop();
        let other = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                shared.0.stop();
                shared.0.resume();
            }
        });
        let vcpu = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                shared.0.enter();
                shared.1.add();
                shared.0.leave();
            }
        });
        memory.add();
        gate.resume();
        other.join().unwrap();
        vcpu.join().unwrap();
        assert_eq!(memory.count(), 2);
    });
}
