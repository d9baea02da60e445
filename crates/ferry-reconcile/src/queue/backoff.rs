//! Migrations that the system makes by itself wait longer after each one that failed.

use std::time::Duration;

use ferry_api::kubevirt::{MigrationPhase as Phase, VirtualMachineInstanceMigration};
use ferry_units::WallTime;

use crate::migration::phase;
use crate::objects::{annotation, created, is_leaving, name, uid, wall};
use crate::words;

/// After the first failure; each further one doubles it.
// PARITY: pkg/virt-controller/watch/migration/migration.go#handleMigrationBackoff
const FIRST: Duration = Duration::from_secs(20);

/// Doubling ends here: more than five failures in a row are not kept, but somebody may keep them.
const MOST_DOUBLINGS: u32 = 16;

/// Until when a migration has to wait because others of its instance have failed; nothing where it
/// need not.
// PARITY: pkg/virt-controller/watch/migration/migration.go#handleMigrationBackoff
pub(super) fn until<'m>(
    migration: &VirtualMachineInstanceMigration,
    siblings: impl Iterator<Item = &'m VirtualMachineInstanceMigration>,
) -> Option<WallTime> {
    if !is_automatic(migration) || annotation(migration, words::IGNORE_BACKOFF).is_some() {
        return None;
    }
    let mut line: Vec<_> = siblings.filter(|sibling| is_automatic(sibling)).collect();
    // Times are whole seconds. Of one second, that which has ended was there before.
    let age = |it: &VirtualMachineInstanceMigration| (created(it), !phase(it).is_final());
    line.sort_by_key(|sibling| std::cmp::Reverse((age(sibling), name(*sibling))));
    let (newest, older) = line.split_first()?;
    if uid(*newest) != uid(migration) {
        return None;
    }
    let mut failures = 0_u32;
    for sibling in older.iter().filter(|sibling| !is_leaving(**sibling)) {
        match phase(sibling) {
            Phase::Succeeded => break,
            Phase::Failed => failures += 1,
            Phase::Unset
            | Phase::WaitingForSync
            | Phase::Synchronizing
            | Phase::Pending
            | Phase::Scheduling
            | Phase::Scheduled
            | Phase::PreparingTarget
            | Phase::TargetReady
            | Phase::Running => {}
        }
    }
    let doublings = failures.checked_sub(1)?.min(MOST_DOUBLINGS);
    let failed = older.first().and_then(|last| failed_at(last))?;
    Some(failed.after(FIRST * 2_u32.pow(doublings)))
}

fn is_automatic(migration: &VirtualMachineInstanceMigration) -> bool {
    [words::EVACUATION, words::WORKLOAD_UPDATE]
        .into_iter()
        .any(|key| annotation(migration, key).is_some())
}

fn failed_at(migration: &VirtualMachineInstanceMigration) -> Option<WallTime> {
    let entered = migration.status.as_ref()?.phase_transition_timestamps.as_ref()?;
    let failed = entered.iter().find(|one| one.phase == Phase::Failed)?;
    Some(wall(&failed.phase_transition_timestamp))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_that_was_made_in_the_second_in_which_another_failed_comes_after_it() {
        let of = |name: &str, phase: &str| -> VirtualMachineInstanceMigration {
            serde_json::from_value(json!({
                "metadata": {
                    "name": name, "namespace": "ns", "uid": name,
                    "creationTimestamp": "2026-11-26T12:00:00Z",
                    "annotations": { words::EVACUATION: "node-1" },
                },
                "spec": { "vmiName": "vm" },
                "status": { "phase": phase, "phaseTransitionTimestamps": [
                    { "phase": phase, "phaseTransitionTimestamp": "2026-11-26T12:00:00Z" },
                ] },
            }))
            .unwrap()
        };
        for [failed, waiting] in [["a", "b"], ["b", "a"]] {
            let both = [of(failed, "Failed"), of(waiting, "Pending")];
            let expected = "2026-11-26T12:00:20Z".parse().unwrap();
            assert_eq!(until(&both[1], both.iter()), Some(expected), "{failed} failed");
        }
    }
}
