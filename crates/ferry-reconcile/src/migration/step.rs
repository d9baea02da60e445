//! One step of a migration while it is being thought out: what becomes of it and of its instance,
//! and what is told afterwards.

use ferry_api::Unmodelled;
use ferry_api::kubevirt::{
    MigrationPhase as Phase, PhaseTransitionTimestamp, VirtualMachineInstance,
    VirtualMachineInstanceMigration, VirtualMachineInstanceMigrationStatus,
};
use ferry_units::WallTime;

use super::{Observed, phase};
use crate::conditions::{self, Said};
use crate::objects::{change, created, reference, stamp};
use crate::plan::{Action, Event, Metric, ObjectRef, Part, Plan};

/// What a migration waits for that does not go on. Ferry's own: upstream only logs it.
pub(crate) const WAITING: &str = "migrationWaiting";

/// A condition that says what a migration waits for.
pub(crate) fn waits_for(reason: &str, message: impl Into<String>) -> Said {
    Said::because(WAITING, "True", reason, message)
}

/// One step.
pub(super) struct Step<'a> {
    seen: &'a Observed,
    /// The migration as it is to become.
    pub(super) after: VirtualMachineInstanceMigration,
    /// Its instance as it is to become.
    pub(super) instance: Option<VirtualMachineInstance>,
    /// What comes before the migration is changed.
    first: Vec<Action>,
    /// What comes after it.
    last: Vec<Action>,
    revisit: Option<WallTime>,
}

impl<'a> Step<'a> {
    pub(super) fn new(seen: &'a Observed) -> Self {
        Self {
            seen,
            after: seen.migration.clone(),
            instance: seen.instance.clone(),
            first: Vec::new(),
            last: Vec::new(),
            revisit: None,
        }
    }

    pub(super) fn now(&self) -> WallTime {
        self.seen.now.time
    }

    pub(super) fn about(&self) -> ObjectRef {
        reference(&self.seen.migration)
    }

    pub(super) fn status(&mut self) -> &mut VirtualMachineInstanceMigrationStatus {
        self.after.status.get_or_insert_default()
    }

    /// Enters a phase. It is noted only the first time.
    pub(super) fn enter(&mut self, phase: Phase) {
        let now = self.now();
        let status = self.status();
        if status.phase == phase {
            return;
        }
        status.phase = phase;
        let entered = status.phase_transition_timestamps.get_or_insert_default();
        if !entered.iter().any(|one| one.phase == phase) {
            entered.push(PhaseTransitionTimestamp {
                phase,
                phase_transition_timestamp: stamp(now),
                other: Unmodelled::new(),
            });
        }
    }

    pub(super) fn say(&mut self, said: &Said) {
        let now = self.now();
        conditions::set(&mut self.status().conditions, said, now);
    }

    pub(super) fn unsay(&mut self, type_: &str) {
        if let Some(status) = &mut self.after.status {
            conditions::remove(&mut status.conditions, type_);
        }
    }

    /// Whether the migration says so already, whatever the sentence is.
    pub(super) fn says(&self, type_: &str, reason: &str) -> bool {
        let status = self.seen.migration.status.as_ref();
        let condition =
            conditions::find(status.and_then(|status| status.conditions.as_ref()), type_);
        condition.is_some_and(|condition| condition.reason.as_deref() == Some(reason))
    }

    /// To be done before the migration is changed.
    pub(super) fn first(&mut self, action: impl Into<Action>) {
        self.first.push(action.into());
    }

    /// To be told when it is done.
    pub(super) fn tell(&mut self, event: Event) {
        self.last.push(event.into());
    }

    /// To be done at the end.
    pub(super) fn last(&mut self, action: impl Into<Action>) {
        self.last.push(action.into());
    }

    pub(super) fn look_again(&mut self, time: WallTime) {
        self.revisit = Some(self.revisit.map_or(time, |other| other.min(time)));
    }

    /// The plan: the instance, then the migration, then what follows. An interruption leaves a
    /// migration that does not claim more than is true.
    pub(super) fn done(self) -> Plan {
        let Self { seen, after, instance, first, last, revisit } = self;
        let mut plan = Plan { actions: first, revisit };
        if let (Some(before), Some(after)) = (&seen.instance, &instance)
            && let Some(patch) = change(Part::Main, before, after)
        {
            plan.push(patch);
        }
        let (old, new) = (phase(&seen.migration), phase(&after));
        if let Some(patch) = change(Part::Status, &seen.migration, &after) {
            plan.push(patch);
            if old != new {
                let since_creation = seen.now.time.since(created(&seen.migration));
                plan.push(Metric::MigrationPhase { phase: new.name(), since_creation });
            }
        } else if let Some(patch) = change(Part::Main, &seen.migration, &after) {
            // What holds the object, and what is written on it, goes by another path and would be
            // refused right after the status was written. The next look does it.
            plan.push(patch);
        }
        plan.actions.extend(last);
        plan
    }
}
