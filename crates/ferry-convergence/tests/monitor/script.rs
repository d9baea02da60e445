//! A shell for the monitor, played from a script.

use std::time::Duration;

use ferry_config::{
    MigrationSettings, OnTimeout, Permission, ProgressTimeout, Semantics, TransferSize,
};
use ferry_convergence::{Action, Mode, Monitor, Sample, Terms};
use ferry_units::{Bytes, Instant, SecondsPerGiB};

/// Where every script's clock stands when the migration starts.
pub(crate) const START: Instant = Instant::from_nanos(1_000_000_000_000);

/// A migration to play. Without more it has no limits at all.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    settings: MigrationSettings,
    semantics: Semantics,
    resumed: Option<(Mode, Duration)>,
}

/// What the shell sees at one time, and whether what it is told to do then works.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) at: Duration,
    pub(crate) remaining: Option<Bytes>,
    pub(crate) outcome: Outcome,
}

/// What becomes of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Succeeds,
    Fails,
}

/// A look `seconds` after the start that counts this many MiB; `None` counts nothing.
pub(crate) fn look(seconds: f64, mib: impl Into<Option<u64>>) -> Look {
    let remaining = mib.into().map(Bytes::from_mib);
    Look { at: Duration::from_secs_f64(seconds), remaining, outcome: Outcome::Succeeds }
}

impl Look {
    /// The same, but what is to be done then fails.
    pub(crate) fn fails(self) -> Self {
        Self { outcome: Outcome::Fails, ..self }
    }
}

impl Script {
    pub(crate) fn new(semantics: Semantics, on_timeout: OnTimeout) -> Self {
        let settings = MigrationSettings {
            completion_timeout_per_gib: SecondsPerGiB::new(0),
            progress_timeout: ProgressTimeout::Disabled,
            ..MigrationSettings::default()
        };
        let script = Self { settings, semantics, resumed: None };
        match on_timeout {
            OnTimeout::Abort => script.permissions(Permission::Forbidden, Permission::Forbidden),
            OnTimeout::Pause => script.permissions(Permission::Forbidden, Permission::Allowed),
            OnTimeout::PostCopy => script.permissions(Permission::Allowed, Permission::Allowed),
        }
    }

    pub(crate) fn documented(on_timeout: OnTimeout) -> Self {
        Self::new(Semantics::Documented, on_timeout)
    }

    pub(crate) fn permissions(
        mut self,
        post_copy: Permission,
        workload_disruption: Permission,
    ) -> Self {
        self.settings.post_copy = post_copy;
        self.settings.workload_disruption = workload_disruption;
        self
    }

    /// The completion timeout in seconds; 0 is none.
    pub(crate) fn limit(mut self, seconds: i64) -> Self {
        self.settings.completion_timeout_per_gib = SecondsPerGiB::new(seconds);
        self
    }

    /// The progress timeout in seconds; 0 is none.
    pub(crate) fn progress(mut self, seconds: i64) -> Self {
        self.settings.progress_timeout = ProgressTimeout::from_seconds(seconds);
        self
    }

    /// Played by a monitor that takes over after so many seconds.
    pub(crate) fn resumed(mut self, mode: Mode, seconds: u64) -> Self {
        self.resumed = Some((mode, Duration::from_secs(seconds)));
        self
    }

    pub(crate) fn monitor(&self) -> Monitor {
        // One unit of the size factor, so that seconds per GiB are seconds.
        let memory = match self.semantics {
            Semantics::Documented => Bytes::from_gib(1),
            Semantics::KubeVirt => Bytes::new(1_000_000_000),
        };
        let size = TransferSize { memory, disks: Bytes::ZERO };
        let terms = Terms::new(&self.settings, size, self.semantics);
        match self.resumed {
            None => Monitor::new(terms, START),
            Some((mode, after)) => Monitor::resume(terms, START, mode, START + after),
        }
    }

    /// Plays the rows and checks what is done at each.
    pub(crate) fn runs(&self, rows: &[(Look, Action)]) -> Played {
        let mut monitor = self.monitor();
        for (look, expected) in rows {
            let action = play(&mut monitor, look);
            assert_eq!(&action, expected, "{:?} under {self:?}", look.at);
        }
        Played { monitor }
    }
}

/// A script that ran to its end.
pub(crate) struct Played {
    monitor: Monitor,
}

impl Played {
    pub(crate) fn ends_in(&self, mode: Mode) {
        assert_eq!(self.monitor.mode(), mode);
    }
}

/// All that a shell does: look, ask, act, and report what worked.
pub(crate) fn play(monitor: &mut Monitor, look: &Look) -> Action {
    let decision = monitor.observe(START + look.at, &Sample { remaining: look.remaining });
    match look.outcome {
        Outcome::Succeeds => monitor.carried_out(&decision.action),
        Outcome::Fails => {}
    }
    decision.action
}
