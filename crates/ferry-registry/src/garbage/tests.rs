//! What is cleaned up, and what is left alone.

use ferry_api::Kind;
use serde_json::{Value, json};

use crate::garbage::chores::MOST_CHORES;
use crate::object::{Part, Target};
use crate::request::Propagation;
use crate::testing::{Cluster, config_map, propagation, shown, target, vm};

/// A ConfigMap that has these owners.
fn owned(name: &str, owners: &[Value]) -> Value {
    let mut object = config_map(name);
    object["metadata"]["ownerReferences"] = json!(owners);
    object
}

/// A reference to an object, as its dependents have it.
fn owner(object: &Value) -> Value {
    json!({
        "apiVersion": object["apiVersion"],
        "kind": object["kind"],
        "name": object["metadata"]["name"],
        "uid": object["metadata"]["uid"],
    })
}

fn blocking(object: &Value) -> Value {
    let mut owner = owner(object);
    owner["blockOwnerDeletion"] = json!(true);
    owner
}

fn names(cluster: &Cluster) -> Vec<String> {
    let all = crate::Selection::of(Kind::ConfigMap);
    let options = crate::ListOptions { limit: None, start: crate::ListStart::Newest };
    let page = cluster.state.list(&all, &options).unwrap();
    page.items.iter().map(|object| object.key.name.clone()).collect()
}

fn made(cluster: &mut Cluster, object: &Value) -> Value {
    shown(&cluster.create(object).unwrap())
}

#[test]
fn dependents_follow_their_owner_down_to_the_last() {
    let mut cluster = Cluster::new();
    let root = made(&mut cluster, &vm("root"));
    let child = made(&mut cluster, &owned("child", &[owner(&root)]));
    made(&mut cluster, &owned("grandchild", &[owner(&child)]));
    made(&mut cluster, &config_map("stranger"));
    assert_eq!(cluster.clean(), 0);
    cluster.delete(target(Kind::VirtualMachine, "root")).unwrap();
    cluster.clean();
    assert_eq!(names(&cluster), ["stranger"]);
}

#[test]
fn an_owner_that_never_was_is_gone_and_so_is_another_of_its_name() {
    let mut cluster = Cluster::new();
    let real = made(&mut cluster, &vm("real"));
    let mut other_uid = owner(&real);
    other_uid["uid"] = json!("another");
    let mut elsewhere = config_map("elsewhere");
    elsewhere["metadata"]["namespace"] = json!("b");
    cluster
        .create(&json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "b" } }))
        .unwrap();
    elsewhere["metadata"]["ownerReferences"] = json!([owner(&real)]);
    for object in [owned("x", &[other_uid]), elsewhere] {
        cluster.create(&object).unwrap();
    }
    cluster.clean();
    assert_eq!(names(&cluster), Vec::<String>::new());
}

#[test]
fn parity_an_owner_of_a_kind_that_is_not_served_is_none_of_our_business() {
    let mut cluster = Cluster::new();
    let foreign = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": "d", "uid": "u" });
    let unknown = json!({ "apiVersion": "v9", "kind": "ConfigMap", "name": "c", "uid": "u" });
    made(&mut cluster, &owned("x", &[foreign]));
    made(&mut cluster, &owned("y", &[unknown]));
    // Of an object of the whole cluster, an owner in a namespace cannot be known.
    let mut node = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "n" } });
    node["metadata"]["ownerReferences"] =
        json!([{ "apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u" }]);
    made(&mut cluster, &node);
    assert_eq!(cluster.clean(), 0);
}

#[test]
fn parity_one_owner_that_is_left_is_enough_and_the_others_are_forgotten() {
    let mut cluster = Cluster::new();
    let first = made(&mut cluster, &vm("first"));
    let second = made(&mut cluster, &vm("second"));
    made(&mut cluster, &owned("x", &[owner(&first), owner(&second)]));
    cluster.delete(target(Kind::VirtualMachine, "first")).unwrap();
    cluster.clean();
    let left = cluster.get(&target(Kind::ConfigMap, "x")).unwrap();
    assert_eq!(left["metadata"]["ownerReferences"], json!([owner(&second)]));
}

#[test]
fn parity_in_the_foreground_those_that_block_go_first() {
    let mut cluster = Cluster::new();
    let root = made(&mut cluster, &vm("root"));
    let at = target(Kind::VirtualMachine, "root");
    let mut held = owned("blocks", &[blocking(&root)]);
    held["metadata"]["finalizers"] = json!(["a/b"]);
    made(&mut cluster, &held);
    made(&mut cluster, &owned("does-not", &[owner(&root)]));
    cluster.delete_with(at.clone(), propagation(Propagation::Foreground)).unwrap();
    cluster.clean();
    assert_eq!(names(&cluster), ["blocks"]);
    assert!(cluster.get(&at).is_some(), "it waits for the one that blocks");
    cluster
        .merge(target(Kind::ConfigMap, "blocks"), json!({ "metadata": { "finalizers": null } }))
        .unwrap();
    cluster.clean();
    assert_eq!((cluster.get(&at), names(&cluster)), (None, vec![]));
}

#[test]
fn in_the_foreground_one_that_does_not_block_is_not_waited_for() {
    let mut cluster = Cluster::new();
    let root = made(&mut cluster, &vm("root"));
    let mut held = owned("x", &[owner(&root)]);
    held["metadata"]["finalizers"] = json!(["a/b"]);
    made(&mut cluster, &held);
    let at = target(Kind::VirtualMachine, "root");
    cluster.delete_with(at.clone(), propagation(Propagation::Foreground)).unwrap();
    cluster.clean();
    assert_eq!((cluster.get(&at), names(&cluster)), (None, vec!["x".to_owned()]));
}

#[test]
fn parity_two_that_wait_for_each_other_both_go() {
    let mut cluster = Cluster::new();
    let left = made(&mut cluster, &config_map("left"));
    let right = made(&mut cluster, &owned("right", &[blocking(&left)]));
    let back = json!({ "metadata": { "ownerReferences": [blocking(&right)] } });
    cluster.merge(target(Kind::ConfigMap, "left"), back).unwrap();
    assert_eq!(cluster.clean(), 0);
    let at = target(Kind::ConfigMap, "left");
    cluster.delete_with(at, propagation(Propagation::Foreground)).unwrap();
    cluster.clean();
    assert_eq!(names(&cluster), Vec::<String>::new());
}

#[test]
fn orphans_lose_the_reference_and_stay() {
    let mut cluster = Cluster::new();
    let root = made(&mut cluster, &vm("root"));
    let other = made(&mut cluster, &vm("other"));
    // More than are looked at in one round.
    for index in 0..150 {
        made(&mut cluster, &owned(&format!("x{index:03}"), &[owner(&root), owner(&other)]));
    }
    let at = target(Kind::VirtualMachine, "root");
    cluster.delete_with(at.clone(), propagation(Propagation::Orphan)).unwrap();
    cluster.clean();
    assert_eq!((cluster.get(&at), names(&cluster).len()), (None, 150));
    let left = cluster.get(&target(Kind::ConfigMap, "x149")).unwrap();
    assert_eq!(left["metadata"]["ownerReferences"], json!([owner(&other)]));
}

#[test]
fn one_round_is_bounded_and_says_the_same_until_it_is_done() {
    let mut cluster = Cluster::new();
    let root = made(&mut cluster, &vm("root"));
    for index in 0..MOST_CHORES + 10 {
        made(&mut cluster, &owned(&format!("x{index:03}"), &[owner(&root)]));
    }
    cluster.delete(target(Kind::VirtualMachine, "root")).unwrap();
    let chores = cluster.state.chores(cluster.now);
    assert_eq!(chores.len(), MOST_CHORES);
    assert_eq!(cluster.state.chores(cluster.now), chores);
    assert_eq!(chores[0].user.name, "system:serviceaccount:kube-system:generic-garbage-collector");
    assert_eq!(cluster.clean(), MOST_CHORES + 10);
}

#[test]
fn a_state_that_is_restored_wants_the_same() {
    let mut cluster = Cluster::new();
    let root = made(&mut cluster, &vm("root"));
    made(&mut cluster, &owned("x", &[owner(&root)]));
    made(&mut cluster, &owned("y", &[owner(&root)]));
    cluster.delete(target(Kind::VirtualMachine, "root")).unwrap();
    cluster.delete(target(Kind::Namespace, "a")).unwrap();
    let objects: Vec<_> = Kind::ALL
        .into_iter()
        .flat_map(|kind| {
            let options = crate::ListOptions { limit: None, start: crate::ListStart::Newest };
            cluster.state.list(&crate::Selection::of(kind), &options).unwrap().items
        })
        .map(|object| {
            crate::Stored::from_json(object.key.clone(), object.revision, object.json.clone())
                .unwrap()
        })
        .collect();
    let restored = crate::State::restore(objects, cluster.state.revision());
    assert_eq!(restored.chores(cluster.now), cluster.state.chores(cluster.now));
    assert_eq!(restored.len(), cluster.state.len());
    cluster.state = restored;
    cluster.clean();
    assert!(cluster.state.is_empty());
}

#[test]
fn events_expire_an_hour_after_they_were_last_seen() {
    let mut cluster = Cluster::new();
    let event = |name: &str, last: Value| {
        json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": { "name": name },
            "involvedObject": { "kind": "Pod", "name": "p" },
            "lastTimestamp": last,
        })
    };
    made(&mut cluster, &event("old", Value::Null));
    made(&mut cluster, &event("seen", json!("2026-11-26T00:30:00Z")));
    let end = |seconds| ferry_units::WallTime::from_unix_seconds(seconds);
    let start = cluster.now.unix_seconds();
    assert_eq!(cluster.state.next_chore(), end(start + 3600));
    cluster.pass(3599);
    assert_eq!(cluster.clean(), 0);
    cluster.pass(1);
    assert_eq!(cluster.clean(), 1);
    assert_eq!(cluster.get(&target(Kind::Event, "old")), None);
    assert_eq!(cluster.state.next_chore(), end(start + 1800 + 3600));
    // It happened once more.
    let again = json!({ "lastTimestamp": "2026-11-26T01:00:00Z", "count": 2 });
    cluster.merge(target(Kind::Event, "seen"), again).unwrap();
    assert_eq!(cluster.state.next_chore(), end(start + 7200));
    cluster.pass(3600);
    assert_eq!(cluster.clean(), 1);
    assert_eq!(cluster.state.next_chore(), None);
}

#[test]
fn a_finalizer_of_somebody_else_holds_a_namespace_that_is_empty() {
    let mut cluster = Cluster::new();
    let object = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "held" } });
    let mut created = made(&mut cluster, &object);
    let at = || target(Kind::Namespace, "held");
    let finalize = || Target { part: Part::Finalize, ..at() };
    created["spec"]["finalizers"] = json!(["kubernetes", "a.b/c"]);
    cluster.update_at(finalize(), &created).unwrap();
    cluster.delete(at()).unwrap();
    cluster.clean();
    let held = cluster.state.object(&at().key()).unwrap().document();
    assert_eq!(held["spec"]["finalizers"], json!(["a.b/c"]));
    let mut last = Value::Object(held);
    last["spec"]["finalizers"] = json!([]);
    cluster.update_at(finalize(), &last).unwrap();
    assert!(cluster.state.object(&at().key()).is_none());
}
