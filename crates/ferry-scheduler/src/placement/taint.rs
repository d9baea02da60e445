//! Taints that keep guests off a node, and the tolerations that let some of them in.

use std::fmt;

use serde::Serialize;

/// The key of the taint that a cordon is: `kubectl cordon` sets `spec.unschedulable`, and who
/// tolerates this taint may ignore it.
pub(crate) const CORDON_KEY: &str = "node.kubernetes.io/unschedulable";

/// What a taint does to guests that do not tolerate it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum TaintEffect {
    /// New guests stay away.
    NoSchedule,
    /// New guests would rather stay away.
    PreferNoSchedule,
    /// New guests stay away, and those that are there leave.
    NoExecute,
}

/// A mark on a node that keeps guests off it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Taint {
    /// Its key.
    pub key: String,
    /// Its value, often empty.
    pub value: String,
    /// What it does.
    pub effect: TaintEffect,
}

/// A guest's consent to taints.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Toleration {
    /// The taints that it covers.
    pub taints: ToleratedTaints,
    /// The effect that it covers; every one where there is none.
    pub effect: Option<TaintEffect>,
}

/// The taints that a toleration covers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ToleratedTaints {
    /// Every one (`operator: Exists` without a key).
    All,
    /// Those with this key (`operator: Exists`).
    WithKey(String),
    /// Those with this key and this value (`operator: Equal`, or none).
    Equal {
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
}

impl Toleration {
    /// Whether it covers `taint`.
    // PARITY: staging/src/k8s.io/api/core/v1/toleration.go#ToleratesTaint
    pub fn covers(&self, taint: &Taint) -> bool {
        let same_taint = match &self.taints {
            ToleratedTaints::All => true,
            ToleratedTaints::WithKey(key) => *key == taint.key,
            ToleratedTaints::Equal { key, value } => *key == taint.key && *value == taint.value,
        };
        same_taint && self.effect.is_none_or(|effect| effect == taint.effect)
    }
}

impl TaintEffect {
    /// Whether guests that do not tolerate it are refused.
    pub(crate) const fn is_hard(self) -> bool {
        match self {
            Self::NoSchedule | Self::NoExecute => true,
            Self::PreferNoSchedule => false,
        }
    }
}

/// Whether one of `tolerations` covers `taint`.
pub(crate) fn is_tolerated(taint: &Taint, tolerations: &[Toleration]) -> bool {
    tolerations.iter().any(|toleration| toleration.covers(taint))
}

/// Whether one of `tolerations` covers the taint that a cordon is.
// PARITY: pkg/scheduler/framework/plugins/nodeunschedulable/node_unschedulable.go#Filter
pub(crate) fn is_cordon_tolerated(tolerations: &[Toleration]) -> bool {
    let (key, value) = (CORDON_KEY.to_owned(), String::new());
    is_tolerated(&Taint { key, value, effect: TaintEffect::NoSchedule }, tolerations)
}

/// Prints as Kubernetes' scheduler does.
impl fmt::Display for Taint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}: {}}}", self.key, self.value)
    }
}
