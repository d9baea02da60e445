//! What `--field-selector` can ask of each kind, beside name and namespace.
//!
//! Source: Kubernetes `pkg/apis/core/v1/conversion.go`, `pkg/apis/events/v1/conversion.go` and the
//! `ToSelectableFields` of `pkg/registry/core/…/strategy.go`.

use serde_json::{Map, Value};

use crate::catalog::{Kind, KindVersion};

/// A field that objects can be selected by: how selectors name it, and the dotted path of where it
/// stands in the version that its kind is kept in.
pub type SelectableField = (&'static str, &'static str);

const NONE: &[SelectableField] = &[];

const NODE: &[SelectableField] = &[("spec.unschedulable", "spec.unschedulable")];

const NAMESPACE: &[SelectableField] = &[("status.phase", "status.phase")];

const POD: &[SelectableField] = &[
    ("spec.nodeName", "spec.nodeName"),
    // From before it was called `nodeName`.
    ("spec.host", "spec.nodeName"),
    ("spec.restartPolicy", "spec.restartPolicy"),
    ("spec.schedulerName", "spec.schedulerName"),
    ("spec.serviceAccountName", "spec.serviceAccountName"),
    ("spec.hostNetwork", "spec.hostNetwork"),
    ("status.phase", "status.phase"),
    ("status.podIP", "status.podIP"),
    // A list, which nothing is equal to: taken, and never found.
    ("status.podIPs", "status.podIPs"),
    ("status.nominatedNodeName", "status.nominatedNodeName"),
];

const EVENT: &[SelectableField] = &[
    ("involvedObject.kind", "involvedObject.kind"),
    ("involvedObject.namespace", "involvedObject.namespace"),
    ("involvedObject.name", "involvedObject.name"),
    ("involvedObject.uid", "involvedObject.uid"),
    ("involvedObject.apiVersion", "involvedObject.apiVersion"),
    ("involvedObject.resourceVersion", "involvedObject.resourceVersion"),
    ("involvedObject.fieldPath", "involvedObject.fieldPath"),
    ("reason", "reason"),
    ("reportingComponent", "reportingComponent"),
    ("source", SOURCE),
    ("type", "type"),
];

/// The same objects in the group of their own, where the fields are called otherwise.
const NEW_EVENT: &[SelectableField] = &[
    ("regarding.kind", "involvedObject.kind"),
    ("regarding.namespace", "involvedObject.namespace"),
    ("regarding.name", "involvedObject.name"),
    ("regarding.uid", "involvedObject.uid"),
    ("regarding.apiVersion", "involvedObject.apiVersion"),
    ("regarding.resourceVersion", "involvedObject.resourceVersion"),
    ("regarding.fieldPath", "involvedObject.fieldPath"),
    ("reason", "reason"),
    ("reportingController", "reportingComponent"),
    ("type", "type"),
];

const SECRET: &[SelectableField] = &[("type", "type")];

const SERVICE: &[SelectableField] =
    &[("spec.clusterIP", "spec.clusterIP"), ("spec.type", "spec.type")];

/// Of an event without a source, whoever reports it counts as its source.
const SOURCE: &str = "source.component";
const REPORTER: &str = "reportingComponent";

/// Fields that are `false` where they are not written.
const FLAGS: [&str; 2] = ["spec.unschedulable", "spec.hostNetwork"];

impl Kind {
    /// What its objects can be selected by beside `metadata.name` and `metadata.namespace`, in the
    /// version that they are kept in.
    pub const fn selectable_fields(self) -> &'static [SelectableField] {
        match self {
            Self::Node => NODE,
            Self::Namespace => NAMESPACE,
            Self::Pod => POD,
            Self::Event => EVENT,
            Self::Secret => SECRET,
            Self::Service => SERVICE,
            Self::VirtualMachine
            | Self::VirtualMachineInstance
            | Self::VirtualMachineInstanceMigration
            | Self::MigrationPolicy
            | Self::KubeVirt
            | Self::HyperConverged
            | Self::NetworkAttachmentDefinition
            | Self::Lease
            | Self::PersistentVolumeClaim
            | Self::ConfigMap
            | Self::ServiceAccount
            | Self::ClusterRole
            | Self::ClusterRoleBinding
            | Self::Role
            | Self::RoleBinding => NONE,
        }
    }
}

impl KindVersion {
    /// What objects can be selected by in this group and version beside `metadata.name` and
    /// `metadata.namespace`. The paths are those of the version that they are kept in.
    pub fn selectable_fields(self) -> &'static [SelectableField] {
        if self == Self::NEW_EVENT { NEW_EVENT } else { self.kind().selectable_fields() }
    }
}

/// What stands at the `path` of a [`SelectableField`] in an object, as selectors compare it: empty
/// where nothing is written, but `false` for a flag.
///
/// ```
/// let node = serde_json::json!({ "spec": {} });
/// let value = ferry_api::selectable_value(node.as_object().unwrap(), "spec.unschedulable");
/// assert_eq!(value, "false");
/// ```
pub fn selectable_value(object: &Map<String, Value>, path: &str) -> String {
    match text_at(object, path) {
        Some(text) => text,
        None if path == SOURCE => text_at(object, REPORTER).unwrap_or_default(),
        None if FLAGS.contains(&path) => "false".to_owned(),
        None => String::new(),
    }
}

fn text_at(object: &Map<String, Value>, path: &str) -> Option<String> {
    let (first, rest) = path.split_once('.').map_or((path, ""), |(first, rest)| (first, rest));
    let mut found = object.get(first)?;
    for field in rest.split('.').filter(|field| !field.is_empty()) {
        found = found.get(field)?;
    }
    match found {
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(found.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
