//! Watches: their beginnings, what they tell, and their ends.

use std::time::Duration;

use http::Method;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::cluster::{CONFIG_MAPS, Cluster, config_map};
use crate::api::ResponseBody;

/// A client that listens.
struct Listener {
    body: ResponseBody,
    lines: std::collections::VecDeque<Value>,
}

impl Listener {
    async fn new(cluster: &Cluster, query: &str, accept: &str) -> Self {
        let url = format!("{CONFIG_MAPS}?watch=true&{query}");
        let answer = cluster.send(Method::GET, &url, &[("accept", accept)], "").await;
        assert_eq!(answer.status().as_u16(), 200);
        Self { body: answer.into_body(), lines: std::collections::VecDeque::new() }
    }

    /// The next event, or `None` at the end.
    async fn next(&mut self) -> Option<Value> {
        while self.lines.is_empty() {
            let piece = self.body.frame().await?.unwrap().into_data().unwrap();
            let text = std::str::from_utf8(&piece).unwrap();
            self.lines.extend(text.lines().map(|line| serde_json::from_str(line).unwrap()));
        }
        self.lines.pop_front()
    }

    /// The next event as `TYPE name`.
    async fn told(&mut self) -> String {
        let event = self.next().await.expect("the watch goes on");
        let name = event["object"]["metadata"]["name"].as_str().unwrap_or("-");
        format!("{} {name}", event["type"].as_str().unwrap())
    }
}

async fn create(cluster: &Cluster, name: &str) {
    assert_eq!(cluster.post(CONFIG_MAPS, &config_map(name)).await.code, 201);
}

#[tokio::test]
async fn a_watch_without_a_revision_begins_with_all_objects() {
    let cluster = Cluster::new().await;
    create(&cluster, "a").await;
    let mut listener = Listener::new(&cluster, "", "*/*").await;
    assert_eq!(listener.told().await, "ADDED a");
    create(&cluster, "b").await;
    assert_eq!(listener.told().await, "ADDED b");
    let patch = json!({ "data": { "key": "2" } });
    cluster.patch(&format!("{CONFIG_MAPS}/a"), "merge-patch+json", &patch).await;
    assert_eq!(listener.told().await, "MODIFIED a");
    cluster.delete(&format!("{CONFIG_MAPS}/a")).await;
    assert_eq!(listener.told().await, "DELETED a");
}

#[tokio::test]
async fn a_watch_may_be_asked_to_last_longer_than_any_clock_counts() {
    let cluster = Cluster::new().await;
    let query = format!("timeoutSeconds={}&allowWatchBookmarks=true", i64::MAX);
    let mut listener = Listener::new(&cluster, &query, "*/*").await;
    create(&cluster, "a").await;
    assert_eq!(listener.told().await, "ADDED a");
}

#[tokio::test]
async fn a_watch_from_a_revision_tells_exactly_what_came_after() {
    let cluster = Cluster::new().await;
    create(&cluster, "a").await;
    let list = cluster.get(CONFIG_MAPS).await.json();
    let revision = list["metadata"]["resourceVersion"].as_str().unwrap();
    create(&cluster, "b").await;
    // Of another kind, and so not told.
    cluster.post("/api/v1/namespaces", &json!({ "metadata": { "name": "blue" } })).await;
    create(&cluster, "c").await;
    let mut listener = Listener::new(&cluster, &format!("resourceVersion={revision}"), "*/*").await;
    assert_eq!(listener.told().await, "ADDED b");
    assert_eq!(listener.told().await, "ADDED c");
}

#[tokio::test]
async fn an_object_that_leaves_the_selection_is_gone_for_the_watcher() {
    let cluster = Cluster::new().await;
    create(&cluster, "a").await;
    let mut listener = Listener::new(&cluster, "labelSelector=app%3Da", "*/*").await;
    assert_eq!(listener.told().await, "ADDED a");
    let url = format!("{CONFIG_MAPS}/a");
    let away = json!({ "metadata": { "labels": { "app": "z" } } });
    let left = cluster.patch(&url, "merge-patch+json", &away).await.json();
    let event = listener.next().await.unwrap();
    assert_eq!(event["type"], "DELETED");
    assert_eq!(event["object"]["metadata"]["labels"]["app"], "a");
    let revision = &left["metadata"]["resourceVersion"];
    assert_eq!(&event["object"]["metadata"]["resourceVersion"], revision);
    let back = json!({ "metadata": { "labels": { "app": "a" } } });
    cluster.patch(&url, "merge-patch+json", &back).await;
    assert_eq!(listener.told().await, "ADDED a");
}

#[tokio::test]
async fn a_watch_list_marks_the_end_of_what_was_there() {
    let cluster = Cluster::new().await;
    create(&cluster, "a").await;
    let query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let mut listener = Listener::new(&cluster, query, "*/*").await;
    assert_eq!(listener.told().await, "ADDED a");
    assert_eq!(
        listener.next().await.unwrap(),
        json!({
            "type": "BOOKMARK",
            "object": {
                "kind": "ConfigMap",
                "apiVersion": "v1",
                "metadata": {
                    "resourceVersion": "102",
                    "annotations": { "k8s.io/initial-events-end": "true" },
                },
            },
        })
    );
    create(&cluster, "b").await;
    assert_eq!(listener.told().await, "ADDED b");
}

#[tokio::test]
async fn a_watch_of_what_is_forgotten_is_told_so_and_ends() {
    let cluster = Cluster::new().await;
    let mut listener = Listener::new(&cluster, "resourceVersion=7", "*/*").await;
    let event = listener.next().await.unwrap();
    assert_eq!(event["type"], "ERROR");
    assert_eq!(event["object"]["code"], 410);
    assert_eq!(event["object"]["reason"], "Expired");
    assert_eq!(listener.next().await, None);
}

#[tokio::test]
async fn tables_are_watched_and_say_their_columns_once() {
    let cluster = Cluster::new().await;
    create(&cluster, "a").await;
    create(&cluster, "b").await;
    let table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    let mut listener = Listener::new(&cluster, "", table).await;
    let first = listener.next().await.unwrap();
    assert_eq!(first["object"]["kind"], "Table");
    assert_eq!(first["object"]["columnDefinitions"][0]["name"], "Name");
    assert_eq!(first["object"]["rows"][0]["cells"][0], "a");
    let second = listener.next().await.unwrap();
    assert_eq!(second["object"]["columnDefinitions"], Value::Null);
    let partial = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    let mut listener = Listener::new(&cluster, "", partial).await;
    let event = listener.next().await.unwrap();
    assert_eq!(event["object"]["kind"], "PartialObjectMetadata");
    assert_eq!(event["object"]["metadata"]["name"], "a");
}

#[tokio::test(start_paused = true)]
async fn a_watch_from_a_revision_to_come_has_no_bookmark_before_it() {
    let cluster = Cluster::new().await;
    let query = "resourceVersion=103&allowWatchBookmarks=true&timeoutSeconds=150";
    let mut listener = Listener::new(&cluster, query, "*/*").await;
    let minute = tokio::time::timeout(Duration::from_secs(61), listener.next()).await;
    assert!(minute.is_err(), "{minute:?}");
    for name in ["a", "b", "c"] {
        create(&cluster, name).await;
    }
    assert_eq!(listener.told().await, "ADDED c");
    let bookmark = listener.next().await.unwrap();
    assert_eq!(bookmark["object"]["metadata"]["resourceVersion"], "104");
}

#[tokio::test(start_paused = true)]
async fn bookmarks_come_every_minute_and_shortly_before_the_end() {
    let cluster = Cluster::new().await;
    let query = "resourceVersion=101&allowWatchBookmarks=true&timeoutSeconds=150";
    let mut listener = Listener::new(&cluster, query, "*/*").await;
    let mut elapsed = Vec::new();
    let mut clock = tokio::time::interval(Duration::from_secs(1));
    let mut seconds = 0;
    loop {
        tokio::select! {
            biased;
            event = listener.next() => {
                let Some(event) = event else { break };
                assert_eq!(event["type"], "BOOKMARK");
                assert_eq!(event["object"]["metadata"]["resourceVersion"], "101");
                elapsed.push(seconds);
            }
            _ = clock.tick() => seconds += 1,
        }
    }
    assert_eq!(elapsed, [60, 120, 148]);

    let mut listener =
        Listener::new(&cluster, "resourceVersion=101&timeoutSeconds=150", "*/*").await;
    assert_eq!(listener.next().await, None);
}

#[tokio::test]
async fn watches_end_with_the_server() {
    let cluster = Cluster::new().await;
    let mut listener = Listener::new(&cluster, "resourceVersion=101", "*/*").await;
    cluster.stop.begin();
    assert_eq!(listener.next().await, None);
}

#[tokio::test]
async fn a_slow_client_misses_nothing_that_is_still_known() {
    let cluster = Cluster::new().await;
    let mut listener = Listener::new(&cluster, "resourceVersion=101", "*/*").await;
    for number in 0..600 {
        create(&cluster, &format!("m{number:03}")).await;
    }
    for number in 0..600 {
        let told = tokio::time::timeout(Duration::from_secs(60), listener.told()).await.unwrap();
        assert_eq!(told, format!("ADDED m{number:03}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_without_any_time_ends_at_once() {
    let cluster = Cluster::new().await;
    let begun = crate::http::now();
    let url = format!("{CONFIG_MAPS}?watch=true&timeoutSeconds=-1");
    assert_eq!(cluster.get(&url).await.code, 200);
    // A timer of tokio is late by a millisecond at most.
    assert!(begun.elapsed() < Duration::from_secs(1));
}
