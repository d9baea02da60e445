//! The monitor of one migration.
//!
//! The first of these cases that holds decides:
//!
//! 1. in post-copy there is nothing to decide;
//! 2. the limit is passed in pre-copy, and the settings say how to get done: do that;
//! 3. it is stuck: abort. The network or the other side is at fault, and neither a pause nor
//!    post-copy would mend that;
//! 4. the limit is passed: abort.

use std::time::Duration;

use ferry_config::{
    CompletionLimit, MigrationSettings, OnTimeout, ProgressTimeout, Semantics, TransferSize,
};
use ferry_units::{Bytes, CompletionTimeout, ExactSeconds, Instant};

use crate::progress::Progress;
use crate::{Action, Cause, Decision, FailureReason, Mode, Reason};

/// What a migration is held to, fixed when it starts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Terms {
    limit: CompletionLimit,
    on_timeout: OnTimeout,
    progress_timeout: ProgressTimeout,
    semantics: Semantics,
}

/// One look at the hypervisor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sample {
    /// What remains to be sent; `None` if the hypervisor did not say, as before its first pass.
    pub remaining: Option<Bytes>,
}

/// Watches one migration and says what to do with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Monitor {
    terms: Terms,
    started: Instant,
    /// The latest look: one that claims to be earlier is taken as made at that time.
    latest: Instant,
    mode: Mode,
    progress: Progress,
}

impl Terms {
    /// The terms of a migration of `size` with these settings.
    pub fn new(settings: &MigrationSettings, size: TransferSize, semantics: Semantics) -> Self {
        Self {
            limit: settings.completion_timeout(size, semantics),
            on_timeout: settings.on_timeout(),
            progress_timeout: settings.progress_timeout,
            semantics,
        }
    }

    /// How long a migration may run in `mode`: a guest that was paused for it gets as long again.
    fn limit_in(&self, mode: Mode) -> CompletionLimit {
        match mode {
            Mode::PreCopy | Mode::PostCopy => self.limit,
            Mode::Paused => self.limit.doubled(),
        }
    }
}

impl Monitor {
    /// How often to look.
    // PARITY: pkg/virt-launcher/virtwrap/live-migration-source.go#startMonitor
    pub const PERIOD: Duration = Duration::from_millis(400);

    /// The monitor of a migration that starts now.
    pub fn new(terms: Terms, now: Instant) -> Self {
        Self::resume(terms, now, Mode::PreCopy, now)
    }

    /// The monitor, from now on, of a migration that started at `started` and had come to `mode`
    /// when its previous monitor was lost, as when a node daemon is restarted.
    ///
    /// Progress counts from now, because nobody knows what there was in between.
    pub fn resume(terms: Terms, started: Instant, mode: Mode, now: Instant) -> Self {
        let progress = Progress::new(terms.semantics, now);
        Self { terms, started, latest: now, mode, progress }
    }

    /// How the migration proceeds, for `vmi.status.migrationState.mode`.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Takes in one look at the hypervisor and decides what to do.
    ///
    /// An action that is not reported to [`Monitor::carried_out`] is asked for again.
    pub fn observe(&mut self, now: Instant, sample: &Sample) -> Decision {
        self.latest = self.latest.max(now);
        self.progress.note(self.latest, self.mode, sample.remaining);

        let elapsed = self.latest.since(self.started);
        let standstill = self.progress.standstill(self.latest);
        let limit = self.terms.limit_in(self.mode);
        let (action, cause) = self.judge(elapsed, standstill, limit);
        let reason = Reason {
            cause,
            elapsed,
            limit,
            standstill,
            progress_timeout: self.terms.progress_timeout,
            remaining: self.progress.remaining(),
        };
        Decision { action, reason }
    }

    /// Takes in that `action` was done. Post-copy is for good, whatever else is reported.
    pub fn carried_out(&mut self, action: &Action) {
        self.mode = match (action, self.mode) {
            (Action::StartPostCopy, Mode::PreCopy | Mode::PostCopy | Mode::Paused) => {
                Mode::PostCopy
            }
            (Action::PauseGuest, Mode::PreCopy | Mode::Paused) => Mode::Paused,
            (Action::PauseGuest, mode @ Mode::PostCopy)
            | (Action::Continue | Action::Abort(_), mode) => mode,
        };
    }

    // PARITY: pkg/virt-launcher/virtwrap/live-migration-source.go#processInflightMigration
    fn judge(
        &self,
        elapsed: Duration,
        standstill: Duration,
        limit: CompletionLimit,
    ) -> (Action, Cause) {
        let Some(at_limit) = self.at_limit() else {
            return (Action::Continue, Cause::PostCopy);
        };
        let overdue = passed(limit, elapsed);
        match (at_limit, overdue) {
            (OnTimeout::PostCopy, Some(_)) => return (Action::StartPostCopy, Cause::Overdue),
            (OnTimeout::Pause, Some(_)) => return (Action::PauseGuest, Cause::Overdue),
            (OnTimeout::Abort, _) | (OnTimeout::PostCopy | OnTimeout::Pause, None) => {}
        }
        if self.terms.progress_timeout.is_exceeded_by(standstill, self.terms.semantics) {
            let reason = FailureReason::Stuck { seconds: standstill.as_secs() };
            return (Action::Abort(reason), Cause::Stuck);
        }
        match overdue {
            Some(acceptable) => {
                (Action::Abort(FailureReason::NotCompleted { acceptable }), Cause::Overdue)
            }
            None => (Action::Continue, Cause::WithinLimits),
        }
    }

    /// What passing the limit brings on in the present mode; `None` where no limit applies.
    fn at_limit(&self) -> Option<OnTimeout> {
        match self.mode {
            Mode::PreCopy => Some(self.terms.on_timeout),
            Mode::Paused => Some(OnTimeout::Abort),
            Mode::PostCopy => None,
        }
    }
}

/// The limit, if `elapsed` is beyond it.
fn passed(limit: CompletionLimit, elapsed: Duration) -> Option<ExactSeconds> {
    match limit.timeout() {
        CompletionTimeout::Never => None,
        CompletionTimeout::After(seconds) => limit.is_exceeded_by(elapsed).then_some(seconds),
    }
}
