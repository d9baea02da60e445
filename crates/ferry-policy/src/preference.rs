//! Which of two policies is preferred.
//!
//! Among the policies that match, the one with the most matching labels wins. What breaks a tie is
//! where the documentation and the code of KubeVirt part:
//!
//! | | documented | kubevirt |
//! |---|---|---|
//! | first | the alphabetically first list of matching label keys | more labels of the VM |
//! | then | the first name | the first name |
//!
//! A policy that matches has all its labels matched, so which of two is preferred does not depend
//! on the virtual machine: it is settled once for a set of policies.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use ferry_config::Semantics;

use crate::policy::Policy;

/// Policies, told apart by name, in their order of preference.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PolicySet {
    by_name: Vec<Policy>,
    /// Positions in `by_name`, the preferred one first.
    documented: Vec<usize>,
    kubevirt: Vec<usize>,
}

/// What decides between two policies that match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Criterion {
    /// The number of matching labels.
    MatchingLabels,
    /// A tie: the alphabetical order of the sorted label keys.
    LabelKeys,
    /// A tie: the number of matching labels of the VM.
    VmLabels,
    /// A tie all the way: the name, byte by byte.
    Name,
}

impl Criterion {
    /// Whether the two had equally many matching labels.
    pub const fn is_tie(self) -> bool {
        match self {
            Self::MatchingLabels => false,
            Self::LabelKeys | Self::VmLabels | Self::Name => true,
        }
    }
}

impl PolicySet {
    /// All policies by name.
    pub fn by_name(&self) -> &[Policy] {
        &self.by_name
    }

    /// Positions in [`PolicySet::by_name`], the preferred one first.
    pub(crate) fn preference(&self, semantics: Semantics) -> &[usize] {
        match semantics {
            Semantics::Documented => &self.documented,
            Semantics::KubeVirt => &self.kubevirt,
        }
    }
}

/// Of several policies of one name, the last one counts.
impl FromIterator<Policy> for PolicySet {
    fn from_iter<I: IntoIterator<Item = Policy>>(policies: I) -> Self {
        let by_name: BTreeMap<_, _> =
            policies.into_iter().map(|policy| (policy.name().to_owned(), policy)).collect();
        let by_name: Vec<_> = by_name.into_values().collect();
        let order = |semantics| {
            let mut order: Vec<_> = (0..by_name.len()).collect();
            order.sort_by(|&a, &b| compare(&by_name[a], &by_name[b], semantics).0);
            order
        };
        Self {
            documented: order(Semantics::Documented),
            kubevirt: order(Semantics::KubeVirt),
            by_name,
        }
    }
}

/// Which of two policies is preferred (it is the lesser), and what decides.
// PARITY: pkg/virt-controller/watch/migration/migrationpolicy.go#matchPolicy
pub(crate) fn compare(a: &Policy, b: &Policy, semantics: Semantics) -> (Ordering, Criterion) {
    let labels = b.label_keys().len().cmp(&a.label_keys().len());
    if labels.is_ne() {
        return (labels, Criterion::MatchingLabels);
    }
    let (tie, criterion) = match semantics {
        Semantics::Documented => (a.label_keys().cmp(b.label_keys()), Criterion::LabelKeys),
        Semantics::KubeVirt => {
            (b.vm_selector().len().cmp(&a.vm_selector().len()), Criterion::VmLabels)
        }
    };
    if tie.is_ne() {
        return (tie, criterion);
    }
    (a.name().cmp(b.name()), Criterion::Name)
}
