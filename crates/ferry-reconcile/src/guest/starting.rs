//! A guest that is to start: once, and never after it has run.

use ferry_api::kubevirt::{VirtualMachineInstance, VirtualMachineInstancePhase as Phase};

use super::step::Step;
use super::{Order, Placed, ending};
use crate::conditions::{self, Said};
use crate::instance::phase;
use crate::objects::is_leaving;

/// Whether the guest could be made as its instance wants it.
const SYNCHRONIZED: &str = "Synchronized";

/// What the condition and its event say in a word and a sentence.
// PARITY: pkg/virt-handler/vm.go#updateVMIStatus
const REASON: &str = "Synchronizing with the Domain failed.";

/// Why an instance failed that its node knows nothing of.
const LOST: &str = "The VirtualMachineInstance is lost: its node has no trace of it.";

/// The instance is this node's, and there is no guest.
pub(super) fn advance(seen: &Placed, instance: &VirtualMachineInstance, step: &mut Step<'_>) {
    if is_leaving(&seen.pod) {
        return;
    }
    match phase(instance) {
        Phase::Scheduled => start(seen, instance, step),
        // It has run. Whatever became of it, another start would be another guest.
        Phase::Running | Phase::Unknown => ending::fail(step, LOST),
        Phase::Unset
        | Phase::WaitingForSync
        | Phase::Pending
        | Phase::Scheduling
        | Phase::Succeeded
        | Phase::Failed => {}
    }
}

fn start(seen: &Placed, instance: &VirtualMachineInstance, step: &mut Step<'_>) {
    match seen.new_spec(instance) {
        Ok(spec) => {
            step.unsay(SYNCHRONIZED);
            step.order(Order::Start(spec));
        }
        Err(obstacle) => cannot(instance, obstacle.to_string(), step),
    }
}

/// Says why the guest cannot be made.
pub(super) fn cannot(instance: &VirtualMachineInstance, why: String, step: &mut Step<'_>) {
    let before = conditions::of(instance, SYNCHRONIZED);
    if before.is_none_or(|before| before.message.as_ref() != Some(&why)) {
        step.warn("SyncFailed", why.clone());
    }
    step.say(&Said::because(SYNCHRONIZED, "False", REASON, why));
}
