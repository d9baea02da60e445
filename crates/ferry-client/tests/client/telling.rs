//! Events: sent by a task, counted where they repeat.

use ferry_api::Kind;
use ferry_client::{Cache, Hands, Recorder, Source};
use ferry_reconcile::{Action, Component, Event, EventType, ObjectRef, Plan};
use serde_json::json;

use crate::server::{Answer, Server, noon, refusal};

fn event(message: &str) -> Action {
    Action::Event(Event {
        about: ObjectRef {
            kind: Kind::Node,
            namespace: String::new(),
            name: "node-1".to_owned(),
            uid: "u".to_owned(),
        },
        type_: EventType::Warning,
        reason: "NodeNotReady",
        message: message.to_owned(),
        component: Component::NodeLifecycle,
    })
}

/// Sends events about a node through hands, and returns what was asked of the server.
async fn sent(
    messages: &[&str],
    answer: impl FnMut(&str, &serde_json::Value) -> Answer + Send + 'static,
) -> Vec<(String, serde_json::Value)> {
    let server = Server::with_nothing(answer);
    let client = server.client.clone();
    let (recorder, task) =
        Recorder::start(client.clone(), Source::program("tester").on("host-1"), noon);
    let hands = Hands::new(client, Cache::new(noon), recorder, "tester");
    let actions = messages.iter().map(|message| event(message)).collect();
    hands.carry_out(&Plan { actions, revisit: None }, |_| {}).await.unwrap();
    drop(hands);
    // It ends when everything has been sent.
    task.await.unwrap();
    server.asked()
}

#[tokio::test]
async fn news_is_told_once_and_counted_then() {
    let asked = sent(&["one", "one", "two"], |_, body| Answer::Json(200, body.clone())).await;
    let [(first, made), (second, counted), (third, other)] = &asked[..] else {
        panic!("{asked:?}")
    };
    let events = "/api/v1/namespaces/default/events";
    assert_eq!(*first, format!("POST {events}?&fieldManager=tester"));
    assert_eq!(made["source"], json!({ "component": "node-controller", "host": "host-1" }));
    assert_eq!(made["involvedObject"]["kind"], "Node");
    let name = made["metadata"]["name"].as_str().unwrap();
    assert_eq!(*second, format!("PATCH {events}/{name}?&fieldManager=tester"));
    assert_eq!(*counted, json!({ "count": 2, "lastTimestamp": "2026-11-26T12:00:00Z" }));
    assert!(third.starts_with("POST"), "{third}");
    assert_eq!(other["message"], "two");
}

#[tokio::test]
async fn an_event_that_the_server_has_forgotten_is_told_anew() {
    let asked = sent(&["one", "one"], |line, body| match line.split(' ').next() {
        Some("PATCH") => refusal(404, "NotFound"),
        _ => Answer::Json(201, body.clone()),
    })
    .await;
    let methods: Vec<&str> = asked.iter().filter_map(|(line, _)| line.split(' ').next()).collect();
    assert_eq!(methods, ["POST", "PATCH", "POST"]);
    assert_ne!(asked[0].1["metadata"]["name"], asked[2].1["metadata"]["name"]);
}

#[tokio::test(start_paused = true)]
async fn an_event_waits_for_a_server_that_is_away_and_not_for_one_that_refuses() {
    let mut attempts = 0;
    let asked = sent(&["one"], move |_, body| {
        attempts += 1;
        if attempts < 4 { Answer::Cut } else { Answer::Json(201, body.clone()) }
    })
    .await;
    assert_eq!(asked.len(), 4);
    assert!(asked.iter().all(|one| *one == asked[0]), "it is the same event each time");
    let asked = sent(&["one", "two"], |_, _| refusal(403, "Forbidden")).await;
    assert_eq!(asked.len(), 2);
}
