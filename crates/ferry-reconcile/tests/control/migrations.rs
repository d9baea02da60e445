//! Migrations, phase by phase.

use crate::cluster::Cluster;
use crate::objects::{migration, text};

const MIGRATION: &str = "VirtualMachineInstanceMigration";
const INSTANCE: &str = "VirtualMachineInstance";

fn phases(cluster: &Cluster, name: &str) -> Vec<String> {
    let migration = cluster.get(MIGRATION, name);
    let entered = migration["status"]["phaseTransitionTimestamps"].as_array().unwrap();
    entered.iter().map(|one| text(one, "/phase").to_owned()).collect()
}

#[test]
fn a_migration_goes_through_every_phase_once_and_leaves_one_pod() {
    let mut cluster = Cluster::new();
    cluster.running("vm", "node-1");
    let source = cluster.pods_of("vm");
    cluster.create(&migration("m", "vm"));
    cluster.run();
    assert_eq!(
        phases(&cluster, "m"),
        [
            "Pending",
            "Scheduling",
            "Scheduled",
            "PreparingTarget",
            "TargetReady",
            "Running",
            "Succeeded"
        ]
    );
    let instance = cluster.get(INSTANCE, "vm");
    assert_eq!(text(&instance, "/status/nodeName"), "node-2");
    let pods = cluster.pods_of("vm");
    assert_eq!(pods.len(), 1);
    assert_ne!(pods, source);
    let finished = cluster.get(MIGRATION, "m");
    assert_eq!(text(&finished, "/status/migrationState/sourcePod"), source[0]);
    assert_eq!(text(&finished, "/status/migrationState/targetPod"), pods[0]);
    assert!(finished["metadata"].get("finalizers").is_none());
    let events: Vec<String> =
        cluster.told().into_iter().filter(|event| event.starts_with(MIGRATION)).collect();
    assert_eq!(
        events,
        [
            format!(
                "{MIGRATION}/m Normal SuccessfulCreate Created migration target pod {}",
                pods[0]
            ),
            format!(
                "{MIGRATION}/m Normal SuccessfulHandOver Migration target pod is ready for \
                 preparation by virt-handler."
            ),
            format!(
                "{MIGRATION}/m Normal SuccessfulMigration Source node reported migration succeeded"
            ),
        ]
    );
}
