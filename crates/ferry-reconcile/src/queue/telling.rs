//! What a waiting migration is told, in its condition `migrationWaiting`.
//!
//! With every slot that is given away everybody behind moves up one place. To write that down for a
//! thousand migrations each time would be a million writes, so only those who are next are told at
//! once; the others hear of their place every few seconds.

use std::time::Duration;

use ferry_api::kubevirt::Condition;
use ferry_scheduler::WaitReason;
use ferry_units::WallTime;

use super::Observed;
use super::line::{Obstacle, Waiting};
use crate::conditions::{self, Said};
use crate::migration::{WAITING, waits_for};
use crate::objects::{change, full_name, reference, wall};
use crate::plan::{Event, Part, Plan};

/// So many of a line are told of every step.
const NEXT: u32 = 8;

/// The others are told this often: soon enough for a person who looks twice.
const RESTATE_AFTER: Duration = Duration::from_secs(5);

const BACKOFF: &str = "MigrationBackoff";

const POD_NOT_MADE: &str = "FailedCreate";

/// Tells of what a slot would not help against.
pub(super) fn of_obstacle(seen: &Observed, waiting: &Waiting) -> Option<Plan> {
    let obstacle = waiting.obstacle.as_ref()?;
    let (said, revisit) = match obstacle {
        Obstacle::Backoff { until } => {
            let message = format!("waiting until {until} because earlier attempts have failed");
            (waits_for(BACKOFF, message), Some(*until))
        }
        Obstacle::NoNetwork { network } => {
            let message = format!(
                "waiting for NetworkAttachmentDefinition {network}, the network of migrations"
            );
            (waits_for("MigrationNetworkNotFound", message), None)
        }
        // PARITY: pkg/virt-controller/watch/migration/migration.go#createTargetPod
        Obstacle::NoPod { why } => {
            let message = format!("failed to render launch manifest: {why}");
            (waits_for(POD_NOT_MADE, message), None)
        }
    };
    let mut plan = tell(seen, waiting, &said, 1);
    plan.actions.extend(event_of(waiting, obstacle, &said).map(Into::into));
    if let Some(revisit) = revisit {
        plan.look_again(revisit);
    }
    Some(plan)
}

/// The event that goes with an obstacle, the first time that it is met.
fn event_of(waiting: &Waiting, obstacle: &Obstacle, said: &Said) -> Option<Event> {
    let told = told(waiting);
    match obstacle {
        // PARITY: pkg/virt-controller/watch/migration/migration.go#handleMigrationBackoff
        Obstacle::Backoff { .. } => {
            let is_new = told.is_none_or(|told| told.reason != said.reason);
            let message = format!("backoff migrating vmi {}", full_name(&waiting.instance));
            is_new.then(|| Event::warning(reference(&waiting.instance), BACKOFF, message))
        }
        Obstacle::NoNetwork { .. } => None,
        Obstacle::NoPod { .. } => {
            let is_new = told.is_none_or(|told| told.message != said.message);
            let message = said.message.clone().unwrap_or_default();
            is_new.then(|| Event::warning(reference(&waiting.migration), POD_NOT_MADE, message))
        }
    }
}

/// Tells of the limit, or of the guest.
pub(super) fn of_wait(seen: &Observed, waiting: &Waiting, reason: &WaitReason<'_>) -> Plan {
    let (word, position) = match reason {
        WaitReason::SeveralPods { .. } => ("SeveralPods", 1),
        WaitReason::AnotherMigration { .. } => ("AnotherMigration", 1),
        WaitReason::GuestNotRunning { .. } => ("GuestNotRunning", 1),
        WaitReason::ClusterLimit { position, .. } => ("ClusterLimit", *position),
        WaitReason::NodeLimit { position, .. } => ("NodeLimit", *position),
    };
    tell(seen, waiting, &waits_for(word, reason.to_string()), position)
}

/// What it was told last.
fn told(waiting: &Waiting) -> Option<&Condition> {
    let status = waiting.migration.status.as_ref()?;
    conditions::find(status.conditions.as_ref(), WAITING)
}

fn tell(seen: &Observed, waiting: &Waiting, said: &Said, position: u32) -> Plan {
    let mut plan = Plan::idle();
    let mut after = waiting.migration.clone();
    let status = after.status.get_or_insert_default();
    if let Some(later) = not_yet(waiting, said, position, seen.now.time) {
        plan.look_again(later);
        return plan;
    }
    conditions::set(&mut status.conditions, said, seen.now.time);
    if let Some(patch) = change(Part::Status, &waiting.migration, &after) {
        plan.push(patch);
    }
    plan
}

/// When somebody far back in the line is to hear of another place than the one that was told.
fn not_yet(waiting: &Waiting, said: &Said, position: u32, now: WallTime) -> Option<WallTime> {
    let told = told(waiting)?;
    if position <= NEXT || told.reason != said.reason || told.message == said.message {
        return None;
    }
    let again = wall(told.last_probe_time.as_ref()?).after(RESTATE_AFTER);
    (now < again).then_some(again)
}
