//! What a machine tells of its migration, in the words of ferry's reports.

use std::time::Duration;

use ferry_qmp::words::{MigrationInfo, MigrationStatus, Milliseconds, TransferStats};
use ferry_rpc::{Pass, Progress};
use ferry_units::{Bytes, BytesPerSecond, Percent, WallTime};

/// Bits of a megabit, and of a byte.
const MEGABIT: f64 = 1e6;
const BYTE: f64 = 8.0;

/// Whether a machine in this state has been told to send its guest and is not done.
pub(in crate::guests) fn is_under_way(status: MigrationStatus) -> bool {
    match status {
        MigrationStatus::None
        | MigrationStatus::Cancelled
        | MigrationStatus::Completed
        | MigrationStatus::Failed => false,
        MigrationStatus::Setup
        | MigrationStatus::Cancelling
        | MigrationStatus::Active
        | MigrationStatus::PostcopyActive
        | MigrationStatus::PostcopyPaused
        | MigrationStatus::PostcopyRecoverSetup
        | MigrationStatus::PostcopyRecover
        | MigrationStatus::Colo
        | MigrationStatus::PreSwitchover
        | MigrationStatus::Device
        | MigrationStatus::WaitUnplug => true,
    }
}

/// How far a migration is. What the machine does not know stays as it was `before`.
pub(in crate::guests) fn progress(info: &MigrationInfo, before: Progress) -> Progress {
    let mut now = before;
    if let Some(status) = info.status {
        now.status = status.to_string();
    }
    if let Some(ram) = &info.ram {
        // Disks that have crossed before the memory are not told of any more when it is over.
        now.total = ram.total.max(now.total);
        now.remaining = ram.remaining;
        now.transferred = ram.transferred.max(now.transferred);
        now.rate = rate(ram.mbps);
        let dirty = ram.dirty_pages_rate.get().saturating_mul(ram.page_size.get());
        now.dirty_rate = BytesPerSecond::new(dirty);
        now.passes = ram.dirty_sync_count;
    }
    now.elapsed = info.total_time.map_or(now.elapsed, Milliseconds::as_duration);
    let downtime = info.downtime.or(info.expected_downtime);
    now.downtime = downtime.map_or(now.downtime, Milliseconds::as_duration);
    let throttle = info.cpu_throttle_percentage.and_then(|percent| u64::try_from(percent).ok());
    now.throttle = Percent::new(throttle.unwrap_or(0)).unwrap_or_default();
    now
}

/// A rate from megabits a second; nonsense is none.
fn rate(megabits: f64) -> BytesPerSecond {
    let bytes = Duration::try_from_secs_f64(megabits * MEGABIT / BYTE).unwrap_or_default();
    BytesPerSecond::new(bytes.as_secs())
}

/// The passes over the guest's memory.
pub(super) fn passes(stats: &TransferStats) -> Vec<Pass> {
    let pass = |pass: &ferry_qmp::words::PassStats| Pass {
        number: pass.pass,
        bytes: pass.bytes,
        duration: pass.duration.as_duration(),
        rate: pass.bandwidth,
        dirty_rate: pass.dirty_rate,
        remaining: pass.remaining,
    };
    stats.passes.iter().map(pass).collect()
}

/// Adds the passes that have ended between two looks. Bytes and time are those since the last one that
/// is known of, so one that ended unseen is part of the next.
pub(super) fn note_pass(passes: &mut Vec<Pass>, before: &Progress, now: &Progress) {
    if before.passes == 0 || now.passes <= before.passes {
        return;
    }
    let bytes = passes.iter().fold(0, |sum: u64, pass| sum.saturating_add(pass.bytes.get()));
    let duration: Duration = passes.iter().map(|pass| pass.duration).sum();
    let bytes = now.transferred.saturating_sub(Bytes::new(bytes));
    let duration = now.elapsed.saturating_sub(duration);
    passes.push(Pass {
        number: now.passes - 1,
        bytes,
        duration,
        rate: bytes.per(duration).unwrap_or_default(),
        dirty_rate: now.dirty_rate,
        remaining: now.remaining,
    });
}

/// Nanoseconds for which the guest executed nothing.
pub(super) fn blackout(stats: &TransferStats) -> Option<u64> {
    stats.blackout
}

/// When the guest executed its first instruction here.
pub(super) fn resumed_at(stats: &TransferStats) -> Option<WallTime> {
    let epoch = WallTime::from_unix_seconds(0)?;
    stats.resumed_at.map(|nanos| epoch.after(Duration::from_nanos(nanos)))
}

#[cfg(test)]
mod tests {
    use ferry_qmp::words::MigrationStats;
    use ferry_units::PageCount;

    use super::*;

    #[test]
    fn what_a_machine_does_not_know_stays_as_it_was() {
        let ram = MigrationStats {
            total: Bytes::from_mib(64),
            remaining: Bytes::from_mib(3),
            mbps: 80.0,
            dirty_pages_rate: PageCount(256),
            page_size: Bytes::from_kib(4),
            dirty_sync_count: 2,
            ..MigrationStats::default()
        };
        let active = MigrationInfo {
            status: Some(MigrationStatus::Active),
            ram: Some(ram),
            total_time: Some(Milliseconds(1500)),
            expected_downtime: Some(Milliseconds(20)),
            cpu_throttle_percentage: Some(30),
            ..MigrationInfo::default()
        };
        let seen = progress(&active, Progress::default());
        assert_eq!((seen.status.as_str(), seen.remaining), ("active", Bytes::from_mib(3)));
        assert_eq!(seen.rate, BytesPerSecond::new(10_000_000));
        assert_eq!(seen.dirty_rate, BytesPerSecond::from_mib(1));
        assert_eq!((seen.passes, seen.throttle.get()), (2, 30));

        let failed = MigrationInfo { status: Some(MigrationStatus::Failed), ..Default::default() };
        let later = progress(&failed, seen.clone());
        assert_eq!(later.status, "failed");
        assert_eq!((later.remaining, later.elapsed), (seen.remaining, seen.elapsed));
    }

    #[test]
    fn a_rate_that_is_none_is_zero() {
        for nonsense in [f64::NAN, f64::INFINITY, -1.0] {
            assert_eq!(rate(nonsense), BytesPerSecond::new(0));
        }
    }
}
