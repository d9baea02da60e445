//! From one version of a kind to another. Nothing is lost on the way there and back.

mod hyperconverged;
mod layouts;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use ferry_api::{Kind, KindVersion};
use serde_json::Value;

use crate::document::{at, to_json};
use crate::object::{Document, Stored};

pub(crate) use layouts::Layouts;

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

/// The JSON of an object in another version than the one that its kind is kept in.
pub fn convert(object: &Stored, to: KindVersion) -> Bytes {
    let from = KindVersion::storage(object.key.kind);
    if from == to {
        return object.json.clone();
    }
    let mut converted = object.document();
    document(from, to, &mut converted);
    if to == KindVersion::NEW_EVENT {
        time_event(&mut converted);
    }
    to_json(&converted)
}

/// Changes a document of one version of a kind into another.
pub(crate) fn document(from: KindVersion, to: KindVersion, document: &mut Document) {
    if from == to || from.kind() != to.kind() {
        return;
    }
    if from.kind() == Kind::HyperConverged {
        hyperconverged::convert(to, document);
    } else if from.kind() == Kind::Event {
        event(from, to, document);
    }
    document.insert("apiVersion".to_owned(), Value::from(to.api_version()));
}

/// Whether versions of a kind have fields at different places.
pub(crate) const fn moves_fields(kind: Kind) -> bool {
    match kind {
        Kind::HyperConverged | Kind::Event => true,
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
        | Kind::RoleBinding => false,
    }
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
    if to.group().is_empty() {
        // A core Event always has both, though they may say nothing.
        for section in ["involvedObject", "source"] {
            document.entry(section).or_insert_with(|| Value::Object(Document::new()));
        }
    }
}

/// Fills in `eventTime`, which Events of reporters that know only the core's have not, and without
/// which some clients cannot read the others.
pub(crate) fn time_event(event: &mut Document) {
    if event.get("eventTime").is_some_and(Value::is_string) {
        return;
    }
    let known =
        ["deprecatedLastTimestamp", "deprecatedFirstTimestamp", "metadata.creationTimestamp"];
    let time = known.into_iter().find_map(|path| at(event, path)?.as_str());
    if let Some(seconds) = time.and_then(|time| time.strip_suffix('Z')) {
        let fraction = if seconds.contains('.') { "" } else { ".000000" };
        let precise = format!("{seconds}{fraction}Z");
        event.insert("eventTime".to_owned(), Value::from(precise));
    }
}
