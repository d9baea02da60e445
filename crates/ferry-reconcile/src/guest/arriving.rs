//! A guest that comes to this node.

use std::collections::BTreeMap;

use ferry_api::kubevirt::{
    MigrationAbortStatus, MigrationState, VirtualMachineInstance,
    VirtualMachineInstancePhase as Phase,
};
use ferry_units::WallTime;

use super::spec::{channels, settings};
use super::step::Step;
use super::{Arriving, GuestEnd, GuestState, Listen, Listening, Order, Placed, ending, running};
use crate::objects::{is_leaving, stamp};
use crate::words;

/// The port that memory goes to, behind whichever port of the node.
// PARITY: pkg/util/migrations/migrations.go#LibvirtDirectMigrationPort
const DIRECT_PORT: i64 = 49152;

/// Has a process wait for the guest. That is no promise: hand-off may never come.
pub(super) fn wait(seen: &Placed, instance: &VirtualMachineInstance, step: &mut Step<'_>) {
    match seen.state() {
        _ if is_leaving(&seen.pod) => ending::stray(seen, step),
        None => {
            // What it lacks shows in its pod, which stays pending until its time is over.
            if let Ok(spec) = seen.new_spec(instance) {
                step.order(Order::Await(spec));
            }
        }
        Some(GuestState::Starting | GuestState::Waiting | GuestState::Ended(_)) => {}
        // Nothing can have come yet.
        Some(GuestState::Running | GuestState::Paused | GuestState::Held) => {
            ending::stray(seen, step);
        }
    }
}

/// Does what a migration that was handed over needs next on this side.
// PARITY: pkg/virt-handler/migration-target.go#updateStatus
pub(super) fn advance(
    seen: &Placed,
    instance: &VirtualMachineInstance,
    state: &MigrationState,
    step: &mut Step<'_>,
) {
    let Some(migration_uid) = state.migration_uid.as_deref() else { return };
    let arriving = seen.arriving(migration_uid);
    if let Some((arriving, at)) = arriving.and_then(|it| Some((it, it.completed?))) {
        complete(seen, arriving, at, step);
        return;
    }
    if is_leaving(&seen.pod) {
        match seen.state() {
            Some(GuestState::Starting | GuestState::Waiting) | None => ending::stray(seen, step),
            Some(
                GuestState::Running | GuestState::Paused | GuestState::Held | GuestState::Ended(_),
            ) => ending::on_request(seen, step),
        }
        return;
    }
    match (seen.state(), arriving) {
        (None, _) => wait(seen, instance, step),
        (Some(_), Some(Arriving { failure: Some(_), resumed: None, .. })) => {
            ending::stray(seen, step);
        }
        // One that runs and does not know why has lost its node's notes, and is told again.
        (Some(GuestState::Waiting | GuestState::Running | GuestState::Paused), None)
        | (Some(GuestState::Waiting), Some(Arriving { listening: None, .. })) => {
            if let Ok(settings) = settings(state) {
                step.order(Order::Listen(Listen {
                    pod_uid: seen.pod_uid(),
                    migration_uid: migration_uid.to_owned(),
                    channels: channels(instance, &settings),
                    settings,
                }));
            }
        }
        (Some(_), Some(Arriving { listening: Some(listening), resumed: None, .. })) => {
            listens(state, *listening, step);
        }
        (Some(_), Some(Arriving { resumed: Some(at), .. })) => resumed(*at, step),
        (Some(_), Some(_) | None) => {}
    }
}

/// Tells where the guest is awaited. Once it is on its way that does not change any more.
fn listens(state: &MigrationState, listening: Listening, step: &mut Step<'_>) {
    let address = listening.address.to_string();
    let ports = BTreeMap::from([(listening.port.to_string(), DIRECT_PORT)]);
    if state.start_timestamp.is_some() {
        return;
    }
    step.tell("PreparingTarget", "VirtualMachineInstance Migration Target Prepared.");
    let port = listening.port;
    step.tell(
        "PreparingTarget",
        format!("Migration Target is listening at {address}, on ports: {port}"),
    );
    if let Some(state) = step.migration() {
        state.target_node_address = Some(address);
        state.target_direct_migration_node_ports = Some(ports);
    }
}

/// The guest runs here; some of its memory may be missing.
fn resumed(at: WallTime, step: &mut Step<'_>) {
    if let Some(state) = step.migration() {
        state.target_node_domain_detected = Some(true);
        state.target_node_domain_ready_timestamp.get_or_insert_with(|| stamp(at));
    }
}

/// The guest is this node's, with all of its memory; in one write, so that nobody sees half of it.
/// If it has ended since, that is written along.
// PARITY: pkg/virt-handler/migration-target.go#ackMigrationCompletion
fn complete(seen: &Placed, arriving: &Arriving, at: WallTime, step: &mut Step<'_>) {
    resumed(arriving.resumed.unwrap_or(at), step);
    if let Some(state) = step.migration() {
        state.completed = Some(true);
        state.end_timestamp = Some(stamp(at));
        // Whoever wanted to call it off came too late.
        if state.abort_status == Some(MigrationAbortStatus::Aborting) {
            state.abort_status = Some(MigrationAbortStatus::Failed);
        }
    }
    let node = seen.here.node.clone();
    if let Some(status) = step.status() {
        status.node_name = Some(node.clone());
        status.evacuation_node_name = None;
        status.migration_transport = Some("Unix".to_owned());
    }
    if let Some(instance) = &mut step.instance {
        running::describe(&seen.here, instance);
        if let Some(labels) = &mut instance.metadata.labels {
            labels.remove(words::TARGET_NODE_NAME);
            labels.remove(words::OUTDATED_IMAGE);
        }
        if let Some(annotations) = &mut instance.metadata.annotations {
            annotations.remove(words::EVICTION_SOURCE);
        }
    }
    step.tell("Migrated", format!("The VirtualMachineInstance migrated to node {node}."));
    match seen.state() {
        Some(GuestState::Ended(GuestEnd::ShutDown)) => step.enter(Phase::Succeeded),
        Some(GuestState::Ended(
            GuestEnd::Crashed { .. }
            | GuestEnd::NotStarted { .. }
            | GuestEnd::Torn { .. }
            | GuestEnd::NeverCame { .. },
        )) => step.enter(Phase::Failed),
        Some(
            GuestState::Ended(GuestEnd::Moved)
            | GuestState::Starting
            | GuestState::Waiting
            | GuestState::Running
            | GuestState::Paused
            | GuestState::Held,
        )
        | None => {}
    }
}
