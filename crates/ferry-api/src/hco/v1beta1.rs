//! `hco.kubevirt.io/v1beta1`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::hco::EVICTION_STRATEGIES;
use crate::hco::LiveMigrationConfigurations;
use crate::kubevirt::Condition;
use crate::object::{Unmodelled, kubernetes_object};
use crate::schema::{Declared, Field, Json};

kubernetes_object! {
    /// The one object that configures the whole platform, in version v1beta1.
    HyperConverged in
        "hco.kubevirt.io", "v1beta1", "hyperconvergeds", NamespaceResourceScope;
    #[serde(default, deserialize_with = "crate::object::null_as_default")]
    spec: HyperConvergedSpec;
    status: HyperConvergedStatus
}

/// What else is configured. Where `v1` has nothing of the kind, the field is at the same place
/// there, so that nothing is lost on the way through the other version; and the other way round.
const SPEC: &[Field] = &[
    Field("CommonInstancetypesDeployment", Json::Object, "Whether common shapes are installed."),
    Field("applicationAwareConfig", Json::Section(QUOTAS), "How quotas count machines."),
    Field("certConfig", Json::Object, "How long certificates are valid."),
    Field("commonBootImageNamespace", Json::Text, "The namespace of common boot images."),
    Field("commonTemplatesNamespace", Json::Text, "The namespace of common templates."),
    Field("dataImportCronTemplates", Json::Objects, "Boot images that are imported regularly."),
    Field("defaultCPUModel", Json::Text, "The model of CPU of machines that name none."),
    Field("defaultRuntimeClass", Json::Text, "The runtime class of machines' pods."),
    Field("deployVmConsoleProxy", Json::Flag, "Whether the proxy of consoles is installed."),
    Field("deployment", Json::Section(DEPLOYMENT), "What only v1 has of the installation."),
    Field("enableApplicationAwareQuota", Json::Flag, "Whether quotas count machines."),
    Field("enableCommonBootImageImport", Json::Flag, "Whether common boot images are imported."),
    Field("filesystemOverhead", Json::Object, "The share of volumes that file systems need."),
    Field("higherWorkloadDensity", Json::Object, "How much memory is promised."),
    Field("hypervisors", Json::Objects, "The hypervisor that machines run on."),
    Field("infra", Json::Section(PLACEMENT), "Where components run."),
    Field("instancetypeConfig", Json::Object, "How machines refer to shapes and preferences."),
    Field("ksmConfiguration", Json::Object, "Nodes where equal pages of memory are merged."),
    Field("kubeMacPoolConfiguration", Json::Object, "The range of hardware addresses."),
    Field("kubeSecondaryDNSNameServerIP", Json::Text, "The name server of secondary networks."),
    Field("liveUpdateConfiguration", Json::Object, "How far running machines can grow."),
    Field("localStorageClassName", Json::Text, "Without effect. Deprecated upstream."),
    Field("logVerbosityConfig", Json::Object, "How much each component logs."),
    Field("mediatedDevicesConfiguration", Json::Object, "Mediated devices that are made on nodes."),
    Field("networkBinding", Json::Object, "Plugins for network interfaces."),
    Field("obsoleteCPUs", Json::Section(OBSOLETE_CPUS), "Models of CPU that are not used."),
    Field("permittedHostDevices", Json::Object, "Devices of nodes that machines may have."),
    Field("resourceRequirements", Json::Section(RESOURCES), "What components and machines use."),
    Field("roleAggregationStrategy", Json::Text, "Whether roles are part of the default ones."),
    Field("scratchSpaceStorageClass", Json::Text, "The storage class of scratch space."),
    Field("storage", Json::Section(STORAGE), "What only v1 has of storage."),
    Field("storageImport", Json::Object, "Where disks may be imported from."),
    Field("tektonPipelinesNamespace", Json::Text, "Without effect. Deprecated upstream."),
    Field("tektonTasksNamespace", Json::Text, "Without effect. Deprecated upstream."),
    Field("tlsSecurityProfile", Json::Object, "Versions and ciphers of TLS."),
    Field(
        "tuningPolicy",
        Json::OneOf(&["annotation", "highBurst"]),
        "How much components may ask of the cluster.",
    ),
    Field(
        "uninstallStrategy",
        Json::OneOf(&["RemoveWorkloads", "BlockUninstallIfWorkloadsExist"]),
        "What becomes of machines when the platform is removed.",
    ),
    Field("vddkInitImage", Json::Text, "Without effect. Deprecated upstream."),
    Field("virtualMachineOptions", Json::Section(OPTIONS), "What all machines do without."),
    Field("virtualization", Json::Section(VIRTUALIZATION), "What only v1 has of machines."),
    Field("vmStateStorageClass", Json::Text, "The storage class of TPMs and firmware."),
    Field("workloadUpdateStrategy", Json::Object, "How running machines come to a new version."),
    Field("workloads", Json::Section(PLACEMENT), "Where machines run."),
];

const PLACEMENT: &[Field] =
    &[Field("nodePlacement", Json::Object, "The nodes: labels, affinity, tolerations.")];

const QUOTAS: &[Field] = &[
    Field(
        "allowApplicationAwareClusterResourceQuota",
        Json::Flag,
        "Whether quotas span namespaces.",
    ),
    Field("namespaceSelector", Json::Object, "The namespaces that have such quotas."),
    Field("vmiCalcConfigName", Json::Text, "What a machine counts as."),
];

const OBSOLETE_CPUS: &[Field] = &[
    Field("cpuModels", Json::Texts, "The models."),
    Field("minCPUModel", Json::Text, "Without effect. Deprecated upstream."),
];

const RESOURCES: &[Field] = &[
    Field("autoCPULimitNamespaceLabelSelector", Json::Object, "Where machines get a limit of CPU."),
    Field("storageWorkloads", Json::Object, "What imports of disks use."),
    Field("vmiCPUAllocationRatio", Json::Whole, "How many virtual CPUs share a physical one."),
];

const OPTIONS: &[Field] = &[
    Field("disableFreePageReporting", Json::Flag, "Whether free memory is not reported."),
    Field("disableSerialConsoleLog", Json::Flag, "Whether serial consoles are not logged."),
];

/// Sections of `v1`, with the fields that have no place of their own in this version.
const DEPLOYMENT: &[Field] =
    &[Field("deployNetworkResourcesInjector", Json::Flag, "Whether pods ask for their networks.")];

const STORAGE: &[Field] =
    &[Field("persistentReservationConfiguration", Json::Object, "Whether SCSI reservations work.")];

const VIRTUALIZATION: &[Field] = &[Field(
    "changedBlockTrackingLabelSelectors",
    Json::Object,
    "Whose changed blocks are tracked.",
)];

/// The configuration of the platform.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = Declared(SPEC))]
pub struct HyperConvergedSpec {
    /// Limits, timeouts and permissions of live migrations.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = {}))]
    pub live_migration_config: Option<LiveMigrationConfigurations>,
    /// What happens to a virtual machine whose node is drained, where the machine does not say:
    /// None, LiveMigrate, LiveMigrateIfPossible or External.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = EVICTION_STRATEGIES))]
    pub eviction_strategy: Option<String>,
    /// Features by name, and whether they are enabled. Which ones there are is up to the release,
    /// and no part of this schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = {}))]
    pub feature_gates: Option<BTreeMap<String, bool>>,
    /// What this crate does not model.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Unmodelled,
}

/// What else is reported of the platform.
const STATUS: &[Field] = &[
    Field("dataImportCronTemplates", Json::Objects, "Boot images, and how their imports went."),
    Field("dataImportSchedule", Json::Text, "When common boot images are imported."),
    Field("infrastructureHighlyAvailable", Json::Flag, "Whether there is more than one node."),
    Field("nodeInfo", Json::Object, "The architectures of nodes."),
    Field("observedGeneration", Json::Whole, "The generation that was seen last."),
    Field("relatedObjects", Json::Objects, "What was made from this object."),
    Field("systemHealthStatus", Json::Text, "How the platform is: healthy, warning or error."),
    Field("versions", Json::Objects, "The versions of its components."),
];

const CONDITION: &[Field] =
    &[Field("observedGeneration", Json::Whole, "The generation that it was said of.")];

/// What the operator reports of the platform.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = Declared(STATUS))]
pub struct HyperConvergedStatus {
    /// Available, Progressing, Degraded, TaintedConfiguration and others.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(transform = Declared(CONDITION))]
    pub conditions: Option<Vec<Condition>>,
    /// What this crate does not model.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Unmodelled,
}
