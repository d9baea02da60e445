//! Since when machines are what they are, as the cache has it when somebody asks.

use std::sync::Arc;

use ferry_api::kubevirt::VirtualMachine;
use ferry_client::Cache;
use prometheus::{IntCounterVec, Registry};

use super::{counters, place, register};

/// The groups of words that a machine's status is told in, and how each is called in a sentence. The
/// last is for all words that are in no other.
// PARITY: pkg/monitoring/metrics/virt-controller/vmstats_collector.go#getMetricDesc
const GROUPS: [(&str, &str, &[&str]); 5] = [
    ("starting", "starting", &["Provisioning", "Starting", "WaitingForVolumeBinding"]),
    ("running", "running", &["Running"]),
    ("migrating", "migrating", &["Migrating"]),
    ("non_running", "paused/stopped", &["Stopped", "Paused", "Stopping", "Terminating"]),
    ("error", "error", &[]),
];

/// The conditions whose changes count.
// PARITY: pkg/monitoring/metrics/virt-controller/vmstats_collector.go#getLastConditionDetails
const CONDITIONS: [&str; 3] = ["Ready", "Failure", "Paused"];

/// Figures about machines: when each has come into the group that it is in, and 0 in all others.
pub(super) struct Machines {
    since: [IntCounterVec; GROUPS.len()],
}

impl Machines {
    pub(super) fn new(registry: &Registry) -> Self {
        let since = GROUPS.map(|(name, words, _)| {
            let name = format!("kubevirt_vm_{name}_status_last_transition_timestamp_seconds");
            let help = format!("Virtual Machine last transition timestamp to {words} status.");
            register(registry, counters(&name, &help, &["name", "namespace"]))
        });
        Self { since }
    }

    /// Reads all figures anew.
    pub(super) fn look(&self, cache: &Cache) {
        self.show(&cache.all());
    }

    fn show(&self, machines: &[Arc<VirtualMachine>]) {
        for counters in &self.since {
            counters.reset();
        }
        for machine in machines {
            let (namespace, name) = place(&**machine);
            let own = group(machine);
            for (number, counters) in self.since.iter().enumerate() {
                let counter = counters.with_label_values(&[name, namespace]);
                if number == own {
                    counter.inc_by(last_change(machine));
                }
            }
        }
    }
}

/// The number of the group that the machine is in.
fn group(machine: &VirtualMachine) -> usize {
    let status = machine.status.as_ref();
    let word = status.and_then(|status| status.printable_status.as_deref()).unwrap_or_default();
    let found = GROUPS.iter().position(|(_, _, words)| words.contains(&word));
    found.unwrap_or(GROUPS.len() - 1)
}

/// When a condition that counts has last changed; 0 where there is none.
fn last_change(machine: &VirtualMachine) -> u64 {
    let conditions = machine.status.iter().flat_map(|it| it.conditions.iter().flatten());
    let counted = conditions.filter(|it| CONDITIONS.contains(&it.type_.as_str()));
    let times = counted.filter_map(|it| Some(it.last_transition_time.as_ref()?.0.as_second()));
    times.max().and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use prometheus::TextEncoder;
    use serde_json::json;

    use super::*;

    #[test]
    fn parity_a_machine_is_told_of_in_one_group_with_the_time_of_its_last_change() {
        let registry = Registry::new();
        let figures = Machines::new(&registry);
        let shown = || {
            let text = TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        let condition = |type_: &str, second: u32| {
            let time = format!("1970-01-01T00:00:{second:02}Z");
            json!({ "type": type_, "status": "True", "lastTransitionTime": time })
        };
        let conditions = [("Ready", 5), ("Paused", 7), ("LiveMigratable", 9)];
        let conditions = conditions.map(|(type_, second)| condition(type_, second));
        for (word, group) in [
            (Some("WaitingForVolumeBinding"), "starting"),
            (Some("Running"), "running"),
            (Some("Migrating"), "migrating"),
            (Some("Terminating"), "non_running"),
            (Some("ErrorUnschedulable"), "error"),
            (None, "error"),
        ] {
            let machine = json!({
                "metadata": { "name": "db", "namespace": "shop" },
                "spec": { "template": { "spec": { "domain": { "devices": {} } } } },
                "status": { "printableStatus": word, "conditions": conditions },
            });
            figures.show(&[Arc::new(serde_json::from_value(machine).unwrap())]);
            let lines = shown();
            assert_eq!(lines.len(), GROUPS.len(), "{lines:?}");
            let own = format!(
                "kubevirt_vm_{group}_status_last_transition_timestamp_seconds\
                 {{name=\"db\",namespace=\"shop\"}} 7"
            );
            assert!(lines.contains(&own), "{word:?}: {lines:?}");
            assert_eq!(lines.iter().filter(|line| line.ends_with(" 0")).count(), 4);
        }
        figures.show(&[]);
        assert_eq!(shown(), [""; 0]);
    }
}
