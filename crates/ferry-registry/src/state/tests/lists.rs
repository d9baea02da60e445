//! What lists are asked for besides pages.

use std::num::NonZeroUsize;

use ferry_api::{FieldSelector, Kind, Selector, View};
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::json;

use crate::object::Revision;
use crate::refusal::Refusal;
use crate::state::{ContinueToken, ListOptions, ListStart, Selection};
use crate::testing::{Cluster, config_map, pod, target};

fn names(cluster: &Cluster, selection: &Selection) -> Vec<String> {
    let options = ListOptions { limit: None, start: ListStart::Newest };
    let page = cluster.state.list(selection, &options).unwrap();
    page.items.iter().map(|object| object.key.name.clone()).collect()
}

fn by_fields(kind: Kind, fields: &str) -> Selection {
    Selection { fields: FieldSelector::parse(fields).unwrap(), ..Selection::of(kind) }
}

#[test]
fn parity_fields_select_as_kubernetes_has_them() {
    let mut cluster = Cluster::new();
    for (name, node) in [("p1", "n1"), ("p2", "n2"), ("p3", "")] {
        cluster.create(&pod(name, node)).unwrap();
    }
    let event = json!({
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": { "name": "e" },
        "eventTime": "2026-11-26T00:00:00.000000Z",
        "regarding": { "kind": "Pod", "name": "p1" },
        "reason": "Started",
        "type": "Normal",
        "action": "Start",
        "reportingController": "node",
        "reportingInstance": "n1",
    });
    cluster.create(&event).unwrap();
    for name in ["n1", "n2"] {
        cluster
            .create(&json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": name } }))
            .unwrap();
    }
    cluster.merge(target(Kind::Node, "n2"), json!({ "spec": { "unschedulable": true } })).unwrap();
    for (kind, fields, expected) in [
        (Kind::Pod, "spec.nodeName=n1", vec!["p1"]),
        (Kind::Pod, "spec.nodeName=", vec!["p3"]),
        (Kind::Pod, "spec.nodeName!=n1,status.phase=Pending", vec!["p2", "p3"]),
        (Kind::Pod, "metadata.name=p2", vec!["p2"]),
        (Kind::Pod, "metadata.name=p2,spec.nodeName=n1", vec![]),
        (Kind::Pod, "metadata.namespace!=a", vec![]),
        (Kind::Node, "spec.unschedulable=false", vec!["n1"]),
        (Kind::Node, "spec.unschedulable=true", vec!["n2"]),
        (Kind::Node, "metadata.name=n1", vec!["n1"]),
        (Kind::Event, "involvedObject.name=p1,involvedObject.kind=Pod", vec!["e"]),
        (Kind::Event, "regarding.name=p1", vec!["e"]),
        (Kind::Event, "regarding.name=p2", vec![]),
        (Kind::Event, "source=node,reportingController=node", vec!["e"]),
        (Kind::Namespace, "status.phase=Active", vec!["a"]),
    ] {
        assert_eq!(names(&cluster, &by_fields(kind, fields)), expected, "{fields}");
        let in_a = Selection { namespace: Some("a".to_owned()), ..by_fields(kind, fields) };
        if matches!(kind, Kind::Pod | Kind::Event) {
            assert_eq!(names(&cluster, &in_a), expected, "{fields} in a");
        }
    }
}

#[test]
fn parity_revisions_that_are_not_known_are_refused() {
    let mut cluster = Cluster::new();
    cluster.create(&config_map("x")).unwrap();
    let objects = cluster.state.objects().all().map(|object| object.as_ref().clone());
    let restored = crate::State::restore(objects.collect::<Vec<_>>(), Revision(10));
    let ask = |start| {
        let options = ListOptions { limit: None, start };
        restored.list(&Selection::of(Kind::ConfigMap), &options)
    };
    let token = |revision| ContinueToken { revision, after: "a/w".to_owned() };
    assert_eq!(
        ask(ListStart::NotOlderThan(Revision(11))),
        Err(Refusal::FutureRevision { asked: 11, current: 10 })
    );
    assert_eq!(
        ask(ListStart::Exactly(Revision(11))),
        Err(Refusal::FutureRevision { asked: 11, current: 10 })
    );
    let refusal = ask(ListStart::Exactly(Revision(9))).unwrap_err();
    assert_eq!((refusal.code(), &refusal.status()["reason"]), (410, &json!("Expired")));
    assert_eq!(ask(ListStart::NotOlderThan(Revision(3))).unwrap().revision, Revision(10));

    // A token that has expired comes with one that goes on with what is there now.
    let refusal = ask(ListStart::Continue(token(Some(Revision(9))))).unwrap_err();
    assert_eq!(refusal.code(), 410);
    let status = refusal.status();
    assert!(
        status["message"].as_str().unwrap().starts_with(
            "The provided continue parameter is too old to display a consistent list result."
        ),
        "{status}"
    );
    let fresh = status["metadata"]["continue"].as_str().unwrap();
    let page = ask(ListStart::Continue(ContinueToken::parse(fresh).unwrap())).unwrap();
    assert_eq!((page.items.len(), page.revision), (1, Revision(10)));

    let refusal = restored.events(&Selection::of(Kind::ConfigMap), Revision(9), 10).unwrap_err();
    assert_eq!(
        (refusal.code(), refusal.to_string().as_str()),
        (410, "too old resource version: 9 (10)")
    );
}

#[test]
fn a_token_of_another_list_is_refused_and_never_shows_more() {
    let mut cluster = Cluster::new();
    for name in ["x", "y", "z"] {
        cluster.create(&config_map(name)).unwrap();
    }
    let limit = NonZeroUsize::new(1);
    let first = cluster
        .state
        .list(&Selection::of(Kind::ConfigMap), &ListOptions { limit, start: ListStart::Newest })
        .unwrap();
    let token = first.next.unwrap();
    let in_a = Selection { namespace: Some("a".to_owned()), ..Selection::of(Kind::ConfigMap) };
    let options = ListOptions { limit, start: ListStart::Continue(token) };
    assert_eq!(cluster.state.list(&in_a, &options).unwrap_err().code(), 400);
}

#[test]
fn the_state_is_a_view_of_typed_objects() {
    let mut cluster = Cluster::new();
    let mut labelled = config_map("x");
    labelled["metadata"]["labels"] = json!({ "k": "v" });
    cluster.create(&labelled).unwrap();
    cluster.create(&config_map("y")).unwrap();
    let one: ConfigMap = cluster.state.get("a", "x").unwrap();
    assert_eq!(one.data.unwrap()["k"], "v");
    assert_eq!(View::get::<ConfigMap>(&cluster.state, "b", "x"), None);
    let labels = Selector::parse("k=v").unwrap();
    assert_eq!(View::list::<ConfigMap>(&cluster.state, Some("a"), &labels).len(), 1);
    assert_eq!(View::list::<ConfigMap>(&cluster.state, None, &Selector::default()).len(), 2);
    assert_eq!(View::list::<ConfigMap>(&cluster.state, Some("b"), &Selector::default()).len(), 0);
    assert_eq!((cluster.state.len(), cluster.state.count(Kind::ConfigMap)), (3, 2));
}
