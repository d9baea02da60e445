//! Claims of volumes, and what else is kept for others to read.

use ferry_units::WallTime;
use serde_json::Value;

use crate::quantity::Quantity;
use crate::table::fields::{self, Fields, UNSET};

const CLASS_ANNOTATION: &str = "volume.beta.kubernetes.io/storage-class";

/// How claims may be used, with the short forms in the order that they are printed in.
const ACCESS_MODES: [(&str, &str); 4] = [
    ("ReadWriteOnce", "RWO"),
    ("ReadOnlyMany", "ROX"),
    ("ReadWriteMany", "RWX"),
    ("ReadWriteOncePod", "RWOP"),
];

// PARITY: pkg/printers/internalversion/printers.go#printPersistentVolumeClaim
pub(super) fn claim(claim: &Fields, now: WallTime) -> Vec<Value> {
    let leaving = !fields::text(claim, &["metadata", "deletionTimestamp"]).is_empty();
    let phase = if leaving { "Terminating" } else { fields::text(claim, &["status", "phase"]) };
    let volume = fields::text(claim, &["spec", "volumeName"]);
    let (capacity, modes) =
        if volume.is_empty() { (String::new(), String::new()) } else { bound(claim) };
    let class = fields::text(claim, &["spec", "storageClassName"]);
    vec![
        phase.into(),
        volume.into(),
        capacity.into(),
        modes.into(),
        fields::text_or(claim, &["metadata", "annotations", CLASS_ANNOTATION], class).into(),
        fields::text_or(claim, &["spec", "volumeAttributesClassName"], UNSET).into(),
        fields::age(claim, now),
        fields::text_or(claim, &["spec", "volumeMode"], UNSET).into(),
    ]
}

/// What a volume gives to the claim that has it.
fn bound(claim: &Fields) -> (String, String) {
    let capacity = match fields::at(claim, &["status", "capacity", "storage"]) {
        Some(Value::String(text)) => {
            text.parse::<Quantity>().map_or_else(|_| text.clone(), |size| size.to_string())
        }
        Some(other) => other.to_string(),
        None => "0".to_owned(),
    };
    let has = |mode: &str| fields::texts(claim, &["status", "accessModes"]).any(|is| is == mode);
    let modes: Vec<_> =
        ACCESS_MODES.iter().filter(|(mode, _)| has(mode)).map(|(_, short)| *short).collect();
    (capacity, modes.join(","))
}

pub(super) fn config_map(map: &Fields, now: WallTime) -> Vec<Value> {
    let entries = fields::count(map, &["data"]) + fields::count(map, &["binaryData"]);
    vec![entries.into(), fields::age(map, now)]
}

pub(super) fn secret(secret: &Fields, now: WallTime) -> Vec<Value> {
    vec![
        fields::text(secret, &["type"]).into(),
        fields::count(secret, &["data"]).into(),
        fields::age(secret, now),
    ]
}
