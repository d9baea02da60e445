//! The volumes of a guest: each has a name of its own and one source.

use std::collections::BTreeMap;

use ferry_registry::{DeniedCause, Document};

use super::{Guest, has, name};
use crate::denial::{Reason, cause};

/// Where a volume may come from.
const SOURCES: [&str; 15] = [
    "cloudInitConfigDrive",
    "cloudInitNoCloud",
    "configMap",
    "containerDisk",
    "dataVolume",
    "downwardAPI",
    "downwardMetrics",
    "emptyDisk",
    "ephemeral",
    "hostDisk",
    "memoryDump",
    "persistentVolumeClaim",
    "secret",
    "serviceAccount",
    "sysprep",
];

// PARITY: pkg/virt-api/webhooks/validating-webhook/admitters/vmi-create-admitter.go#validateVolumes
pub(super) fn problems(guest: Guest<'_>) -> Vec<DeniedCause> {
    let volumes = guest.at("volumes");
    let mut causes = Vec::from_iter(guest.too_many(&["volumes"]));
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, volume) in guest.list(&["volumes"]) {
        let entry = format!("{volumes}[{index}]");
        match first.get(name(volume)) {
            Some(other) => {
                let message =
                    format!("{entry} and {volumes}[{other}] must not have the same Name.");
                causes.push(cause(Reason::Invalid, &format!("{entry}.name"), message));
            }
            None => {
                first.insert(name(volume), index);
            }
        }
        if !has_one_source(volume) {
            let message = format!("{entry} must have exactly one source type set");
            causes.push(cause(Reason::Invalid, &entry, message));
        }
    }
    causes
}

/// A source that is newer than this list counts as one.
fn has_one_source(volume: &Document) -> bool {
    let known = SOURCES.iter().filter(|source| has(volume, source)).count();
    let is_newer = |field: &String| field != "name" && !SOURCES.contains(&field.as_str());
    known == 1 || known == 0 && volume.keys().any(|field| is_newer(field) && has(volume, field))
}
