//! What a cluster is asked in the middle of a story: how an object is, what was told of it, and what
//! virtctl would have it do.

use anyhow::{Context, Result, bail, ensure};
use ferry_api::kubevirt::VirtualMachineInstance;
use ferry_harness::{LIMIT, Output, Testbed, wait_until};
use futures::TryStreamExt;
use k8s_openapi::api::core::v1::Event;
use kube::Api;
use kube::api::ListParams;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, watcher};
use serde_json::{Value, json};

use super::History;

/// The phases of a migration, in their order. The last two are ends.
pub(crate) const PHASES: [&str; 8] = [
    "Pending",
    "Scheduling",
    "Scheduled",
    "PreparingTarget",
    "TargetReady",
    "Running",
    "Succeeded",
    "Failed",
];

/// Runs kubectl, which has to succeed; returns what it printed.
pub(crate) fn kubectl(testbed: &Testbed, arguments: &[&str]) -> Result<String> {
    printed(arguments, testbed.kubectl(arguments)?)
}

/// Runs ferry, which has to succeed; returns what it printed.
pub(crate) fn ferry(testbed: &Testbed, arguments: &[&str]) -> Result<String> {
    printed(arguments, testbed.ferry(arguments)?)
}

fn printed(arguments: &[&str], run: Output) -> Result<String> {
    ensure!(run.code == 0, "{arguments:?} ended with {}: {}{}", run.code, run.stdout, run.stderr);
    Ok(run.stdout)
}

/// Asks the server for something, as virtctl does: `PUT` of a subresource. Returns what it refuses.
pub(crate) async fn put(testbed: &Testbed, path: &str, body: Value) -> Result<(), kube::Error> {
    let path = format!("/apis/subresources.kubevirt.io/v1/namespaces/default/{path}");
    let request = http::Request::put(path)
        .header("content-type", "application/json")
        .body(body.to_string().into_bytes())
        .expect("a path of letters");
    testbed.client().request_text(request).await.map(drop)
}

/// The instance of a machine, if it has one.
pub(crate) async fn instance(
    testbed: &Testbed,
    name: &str,
) -> Result<Option<VirtualMachineInstance>> {
    Ok(Api::default_namespaced(testbed.client()).get_opt(name).await?)
}

/// The node that a machine is on.
pub(crate) async fn node_of(testbed: &Testbed, name: &str) -> Result<String> {
    let instance = instance(testbed, name).await?.context("it has an instance")?;
    instance.status.and_then(|status| status.node_name).context("it is on a node")
}

/// An object as kubectl gives it.
pub(crate) fn object(testbed: &Testbed, what: &str) -> Result<Value> {
    Ok(serde_json::from_str(&kubectl(testbed, &["get", what, "-o", "json"])?)?)
}

/// What was told of an object so far: type, reason and message.
pub(crate) async fn events(
    testbed: &Testbed,
    kind: &str,
    name: &str,
) -> Result<Vec<(String, String, String)>> {
    let events = Api::<Event>::default_namespaced(testbed.client());
    let of_it = format!("involvedObject.kind={kind},involvedObject.name={name}");
    let mut found = events.list(&ListParams::default().fields(&of_it)).await?.items;
    found.sort_by_key(|event| event.first_timestamp.clone());
    Ok(found.into_iter().map(said).collect())
}

fn said(event: Event) -> (String, String, String) {
    let text = Option::unwrap_or_default;
    (text(event.type_), text(event.reason), text(event.message))
}

/// Waits until an event tells this of an object; returns all of its message.
pub(crate) async fn told(
    testbed: &Testbed,
    name: &str,
    reason: &str,
    message: &str,
) -> Result<String> {
    let of_it = format!("involvedObject.name={name},reason={reason}");
    let events = Api::<Event>::default_namespaced(testbed.client());
    let events = watcher(events, watcher::Config::default().fields(&of_it));
    let mut events = Box::pin(events.default_backoff().applied_objects());
    let waiting = async {
        while let Some(event) = events.try_next().await? {
            let (_, _, found) = said(event);
            if found.starts_with(message) {
                return Ok(found);
            }
        }
        bail!("the watch has ended")
    };
    if let Ok(found) = tokio::time::timeout(LIMIT, waiting).await {
        return found;
    }
    let all = Api::<Event>::default_namespaced(testbed.client());
    let all = all.list(&ListParams::default()).await?.items.into_iter();
    let of_it = |event: &Event| event.involved_object.name.as_deref() == Some(name);
    let all: Vec<_> = all.filter(of_it).map(said).collect();
    bail!("nobody says {reason} {message:?} of {name}, but {all:#?}")
}

/// Waits until a line of `kubectl get events` has all of this. Who reports a change writes its event
/// after it, so whoever has seen the change may have to wait for that.
pub(crate) fn listed(testbed: &Testbed, namespace: &str, parts: &[&str]) -> Result<()> {
    let mut shown = String::new();
    let has_all = || {
        shown = testbed.kubectl(["get", "events", "-n", namespace])?.stdout;
        let has_all = |line: &str| parts.iter().all(|part| line.contains(part));
        Ok(shown.lines().any(has_all).then_some(()))
    };
    let found = wait_until("an event", has_all);
    found.with_context(|| format!("no event says {parts:?}:\n{shown}"))
}

/// Checks that no migration has ever gone back in phase, and that none has left its end.
pub(crate) fn never_backwards(history: &History) -> Result<()> {
    let mut last = std::collections::BTreeMap::new();
    for change in history.changes() {
        let uid = change.says("/metadata/uid").as_str().unwrap_or_default().to_owned();
        if change.kind != "VirtualMachineInstanceMigration" || uid.is_empty() {
            continue;
        }
        let phase = change.says("/status/phase").as_str().unwrap_or_default();
        let rank = if phase.is_empty() {
            Some(0)
        } else {
            PHASES.iter().position(|each| *each == phase).map(|place| place + 1)
        };
        let rank = rank.with_context(|| format!("no phase: {phase}"))?;
        let before = last.insert(uid, rank).unwrap_or_default();
        let is_end = |rank: usize| rank + 1 >= PHASES.len();
        ensure!(rank >= before, "from {before} back to {phase}: {change:?}");
        ensure!(!is_end(before) || rank == before, "an end was left: {change:?}");
    }
    Ok(())
}

/// A selector of one node.
pub(crate) fn only(node: &str) -> Value {
    json!({ "kubernetes.io/hostname": node })
}
