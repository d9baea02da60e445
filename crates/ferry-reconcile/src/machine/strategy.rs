//! Run strategies: what to do next, given how the instance is.

use ferry_api::kubevirt::{VirtualMachine, VirtualMachineInstance, VirtualMachineInstancePhase};
use ferry_units::WallTime;

use super::{Observed, Standing, requests, start_failure};
use crate::instance::{is_final, phase};
use crate::objects::is_leaving;

/// How a machine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strategy {
    Always,
    RerunOnFailure,
    Manual,
    Halted,
    Once,
    /// It waits for a guest from another cluster, of which there is none.
    WaitAsReceiver,
    /// Admission lets no other in.
    Unknown,
}

/// What to do about a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Make an instance.
    Start,
    /// End the instance.
    Stop,
    /// End the instance, and note that another one is to follow.
    StopAndStart,
    /// Let the machine run from now on (a halted one that is to start paused).
    Enable,
    /// Start it later.
    Wait(WallTime),
    /// Nothing.
    Stay,
}

// PARITY: staging/src/kubevirt.io/api/core/v1/types.go#RunStrategy
pub(super) fn of(machine: &VirtualMachine) -> Strategy {
    match (machine.spec.running, machine.spec.run_strategy.as_deref()) {
        (Some(true), _) | (None, Some("Always")) => Strategy::Always,
        (Some(false) | None, None) | (Some(false), Some(_)) | (None, Some("Halted")) => {
            Strategy::Halted
        }
        (None, Some("RerunOnFailure")) => Strategy::RerunOnFailure,
        (None, Some("Manual")) => Strategy::Manual,
        (None, Some("Once")) => Strategy::Once,
        (None, Some("WaitAsReceiver")) => Strategy::WaitAsReceiver,
        (None, Some(_)) => Strategy::Unknown,
    }
}

impl Strategy {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::RerunOnFailure => "RerunOnFailure",
            Self::Manual => "Manual",
            Self::Halted => "Halted",
            Self::Once => "Once",
            Self::WaitAsReceiver => "WaitAsReceiver",
            Self::Unknown => "",
        }
    }

    /// Whether a machine that cannot be started is tried again and again.
    pub(super) const fn retries(self) -> bool {
        match self {
            Self::Always | Self::RerunOnFailure | Self::Once => true,
            Self::Manual | Self::Halted | Self::WaitAsReceiver | Self::Unknown => false,
        }
    }
}

/// The next step.
// PARITY: pkg/virt-controller/watch/vm/vm.go#syncRunStrategy
pub(super) fn next(seen: &Observed) -> Step {
    let strategy = of(&seen.machine);
    if let Standing::Foreign = seen.instance {
        return Step::Stay;
    }
    match seen.own() {
        Some(instance) if is_leaving(instance) => Step::Stay,
        Some(instance) => with_instance(seen, strategy, instance),
        None => without_instance(seen, strategy),
    }
}

fn with_instance(seen: &Observed, strategy: Strategy, instance: &VirtualMachineInstance) -> Step {
    let is_asked = requests::is_stop_asked(&seen.machine, instance);
    let stop_if = |should: bool| if should { Step::Stop } else { Step::Stay };
    match strategy {
        Strategy::Always => stop_if(is_asked || is_final(instance)),
        Strategy::RerunOnFailure => match phase(instance) {
            VirtualMachineInstancePhase::Failed => Step::StopAndStart,
            VirtualMachineInstancePhase::Succeeded => Step::Stop,
            VirtualMachineInstancePhase::Unset
            | VirtualMachineInstancePhase::WaitingForSync
            | VirtualMachineInstancePhase::Pending
            | VirtualMachineInstancePhase::Scheduling
            | VirtualMachineInstancePhase::Scheduled
            | VirtualMachineInstancePhase::Running
            | VirtualMachineInstancePhase::Unknown => stop_if(is_asked),
        },
        Strategy::Manual => stop_if(is_asked),
        Strategy::Halted => Step::Stop,
        Strategy::Once | Strategy::WaitAsReceiver | Strategy::Unknown => Step::Stay,
    }
}

fn without_instance(seen: &Observed, strategy: Strategy) -> Step {
    let machine = &seen.machine;
    let is_asked = requests::is_start_asked(machine);
    let status = machine.status.as_ref();
    let ran_as = status.and_then(|status| status.other.get("runStrategy")?.as_str());
    match strategy {
        Strategy::Always | Strategy::Once => start(seen),
        // A machine that was changed to this strategy has to be started once.
        Strategy::RerunOnFailure if is_asked || ran_as != Some(strategy.name()) => start(seen),
        Strategy::Manual if is_asked => Step::Start,
        // Only a start that is to wait is asked of a halted machine; any other is what a restart
        // left, and the machine was halted after it.
        Strategy::Halted if requests::is_paused_start_asked(machine) => Step::Enable,
        Strategy::RerunOnFailure
        | Strategy::Manual
        | Strategy::Halted
        | Strategy::WaitAsReceiver
        | Strategy::Unknown => Step::Stay,
    }
}

/// Starts it, unless it has failed to start and waits.
fn start(seen: &Observed) -> Step {
    match start_failure::retry_after(&seen.machine) {
        Some(time) if seen.now.time < time => Step::Wait(time),
        Some(_) | None => Step::Start,
    }
}

/// Says in the spec that it runs, in the way that it has said so far.
pub(super) fn enable(machine: &mut VirtualMachine) {
    if machine.spec.run_strategy.is_some() {
        machine.spec.run_strategy = Some(Strategy::Always.name().to_owned());
    } else {
        machine.spec.running = Some(true);
    }
}
