//! Which page or block comes next.
//!
//! Every page belongs to one vCPU, so that none has two writers: page p to vCPU p modulo the number
//! of vCPUs. A vCPU counts its own pages, and a pattern is a choice among those numbers.

use ferry_qmp::words::{HotspotOptions, WorkloadPattern, ZipfOptions};

use super::chance::Chance;
use super::zipf::Zipf;

/// Which vCPU of how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lane {
    /// Which, from 0.
    pub(crate) cpu: u32,
    /// Of how many, at least one.
    pub(crate) cpus: u32,
}

impl Lane {
    /// How many of the first `total` pages belong to this vCPU.
    pub(crate) fn count(self, total: u64) -> u64 {
        total.saturating_sub(self.cpu.into()).div_ceil(self.cpus.into())
    }

    /// Its `number`-th page, from 0.
    pub(crate) fn page(self, number: u64) -> u64 {
        number * u64::from(self.cpus) + u64::from(self.cpu)
    }

    /// Its part of a rate: all parts make the whole.
    pub(crate) fn share(self, rate: u64) -> u64 {
        self.count(rate)
    }
}

/// A pattern among `count` numbers, at least one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chooser {
    count: u64,
    pattern: Pattern,
}

#[derive(Clone, Copy, Debug)]
enum Pattern {
    Sequential,
    Random,
    /// The first `hot` numbers get `writes` of 100.
    Hotspot {
        hot: u64,
        writes: u8,
    },
    Zipf(Zipf),
}

impl Chooser {
    /// The choice that `pattern` makes among `count` numbers, if it makes one: an idle guest, and a
    /// vCPU without pages, have none. Phases are chosen among elsewhere.
    pub(crate) fn new(pattern: &WorkloadPattern, count: u64) -> Option<Self> {
        let pattern = match pattern {
            WorkloadPattern::Idle(_) | WorkloadPattern::Phased(_) => return None,
            WorkloadPattern::Sequential(_) => Pattern::Sequential,
            WorkloadPattern::Random(_) | WorkloadPattern::Disk(_) => Pattern::Random,
            WorkloadPattern::Hotspot(HotspotOptions { hot_writes, hot_pages }) => {
                let hot = (count.saturating_mul((*hot_pages).into()) / 100).max(1);
                Pattern::Hotspot { hot, writes: *hot_writes }
            }
            WorkloadPattern::Zipf(ZipfOptions { exponent }) => {
                Pattern::Zipf(Zipf::new(count, *exponent))
            }
        };
        (count > 0).then_some(Self { count, pattern })
    }

    /// The next number. `position` is where a sequence stands; it travels with the guest.
    pub(crate) fn next(&self, chance: &mut Chance, position: &mut u64) -> u64 {
        match &self.pattern {
            Pattern::Sequential => {
                let number = *position % self.count;
                *position = number + 1;
                number
            }
            Pattern::Random => chance.below(self.count),
            Pattern::Hotspot { hot, writes } => {
                let cold = self.count.saturating_sub(*hot);
                if cold == 0 || chance.hits(*writes) {
                    chance.below((*hot).min(self.count))
                } else {
                    hot + chance.below(cold)
                }
            }
            Pattern::Zipf(zipf) => zipf.draw(chance),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferry_qmp::words::{DiskOptions, Empty};
    use ferry_units::BytesPerSecond;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn any_pattern() -> impl Strategy<Value = WorkloadPattern> {
        prop_oneof![
            Just(WorkloadPattern::Sequential(Empty::default())),
            Just(WorkloadPattern::Random(Empty::default())),
            (0..=100_u8, 1..=100_u8).prop_map(|(hot_writes, hot_pages)| {
                WorkloadPattern::Hotspot(HotspotOptions { hot_writes, hot_pages })
            }),
            (0.01..10.0).prop_map(|exponent| WorkloadPattern::Zipf(ZipfOptions { exponent })),
            Just(WorkloadPattern::Disk(DiskOptions { disk_rate: BytesPerSecond::new(1) })),
        ]
    }

    proptest! {
        #[test]
        fn a_vcpu_stays_in_the_working_set_and_among_its_own_pages(
            pattern in any_pattern(), total in 1..500_u64, cpus in 1..9_u32, seed in any::<u64>(),
        ) {
            for cpu in 0..cpus {
                let lane = Lane { cpu, cpus };
                let Some(chooser) = Chooser::new(&pattern, lane.count(total)) else {
                    prop_assert!(total <= cpu.into());
                    continue;
                };
                let (mut chance, mut position) = (Chance::of(seed, cpu), 0);
                for _ in 0..100 {
                    let page = lane.page(chooser.next(&mut chance, &mut position));
                    prop_assert!(page < total);
                    prop_assert_eq!(page % u64::from(cpus), u64::from(cpu));
                }
            }
        }

        #[test]
        fn lanes_share_everything_and_nothing_twice(total in 0..500_u64, cpus in 1..9_u32) {
            let pages: Vec<_> = (0..cpus)
                .map(|cpu| Lane { cpu, cpus })
                .flat_map(|lane| (0..lane.count(total)).map(move |number| lane.page(number)))
                .collect();
            prop_assert_eq!(pages.iter().copied().collect::<BTreeSet<_>>(), (0..total).collect());
            prop_assert_eq!(pages.len() as u64, total);
            let rate: u64 = (0..cpus).map(|cpu| Lane { cpu, cpus }.share(total)).sum();
            prop_assert_eq!(rate, total);
        }
    }

    #[test]
    fn a_sequence_goes_through_all_and_begins_again() {
        let chooser = Chooser::new(&WorkloadPattern::Sequential(Empty::default()), 3).unwrap();
        let (mut chance, mut position) = (Chance(0), 0);
        let numbers: Vec<_> = (0..7).map(|_| chooser.next(&mut chance, &mut position)).collect();
        assert_eq!(numbers, [0, 1, 2, 0, 1, 2, 0]);
        // What travelled from a larger working set.
        position = 1_000;
        assert!(chooser.next(&mut chance, &mut position) < 3);
    }

    #[test]
    fn a_hotspot_gets_its_share_of_the_writes() {
        let options = HotspotOptions { hot_writes: 90, hot_pages: 10 };
        let chooser = Chooser::new(&WorkloadPattern::Hotspot(options), 1_000).unwrap();
        let (mut chance, mut position) = (Chance::of(3, 0), 0);
        let draws = (0..100_000).map(|_| chooser.next(&mut chance, &mut position));
        let hot = draws.filter(|number| *number < 100).count();
        assert!((89_500..90_500).contains(&hot), "{hot}");
    }

    #[test]
    fn an_idle_guest_chooses_nothing() {
        assert!(Chooser::new(&WorkloadPattern::Idle(Empty::default()), 10).is_none());
    }
}
