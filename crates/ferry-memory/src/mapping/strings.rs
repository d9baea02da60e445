//! Long copies between guest memory and buffers, by the processor's own loop: `rep movsb`.
//!
//! A compiler makes one load and one store of each relaxed atomic, 8 bytes at a time, and then the
//! processor has too few of them in flight to wait for memory well. Its own loop moves whole cache
//! lines: twice as fast out of DRAM, a fifth to a third faster into it, two to three times as fast
//! within a cache, and it does not mind how the two sides are aligned
//! (`cargo bench --bench access`).
//!
//! `memcpy` would be as fast, but to the compiler it is an access to plain bytes, which must not
//! race. What is inside of `asm!` the compiler does not see. It has to be something that Rust could
//! do as well, and it is: `rep movsb` moves bytes one after the other, in an order that nobody else
//! can rely on. To load a byte is to load the word that it is in and to forget the rest, and to store
//! a byte is to replace it in its word by one atomic update: both relaxed, both of the size that all
//! other accesses have. So a copy that races with a vCPU may see or leave a word that is half old and
//! half new, as `recvmsg` into the same memory may, and can do nothing worse.
//!
//! A store that follows is seen after the copy, as the mark of a dirty page has to be: the bytes of
//! one such instruction may arrive in any order, but not after "a discrete semaphore variable" that
//! is written behind it (Intel's manual, volume 3, "Fast-String Operation and Out-of-Order Stores").

use std::sync::atomic::AtomicU64;

/// From so many bytes on it is worth its start, which takes some ten ns.
const WORTH_IT: usize = 1 << 10;

pub(crate) use imp::Strings;

#[cfg(all(target_arch = "x86_64", not(miri)))]
mod imp {
    use std::arch::{asm, is_x86_feature_detected};

    use super::{AtomicU64, WORTH_IT};
    use crate::words::WORD;

    /// A processor whose own loop is fast.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Strings(());

    impl Strings {
        /// This one, for a copy of `length` bytes, if its loop is the fastest way.
        pub(crate) fn for_copy_of(length: usize) -> Option<Self> {
            (length >= WORTH_IT && is_x86_feature_detected!("ermsb")).then_some(Self(()))
        }

        /// Copies what is at the byte `offset` of `words` into `into`.
        pub(crate) fn read(self, words: &[AtomicU64], offset: usize, into: &mut [u8]) {
            let Self(()) = self;
            check(words, offset, into.len());
            let from = words.as_ptr().cast::<u8>().wrapping_add(offset);
            // SAFETY: `into` is ours alone and takes as many bytes as are moved. `check` has seen
            // that all that is read lies within `words`, which stay as long as they are borrowed;
            // others may store there meanwhile, as atomics, and so does this load (see the top of
            // the file). Rust keeps the direction flag clear, and `rep movsb` changes no flag.
            unsafe {
                asm!(
                    "rep movsb",
                    inout("rcx") into.len() => _,
                    inout("rsi") from => _,
                    inout("rdi") into.as_mut_ptr() => _,
                    options(nostack, preserves_flags)
                );
            }
        }

        /// Copies `from` to the byte `offset` of `words`.
        pub(crate) fn write(self, words: &[AtomicU64], offset: usize, from: &[u8]) {
            let Self(()) = self;
            check(words, offset, from.len());
            // What is behind a shared reference to atomics may be written.
            let to = words.as_ptr().cast::<u8>().cast_mut().wrapping_add(offset);
            // SAFETY: as above, the other way round. `from` cannot overlap `words`, of which nobody
            // makes plain references, and bytes outside of the copy are not written.
            unsafe {
                asm!(
                    "rep movsb",
                    inout("rcx") from.len() => _,
                    inout("rsi") from.as_ptr() => _,
                    inout("rdi") to => _,
                    options(nostack, preserves_flags)
                );
            }
        }
    }

    /// What the callers have checked; cheap beside a copy of a thousand bytes, and all that the
    /// blocks above rest on.
    fn check(words: &[AtomicU64], offset: usize, length: usize) {
        let all = words.len() * WORD;
        assert!(offset <= all && length <= all - offset, "a copy lies within guest memory");
    }
}

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
mod imp {
    use std::convert::Infallible;

    use super::{AtomicU64, WORTH_IT};

    /// There is no such processor here, or no such instruction in what plays one.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Strings(Infallible);

    impl Strings {
        pub(crate) fn for_copy_of(length: usize) -> Option<Self> {
            let _either_way = length >= WORTH_IT;
            None
        }

        pub(crate) fn read(self, _: &[AtomicU64], _: usize, _: &mut [u8]) {
            match self.0 {}
        }

        pub(crate) fn write(self, _: &[AtomicU64], _: usize, _: &[u8]) {
            match self.0 {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::WORD;
    use proptest::prelude::*;
    use std::sync::atomic::Ordering;
    use std::thread;

    const WORDS: usize = 1500;
    const BYTES: usize = WORDS * WORD;

    fn memory() -> Vec<AtomicU64> {
        (0..WORDS).map(|_| AtomicU64::new(0)).collect()
    }

    /// That of this processor. Where there is none, nothing is tested, for nothing is used.
    fn strings() -> Option<Strings> {
        Strings::for_copy_of(WORTH_IT)
    }

    #[test]
    fn short_copies_are_not_for_it() {
        assert!(Strings::for_copy_of(WORTH_IT - 1).is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// At every alignment of both sides, also for lengths that nobody would ask it for.
        #[test]
        fn exactly_what_is_asked_for_is_copied(
            (at, length) in (0..BYTES, 0..3000_usize),
            skew in 0..64_usize,
            seed in any::<u8>(),
        ) {
            let Some(strings) = strings() else { return Ok(()) };
            let length = length.min(BYTES - at);
            let memory = memory();
            let from: Vec<u8> = (1..=251).cycle().take(skew + length).map(|n| n ^ seed | 1).collect();
            strings.write(&memory, at, &from[skew..]);
            let mut all: Vec<u8> = Vec::new();
            for word in &memory {
                all.extend(word.load(Ordering::Relaxed).to_ne_bytes());
            }
            prop_assert_eq!(&all[at..at + length], &from[skew..]);
            prop_assert!(all[..at].iter().chain(&all[at + length..]).all(|byte| *byte == 0));

            let mut into = vec![0; skew + length + 64];
            strings.read(&memory, at, &mut into[skew..skew + length]);
            prop_assert_eq!(&into[skew..skew + length], &from[skew..]);
            let beside = into[..skew].iter().chain(&into[skew + length..]);
            prop_assert!(beside.copied().all(|byte| byte == 0));
        }
    }

    #[test]
    fn nothing_beyond_the_end_is_touched() {
        let Some(strings) = strings() else { return };
        let memory = memory();
        for (offset, length) in [(BYTES, 1), (BYTES + 1, 0), (BYTES - 7, 8), (usize::MAX, 2)] {
            let read = std::panic::catch_unwind(|| {
                strings.read(&memory, offset, &mut vec![0; length]);
            });
            let written = std::panic::catch_unwind(|| {
                strings.write(&memory, offset, &vec![0; length]);
            });
            assert!(read.is_err() && written.is_err(), "{length} at {offset}");
        }
        strings.read(&memory, BYTES, &mut []);
    }

    /// Neighbours of a copy keep what others write to them meanwhile, and a flag that is stored
    /// behind a copy is not seen before it.
    #[test]
    fn a_copy_is_seen_before_the_flag_behind_it() {
        const ROUNDS: u64 = 2000;
        const PAGE: usize = 512;
        let Some(strings) = strings() else { return };
        let memory = memory();
        let (flag, back) = (AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            scope.spawn(|| {
                for round in 1..=ROUNDS {
                    strings.write(&memory, WORD, &round.to_ne_bytes().repeat(PAGE));
                    flag.store(round, Ordering::Release);
                    while back.load(Ordering::Acquire) != round {
                        thread::yield_now();
                    }
                }
            });
            for round in 1..=ROUNDS {
                memory[0].store(round, Ordering::Relaxed);
                memory[PAGE + 1].store(round, Ordering::Relaxed);
                while flag.load(Ordering::Acquire) != round {
                    thread::yield_now();
                }
                let copy = &memory[..PAGE + 2];
                assert!(copy.iter().all(|word| word.load(Ordering::Relaxed) == round));
                back.store(round, Ordering::Release);
            }
        });
    }
}
