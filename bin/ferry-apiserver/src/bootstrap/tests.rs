//! A cluster without anything, one that is complete, and ones that somebody has been at.

use ferry_admission::Policies;
use ferry_registry::{Context, decide};
use ferry_units::WallTime;
use serde_json::json;

use super::*;

fn now() -> WallTime {
    "2026-11-23T08:15:00Z".parse().unwrap()
}

/// Does what is asked for, as the writer would.
fn apply(state: &mut State, requests: Vec<Request>) {
    for request in requests {
        let uid = format!("uid-{}", state.revision());
        let context = Context { now: now(), uid, suffixes: vec!["abcde".to_owned()] };
        let decision = decide(state, &request, &context, &Policies::default());
        let decision = decision.unwrap_or_else(|refusal| panic!("{request:?}: {refusal}"));
        if let Some(change) = decision.change {
            state.apply(change, now());
        }
    }
}

fn complete() -> State {
    let mut state = State::default();
    let writes = missing(&state).unwrap();
    apply(&mut state, writes);
    let writes = accounts(&state).unwrap();
    apply(&mut state, writes);
    state
}

fn role(name: &str) -> ObjectKey {
    ObjectKey::new(Kind::ClusterRole, "", name)
}

fn change(state: &mut State, key: &ObjectKey, change: impl FnOnce(&mut Document)) {
    let mut document = state.object(key).unwrap().document();
    change(&mut document);
    let write = update(document).unwrap();
    apply(state, vec![write]);
}

#[test]
fn parity_an_empty_cluster_gets_everything_once() {
    let state = complete();
    assert!(missing(&state).unwrap().is_empty());
    assert!(accounts(&state).unwrap().is_empty());
    for (kind, namespace, name) in [
        (Kind::Namespace, "", "default"),
        (Kind::Namespace, "", "kube-node-lease"),
        (Kind::Service, "default", "kubernetes"),
        (Kind::ServiceAccount, "kube-public", "default"),
        (Kind::ClusterRole, "", "cluster-admin"),
        (Kind::ClusterRole, "", "kubevirt.io:migrate"),
        (Kind::ClusterRoleBinding, "", "cluster-admin"),
    ] {
        let key = ObjectKey::new(kind, namespace, name);
        assert!(state.object(&key).is_some(), "{key:?}");
    }
    assert_eq!(state.count(Kind::Namespace), 4);
    assert_eq!(state.count(Kind::ServiceAccount), 4);
}

#[test]
fn a_start_that_was_killed_goes_on_where_it_was() {
    let whole = complete().len();
    let writes = missing(&State::default()).unwrap().len();
    for done in [1, writes / 2, writes - 1] {
        let mut state = State::default();
        let first: Vec<_> = missing(&state).unwrap().into_iter().take(done).collect();
        apply(&mut state, first);
        let rest = missing(&state).unwrap();
        assert_eq!(rest.len(), writes - done);
        apply(&mut state, rest);
        let writes = accounts(&state).unwrap();
        apply(&mut state, writes);
        assert_eq!(state.len(), whole);
    }
}

#[test]
fn parity_what_was_taken_from_a_role_comes_back_and_what_was_added_stays() {
    let mut state = complete();
    let before = state.object(&role("kubevirt.io:migrate")).unwrap().document();
    change(&mut state, &role("kubevirt.io:migrate"), |role| {
        role["rules"] = json!([{ "apiGroups": [""], "resources": ["pods"], "verbs": ["get"] }]);
        role["metadata"]["labels"] = json!({ "mine": "yes" });
    });
    let writes = missing(&state).unwrap();
    assert_eq!(writes.len(), 1);
    apply(&mut state, writes);
    let after = state.object(&role("kubevirt.io:migrate")).unwrap().document();
    let rules = after["rules"].as_array().unwrap();
    assert_eq!(rules[0]["resources"], json!(["pods"]));
    assert_eq!(rules[1..], before["rules"].as_array().unwrap()[..]);
    assert_eq!(after["metadata"]["labels"]["mine"], json!("yes"));
    assert_eq!(after["metadata"]["labels"]["kubevirt.io"], json!(""));
    assert!(missing(&state).unwrap().is_empty());
}

#[test]
fn parity_a_role_that_somebody_keeps_as_it_is_stays_so() {
    let mut state = complete();
    change(&mut state, &role("view"), |role| {
        role["metadata"]["annotations"]["rbac.authorization.kubernetes.io/autoupdate"] =
            json!("false");
        role.remove("aggregationRule");
    });
    assert!(missing(&state).unwrap().is_empty());
}

#[test]
fn parity_a_binding_of_another_role_is_made_anew() {
    let mut state = complete();
    let key = ObjectKey::new(Kind::ClusterRoleBinding, "", "system:discovery");
    let mut binding = state.object(&key).unwrap().document();
    let wanted = binding["roleRef"].clone();
    binding["roleRef"]["name"] = json!("view");
    binding.remove("metadata");
    binding.insert("metadata".to_owned(), json!({ "name": "system:discovery" }));
    let writes = vec![delete(&binding), create(binding).unwrap()];
    apply(&mut state, writes);
    let writes = missing(&state).unwrap();
    assert_eq!(writes.len(), 2);
    apply(&mut state, writes);
    assert_eq!(state.object(&key).unwrap().document()["roleRef"], wanted);
    assert!(missing(&state).unwrap().is_empty());
}

#[test]
fn parity_a_namespace_gets_its_account_again_unless_it_is_going() {
    let mut state = complete();
    let red = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "red" } });
    let write = create(document(red.clone())).unwrap();
    apply(&mut state, vec![write]);
    let writes = accounts(&state).unwrap();
    assert_eq!(writes[0].target.namespace, "red");
    assert_eq!(writes.len(), 1);
    let write = delete(&document(red));
    apply(&mut state, vec![write]);
    assert!(accounts(&state).unwrap().is_empty());
}
