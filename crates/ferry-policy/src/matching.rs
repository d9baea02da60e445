//! Does a policy select a virtual machine, and if not, which label is in the way?
//!
//! Every pair of both selectors must be among the labels, exactly: values are compared byte by
//! byte, and `""` matches only an empty value. A selector that is missing or empty asks for
//! nothing. Labels that the policy does not name do not matter.

use std::fmt;

use ferry_api::Labels;

use crate::policy::Policy;

/// The labels that policies look at.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The labels of the VirtualMachineInstance.
    pub vm_labels: &'a Labels,
    /// The labels of its namespace.
    pub namespace_labels: &'a Labels,
}

/// How many labels of a subject a policy names. All of them match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Score {
    /// Labels of the virtual machine.
    pub vm: usize,
    /// Labels of the namespace.
    pub namespace: usize,
}

/// The first label that keeps a policy from applying.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mismatch<'a> {
    /// Whose label it is.
    pub of: LabelOwner,
    /// The label.
    pub key: &'a str,
    /// The value that the policy wants.
    pub wanted: &'a str,
    /// The value that is there, if the label is.
    pub found: Option<&'a str>,
}

/// Whose label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LabelOwner {
    /// The virtual machine's.
    Vm,
    /// Its namespace's.
    Namespace,
}

impl Score {
    /// All labels together.
    pub const fn total(self) -> usize {
        self.vm + self.namespace
    }
}

/// Whether `policy` selects `subject`.
///
/// KubeVirt skips both selectors for an instance that has no label map at all; such an instance
/// cannot be migrated, since a running one carries at least the label of its node. Here, having no
/// labels is having none.
// PARITY: pkg/virt-controller/watch/migration/migrationpolicy.go#countMatchingLabels
pub fn match_policy<'a>(policy: &'a Policy, subject: &Subject<'a>) -> Result<Score, Mismatch<'a>> {
    Ok(Score {
        vm: count(LabelOwner::Vm, policy.vm_selector(), subject.vm_labels)?,
        namespace: count(
            LabelOwner::Namespace,
            policy.namespace_selector(),
            subject.namespace_labels,
        )?,
    })
}

fn count<'a>(
    of: LabelOwner,
    selector: &'a Labels,
    labels: &'a Labels,
) -> Result<usize, Mismatch<'a>> {
    for (key, wanted) in selector {
        let found = labels.get(key);
        if found != Some(wanted) {
            return Err(Mismatch { of, key, wanted, found: found.map(String::as_str) });
        }
    }
    Ok(selector.len())
}

impl fmt::Display for Mismatch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { of, key, wanted, found } = self;
        match found {
            Some(found) => {
                write!(f, "label {key} of {of} is \"{found}\", the policy wants \"{wanted}\"")
            }
            None => write!(f, "{of} has no label {key}, the policy wants \"{wanted}\""),
        }
    }
}

impl fmt::Display for LabelOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Vm => "the VM",
            Self::Namespace => "the namespace",
        })
    }
}
