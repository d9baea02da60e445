//! The disks of a guest: each has a volume, a name of its own and a place to be plugged in.

use std::collections::{BTreeMap, BTreeSet};

use ferry_registry::{DeniedCause, Document};
use serde_json::Value;

use super::{Guest, has, name};
use crate::denial::{Reason, cause};
use crate::fields::text;

const DISKS: [&str; 3] = ["domain", "devices", "disks"];
const TARGETS: [&str; 3] = ["disk", "lun", "cdrom"];
const BUSES: [&str; 4] = ["virtio", "scsi", "sata", "usb"];

pub(super) fn problems(guest: Guest<'_>) -> Vec<DeniedCause> {
    let volumes: BTreeSet<&str> =
        guest.list(&["volumes"]).map(|(_, volume)| name(volume)).collect();
    let mut causes = Vec::from_iter(guest.too_many(&DISKS));
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    let mut orders = BTreeSet::new();
    let disks = guest.at(&DISKS.join("."));
    for (index, disk) in guest.list(&DISKS) {
        let entry = format!("{disks}[{index}]");
        causes.extend(volume(disk, &entry, &volumes));
        causes.extend(boot_order(disk, &entry, &mut orders));
        match first.get(name(disk)) {
            Some(other) => {
                let message = format!("{entry} and {disks}[{other}] must not have the same Name.");
                causes.push(cause(Reason::Invalid, &format!("{entry}.name"), message));
            }
            None => {
                first.insert(name(disk), index);
            }
        }
        causes.extend(target(disk, &entry));
    }
    causes
}

/// A CD-ROM drive may be empty; every other disk has a volume.
// PARITY: pkg/virt-api/webhooks/validating-webhook/admitters/vmi-create-admitter.go#validateBootOrder
fn volume(disk: &Document, entry: &str, volumes: &BTreeSet<&str>) -> Option<DeniedCause> {
    let name = name(disk);
    (!volumes.contains(name) && !has(disk, "cdrom")).then(|| {
        let message = format!("{entry}.Name '{name}' not found.");
        cause(Reason::Invalid, &format!("{entry}.name"), message)
    })
}

fn boot_order(disk: &Document, entry: &str, orders: &mut BTreeSet<u64>) -> Option<DeniedCause> {
    let order = disk.get("bootOrder").and_then(Value::as_u64)?;
    let field = format!("{entry}.bootOrder");
    let message = if order < 1 {
        format!("{entry} must have a boot order > 0, if supplied")
    } else if orders.insert(order) {
        return None;
    } else {
        format!("Boot order for {field} already set for a different device.")
    };
    Some(cause(Reason::Invalid, &field, message))
}

// PARITY: pkg/virt-api/webhooks/validating-webhook/admitters/vmi-create-admitter.go#validateDisks
fn target(disk: &Document, entry: &str) -> Vec<DeniedCause> {
    let mut causes = Vec::new();
    let targets: Vec<&str> = TARGETS.into_iter().filter(|target| has(disk, target)).collect();
    if targets.len() > 1 {
        let message = format!("{entry} can only have a single target type defined");
        causes.push(cause(Reason::Invalid, entry, message));
    }
    let Some(target) = targets.first() else { return causes };
    let Some(bus) = text(disk, &[target, "bus"]).filter(|bus| !bus.is_empty()) else {
        return causes;
    };
    let message = match bus {
        "ide" => "IDE bus is not supported".to_owned(),
        "virtio" if *target == "cdrom" => {
            format!("Bus type {bus} is invalid for CD-ROM device")
        }
        known if BUSES.contains(&known) => return causes,
        other => format!(
            "{entry} is set with an unrecognized bus {other}, must be one of: [{}]",
            BUSES.join(" ")
        ),
    };
    causes.push(cause(Reason::Invalid, &format!("{entry}.{target}.bus"), message));
    causes
}
