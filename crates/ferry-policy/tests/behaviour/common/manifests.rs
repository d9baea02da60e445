//! Manifests in YAML, explained.

use ferry_api::{Decoded, decode, manifest};
use ferry_config::Semantics;
use ferry_policy::explain::{Inventory, Report, VmReport, explain};

/// What the manifests in `yaml` mean.
#[track_caller]
pub(crate) fn report(yaml: &str, semantics: Semantics) -> Report {
    let mut inventory = Inventory::default();
    for document in manifest::read(yaml).unwrap() {
        match decode(&document.value).unwrap() {
            Decoded::Known { object, filing } => {
                inventory.add(object, filing, semantics).unwrap();
            }
            Decoded::Foreign { .. } => {}
        }
    }
    explain(&inventory, semantics)
}

/// What they mean for their only machine, as documented.
#[track_caller]
pub(crate) fn only(yaml: &str) -> VmReport {
    let mut report = report(yaml, Semantics::Documented);
    assert_eq!(report.vms.len(), 1);
    report.vms.remove(0)
}

/// The warnings about their only machine, as `code: message` lines.
#[track_caller]
pub(crate) fn warnings(yaml: &str) -> String {
    let warnings = only(yaml).warnings;
    warnings.iter().map(|warning| format!("{}: {}\n", warning.code, warning.message)).collect()
}

/// A bare instance of 1 GiB with one label.
pub(crate) const INSTANCE: &str = "
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstance
metadata: {name: web, labels: {app: web}}
spec: {domain: {memory: {guest: 1Gi}, devices: {}}}
";
