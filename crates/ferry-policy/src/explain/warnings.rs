//! What a careful colleague would say about a set of manifests.

use std::fmt;

use ferry_api::Filing;
use ferry_config::{Bandwidth, MigrationMethod, Semantics};
use ferry_units::BytesPerSecond;
use serde::Serialize;

use crate::configuration::EffectiveConfiguration;
use crate::explain::inventory::Inventory;
use crate::explain::machine::{Machine, MachineKey};
use crate::policy::Policy;
use crate::resolve::{Resolution, Verdict};

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
    /// A timeout below 0, which is over before it starts.
    NegativeTimeout,
    /// Post-copy is allowed and can never start.
    PostCopyWithoutWorkloadDisruption,
    /// A label that policies select by is on the VirtualMachine and not on its template.
    LabelNotOnTemplate,
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
    pub const ALL: [Self; 17] = [
        Self::SelectorMatchesNoVm,
        Self::PolicyOverridesNothing,
        Self::KubevirtOverwritten,
        Self::MigrationsNeverStart,
        Self::PoliciesTie,
        Self::SemanticsDiffer,
        Self::BandwidthBelowOneMib,
        Self::BandwidthBelowOneByte,
        Self::NegativeTimeout,
        Self::PostCopyWithoutWorkloadDisruption,
        Self::LabelNotOnTemplate,
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

fn warning(code: WarningCode, message: impl Into<String>) -> Warning {
    Warning { code, message: message.into() }
}

/// Warnings about the cluster and its policies.
pub(super) fn of_cluster(
    inventory: &Inventory,
    cluster: &EffectiveConfiguration,
    policies: &[Policy],
    resolutions: &[&Resolution<'_>],
) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if let Some(name) = inventory.overwritten_kubevirt() {
        warnings.push(warning(
            WarningCode::KubevirtOverwritten,
            format!(
                "KubeVirt {name} differs from HyperConverged, which overwrites it; \
                 HyperConverged's settings are used"
            ),
        ));
    }
    let limits = cluster.limits();
    for (key, limit) in [
        ("parallelMigrationsPerCluster", limits.parallel_per_cluster),
        ("parallelOutboundMigrationsPerNode", limits.parallel_outbound_per_node),
    ] {
        if limit == 0 {
            let message = format!("{key} is 0: no migration ever starts");
            warnings.push(warning(WarningCode::MigrationsNeverStart, message));
        }
    }
    for policy in policies {
        let matches = resolutions.iter().any(|resolution| selects(resolution, policy));
        if !matches && !inventory.machines.is_empty() {
            let message = format!("policy {} selects none of the VMs given", policy.name());
            warnings.push(warning(WarningCode::SelectorMatchesNoVm, message));
        }
        if policy.overrides_nothing() {
            let message = format!(
                "policy {} sets nothing: a VM that it applies to has the cluster's settings",
                policy.name()
            );
            warnings.push(warning(WarningCode::PolicyOverridesNothing, message));
        }
    }
    warnings
}

fn selects(resolution: &Resolution<'_>, policy: &Policy) -> bool {
    resolution.verdicts.iter().any(|verdict| {
        verdict.policy.name() == policy.name() && !matches!(verdict.verdict, Verdict::NotMatched(_))
    })
}

/// Warnings about one machine.
pub(super) fn of_machine(
    inventory: &Inventory,
    key: &MachineKey,
    machine: &Machine,
    resolution: &Resolution<'_>,
    semantics: Semantics,
) -> Vec<Warning> {
    let mut warnings = Vec::new();
    about_policies(resolution, semantics, &mut warnings);
    about_settings(&resolution.configuration, &mut warnings);
    about_labels(inventory, key, machine, &mut warnings);
    about_size(machine, &mut warnings);
    if let Some(reason) = machine.instance().and_then(|instance| instance.not_migratable.as_ref()) {
        let message = format!("the instance cannot be live-migrated: {reason}");
        warnings.push(warning(WarningCode::NotLiveMigratable, message));
    }
    warnings
}

fn about_policies(resolution: &Resolution<'_>, semantics: Semantics, warnings: &mut Vec<Warning>) {
    if let Some(applied) = resolution.verdicts.first()
        && let Verdict::Applied { over: Some(over), .. } = &applied.verdict
        && over.criterion.is_tie()
    {
        let tied: Vec<_> = resolution
            .verdicts
            .iter()
            .filter_map(|verdict| match &verdict.verdict {
                Verdict::Outranked { by, .. } if by.criterion.is_tie() => {
                    Some(verdict.policy.name())
                }
                Verdict::Applied { .. } | Verdict::Outranked { .. } | Verdict::NotMatched(_) => {
                    None
                }
            })
            .collect();
        let message = format!(
            "policies {} and {} tie at {}; give one of them another label to make the choice yours",
            applied.policy.name(),
            tied.join(", "),
            match over.score.total() {
                1 => "1 matching label".to_owned(),
                labels => format!("{labels} matching labels"),
            },
        );
        warnings.push(warning(WarningCode::PoliciesTie, message));
    }
    if let (Some(applied), Some(other)) = (resolution.applied, resolution.under_other_semantics) {
        let message = format!(
            "under {semantics} semantics policy {} applies, under {} it would be {}",
            applied.name(),
            semantics.other(),
            other.name(),
        );
        warnings.push(warning(WarningCode::SemanticsDiffer, message));
    }
}

fn about_settings(configuration: &EffectiveConfiguration, warnings: &mut Vec<Warning>) {
    let bandwidth = &configuration.bandwidth_per_migration;
    let quantity = bandwidth.value.quantity();
    let one_mib = ferry_api::Quantity::from(1_u64 << 20);
    match bandwidth.value.limit() {
        Bandwidth::Unlimited if !quantity.is_zero() => warnings.push(warning(
            WarningCode::BandwidthBelowOneByte,
            format!(
                "bandwidthPerMigration {quantity} ({}) is less than a byte per second, which the \
                 hypervisor takes for unlimited",
                bandwidth.origin
            ),
        )),
        Bandwidth::AtMost(rate) if rate == BytesPerSecond::from_mib(1) && quantity < one_mib => {
            warnings.push(warning(
                WarningCode::BandwidthBelowOneMib,
                format!(
                    "bandwidthPerMigration {quantity} ({}) is under 1 MiB/s: the hypervisor is \
                     given 1 MiB/s, at which a GiB takes 17 minutes",
                    bandwidth.origin
                ),
            ));
        }
        Bandwidth::Unlimited | Bandwidth::AtMost(_) => {}
    }
    for (key, seconds, origin) in [
        (
            "completionTimeoutPerGiB",
            configuration.completion_timeout_per_gib.value.get(),
            &configuration.completion_timeout_per_gib.origin,
        ),
        (
            "progressTimeout",
            configuration.progress_timeout.value,
            &configuration.progress_timeout.origin,
        ),
    ] {
        if seconds < 0 {
            let message = format!(
                "{key} {seconds} ({origin}) is negative: it is over as soon as memory moves"
            );
            warnings.push(warning(WarningCode::NegativeTimeout, message));
        }
    }
    let (post_copy, disruption) =
        (&configuration.allow_post_copy, &configuration.allow_workload_disruption);
    if post_copy.value && !disruption.value {
        let message = format!(
            "allowPostCopy is true ({}) and allowWorkloadDisruption false ({}): post-copy never \
             starts, and a migration that takes too long is aborted",
            post_copy.origin, disruption.origin
        );
        warnings.push(warning(WarningCode::PostCopyWithoutWorkloadDisruption, message));
    }
}

fn about_labels(
    inventory: &Inventory,
    key: &MachineKey,
    machine: &Machine,
    warnings: &mut Vec<Warning>,
) {
    let policies = inventory.policies.values();
    let selected_by = |label: &str| {
        policies.clone().find(|policy| policy.vm_selector().contains_key(label)).map(Policy::name)
    };
    if let Some(definition) = machine.definition() {
        for label in definition.own_labels.keys() {
            if let (None, Some(policy)) =
                (definition.template_labels.get(label), selected_by(label))
            {
                let message = format!(
                    "label {label} is on the VirtualMachine and not on its template, where policy \
                     {policy} looks for it: put it under spec.template.metadata.labels"
                );
                warnings.push(warning(WarningCode::LabelNotOnTemplate, message));
            }
        }
        match definition.filing {
            Filing::Right => {}
            Filing::VirtualMachineAsPolicyGroup => warnings.push(warning(
                WarningCode::VmUnderMigrationPolicyGroup,
                "apiVersion migrations.kubevirt.io/v1alpha1 belongs to MigrationPolicy and was \
                 read as kubevirt.io/v1; a cluster would refuse it",
            )),
        }
    }
    if let (Some(definition), Some(instance)) = (machine.definition(), machine.instance()) {
        let changed: Vec<_> = definition
            .template_labels
            .keys()
            .chain(instance.labels.keys())
            .filter(|label| selected_by(label).is_some())
            .filter(|label| definition.template_labels.get(*label) != instance.labels.get(*label))
            .map(String::as_str)
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect();
        if !changed.is_empty() {
            let message = format!(
                "the running instance differs from the template in {}; the template's labels \
                 count after a restart",
                changed.join(", ")
            );
            warnings.push(warning(WarningCode::TemplateNotApplied, message));
        }
    }
    let by_namespace = policies.clone().find(|policy| !policy.namespace_selector().is_empty());
    if let (Some(policy), false) = (by_namespace, inventory.namespaces.contains_key(&key.namespace))
    {
        let message = format!(
            "namespace {} is not among the manifests and counts as having no labels, which policy \
             {} looks at",
            key.namespace,
            policy.name()
        );
        warnings.push(warning(WarningCode::NamespaceNotGiven, message));
    }
}

fn about_size(machine: &Machine, warnings: &mut Vec<Warning>) {
    let size = machine.size();
    if size.memory.is_none() {
        let instancetype = machine.definition().and_then(|vm| vm.instancetype.as_deref());
        let message = match instancetype {
            Some(name) => format!(
                "memory comes from instance type {name}, which is not read: the completion \
                 timeout is not known"
            ),
            None => "the manifest names no memory: the completion timeout is not known".to_owned(),
        };
        warnings.push(warning(WarningCode::MemoryUnknown, message));
    }
    let unknown: Vec<_> = size
        .disks
        .iter()
        .filter(|disk| disk.size.is_none())
        .map(|disk| disk.volume.as_str())
        .collect();
    if size.method == MigrationMethod::BlockMigration && !unknown.is_empty() {
        let message = format!(
            "BlockMigration: manifests do not tell what the guest has written to {}; the completion \
             timeout grows with it",
            unknown.join(", ")
        );
        warnings.push(warning(WarningCode::DiskSizeUnknown, message));
    }
}
