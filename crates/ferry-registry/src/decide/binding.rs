//! Binding a pod to the node that it will run on.

use ferry_api::Kind;
use serde_json::{Value, json};

use crate::admission::Admission;
use crate::decide::{Job, Owning, finish, update};
use crate::document::{at, meta_text, metadata_mut, section_mut};
use crate::object::Document;
use crate::refusal::Refusal;
use crate::request::{Answer, Decision};

/// Binds the pod at the request's target as `binding` says. That happens once in its life.
// PARITY: pkg/registry/core/pod/storage/storage.go#setPodNodeAndMetadata
pub(super) fn bind<A: Admission>(
    job: &Job<'_, A>,
    binding: &Document,
) -> Result<Decision, Refusal> {
    let target = job.target();
    debug_assert_eq!(job.kind(), Kind::Pod);
    let node = at(binding, "target.name").and_then(Value::as_str).unwrap_or_default();
    let of_kind = at(binding, "target.kind").and_then(Value::as_str).unwrap_or_default();
    if node.is_empty() || !matches!(of_kind, "" | "Node") {
        let message = "binding.target must name a Node".to_owned();
        return Err(Refusal::BadRequest { message });
    }
    let live = job.live()?;
    if live.meta.deleted().is_some() {
        return Err(job.conflict(format!(
            "pod {} is being deleted, cannot be assigned to a host",
            target.name
        )));
    }
    update::check_uid(job, &live.meta.uid, binding)?;
    let revision = meta_text(binding, "resourceVersion");
    if !revision.is_empty() && revision != live.revision.to_string() {
        return Err(job.modified());
    }
    let before = job.read(live);
    let gates = at(&before, "spec.schedulingGates").and_then(Value::as_array);
    if gates.is_some_and(|gates| !gates.is_empty()) {
        let message = format!("pod {} has non-empty .spec.schedulingGates", target.name);
        return Err(job.conflict(message));
    }
    if let Some(bound) = at(&before, "spec.nodeName").and_then(Value::as_str)
        && !bound.is_empty()
    {
        return Err(
            job.conflict(format!("pod {} is already assigned to node {bound:?}", target.name))
        );
    }
    let mut after = before.clone();
    section_mut(&mut after, "spec").insert("nodeName".to_owned(), Value::from(node));
    if let Some(Value::Object(annotations)) = at(binding, "metadata.annotations") {
        let into = section_mut(metadata_mut(&mut after), "annotations");
        into.extend(annotations.clone());
    }
    schedule(&mut after, &job.context.now.to_string());
    let mut decision = finish::finish(job, live, &before, after, Owning::Noted)?;
    decision.answer = Answer::Done;
    Ok(decision)
}

/// Notes that the pod has a node.
fn schedule(pod: &mut Document, now: &str) {
    let condition = json!({
        "type": "PodScheduled",
        "status": "True",
        "lastProbeTime": null,
        "lastTransitionTime": now,
    });
    let status = section_mut(pod, "status");
    let conditions = status.entry("conditions").or_insert_with(|| json!([]));
    if let Some(conditions) = conditions.as_array_mut() {
        conditions.retain(|one| one.get("type").and_then(Value::as_str) != Some("PodScheduled"));
        conditions.push(condition);
    }
}
