//! When a migration last made progress.
//!
//! # What counts
//!
//! What remains falls while a pass over memory is sent, and jumps up when the pages that the guest
//! wrote meanwhile are counted. A guest that outruns the network saws up and down for ever.
//!
//! * KubeVirt compares with the previous look, so every tooth of the saw is progress and
//!   `progressTimeout` only ever catches a copy that stands still.
//! * The documentation promises an end to a copy that *fails to make progress*. Sending the same
//!   pages again is none: only less than ever before counts.
//!
//! Once the guest stands still nothing is written any more, and both mean the same: less than
//! before.

use std::time::Duration;

use ferry_config::Semantics;
use ferry_units::{Bytes, Instant};

use crate::Mode;

/// When a migration last made progress, and what the next look must stay below to be some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    semantics: Semantics,
    /// When there was progress last; when the watch began before there was any.
    last: Instant,
    /// The latest count of what remains.
    remaining: Option<Bytes>,
    /// The smallest count so far.
    minimum: Option<Bytes>,
}

impl Progress {
    /// Nothing is known of a migration that is watched from `now` on.
    pub(crate) fn new(semantics: Semantics, now: Instant) -> Self {
        Self { semantics, last: now, remaining: None, minimum: None }
    }

    /// Takes in a look at the hypervisor; one that brought no count leaves the last one standing.
    pub(crate) fn note(&mut self, now: Instant, mode: Mode, counted: Option<Bytes>) {
        let previous = self.remaining;
        self.remaining = counted.or(previous);
        let progressed = match (self.semantics, mode) {
            (Semantics::KubeVirt, _) => self.is_less_or_first(previous),
            (Semantics::Documented, Mode::PreCopy) => self.is_below(self.minimum),
            (Semantics::Documented, Mode::PostCopy | Mode::Paused) => self.is_below(previous),
        };
        if progressed {
            self.last = now;
        }
        self.minimum = [self.minimum, counted].into_iter().flatten().min();
    }

    /// How long ago the last progress was.
    pub(crate) fn standstill(&self, now: Instant) -> Duration {
        now.since(self.last)
    }

    /// The latest count of what remains, if there was one.
    pub(crate) fn remaining(&self) -> Option<Bytes> {
        self.remaining
    }

    /// Any decrease is progress, and so is whatever follows a count of nothing or none at all: as
    /// long as no count arrives, each look is progress.
    // PARITY: pkg/virt-launcher/virtwrap/live-migration-source.go#processInflightMigration
    fn is_less_or_first(&self, previous: Option<Bytes>) -> bool {
        let previous = previous.unwrap_or(Bytes::ZERO);
        let remaining = self.remaining.unwrap_or(Bytes::ZERO);
        previous.is_zero() || remaining < previous
    }

    /// Less than a mark is progress, and so is the first count.
    fn is_below(&self, mark: Option<Bytes>) -> bool {
        self.remaining.is_some_and(|remaining| mark.is_none_or(|mark| remaining < mark))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The looks, one second apart, that were progress.
    fn progress(semantics: Semantics, mode: Mode, counts: &[Option<u64>]) -> Vec<usize> {
        let start = Instant::default();
        let mut progress = Progress::new(semantics, start);
        let mut seen = Vec::new();
        for (look, count) in counts.iter().enumerate() {
            let now = start + Duration::from_secs(look as u64 + 1);
            progress.note(now, mode, count.map(Bytes::new));
            if progress.standstill(now).is_zero() {
                seen.push(look);
            }
        }
        seen
    }

    #[track_caller]
    fn check(counts: &[Option<u64>], documented: &[usize], kubevirt: &[usize]) {
        assert_eq!(progress(Semantics::Documented, Mode::PreCopy, counts), documented);
        assert_eq!(progress(Semantics::KubeVirt, Mode::PreCopy, counts), kubevirt);
    }

    #[test]
    fn less_than_ever_before_is_progress_to_both() {
        check(&[Some(9), Some(8), Some(7)], &[0, 1, 2], &[0, 1, 2]);
        check(&[Some(9), Some(5), Some(8), Some(4)], &[0, 1, 3], &[0, 1, 3]);
    }

    #[test]
    fn standing_still_is_progress_to_neither() {
        check(&[Some(9), Some(9), Some(9)], &[0], &[0]);
        check(&[Some(9), None, Some(8)], &[0, 2], &[0, 2]);
    }

    #[test]
    fn parity_a7_any_decrease_is_progress_to_kubevirt() {
        check(&[Some(9), Some(5), Some(9), Some(5)], &[0, 1], &[0, 1, 3]);
    }

    #[test]
    fn parity_what_follows_nothing_is_progress_to_kubevirt() {
        check(&[None, None, Some(9), Some(9)], &[2], &[0, 1, 2]);
        check(&[Some(0), Some(9), Some(9)], &[0], &[0, 1]);
    }

    #[test]
    fn while_the_guest_stands_still_every_decrease_is_progress() {
        let counts = [Some(1), Some(9), Some(8), Some(8), Some(7)];
        for semantics in Semantics::ALL {
            assert_eq!(progress(semantics, Mode::Paused, &counts), [0, 2, 4], "{semantics}");
        }
    }
}
