//! A workload as one vCPU goes about it: what it chooses among, how fast, and which phase it is in.

use std::time::Duration;

use ferry_qmp::words::{DiskOptions, Workload, WorkloadContents, WorkloadPattern};
use ferry_units::{Bytes, BytesPerSecond, Instant, PageCount, PageSize};

use super::pacer::{Pace, Pacer};
use super::pattern::{Chooser, Lane};

/// What the guest has to work with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Means<'a> {
    /// Its memory.
    pub(crate) memory: PageCount,
    /// The blocks of its disks.
    pub(crate) disks: &'a [PageCount],
}

/// What a vCPU does, phase after phase.
#[derive(Debug)]
pub(crate) struct Plan {
    stages: Vec<Stage>,
    current: Option<usize>,
}

#[derive(Debug)]
struct Stage {
    /// When it ends, counted from the start of the first; never if it is the only one.
    end: Option<Duration>,
    job: Job,
}

/// A workload without phases.
#[derive(Debug)]
pub(crate) struct Job {
    /// Which of the vCPU's pages.
    pub(crate) pages: Option<Chooser>,
    /// How fast.
    pub(crate) memory: Pacer,
    /// The disks of which blocks belong to the vCPU, and how many.
    pub(crate) blocks: Vec<(usize, u64)>,
    /// How fast.
    pub(crate) disk: Pacer,
    /// In percent.
    pub(crate) read_share: u8,
    /// What is written.
    pub(crate) contents: WorkloadContents,
    paces: [Pace; 2],
}

impl Plan {
    /// The part of the vCPU `lane` in `workload`, which was checked.
    pub(crate) fn new(workload: &Workload, lane: Lane, means: Means<'_>) -> Self {
        let stages = match &workload.pattern {
            WorkloadPattern::Phased(options) => {
                let mut end = Duration::ZERO;
                let stage = options.phases.iter().map(|phase| {
                    end += phase.duration.as_duration();
                    Stage { end: Some(end), job: Job::new(&phase.workload, lane, means) }
                });
                stage.collect()
            }
            WorkloadPattern::Idle(_)
            | WorkloadPattern::Sequential(_)
            | WorkloadPattern::Random(_)
            | WorkloadPattern::Hotspot(_)
            | WorkloadPattern::Zipf(_)
            | WorkloadPattern::Disk(_) => {
                vec![Stage { end: None, job: Job::new(workload, lane, means) }]
            }
        };
        Self { stages, current: None }
    }

    /// Nothing to do.
    pub(crate) fn none() -> Self {
        Self { stages: Vec::new(), current: None }
    }

    /// What to do `now`, having begun the whole at `began`, and when the phase ends.
    pub(crate) fn job(&mut self, began: Instant, now: Instant) -> (&mut Job, Option<Instant>) {
        let cycle = self.stages.last().and_then(|stage| stage.end).unwrap_or_default();
        let passed = now.since(began);
        let at = Duration::from_nanos(passed.as_nanos().checked_rem(cycle.as_nanos()).map_or(
            0,
            |nanos| {
                u64::try_from(nanos).expect("less than a cycle, which has 64 bits of nanoseconds")
            },
        ));
        let index = self.stages.iter().position(|stage| stage.end.is_none_or(|end| at < end));
        let index = index.unwrap_or(0);
        let is_new = self.current.replace(index) != Some(index);
        let stage = &mut self.stages[index];
        if is_new {
            stage.job.begin(now);
        }
        (&mut stage.job, stage.end.map(|end| now + end.saturating_sub(at)))
    }
}

impl Job {
    fn new(workload: &Workload, lane: Lane, means: Means<'_>) -> Self {
        let pages =
            workload.working_set.map_or(means.memory, |size| PageSize::KIB_4.pages_in(size));
        let pages = pages.min(means.memory);
        let share = |rate: BytesPerSecond| BytesPerSecond::new(lane.share(rate.get()));
        let nothing = Pace::At(BytesPerSecond::new(0));
        let chooser = Chooser::new(&workload.pattern, lane.count(pages.get()));
        let memory = match (&chooser, workload.rate) {
            (None, _) => nothing,
            (Some(_), None) => Pace::Unlimited,
            (Some(_), Some(rate)) => Pace::At(share(rate)),
        };
        let disk = match &workload.pattern {
            WorkloadPattern::Disk(DiskOptions { disk_rate }) => Pace::At(share(*disk_rate)),
            WorkloadPattern::Idle(_)
            | WorkloadPattern::Sequential(_)
            | WorkloadPattern::Random(_)
            | WorkloadPattern::Hotspot(_)
            | WorkloadPattern::Zipf(_)
            | WorkloadPattern::Phased(_) => nothing,
        };
        let blocks: Vec<_> =
            means.disks.iter().map(|blocks| lane.count(blocks.get())).enumerate().collect();
        let blocks: Vec<_> = blocks.into_iter().filter(|(_, count)| *count > 0).collect();
        let disk = if blocks.is_empty() { nothing } else { disk };
        Self {
            pages: chooser,
            memory: Pacer::new(memory, Instant::default()),
            blocks,
            disk: Pacer::new(disk, Instant::default()),
            read_share: workload.read_share.unwrap_or(0),
            contents: workload.contents.unwrap_or(WorkloadContents::Random),
            paces: [memory, disk],
        }
    }

    fn begin(&mut self, now: Instant) {
        let [memory, disk] = self.paces;
        self.memory = Pacer::new(memory, now);
        self.disk = Pacer::new(disk, now);
    }

    /// What a read of `bytes` counts: the rate is that of writes, unless there are none.
    pub(crate) fn cost_of_read(&self, bytes: Bytes) -> Bytes {
        if self.read_share < 100 { Bytes::ZERO } else { bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::pacer::Due;
    use ferry_qmp::parse_workload as parse;

    const LANE: Lane = Lane { cpu: 1, cpus: 2 };
    const PAGE: Bytes = Bytes::from_kib(4);

    fn plan(text: &str) -> Plan {
        let disks = [PageCount(1), PageCount(10)];
        Plan::new(&parse(text).unwrap(), LANE, Means { memory: PageCount(100), disks: &disks })
    }

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn phases_follow_each_other_and_begin_again() {
        let mut plan = plan("phased:(random)/500ms+(idle)/2s");
        let began = at(10);
        for (now, is_busy, end) in [
            (10, true, 510),
            (509, true, 510),
            (510, false, 2_510),
            (2_509, false, 2_510),
            (2_510, true, 3_010),
            (25_010, true, 25_510),
        ] {
            let (job, ends) = plan.job(began, at(now));
            assert_eq!(ends, Some(at(end)), "{now}");
            assert_eq!(job.memory.due(at(now), PAGE) != Due::Never, is_busy, "{now}");
        }
    }

    #[test]
    fn a_phase_begins_without_a_debt() {
        let mut plan = plan("phased:(idle)/1m+(random,rate=8Mi)/1m");
        plan.job(at(0), at(0));
        let (job, _) = plan.job(at(0), at(60_000));
        // A page each millisecond for this one of two.
        assert_eq!(job.memory.due(at(60_000), PAGE), Due::At(at(60_001)));
    }

    #[test]
    fn disks_are_for_whom_blocks_belong_to() {
        let mut with = plan("disk,disk-rate=1Mi,rate=0,read-share=100");
        let (job, end) = with.job(at(0), at(0));
        // Of the disk with one block nothing belongs to the second vCPU.
        assert_eq!((job.blocks.as_slice(), end), ([(1, 5)].as_slice(), None));
        assert_eq!(job.memory.due(at(0), PAGE), Due::Never);
        assert!(matches!(job.disk.due(at(0), PAGE), Due::At(_)));
        assert_eq!(job.cost_of_read(PAGE), PAGE);
        let mut without = plan("random");
        let (job, _) = without.job(at(0), at(0));
        assert_eq!(job.disk.due(at(0), PAGE), Due::Never);
        assert_eq!(job.cost_of_read(PAGE), Bytes::ZERO);
    }
}
