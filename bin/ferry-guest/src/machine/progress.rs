//! Where a vCPU stands in its work: all that it needs to go on elsewhere as if nothing had happened.
//!
//! It is the vCPU's own. After each step it is published word by word, at the price of a few stores,
//! so that whoever knows that the vCPU stands still can read it without asking.

use std::sync::atomic::{AtomicU64, Ordering};

use super::chance::Chance;

/// Where a vCPU stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Its generator.
    pub(crate) chance: Chance,
    /// Its place in a sequence.
    pub(crate) position: u64,
    /// How long it has worked: its own time in nanoseconds, which stands still while it does.
    pub(crate) time: u64,
    /// When on that clock it began with its present workload.
    pub(crate) began: u64,
    /// How many of its pages it has filled at boot.
    pub(crate) filled: u64,
    /// Bytes that it has written to memory.
    pub(crate) written: u64,
    /// Bytes that it has written to disks.
    pub(crate) disk_written: u64,
    /// What it has been told already; does not travel.
    pub(crate) heard: Heard,
}

/// How often something changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    /// The guest was reset.
    pub(crate) resets: u64,
    /// It was given another workload.
    pub(crate) workloads: u64,
}

impl Progress {
    /// How many words travel.
    pub(crate) const WORDS: usize = 7;

    /// A vCPU that has done nothing yet.
    pub(crate) fn new(seed: u64, cpu: u32) -> Self {
        let words = [Chance::of(seed, cpu).0, 0, 0, 0, 0, 0, 0];
        Self::from_words(words)
    }

    /// What travels.
    pub(crate) fn words(self) -> [u64; Self::WORDS] {
        [
            self.chance.0,
            self.position,
            self.time,
            self.began,
            self.filled,
            self.written,
            self.disk_written,
        ]
    }

    /// What has travelled, for a vCPU that was told nothing yet.
    pub(crate) fn from_words(words: [u64; Self::WORDS]) -> Self {
        let [chance, position, time, began, filled, written, disk_written] = words;
        let (chance, heard) = (Chance(chance), Heard::default());
        Self { chance, position, time, began, filled, written, disk_written, heard }
    }

    /// The same after hearing what happened: a reset begins again from `fresh`, another workload
    /// from here.
    pub(crate) fn told(self, news: Heard, fresh: Self) -> Self {
        if self.heard.resets != news.resets {
            let (written, disk_written) = (self.written, self.disk_written);
            Self { written, disk_written, heard: news, ..fresh }
        } else if self.heard.workloads != news.workloads {
            Self { began: self.time, heard: news, ..self }
        } else {
            self
        }
    }
}

/// A [`Progress`] that others may look at.
#[derive(Debug, Default)]
pub(crate) struct Published {
    words: [AtomicU64; Progress::WORDS],
    heard: [AtomicU64; 2],
}

impl Published {
    /// Only for the vCPU itself, or for whoever makes it.
    pub(crate) fn set(&self, progress: Progress) {
        for (to, word) in self.words.iter().zip(progress.words()) {
            to.store(word, Ordering::Relaxed);
        }
        let Heard { resets, workloads } = progress.heard;
        for (to, count) in self.heard.iter().zip([resets, workloads]) {
            to.store(count, Ordering::Relaxed);
        }
    }

    /// A whole one if the vCPU stands still; its parts are right in any case.
    pub(crate) fn get(&self) -> Progress {
        let words = self.words.each_ref().map(|word| word.load(Ordering::Relaxed));
        let [resets, workloads] = self.heard.each_ref().map(|count| count.load(Ordering::Relaxed));
        Progress { heard: Heard { resets, workloads }, ..Progress::from_words(words) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_published_is_read() {
        let progress = Progress {
            heard: Heard { resets: 8, workloads: 9 },
            ..Progress::from_words([1, 2, 3, 4, 5, 6, 7])
        };
        let published = Published::default();
        published.set(progress);
        assert_eq!(published.get(), progress);
    }

    #[test]
    fn a_reset_begins_again_and_a_workload_goes_on() {
        let fresh = Progress::new(1, 0);
        let far = Progress::from_words([1, 2, 3, 4, 5, 6, 7]);
        let told = far.told(Heard { resets: 0, workloads: 1 }, fresh);
        assert_eq!((told.began, told.position, told.filled), (3, 2, 5));
        assert_eq!(told.told(told.heard, fresh), told);
        let told = told.told(Heard { resets: 1, workloads: 1 }, fresh);
        assert_eq!((told.time, told.filled, told.written), (0, 0, 6));
        assert_eq!(told.chance, fresh.chance);
    }
}
