//! What a request was for, for whoever counts them.

use ferry_registry::Run;

use super::negotiate::{PatchForm, StrategicPatches, patch_form};
use super::path::{
    ObjectsPath, Route, Subresource, VIRTCTL_GROUP, VIRTCTL_VERSIONS, Verb, VirtctlObject,
};
use super::request::Asked;

/// What a request was for: it travels with the answer. Every text is the program's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Described {
    /// `GET`, `LIST`, `WATCH` and so on, as Kubernetes counts them.
    pub verb: &'static str,
    /// The group; empty for the core and for paths that are no resource's.
    pub group: &'static str,
    /// The version.
    pub version: &'static str,
    /// The plural; empty for paths that are no resource's.
    pub resource: &'static str,
    /// The part of the object; empty for all of it.
    pub subresource: &'static str,
    /// `resource` for one object, `namespace` or `cluster` for many; empty where there is none.
    pub scope: &'static str,
    /// Whether it was to be done.
    pub run: Run,
}

impl Described {
    pub(super) fn new(asked: &Asked<'_>, route: &Route) -> Self {
        let nothing = Self {
            verb: verb(asked),
            group: "",
            version: "",
            resource: "",
            subresource: "",
            scope: "",
            run: if asked.query.all("dryRun").any(|value| value == "All") {
                Run::Dry
            } else {
                Run::Real
            },
        };
        let something = Self { scope: scope(asked), ..nothing };
        match route {
            Route::Objects(path) => something.about(path),
            Route::Part(path, part) => Self { subresource: word(*part), ..something.about(path) },
            Route::Review(review, _) => {
                let (group, resource) = review.resource();
                Self { group, version: "v1", resource, ..something }
            }
            Route::Virtctl(object) => {
                Self { group: VIRTCTL_GROUP, version: version(asked), ..something }.of(object)
            }
            Route::Root
            | Route::Version
            | Route::Health(_)
            | Route::Metrics
            | Route::Discovery(_)
            | Route::OpenApi(_)
            | Route::VirtctlVersion
            | Route::VirtctlHealth
            | Route::Absent(_) => nothing,
        }
    }

    fn about(self, path: &ObjectsPath) -> Self {
        Self {
            group: path.served.group(),
            version: path.served.version(),
            resource: path.served.definition().plural,
            ..self
        }
    }

    fn of(self, object: &VirtctlObject) -> Self {
        let resource = match object.resource.as_str() {
            "virtualmachines" => "virtualmachines",
            _ => "virtualmachineinstances",
        };
        Self { resource, ..self }
    }
}

fn version(asked: &Asked<'_>) -> &'static str {
    let version = asked.info.resource.as_ref().map(|path| path.version.as_str());
    VIRTCTL_VERSIONS.into_iter().find(|known| version == Some(known)).unwrap_or_default()
}

// PARITY: apiserver/pkg/endpoints/metrics/metrics.go#cleanVerb
fn verb(asked: &Asked<'_>) -> &'static str {
    match asked.info.verb {
        Verb::Get | Verb::Head => "GET",
        Verb::List => "LIST",
        Verb::Watch => "WATCH",
        Verb::Create | Verb::Post => "POST",
        Verb::Update | Verb::Put => "PUT",
        Verb::Patch => match patch_form(asked.headers, StrategicPatches::Taken) {
            Ok(PatchForm::Apply) => "APPLY",
            Ok(PatchForm::Json | PatchForm::Merge | PatchForm::Strategic) | Err(_) => "PATCH",
        },
        Verb::Delete => "DELETE",
        Verb::DeleteCollection => "DELETECOLLECTION",
        Verb::Other => "other",
    }
}

// PARITY: apiserver/pkg/endpoints/metrics/metrics.go#CleanScope
fn scope(asked: &Asked<'_>) -> &'static str {
    let Some(path) = &asked.info.resource else { return "" };
    if !asked.info.name().is_empty() || asked.info.verb == Verb::Create {
        "resource"
    } else if path.namespace.is_empty() {
        "cluster"
    } else {
        "namespace"
    }
}

const fn word(part: Subresource) -> &'static str {
    match part {
        Subresource::Status => "status",
        Subresource::Finalize => "finalize",
        Subresource::Eviction => "eviction",
        Subresource::Binding => "binding",
        Subresource::Token => "token",
    }
}
