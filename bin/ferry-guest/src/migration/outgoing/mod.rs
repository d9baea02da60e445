//! A migration that is sent.
//!
//! ```text
//!  mig/src/main    leads: connects, harvests, stops the guest, hands it over, and cleans up
//!  mig/src/connect makes a connection, and is left to itself if that is given up meanwhile
//!  mig/src/send_N  sends the pages of one channel
//!  mig/src/return  hears what the destination says
//!  mig/src/pulse   asks every second whether it is there
//!  mig/src/urgent  answers the requests of vCPUs at the destination
//! ```
//!
//! None of them decides anything about the migration: they ask the source of ferry-transfer, behind
//! the [desk](super::desk). Whoever meets an error tells the source that the connection is lost, and the
//! leader hears from it what that means.

mod connect;
mod ending;
mod jobs;
mod leader;
mod sender;
mod talk;
mod threads;
mod times;
mod volumes;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ferry_qmp::rules::{OutgoingMigration, Side};
use ferry_qmp::words::{MigrationStats, MigrationStatus, Milliseconds, ZeroPageDetection};
use ferry_runtime::Clock;
use ferry_transfer::wire::SessionId;
use ferry_transfer::{Hardware, Settings, Source, SourceInput, Stats, TransferError};
use ferry_units::{Bytes, PageCount, PageSize};

use super::board::{Board, Facts};
use super::desk::Desk;
use crate::machine::Machine;
use crate::run::{RunControl, Switchover};

pub(super) use connect::{Made, SILENCE};
pub(super) use leader::{Start, start};
use times::Times;

/// What a migration that is sent works with.
pub(super) struct Outgoing {
    clock: Clock,
    board: Arc<Board>,
    run: Arc<RunControl>,
    machine: Machine,
    hardware: Hardware,
    session: SessionId,
    zero_pages: ZeroPageDetection,
    channels: u8,
    desk: Desk,
    made: Made,
    times: Mutex<Times>,
    /// The guest, while it stands still for this.
    switchover: Mutex<Option<Switchover>>,
    jobs: jobs::Jobs,
    /// The last question to the destination, and when it was asked.
    asked: Mutex<Option<(u64, ferry_units::Instant)>>,
}

impl Outgoing {
    /// Changes what is wanted.
    pub(super) fn set_settings(&self, settings: Settings) {
        self.desk.change(|source, now| source.set_settings(settings, now));
    }

    /// Gives it up. Refused once the guest is handed over.
    pub(super) fn cancel(&self) -> Result<(), TransferError> {
        self.desk.change(Source::cancel)?;
        self.board.advance(Side::Source, MigrationStatus::Cancelling);
        self.made.cut();
        Ok(())
    }

    /// Switches to post-copy as soon as that is possible.
    pub(super) fn start_post_copy(&self) {
        self.tell(SourceInput::StartPostCopy);
    }

    /// Goes on from where it waits before the switch.
    pub(super) fn go_on(&self) {
        self.tell(SourceInput::Continue);
    }

    /// Cuts the connections.
    pub(super) fn cut(&self, why: &str) {
        self.tell(SourceInput::Lost(why.to_owned()));
        self.made.cut();
    }

    /// What has happened, in the engine's words, and how long the guest stood still.
    pub(super) fn history(&self) -> (Stats, Option<u64>, Option<u64>) {
        let times = *self.lock_times();
        (self.desk.look(|source| source.stats().clone()), times.stopped_at, times.resumed_at)
    }

    /// What has happened, in QEMU's words.
    pub(super) fn report(&self, facts: &Facts) -> OutgoingMigration {
        let times = *self.lock_times();
        let now = self.clock.now();
        let total = times.total(now);
        let (stats, remaining, throttle) = self
            .desk
            .look(|source| (source.stats().clone(), source.remaining(), source.throttle()));
        let (bandwidth, expected) =
            self.desk.look(|source| (source.bandwidth(now), source.expected_downtime(now)));
        let bandwidth = bandwidth.unwrap_or_default();
        let ram = MigrationStats {
            transferred: stats.transferred(),
            remaining,
            total: self.hardware.layout(1).bytes(),
            duplicate: stats.zero_pages,
            normal: stats.pages,
            normal_bytes: stats.pages.bytes(PageSize::KIB_4),
            dirty_pages_rate: stats.dirty_pages_rate,
            mbps: megabits(&stats, total),
            dirty_sync_count: stats.pass,
            postcopy_requests: stats.requests,
            page_size: PageSize::KIB_4.bytes(),
            multifd_bytes: if self.channels > 1 { stats.transferred() } else { Bytes::ZERO },
            pages_per_second: PageSize::KIB_4.pages_in(Bytes::new(bandwidth.get())),
            precopy_bytes: stats.pre_copy,
            downtime_bytes: stats.downtime,
            postcopy_bytes: stats.post_copy,
            dirty_sync_missed_zero_copy: 0,
        };
        OutgoingMigration {
            status: facts.outgoing,
            setup_time: milliseconds(times.setup()),
            total_time: milliseconds(total),
            expected_downtime: milliseconds(expected.unwrap_or_default()),
            downtime: milliseconds(times.blackout().unwrap_or_default()),
            ram,
            cpu_throttle_percentage: (throttle > 0).then_some(i64::from(throttle)),
            error: facts.outgoing_error.clone(),
            blockers: Vec::new(),
        }
    }

    /// Tells the source something. What it did not expect breaks the migration.
    fn tell(&self, input: SourceInput) {
        if let Err(error) = self.desk.tell(input) {
            // That the connection is lost is always expected.
            let _always = self.desk.tell(SourceInput::Lost(error.to_string()));
        }
    }

    /// A connection failed, or what came over it.
    fn lost(&self, error: &dyn std::error::Error) {
        let why = crate::migration::in_words(error);
        tracing::info!(%why, "the connections of the migration are lost");
        self.tell(SourceInput::Lost(why));
    }

    fn memory(&self) -> PageCount {
        self.machine.memory().ram().pages()
    }

    fn lock_times(&self) -> MutexGuard<'_, Times> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_switchover(&self) -> MutexGuard<'_, Option<Switchover>> {
        self.switchover.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Rounded up, so that what took a moment is not nothing.
fn milliseconds(duration: std::time::Duration) -> Milliseconds {
    let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    Milliseconds(micros.div_ceil(1000))
}

/// Megabits in a second, over the whole migration.
fn megabits(stats: &Stats, total: std::time::Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "it is shown to people")]
    let bits = stats.transferred().get() as f64 * 8.0;
    let seconds = total.as_secs_f64();
    if seconds > 0.0 { bits / seconds / 1e6 } else { 0.0 }
}
