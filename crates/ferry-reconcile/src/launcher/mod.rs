//! The pod that a guest runs in, as it is written for the scheduler and the node.
//!
//! There are two occasions to make one: the first start of an instance, and a migration, whose
//! target pod is the same pod once more for another node.

mod obstacle;
mod resources;
mod selector;

use std::collections::BTreeMap;
use std::time::Duration;

use ferry_api::kubevirt::{VirtualMachineInstance, VirtualMachineInstanceMigration};
use k8s_openapi::api::core::v1::{
    Affinity, Container, Node, PersistentVolumeClaimVolumeSource, Pod, PodAffinityTerm,
    PodAntiAffinity, PodSpec, Volume,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use crate::cluster::Cluster;
use crate::objects::{managed_by, name, namespace, set_annotation, set_label, uid};
use crate::pods::COMPUTE;
use crate::{claims, words};

pub(crate) use obstacle::{networks, obstacle};
pub(crate) use resources::vcpus;
pub(crate) use selector::{host_model_is_stuck, unmet_host_model};

/// The image of the guest's container. Nobody pulls it here; it is what people look for.
const IMAGE: &str = "quay.io/kubevirt/virt-launcher";

/// Seconds that a guest gets to shut down if it does not say.
// PARITY: staging/src/kubevirt.io/api/core/v1/defaults.go#DefaultGracePeriodSeconds
const DEFAULT_GRACE: i64 = 30;

/// Seconds that the pod gets on top of its guest's, so that the guest's end can be reported.
// PARITY: pkg/virt-controller/services/template.go#gracePeriodInSeconds
const GRACE_PADDING: i64 = 15;

const HOSTNAME: &str = "kubernetes.io/hostname";

/// Annotations that say how an object was written, and nothing of the guest.
const NOT_COPIED: [&str; 3] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    "kubevirt.io/latest-observed-api-version",
    "kubevirt.io/storage-observed-api-version",
];

/// Why a pod is made.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose<'a> {
    /// The instance starts.
    Start,
    /// The instance moves.
    Target {
        migration: &'a VirtualMachineInstanceMigration,
        /// The pod that it leaves.
        source_pod: Option<&'a Pod>,
        /// The node that it leaves.
        source_node: Option<&'a Node>,
    },
}

/// The name of the pod. It is the same whenever it is made for the same purpose; `is_taken` says
/// which names other pods have.
pub(crate) fn pod_name(
    instance: &VirtualMachineInstance,
    purpose: Purpose<'_>,
    is_taken: impl Fn(&str) -> bool,
) -> String {
    let seed = match purpose {
        Purpose::Start => uid(instance),
        Purpose::Target { migration, .. } => uid(migration),
    };
    words::stable_name(&format!("virt-launcher-{}-", name(instance)), seed, is_taken)
}

/// The pod for an instance.
// PARITY: pkg/virt-controller/services/template.go#RenderLaunchManifest
pub(crate) fn pod(
    instance: &VirtualMachineInstance,
    cluster: &Cluster,
    purpose: Purpose<'_>,
    pod_name: &str,
) -> Pod {
    let mut metadata = metadata(instance);
    metadata.name = Some(pod_name.to_owned());
    if let Purpose::Target { migration, .. } = purpose {
        set_label(&mut metadata, words::MIGRATION_UID, uid(migration));
        set_annotation(&mut metadata, words::MIGRATION_NAME, name(migration));
    }
    let grace = i64::try_from(grace(instance).as_secs()).unwrap_or(i64::MAX);
    Pod {
        metadata,
        spec: Some(PodSpec {
            containers: vec![Container {
                name: COMPUTE.to_owned(),
                image: Some(IMAGE.to_owned()),
                resources: Some(resources::of(instance, cluster)),
                ..Container::default()
            }],
            restart_policy: Some("Never".to_owned()),
            automount_service_account_token: Some(false),
            termination_grace_period_seconds: Some(grace.saturating_add(GRACE_PADDING)),
            node_selector: Some(selector::of(instance, cluster, purpose)),
            affinity: affinity(instance, purpose),
            tolerations: instance.spec.tolerations.clone(),
            volumes: volumes(instance),
            ..PodSpec::default()
        }),
        status: None,
    }
}

/// How long the guest may take to shut down.
pub(crate) fn grace(instance: &VirtualMachineInstance) -> Duration {
    let seconds = instance.spec.termination_grace_period_seconds.unwrap_or(DEFAULT_GRACE);
    Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
}

fn metadata(instance: &VirtualMachineInstance) -> ObjectMeta {
    let own = &instance.metadata;
    let mut metadata = ObjectMeta {
        namespace: Some(namespace(instance).to_owned()),
        labels: own.labels.clone(),
        annotations: own.annotations.clone(),
        owner_references: Some(vec![managed_by(instance)]),
        ..ObjectMeta::default()
    };
    if let Some(annotations) = &mut metadata.annotations {
        annotations.retain(|key, _| !NOT_COPIED.contains(&key.as_str()));
    }
    let id = words::as_label_value(name(instance));
    for (key, value) in [
        (words::APP, words::LAUNCHER),
        (words::CREATED_BY, uid(instance)),
        (words::VM_NAME, &id),
        (words::VMI_ID, &id),
    ] {
        set_label(&mut metadata, key, value);
    }
    for (key, value) in [
        (words::DOMAIN, name(instance)),
        (words::TRANSPORT_UNIX, "true"),
        ("kubectl.kubernetes.io/default-container", COMPUTE),
        ("descheduler.alpha.kubernetes.io/request-evict-only", ""),
    ] {
        set_annotation(&mut metadata, key, value);
    }
    metadata
}

/// The instance's own, and for a target the wish not to be where any other pod of the guest is.
// PARITY: pkg/virt-controller/watch/migration/migration.go#createTargetPod
fn affinity(instance: &VirtualMachineInstance, purpose: Purpose<'_>) -> Option<Affinity> {
    let own = instance.spec.affinity.clone();
    let Purpose::Target { .. } = purpose else { return own };
    let guest = BTreeMap::from([(words::CREATED_BY.to_owned(), uid(instance).to_owned())]);
    let elsewhere = PodAffinityTerm {
        label_selector: Some(LabelSelector {
            match_labels: Some(guest),
            ..LabelSelector::default()
        }),
        topology_key: HOSTNAME.to_owned(),
        ..PodAffinityTerm::default()
    };
    let mut affinity = own.unwrap_or_default();
    let anti = affinity.pod_anti_affinity.get_or_insert_with(PodAntiAffinity::default);
    anti.required_during_scheduling_ignored_during_execution
        .get_or_insert_default()
        .push(elsewhere);
    Some(affinity)
}

/// The claims of the instance, each once.
fn volumes(instance: &VirtualMachineInstance) -> Option<Vec<Volume>> {
    let volumes: Vec<Volume> = claims::of(instance)
        .map(|(volume, claim)| Volume {
            name: volume.to_owned(),
            persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
                claim_name: claim.to_owned(),
                read_only: None,
            }),
            ..Volume::default()
        })
        .collect();
    (!volumes.is_empty()).then_some(volumes)
}
