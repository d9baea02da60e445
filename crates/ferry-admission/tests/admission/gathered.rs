//! What roles that gather others show.

use ferry_admission::{bootstrap, gathered};
use ferry_registry::{Patch, Write};
use serde_json::{Value, json};

use crate::common::{World, changed};

fn role(name: &str, label: &str, rules: &Value) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": { "name": name, "labels": { label: "true" } },
        "rules": rules,
    })
}

fn gatherer(name: &str, gathers: &str, label: &str) -> Value {
    let selectors = json!([{ "matchLabels": { gathers: "true" } }]);
    let rule = json!({ "aggregationRule": { "clusterRoleSelectors": selectors } });
    changed(&role(name, label, &json!([])), &rule)
}

fn reads(resource: &str) -> Value {
    json!({ "apiGroups": [""], "resources": [resource], "verbs": ["get"] })
}

/// Does what is wanted; how much that was.
fn settle(world: World) -> (World, usize) {
    let mut done = 0;
    let mut world = world;
    for request in gathered(&world.clone()) {
        let Write::Patch(Patch::Merge(patch)) = &request.write else { panic!("{request:?}") };
        let role = world.object("ClusterRole", &request.target.name);
        world = world.with([changed(&role, patch)]);
        done += 1;
    }
    (world, done)
}

#[test]
fn parity_a_role_shows_what_it_gathers_and_is_written_once() {
    let world = World::of([
        role("pods", "to-view", &json!([reads("pods")])),
        role("nodes", "to-view", &json!([reads("nodes"), reads("pods")])),
        role("alone", "other", &json!([reads("secrets")])),
        gatherer("view", "to-view", "to-edit"),
        gatherer("edit", "to-edit", "none"),
    ]);
    let (world, done) = settle(world);
    assert_eq!(done, 2);
    for name in ["view", "edit"] {
        let rules = &world.object("ClusterRole", name)["rules"];
        assert_eq!(*rules, json!([reads("nodes"), reads("pods")]), "{name}");
    }
    let (world, done) = settle(world);
    assert_eq!(done, 0, "nothing has changed");
    // What somebody else writes there does not stay.
    let forged = json!({ "rules": [reads("secrets")] });
    let view = changed(&world.object("ClusterRole", "view"), &forged);
    let (world, done) = settle(world.with([view]));
    assert_eq!(done, 1);
    // Nor does what is gathered no longer.
    let world = world.with([role("nodes", "unlabelled", &json!([]))]);
    let (world, _) = settle(world);
    assert_eq!(world.object("ClusterRole", "edit")["rules"], json!([reads("pods")]));
}

#[test]
fn roles_that_gather_each_other_come_to_rest() {
    let world = World::of([
        changed(&gatherer("a", "l", "m"), &json!({ "rules": [reads("pods")] })),
        changed(&gatherer("b", "m", "n"), &json!({ "rules": [reads("nodes")] })),
        changed(&gatherer("c", "n", "l"), &json!({ "rules": [reads("secrets")] })),
    ]);
    let (world, done) = settle(world);
    assert_eq!(done, 3, "what nobody has is gathered from nobody");
    assert_eq!(settle(world).1, 0);
}

#[test]
fn parity_what_a_cluster_begins_with_shows_its_rules() {
    let begun = bootstrap::objects().into_iter().filter(|it| it["kind"] == "ClusterRole");
    let (world, done) = settle(World::of(begun));
    assert_eq!(done, 3);
    let rules = |name: &str| world.object("ClusterRole", name)["rules"].as_array().unwrap().clone();
    for (less, more) in [("view", "edit"), ("edit", "admin")] {
        assert!(rules(less).iter().all(|rule| rules(more).contains(rule)), "{less} {more}");
        assert!(rules(less).len() > 3 && rules(more).len() > rules(less).len());
    }
}
