//! The paths below an object: its status, and what can be done with it.
//!
//! Sources: Kubernetes' discovery of the core group, and KubeVirt `pkg/virt-api/api.go`.

use crate::catalog::{Kind, KindVersion, Scope, StatusSubresource};

/// A path below an object, such as `pods/NAME/eviction`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subresource {
    /// The path below the object's name.
    pub name: &'static str,
    /// What its bodies are; `None` where they are objects of the kind itself.
    pub body: Option<BodyKind>,
    /// What can be done with it.
    pub verbs: &'static [&'static str],
}

/// What a body is that is no object of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyKind {
    /// Its group.
    pub group: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Its kind.
    pub kind: &'static str,
}

/// A resource that has no objects of its own: a question that is answered at once, or a name under
/// which things are done with the objects of another group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VirtualResource {
    /// Its group.
    pub group: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The name in URLs.
    pub plural: &'static str,
    /// The name for one.
    pub singular: &'static str,
    /// The kind of its bodies; empty for a resource that is only there for what is below it.
    pub kind: &'static str,
    /// Whether its path has a namespace.
    pub scope: Scope,
    /// What can be done with it.
    pub verbs: &'static [&'static str],
    /// The paths below its names.
    pub subresources: &'static [Subresource],
}

const CREATE: &[&str] = &["create"];
const UPDATE: &[&str] = &["update"];

const STATUS: Subresource =
    Subresource { name: "status", body: None, verbs: &["get", "patch", "update"] };

const EVICTION: Subresource = Subresource {
    name: "eviction",
    body: Some(BodyKind { group: "policy", version: "v1", kind: "Eviction" }),
    verbs: CREATE,
};

const BINDING: Subresource = Subresource {
    name: "binding",
    body: Some(BodyKind { group: "", version: "v1", kind: "Binding" }),
    verbs: CREATE,
};

const FINALIZE: Subresource = Subresource { name: "finalize", body: None, verbs: UPDATE };

const TOKEN: Subresource = Subresource {
    name: "token",
    body: Some(BodyKind { group: "authentication.k8s.io", version: "v1", kind: "TokenRequest" }),
    verbs: CREATE,
};

/// Something that `virtctl` asks to be done, with its options as the body.
const fn action(name: &'static str, options: &'static str) -> Subresource {
    let body = BodyKind { group: "kubevirt.io", version: "v1", kind: options };
    Subresource { name, body: Some(body), verbs: UPDATE }
}

const CANCEL_EVACUATION: Subresource = action("evacuate/cancel", "EvacuateCancelOptions");

const VIRTUAL_MACHINE_ACTIONS: &[Subresource] = &[
    action("start", "StartOptions"),
    action("stop", "StopOptions"),
    action("restart", "RestartOptions"),
    action("migrate", "MigrateOptions"),
    CANCEL_EVACUATION,
];

const INSTANCE_ACTIONS: &[Subresource] =
    &[action("pause", "PauseOptions"), action("unpause", "UnpauseOptions"), CANCEL_EVACUATION];

const fn review(
    group: &'static str,
    plural: &'static str,
    singular: &'static str,
    kind: &'static str,
) -> VirtualResource {
    VirtualResource {
        group,
        version: "v1",
        plural,
        singular,
        kind,
        scope: Scope::Cluster,
        verbs: CREATE,
        subresources: &[],
    }
}

const fn acted_on(
    plural: &'static str,
    singular: &'static str,
    subresources: &'static [Subresource],
) -> VirtualResource {
    VirtualResource {
        group: "subresources.kubevirt.io",
        version: "v1",
        plural,
        singular,
        kind: "",
        scope: Scope::Namespaced,
        verbs: &[],
        subresources,
    }
}

const AUTHENTICATION: &str = "authentication.k8s.io";
const AUTHORIZATION: &str = "authorization.k8s.io";

const VIRTUAL: [VirtualResource; 9] = [
    // What `pods/NAME/binding` is, with the name in the body: older schedulers know only this.
    VirtualResource {
        group: "",
        version: "v1",
        plural: "bindings",
        singular: "binding",
        kind: "Binding",
        scope: Scope::Namespaced,
        verbs: CREATE,
        subresources: &[],
    },
    VirtualResource {
        scope: Scope::Namespaced,
        ..review(
            AUTHORIZATION,
            "localsubjectaccessreviews",
            "localsubjectaccessreview",
            "LocalSubjectAccessReview",
        )
    },
    review(
        AUTHORIZATION,
        "selfsubjectaccessreviews",
        "selfsubjectaccessreview",
        "SelfSubjectAccessReview",
    ),
    review(
        AUTHORIZATION,
        "selfsubjectrulesreviews",
        "selfsubjectrulesreview",
        "SelfSubjectRulesReview",
    ),
    review(AUTHORIZATION, "subjectaccessreviews", "subjectaccessreview", "SubjectAccessReview"),
    review(AUTHENTICATION, "selfsubjectreviews", "selfsubjectreview", "SelfSubjectReview"),
    review(AUTHENTICATION, "tokenreviews", "tokenreview", "TokenReview"),
    acted_on("virtualmachines", "virtualmachine", VIRTUAL_MACHINE_ACTIONS),
    acted_on("virtualmachineinstances", "virtualmachineinstance", INSTANCE_ACTIONS),
];

impl VirtualResource {
    /// All of them.
    pub const ALL: &'static [Self] = &VIRTUAL;

    /// The one that the URL `/apis/group/version/…/plural` means.
    pub fn of_path(group: &str, version: &str, plural: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|resource| {
            resource.group == group && resource.version == version && resource.plural == plural
        })
    }

    /// The path of that name below it.
    pub fn subresource(&self, name: &str) -> Option<&'static Subresource> {
        self.subresources.iter().find(|subresource| subresource.name == name)
    }
}

impl Kind {
    /// What can be done with its objects. Nobody deletes all namespaces at once.
    pub const fn verbs(self) -> &'static [&'static str] {
        if matches!(self, Self::Namespace) {
            &["create", "delete", "get", "list", "patch", "update", "watch"]
        } else {
            &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
        }
    }

    /// The paths below its objects.
    pub const fn subresources(self) -> &'static [Subresource] {
        match self {
            Self::Pod => &[BINDING, EVICTION, STATUS],
            Self::Namespace => &[FINALIZE, STATUS],
            Self::ServiceAccount => &[TOKEN],
            Self::VirtualMachine
            | Self::VirtualMachineInstance
            | Self::VirtualMachineInstanceMigration
            | Self::MigrationPolicy
            | Self::KubeVirt
            | Self::HyperConverged
            | Self::NetworkAttachmentDefinition
            | Self::Node
            | Self::Event
            | Self::Lease
            | Self::PersistentVolumeClaim
            | Self::ConfigMap
            | Self::Secret
            | Self::Service
            | Self::ClusterRole
            | Self::ClusterRoleBinding
            | Self::Role
            | Self::RoleBinding => match self.definition().status {
                StatusSubresource::Served => &[STATUS],
                StatusSubresource::None => &[],
            },
        }
    }
}

impl KindVersion {
    /// The path of that name below objects of this kind.
    pub fn subresource(self, name: &str) -> Option<&'static Subresource> {
        self.subresources().iter().find(|subresource| subresource.name == name)
    }
}
