//! Plans: what is sent, what is seen afterwards, and what a failure means.

use std::sync::{Arc, Mutex};

use expect_test::expect;
use ferry_api::{Kind, View};
use ferry_client::{Cache, Hands, HandsError, Recorder, Selection, Source};
use ferry_reconcile::{Action, Bind, Create, Delete, Grace, Metric, ObjectRef, Part, Patch, Plan};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use crate::server::{Answer, Server, noon, pod, refusal};

fn object(name: &str) -> ObjectRef {
    ObjectRef {
        kind: Kind::Pod,
        namespace: "ns".to_owned(),
        name: name.to_owned(),
        uid: format!("uid-{name}"),
    }
}

fn create(name: &str) -> Action {
    let body = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name } });
    Action::Create(Create { object: ObjectRef { uid: String::new(), ..object(name) }, body })
}

fn patch(name: &str, part: Part) -> Action {
    let merge = json!({ "metadata": { "resourceVersion": "1" }, "status": { "phase": "Running" } });
    Action::Patch(Patch { object: object(name), part, merge })
}

fn delete(name: &str, grace: Grace) -> Action {
    Action::Delete(Delete { object: object(name), grace })
}

fn plan(actions: impl IntoIterator<Item = Action>) -> Plan {
    Plan { actions: actions.into_iter().collect(), revisit: None }
}

/// Hands, and a cache of pods that is filled.
async fn hands(server: &Server) -> (Hands, Cache) {
    let cache = Cache::new(noon);
    cache.follow::<Pod>(&server.client, &Selection::all(), |_, _, _| {});
    cache.filled().await;
    let client = server.client.clone();
    let (recorder, _task) = Recorder::start(client.clone(), Source::program("tester"), noon);
    (Hands::new(client, cache.clone(), recorder, "tester"), cache)
}

fn phase(cache: &Cache, name: &str) -> Option<String> {
    cache.get::<Pod>("ns", name)?.status?.phase
}

#[tokio::test]
async fn each_action_is_a_request_and_its_answer_is_seen() {
    let server = Server::with_nothing(|line, _| {
        let mut answer = pod("a", 2);
        if line.starts_with("PATCH") {
            answer = pod("a", 3);
            answer["status"] = json!({ "phase": "Running" });
        } else if line.contains("binding") {
            answer = json!({ "kind": "Status", "status": "Success" });
        } else if line.starts_with("GET") {
            answer = pod("a", 4);
            answer["spec"] = json!({ "nodeName": "node-1", "containers": [] });
        }
        Answer::Json(200, answer)
    });
    let (hands, cache) = hands(&server).await;
    let mut counted = Vec::new();
    let metric = Metric::OutOfBandModification { component_name: "kubevirt/k".to_owned() };
    let mut carry_out = async |action: Action| {
        hands.carry_out(&plan([action]), |metric| counted.push(metric.clone())).await.unwrap();
    };

    carry_out(create("a")).await;
    assert!(cache.get::<Pod>("ns", "a").is_some());
    carry_out(patch("a", Part::Status)).await;
    assert_eq!(phase(&cache, "a").as_deref(), Some("Running"));
    carry_out(patch("a", Part::Main)).await;
    let bind = Bind { pod: object("a"), node: "node-1".to_owned() };
    carry_out(Action::Bind(bind)).await;
    let node = cache.get::<Pod>("ns", "a").unwrap().spec.unwrap().node_name;
    assert_eq!(node.as_deref(), Some("node-1"));
    carry_out(Action::Metric(metric.clone())).await;
    assert_eq!(counted, [metric]);

    let asked: Vec<String> =
        server.asked().iter().map(|(line, body)| format!("{line}\n  {body}\n")).collect();
    expect![[r#"
        POST /api/v1/namespaces/ns/pods?&fieldManager=tester
          {"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}
        PATCH /api/v1/namespaces/ns/pods/a/status?&fieldManager=tester
          {"metadata":{"resourceVersion":"1"},"status":{"phase":"Running"}}
        PATCH /api/v1/namespaces/ns/pods/a?&fieldManager=tester
          {"metadata":{"resourceVersion":"1"},"status":{"phase":"Running"}}
        POST /api/v1/namespaces/ns/pods/a/binding?&fieldManager=tester
          {"apiVersion":"v1","kind":"Binding","metadata":{"name":"a","namespace":"ns","uid":"uid-a"},"target":{"apiVersion":"v1","kind":"Node","name":"node-1"}}
        GET /api/v1/namespaces/ns/pods/a
          null
    "#]]
    .assert_eq(&asked.concat());
}

#[tokio::test]
async fn what_is_deleted_is_gone_or_leaving_and_stays_so() {
    let server = Server::with_nothing(|line, body| match line.split(' ').next() {
        Some("POST") => Answer::Json(201, pod(body["metadata"]["name"].as_str().unwrap(), 2)),
        _ if line.contains("pods/leaves") => {
            let mut leaving = pod("leaves", 3);
            leaving["metadata"]["deletionTimestamp"] = json!("2026-11-26T12:00:00Z");
            Answer::Json(200, leaving)
        }
        _ if line.contains("pods/unknown") => refusal(404, "NotFound"),
        _ => Answer::Json(200, json!({ "kind": "Status", "status": "Success" })),
    });
    let (hands, cache) = hands(&server).await;
    for (name, grace, remains) in [
        ("leaves", Grace::OfItsOwn, true),
        ("ends", Grace::None, false),
        ("unknown", Grace::None, false),
    ] {
        let plan = plan([create(name), delete(name, grace)]);
        hands.carry_out(&plan, |_| {}).await.unwrap();
        let seen = cache.get::<Pod>("ns", name);
        assert_eq!(seen.is_some(), remains, "{name}");
        assert!(seen.is_none_or(|pod| pod.metadata.deletion_timestamp.is_some()));
    }
    let bodies: Vec<Value> = server
        .asked()
        .into_iter()
        .filter_map(|(line, body)| line.starts_with("DELETE").then_some(body))
        .collect();
    assert_eq!(bodies[0], json!({ "preconditions": { "uid": "uid-leaves" } }));
    assert_eq!(bodies[1]["gracePeriodSeconds"], 0);
}

#[tokio::test]
async fn what_somebody_has_made_before_is_seen_and_no_failure() {
    let server = Server::with_nothing(|line, _| match line.split(' ').next() {
        Some("POST") => refusal(409, "AlreadyExists"),
        _ => Answer::Json(200, pod("a", 2)),
    });
    let (hands, cache) = hands(&server).await;
    hands.carry_out(&plan([create("a")]), |_| {}).await.unwrap();
    assert!(cache.get::<Pod>("ns", "a").is_some());
}

#[tokio::test]
async fn the_first_failure_ends_a_plan_and_says_what_it_means() {
    for (code, reason, expected) in [
        (409, "Conflict", "cannot patch Pod ns/a: it is not as it was seen: it is Conflict"),
        (404, "NotFound", "cannot patch Pod ns/a: it is not as it was seen: it is NotFound"),
        (403, "Forbidden", "cannot patch Pod ns/a: it is Forbidden"),
        (422, "Invalid", "cannot patch Pod ns/a: it is Invalid"),
        (500, "InternalError", "cannot patch Pod ns/a: it is InternalError"),
    ] {
        let server = Server::with_nothing(move |_, _| refusal(code, reason));
        let (hands, _cache) = hands(&server).await;
        let plan = plan([patch("a", Part::Main), create("b")]);
        let error = hands.carry_out(&plan, |_| {}).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(server.asked().len(), 1, "{reason}: nothing is done after it");
    }
}

#[tokio::test]
async fn what_was_not_answered_is_asked_about_before_anything_else() {
    let is_there = Arc::new(Mutex::new(false));
    let server = Server::with_nothing({
        let is_there = Arc::clone(&is_there);
        move |line, _| match line.split(' ').next() {
            // It is done, and the answer is lost.
            Some("POST") => Answer::Cut,
            _ if *is_there.lock().unwrap() => Answer::Json(200, pod("a", 2)),
            _ => Answer::Cut,
        }
    });
    let (hands, cache) = hands(&server).await;
    hands.settle().await.unwrap();
    let error = hands.carry_out(&plan([create("a")]), |_| {}).await.unwrap_err();
    assert!(matches!(error, HandsError::Unanswered { .. }), "{error}");
    assert!(hands.settle().await.is_err(), "nobody answers yet");
    *is_there.lock().unwrap() = true;
    hands.settle().await.unwrap();
    assert!(cache.get::<Pod>("ns", "a").is_some());
    let asked = server.asked().len();
    hands.settle().await.unwrap();
    assert_eq!(server.asked().len(), asked, "there is no doubt left");
}
