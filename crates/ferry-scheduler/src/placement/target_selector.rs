//! The labels that a target must have: the VM's own and the migration's, on one list.
//!
//! The machine's labels (CPU model, vendor, features, machine type) stand on the same list, as
//! KubeVirt renders them. They are told apart by their key, because "no node has this CPU model"
//! is a better sentence than "no node has this label".

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::Labels;

/// What KubeVirt's node daemon sets to `true` while it is alive. Every target must have it.
pub(crate) const SCHEDULABLE: &str = "kubevirt.io/schedulable";

/// The value of every label that says yes.
pub(crate) const TRUE: &str = "true";

/// The pairs that a target's labels must contain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetSelector {
    labels: Labels,
    /// With the key of the label that shows it; the value is `true`.
    hardware: BTreeMap<Hardware, String>,
    dropped: Vec<DroppedPair>,
}

/// A pair of a migration's `addedNodeSelector` that does not count, because the VM asks for
/// another value of the same label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct DroppedPair {
    /// The label.
    pub key: String,
    /// The migration's value, which was dropped.
    pub dropped: String,
    /// The VM's value, which counts.
    pub kept: String,
}

/// Something that a guest needs of a machine, from the most basic to the finest: nodes that lack
/// several are told the first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Hardware {
    /// A CPU of this vendor.
    CpuVendor(String),
    /// This CPU model.
    CpuModel(String),
    /// This CPU model for a guest that has the model of the host it started on.
    CpuModelForMigration(String),
    /// This machine type.
    MachineType(String),
    /// This CPU feature.
    CpuFeature(String),
}

impl TargetSelector {
    /// What the VM asks for (`vm`, as it is rendered into its pod) AND what the migration adds.
    /// Where both name a label the VM's value counts, and [`Self::dropped`] tells.
    // PARITY: pkg/virt-controller/watch/migration/migration.go#createTargetPod
    pub fn merge(vm: Labels, added: Labels) -> Self {
        let mut asked = vm;
        asked.insert(SCHEDULABLE.to_owned(), TRUE.to_owned());
        let mut dropped = Vec::new();
        for (key, value) in added {
            match asked.get(&key) {
                None => drop(asked.insert(key, value)),
                Some(kept) if *kept == value => {}
                Some(kept) => dropped.push(DroppedPair { key, dropped: value, kept: kept.clone() }),
            }
        }
        asked.remove(SCHEDULABLE);
        let (mut labels, mut hardware) = (Labels::new(), BTreeMap::new());
        for (key, value) in asked {
            match Hardware::of_label(&key, &value) {
                Some(need) => drop(hardware.insert(need, key)),
                None => drop(labels.insert(key, value)),
            }
        }
        Self { labels, hardware, dropped }
    }

    /// The pairs that are no hardware, without the one that every target must have.
    pub const fn labels(&self) -> &Labels {
        &self.labels
    }

    /// The hardware that is needed.
    pub fn hardware(&self) -> impl Iterator<Item = &Hardware> {
        self.hardware.keys()
    }

    /// The pairs of `addedNodeSelector` that do not count. A pair that the VM asks for as well is
    /// not among them.
    pub fn dropped(&self) -> &[DroppedPair] {
        &self.dropped
    }

    /// The hardware that is needed, each with the key of the label that shows it.
    pub(crate) fn hardware_keys(&self) -> impl Iterator<Item = (&Hardware, &str)> {
        self.hardware.iter().map(|(need, key)| (need, key.as_str()))
    }
}

impl Hardware {
    /// What the label `key`=`value` shows of a machine, if it does.
    pub fn of_label(key: &str, value: &str) -> Option<Self> {
        let (domain, name) = key.split_once('/')?;
        let kind: fn(String) -> Self = match domain {
            "cpu-vendor.node.kubevirt.io" => Self::CpuVendor,
            "cpu-model.node.kubevirt.io" => Self::CpuModel,
            "cpu-model-migration.node.kubevirt.io" => Self::CpuModelForMigration,
            "machine-type.node.kubevirt.io" => Self::MachineType,
            "cpu-feature.node.kubevirt.io" => Self::CpuFeature,
            _ => return None,
        };
        (value == TRUE).then(|| kind(name.to_owned()))
    }
}

impl fmt::Display for Hardware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CpuVendor(vendor) => write!(f, "CPU vendor {vendor}"),
            Self::CpuModel(model) => write!(f, "CPU model {model}"),
            Self::CpuModelForMigration(model) => write!(f, "CPU model {model} for migration"),
            Self::MachineType(machine) => write!(f, "machine type {machine}"),
            Self::CpuFeature(feature) => write!(f, "CPU feature {feature}"),
        }
    }
}
