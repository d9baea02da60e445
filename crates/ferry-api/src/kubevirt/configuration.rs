//! The KubeVirt object: the cluster's configuration, and within it that of migrations.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kubevirt::Condition;
use crate::object::{Unmodelled, kubernetes_object};
use crate::quantity::QuantityText;
use crate::schema::{Declared, Field, Json};

kubernetes_object! {
    /// The installation of KubeVirt and its configuration.
    ///
    /// Where a HyperConverged object manages the cluster, this one is derived from it and edits
    /// here are undone.
    KubeVirt in "kubevirt.io", "v1", "kubevirts", NamespaceResourceScope, also served as "v1alpha3";
    spec: KubeVirtSpec;
    status: KubeVirtStatus
}

/// What else is wanted of an installation.
const SPEC: &[Field] = &[
    Field(
        "certificateRotateStrategy",
        Json::Object,
        "How long certificates are valid, and when they are renewed.",
    ),
    Field("customizeComponents", Json::Object, "Patches and flags of the components."),
    Field("imagePullPolicy", Json::Text, "When images of the components are pulled."),
    Field("imagePullSecrets", Json::Objects, "Secrets that images are pulled with."),
    Field("imageRegistry", Json::Text, "Where images come from."),
    Field("imageTag", Json::Text, "The tag of the images."),
    Field("infra", Json::Object, "How many components there are, and where they run."),
    Field("monitorAccount", Json::Text, "The service account of Prometheus."),
    Field("monitorNamespace", Json::Text, "The namespace of Prometheus."),
    Field("productComponent", Json::Text, "The label that tells the component."),
    Field("productName", Json::Text, "The label that tells the product."),
    Field("productVersion", Json::Text, "The label that tells the version."),
    Field("serviceMonitorNamespace", Json::Text, "Where the service monitor is put."),
    Field(
        "synchronizationPlacement",
        Json::Object,
        "Where the controllers of migrations between clusters run.",
    ),
    Field(
        "synchronizationPort",
        Json::Text,
        "The port of the synchronization service. Default: 9185.",
    ),
    Field("uninstallStrategy", Json::Text, "RemoveWorkloads or BlockUninstallIfWorkloadsExist."),
    Field("workloadUpdateStrategy", Json::Object, "How running machines come to a new version."),
    Field("workloads", Json::Object, "Where machines and what serves them run."),
];

/// What is wanted of the installation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = Declared(SPEC))]
pub struct KubeVirtSpec {
    /// The configuration of the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configuration: Option<KubeVirtConfiguration>,
    /// What this crate does not model.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Unmodelled,
}

/// What else can be configured.
const CONFIGURATION: &[Field] = &[
    Field(
        "additionalGuestMemoryOverheadRatio",
        Json::Text,
        "What the overhead of memory is multiplied with.",
    ),
    Field("apiConfiguration", Json::Object, "How much the API component may ask of the cluster."),
    Field("architectureConfiguration", Json::Object, "Machine types and firmware by architecture."),
    Field(
        "autoCPULimitNamespaceLabelSelector",
        Json::Object,
        "Namespaces whose machines get a limit of CPU.",
    ),
    Field(
        "changedBlockTrackingLabelSelectors",
        Json::OrNull(&Json::Object),
        "Machines whose changed blocks are tracked.",
    ),
    Field(
        "commonInstancetypesDeployment",
        Json::OrNull(&Json::Object),
        "Whether common shapes are installed.",
    ),
    Field(
        "confidentialCompute",
        Json::OrNull(&Json::Object),
        "How confidential machines are attested.",
    ),
    Field(
        "controllerConfiguration",
        Json::Object,
        "How much the controllers may ask of the cluster.",
    ),
    Field("cpuModel", Json::Text, "The model of CPU of machines that name none."),
    Field("cpuRequest", Json::Quantity, "The CPU that is requested for machines that say nothing."),
    Field("defaultRuntimeClass", Json::Text, "The runtime class of machines' pods."),
    Field(
        "emulatedMachines",
        Json::Texts,
        "The types of machine that are allowed. Deprecated upstream.",
    ),
    Field(
        "handlerConfiguration",
        Json::Object,
        "How much the node daemons may ask of the cluster.",
    ),
    Field("hypervisors", Json::Objects, "The hypervisor that machines run on."),
    Field("imagePullPolicy", Json::Text, "When images of machines' pods are pulled."),
    Field(
        "instancetype",
        Json::OrNull(&Json::Object),
        "How machines refer to shapes and preferences.",
    ),
    Field("kubeletRootDir", Json::Text, "Where the kubelets of nodes keep their files."),
    Field("ksmConfiguration", Json::Object, "Nodes where equal pages of memory are merged."),
    Field("liveUpdateConfiguration", Json::Object, "How far running machines can grow."),
    Field("machineType", Json::Text, "The type of machines that name none. Deprecated upstream."),
    Field("mediatedDevicesConfiguration", Json::Object, "Mediated devices that are made on nodes."),
    Field("memBalloonStatsPeriod", Json::Whole, "Seconds between two looks at the memory balloon."),
    Field("minCPUModel", Json::Text, "Without effect. Deprecated upstream."),
    Field("network", Json::Object, "The default network interface, and plugins for others."),
    Field("obsoleteCPUModels", Json::Object, "Models of CPU that are not used."),
    Field("ovmfPath", Json::Text, "Where the firmware is. Deprecated upstream."),
    Field("permittedHostDevices", Json::Object, "Devices of nodes that machines may have."),
    Field(
        "persistentReservationConfiguration",
        Json::OrNull(&Json::Object),
        "Whether SCSI reservations are served.",
    ),
    Field("roleAggregationStrategy", Json::Text, "Whether roles are part of the default ones."),
    Field("seccompConfiguration", Json::Object, "The seccomp profile of machines' pods."),
    Field("selinuxLauncherType", Json::Text, "The SELinux type of machines' pods."),
    Field("smbios", Json::Object, "What machines say of their manufacturer."),
    Field("supportContainerResources", Json::Objects, "What containers beside a machine may use."),
    Field("supportedGuestAgentVersions", Json::Texts, "Without effect. Deprecated upstream."),
    Field("tlsConfiguration", Json::Object, "Versions and ciphers of TLS."),
    Field(
        "virtTemplateDeployment",
        Json::OrNull(&Json::Object),
        "Whether templates of machines are installed.",
    ),
    Field("virtualMachineInstancesPerNode", Json::Whole, "How many machines a node may run."),
    Field("virtualMachineOptions", Json::Object, "What all machines do without."),
    Field(
        "vmRolloutStrategy",
        Json::OrNull(&Json::OneOf(&["Stage", "LiveUpdate"])),
        "How changes reach running machines.",
    ),
    Field("vmStateStorageClass", Json::Text, "The storage class of TPMs and firmware."),
    Field("webhookConfiguration", Json::Object, "How much the webhooks may ask of the cluster."),
];

/// The configuration of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = Declared(CONFIGURATION))]
pub struct KubeVirtConfiguration {
    /// The configuration of live migrations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub migrations: Option<MigrationConfiguration>,
    /// What happens to a virtual machine whose node is drained, where the machine does not say:
    /// None, LiveMigrate, LiveMigrateIfPossible or External. Default: None.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eviction_strategy: Option<String>,
    /// Settings for development and for tuning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub developer_configuration: Option<DeveloperConfiguration>,
    /// What this crate does not model.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Unmodelled,
}

/// What else developers can set.
const DEVELOPER: &[Field] = &[
    Field("clusterProfiler", Json::Flag, "Whether components can be profiled."),
    Field("disabledFeatureGates", Json::Texts, "Feature gates that are closed."),
    Field("diskVerification", Json::Object, "The memory that the check of a disk may use."),
    Field("featureGates", Json::Texts, "Feature gates that are open."),
    Field("logVerbosity", Json::Object, "How much each component logs."),
    Field(
        "minimumClusterTSCFrequency",
        Json::Whole,
        "The lowest frequency of clocks in the cluster.",
    ),
    Field("minimumReservePVCBytes", Json::Whole, "Bytes that are left free on disks."),
    Field(
        "pvcTolerateLessSpaceUpToPercent",
        Json::Whole,
        "How much smaller than asked for a disk may be.",
    ),
    Field("useEmulation", Json::Flag, "Whether machines run without support of the hardware."),
];

/// Settings for development and for tuning.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = Declared(DEVELOPER))]
pub struct DeveloperConfiguration {
    /// How many virtual CPUs share a physical one. Default: 10.
    #[serde(rename = "cpuAllocationRatio", skip_serializing_if = "Option::is_none")]
    pub cpu_allocation_ratio: Option<i64>,
    /// The guest's memory in percent of what is requested from the node. Default: 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_overcommit: Option<i64>,
    /// Labels that a node must have to run any virtual machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_selectors: Option<BTreeMap<String, String>>,
    /// What this crate does not model.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Unmodelled,
}

/// What else can be set for migrations between clusters, which ferry does not do.
const MIGRATIONS: &[Field] = &[
    Field("crossClusterNetwork", Json::Text, "The network between the synchronization services."),
    Field(
        "decentralizedLiveMigrationDatapath",
        Json::Text,
        "How memory goes there: Direct or Proxy.",
    ),
];

/// The configuration of live migrations (`MigrationConfiguration` upstream).
///
/// All fields are optional: a missing one has its default, an explicit `0` or `false` is kept. The
/// same structure, with defaults and a policy's overrides filled in, is stored with each migration
/// as `status.migrationState.migrationConfiguration`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = Declared(MIGRATIONS))]
pub struct MigrationConfiguration {
    /// The key of a taint with effect NoSchedule that makes the cluster empty a node. Default:
    /// kubevirt.io/drain. Deprecated upstream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_drain_taint_key: Option<String>,
    /// How many migrations may run at once away from one node. Default: 2; with 0, none starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallel_outbound_migrations_per_node: Option<u32>,
    /// How many migrations may run at once in the cluster. Default: 5; with 0, none starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallel_migrations_per_cluster: Option<u32>,
    /// Whether the hypervisor may slow the guest's CPUs until the migration converges. Default:
    /// false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_auto_converge: Option<bool>,
    /// Bandwidth of each migration in bytes per second, as a quantity such as 64Mi. Default: 0,
    /// which is unlimited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bandwidth_per_migration: Option<QuantityText>,
    /// Seconds that a migration may take for each GiB that it moves. Default: 150; with 0, it may
    /// take any time.
    #[serde(rename = "completionTimeoutPerGiB", skip_serializing_if = "Option::is_none")]
    pub completion_timeout_per_gib: Option<i64>,
    /// How long a guest may stand still while it changes hosts, in milliseconds, 1 to 2000000.
    /// Known to KubeVirt 1.9 and later.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2_000_000))]
    pub max_downtime_ms: Option<u64>,
    /// Seconds that a migration may go without progress. Default: 150; with 0, any time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress_timeout: Option<i64>,
    /// Seconds that a migration waits for utility volumes to go. Default: 150.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utility_volumes_timeout: Option<i64>,
    /// Whether to migrate even where the hypervisor thinks disks may be damaged. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsafe_migration_override: Option<bool>,
    /// Whether a migration may switch to post-copy. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_post_copy: Option<bool>,
    /// Whether a migration that takes too long may pause the guest, or switch it to post-copy
    /// where that is allowed. Default: the value of allowPostCopy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_workload_disruption: Option<bool>,
    /// Whether memory crosses the network in the clear. Default: false.
    #[serde(rename = "disableTLS", skip_serializing_if = "Option::is_none")]
    pub disable_tls: Option<bool>,
    /// The NetworkAttachmentDefinition whose network memory crosses. Default: the pod network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Whether the target must have the SELinux level of the source. Default: as if true.
    #[serde(rename = "matchSELinuxLevelOnMigration", skip_serializing_if = "Option::is_none")]
    pub match_selinux_level_on_migration: Option<bool>,
    /// What this crate does not model; kept, and reported by name.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: Unmodelled,
}

/// What else is reported of an installation.
const STATUS: &[Field] = &[
    Field("defaultArchitecture", Json::Text, "The architecture of machines that name none."),
    Field("generations", Json::Objects, "The generations of what was installed."),
    Field("observedDeploymentConfig", Json::Text, "What is installed."),
    Field("observedDeploymentID", Json::Text, "A hash of what is installed."),
    Field("observedGeneration", Json::Whole, "The generation that was seen last."),
    Field("observedKubeVirtRegistry", Json::Text, "Where the images came from."),
    Field("observedKubeVirtVersion", Json::Text, "The version that is installed."),
    Field("operatorVersion", Json::Text, "The version of the operator."),
    Field(
        "outdatedVirtualMachineInstanceWorkloads",
        Json::Whole,
        "Machines that run on an older version.",
    ),
    Field(
        "synchronizationAddresses",
        Json::Texts,
        "Where the synchronization service can be reached.",
    ),
    Field("targetDeploymentConfig", Json::Text, "What is being installed."),
    Field("targetDeploymentID", Json::Text, "A hash of what is being installed."),
    Field("targetKubeVirtRegistry", Json::Text, "Where its images come from."),
    Field("targetKubeVirtVersion", Json::Text, "The version that is being installed."),
];

/// What the operator reports of the installation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = Declared(STATUS))]
pub struct KubeVirtStatus {
    /// Where the installation stands: Deploying, Deployed, Deleting, Deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Available, Progressing, Degraded and others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Vec<Condition>>,
    /// What this crate does not model.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Unmodelled,
}
