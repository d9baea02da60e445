//! One byte for each page, marked by whoever writes the page: the default dirty log.
//!
//! **Writing:** store the data, then look at the page's card, and mark it unless it is marked. The
//! look comes first because cards of neighbouring pages share a cache line: two vCPUs that always
//! stored would pass the line to and fro, 9 ns for each write instead of 1.5 ns. A page that is
//! written often between two harvests costs a load that hits the cache and a branch that is
//! predicted.
//!
//! **Harvesting:** take the marks, pass the [barrier](crate::barrier), then read the pages.
//!
//! **Why no write is missed.** A write *W* stores data, passes a light fence and looks at the card.
//! A harvest *H* clears the card, passes the heavy fence and reads the data. The two fences are
//! ordered one way or the other:
//!
//! - *W*'s is first: then *H*, which reads after its own, sees *W*'s data. The page is among those
//!   that *H* took, so it crosses with that data.
//! - *H*'s is first: then *W*, which looks after its own, sees the card as *H* left it or as a
//!   later write marked it. It marks it, or that write has, and the next harvest has the page.
//!
//! Without the pair of fences both could miss each other, on x86 as well: the data may wait in the
//! store buffer while the look passes it by. With it, neither loads nor stores of a card need an
//! order of their own, and it does not matter how many writers there are. When all vCPUs stand
//! still (last harvest), the gate's mutex has ordered everything and the barrier is not needed.
//!
//! **Several logs** share the cards: each owns one bit. A write sets all eight, for it dirties its
//! page for everybody; a log clears its own. That makes clearing a read-modify-write, 2 ns for each
//! dirty page, and leaves a write as cheap for eight logs as for one.
//!
//! Cards are bytes to everybody, never taken eight at a time: atomics of different sizes that race
//! are undefined behaviour, whatever processors make of them.
//!
//! This file is also compiled by `tests/orders.rs`, with loom's primitives for those of
//! [`sync`](crate::sync).

use crate::sync::{AtomicU8, Ordering, light_fence};

/// Dirty for all logs.
const ALL: u8 = u8::MAX;

/// Who may touch the cards while their marks are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Harvest {
    /// vCPUs may be marking, and other logs taking.
    Running,
    /// Nobody is marking. Other logs may still be taking.
    Stopped,
}

/// Marks the pages of `cards`, whose data was stored before.
pub(crate) fn mark(cards: &[AtomicU8]) {
    light_fence();
    for card in cards {
        if card.load(Ordering::Relaxed) != ALL {
            card.store(ALL, Ordering::Relaxed);
        }
    }
}

/// Takes the marks of the log that owns `bit` from up to 64 `cards`: bit *n* of what it returns is
/// card *n*. Nothing may be read of those pages before the barrier was passed, unless all vCPUs
/// stand still.
pub(crate) fn take(cards: &[AtomicU8], bit: u8, harvest: Harvest) -> u64 {
    if clean(cards, bit) {
        return 0;
    }
    let mut taken = 0;
    for (at, card) in cards.iter().enumerate() {
        let marks = card.load(Ordering::Relaxed);
        if marks & bit == 0 {
            continue;
        }
        let marks = match harvest {
            Harvest::Running => card.fetch_and(!bit, Ordering::Relaxed),
            // Another log may take its bit in between, and this store brings it back. That makes a
            // page dirty for it that is not, and never the reverse.
            Harvest::Stopped => {
                card.store(marks & !bit, Ordering::Relaxed);
                marks
            }
        };
        // Another thread may have taken it for the same log, and then the page is that thread's.
        taken |= u64::from(marks & bit != 0) << at;
    }
    taken
}

/// Which of up to 64 `cards` are marked for the log that owns `bit`, as [`take`] tells it; but takes
/// nothing.
pub(crate) fn look(cards: &[AtomicU8], bit: u8) -> u64 {
    if clean(cards, bit) {
        return 0;
    }
    let is_marked = |card: &AtomicU8| card.load(Ordering::Relaxed) & bit != 0;
    cards.iter().enumerate().fold(0, |marked, (at, card)| marked | u64::from(is_marked(card)) << at)
}

/// Whether none of `cards` has `bit`. Four chains that do not wait for each other.
fn clean(cards: &[AtomicU8], bit: u8) -> bool {
    let (fours, rest) = cards.as_chunks::<4>();
    let mut marks = [0; 4];
    for four in fours {
        for (mark, card) in marks.iter_mut().zip(four) {
            *mark |= card.load(Ordering::Relaxed);
        }
    }
    let rest = rest.iter().fold(0, |all, card| all | card.load(Ordering::Relaxed));
    marks.iter().fold(rest, |all, mark| all | mark) & bit == 0
}
