//! What `kubectl get` shows of each kind, after the name.

use crate::catalog::{CellSource, Column, Shown};

const fn path(
    name: &'static str,
    type_: &'static str,
    path: &'static str,
    description: &'static str,
) -> Column {
    Column { name, type_, description, shown: Shown::Always, source: CellSource::Path(path) }
}

const fn printed(name: &'static str, type_: &'static str, description: &'static str) -> Column {
    Column { name, type_, description, shown: Shown::Always, source: CellSource::Printer }
}

const fn wide(column: Column) -> Column {
    Column { shown: Shown::Wide, ..column }
}

const AGE: Column =
    path("Age", "date", ".metadata.creationTimestamp", "how long ago the object was created");

/// Kubernetes prints the ages of its own kinds itself.
const PRINTED_AGE: Column = printed("Age", "string", "how long ago the object was created");

const READY: Column = path(
    "Ready",
    "string",
    ".status.conditions[?(@.type=='Ready')].status",
    "whether the guest can be used",
);

const PHASE: Column = path("Phase", "string", ".status.phase", "where the object is in its life");

pub(super) const AGE_ONLY: &[Column] = &[AGE];

pub(super) const VIRTUAL_MACHINE: &[Column] = &[
    AGE,
    path("Status", "string", ".status.printableStatus", "the machine's state in one word"),
    READY,
];

pub(super) const VIRTUAL_MACHINE_INSTANCE: &[Column] = &[
    AGE,
    PHASE,
    path("IP", "string", ".status.interfaces[0].ipAddress", "the guest's first address"),
    path("NodeName", "string", ".status.nodeName", "the node that the guest runs on"),
    READY,
    wide(path(
        "Live-Migratable",
        "string",
        ".status.conditions[?(@.type=='LiveMigratable')].status",
        "whether the guest can be moved while it runs",
    )),
    wide(path(
        "Paused",
        "string",
        ".status.conditions[?(@.type=='Paused')].status",
        "whether the guest stands still",
    )),
];

pub(super) const MIGRATION: &[Column] =
    &[PHASE, path("VMI", "string", ".spec.vmiName", "the virtual machine that is moved")];

pub(super) const KUBEVIRT: &[Column] = &[AGE, PHASE];

pub(super) const NODE: &[Column] = &[
    printed("Status", "string", "whether the node is ready, and whether it takes new pods"),
    printed("Roles", "string", "the roles that the node's labels give it"),
    PRINTED_AGE,
    printed("Version", "string", "the version of the node's agent"),
    wide(printed("Internal-IP", "string", "the node's address within the cluster")),
    wide(printed("External-IP", "string", "the node's address outside the cluster")),
    wide(printed("OS-Image", "string", "the node's operating system")),
    wide(printed("Kernel-Version", "string", "the node's kernel")),
    wide(printed("Container-Runtime", "string", "what runs the node's pods")),
];

pub(super) const NAMESPACE: &[Column] =
    &[printed("Status", "string", "whether the namespace is being deleted"), PRINTED_AGE];

pub(super) const POD: &[Column] = &[
    printed("Ready", "string", "containers that are ready, of all"),
    printed("Status", "string", "the pod's state in one word"),
    printed("Restarts", "string", "how often containers were restarted"),
    PRINTED_AGE,
    wide(printed("IP", "string", "the pod's address")),
    wide(printed("Node", "string", "the node that the pod runs on")),
    wide(printed("Nominated Node", "string", "the node that will make room for the pod")),
    wide(printed("Readiness Gates", "string", "conditions of others that hold, of all")),
];

pub(super) const EVENT: &[Column] = &[
    printed("Last Seen", "string", "how long ago it last happened"),
    printed("Type", "string", "Normal or Warning"),
    printed("Reason", "string", "the cause in one word"),
    printed("Object", "string", "what it happened to"),
    wide(printed("Subobject", "string", "the part that it happened to")),
    wide(printed("Source", "string", "who reported it")),
    printed("Message", "string", "the cause for people"),
    wide(printed("First Seen", "string", "how long ago it first happened")),
    wide(printed("Count", "string", "how often it happened")),
    wide(printed("Name", "string", "the event's own name")),
];

pub(super) const LEASE: &[Column] =
    &[printed("Holder", "string", "who holds the lease"), PRINTED_AGE];

pub(super) const PERSISTENT_VOLUME_CLAIM: &[Column] = &[
    printed("Status", "string", "whether the claim has a volume"),
    printed("Volume", "string", "the volume"),
    printed("Capacity", "string", "what the volume holds"),
    printed("Access Modes", "string", "who may use the volume at once"),
    printed("StorageClass", "string", "where the volume came from"),
    printed("VolumeAttributesClass", "string", "settings of the volume that can change"),
    PRINTED_AGE,
    wide(printed("VolumeMode", "string", "Filesystem or Block")),
];

pub(super) const CONFIG_MAP: &[Column] =
    &[printed("Data", "string", "how many entries it has"), PRINTED_AGE];

pub(super) const SECRET: &[Column] = &[
    printed("Type", "string", "what the entries are for"),
    printed("Data", "string", "how many entries it has"),
    PRINTED_AGE,
];

pub(super) const SERVICE_ACCOUNT: &[Column] =
    &[printed("Secrets", "string", "how many secrets belong to it"), PRINTED_AGE];

pub(super) const SERVICE: &[Column] = &[
    printed("Type", "string", "how the service can be reached"),
    printed("Cluster-IP", "string", "the address within the cluster"),
    printed("External-IP", "string", "the addresses outside the cluster"),
    printed("Port(s)", "string", "the ports that the service listens on"),
    PRINTED_AGE,
    wide(printed("Selector", "string", "the labels of the pods that serve it")),
];

// PARITY: staging/src/k8s.io/apiserver/pkg/registry/rest/table.go#defaultTableConvertor
pub(super) const ROLE: &[Column] =
    &[path("Created At", "date", ".metadata.creationTimestamp", "when the role was created")];

pub(super) const ROLE_BINDING: &[Column] = &[
    printed("Role", "string", "the kind and name of the role that is granted"),
    PRINTED_AGE,
    wide(printed("Users", "string", "the users that have the role")),
    wide(printed("Groups", "string", "the groups that have the role")),
    wide(printed("ServiceAccounts", "string", "the service accounts that have the role")),
];
