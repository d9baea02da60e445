//! A migration that is over: it lets go of its object, and the oldest of its kind go for good.

use ferry_api::kubevirt::VirtualMachineInstance;

use super::step::Step;
use super::{Observed, phase};
use crate::objects::{created, delete, is_leaving, name, remove_finalizer};
use crate::plan::Grace;
use crate::words;

/// So many finished migrations of an instance are kept.
// PARITY: pkg/virt-controller/watch/migration/migration.go#defaultFinalizedMigrationGarbageCollectionBuffer
const KEPT: usize = 5;

// PARITY: pkg/virt-controller/watch/migration/migration.go#garbageCollectFinalizedMigrations
pub(super) fn plan(seen: &Observed, instance: &VirtualMachineInstance, step: &mut Step<'_>) {
    complete(seen, instance, step);
    remove_finalizer(&mut step.after.metadata, words::MIGRATION_FINALIZER);
    let mut finished: Vec<_> = seen
        .siblings
        .iter()
        .filter(|sibling| phase(sibling).is_final() && !is_leaving(*sibling))
        .collect();
    finished.sort_by_key(|sibling| (created(*sibling), name(*sibling)));
    for sibling in finished.iter().take(finished.len().saturating_sub(KEPT)) {
        step.last(delete(*sibling, Grace::OfItsOwn));
    }
}

/// Completes what the migration says with what its nodes wrote after its end.
fn complete(seen: &Observed, instance: &VirtualMachineInstance, step: &mut Step<'_>) {
    if let Some(state) = seen.own_state(instance) {
        step.status().migration_state = Some(state.clone());
    }
}
