//! How long a target pod may wait for a node, and for its guest's container.

use std::time::Duration;

use ferry_api::Modelled;
use ferry_api::kubevirt::VirtualMachineInstanceMigration;
use ferry_units::WallTime;

use super::Observed;
use super::step::{Step, WAITING, waits_for};
use crate::objects::{annotation, created, delete, full_name, is_leaving, namespace};
use crate::plan::{Event, Grace};
use crate::{pods, words};

/// No node takes the pod.
// PARITY: pkg/virt-controller/watch/migration/migration.go#defaultUnschedulablePendingTimeoutSeconds
const UNSCHEDULABLE: Duration = Duration::from_secs(300);

/// The pod is pending, whatever the reason.
// PARITY: pkg/virt-controller/watch/migration/migration.go#defaultCatchAllPendingTimeoutSeconds
const PENDING: Duration = Duration::from_secs(900);

/// The reason that a pod has, and a migration that waits for it.
const NO_NODE: &str = "Unschedulable";

/// Ends a target pod that has waited for too long. That the migration fails follows from that.
// PARITY: pkg/virt-controller/watch/migration/migration.go#handlePendingPodTimeout
pub(super) fn check(seen: &Observed, step: &mut Step<'_>) {
    let Some(pod) = seen.target_pod() else { return };
    if pods::phase(pod) != "Pending" || is_leaving(pod) {
        step.unsay(WAITING);
        return;
    }
    let about = step.about();
    let pod_name = full_name(pod);
    let mut limits = vec![(
        end(pod, limit_of(&seen.migration, words::PENDING_TIMEOUT, PENDING)),
        format!("pending pod {pod_name} timeout period exceeded"),
    )];
    match pods::unschedulable(pod) {
        None => step.unsay(WAITING),
        Some(condition) => {
            if !step.says(WAITING, NO_NODE) {
                let message = format!(
                    "Migration target pod for VMI [{}/{}] is currently unschedulable.",
                    namespace(&seen.migration),
                    seen.migration.spec.vmi_name
                );
                let reason = "migrationTargetPodUnschedulable";
                step.tell(Event::warning(about.clone(), reason, message));
            }
            step.say(&waits_for(NO_NODE, condition.message.clone().unwrap_or_default()));
            let limit = limit_of(&seen.migration, words::UNSCHEDULABLE_TIMEOUT, UNSCHEDULABLE);
            let over = format!("unschedulable pod {pod_name} timeout period exceeded");
            limits.insert(0, (end(pod, limit), over));
        }
    }
    match limits.iter().find(|(end, _)| seen.now.time >= *end) {
        Some((_, message)) => {
            step.last(delete(pod, Grace::OfItsOwn));
            step.tell(Event::normal(about, "SuccessfulDelete", message.clone()));
        }
        None => limits.iter().for_each(|(end, _)| step.look_again(*end)),
    }
}

/// How long a migration waits for utility volumes to go.
pub(super) fn of_utility_volumes(seen: &Observed) -> Duration {
    let configured = seen.cluster.migrations.utility_volumes_timeout.value;
    let configured = Duration::from_secs(u64::try_from(configured).unwrap_or_default());
    limit_of(&seen.migration, words::UTILITY_VOLUMES_TIMEOUT, configured)
}

/// When an object that is given `limit` has had it.
pub(super) fn end<T: Modelled>(object: &T, limit: Duration) -> WallTime {
    created(object).after(limit)
}

/// The limit that the migration's annotation sets, in whole seconds. What is no number counts as not
/// written; what is negative is over at once.
fn limit_of(migration: &VirtualMachineInstanceMigration, key: &str, default: Duration) -> Duration {
    let written = annotation(migration, key).and_then(|text| text.parse::<i64>().ok());
    written.map_or(default, |seconds| Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}
