//! A guest that leaves this node.
//!
//! ```text
//!  target listens ─► startTimestamp written ─► sent ─► mode … ─► failed, and stays
//!                     (or failed at once)       └────► the target writes that it is there
//! ```

use ferry_api::kubevirt::{
    MigrationAbortStatus, MigrationMode as Mode, MigrationState, PersistentVolumeClaimInfo,
    VirtualMachineInstance,
};
use ferry_config::MigrationSettings;
use ferry_units::WallTime;

use super::running::stillness;
use super::spec::{channels, settings};
use super::step::Step;
use super::{Leaving, LeavingEnd, Migrate, MigrationMode, Order, Placed, has_ended};
use crate::migration::state_of;
use crate::objects::{is_leaving, stamp};
use crate::words;

/// Does what a migration that begins here needs next.
// PARITY: pkg/virt-handler/migration-source.go#setMigrationProgressStatus
pub(super) fn advance(seen: &Placed, instance: &VirtualMachineInstance, step: &mut Step<'_>) {
    let Some(state) = state_of(instance).filter(|state| is_here(seen, state)) else { return };
    let Some(migration_uid) = state.migration_uid.as_deref() else { return };
    let leaving = seen.leaving(migration_uid);
    match (leaving, &state.start_timestamp) {
        (Some(leaving), _) if has_ended(state) => {
            if leaving.end.is_none() {
                // Whoever ended it did not know that it had begun.
                abort(seen, migration_uid, step);
            }
        }
        (None, _) if has_ended(state) => {}
        (Some(leaving), _) => follow(seen, migration_uid, state, leaving, step),
        (None, None) => begin(seen, instance, state, step),
        (None, Some(_)) => match migrate(seen, instance, state) {
            Ok(migrate) => step.order(Order::Migrate(migrate)),
            Err(reason) => fail(step, &reason, None, step.now()),
        },
    }
}

/// Whether this node is the one that the guest leaves.
fn is_here(seen: &Placed, state: &MigrationState) -> bool {
    state.source_node.as_deref() == Some(seen.here.node.as_str())
}

/// Claims the migration before anything is sent. From then on nobody but this node ends it.
fn begin(
    seen: &Placed,
    instance: &VirtualMachineInstance,
    state: &MigrationState,
    step: &mut Step<'_>,
) {
    if is_leaving(&seen.pod) {
        return;
    }
    let is_awaited = state.target_node_address.is_some();
    let obstacle = if is_awaited {
        migrate(seen, instance, state).err()
    } else {
        // A target that cannot know how to listen would be waited for in vain.
        sendable(seen, instance, state).err()
    };
    if let Some(reason) = obstacle {
        fail(step, &reason, None, step.now());
        return;
    }
    if !is_awaited {
        return;
    }
    let now = stamp(step.now());
    if let Some(state) = step.migration() {
        state.start_timestamp = Some(now);
        state.mode = Some(Mode::PreCopy);
    }
    step.tell("Migrating", "VirtualMachineInstance is migrating.");
}

/// How the guest is to cross, or why it cannot from here.
fn sendable(
    seen: &Placed,
    instance: &VirtualMachineInstance,
    state: &MigrationState,
) -> Result<MigrationSettings, String> {
    let settings = settings(state)?;
    if let Some(volume) = moved_volume(instance) {
        return Err(volume);
    }
    let network = settings.network.as_deref().map(words::network_name);
    match network.filter(|network| !seen.here.networks.contains(*network)) {
        None => Ok(settings),
        Some(network) => {
            let node = &seen.here.node;
            Err(format!("node {node} has no address on the migration network {network:?}"))
        }
    }
}

/// Why a guest is not sent whose volumes are to be on other claims afterwards: only what is in its
/// memory and on its own node's disks can be carried over.
fn moved_volume(instance: &VirtualMachineInstance) -> Option<String> {
    let claim = |info: Option<&PersistentVolumeClaimInfo>| {
        info.and_then(|info| info.claim_name.clone()).unwrap_or_default()
    };
    let volume = instance.status.as_ref()?.migrated_volumes.as_ref()?.first()?;
    Some(format!(
        "cannot migrate VMI: volume {} is to move from PVC {} to PVC {}, and volumes are not moved \
         to other claims here",
        volume.volume_name.as_deref().unwrap_or_default(),
        claim(volume.source_pvc_info.as_ref()),
        claim(volume.destination_pvc_info.as_ref()),
    ))
}

/// How the guest is to be sent, or why it cannot be.
fn migrate(
    seen: &Placed,
    instance: &VirtualMachineInstance,
    state: &MigrationState,
) -> Result<Migrate, String> {
    let settings = sendable(seen, instance, state)?;
    let spec = seen.spec(instance).map_err(|obstacle| obstacle.to_string())?;
    let address = state.target_node_address.as_deref().unwrap_or_default();
    let ports = state.target_direct_migration_node_ports.iter().flat_map(|ports| ports.keys());
    let port = ports.into_iter().find_map(|port| port.parse().ok());
    Ok(Migrate {
        pod_uid: seen.pod_uid(),
        migration_uid: state.migration_uid.clone().unwrap_or_default(),
        target_node: state.target_node.clone().unwrap_or_default(),
        address: address
            .parse()
            .map_err(|_| format!("the target listens at {address:?}, which is no IP address"))?,
        port: port.ok_or("the target names no port that it listens at")?,
        channels: channels(instance, &settings),
        size: spec.transfer_size(),
        settings,
        stillness: stillness(instance),
    })
}

/// Tells how it goes.
fn follow(
    seen: &Placed,
    migration_uid: &str,
    state: &MigrationState,
    leaving: &Leaving,
    step: &mut Step<'_>,
) {
    match &leaving.end {
        Some(LeavingEnd::Failed { reason, at, aborted }) => {
            fail(step, reason, aborted.then_some(MigrationAbortStatus::Succeeded), *at);
        }
        // The guest is the target's, which says so.
        Some(LeavingEnd::Completed { .. }) => {}
        None => {
            if let Some(state) = step.migration() {
                state.mode = Some(match leaving.mode {
                    MigrationMode::PreCopy => Mode::PreCopy,
                    MigrationMode::Paused => Mode::Paused,
                    MigrationMode::PostCopy => Mode::PostCopy,
                });
            }
            if state.abort_requested == Some(true) {
                call_off(seen, migration_uid, state, leaving, step);
            }
        }
    }
}

/// Somebody wants the guest to stay.
fn call_off(
    seen: &Placed,
    migration_uid: &str,
    state: &MigrationState,
    leaving: &Leaving,
    step: &mut Step<'_>,
) {
    let answer = if leaving.abort_failed {
        MigrationAbortStatus::Failed
    } else {
        abort(seen, migration_uid, step);
        MigrationAbortStatus::Aborting
    };
    if state.abort_status.is_none() {
        step.tell("Migrating", "VirtualMachineInstance is aborting migration.");
    }
    if let Some(state) = step.migration() {
        state.abort_status = Some(answer);
    }
}

fn abort(seen: &Placed, migration_uid: &str, step: &mut Step<'_>) {
    let migration_uid = migration_uid.to_owned();
    step.order(Order::Abort { pod_uid: seen.pod_uid(), migration_uid });
}

/// Ends the migration; the guest stays, or has ended with it.
pub(super) fn fail(
    step: &mut Step<'_>,
    reason: &str,
    aborted: Option<MigrationAbortStatus>,
    at: WallTime,
) {
    let Some(state) = step.migration() else { return };
    state.completed = Some(true);
    state.failed = Some(true);
    state.failure_reason = Some(reason.to_owned());
    state.end_timestamp = Some(stamp(at));
    state.abort_status = aborted.or(state.abort_status);
    let uid = state.migration_uid.clone().unwrap_or_default();
    if let Some(labels) =
        step.instance.as_mut().and_then(|instance| instance.metadata.labels.as_mut())
    {
        labels.remove(words::TARGET_NODE_NAME);
    }
    step.warn(
        "Migrated",
        format!("VirtualMachineInstance migration uid {uid} failed. reason:{reason}"),
    );
}

/// Ends the migration that the guest was in, if there is one, because the guest itself has ended.
pub(super) fn end_with_guest(
    seen: &Placed,
    instance: &VirtualMachineInstance,
    reason: &str,
    step: &mut Step<'_>,
) {
    let open = state_of(instance).filter(|state| is_here(seen, state) && !has_ended(state));
    if open.is_some() {
        let at = step.now();
        fail(step, reason, None, at);
    }
}
