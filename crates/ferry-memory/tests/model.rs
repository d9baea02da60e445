//! Guest memory against a model of it: a vector of bytes and a set of dirty pages.

use std::collections::BTreeSet;

use ferry_memory::{CardLog, Content, DirtyLog, GuestMemory, MemoryError};
use ferry_units::{Bytes, PageCount, PageIndex, PageRun};
use proptest::prelude::*;

const PAGE: usize = 4096;
const PAGES: usize = 130;
const SIZE: usize = PAGES * PAGE;

#[derive(Clone, Debug)]
enum Step {
    Write { at: u64, length: usize, byte: u8 },
    Store { at: u64, value: u64 },
    Harvest(PageRun),
    HarvestStopped(PageRun),
}

fn any_run() -> impl Strategy<Value = PageRun> {
    let pages = PAGES as u64;
    prop_oneof![
        9 => (0..=pages, 0..=pages).prop_map(move |(first, count)| (first, count.min(pages - first))),
        1 => (any::<u64>(), any::<u64>()),
    ]
    .prop_map(|(first, count)| PageRun::new(PageIndex(first), PageCount(count)))
}

fn any_step() -> impl Strategy<Value = Step> {
    let offset = || prop_oneof![9 => 0..SIZE as u64, 1 => any::<u64>()];
    let length = prop_oneof![0..64_usize, 0..3 * PAGE];
    prop_oneof![
        4 => (offset(), length, any::<u8>())
            .prop_map(|(at, length, byte)| Step::Write { at, length, byte }),
        4 => (offset(), any::<u64>(), any::<bool>()).prop_map(|(at, value, is_aligned)| {
            Step::Store { at: if is_aligned { at / 8 * 8 } else { at }, value }
        }),
        2 => any_run().prop_map(Step::Harvest),
        1 => any_run().prop_map(Step::HarvestStopped),
    ]
}

struct Model {
    bytes: Vec<u8>,
    dirty: BTreeSet<u64>,
}

impl Model {
    fn write(&mut self, at: u64, from: &[u8]) -> Result<(), ()> {
        let start = usize::try_from(at).map_err(drop)?;
        let end = start.checked_add(from.len()).ok_or(())?;
        self.bytes.get_mut(start..end).ok_or(())?.copy_from_slice(from);
        if !from.is_empty() {
            self.dirty.extend((start / PAGE) as u64..=((end - 1) / PAGE) as u64);
        }
        Ok(())
    }

    fn harvest(&mut self, run: PageRun) -> Result<Vec<u64>, ()> {
        if !run.is_empty() && run.end().get() > PAGES as u64 {
            return Err(());
        }
        let pages: Vec<_> =
            self.dirty.iter().copied().filter(|page| run.contains(PageIndex(*page))).collect();
        self.dirty.retain(|page| !pages.contains(page));
        Ok(pages)
    }
}

fn harvest(
    memory: &GuestMemory,
    log: &CardLog,
    run: PageRun,
    how: fn(
        &GuestMemory,
        &CardLog,
        PageRun,
        &mut ferry_units::PageSet,
    ) -> Result<PageCount, MemoryError>,
) -> Result<Vec<u64>, ()> {
    let mut dirty = memory.ram().no_pages();
    let count = how(memory, log, run, &mut dirty).map_err(drop)?;
    assert_eq!(count, dirty.count());
    Ok(dirty.runs().flat_map(PageRun::pages).map(PageIndex::get).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn memory_is_bytes_and_the_log_is_a_set_of_pages(
        steps in prop::collection::vec(any_step(), 0..60),
    ) {
        let memory = GuestMemory::create("test", Bytes::new(SIZE as u64)).unwrap();
        let log = memory.log().unwrap();
        let mut model = Model { bytes: vec![0; SIZE], dirty: BTreeSet::new() };
        for step in steps {
            match step {
                Step::Write { at, length, byte } => {
                    let from = vec![byte; length];
                    let written = memory.enter().write(Bytes::new(at), &from);
                    prop_assert_eq!(written.map_err(drop), model.write(at, &from));
                }
                Step::Store { at, value } => {
                    let stored = memory.enter().store(Bytes::new(at), value);
                    if at.is_multiple_of(8) {
                        let expected = model.write(at, &value.to_ne_bytes());
                        prop_assert_eq!(stored.map_err(drop), expected);
                    } else {
                        let is_refused = matches!(stored, Err(MemoryError::Misaligned { .. }));
                        prop_assert!(is_refused);
                    }
                }
                Step::Harvest(run) => {
                    let found = harvest(&memory, &log, run, |_, log, run, dirty| {
                        log.harvest(run, dirty)
                    });
                    prop_assert_eq!(found, model.harvest(run));
                }
                Step::HarvestStopped(run) => {
                    let found = harvest(&memory, &log, run, |memory, log, run, dirty| {
                        log.harvest_stopped(&memory.stop(), run, dirty)
                    });
                    prop_assert_eq!(found, model.harvest(run));
                }
            }
        }
        let mut bytes = vec![0; SIZE];
        memory.ram().read(Bytes::ZERO, &mut bytes).unwrap();
        prop_assert!(bytes == model.bytes);

        for (content, run) in memory.ram().contents(memory.ram().whole()).unwrap() {
            for page in run.pages() {
                let at = usize::try_from(page.get()).unwrap() * PAGE;
                let is_zero = model.bytes[at..at + PAGE].iter().all(|byte| *byte == 0);
                prop_assert_eq!(content == Content::Zero, is_zero);
            }
        }
    }
}

#[test]
fn a_run_of_pages_that_are_not_there_is_refused_everywhere() {
    let memory = GuestMemory::create("test", Bytes::from_kib(8)).unwrap();
    let ram = memory.ram();
    for run in [(0, 3), (2, 1), (u64::MAX - 1, 1), (0, u64::MAX)] {
        let run = PageRun::new(PageIndex(run.0), PageCount(run.1));
        let is_refused = |result: Result<(), MemoryError>| {
            assert!(matches!(result, Err(MemoryError::NoSuchPages { .. })), "{run}: {result:?}");
        };
        is_refused(ram.contents(run).map(drop));
        is_refused(ram.touched(run).map(drop));
        is_refused(ram.populate(run).map(drop));
        is_refused(memory.log().unwrap().harvest(run, &mut ram.no_pages()).map(drop));
    }
}
