//! What follows from an inventory, for each virtual machine.

use std::collections::BTreeMap;

use ferry_api::Labels;
use ferry_api::kubevirt::MigrationConfiguration;
use ferry_config::{CompletionLimit, MigrationMethod, OnTimeout, Semantics};
use ferry_units::{Bytes, CompletionTimeout, ExactSeconds};
use serde::Serialize;

use crate::configuration::EffectiveConfiguration;
use crate::explain::advice;
use crate::explain::inventory::Inventory;
use crate::explain::machine::{Machine, MachineKey};
use crate::explain::size::DiskSize;
use crate::explain::warnings::Warning;
use crate::matching::Subject;
use crate::preference::PolicySet;
use crate::resolve::{Resolution, resolve};

/// What follows for all virtual machines.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// One by one, by namespace and name.
    pub vms: Vec<VmReport>,
    /// What concerns the cluster or a policy rather than one machine. In JSON, each machine's
    /// warnings end with these.
    #[serde(skip)]
    pub warnings: Vec<Warning>,
    /// The semantics that the report was made under.
    #[serde(skip)]
    pub semantics: Semantics,
}

/// What follows for one virtual machine. Its JSON is a contract (`docs/explain.md`).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VmReport {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The policy that applies.
    pub policy: Option<String>,
    /// The settings of a migration that started now.
    pub configuration: MigrationConfiguration,
    /// Where each setting came from: `default`, `cluster` or `policy/NAME`.
    pub origins: BTreeMap<&'static str, String>,
    /// How long a migration may take; `None` where that is not limited, or where the machine's
    /// memory is not known.
    pub completion_timeout_seconds: Option<ExactSeconds>,
    /// What happens then.
    pub on_timeout: OnTimeout,
    /// What became of each policy.
    pub policies: Vec<PolicyReport>,
    /// What a careful colleague would say.
    pub warnings: Vec<Warning>,
    /// The guest's memory, where manifests tell.
    #[serde(skip)]
    pub memory: Option<Bytes>,
    /// How its disks reach the target.
    #[serde(skip)]
    pub method: MigrationMethod,
    /// The disks that move with it.
    #[serde(skip)]
    pub disks: Vec<DiskSize>,
    /// The completion timeout for people; `None` where memory is not known.
    #[serde(skip)]
    pub completion_limit: Option<CompletionLimit>,
}

/// What became of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyReport {
    /// Its name.
    pub name: String,
    /// `applied`, `outranked` or `not-matched`.
    pub verdict: &'static str,
    /// Why.
    pub reason: String,
}

/// What `inventory` means for each virtual machine.
pub fn explain(inventory: &Inventory, semantics: Semantics) -> Report {
    static NO_LABELS: Labels = Labels::new();
    let cluster = inventory.cluster();
    let policies: PolicySet = inventory.policies.values().cloned().collect();
    let resolved: Vec<_> = inventory
        .machines
        .iter()
        .map(|(key, machine)| {
            let namespace_labels = inventory.namespaces.get(&key.namespace);
            let subject = Subject {
                vm_labels: machine.labels(),
                namespace_labels: namespace_labels.unwrap_or(&NO_LABELS),
            };
            (key, machine, resolve(&subject, &policies, &cluster, semantics))
        })
        .collect();
    let resolutions: Vec<_> = resolved.iter().map(|(_, _, resolution)| resolution).collect();
    let cluster_warnings =
        advice::of_cluster(inventory, &cluster, policies.by_name(), &resolutions);
    let vms = resolved
        .iter()
        .map(|(key, machine, resolution)| {
            let mut warnings = advice::of_machine(inventory, key, machine, resolution, semantics);
            warnings.extend(cluster_warnings.iter().cloned());
            vm_report(key, machine, resolution, semantics, warnings)
        })
        .collect();
    Report { vms, warnings: cluster_warnings, semantics }
}

fn vm_report(
    key: &MachineKey,
    machine: &Machine,
    resolution: &Resolution<'_>,
    semantics: Semantics,
    warnings: Vec<Warning>,
) -> VmReport {
    let configuration = &resolution.configuration;
    let settings = configuration.settings();
    let size = machine.size();
    let limit = size.transfer().map(|size| settings.completion_timeout(size, semantics));
    let policies = resolution
        .verdicts
        .iter()
        .map(|verdict| PolicyReport {
            name: verdict.policy.name().to_owned(),
            verdict: verdict.verdict.word(),
            reason: verdict.to_string(),
        })
        .collect();
    VmReport {
        namespace: key.namespace.clone(),
        name: key.name.clone(),
        policy: resolution.applied.map(|policy| policy.name().to_owned()),
        configuration: configuration.to_wire(),
        origins: origins(configuration),
        completion_timeout_seconds: limit.and_then(|limit| match limit.timeout() {
            CompletionTimeout::Never => None,
            CompletionTimeout::After(seconds) => Some(seconds),
        }),
        on_timeout: settings.on_timeout(),
        policies,
        warnings,
        memory: size.memory,
        method: size.method,
        disks: size.disks,
        completion_limit: limit,
    }
}

fn origins(configuration: &EffectiveConfiguration) -> BTreeMap<&'static str, String> {
    configuration.origins().into_iter().map(|(key, origin)| (key, origin.to_string())).collect()
}
