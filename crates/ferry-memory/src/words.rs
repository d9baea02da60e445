//! Bytes in and out of memory that others write at the same time.
//!
//! A vCPU stores while an engine reads, so every access here is an atomic load or store of a whole
//! 64-bit word. Two of them can race as they please and it is no data race, which in Rust would be
//! undefined behaviour; volatile accesses and `copy_nonoverlapping` have no such promise
//! (`std::ptr::read_volatile`: "just like in C, whether an operation is volatile has no bearing
//! whatsoever on questions involving concurrent accesses from multiple threads"). All have the same
//! size, since atomics of different sizes that race are undefined too. The order is
//! [`Relaxed`](Ordering::Relaxed): a guest's memory orders nothing between our threads; the dirty
//! log and the gate do.
//!
//! It would cost half the speed of `memcpy` out of memory, and two thirds within a cache. So long
//! copies go by the processor's own loop where that is fast ([`Strings`]), which is as fast as
//! `memcpy`. The search for zeros is as fast as memory is (`cargo bench --bench access`).
//!
//! The callers have checked that what they ask for is there.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::mapping::Strings;

/// Bytes of a word.
pub(crate) const WORD: usize = size_of::<u64>();

/// Copies what is at the byte `offset` into `into`.
pub(crate) fn read(words: &[AtomicU64], offset: usize, into: &mut [u8]) {
    match Strings::for_copy_of(into.len()) {
        Some(strings) => strings.read(words, offset, into),
        None => read_words(words, offset, into),
    }
}

/// Copies `from` to the byte `offset`. Bytes of the same word that are not covered keep what
/// somebody else writes to them meanwhile.
pub(crate) fn write(words: &[AtomicU64], offset: usize, from: &[u8]) {
    match Strings::for_copy_of(from.len()) {
        Some(strings) => strings.write(words, offset, from),
        None => write_words(words, offset, from),
    }
}

fn read_words(words: &[AtomicU64], offset: usize, into: &mut [u8]) {
    let (first, skew) = (offset / WORD, offset % WORD);
    let (head, rest) = into.split_at_mut(head(skew, into.len()));
    if !head.is_empty() {
        head.copy_from_slice(&load(&words[first])[skew..skew + head.len()]);
    }
    let words = &words[first + usize::from(!head.is_empty())..];
    let (whole, tail) = rest.as_chunks_mut::<WORD>();
    for (to, word) in whole.iter_mut().zip(words) {
        *to = load(word);
    }
    if !tail.is_empty() {
        tail.copy_from_slice(&load(&words[whole.len()])[..tail.len()]);
    }
}

fn write_words(words: &[AtomicU64], offset: usize, from: &[u8]) {
    let (first, skew) = (offset / WORD, offset % WORD);
    let (head, rest) = from.split_at(head(skew, from.len()));
    if !head.is_empty() {
        merge(&words[first], skew, head);
    }
    let words = &words[first + usize::from(!head.is_empty())..];
    let (whole, tail) = rest.as_chunks::<WORD>();
    for (bytes, word) in whole.iter().zip(words) {
        word.store(u64::from_ne_bytes(*bytes), Ordering::Relaxed);
    }
    if !tail.is_empty() {
        merge(&words[whole.len()], 0, tail);
    }
}

/// Writes zeros.
pub(crate) fn clear(words: &[AtomicU64]) {
    for word in words {
        word.store(0, Ordering::Relaxed);
    }
}

/// Whether all of them are zero. Stops soon after the first that is not.
pub(crate) fn are_zero(words: &[AtomicU64]) -> bool {
    // A branch for each word would cost half the speed, so words are ORed, a cache line at a time
    // in four chains that do not wait for each other. A page that is not zero is mostly found out
    // by its first words.
    const STRIDE: usize = 64;
    let (blocks, rest) = words.as_chunks::<STRIDE>();
    blocks.iter().all(|block| or(block) == 0) && or(rest) == 0
}

fn or(words: &[AtomicU64]) -> u64 {
    let (fours, rest) = words.as_chunks::<4>();
    let mut chains = [0; 4];
    for four in fours {
        for (chain, word) in chains.iter_mut().zip(four) {
            *chain |= word.load(Ordering::Relaxed);
        }
    }
    let rest = rest.iter().fold(0, |all, word| all | word.load(Ordering::Relaxed));
    chains.iter().fold(rest, |all, chain| all | chain)
}

/// How many of `length` bytes lie before the first word that starts among them.
fn head(skew: usize, length: usize) -> usize {
    if skew == 0 { 0 } else { length.min(WORD - skew) }
}

fn load(word: &AtomicU64) -> [u8; WORD] {
    word.load(Ordering::Relaxed).to_ne_bytes()
}

/// Replaces the bytes of `word` from `at` on.
fn merge(word: &AtomicU64, at: usize, from: &[u8]) {
    word.update(Ordering::Relaxed, Ordering::Relaxed, |old| {
        let mut bytes = old.to_ne_bytes();
        bytes[at..at + from.len()].copy_from_slice(from);
        u64::from_ne_bytes(bytes)
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::thread;

    const WORDS: usize = 150;

    fn memory() -> Vec<AtomicU64> {
        (0..WORDS).map(|_| AtomicU64::new(0)).collect()
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            writes in prop::collection::vec(
                (0..WORDS * WORD, prop::collection::vec(any::<u8>(), 0..100)), 0..20),
            (from, length) in (0..WORDS * WORD, 0..200_usize),
        ) {
            let memory = memory();
            let mut model = vec![0; WORDS * WORD];
            for (at, mut bytes) in writes {
                bytes.truncate(model.len() - at);
                write(&memory, at, &bytes);
                model[at..at + bytes.len()].copy_from_slice(&bytes);
            }
            let length = length.min(model.len() - from);
            let mut read_back = vec![0xee; length];
            read(&memory, from, &mut read_back);
            prop_assert_eq!(&read_back, &model[from..from + length]);
            prop_assert_eq!(are_zero(&memory), model.iter().all(|byte| *byte == 0));
        }

        #[test]
        fn one_byte_anywhere_is_not_zero(at in 0..WORDS * WORD) {
            let memory = memory();
            prop_assert!(are_zero(&memory));
            write(&memory, at, &[1]);
            prop_assert!(!are_zero(&memory));
            clear(&memory);
            prop_assert!(are_zero(&memory));
        }
    }

    #[test]
    fn neighbours_in_a_word_do_not_overwrite_each_other() {
        let memory = memory();
        thread::scope(|scope| {
            for lane in 0..4 {
                let memory = &memory;
                scope.spawn(move || {
                    for round in 0..=99 {
                        write(memory, lane * 2, &[round, round]);
                    }
                });
            }
        });
        let mut bytes = [0; WORD];
        read(&memory, 0, &mut bytes);
        assert_eq!(bytes, [99; WORD]);
    }
}
