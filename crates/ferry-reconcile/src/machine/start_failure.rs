//! A machine that cannot be started is tried less and less often.

use std::time::Duration;

use ferry_api::kubevirt::{VirtualMachine, VirtualMachineInstance, VirtualMachineStatus};
use ferry_units::WallTime;
use serde_json::{Value, json};

use super::strategy::Strategy;
use crate::instance::is_final;
use crate::objects::{stamp, uid};
use crate::words;

/// What the first failure costs, in seconds; the n-th costs n² times as much.
// PARITY: pkg/virt-controller/watch/vm/vm.go#calculateStartBackoffTime
const FIRST: u64 = 10;

/// What no failure costs more than, in seconds.
// PARITY: pkg/virt-controller/watch/vm/vm.go#defaultMaxCrashLoopBackoffDelaySeconds
const MOST: u64 = 300;

const FIELD: &str = "startFailure";

/// When it may be tried again.
// PARITY: pkg/virt-controller/watch/vm/vm.go#startFailureBackoffTimeLeft
pub(super) fn retry_after(machine: &VirtualMachine) -> Option<WallTime> {
    let failure = machine.status.as_ref()?.other.get(FIELD)?;
    failure.get("retryAfterTimestamp")?.as_str()?.parse().ok()
}

/// Whether it has failed to start at least once.
pub(super) fn has_failed(status: &VirtualMachineStatus) -> bool {
    count(status) > 0
}

fn count(status: &VirtualMachineStatus) -> u64 {
    let failure = status.other.get(FIELD);
    failure.and_then(|it| it.get("consecutiveFailCount")?.as_u64()).unwrap_or_default()
}

/// Counts an instance that ended without having run, and forgets all failures once one has run.
// PARITY: pkg/virt-controller/watch/vm/vm.go#syncStartFailureStatus
pub(super) fn keep(
    status: &mut VirtualMachineStatus,
    strategy: Strategy,
    instance: Option<&VirtualMachineInstance>,
    now: WallTime,
) {
    let has_run = instance.is_some_and(has_run);
    if has_run || !strategy.retries() {
        status.other.remove(FIELD);
        return;
    }
    let Some(failed) = instance.filter(|instance| is_final(instance)) else { return };
    let counted = status.other.get(FIELD).and_then(|it| it.get("lastFailedVMIUID")?.as_str());
    if counted == Some(uid(failed)) {
        return;
    }
    let count = count(status).saturating_add(1);
    let retry = now.after(delay(count, uid(failed)));
    let failure = json!({
        "consecutiveFailCount": count,
        "lastFailedVMIUID": uid(failed),
        "retryAfterTimestamp": stamp(retry),
    });
    status.other.insert(FIELD.to_owned(), failure);
}

/// Upstream adds up to half of the delay by chance, so that machines which fail together do not come
/// back together. Here that part follows from the instance.
fn delay(count: u64, seed: &str) -> Duration {
    let delay = FIRST.saturating_mul(count.saturating_mul(count)).min(MOST);
    let spread = words::stable_number(seed, delay / 2 + 1);
    Duration::from_secs((delay + spread).min(MOST))
}

fn has_run(instance: &VirtualMachineInstance) -> bool {
    let status = instance.status.as_ref();
    let entered = status.and_then(|it| it.other.get("phaseTransitionTimestamps")?.as_array());
    let is_running = |one: &Value| one.get("phase").and_then(Value::as_str) == Some("Running");
    entered.is_some_and(|entered| entered.iter().any(is_running))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parity_the_delay_grows_with_the_square_of_the_failures_and_ends_at_five_minutes() {
        for (count, least, most) in [
            (1, 10, 15),
            (2, 40, 60),
            (3, 90, 135),
            (5, 250, 300),
            (6, 300, 300),
            (u64::MAX, 300, 300),
        ] {
            for seed in ["a", "b", "c", "d"] {
                let seconds = delay(count, seed).as_secs();
                assert!((least..=most).contains(&seconds), "{count}: {seconds}");
            }
        }
    }
}
