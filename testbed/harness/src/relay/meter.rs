//! When how much passed.

use std::time::{Duration, Instant};

use ferry_units::{Bytes, BytesPerSecond};

/// The width of a slot.
const SLOT: Duration = Duration::from_millis(10);

/// How much passed in each hundredth of a second.
#[derive(Clone, Debug)]
pub struct Meter {
    start: Instant,
    slots: Vec<u64>,
}

impl Meter {
    pub(super) fn new(start: Instant) -> Self {
        Self { start, slots: Vec::new() }
    }

    pub(super) fn add(&mut self, now: Instant, bytes: u64) {
        let slot = self.slot(now);
        if self.slots.len() <= slot {
            self.slots.resize(slot + 1, 0);
        }
        self.slots[slot] += bytes;
    }

    /// How much passed on average between these times, to 10 ms.
    pub fn rate(&self, from: Instant, to: Instant) -> BytesPerSecond {
        let (first, end) = (self.slot(from), self.slot(to));
        let bytes = self.slots.iter().take(end).skip(first).sum();
        let slots = u32::try_from(end.saturating_sub(first)).unwrap_or(u32::MAX);
        Bytes::new(bytes).per(SLOT * slots).unwrap_or(BytesPerSecond::new(0))
    }

    /// The most that passed in any `window` between these times, as a rate, to 10 ms.
    pub fn peak(&self, from: Instant, to: Instant, window: Duration) -> BytesPerSecond {
        let (first, end) = (self.slot(from), self.slot(to).min(self.slots.len()));
        let width = slots_in(window).max(1);
        let within = self.slots.get(first..end).unwrap_or_default();
        let most = within.windows(width).map(|slots| slots.iter().sum::<u64>()).max();
        Bytes::new(most.unwrap_or(0)).per(window).unwrap_or(BytesPerSecond::new(0))
    }

    fn slot(&self, at: Instant) -> usize {
        slots_in(at.saturating_duration_since(self.start))
    }
}

fn slots_in(span: Duration) -> usize {
    usize::try_from(span.as_nanos() / SLOT.as_nanos()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_and_peaks_are_those_between_the_times() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut meter = Meter::new(start);
        for (milliseconds, bytes) in [(0, 7), (100, 1000), (109, 1000), (150, 3000), (290, 1000)] {
            meter.add(at(milliseconds), bytes);
        }
        assert_eq!(meter.rate(at(100), at(300)).get(), 6000 * 5);
        assert_eq!(meter.rate(at(300), at(300)).get(), 0);
        let window = Duration::from_millis(50);
        assert_eq!(meter.peak(at(100), at(300), window).get(), 3000 * 20);
        assert_eq!(meter.peak(at(100), at(300), window * 2).get(), 5000 * 10);
        assert_eq!(meter.peak(at(900), at(990), window).get(), 0);
    }
}
