//! What a careful colleague would say of the cluster, of policies, settings and sizes.

use std::collections::BTreeSet;

use ferry_config::{Bandwidth, MigrationMethod, Semantics};
use ferry_units::BytesPerSecond;

use crate::configuration::EffectiveConfiguration;
use crate::explain::inventory::Inventory;
use crate::explain::label_advice::about_labels;
use crate::explain::machine::{Machine, MachineKey};
use crate::explain::warnings::{Warning, WarningCode};
use crate::matching::{LabelOwner, Mismatch};
use crate::policy::Policy;
use crate::resolve::{Resolution, Verdict};

/// Labels that the cluster sets on an instance when it starts and when it is about to move
/// (KubeVirt `staging/src/kubevirt.io/api/core/v1/types.go`, `NodeNameLabel`,
/// `MigrationTargetNodeNameLabel`).
const RUN_TIME_LABELS: [&str; 2] = ["kubevirt.io/nodeName", "kubevirt.io/migrationTargetNodeName"];

/// Warnings about the cluster and its policies.
pub(super) fn of_cluster(
    inventory: &Inventory,
    cluster: &EffectiveConfiguration,
    policies: &[Policy],
    resolutions: &[&Resolution<'_>],
) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if let Some(name) = inventory.overwritten_kubevirt() {
        warnings.push(Warning::new(
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
            warnings.push(Warning::new(WarningCode::MigrationsNeverStart, message));
        }
    }
    let matching = matching(resolutions);
    for policy in policies {
        if !matching.contains(policy.name()) && !inventory.machines.is_empty() {
            let message = format!("policy {} selects none of the VMs given", policy.name());
            warnings.push(Warning::new(WarningCode::SelectorMatchesNoVm, message));
        }
        if policy.overrides_nothing() {
            let message = format!(
                "policy {} sets nothing: a VM that it applies to has the cluster's settings",
                policy.name()
            );
            warnings.push(Warning::new(WarningCode::PolicyOverridesNothing, message));
        }
    }
    warnings
}

/// The names of the policies that match at least one machine.
fn matching<'a>(resolutions: &[&'a Resolution<'_>]) -> BTreeSet<&'a str> {
    let verdicts = resolutions.iter().flat_map(|resolution| &resolution.verdicts);
    verdicts
        .filter(|verdict| !matches!(verdict.verdict, Verdict::NotMatched(_)))
        .map(|verdict| verdict.policy.name())
        .collect()
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
        warnings.push(Warning::new(WarningCode::NotLiveMigratable, message));
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
            "policies {} and {} {}; give one of them another label to make the choice yours",
            applied.policy.name(),
            tied.join(", "),
            match over.score.total() {
                0 => "both select everything".to_owned(),
                1 => "tie at 1 matching label".to_owned(),
                labels => format!("tie at {labels} matching labels"),
            },
        );
        warnings.push(Warning::new(WarningCode::PoliciesTie, message));
    }
    for verdict in &resolution.verdicts {
        if let Verdict::NotMatched(Mismatch { of: LabelOwner::Vm, key, found: None, .. }) =
            &verdict.verdict
            && RUN_TIME_LABELS.contains(key)
        {
            let message = format!(
                "policy {} selects by {key}, which the cluster sets when a VM runs or moves: \
                 whether it applies is only known then",
                verdict.policy.name()
            );
            warnings.push(Warning::new(WarningCode::LabelSetAtRunTime, message));
        }
    }
    if let (Some(applied), Some(other)) = (resolution.applied, resolution.under_other_semantics) {
        let message = format!(
            "under {semantics} semantics policy {} applies, under {} it would be {}",
            applied.name(),
            semantics.other(),
            other.name(),
        );
        warnings.push(Warning::new(WarningCode::SemanticsDiffer, message));
    }
}

fn about_settings(configuration: &EffectiveConfiguration, warnings: &mut Vec<Warning>) {
    let bandwidth = &configuration.bandwidth_per_migration;
    let quantity = bandwidth.value.quantity();
    let one_mib = ferry_api::Quantity::from(1_u64 << 20);
    match bandwidth.value.limit() {
        Bandwidth::Unlimited if !quantity.is_zero() => warnings.push(Warning::new(
            WarningCode::BandwidthBelowOneByte,
            format!(
                "bandwidthPerMigration {quantity} ({}) is less than a byte per second, which the \
                 hypervisor takes for unlimited",
                bandwidth.origin
            ),
        )),
        Bandwidth::AtMost(rate) if rate == BytesPerSecond::from_mib(1) && quantity < one_mib => {
            warnings.push(Warning::new(
                WarningCode::BandwidthBelowOneMib,
                format!(
                    "bandwidthPerMigration {quantity} ({}) is under 1 MiB/s: the hypervisor is \
                     given 1 MiB/s, at which a GiB takes 17 minutes",
                    bandwidth.origin
                ),
            ));
        }
        Bandwidth::BelowZero => warnings.push(Warning::new(
            WarningCode::NegativeBandwidth,
            format!(
                "bandwidthPerMigration {quantity} ({}) is negative: every migration fails",
                bandwidth.origin
            ),
        )),
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
            warnings.push(Warning::new(WarningCode::NegativeTimeout, message));
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
        warnings.push(Warning::new(WarningCode::PostCopyWithoutWorkloadDisruption, message));
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
        warnings.push(Warning::new(WarningCode::MemoryUnknown, message));
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
        warnings.push(Warning::new(WarningCode::DiskSizeUnknown, message));
    }
}
