//! `hco.kubevirt.io/v1`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::hco::EVICTION_STRATEGIES;
use crate::hco::LiveMigrationConfigurations;
use crate::hco::v1beta1::HyperConvergedStatus;
use crate::object::{Unmodelled, kubernetes_object};
use crate::schema::{Declared, Field, Json};

kubernetes_object! {
    /// The one object that configures the whole platform, in version v1.
    HyperConverged in
        "hco.kubevirt.io", "v1", "hyperconvergeds", NamespaceResourceScope;
    #[serde(default, deserialize_with = "crate::object::null_as_default")]
    spec: HyperConvergedSpec;
    status: HyperConvergedStatus
}

/// What else is configured. Fields that only `v1beta1` has are at the same place here.
const SPEC: &[Field] = &[
    Field("deployment", Json::Section(DEPLOYMENT), "What is installed, and where."),
    Field("localStorageClassName", Json::Text, "Without effect, and only in v1beta1 upstream."),
    Field("networking", Json::Section(NETWORKING), "The networks of machines."),
    Field("nodePlacements", Json::Section(PLACEMENTS), "As in deployment, where it moved to."),
    Field("obsoleteCPUs", Json::Section(OBSOLETE_CPUS), "Only in v1beta1 upstream."),
    Field("security", Json::Section(SECURITY), "Certificates and TLS."),
    Field("storage", Json::Section(STORAGE), "The storage of machines."),
    Field("tektonPipelinesNamespace", Json::Text, "Without effect, and only in v1beta1 upstream."),
    Field("tektonTasksNamespace", Json::Text, "Without effect, and only in v1beta1 upstream."),
    Field("vddkInitImage", Json::Text, "Without effect, and only in v1beta1 upstream."),
    Field("workloadSources", Json::Section(SOURCES), "What machines are made from."),
];

const OBSOLETE_CPUS: &[Field] =
    &[Field("minCPUModel", Json::Text, "Without effect. Deprecated upstream.")];

const DEPLOYMENT: &[Field] = &[
    Field(
        "applicationAwareConfig",
        Json::Section(QUOTAS),
        "Whether and how quotas count machines.",
    ),
    Field("deployNetworkResourcesInjector", Json::Flag, "Whether pods ask for their networks."),
    Field("deployVmConsoleProxy", Json::Flag, "Whether the proxy of consoles is installed."),
    Field("logVerbosityConfig", Json::Object, "How much each component logs."),
    Field("nodePlacements", Json::Section(PLACEMENTS), "Where components and machines run."),
    Field(
        "uninstallStrategy",
        Json::OneOf(&["RemoveWorkloads", "BlockUninstallIfWorkloadsExist"]),
        "What becomes of machines when the platform is removed.",
    ),
];

const QUOTAS: &[Field] = &[
    Field(
        "allowApplicationAwareClusterResourceQuota",
        Json::Flag,
        "Whether quotas span namespaces.",
    ),
    Field("enable", Json::Flag, "Whether quotas count machines."),
    Field("namespaceSelector", Json::Object, "The namespaces that have such quotas."),
    Field("vmiCalcConfigName", Json::Text, "What a machine counts as."),
];

const PLACEMENTS: &[Field] = &[
    Field("infra", Json::Object, "Where components run."),
    Field("workload", Json::Object, "Where machines run."),
];

const NETWORKING: &[Field] = &[
    Field("kubeMacPoolConfiguration", Json::Object, "The range of hardware addresses."),
    Field("kubeSecondaryDNSNameServerIP", Json::Text, "The name server of secondary networks."),
    Field("networkBinding", Json::Object, "Plugins for network interfaces."),
];

const SECURITY: &[Field] = &[
    Field("certConfig", Json::Object, "How long certificates are valid."),
    Field("tlsSecurityProfile", Json::Object, "Versions and ciphers of TLS."),
];

const STORAGE: &[Field] = &[
    Field("filesystemOverhead", Json::Object, "The share of volumes that file systems need."),
    Field("persistentReservationConfiguration", Json::Object, "Whether SCSI reservations work."),
    Field("scratchSpaceStorageClass", Json::Text, "The storage class of scratch space."),
    Field("storageImport", Json::Object, "Where disks may be imported from."),
    Field("storageWorkloads", Json::Object, "As in workloadResourceRequirements, its newer name."),
    Field("vmStateStorageClass", Json::Text, "The storage class of TPMs and firmware."),
    Field("workloadResourceRequirements", Json::Object, "What imports of disks use."),
];

const SOURCES: &[Field] = &[
    Field("commonBootImageNamespace", Json::Text, "The namespace of common boot images."),
    Field("commonInstancetypesDeployment", Json::Object, "Whether common shapes are installed."),
    Field("commonTemplatesNamespace", Json::Text, "The namespace of common templates."),
    Field("dataImportCronTemplates", Json::Objects, "Boot images that are imported regularly."),
    Field("enableCommonBootImageImport", Json::Flag, "Whether common boot images are imported."),
    Field("instancetypeConfig", Json::Object, "How machines refer to shapes and preferences."),
];

/// The configuration of the platform.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = Declared(SPEC))]
pub struct HyperConvergedSpec {
    /// The configuration of virtual machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = {}))]
    pub virtualization: Option<VirtualizationConfig>,
    /// Features that are not as the release has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feature_gates: Option<Vec<FeatureGate>>,
    /// What this crate does not model.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Unmodelled,
}

/// A feature that is enabled or disabled.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FeatureGate {
    /// Its name.
    pub name: String,
    /// Whether it is enabled. Default: Enabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<FeatureState>,
    /// What this crate does not model; kept, and reported by name.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: Unmodelled,
}

/// Whether a feature is enabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum FeatureState {
    /// It is.
    Enabled,
    /// It is not.
    Disabled,
}

/// What else is configured of virtual machines.
const VIRTUALIZATION: &[Field] = &[
    Field("autoCPULimitNamespaceLabelSelector", Json::Object, "Where machines get a limit of CPU."),
    Field("changedBlockTrackingLabelSelectors", Json::Object, "Whose changed blocks are tracked."),
    Field("higherWorkloadDensity", Json::Object, "How much memory is promised."),
    Field("hypervisors", Json::Objects, "The hypervisor that machines run on."),
    Field("ksmConfiguration", Json::Object, "Nodes where equal pages of memory are merged."),
    Field("liveUpdateConfiguration", Json::Object, "How far running machines can grow."),
    Field("mediatedDevicesConfiguration", Json::Object, "Mediated devices that are made on nodes."),
    Field("obsoleteCPUModels", Json::Texts, "Models of CPU that are not used."),
    Field("permittedHostDevices", Json::Object, "Devices of nodes that machines may have."),
    Field("roleAggregationStrategy", Json::Text, "Whether roles are part of the default ones."),
    Field(
        "tuningPolicy",
        Json::OneOf(&["annotation", "highBurst"]),
        "How much components may ask of the cluster.",
    ),
    Field("virtualMachineOptions", Json::Section(OPTIONS), "What all machines have or lack."),
    Field("vmiCPUAllocationRatio", Json::Whole, "How many virtual CPUs share a physical one."),
    Field("workloadUpdateStrategy", Json::Object, "How running machines come to a new version."),
];

const OPTIONS: &[Field] = &[
    Field("defaultCPUModel", Json::Text, "The model of CPU of machines that name none."),
    Field("defaultRuntimeClass", Json::Text, "The runtime class of machines' pods."),
    Field("disableFreePageReporting", Json::Flag, "Whether free memory is not reported."),
    Field("disableSerialConsoleLog", Json::Flag, "Whether serial consoles are not logged."),
];

/// The configuration of virtual machines.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = Declared(VIRTUALIZATION))]
pub struct VirtualizationConfig {
    /// Limits, timeouts and permissions of live migrations.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = {}))]
    pub live_migration_config: Option<LiveMigrationConfigurations>,
    /// What happens to a virtual machine whose node is drained, where the machine does not say:
    /// None, LiveMigrate, LiveMigrateIfPossible or External.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = EVICTION_STRATEGIES))]
    pub eviction_strategy: Option<String>,
    /// What this crate does not model.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Unmodelled,
}
