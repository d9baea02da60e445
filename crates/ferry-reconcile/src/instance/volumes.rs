//! What an instance says of its volumes: the claim that each is on, and what its guest calls it.

use ferry_api::kubevirt::{
    VirtualMachineInstance, VirtualMachineInstancePhase as Phase, VirtualMachineInstanceStatus,
};
use serde_json::{Map, Value, json};

use super::Observed;
use crate::claims::claim_of;

const FIELD: &str = "volumeStatus";

/// Of these buses every disk has a letter of its own; of all others they share `sd`.
// PARITY: pkg/virt-launcher/virtwrap/converter/converter.go#getPrefixFromBus
const PREFIXES: [(&str, &str); 2] = [("virtio", "vd"), ("fdc", "fd")];

/// Says so of an instance that has a pod, in the order of their names.
// PARITY: pkg/virt-controller/watch/vmi/volume-hotplug.go#updateVolumeStatus
pub(super) fn keep(seen: &Observed, status: &mut VirtualMachineInstanceStatus) {
    if seen.current_pod().is_none() {
        return;
    }
    let targets = targets(&seen.instance);
    let is_there = status.phase == Some(Phase::Running);
    let volumes = seen.instance.spec.volumes.iter().flatten();
    let mut said: Vec<(&str, Value)> = volumes
        .map(|volume| {
            let target = targets.get(&volume.name).filter(|_| is_there);
            let mut one = json!({ "name": volume.name, "target": target.unwrap_or(&json!("")) });
            if let Some(claim) = claim_of(volume).and_then(|claim| claim_info(seen, claim)) {
                one["persistentVolumeClaimInfo"] = claim;
            }
            (volume.name.as_str(), one)
        })
        .collect();
    said.sort_by_key(|(name, _)| *name);
    if !said.is_empty() {
        let said = said.into_iter().map(|(_, one)| one).collect();
        status.other.insert(FIELD.to_owned(), Value::Array(said));
    }
}

fn claim_info(seen: &Observed, name: &str) -> Option<Value> {
    let spec = seen.claims.get(name)?.as_ref()?.spec.as_ref()?;
    let mut info = json!({ "claimName": name });
    if let Some(modes) = &spec.access_modes {
        info["accessModes"] = json!(modes);
    }
    if let Some(requests) = spec.resources.as_ref().and_then(|it| it.requests.as_ref()) {
        info["requests"] = json!(requests);
    }
    if let Some(mode) = &spec.volume_mode {
        info["volumeMode"] = json!(mode);
    }
    Some(info)
}

/// What the guest calls each disk: those that are listed in their order, then the volumes that no
/// disk was asked for.
// PARITY: pkg/virt-launcher/virtwrap/converter/converter.go#MakeDeviceName
fn targets(instance: &VirtualMachineInstance) -> Map<String, Value> {
    let devices = &instance.spec.domain.devices;
    let listed = |list: &str| devices.get(list).and_then(Value::as_array).into_iter().flatten();
    let name = |device: &Value| Some(device.get("name")?.as_str()?.to_owned());
    let disks: Vec<(String, &str)> = listed("disks")
        .filter_map(|disk| {
            let bus = ["disk", "lun", "cdrom"].iter().find_map(|kind| disk.get(kind)?.get("bus"));
            Some((name(disk)?, bus.and_then(Value::as_str).unwrap_or_default()))
        })
        .collect();
    let is_listed = |volume: &str| {
        disks.iter().any(|(name, _)| name == volume)
            || listed("filesystems").any(|it| name(it).as_deref() == Some(volume))
    };
    let volumes = instance.spec.volumes.iter().flatten().map(|volume| volume.name.as_str());
    let others = volumes.filter(|volume| !is_listed(volume)).map(|name| (name.to_owned(), ""));
    let mut targets = Map::new();
    let mut given: Vec<&str> = Vec::new();
    for (name, bus) in disks.iter().cloned().chain(others) {
        let prefix = PREFIXES.iter().find(|(of, _)| *of == bus).map_or("sd", |(_, prefix)| prefix);
        let index = given.iter().filter(|it| **it == prefix).count();
        given.push(prefix);
        targets.insert(name, json!(format!("{prefix}{}", letters(index))));
    }
    targets
}

/// a, b, …, z, aa, ab, …
fn letters(index: usize) -> String {
    const LETTERS: &[u8; 26] = b"abcdefghijklmnopqrstuvwxyz";
    let last = char::from(LETTERS[index % LETTERS.len()]);
    match index / LETTERS.len() {
        0 => last.to_string(),
        more => format!("{}{last}", letters(more - 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parity_disks_are_called_as_the_guest_calls_them() {
        let spec = json!({
            "domain": { "devices": {
                "disks": [
                    { "name": "root", "disk": { "bus": "virtio" } },
                    { "name": "cd", "cdrom": { "bus": "sata" } },
                    { "name": "data", "disk": { "bus": "virtio" } },
                ],
                "filesystems": [{ "name": "shared", "virtiofs": {} }],
            } },
            "volumes": [
                { "name": "late" }, { "name": "root" }, { "name": "cd" }, { "name": "data" },
                { "name": "shared" },
            ],
        });
        let instance = json!({ "metadata": {}, "spec": spec });
        let targets = targets(&serde_json::from_value(instance).unwrap());
        let expected = json!({ "root": "vda", "cd": "sda", "data": "vdb", "late": "sdb" });
        assert_eq!(Value::Object(targets), expected);
        for (index, expected) in [(0, "a"), (25, "z"), (26, "aa"), (52, "ba"), (702, "aaa")] {
            assert_eq!(letters(index), expected);
        }
    }
}
