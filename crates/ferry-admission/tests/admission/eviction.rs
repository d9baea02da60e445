//! Which pods go, and which instances are marked first.

use ferry_admission::{Action, ActionAnswer, EvictionOptions, Outcome, Subject, act};
use ferry_registry::{DeleteOptions, Part, Patch, Propagation, Refusal, Run, Write};
use serde_json::{Value, json};

use crate::common::{World, changed, instance, kubevirt, now, user};

fn pod(name: &str, labels: &Value, node: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name, "namespace": "ns", "labels": labels,
            "annotations": { "kubevirt.io/domain": "vm" },
        },
        "spec": { "nodeName": node, "containers": [] },
        "status": { "phase": "Running" },
    })
}

fn launcher() -> Value {
    pod("virt-launcher-vm", &json!({ "kubevirt.io": "virt-launcher" }), "n1")
}

fn guest(strategy: Option<&str>, migratable: &str, status: &Value) -> Value {
    let mut guest = instance(
        "vm",
        &json!({
            "phase": "Running",
            "nodeName": "n1",
            "conditions": [{ "type": "LiveMigratable", "status": migratable }],
        }),
    );
    if let Some(strategy) = strategy {
        guest["spec"]["evictionStrategy"] = strategy.into();
    }
    changed(&guest, &json!({ "status": status }))
}

fn evict(world: &World, name: &str, body: &Value) -> Outcome {
    let options: EvictionOptions = serde_json::from_value(body.clone()).unwrap();
    let subject = Subject { namespace: "ns".to_owned(), name: name.to_owned() };
    act(&Action::Evict(subject, options), &user("drainer"), world, now())
}

fn message(outcome: &Outcome) -> (u16, String) {
    match &outcome.answer {
        Err(Refusal::Denied { webhook, code, message, .. }) => {
            assert_eq!(webhook, "virt-launcher-eviction-interceptor.kubevirt.io");
            (*code, message.clone())
        }
        other => panic!("not denied: {other:?}"),
    }
}

#[test]
fn parity_an_eviction_is_decided_by_strategy_and_state() {
    let triggered = "Eviction triggered evacuation of VMI \"ns/vm\"";
    let stuck = "VMI vm is configured with an eviction strategy but is not live-migratable";
    let progress = "Evacuation in progress: Eviction triggered evacuation of VMI \"ns/vm\"";
    let marked = json!({ "evacuationNodeName": "n1" });
    let moved = json!({ "nodeName": "n2" });
    let none = json!({});
    for (strategy, migratable, status, refused, marks) in [
        (Some("None"), "True", &none, None, false),
        (None, "True", &none, None, false),
        (Some("LiveMigrate"), "True", &none, Some(triggered), true),
        (Some("LiveMigrate"), "False", &none, Some(stuck), false),
        (Some("LiveMigrate"), "Unknown", &none, Some(stuck), false),
        (Some("LiveMigrateIfPossible"), "True", &none, Some(triggered), true),
        (Some("LiveMigrateIfPossible"), "False", &none, None, false),
        (Some("External"), "False", &none, Some(triggered), true),
        (Some("LiveMigrate"), "True", &marked, Some(progress), false),
        (Some("External"), "True", &marked, Some(progress), false),
        (Some("LiveMigrate"), "False", &marked, Some(stuck), false),
        (Some("LiveMigrate"), "True", &moved, Some("Eviction request for target Pod"), false),
    ] {
        let world = World::of([launcher(), guest(strategy, migratable, status)]);
        let outcome = evict(&world, "virt-launcher-vm", &json!({}));
        let case = format!("{strategy:?} {migratable} {status}");
        match refused {
            None => {
                assert_eq!(outcome.answer, Ok(ActionAnswer::Evicted), "{case}");
                let [told, gone] = &outcome.writes[..] else { panic!("{case}: {outcome:?}") };
                assert!(matches!(told.write, Write::Patch(Patch::Strategic(_))), "{case}");
                assert!(matches!(gone.write, Write::Delete(_)), "{case}");
                assert_eq!(gone.user.name, "drainer");
            }
            Some(refused) => {
                assert_eq!(message(&outcome), (429, refused.to_owned()), "{case}");
                assert_eq!(outcome.writes.len(), usize::from(marks), "{case}");
            }
        }
    }
}

#[test]
fn parity_the_clusters_strategy_counts_where_an_instance_has_none() {
    let world = World::of([
        launcher(),
        guest(None, "True", &json!({})),
        kubevirt(&json!({ "evictionStrategy": "LiveMigrate" })),
    ]);
    assert_eq!(message(&evict(&world, "virt-launcher-vm", &json!({}))).0, 429);
}

#[test]
fn parity_an_instance_is_marked_with_its_node_and_who_asked() {
    let world = World::of([launcher(), guest(Some("LiveMigrate"), "True", &json!({}))]);
    let plain = json!({ "status": { "evacuationNodeName": "n1" } });
    let mut descheduled = plain.clone();
    descheduled["metadata"] =
        json!({ "annotations": { "kubevirt.io/eviction-source": "descheduler" } });
    let asked = |by: &str| json!({ "metadata": { "annotations": { "requested-by": by } } });
    let dry = json!({ "deleteOptions": { "dryRun": ["All"] } });
    for (body, expected, run) in [
        (json!({}), &plain, Run::Real),
        (asked("somebody"), &plain, Run::Real),
        (asked("sigs.k8s.io/descheduler"), &descheduled, Run::Real),
        (dry, &plain, Run::Dry),
    ] {
        let outcome = evict(&world, "virt-launcher-vm", &body);
        let [request] = outcome.writes.as_slice() else { panic!("{outcome:?}") };
        assert_eq!(request.write, Write::Patch(Patch::Merge(expected.clone())), "{body}");
        assert_eq!(request.options.run, run, "{body}");
        assert_eq!(request.user.name, ferry_admission::identity::API_SERVER);
        assert_eq!(request.target.name, "vm");
    }
}

#[test]
fn parity_pods_without_a_running_instance_go() {
    let labels = json!({ "kubevirt.io": "virt-launcher" });
    let done = changed(&launcher(), &json!({ "status": { "phase": "Succeeded" } }));
    let mut nameless = launcher();
    nameless["metadata"].as_object_mut().unwrap().remove("annotations");
    let plain = pod("p", &json!({}), "n1");
    for pod in [done, nameless, plain] {
        let name = pod["metadata"]["name"].as_str().unwrap().to_owned();
        let world = World::of([pod, guest(Some("LiveMigrate"), "True", &json!({}))]);
        assert_eq!(evict(&world, &name, &json!({})).answer, Ok(ActionAnswer::Evicted), "{name}");
    }
    // One whose instance is gone is looked into first.
    let orphan = World::of([pod("p", &labels, "n1")]);
    assert_eq!(
        message(&evict(&orphan, "p", &json!({}))),
        (
            429,
            "kubevirt failed getting the vmi: virtualmachineinstances.kubevirt.io \"vm\" not found"
                .to_owned()
        )
    );
    let missing = evict(&World::default(), "p", &json!({}));
    assert_eq!(missing.answer.unwrap_err().to_string(), "pods \"p\" not found");
}

#[test]
fn parity_a_volume_that_is_plugged_in_stays() {
    let mut hotplug = pod("hp-volume-x", &json!({ "kubevirt.io": "hotplug-disk" }), "n1");
    hotplug["metadata"]["ownerReferences"] =
        json!([{ "apiVersion": "v1", "kind": "Pod", "name": "virt-launcher-vm", "uid": "u" }]);
    let guest = guest(None, "False", &json!({}));
    let world = World::of([hotplug.clone(), launcher(), guest.clone()]);
    assert_eq!(
        message(&evict(&world, "hp-volume-x", &json!({}))),
        (
            429,
            "cannot evict hotplug pod: hp-volume-x associated with running vmi: vm in namespace ns"
                .to_owned()
        )
    );
    for world in [World::of([hotplug.clone(), guest]), World::of([hotplug, launcher()])] {
        assert_eq!(evict(&world, "hp-volume-x", &json!({})).answer, Ok(ActionAnswer::Evicted));
    }
}

#[test]
fn parity_a_pod_that_is_evicted_says_so_if_it_is_the_one_that_is_meant() {
    let mut pod = pod("p", &json!({}), "n1");
    pod["metadata"]["uid"] = json!("u");
    let world = World::of([pod]);
    for (preconditions, tells) in [
        (json!(null), true),
        (json!({ "uid": "u" }), true),
        (json!({ "uid": "v" }), false),
        (json!({ "resourceVersion": "7" }), false),
    ] {
        let body = json!({ "deleteOptions": { "preconditions": preconditions } });
        let outcome = evict(&world, "p", &body);
        assert_eq!(outcome.writes.len(), 1 + usize::from(tells), "{body}");
        if let Write::Patch(patch) = &outcome.writes[0].write {
            let Patch::Strategic(patch) = patch else { panic!("{patch:?}") };
            let condition = &patch["status"]["conditions"][0];
            assert_eq!(outcome.writes[0].target.part, Part::Status);
            assert_eq!(
                (&condition["type"], &condition["reason"], &condition["message"]),
                (
                    &json!("DisruptionTarget"),
                    &json!("EvictionByEvictionAPI"),
                    &json!("Eviction API: evicting")
                )
            );
        }
    }
}

#[test]
fn an_eviction_is_read_as_every_client_writes_it() {
    let world = World::of([pod("p", &json!({}), "n1")]);
    let options = json!({
        "gracePeriodSeconds": 5,
        "propagationPolicy": "Foreground",
        "preconditions": { "uid": "u", "resourceVersion": "7" },
    });
    let expected = DeleteOptions {
        propagation: Some(Propagation::Foreground),
        grace_period_seconds: Some(5),
        uid: Some("u".to_owned()),
        resource_version: Some("7".to_owned()),
    };
    for (body, expected) in [
        (
            json!({
                "apiVersion": "policy/v1", "kind": "Eviction",
                "metadata": { "name": "p", "namespace": "ns" }, "deleteOptions": options,
            }),
            expected,
        ),
        // kube-rs, and python.
        (json!({ "delete_options": null, "metadata": { "name": "p" } }), DeleteOptions::default()),
        (json!({ "metadata": {} }), DeleteOptions::default()),
    ] {
        let outcome = evict(&world, "p", &body);
        assert_eq!(outcome.writes.last().unwrap().write, Write::Delete(expected));
    }
    let other = evict(&world, "p", &json!({ "metadata": { "name": "q" } }));
    assert_eq!(
        other.answer.unwrap_err().to_string(),
        "name in URL does not match name in Eviction object"
    );
}
