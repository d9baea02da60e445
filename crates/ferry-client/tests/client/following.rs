//! A cache that follows a server: what it is told, and what it does when it is not.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use ferry_api::{Selector, View};
use ferry_client::{Cache, Selection};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::server::{Answer, Server, list, noon, pod, refusal};

fn told(type_: &str, object: &Value) -> Value {
    json!({ "type": type_, "object": object })
}

fn bookmark(revision: u64) -> Value {
    let metadata = json!({ "resourceVersion": revision.to_string() });
    told("BOOKMARK", &json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata }))
}

/// A server that gives these answers, one after the other, and is silent after them.
fn scripted(answers: impl IntoIterator<Item = Answer>) -> Server {
    let mut answers: VecDeque<Answer> = answers.into_iter().collect();
    Server::new(move |_, _| answers.pop_front().unwrap_or_else(|| Answer::Watch(Vec::new())))
}

/// A cache of pods, and what it tells: `name old new`, as revisions.
fn follow(server: &Server, selection: &Selection) -> (Cache, mpsc::UnboundedReceiver<String>) {
    let (tell, changes) = mpsc::unbounded_channel();
    let cache = Cache::new(noon);
    cache.follow::<Pod>(&server.client, selection, move |cache, old, new| {
        let revision = |pod: Option<&Pod>| {
            pod.and_then(|pod| pod.metadata.resource_version.clone()).unwrap_or_else(|| "-".into())
        };
        let name = old.or(new).and_then(|pod| pod.metadata.name.clone()).unwrap();
        let seen: Option<Pod> = cache.get("ns", &name);
        assert_eq!(revision(seen.as_ref()), revision(new), "it is told when it can be seen");
        tell.send(format!("{name} {} {}", revision(old), revision(new))).unwrap();
    });
    (cache, changes)
}

fn names(cache: &Cache) -> Vec<String> {
    let pods: Vec<Pod> = cache.list(None, &Selector::default());
    pods.into_iter().filter_map(|pod| pod.metadata.name).collect()
}

#[tokio::test]
async fn what_is_listed_is_there_and_what_changes_is_told() {
    let server = scripted([
        list(5, &[pod("a", 3), pod("b", 5)]),
        Answer::Watch(vec![
            told("MODIFIED", &pod("a", 6)),
            told("ADDED", &pod("c", 7)),
            told("DELETED", &pod("b", 8)),
        ]),
    ]);
    let (cache, mut changes) = follow(&server, &Selection::all());
    cache.filled().await;
    for expected in ["a 3 6", "c - 7", "b 5 -"] {
        assert_eq!(changes.recv().await.unwrap(), expected);
    }
    assert_eq!(names(&cache), ["a", "c"]);
    assert_eq!(cache.listening_since(), Some(noon()));
    assert_eq!(cache.all::<Pod>().len(), 2);
    assert_eq!(
        server.lines()[1],
        "GET /api/v1/pods?&watch=true&timeoutSeconds=290&allowWatchBookmarks=true&resourceVersion=5"
    );
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_ends_goes_on_where_it_was() {
    let server = scripted([
        list(5, &[]),
        Answer::ShortWatch(vec![told("ADDED", &pod("a", 6)), bookmark(9)]),
        Answer::Cut,
        refusal(503, "ServiceUnavailable"),
        Answer::Watch(vec![told("MODIFIED", &pod("a", 10))]),
    ]);
    let (cache, mut changes) = follow(&server, &Selection::all());
    assert_eq!(changes.recv().await.unwrap(), "a - 6");
    assert_eq!(changes.recv().await.unwrap(), "a 6 10");
    assert_eq!(cache.listening_since(), Some(noon()));
    let watches: Vec<String> =
        server.lines().into_iter().filter(|line| line.contains("watch=true")).collect();
    assert!(watches[0].ends_with("resourceVersion=5"), "{watches:?}");
    assert!(watches[1..].iter().all(|line| line.ends_with("resourceVersion=9")), "{watches:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_has_forgotten_is_listed_anew_and_the_difference_is_told() {
    for forgotten in [
        refusal(410, "Expired"),
        Answer::Watch(vec![told(
            "ERROR",
            &json!({ "kind": "Status", "status": "Failure", "reason": "Expired", "code": 410 }),
        )]),
    ] {
        let server = scripted([
            list(5, &[pod("a", 3), pod("b", 5)]),
            Answer::ShortWatch(vec![bookmark(6)]),
            forgotten,
            list(20, &[pod("b", 18), pod("c", 19)]),
        ]);
        let (cache, mut changes) = follow(&server, &Selection::all());
        for expected in ["a 3 -", "b 5 18", "c - 19"] {
            assert_eq!(changes.recv().await.unwrap(), expected);
        }
        assert_eq!(names(&cache), ["b", "c"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_not_there_yet_is_waited_for() {
    let state = Arc::new(Mutex::new(0));
    let server = Server::new({
        let state = Arc::clone(&state);
        move |line, _| {
            let mut attempts = state.lock().unwrap();
            *attempts += 1;
            match *attempts {
                1..=5 => Answer::Cut,
                _ if line.contains("watch=true") => Answer::Watch(Vec::new()),
                _ => list(1, &[pod("a", 1)]),
            }
        }
    });
    let (cache, _changes) = follow(&server, &Selection::all());
    assert!(!cache.is_filled() && cache.listening_since().is_none());
    cache.filled().await;
    assert_eq!(names(&cache), ["a"]);
}

#[tokio::test]
async fn only_what_is_selected_is_asked_for() {
    let server = scripted([list(1, &[])]);
    let selection = Selection::all()
        .in_namespace("ns")
        .with_labels("app=web")
        .with_fields("spec.nodeName=node-1");
    let (cache, _changes) = follow(&server, &selection);
    cache.filled().await;
    assert_eq!(
        server.lines()[0],
        "GET /api/v1/namespaces/ns/pods?&fieldSelector=spec.nodeName%3Dnode-1&labelSelector=app%3Dweb"
    );
}
