//! What a node may write into an instance: by what it is to the instance, field by field.

use serde_json::{Value, json};

use crate::common::{Attempt, World, changed, forbidden, instance, node};

const STRANGER: &str =
    "node \"NODE\" can only update VMIs that run on it or are migrated from or to it";

/// An instance on `a`, which is on its way to `b` unless `state` says more.
fn on_its_way(state: &Value) -> Value {
    let begun = json!({ "migrationUid": "u", "sourceNode": "a", "targetNode": "b" });
    let state = changed(&begun, state);
    let status = json!({ "phase": "Running", "nodeName": "a", "migrationState": state });
    changed(
        &instance("vm", &status),
        &json!({ "metadata": { "labels": {
        "app": "shop", "kubevirt.io/nodeName": "a", "kubevirt.io/migrationTargetNodeName": "b",
    } } }),
    )
}

fn try_to(who: &str, old: &Value, change: &Value) -> Result<(), String> {
    let new = changed(old, change);
    let result = Attempt::by(node(who), &World::default()).update(old, &new);
    if result.is_ok() { Ok(()) } else { Err(forbidden(result)) }
}

fn refused(who: &str, field: &str) -> String {
    format!("node {who:?} is not allowed to change {field} of a VMI")
}

#[test]
fn each_field_of_a_migration_has_one_writer() {
    let old = on_its_way(&json!({}));
    for (field, value, source, target) in [
        ("startTimestamp", json!("2026-11-23T08:15:00Z"), true, false),
        ("mode", json!("PostCopy"), true, false),
        ("failed", json!(true), true, false),
        ("failureReason", json!("x"), true, false),
        ("abortStatus", json!("Aborting"), true, false),
        ("targetNodeAddress", json!("10.0.0.1"), false, true),
        ("targetDirectMigrationNodePorts", json!({ "1": 2 }), false, true),
        ("targetNodeDomainDetected", json!(true), false, true),
        ("targetNodeDomainReadyTimestamp", json!("2026-11-23T08:15:00Z"), false, true),
        ("endTimestamp", json!("2026-11-23T08:15:00Z"), true, true),
        ("completed", json!(true), true, true),
        ("abortRequested", json!(true), false, false),
        ("migrationUid", json!("v"), false, false),
        ("sourceNode", json!("c"), false, false),
        ("targetNode", json!("c"), false, false),
        ("targetPod", json!("p"), false, false),
        ("migrationPolicyName", json!("p"), false, false),
        ("migrationConfiguration", json!({ "disableTLS": true }), false, false),
        ("somethingNew", json!("x"), false, false),
    ] {
        let change = json!({ "status": { "migrationState": { field: value } } });
        for (who, may) in [("a", source), ("b", target)] {
            let path = format!("status.migrationState.{field}");
            let expected = if may { Ok(()) } else { Err(refused(who, &path)) };
            assert_eq!(try_to(who, &old, &change), expected, "{who} {field}");
        }
        let stranger = Err(STRANGER.replace("NODE", "c"));
        assert_eq!(try_to("c", &old, &change), stranger, "{field}");
    }
    let gone = json!({ "status": { "migrationState": null } });
    assert!(try_to("a", &old, &gone).is_err() && try_to("b", &old, &gone).is_err());
}

#[test]
fn the_right_to_write_ends_with_the_migration() {
    let beat = json!({ "status": { "guestOSInfo": { "name": "Fedora" } } });
    let forge =
        json!({ "status": { "migrationState": { "endTimestamp": "2027-01-01T00:00:00Z" } } });
    let take = json!({ "status": { "nodeName": "b" } });
    for ended in [
        json!({ "completed": true, "endTimestamp": "2026-11-23T08:15:00Z" }),
        json!({ "completed": true, "failed": true }),
        json!({ "failed": true }),
    ] {
        // It failed: the source keeps the instance, and the record is history.
        let old = on_its_way(&ended);
        try_to("a", &old, &beat).unwrap();
        let path = "status.migrationState.endTimestamp";
        assert_eq!(try_to("a", &old, &forge), Err(refused("a", path)));
        for change in [&beat, &forge, &take] {
            assert_eq!(try_to("b", &old, change), Err(STRANGER.replace("NODE", "b")), "{ended}");
        }
        // It succeeded: the other way round.
        let moved = changed(&old, &take);
        try_to("b", &moved, &beat).unwrap();
        for change in [&beat, &forge, &json!({ "status": { "nodeName": "a" } })] {
            assert_eq!(try_to("a", &moved, change), Err(STRANGER.replace("NODE", "a")), "{ended}");
        }
    }
    // Between the end and its completion there is only the new holder.
    let taken = on_its_way(&json!({ "endTimestamp": "2026-11-23T08:15:00Z" }));
    let taken = changed(&taken, &take);
    let done = json!({ "status": { "migrationState": { "completed": true } } });
    try_to("b", &taken, &done).unwrap();
    assert_eq!(try_to("a", &taken, &done), Err(STRANGER.replace("NODE", "a")));
    // Before the hand-off names it there is nothing for a target to write.
    let waiting = instance("vm", &json!({ "phase": "Running", "nodeName": "a" }));
    assert_eq!(try_to("b", &waiting, &take), Err(STRANGER.replace("NODE", "b")));
}

#[test]
fn parity_the_target_takes_the_instance_over_and_nobody_gives_it_away() {
    let old = changed(
        &on_its_way(&json!({ "targetNodeDomainDetected": true })),
        &json!({ "status": { "evacuationNodeName": "a", "launcherContainerImageVersion": "x" },
                 "metadata": { "annotations": { "kubevirt.io/eviction-source": "x" } } }),
    );
    let take = json!({
        "metadata": {
            "labels": { "kubevirt.io/nodeName": "b", "kubevirt.io/migrationTargetNodeName": null },
            "annotations": { "kubevirt.io/eviction-source": null },
        },
        "status": {
            "nodeName": "b", "evacuationNodeName": null, "launcherContainerImageVersion": null,
            "migrationTransport": "Unix", "interfaces": [{ "name": "default" }],
            "migrationState": { "endTimestamp": "2026-11-23T08:15:00Z", "completed": true },
        },
    });
    try_to("b", &old, &take).unwrap();
    for (who, to) in [("a", "b"), ("b", "c"), ("a", "c")] {
        let moved = json!({ "status": { "nodeName": to } });
        let message = format!("node {who:?} can only move VMIs that are migrated to it to itself");
        assert_eq!(try_to(who, &old, &moved), Err(message));
    }
    // What was called off too late could not be, and only whoever has it can tell.
    let calling_off =
        changed(&old, &json!({ "status": { "migrationState": { "abortStatus": "Aborting" } } }));
    let told = |status: &str| json!({ "status": { "migrationState": { "abortStatus": status } } });
    try_to("b", &calling_off, &changed(&take, &told("Failed"))).unwrap();
    let path = "status.migrationState.abortStatus";
    for (old, change) in [
        (&calling_off, told("Failed")),
        (&calling_off, changed(&take, &told("Succeeded"))),
        (&old, changed(&take, &told("Failed"))),
    ] {
        assert_eq!(try_to("b", old, &change), Err(refused("b", path)), "{change}");
    }
    // Until it has it, a target writes of the migration only.
    for (change, field) in [
        (json!({ "status": { "phase": "Failed" } }), "status.phase"),
        (json!({ "status": { "evacuationNodeName": null } }), "status.evacuationNodeName"),
        (
            json!({ "metadata": { "labels": { "kubevirt.io/nodeName": "b" } } }),
            "metadata.labels[kubevirt.io/nodeName]",
        ),
    ] {
        assert_eq!(try_to("b", &old, &change), Err(refused("b", field)));
    }
}

#[test]
fn parity_a_node_reports_how_its_instance_is_and_nothing_else() {
    let old = changed(
        &instance(
            "vm",
            &json!({ "phase": "Scheduled", "nodeName": "a", "evacuationNodeName": "a" }),
        ),
        &json!({ "metadata": { "finalizers": ["x/y"], "labels": { "app": "shop" } } }),
    );
    for change in [
        json!({ "status": { "phase": "Running" } }),
        json!({ "status": { "conditions": [{ "type": "LiveMigratable", "status": "True" }] } }),
        json!({ "status": { "interfaces": [{ "name": "default" }], "volumeStatus": [] } }),
        json!({ "status": { "guestOSInfo": { "name": "Fedora" }, "machine": { "type": "q35" } } }),
        json!({ "metadata": { "labels": { "kubevirt.io/nodeName": "a" } } }),
    ] {
        assert_eq!(try_to("a", &old, &change), Ok(()), "{change}");
    }
    for (change, field) in [
        (json!({ "metadata": { "finalizers": null } }), "metadata.finalizers"),
        (json!({ "metadata": { "finalizers": ["x/y", "mine/too"] } }), "metadata.finalizers"),
        (json!({ "metadata": { "labels": { "app": "other" } } }), "metadata.labels[app]"),
        (json!({ "metadata": { "labels": { "app": null } } }), "metadata.labels[app]"),
        (
            json!({ "metadata": { "labels": { "kubevirt.io/nodeName": "b" } } }),
            "metadata.labels[kubevirt.io/nodeName]",
        ),
        (
            json!({ "metadata": { "labels": { "kubevirt.io/created-by": "x" } } }),
            "metadata.labels[kubevirt.io/created-by]",
        ),
        (json!({ "metadata": { "annotations": { "a": "b" } } }), "metadata.annotations[a]"),
        (json!({ "status": { "activePods": { "u": "a" } } }), "status.activePods"),
        (json!({ "status": { "evacuationNodeName": null } }), "status.evacuationNodeName"),
        (
            json!({ "status": { "migrationState": { "targetNode": "a" } } }),
            "status.migrationState.targetNode",
        ),
    ] {
        assert_eq!(try_to("a", &old, &change), Err(refused("a", field)), "{change}");
    }
    let world = World::default();
    assert_eq!(
        forbidden(Attempt::by(node("a"), &world).create(&old)),
        "node \"a\" can only update VMIs"
    );
    assert!(Attempt::by(node("a"), &world).delete(&old).is_err());
}
