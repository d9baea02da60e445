//! A workload is checked at the door, so that a vCPU need not.

use std::fmt::Display;

use ferry_qmp::words::{
    HotspotOptions, Milliseconds, Phase, PhasedOptions, Workload, WorkloadPattern,
};
use ferry_units::{Bytes, BytesPerSecond, PageCount, PageSize};
use thiserror::Error;

use crate::machine::zipf::EXPONENTS;

/// A workload that this guest cannot work on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{field} of the workload is {given}; give it {accepted}")]
pub struct WorkloadError {
    /// The field, as QMP calls it; one of a phase begins with `phases[n].`.
    pub field: String,
    /// What it was given.
    pub given: String,
    /// What is accepted.
    pub accepted: String,
}

/// What a workload must fit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The guest's memory.
    pub(crate) memory: PageCount,
    /// Its vCPUs.
    pub(crate) cpus: u32,
    /// Its disks.
    pub(crate) disks: usize,
}

/// The longest list of phases: it travels with the guest.
const MOST_PHASES: usize = 1_000;

/// Whether a guest with these `limits` can work on `workload`.
///
/// # Errors
/// The first field that it cannot.
pub(crate) fn check(workload: &Workload, limits: Limits) -> Result<(), WorkloadError> {
    let WorkloadPattern::Phased(PhasedOptions { phases }) = &workload.pattern else {
        return check_plain(workload, limits);
    };
    // A phase says these for itself; what the whole said would be overheard.
    let beside = [
        ("rate", workload.rate.map(BytesPerSecond::get)),
        ("working-set", workload.working_set.map(Bytes::get)),
        ("read-share", workload.read_share.map(u64::from)),
        ("contents", workload.contents.map(|_| 0)),
    ];
    if let Some((field, _)) = beside.iter().find(|(_, value)| value.is_some()) {
        return Err(refused(field, "beside phases", "to each phase that it is for"));
    }
    if phases.is_empty() || phases.len() > MOST_PHASES {
        let accepted = format!("1 to {MOST_PHASES} of them");
        return Err(refused("phases", format!("a list of {}", phases.len()), accepted));
    }
    for (index, phase) in phases.iter().enumerate() {
        check_phase(phase, limits).map_err(|error| WorkloadError {
            field: format!("phases[{index}].{}", error.field),
            ..error
        })?;
    }
    Ok(())
}

fn check_phase(phase: &Phase, limits: Limits) -> Result<(), WorkloadError> {
    // All phases together fit a clock of nanoseconds many times.
    const LONGEST: Milliseconds = Milliseconds(8 * 3_600_000);
    if phase.duration.0 == 0 || phase.duration > LONGEST {
        return Err(refused("duration", phase.duration, "1 ms to 8 hours"));
    }
    match &phase.workload.pattern {
        WorkloadPattern::Phased(_) => {
            Err(refused("kind", "phased", "anything else: phases are not nested"))
        }
        WorkloadPattern::Idle(_)
        | WorkloadPattern::Sequential(_)
        | WorkloadPattern::Random(_)
        | WorkloadPattern::Hotspot(_)
        | WorkloadPattern::Zipf(_)
        | WorkloadPattern::Disk(_) => check_plain(&phase.workload, limits),
    }
}

fn check_plain(workload: &Workload, limits: Limits) -> Result<(), WorkloadError> {
    if let Some(share) = workload.read_share.filter(|share| *share > 100) {
        return Err(refused("read-share", share, "0 to 100"));
    }
    if let Some(size) = workload.working_set {
        let least = PageCount(limits.cpus.into()).bytes(PageSize::KIB_4);
        let most = limits.memory.bytes(PageSize::KIB_4);
        if size < least || size > most {
            let accepted = format!("{least} (a page for each vCPU) to {most} (all memory)");
            return Err(refused("working-set", size, accepted));
        }
    }
    match &workload.pattern {
        WorkloadPattern::Hotspot(HotspotOptions { hot_writes, hot_pages }) => {
            if *hot_writes > 100 {
                return Err(refused("hot-writes", hot_writes, "0 to 100"));
            }
            if !(1..=100).contains(hot_pages) {
                return Err(refused("hot-pages", hot_pages, "1 to 100"));
            }
        }
        WorkloadPattern::Zipf(options) => {
            if !EXPONENTS.contains(&options.exponent) {
                let accepted = format!("{} to {}", EXPONENTS.start(), EXPONENTS.end());
                return Err(refused("exponent", options.exponent, accepted));
            }
        }
        WorkloadPattern::Disk(_) => {
            if limits.disks == 0 {
                return Err(refused("kind", "disk", "to a guest that has disks, or another kind"));
            }
        }
        WorkloadPattern::Idle(_)
        | WorkloadPattern::Sequential(_)
        | WorkloadPattern::Random(_)
        | WorkloadPattern::Phased(_) => {}
    }
    Ok(())
}

fn refused(field: &str, given: impl Display, accepted: impl Into<String>) -> WorkloadError {
    WorkloadError { field: field.to_owned(), given: given.to_string(), accepted: accepted.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferry_qmp::parse_workload as parse;

    const LIMITS: Limits = Limits { memory: PageCount(256), cpus: 2, disks: 0 };

    fn checked(text: &str) -> Result<(), String> {
        check(&parse(text).unwrap(), LIMITS).map_err(|error| error.to_string())
    }

    #[test]
    fn what_a_guest_can_do_is_accepted() {
        for text in [
            "idle",
            "sequential,working-set=8Ki",
            "random,working-set=1Mi,rate=0,read-share=100,contents=mixed",
            "hotspot,hot-writes=0,hot-pages=100",
            "zipf,exponent=10",
            "phased:(random)/1ms+(idle)/8h",
        ] {
            assert_eq!(checked(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_it_cannot_is_refused_by_field_value_and_what_is_accepted() {
        for (text, error) in [
            ("random,read-share=101", "read-share of the workload is 101; give it 0 to 100"),
            (
                "random,working-set=4Ki",
                "working-set of the workload is 4 KiB; give it 8 KiB (a page for each vCPU) to 1 \
                 MiB (all memory)",
            ),
            (
                "random,working-set=2Mi",
                "working-set of the workload is 2 MiB; give it 8 KiB (a page for each vCPU) to 1 \
                 MiB (all memory)",
            ),
            (
                "hotspot,hot-writes=101,hot-pages=5",
                "hot-writes of the workload is 101; give it 0 to 100",
            ),
            (
                "hotspot,hot-writes=90,hot-pages=0",
                "hot-pages of the workload is 0; give it 1 to 100",
            ),
            ("zipf,exponent=0", "exponent of the workload is 0; give it 0.01 to 10"),
            ("zipf,exponent=NaN", "exponent of the workload is NaN; give it 0.01 to 10"),
            (
                "disk,disk-rate=1Mi",
                "kind of the workload is disk; give it to a guest that has disks, or another kind",
            ),
            (
                "phased:(idle)/1s+(zipf,exponent=11)/1s",
                "phases[1].exponent of the workload is 11; give it 0.01 to 10",
            ),
            (
                "phased:(idle)/0s",
                "phases[0].duration of the workload is 0 ms; give it 1 ms to 8 hours",
            ),
            (
                "phased:(phased:(idle)/1s)/1s",
                "phases[0].kind of the workload is phased; give it anything else: phases are not \
                 nested",
            ),
            (
                "phased:(idle)/1s,rate=5",
                "rate of the workload is beside phases; give it to each phase that it is for",
            ),
        ] {
            assert_eq!(checked(text), Err(error.to_owned()), "{text}");
        }
        let nothing = Workload {
            pattern: WorkloadPattern::Phased(PhasedOptions { phases: Vec::new() }),
            ..parse("idle").unwrap()
        };
        assert_eq!(
            check(&nothing, LIMITS).unwrap_err().to_string(),
            "phases of the workload is a list of 0; give it 1 to 1000 of them"
        );
    }
}
