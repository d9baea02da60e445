//! What a request was for, for whoever counts them.

use ferry_registry::Run;

use super::negotiate::{PatchForm, StrategicPatches, patch_form};
use super::path::{
    ObjectsPath, Route, Subresource, VIRTCTL_GROUP, VIRTCTL_VERSIONS, Verb, VirtctlObject,
};
use super::request::Asked;
use crate::metrics::Endpoint;

/// What a request was for: it travels with the answer.
pub(super) fn endpoint(asked: &Asked<'_>, route: &Route) -> Endpoint {
    let is_dry = asked.query.all("dryRun").any(|value| value == "All");
    let run = if is_dry { Run::Dry } else { Run::Real };
    let nothing = Endpoint { verb: verb(asked), run, ..Endpoint::OTHER };
    let something = Endpoint { scope: scope(asked), ..nothing };
    match route {
        Route::Objects(path) => about(something, path),
        Route::Part(path, part) => Endpoint { subresource: word(*part), ..about(something, path) },
        Route::Review(review, _) => {
            let (group, resource) = review.resource();
            Endpoint { group, version: "v1", resource, ..something }
        }
        Route::Virtctl(object) => Endpoint {
            group: VIRTCTL_GROUP,
            version: version(asked),
            resource: machines(object),
            ..something
        },
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

fn about(something: Endpoint, path: &ObjectsPath) -> Endpoint {
    Endpoint {
        group: path.served.group(),
        version: path.served.version(),
        resource: path.served.definition().plural,
        ..something
    }
}

fn machines(object: &VirtctlObject) -> &'static str {
    match object.resource.as_str() {
        "virtualmachines" => "virtualmachines",
        _ => "virtualmachineinstances",
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
