//! `ferry report`: the whole story, and what is missing of it.

use std::time::Duration;

use expect_test::expect;
use ferry_rpc::{Ending, GuestName, Milestone, Mode, Pass, Progress, Story};
use ferry_units::{Bytes, BytesPerSecond};
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::common::{Cluster, INSTANCE, MACHINE, Script, ScriptedNode};

const MIGRATION: &str = "
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstanceMigration
metadata:
  name: move
  annotations:
    migration.ferry.dev/origins: '{\"allowPostCopy\": \"policy/production\", \"bandwidthPerMigration\": \"cluster\"}'
spec: {vmiName: web, addedNodeSelector: {zone: east}}
";

fn story(uid: &str) -> Story {
    let pass = |number, bytes, millis, dirty, remaining| Pass {
        number,
        bytes: Bytes::from_mib(bytes),
        duration: Duration::from_millis(millis),
        rate: BytesPerSecond::from_mib(64),
        dirty_rate: BytesPerSecond::from_mib(dirty),
        remaining: Bytes::from_mib(remaining),
    };
    let milestone =
        |at: &str, what: &str| Milestone { at: at.parse().unwrap(), what: what.to_owned() };
    Story {
        migration_uid: uid.to_owned(),
        guest: GuestName::new("default", "web"),
        source_node: "node-1".to_owned(),
        target_node: "node-2".to_owned(),
        last: Progress {
            status: "completed".to_owned(),
            mode: Some(Mode::PostCopy),
            total: Bytes::from_mib(1024),
            transferred: Bytes::from_mib(1344),
            passes: 2,
            elapsed: Duration::from_secs(21),
            downtime: Duration::from_millis(12),
            end: Some(Ending::Completed),
            ..Progress::default()
        },
        passes: vec![pass(1, 1024, 16_000, 20, 320), pass(2, 320, 5000, 80, 0)],
        milestones: vec![
            milestone("2026-01-01T00:00:02Z", "migration began"),
            milestone("2026-01-01T00:00:18Z", "the completion timeout is over: post-copy"),
        ],
        blackout_ns: Some(12_345_678),
        started: "2026-01-01T00:00:02Z".parse().unwrap(),
        ended: Some("2026-01-01T00:00:23Z".parse().unwrap()),
    }
}

/// A migration that has moved `web`, as controller and nodes leave it.
fn moved() -> (Cluster, String) {
    let cluster = Cluster::with(&[MACHINE, INSTANCE, MIGRATION]);
    let uid = cluster.migration().uid().unwrap();
    let entered = |phase: &str, second: u32| {
        json!({
            "phase": phase,
            "phaseTransitionTimestamp": format!("2026-01-01T00:00:{second:02}Z"),
        })
    };
    cluster.say_of_migration(
        "move",
        &json!({
            "phase": "Succeeded",
            "phaseTransitionTimestamps": [
                entered("Pending", 0), entered("Running", 2), entered("Succeeded", 23),
            ],
            "migrationState": {
                "migrationUid": uid,
                "sourceNode": "node-1",
                "targetNode": "node-2",
                "mode": "PostCopy",
                "completed": true,
                "migrationPolicyName": "production",
                "migrationConfiguration": {
                    "allowPostCopy": true, "bandwidthPerMigration": "64Mi",
                    "completionTimeoutPerGiB": 150,
                },
            },
        }),
    );
    (cluster, uid)
}

/// Without what differs from run to run: the time at which the test ran.
fn timeless(text: &str) -> String {
    let is_now = |line: &&str| !line.trim_start().starts_with("created ");
    text.lines().filter(is_now).collect::<Vec<_>>().join("\n") + "\n"
}

#[test]
fn the_whole_story_is_told() {
    let (cluster, uid) = moved();
    let script = Script { story: Some(story(&uid)), ..Script::default() };
    let _node = ScriptedNode::start(&cluster, "node-1", script);
    let text = cluster.ok(&["report", "move"]);
    expect![[r#"
        default/web: migration move: Succeeded
          from               node-1
          to                 node-2
          asked for          zone=east
          mode               PostCopy
          policy             production
          took               21 s
          crossed            1.31 GiB in 2 passes, of 1 GiB
          average rate       64 MiB/s
          downtime           12 ms
          guest stood still  12 ms

        Phases
          Pending    2026-01-01T00:00:00Z  +0 s
          Running    2026-01-01T00:00:02Z  +2 s
          Succeeded  2026-01-01T00:00:23Z  +23 s

        Settings
          allowPostCopy            true  policy/production
          bandwidthPerMigration    64Mi  cluster
          completionTimeoutPerGiB  150

        Passes
          pass  crossed  took  rate      guest wrote  remained
          1     1 GiB    16 s  64 MiB/s  20 MiB/s     320 MiB
          2     320 MiB  5 s   64 MiB/s  80 MiB/s     0 B

        Milestones
          +0 s   migration began
          +16 s  the completion timeout is over: post-copy
    "#]]
    .assert_eq(&timeless(&text));
    // A machine stands for its newest migration.
    assert_eq!(cluster.ok(&["report", "web"]), text);
    let json: Value = serde_json::from_str(&cluster.ok(&["report", "move", "-o", "json"])).unwrap();
    assert_eq!(
        json["settings"]["allowPostCopy"],
        json!({"value": true, "origin": "policy/production"})
    );
    assert_eq!(json["phases"][1], json!({"phase": "Running", "at": "2026-01-01T00:00:02Z"}));
    assert_eq!(json["transfer"]["blackoutNs"], 12_345_678);
    assert_eq!(json["transfer"]["passes"][1]["durationMs"], 5000);
    assert_eq!(json["missing"], json!([]));
    let yaml = cluster.ok(&["report", "move", "-o", "yaml"]);
    assert!(yaml.contains("policy: production\n"), "{yaml}");
}

#[test]
fn what_nobody_knows_any_more_is_said() {
    let (cluster, _) = moved();
    let without = Patch::Merge(json!({ "metadata": { "annotations": null } }));
    let migrations = cluster.migrations();
    let params = PatchParams::default();
    let patched = migrations.patch("move", &params, &without);
    cluster.runtime.block_on(patched).unwrap();
    let text = cluster.ok(&["report", "move"]);
    let missing = &text[text.find("Not known\n").unwrap()..];
    expect![[r#"
        Not known
          - passes, rates and milestones: the cluster has no node node-1
          - where settings came from: the migration has no annotation migration.ferry.dev/origins that says so
    "#]]
    .assert_eq(missing);
}

#[test]
fn a_migration_that_waits_or_has_failed_says_why() {
    let cluster = Cluster::with(&[MACHINE, INSTANCE, MIGRATION]);
    let condition = json!({
        "type": "migrationWaiting", "status": "True", "reason": "NodeLimit",
        "message": "2 of 2 migrations leave node-1",
    });
    cluster.say_of_migration("move", &json!({ "phase": "Pending", "conditions": [condition] }));
    let waiting = cluster.ok(&["report", "move"]);
    assert!(waiting.contains("  waits for  2 of 2 migrations leave node-1\n"), "{waiting}");
    cluster.say_of_migration("move", &json!({ "phase": "Failed", "conditions": null }));
    let failed = cluster.ok(&["report", "move"]);
    assert!(failed.contains("  why it failed  nobody says why\n"), "{failed}");
    assert_eq!(
        cluster.fails(&["report", "nothing"]),
        "error: namespace default has no migration nothing, and none of a machine nothing\n"
    );
}
