//! Who may change what of an instance.

use serde_json::{Value, json};

use crate::common::{
    Attempt, NOW, World, changed, controller, denied, instance, kubevirt, member, node, user,
};

#[test]
fn parity_a_new_instance_is_pending_and_has_the_clusters_eviction_strategy() {
    let bare = instance("vm", &json!({}));
    for (world, own, expected) in [
        (World::default(), None, "None"),
        (World::of([kubevirt(&json!({}))]), None, "None"),
        (World::of([kubevirt(&json!({ "evictionStrategy": "LiveMigrate" }))]), None, "LiveMigrate"),
        (
            World::of([kubevirt(&json!({ "evictionStrategy": "LiveMigrate" }))]),
            Some("External"),
            "External",
        ),
    ] {
        let mut written = bare.clone();
        if let Some(own) = own {
            written["spec"]["evictionStrategy"] = own.into();
        }
        let made = Attempt::by(user("alice"), &world).create(&written).unwrap();
        assert_eq!(made["spec"]["evictionStrategy"], expected);
        assert_eq!(
            made["status"],
            json!({
                "phase": "Pending",
                "phaseTransitionTimestamps":
                    [{ "phase": "Pending", "phaseTransitionTimestamp": NOW }],
            })
        );
    }
}

#[test]
fn parity_a_status_that_a_user_comes_with_is_dropped() {
    let world = World::default();
    let state = json!({ "phase": "Running", "nodeName": "n1", "activePods": { "u": "n1" } });
    let written = instance("vm", &state);
    for outsider in [user("alice"), member("root", &["operators"])] {
        let made = Attempt::by(outsider, &world).create(&written).unwrap();
        assert_eq!(
            made["status"],
            json!({
                "phase": "Pending",
                "phaseTransitionTimestamps":
                    [{ "phase": "Pending", "phaseTransitionTimestamp": NOW }],
            })
        );
    }
    let administrator = member("root", &["system:masters"]);
    for insider in [controller(), user(ferry_admission::identity::API_SERVER), administrator] {
        assert_eq!(Attempt::by(insider, &world).create(&written).unwrap()["status"], state);
    }
}

#[test]
fn parity_an_unknown_eviction_strategy_is_refused() {
    let world = World::default();
    let odd =
        changed(&instance("vm", &json!({})), &json!({ "spec": { "evictionStrategy": "fantasy" } }));
    let (code, message, field) = denied(Attempt::by(user("a"), &world).create(&odd));
    assert_eq!(
        (code, message.as_str(), field.as_str()),
        (
            422,
            "spec.evictionStrategy is set with an unrecognized option: fantasy",
            "spec.evictionStrategy"
        )
    );
}

#[test]
fn a_machine_of_a_kind_that_there_is_not_is_refused() {
    let world = World::default();
    let with = |kind: &str| {
        let annotations =
            json!({ "metadata": { "annotations": { "machine.ferry.dev/type": kind } } });
        changed(&instance("vm", &json!({})), &annotations)
    };
    for kind in ["ferry", "qemu"] {
        Attempt::by(user("a"), &world).create(&with(kind)).unwrap();
    }
    let (code, message, field) = denied(Attempt::by(user("a"), &world).create(&with("xen")));
    let expected = "metadata.annotations[machine.ferry.dev/type]";
    assert_eq!((code, field.as_str()), (422, expected));
    assert_eq!(message, format!("{expected} is \"xen\"; accepted are ferry and qemu"));
}

#[test]
fn parity_what_users_write_into_a_status_is_undone_without_a_word() {
    let world = World::default();
    let old = instance("vm", &json!({ "phase": "Running", "nodeName": "n1" }));
    let wish = json!({ "status": { "nodeName": "n2", "evacuationNodeName": "n1" } });
    let labelled = json!({ "metadata": { "labels": { "team": "a" } } });
    let new = changed(&changed(&old, &wish), &labelled);
    for outsider in [user("alice"), member("root", &["operators"])] {
        let written = Attempt::by(outsider, &world).update(&old, &new).unwrap();
        assert_eq!(written, changed(&old, &labelled));
    }
    let administrator = member("root", &["system:masters"]);
    for insider in [controller(), user(ferry_admission::identity::API_SERVER), administrator] {
        assert_eq!(Attempt::by(insider, &world).update(&old, &new).unwrap(), new);
    }
    // One without a status stays without.
    let mut bare = old.clone();
    bare.as_object_mut().unwrap().remove("status");
    assert_eq!(Attempt::by(user("a"), &world).update(&bare, &old).unwrap(), bare);
}

#[test]
fn parity_what_runs_is_not_changed_by_users() {
    let world = World::default();
    let old = instance("vm", &json!({ "phase": "Running", "nodeName": "n1" }));
    let new = changed(&old, &json!({ "spec": { "terminationGracePeriodSeconds": 5 } }));
    for outsider in [user("alice"), member("root", &["system:masters"])] {
        let (code, message, field) = denied(Attempt::by(outsider, &world).update(&old, &new));
        assert_eq!(
            (code, message.as_str(), field.as_str()),
            (422, "update of VMI object is restricted", "")
        );
    }
    assert!(denied(Attempt::by(node("n1"), &world).update(&old, &new)).1.contains("restricted"));
    Attempt::by(controller(), &world).update(&old, &new).unwrap();
    let same = changed(&old, &json!({ "spec": { "nodeSelector": {}, "volumes": null } }));
    Attempt::by(user("alice"), &world).update(&old, &same).unwrap();
}

#[test]
fn parity_a9_labels_are_free_but_for_six() {
    let world = World::default();
    let old = changed(
        &instance("vm", &json!({ "phase": "Running", "nodeName": "n1" })),
        &json!({ "metadata": { "labels": { "kubevirt.io/nodeName": "n1", "kubevirt.io/l": "x" } } }),
    );
    let with = |label: &str, value: Value| {
        changed(&old, &json!({ "metadata": { "labels": { label: value } } }))
    };
    let attempt = Attempt::by(user("alice"), &world);
    for (label, value) in [
        ("kubevirt.io/created-by", json!("x")),
        ("kubevirt.io/migrationJobUID", json!("x")),
        ("kubevirt.io/nodeName", json!("n2")),
        ("kubevirt.io/migrationTargetNodeName", json!("x")),
        ("kubevirt.io/schedulable", json!("x")),
        ("kubevirt.io/install-strategy", json!("x")),
    ] {
        let (code, message, _) = denied(attempt.update(&old, &with(label, value.clone())));
        assert_eq!(code, 422, "{label}");
        assert_eq!(
            message,
            "modification of the following reserved kubevirt.io/ labels on a VMI object is \
             prohibited"
        );
        Attempt::by(controller(), &world).update(&old, &with(label, value.clone())).unwrap();
        let created = Attempt::by(user("alice"), &world).create(&with(label, value));
        assert!(denied(created).1.starts_with("creation of the following reserved"));
    }
    let mut removed = old.clone();
    removed["metadata"]["labels"].as_object_mut().unwrap().remove("kubevirt.io/nodeName");
    assert!(attempt.update(&old, &removed).is_err());
    for label in ["kubevirt.io/size", "kubevirt.io/l", "team"] {
        attempt.update(&old, &with(label, json!("large"))).unwrap();
    }
}

#[test]
fn administrators_play_instances_only_where_no_node_daemon_runs_them() {
    let root = || member("root", &["system:masters"]);
    let runs = instance("vm", &json!({ "phase": "Running", "nodeName": "n2" }));
    let stale = changed(&runs, &json!({ "status": { "nodeName": "n1", "migrationState": null } }));
    let node = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "n2" } });
    let lease = |namespace: &str| {
        json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": { "name": "n2", "namespace": namespace },
        })
    };
    // Neither a node that somebody has made by hand nor a lease of anything else runs a guest.
    let played = World::of([node.clone(), lease("kube-system")]);
    assert_eq!(Attempt::by(root(), &played).update(&runs, &stale).unwrap(), stale);
    assert_eq!(Attempt::by(root(), &played).create(&runs).unwrap()["status"], runs["status"]);

    let real = World::of([node, lease("kube-node-lease")]);
    assert_eq!(Attempt::by(root(), &real).update(&runs, &stale).unwrap(), runs);
    let made = Attempt::by(root(), &real).create(&runs).unwrap();
    assert_eq!(made["status"]["phase"], "Pending");
    assert!(made["status"].get("nodeName").is_none(), "{made}");
    for insider in [controller(), user(ferry_admission::identity::API_SERVER)] {
        assert_eq!(Attempt::by(insider, &real).update(&runs, &stale).unwrap(), stale);
    }
}
