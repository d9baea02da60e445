//! Evictions: a pod goes, unless an instance runs in it that is to be migrated first.
//!
//! `kubectl drain` tries again while it is told to wait (429), and finds the pod gone when the
//! instance has moved.

use ferry_api::kubevirt::VirtualMachineInstance;
use ferry_api::{Kind, View};
use ferry_registry::{DeleteOptions, Part, Refusal, Request, Run, User};
use ferry_units::WallTime;
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use crate::actions::{ActionAnswer, EvictionOptions, Outcome, Subject, not_found, requests};
use crate::cluster;
use crate::denial::Webhook;

const WEBHOOK: Webhook = Webhook("virt-launcher-eviction-interceptor.kubevirt.io");

/// What tells a pod's part: that of an instance, or of a volume that was plugged into one.
const APP_LABEL: &str = "kubevirt.io";

/// The instance that a pod runs.
const DOMAIN_ANNOTATION: &str = "kubevirt.io/domain";

const REQUESTED_BY: &str = "requested-by";
const DESCHEDULER: &str = "sigs.k8s.io/descheduler";

pub(super) fn evict(
    subject: &Subject,
    options: &EvictionOptions,
    user: &User,
    view: &impl View,
    now: WallTime,
) -> Outcome {
    let named = options.metadata.as_ref().and_then(|metadata| metadata.name.as_deref());
    if named.is_some_and(|name| !name.is_empty() && name != subject.name) {
        return Outcome::refused(Refusal::BadRequest {
            message: "name in URL does not match name in Eviction object".to_owned(),
        });
    }
    let deletion = options.delete_options.clone().unwrap_or_default();
    let run = match (options.run, deletion.run()) {
        (Run::Real, Run::Real) => Run::Real,
        (Run::Dry, _) | (_, Run::Dry) => Run::Dry,
    };
    let Some(pod) = view.get::<Pod>(&subject.namespace, &subject.name) else {
        return Outcome::refused(not_found(Kind::Pod, &subject.name));
    };
    if let Some(stays) = instead(subject, &pod, options, run, view) {
        return stays;
    }
    let options = DeleteOptions::from(&deletion);
    let told = is_meant(&pod, &options).then(|| disrupt(subject, now, run));
    let delete = requests::delete(user.clone(), Kind::Pod, subject, options, run);
    Outcome::done(ActionAnswer::Evicted, told.into_iter().chain([delete]).collect())
}

/// Whether the pod is the one that is to go. Of one revision of it, it is left to the deletion to
/// say so, which would not find that any more.
fn is_meant(pod: &Pod, options: &DeleteOptions) -> bool {
    options.resource_version.is_none() && (options.uid.is_none() || options.uid == pod.metadata.uid)
}

/// Tells whoever sees the pod go why it does.
// PARITY: pkg/registry/core/pod/storage/eviction.go#addConditionAndDeletePod
fn disrupt(subject: &Subject, now: WallTime, run: Run) -> Request {
    let condition = json!({
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting",
        "lastTransitionTime": now.to_string(),
    });
    let patch = json!({ "status": { "conditions": [condition] } });
    requests::strategic(Kind::Pod, Part::Status, subject, patch, run)
}

/// What happens instead where the pod may not go yet.
// PARITY: pkg/virt-api/webhooks/validating-webhook/admitters/pod-eviction-admitter.go#Admit
fn instead(
    subject: &Subject,
    pod: &Pod,
    options: &EvictionOptions,
    run: Run,
    view: &impl View,
) -> Option<Outcome> {
    if is_part(pod, "hotplug-disk") {
        return hotplug(subject, pod, view);
    }
    if !is_part(pod, "virt-launcher") || is_completed(pod) {
        return None;
    }
    let name = domain(pod)?;
    let Some(instance) = view.get::<VirtualMachineInstance>(&subject.namespace, name) else {
        let missing = not_found(Kind::VirtualMachineInstance, name);
        return Some(stays(format!("kubevirt failed getting the vmi: {missing}")));
    };
    launcher(subject, pod, &instance, options, run, view)
}

// PARITY: pkg/virt-api/webhooks/validating-webhook/admitters/pod-eviction-admitter.go#admitLauncherPod
fn launcher(
    subject: &Subject,
    pod: &Pod,
    instance: &VirtualMachineInstance,
    options: &EvictionOptions,
    run: Run,
    view: &impl View,
) -> Option<Outcome> {
    let name = instance.metadata.name.as_deref().unwrap_or_default();
    let is_migratable = cluster::condition(instance, "LiveMigratable")
        .is_some_and(|condition| condition.status == "True");
    let strategy = instance.spec.eviction_strategy.clone();
    match strategy.unwrap_or_else(|| cluster::eviction_strategy(view)).as_str() {
        "LiveMigrate" if !is_migratable => {
            return Some(stays(format!(
                "VMI {name} is configured with an eviction strategy but is not live-migratable"
            )));
        }
        "LiveMigrate" | "External" => {}
        "LiveMigrateIfPossible" if is_migratable => {}
        _ => return None,
    }
    let status = instance.status.as_ref();
    let is_marked = status
        .and_then(|status| status.evacuation_node_name.as_deref())
        .is_some_and(|node| !node.is_empty());
    let evacuation =
        format!("Eviction triggered evacuation of VMI \"{}/{name}\"", subject.namespace);
    if is_marked {
        return Some(stays(format!("Evacuation in progress: {evacuation}")));
    }
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).unwrap_or_default();
    if status.and_then(|status| status.node_name.as_deref()).unwrap_or_default() != node {
        return Some(stays("Eviction request for target Pod".to_owned()));
    }
    let marked = Subject { namespace: subject.namespace.clone(), name: name.to_owned() };
    Some(Outcome {
        writes: vec![mark(&marked, node, options, run)],
        answer: Err(WEBHOOK.not_now(evacuation)),
    })
}

// PARITY: pkg/virt-api/webhooks/validating-webhook/admitters/pod-eviction-admitter.go#markVMI
fn mark(instance: &Subject, node: &str, options: &EvictionOptions, run: Run) -> Request {
    let mut patch = json!({ "status": { "evacuationNodeName": node } });
    let annotations = options.metadata.as_ref().and_then(|metadata| metadata.annotations.as_ref());
    if annotations
        .and_then(|annotations| annotations.get(REQUESTED_BY))
        .is_some_and(|by| by == DESCHEDULER)
    {
        patch["metadata"] =
            json!({ "annotations": { "kubevirt.io/eviction-source": "descheduler" } });
    }
    requests::merge(Kind::VirtualMachineInstance, Part::Main, instance, patch, run)
}

// PARITY: pkg/virt-api/webhooks/validating-webhook/admitters/pod-eviction-admitter.go#admitHotplugPod
fn hotplug(subject: &Subject, pod: &Pod, view: &impl View) -> Option<Outcome> {
    let [owner] = pod.metadata.owner_references.as_deref().unwrap_or_default() else {
        return None;
    };
    let owner = view.get::<Pod>(&subject.namespace, &owner.name);
    let owner = owner.filter(|pod| is_part(pod, "virt-launcher") && !is_completed(pod))?;
    let name = domain(&owner)?;
    view.get::<VirtualMachineInstance>(&subject.namespace, name)?;
    Some(stays(format!(
        "cannot evict hotplug pod: {} associated with running vmi: {name} in namespace {}",
        subject.name, subject.namespace
    )))
}

fn stays(message: String) -> Outcome {
    Outcome::refused(WEBHOOK.not_now(message))
}

fn is_part(pod: &Pod, part: &str) -> bool {
    let labels = pod.metadata.labels.as_ref();
    labels.and_then(|labels| labels.get(APP_LABEL)).is_some_and(|label| label == part)
}

fn is_completed(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

fn domain(pod: &Pod) -> Option<&str> {
    pod.metadata.annotations.as_ref()?.get(DOMAIN_ANNOTATION).map(String::as_str)
}
