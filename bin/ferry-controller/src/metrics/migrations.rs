//! How many migrations there are and how they went, as the cache has it when somebody asks.

use std::collections::BTreeMap;
use std::sync::Arc;

use ferry_api::kubevirt::{
    MigrationPhase as Phase, MigrationState, VirtualMachineInstance,
    VirtualMachineInstanceMigration,
};
use ferry_client::Cache;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use prometheus::{IntGauge, IntGaugeVec, Registry};

use super::{gauges, place, register};

/// Figures about migrations.
pub(super) struct Migrations {
    unset: IntGauge,
    pending: IntGauge,
    scheduling: IntGauge,
    running: IntGauge,
    succeeded: IntGaugeVec,
    failed: IntGaugeVec,
    start: IntGaugeVec,
    end: IntGaugeVec,
}

/// Whose migration started and ended when.
const TIMES: [&str; 4] = ["node", "namespace", "name", "migration_name"];

impl Migrations {
    // PARITY: pkg/monitoring/metrics/virt-controller/migrationstats_collector.go#migrationStatsCollector
    pub(super) fn new(registry: &Registry) -> Self {
        let count = |phase: &str, which: &str| {
            let name = format!("kubevirt_vmi_migrations_in_{phase}_phase");
            let help = format!("Number of current {which} migrations.");
            let gauge = IntGauge::new(name, help).expect(super::NAMES);
            register(registry, gauge)
        };
        let of_each = |name: &str, help: &str, labels: &[&str]| {
            register(registry, gauges(name, help, labels))
        };
        let outcome = ["vmi", "vmim", "namespace"];
        Self {
            unset: count("unset", "unset"),
            pending: count("pending", "pending"),
            scheduling: count("scheduling", "scheduling"),
            running: count("running", "running"),
            succeeded: of_each(
                "kubevirt_vmi_migration_succeeded",
                "Indicates if the VMI migration succeeded.",
                &outcome,
            ),
            failed: of_each(
                "kubevirt_vmi_migration_failed",
                "Indicates if the VMI migration failed.",
                &outcome,
            ),
            start: of_each(
                "kubevirt_vmi_migration_start_time_seconds",
                "The time at which the migration started.",
                &TIMES,
            ),
            end: of_each(
                "kubevirt_vmi_migration_end_time_seconds",
                "The time at which the migration ended.",
                &[&TIMES[..], &["status"]].concat(),
            ),
        }
    }

    /// Reads all figures anew.
    pub(super) fn look(&self, cache: &Cache) {
        self.show(&cache.all(), &cache.all());
    }

    fn show(
        &self,
        migrations: &[Arc<VirtualMachineInstanceMigration>],
        instances: &[Arc<VirtualMachineInstance>],
    ) {
        for gauge in [&self.unset, &self.pending, &self.scheduling, &self.running] {
            gauge.set(0);
        }
        for gauges in [&self.succeeded, &self.failed, &self.start, &self.end] {
            gauges.reset();
        }
        let mut names = BTreeMap::new();
        for migration in migrations {
            let (namespace, name) = place(&**migration);
            names.insert(migration.metadata.uid.as_deref().unwrap_or_default(), name);
            let outcome = [migration.spec.vmi_name.as_str(), name, namespace];
            match migration.status.as_ref().map_or(Phase::Unset, |status| status.phase) {
                Phase::Unset => self.unset.inc(),
                Phase::Pending => self.pending.inc(),
                Phase::Scheduling => self.scheduling.inc(),
                Phase::Scheduled
                | Phase::PreparingTarget
                | Phase::TargetReady
                | Phase::Running
                | Phase::WaitingForSync
                | Phase::Synchronizing => self.running.inc(),
                Phase::Succeeded => self.succeeded.with_label_values(&outcome).set(1),
                Phase::Failed => self.failed.with_label_values(&outcome).set(1),
            }
        }
        for instance in instances {
            let Some(status) = &instance.status else { continue };
            let Some(state) = &status.migration_state else { continue };
            let (namespace, name) = place(&**instance);
            let uid = state.migration_uid.as_deref().unwrap_or_default();
            let migration = names.get(uid).copied().unwrap_or_default();
            let node = status.node_name.as_deref().unwrap_or_default();
            let labels = [node, namespace, name, migration];
            if let Some(start) = &state.start_timestamp {
                self.start.with_label_values(&labels).set(seconds(start));
            }
            if let Some(end) = &state.end_timestamp {
                let labels = [&labels[..], &[outcome(state)]].concat();
                self.end.with_label_values(&labels).set(seconds(end));
            }
        }
    }
}

fn seconds(time: &Time) -> i64 {
    time.0.as_second()
}

// PARITY: pkg/monitoring/metrics/virt-controller/vmistats_collector.go#calculateMigrationStatus
fn outcome(state: &MigrationState) -> &'static str {
    match (state.completed, state.failed) {
        (Some(true), Some(true)) => "failed",
        (Some(true), _) => "succeeded",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use prometheus::TextEncoder;
    use serde_json::{Value, json};

    use super::*;

    fn migration(name: &str, phase: &str) -> Arc<VirtualMachineInstanceMigration> {
        let migration = json!({
            "metadata": { "name": name, "namespace": "shop", "uid": format!("uid-{name}") },
            "spec": { "vmiName": "web" }, "status": { "phase": phase },
        });
        Arc::new(serde_json::from_value(migration).unwrap())
    }

    fn instance(state: &Value) -> Arc<VirtualMachineInstance> {
        let instance = json!({
            "metadata": { "name": "web", "namespace": "shop" },
            "spec": { "domain": { "devices": {} } },
            "status": { "nodeName": "node-2", "migrationState": state },
        });
        Arc::new(serde_json::from_value(instance).unwrap())
    }

    /// The lines that tell of something.
    fn shown(registry: &Registry) -> Vec<String> {
        let text = TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.ends_with(" 0"));
        lines.map(|line| line.replace("kubevirt_vmi_migration", "")).collect()
    }

    #[test]
    fn parity_migrations_are_counted_by_phase_and_told_of_when_they_have_ended() {
        let registry = Registry::new();
        let figures = Migrations::new(&registry);
        let phases = [
            "",
            "Pending",
            "Scheduling",
            "Scheduled",
            "TargetReady",
            "Running",
            "Succeeded",
            "Failed",
        ];
        let migrations: Vec<_> = phases
            .iter()
            .enumerate()
            .map(|(number, phase)| migration(&format!("m{number}"), phase))
            .collect();
        let state = json!({
            "migrationUid": "uid-m6", "startTimestamp": "1970-01-01T00:00:05Z",
            "endTimestamp": "1970-01-01T00:00:09Z", "completed": true,
        });
        figures.show(&migrations, &[instance(&state)]);
        let time = r#"migration_name="m6",name="web",namespace="shop",node="node-2""#;
        assert_eq!(
            shown(&registry),
            [
                format!(r#"_end_time_seconds{{{time},status="succeeded"}} 9"#),
                r#"_failed{namespace="shop",vmi="web",vmim="m7"} 1"#.to_owned(),
                format!("_start_time_seconds{{{time}}} 5"),
                r#"_succeeded{namespace="shop",vmi="web",vmim="m6"} 1"#.to_owned(),
                "s_in_pending_phase 1".to_owned(),
                "s_in_running_phase 3".to_owned(),
                "s_in_scheduling_phase 1".to_owned(),
                "s_in_unset_phase 1".to_owned(),
            ]
        );
        // What is gone is not told of any more.
        figures.show(&[], &[]);
        assert_eq!(shown(&registry), [""; 0]);
    }

    #[test]
    fn parity_an_end_says_how_it_ended() {
        for (state, expected) in [
            (json!({}), ""),
            (json!({ "completed": true }), "succeeded"),
            (json!({ "completed": true, "failed": true }), "failed"),
            (json!({ "failed": true }), ""),
        ] {
            assert_eq!(outcome(&serde_json::from_value(state).unwrap()), expected);
        }
    }
}
