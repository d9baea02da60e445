//! The labels by which schedulers and migrations know a node.

use ferry_api::Labels;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::Presence;
use crate::words;

const HOSTNAME: &str = "kubernetes.io/hostname";
const ARCHITECTURE: &str = "kubernetes.io/arch";
const SYSTEM: &str = "kubernetes.io/os";
const CPU_MANAGER: &str = "kubevirt.io/cpumanager";
const TRUE: &str = "true";

/// Labels that end in what the node has. The node alone writes them; one that it does not have any
/// more goes.
const OWN: [&str; 6] = [
    words::CPU_MODEL,
    words::CPU_MODEL_MIGRATION,
    words::HOST_MODEL,
    words::CPU_VENDOR,
    words::MACHINE_TYPE,
    words::NETWORK,
];

/// Models of CPU by vendor, each of which can stand in for all before it in its line.
// PARITY: pkg/virt-handler/node-labeller/cpu_plugin.go#getSupportedCpuModels
const LINES: [(&str, &[&str]); 2] = [
    (
        "Intel",
        &[
            "Penryn",
            "Nehalem",
            "Westmere",
            "SandyBridge",
            "IvyBridge",
            "Haswell",
            "Broadwell",
            "Skylake-Client",
            "Skylake-Server",
            "Cascadelake-Server",
            "Icelake-Server",
            "SapphireRapids",
            "GraniteRapids",
        ],
    ),
    (
        "AMD",
        &[
            "Opteron_G1",
            "Opteron_G2",
            "Opteron_G3",
            "Opteron_G4",
            "Opteron_G5",
            "EPYC",
            "EPYC-Rome",
            "EPYC-Milan",
            "EPYC-Genoa",
            "EPYC-Turin",
        ],
    ),
];

/// What follows a model's name where some of its features are switched off or added.
const VARIANTS: [&str; 3] = ["-noTSX-IBRS", "-noTSX", "-IBRS"];

/// Types of machine that a guest may ask for. A guest of ferry is none of them, so it can be each; QEMU says
/// itself what it can be, and refuses the others.
const MACHINES: [&str; 14] = [
    "q35",
    "pc-q35-rhel7.6.0",
    "pc-q35-rhel8.0.0",
    "pc-q35-rhel8.1.0",
    "pc-q35-rhel8.2.0",
    "pc-q35-rhel8.3.0",
    "pc-q35-rhel8.4.0",
    "pc-q35-rhel8.5.0",
    "pc-q35-rhel8.6.0",
    "pc-q35-rhel9.0.0",
    "pc-q35-rhel9.2.0",
    "pc-q35-rhel9.4.0",
    "pc-q35-rhel9.6.0",
    "virt",
];

/// Puts right what the node knows better than anybody. What it begins with but others may change is
/// not touched.
// PARITY: pkg/virt-handler/node-labeller/node_labeller.go#prepareLabels
pub(super) fn keep(me: &Presence, metadata: &mut ObjectMeta) {
    let own = own(me);
    let labels = metadata.labels.get_or_insert_default();
    let is_own = |key: &str| OWN.iter().any(|prefix| key.starts_with(prefix));
    labels.retain(|key, _| !is_own(key) || own.contains_key(key));
    labels.extend(own);
}

fn own(me: &Presence) -> Labels {
    let fixed = [
        (HOSTNAME, me.name.as_str()),
        (ARCHITECTURE, &me.system.architecture),
        (SYSTEM, &me.system.operating_system),
        (words::SCHEDULABLE, TRUE),
        (CPU_MANAGER, TRUE),
    ];
    let mut labels: Labels =
        fixed.map(|(key, value)| (key.to_owned(), value.to_owned())).into_iter().collect();
    let mut add = |prefix: &str, name: &str| {
        labels.insert(format!("{prefix}{name}"), TRUE.to_owned());
    };
    add(words::HOST_MODEL, &me.cpu_model);
    for model in models(&me.cpu_model) {
        add(words::CPU_MODEL, model);
        add(words::CPU_MODEL_MIGRATION, model);
    }
    if let Some(vendor) = line(&me.cpu_model).map(|(vendor, _)| vendor) {
        add(words::CPU_VENDOR, vendor);
    }
    for machine in MACHINES.into_iter().chain(me.machines.iter().map(String::as_str)) {
        add(words::MACHINE_TYPE, machine);
    }
    for network in &me.networks {
        add(words::NETWORK, network);
    }
    labels
}

/// The vendor of a model, and the models up to it.
fn line(model: &str) -> Option<(&'static str, &'static [&'static str])> {
    let plain = VARIANTS.iter().find_map(|variant| model.strip_suffix(variant)).unwrap_or(model);
    LINES.into_iter().find_map(|(vendor, line)| {
        let place = line.iter().position(|each| *each == plain)?;
        Some((vendor, &line[..=place]))
    })
}

/// The models that a host of `model` can be to a guest.
fn models(model: &str) -> impl Iterator<Item = &str> {
    line(model).into_iter().flat_map(|(_, line)| line.iter().copied()).chain([model])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parity_a_host_offers_its_own_model_and_all_older_ones_of_its_vendor() {
        for (model, vendor, offered) in [
            ("Nehalem", Some("Intel"), &["Penryn", "Nehalem"][..]),
            ("Westmere-IBRS", Some("Intel"), &["Penryn", "Nehalem", "Westmere", "Westmere-IBRS"]),
            ("Opteron_G2", Some("AMD"), &["Opteron_G1", "Opteron_G2"]),
            ("my-cpu", None, &["my-cpu"]),
        ] {
            let mut found: Vec<_> = models(model).collect();
            found.dedup();
            assert_eq!(found, offered);
            assert_eq!(line(model).map(|(vendor, _)| vendor), vendor);
        }
    }
}
