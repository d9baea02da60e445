//! A running virtual machine.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Affinity, Toleration};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kubevirt::{VirtualMachineInstanceStatus, Volume};
use crate::object::{Unmodelled, kubernetes_object, null_as_default};
use crate::quantity::QuantityText;
use crate::schema::{Declared, Field, Json, Required, without_default};

kubernetes_object! {
    /// A running virtual machine. Its status is written on the object itself; there is no status
    /// subresource.
    VirtualMachineInstance in
        "kubevirt.io", "v1", "virtualmachineinstances", NamespaceResourceScope,
        also served as "v1alpha3";
    spec: VirtualMachineInstanceSpec;
    status: VirtualMachineInstanceStatus
}

/// What else an instance says.
const SPEC: &[Field] = &[
    Field("accessCredentials", Json::Objects, "Keys and passwords that are put into the guest."),
    Field("architecture", Json::Text, "The guest's architecture, such as amd64."),
    Field("dnsConfig", Json::Object, "Name servers and search domains."),
    Field("dnsPolicy", Json::Text, "Where names are looked up: ClusterFirst, Default, None."),
    Field("hostname", Json::Text, "The guest's host name. Default: the machine's name."),
    Field("livenessProbe", Json::Object, "How to find out whether the guest is alive."),
    Field("networks", Json::Objects, "The networks that its interfaces are on."),
    Field("priorityClassName", Json::Text, "How important its pod is."),
    Field("readinessProbe", Json::Object, "How to find out whether the guest is ready."),
    Field(
        "resourceClaims",
        Json::Objects,
        "Claims of devices that are allocated before it starts.",
    ),
    Field("schedulerName", Json::Text, "The scheduler that finds its node."),
    Field("serviceAccountName", Json::Text, "The service account that its pod runs under."),
    Field("startStrategy", Json::Text, "Paused, where the guest is to wait for an unpause."),
    Field("subdomain", Json::Text, "The subdomain of its name in the cluster."),
    Field(
        "topologySpreadConstraints",
        Json::Objects,
        "How machines are spread over zones, racks or hosts.",
    ),
    Field("utilityVolumes", Json::Objects, "Volumes for its pod that are no disks of the guest."),
];

/// What the machine is and where it may run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = Declared(SPEC), transform = Required(NEEDED))]
pub struct VirtualMachineInstanceSpec {
    /// The machine's hardware. It is written even where it is empty: a cluster asks for it.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(transform = without_default)]
    pub domain: DomainSpec,
    /// The volumes that its disks use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volumes: Option<Vec<Volume>>,
    /// Labels that its node must have, all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_selector: Option<BTreeMap<String, String>>,
    /// Nodes and other machines that it must, or should, be near or far from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affinity: Option<Affinity>,
    /// Taints of nodes that it puts up with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerations: Option<Vec<Toleration>>,
    /// What happens to it when its node is drained: None, LiveMigrate, LiveMigrateIfPossible or
    /// External. Default: the cluster's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eviction_strategy: Option<String>,
    /// Seconds that the guest is given to shut down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub termination_grace_period_seconds: Option<i64>,
    /// What this crate does not model.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Unmodelled,
}

/// What an instance cannot do without.
const NEEDED: &[&str] = &["domain"];

/// What its hardware cannot do without.
const NEEDED_IN_DOMAIN: &[&str] = &["devices"];

/// What else a machine's hardware has.
const DOMAIN: &[Field] = &[Field("devices", Json::Object, "Disks, interfaces and other devices.")];

/// The machine's hardware.
// PARITY: staging/src/kubevirt.io/api/core/v1/schema.go#DomainSpec: without `omitempty`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = Declared(DOMAIN), transform = Required(NEEDED_IN_DOMAIN))]
pub struct DomainSpec {
    /// Virtual CPUs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Cpu>,
    /// Memory that the guest sees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
    /// What is asked of the node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,
    /// The machine's type, such as q35.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<Machine>,
    /// Disks, interfaces and other devices. They are written even where there are none: a cluster
    /// asks for them.
    #[serde(default, deserialize_with = "null_as_default")]
    pub devices: Unmodelled,
    /// What this crate does not model: firmware, clocks and more.
    #[serde(flatten)]
    pub other: Unmodelled,
}

/// Virtual CPUs: sockets × cores × threads, each one where it is not said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cpu {
    /// Cores of each socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cores: Option<u32>,
    /// Sockets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sockets: Option<u32>,
    /// Threads of each core.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<u32>,
    /// A model such as Haswell, or host-model, or host-passthrough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Whether host CPUs are set apart for the guest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dedicated_cpu_placement: Option<bool>,
    /// What this crate does not model.
    #[serde(flatten)]
    pub other: Unmodelled,
}

/// Memory that the guest sees.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Memory {
    /// How much. Default: what is requested of the node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guest: Option<QuantityText>,
    /// The most that can be plugged in while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_guest: Option<QuantityText>,
    /// Huge pages that back it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hugepages: Option<Hugepages>,
    /// What this crate does not model.
    #[serde(flatten)]
    pub other: Unmodelled,
}

/// Huge pages that back a guest's memory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Hugepages {
    /// The size of one, such as 2Mi.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_size: Option<String>,
    /// What this crate does not model.
    #[serde(flatten)]
    pub other: Unmodelled,
}

/// What is asked of the node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceRequirements {
    /// What the node must have free: cpu, memory and others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<BTreeMap<String, QuantityText>>,
    /// What the machine may use at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<BTreeMap<String, QuantityText>>,
    /// What this crate does not model.
    #[serde(flatten)]
    pub other: Unmodelled,
}

/// The machine's type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// A type of the hypervisor, such as q35 or pc-q35-rhel9.4.0.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<String>,
    /// What this crate does not model.
    #[serde(flatten)]
    pub other: Unmodelled,
}

impl DomainSpec {
    /// What was written about the guest's memory, and in which field: the first of
    /// `memory.guest`, the memory that is requested, the memory that it is limited to, and the
    /// size of a huge page.
    // PARITY: pkg/defaults/defaults.go#setGuestMemory
    pub fn guest_memory(&self) -> Option<(&'static str, QuantityText)> {
        let memory = self.memory.as_ref();
        // Nothing requested is no request.
        let of = |list: Option<&BTreeMap<String, QuantityText>>| {
            let is_some = |text: &&QuantityText| text.parse().is_ok_and(|memory| !memory.is_zero());
            list?.get("memory").filter(is_some).cloned()
        };
        let resources = self.resources.as_ref();
        let guest = memory.and_then(|memory| memory.guest.clone());
        let requested = of(resources.and_then(|resources| resources.requests.as_ref()));
        let limit = of(resources.and_then(|resources| resources.limits.as_ref()));
        let page = memory
            .and_then(|memory| memory.hugepages.as_ref()?.page_size.as_deref())
            .map(QuantityText::from);
        [
            ("domain.memory.guest", guest),
            ("domain.resources.requests.memory", requested),
            ("domain.resources.limits.memory", limit),
            ("domain.memory.hugepages.pageSize", page),
        ]
        .into_iter()
        .find_map(|(field, written)| Some((field, written?)))
    }
}
