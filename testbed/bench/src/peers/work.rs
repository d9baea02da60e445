//! What guests work on, in words that both machines understand.

use ferry_harness::BootSector;
use ferry_units::Bytes;

/// Where a guest begins to walk: behind what firmware keeps below.
const FIRST: u32 = 16 << 20;

/// What firmware works in at the end of memory, before and while it starts the guest: the last 16 MiB, and
/// itself below them.
const LAST: u64 = 32 << 20;

/// How far a guest walks that works on little.
const LITTLE: u32 = 96 << 20;

/// Ticks in a second.
const TICKS: u64 = 1000;

/// How a guest's execution moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Switch {
    /// When hardly anything is left.
    PreCopy,
    /// Right after the beginning.
    PostCopy,
}

/// What a guest does while it is moved. All of its memory is full of what does not compress.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work {
    pub(super) name: &'static str,
    /// It changes these pages, one after another, over and over; or nothing.
    pub(super) walk: Option<BootSector>,
    pub(super) switch: Switch,
}

/// Everything that guests work on.
pub(super) fn all(memory: Bytes) -> Vec<Work> {
    let end = u32::try_from(memory.get().saturating_sub(LAST)).unwrap_or(u32::MAX);
    let walk = |end, pages_in_a_tick| Some(BootSector { first: FIRST, end, pages_in_a_tick });
    let little = walk(end.min(FIRST + LITTLE), 25);
    let switch = Switch::PreCopy;
    vec![
        Work { name: "still", walk: None, switch },
        Work { name: "100 MB/s in 96 MiB", walk: little, switch },
        Work { name: "400 MB/s all over", walk: walk(end, 100), switch },
        Work { name: "post-copy", walk: walk(end, 100), switch: Switch::PostCopy },
    ]
}

/// The same for ferry's guest.
pub(super) fn workload(walk: BootSector) -> String {
    let step = u64::from(BootSector::STEP);
    let rate = u64::from(walk.pages_in_a_tick) * TICKS * step;
    let span = u64::from(walk.pages()) * step;
    format!("sequential,rate={rate},working-set={span}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_machines_are_told_the_same() {
        let work = all(Bytes::from_mib(1024));
        let little = work[1].walk.unwrap();
        assert_eq!(workload(little), "sequential,rate=102400000,working-set=100663296");
        assert_eq!((little.first, little.end), (16 << 20, 112 << 20));
        let all_over = work[2].walk.unwrap();
        assert_eq!(workload(all_over), "sequential,rate=409600000,working-set=1023410176");
        ferry_qmp::parse_workload(&workload(all_over)).unwrap();
    }
}
