//! From one version of a kind to another. Nothing is lost on the way there and back.

use bytes::Bytes;
use ferry_api::{Kind, KindVersion};
use serde_json::{Map, Value};

use crate::document::to_json;
use crate::object::{Document, Stored};

/// What core Events and those of `events.k8s.io` call the same things.
// PARITY: pkg/apis/events/v1/conversion.go#Convert_core_Event_To_v1_Event
const EVENT_FIELDS: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

/// What `v1` of HyperConverged has in `spec.virtualization`, and `v1beta1` in `spec`.
// PARITY: hyperconverged-cluster-operator api/v1beta1/conversion.go#ConvertTo
const MOVED_BY_HYPERCONVERGED: [&str; 2] = ["liveMigrationConfig", "evictionStrategy"];

/// The JSON of an object in another version than the one that its kind is kept in.
pub fn convert(object: &Stored, to: KindVersion) -> Bytes {
    let from = KindVersion::storage(object.key.kind);
    if from == to {
        return object.json.clone();
    }
    let mut converted = object.document();
    document(from, to, &mut converted);
    to_json(&converted, object.json.len() + 64)
}

/// Changes a document of one version of a kind into another.
pub(crate) fn document(from: KindVersion, to: KindVersion, document: &mut Document) {
    if from == to || from.kind() != to.kind() {
        return;
    }
    match from.kind() {
        Kind::HyperConverged => hyperconverged(to, document),
        Kind::Event => event(from, to, document),
        Kind::VirtualMachine
        | Kind::VirtualMachineInstance
        | Kind::VirtualMachineInstanceMigration
        | Kind::MigrationPolicy
        | Kind::KubeVirt
        | Kind::NetworkAttachmentDefinition
        | Kind::Node
        | Kind::Namespace
        | Kind::Pod
        | Kind::Lease
        | Kind::PersistentVolumeClaim
        | Kind::ConfigMap
        | Kind::Secret
        | Kind::Service
        | Kind::ServiceAccount
        | Kind::ClusterRole
        | Kind::ClusterRoleBinding
        | Kind::Role
        | Kind::RoleBinding => {}
    }
    document.insert("apiVersion".to_owned(), Value::from(to.api_version()));
}

fn event(from: KindVersion, to: KindVersion, document: &mut Document) {
    if from.group() == to.group() {
        return;
    }
    let mut renamed = Vec::new();
    for (core, events) in EVENT_FIELDS {
        let (old, new) = if to.group().is_empty() { (events, core) } else { (core, events) };
        renamed.extend(document.remove(old).map(|value| (new.to_owned(), value)));
    }
    document.extend(renamed);
}

fn hyperconverged(to: KindVersion, document: &mut Document) {
    let Some(spec) = document.get_mut("spec").and_then(Value::as_object_mut) else { return };
    if to.version() == "v1" { gather(spec) } else { scatter(spec) }
}

/// `v1beta1` to `v1`.
fn gather(spec: &mut Map<String, Value>) {
    for name in MOVED_BY_HYPERCONVERGED {
        let Some(value) = spec.remove(name) else { continue };
        let section = spec.entry("virtualization").or_insert_with(|| Value::Object(Map::new()));
        match section.as_object_mut() {
            Some(section) => drop(section.insert(name.to_owned(), value)),
            // Somebody wrote something else there; it stays, and so does this.
            None => drop(spec.insert(name.to_owned(), value)),
        }
    }
}

/// `v1` to `v1beta1`.
fn scatter(spec: &mut Map<String, Value>) {
    let Some(section) = spec.get_mut("virtualization").and_then(Value::as_object_mut) else {
        return;
    };
    let mut moved = Vec::new();
    for name in MOVED_BY_HYPERCONVERGED {
        moved.extend(section.remove(name).map(|value| (name.to_owned(), value)));
    }
    if section.is_empty() {
        spec.remove("virtualization");
    }
    spec.extend(moved);
}
