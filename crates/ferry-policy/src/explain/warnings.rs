//! What a careful colleague would say about a set of manifests: the warnings as data.

use std::fmt;

use serde::Serialize;

/// Something to look at. It is not an error: the manifests mean what they mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// What it is about, for programs.
    pub code: WarningCode,
    /// What it is about, for people.
    pub message: String,
}

/// What a warning is about. The names are part of the JSON contract (`docs/explain.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WarningCode {
    /// A policy selects none of the machines.
    SelectorMatchesNoVm,
    /// A policy sets nothing.
    PolicyOverridesNothing,
    /// HyperConverged will overwrite what KubeVirt says.
    KubevirtOverwritten,
    /// A limit of 0: no migration ever starts.
    MigrationsNeverStart,
    /// Two policies have as many matching labels.
    PoliciesTie,
    /// The other semantics would choose another policy.
    SemanticsDiffer,
    /// A bandwidth above 0 and below 1 MiB/s.
    BandwidthBelowOneMib,
    /// A bandwidth of less than a byte per second, which is taken for unlimited.
    BandwidthBelowOneByte,
    /// A bandwidth below 0, with which every migration fails.
    NegativeBandwidth,
    /// A timeout below 0, which is over before it starts.
    NegativeTimeout,
    /// Post-copy is allowed and can never start.
    PostCopyWithoutWorkloadDisruption,
    /// A label that policies select by is on the VirtualMachine and not on its template.
    LabelNotOnTemplate,
    /// A policy selects by a label that is only set when a machine runs or moves.
    LabelSetAtRunTime,
    /// The running instance has other labels than the template.
    TemplateNotApplied,
    /// A VirtualMachine in MigrationPolicy's group.
    VmUnderMigrationPolicyGroup,
    /// Policies select by namespace and the namespace is not among the manifests.
    NamespaceNotGiven,
    /// The memory of a machine is not in its manifest.
    MemoryUnknown,
    /// The size of a disk that moves is not in the manifests.
    DiskSizeUnknown,
    /// The instance says that it cannot be migrated.
    NotLiveMigratable,
}

impl WarningCode {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::SelectorMatchesNoVm,
        Self::PolicyOverridesNothing,
        Self::KubevirtOverwritten,
        Self::MigrationsNeverStart,
        Self::PoliciesTie,
        Self::SemanticsDiffer,
        Self::BandwidthBelowOneMib,
        Self::BandwidthBelowOneByte,
        Self::NegativeBandwidth,
        Self::NegativeTimeout,
        Self::PostCopyWithoutWorkloadDisruption,
        Self::LabelNotOnTemplate,
        Self::LabelSetAtRunTime,
        Self::TemplateNotApplied,
        Self::VmUnderMigrationPolicyGroup,
        Self::NamespaceNotGiven,
        Self::MemoryUnknown,
        Self::DiskSizeUnknown,
        Self::NotLiveMigratable,
    ];
}

impl fmt::Display for WarningCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl Warning {
    /// A warning of this kind, in these words.
    pub(super) fn new(code: WarningCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}
