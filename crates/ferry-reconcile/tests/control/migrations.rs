//! Migrations, phase by phase.

use ferry_reconcile::Part;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::nodes::Deed;
use crate::objects::{kubevirt, migration, text, with};

pub(crate) const MIGRATION: &str = "VirtualMachineInstanceMigration";
pub(crate) const INSTANCE: &str = "VirtualMachineInstance";

/// What makes a migration fail.
type Cause = Box<dyn Fn(&mut Cluster)>;

fn phases(cluster: &Cluster, name: &str) -> Vec<String> {
    let migration = cluster.get(MIGRATION, name);
    let entered = migration["status"]["phaseTransitionTimestamps"].as_array().unwrap();
    entered.iter().map(|one| text(one, "/phase").to_owned()).collect()
}

/// What was told of migrations, without the kind.
pub(crate) fn told(cluster: &mut Cluster) -> Vec<String> {
    let prefix = format!("{MIGRATION}/");
    let events = cluster.told();
    events.iter().filter_map(|event| event.strip_prefix(&prefix)).map(str::to_owned).collect()
}

/// A cluster in which `vm` runs on node-1 and migration `m` of it has come to this phase.
pub(crate) fn in_phase(phase: &str) -> Cluster {
    let mut cluster = Cluster::new();
    cluster.running("vm", "node-1");
    cluster.create(&migration("m", "vm"));
    // As far as nodes let it: each phase from `Scheduling` on needs one deed of them to end.
    let needed = match phase {
        "Scheduling" => 0,
        "PreparingTarget" => 1,
        "TargetReady" => 2,
        "Running" => 3,
        other => panic!("nothing stays {other}"),
    };
    cluster.settle();
    let deeds: [fn(&Deed) -> bool; 3] = [
        |it| matches!(it, Deed::RunPod(_)),
        |it| matches!(it, Deed::Listen(_)),
        |it| matches!(it, Deed::Cross(_)),
    ];
    for deed in deeds.iter().take(needed) {
        cluster.do_one(deed);
        cluster.settle();
    }
    assert_eq!(cluster.phase(MIGRATION, "m"), phase);
    cluster.told();
    cluster
}

#[test]
fn a_migration_goes_through_every_phase_once_and_leaves_one_pod() {
    let mut cluster = Cluster::new();
    cluster.running("vm", "node-1");
    let source = cluster.pods_of("vm");
    cluster.create(&migration("m", "vm"));
    cluster.run();
    assert_eq!(
        phases(&cluster, "m").join(" "),
        "Pending Scheduling Scheduled PreparingTarget TargetReady Running Succeeded"
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
    assert_eq!(
        told(&mut cluster),
        [
            format!("m Normal SuccessfulCreate Created migration target pod {}", pods[0]),
            "m Normal SuccessfulHandOver Migration target pod is ready for preparation by \
             virt-handler."
                .to_owned(),
            "m Normal SuccessfulMigration Source node reported migration succeeded".to_owned(),
        ]
    );
    assert!(cluster.metrics.iter().any(|metric| metric.contains("\"Succeeded\"")));
}

#[test]
fn parity_a_migration_fails_for_the_first_of_its_causes_and_says_which() {
    let state = |state: Value| json!({ "status": { "migrationState": state } });
    let cause = |cause: fn(&mut Cluster)| -> Cause { Box::new(cause) };
    let patch = |patch: Value| -> Cause {
        Box::new(move |cluster| cluster.patch("node", INSTANCE, Part::Main, "vm", &patch))
    };
    let target = |cluster: &Cluster| {
        let mut pods = cluster.pods_of("vm").into_iter();
        let labels = |pod: &String| cluster.get("Pod", pod)["metadata"]["labels"].clone();
        pods.find(|pod| labels(pod).get("kubevirt.io/migrationJobUID").is_some()).unwrap()
    };
    let down: Cause = Box::new(move |cluster| {
        let failed = json!({ "status": { "phase": "Failed" } });
        cluster.patch("node", "Pod", Part::Status, &target(cluster), &failed);
    });
    let gone: Cause =
        Box::new(move |cluster| cluster.delete_with("Pod", &target(cluster), Some(0)));
    for (phase, cause, sentence) in [
        (
            "Scheduling",
            patch(json!({ "status": { "phase": "Failed" } })),
            "Migration failed vmi shutdown during migration.",
        ),
        (
            "Scheduling",
            cause(|cluster| cluster.delete(MIGRATION, "m")),
            "Migration failed due to being canceled",
        ),
        ("TargetReady", down, "Migration failed because target pod shutdown during migration"),
        ("PreparingTarget", gone, "Migration target pod was removed during active migration."),
        (
            "PreparingTarget",
            patch(state(Value::Null)),
            "VMI's migration state was cleared during the active migration.",
        ),
        (
            "Running",
            patch(state(json!({ "migrationUid": "other" }))),
            "VMI's migration state was taken over by another migration job during active migration.",
        ),
        (
            "Running",
            patch(state(json!({ "failed": true, "completed": true }))),
            "source node reported migration failed",
        ),
    ] {
        let mut cluster = in_phase(phase);
        cause(&mut cluster);
        cluster.settle();
        let events = told(&mut cluster);
        let expected = format!("m Warning FailedMigration {sentence}");
        assert!(events.contains(&expected), "{phase}: {events:#?}");
        let after = cluster.phase(MIGRATION, "m");
        assert!(matches!(after.as_str(), "Failed" | ""), "{phase}: {after}");
    }
}

#[test]
fn a_migration_that_is_called_off_ends_with_what_its_source_says_whoever_goes_first() {
    let mut cluster = in_phase("Running");
    let pods = cluster.pods_of("vm").into_iter();
    let labels = |pod: &String| cluster.get("Pod", pod)["metadata"]["labels"].clone();
    let targets = pods.filter(|pod| labels(pod).get("kubevirt.io/migrationJobUID").is_some());
    let targets: Vec<_> = targets.collect();
    let asked = json!({ "status": { "migrationState": { "abortRequested": true } } });
    cluster.patch("controller", INSTANCE, Part::Main, "vm", &asked);
    let down = json!({ "status": { "phase": "Failed" } });
    cluster.patch("node", "Pod", Part::Status, &targets[0], &down);
    cluster.settle();
    assert_eq!(cluster.phase(MIGRATION, "m"), "Running", "the source has not said anything");
    let reason = "Live migration aborted ";
    let ended = json!({ "failed": true, "completed": true, "failureReason": reason });
    let ended = json!({ "status": { "migrationState": ended } });
    cluster.patch("node", INSTANCE, Part::Main, "vm", &ended);
    cluster.settle();
    let events = told(&mut cluster);
    let expected = "m Warning FailedMigration source node reported migration failed".to_owned();
    assert!(events.contains(&expected), "{events:#?}");
    let after = cluster.get(MIGRATION, "m");
    assert_eq!(after["status"]["phase"], "Failed");
    assert_eq!(after["status"]["migrationState"]["failureReason"], reason);
}

#[test]
fn parity_a_target_that_dies_before_the_start_is_reported_by_the_controller() {
    let mut cluster = in_phase("TargetReady");
    let pods = cluster.pods_of("vm");
    let target = pods.iter().find(|pod| {
        cluster.get("Pod", pod)["metadata"]["labels"].get("kubevirt.io/migrationJobUID").is_some()
    });
    cluster.delete_with("Pod", target.unwrap(), Some(0));
    cluster.run();
    let instance = cluster.get(INSTANCE, "vm");
    let state = &instance["status"]["migrationState"];
    assert_eq!(state["failed"], true);
    assert_eq!(state["completed"], true);
    assert_eq!(state["failureReason"], "Target pod is down");
    assert_eq!(text(&instance, "/status/nodeName"), "node-1");
    assert_eq!(text(&instance, "/status/phase"), "Running");
    assert_eq!(cluster.pods_of("vm").len(), 1);
    assert!(instance["metadata"]["labels"].get("kubevirt.io/migrationTargetNodeName").is_none());
}

#[test]
fn parity_a_migration_that_is_deleted_is_called_off_in_every_phase() {
    for (phase, is_asked) in
        [("Scheduling", false), ("PreparingTarget", true), ("TargetReady", true), ("Running", true)]
    {
        let mut cluster = in_phase(phase);
        cluster.delete(MIGRATION, "m");
        cluster.settle();
        if phase == "PreparingTarget" || phase == "TargetReady" {
            // Nobody is asked to stop what has not begun.
            let instance = cluster.get(INSTANCE, "vm");
            assert!(instance["status"]["migrationState"].get("abortRequested").is_none());
            let migration = cluster.get(MIGRATION, "m");
            assert_eq!(migration["status"]["conditions"][0]["type"], "migrationAbortRequested");
        }
        cluster.run();
        assert!(cluster.get(MIGRATION, "m").is_null(), "{phase}");
        let instance = cluster.get(INSTANCE, "vm");
        assert_eq!(text(&instance, "/status/nodeName"), "node-1", "{phase}");
        assert_eq!(cluster.pods_of("vm").len(), 1, "{phase}");
        let events = told(&mut cluster);
        let asked = "m Normal SuccessfulAbortMigration Migration is ready to be canceled by \
                     virt-handler.";
        assert_eq!(events.iter().any(|event| event == asked), is_asked, "{phase}: {events:#?}");
        let deleted = events.iter().any(|event| event.contains("migration canceled and pod ns/"));
        assert_eq!(deleted, !is_asked, "{phase}: {events:#?}");
    }
}

#[test]
fn parity_a_target_pod_without_a_node_is_ended_after_its_time() {
    for (annotation, seconds) in [(None, 300), (Some("7"), 7), (Some("soon"), 300)] {
        let mut cluster = Cluster::new();
        cluster.running("vm", "node-1");
        let nowhere = json!({ "spec": { "addedNodeSelector": { "moon": "full", "a": "b" } } });
        let mut wish = with(migration("m", "vm"), &nowhere);
        if let Some(annotation) = annotation {
            let key = "kubevirt.io/migrationUnschedulablePodTimeoutSeconds";
            wish["metadata"]["annotations"] = json!({ key: annotation });
        }
        cluster.create(&wish);
        cluster.settle();
        let waits = cluster.get(MIGRATION, "m")["status"]["conditions"][0].clone();
        assert_eq!(waits["type"], "migrationWaiting");
        assert_eq!(waits["reason"], "Unschedulable");
        assert!(text(&waits, "/message").starts_with("0/3 nodes are available: "), "{waits}");
        cluster.pass(seconds - 1);
        cluster.settle();
        assert_eq!(cluster.phase(MIGRATION, "m"), "Scheduling");
        cluster.pass(1);
        cluster.settle();
        assert_eq!(cluster.phase(MIGRATION, "m"), "Failed");
        assert_eq!(cluster.pods_of("vm").len(), 1);
        let instance = cluster.get(INSTANCE, "vm");
        assert_eq!(text(&instance, "/status/phase"), "Running");
        assert!(instance["status"].get("migrationState").is_none());
        let events = told(&mut cluster);
        let [_, unschedulable, deleted, failed] = events.as_slice() else { panic!("{events:#?}") };
        assert_eq!(
            unschedulable,
            "m Warning migrationTargetPodUnschedulable Migration target pod for VMI [ns/vm] is \
             currently unschedulable."
        );
        assert!(
            deleted.starts_with("m Normal SuccessfulDelete unschedulable pod ns/virt-launcher-vm-")
        );
        assert!(deleted.ends_with(" timeout period exceeded"), "{deleted}");
        assert_eq!(
            failed,
            "m Warning FailedMigration Migration target pod was removed during active migration."
        );
    }
}

#[test]
fn parity_a_target_pod_that_stays_pending_is_ended_after_a_quarter_of_an_hour() {
    let mut cluster = in_phase("Scheduling");
    cluster.pass(899);
    cluster.settle();
    assert_eq!(cluster.pods_of("vm").len(), 2);
    cluster.pass(1);
    cluster.settle();
    cluster.run();
    assert_eq!(cluster.phase(MIGRATION, "m"), "Failed");
    let events = told(&mut cluster);
    assert!(events.iter().any(|event| event.contains(" pending pod ns/")), "{events:#?}");
}

#[test]
fn parity_a_migration_waits_for_utility_volumes_as_long_as_is_configured() {
    let mut cluster = Cluster::new();
    cluster.create(&kubevirt(&json!({ "migrations": { "utilityVolumesTimeout": 60 } })));
    cluster.running("vm", "node-1");
    let volumes = json!({ "spec": { "utilityVolumes": [{ "name": "backup" }] } });
    cluster.patch("user", INSTANCE, Part::Main, "vm", &volumes);
    cluster.create(&migration("m", "vm"));
    cluster.settle();
    let condition = cluster.get(MIGRATION, "m")["status"]["conditions"][0].clone();
    assert_eq!(condition["type"], "migrationBlockedByUtilityVolumes");
    assert_eq!(condition["reason"], "UtilityVolumesPresent");
    assert_eq!(cluster.pods_of("vm").len(), 1);
    cluster.pass(60);
    cluster.settle();
    assert_eq!(
        told(&mut cluster),
        [
            "m Warning UtilityVolumeMigrationPending Migration waiting for utility volumes to \
             detach from VMI [ns/vm]. Will timeout in 60 seconds.",
            "m Warning FailedMigration Migration timeout waiting for utility volumes to detach \
             from VMI [ns/vm]. Utility volumes still present after 60 seconds.",
        ]
    );
}

#[test]
fn parity_an_instance_that_another_migration_has_claimed_is_not_moved_by_a_second_one() {
    let mut cluster = in_phase("Running");
    // Admission would not let it in; one that was there before admission was is told.
    let uid = cluster.get(MIGRATION, "m")["metadata"]["uid"].clone();
    let mut second = migration("second", "vm");
    second["metadata"]["labels"] = json!({ "kubevirt.io/vmi-name": "vm" });
    cluster.force(&second);
    cluster.settle();
    assert_eq!(cluster.phase(MIGRATION, "second"), "Failed");
    assert_eq!(
        told(&mut cluster),
        ["second Warning FailedMigration VMI is not eligible for migration because another \
          migration job is in progress."]
    );
    assert_eq!(cluster.get(INSTANCE, "vm")["status"]["migrationState"]["migrationUid"], uid);
    cluster.run();
    assert_eq!(cluster.phase(MIGRATION, "m"), "Succeeded");
}

#[test]
fn parity_five_finished_migrations_of_an_instance_are_kept() {
    let mut cluster = Cluster::new();
    cluster.running("vm", "node-1");
    for number in 1..=7 {
        cluster.create(&migration(&format!("m{number}"), "vm"));
        cluster.run();
        cluster.pass(1);
    }
    let kept: Vec<String> =
        (1..=7).map(|number| cluster.phase(MIGRATION, &format!("m{number}"))).collect();
    assert_eq!(kept[..2], ["", ""]);
    assert!(kept[2..].iter().all(|phase| phase == "Succeeded"), "{kept:?}");
}

#[test]
fn a_migration_goes_with_its_instance() {
    for phase in ["Scheduling", "PreparingTarget", "Running"] {
        let mut cluster = in_phase(phase);
        cluster.delete(INSTANCE, "vm");
        cluster.run();
        assert!(cluster.get(INSTANCE, "vm").is_null(), "{phase}");
        assert!(cluster.get(MIGRATION, "m").is_null(), "{phase}");
        assert_eq!(cluster.pods_of("vm"), [] as [String; 0], "{phase}");
    }
}
