//! Discovery of everything in two requests: what kubectl and client-go read.

use serde_json::{Map, Value, json};

use super::{GROUPS, body, kinds, versions, virtual_resources};
use crate::catalog::{KindVersion, Misfiled, Scope, Subresource, VirtualResource};

/// The path that is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// `/api`: the core group.
    Core,
    /// `/apis`: all others.
    Groups,
}

/// The version of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edition {
    /// `apidiscovery.k8s.io/v2`, since Kubernetes 1.30.
    V2,
    /// `apidiscovery.k8s.io/v2beta1`, the same for older clients.
    V2Beta1,
}

impl Edition {
    /// The document's `apiVersion`.
    pub const fn api_version(self) -> &'static str {
        match self {
            Self::V2 => "apidiscovery.k8s.io/v2",
            Self::V2Beta1 => "apidiscovery.k8s.io/v2beta1",
        }
    }
}

/// The groups below a path with their versions and resources: an `APIGroupDiscoveryList`.
pub fn aggregated(root: Root, edition: Edition, misfiled: Misfiled) -> Value {
    let items: Vec<Value> = match root {
        Root::Core => vec![group("", misfiled)],
        Root::Groups => GROUPS.iter().map(|name| group(name, misfiled)).collect(),
    };
    json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": edition.api_version(),
        "metadata": {},
        "items": items,
    })
}

fn group(name: &str, misfiled: Misfiled) -> Value {
    let metadata = if name.is_empty() { json!({}) } else { json!({ "name": name }) };
    let versions: Vec<Value> = versions(name)
        .into_iter()
        .map(|version| {
            let kept = kinds(name, version, misfiled).map(kept);
            let answered = virtual_resources(name, version).map(answered);
            let mut resources: Vec<Value> = kept.chain(answered).collect();
            resources
                .sort_by(|one, other| one["resource"].as_str().cmp(&other["resource"].as_str()));
            json!({ "version": version, "freshness": "Current", "resources": resources })
        })
        .collect();
    json!({ "metadata": metadata, "versions": versions })
}

fn kept(served: KindVersion) -> Value {
    let definition = served.definition();
    let names = (served.group(), served.version(), definition.kind);
    let mut described = Map::from_iter([
        ("resource".to_owned(), json!(definition.plural)),
        ("responseKind".to_owned(), kind(names)),
        ("scope".to_owned(), scope(definition.scope)),
        ("singularResource".to_owned(), json!(definition.singular)),
        ("verbs".to_owned(), json!(served.verbs())),
    ]);
    if !definition.short_names.is_empty() {
        described.insert("shortNames".to_owned(), json!(definition.short_names));
    }
    if !definition.categories.is_empty() {
        described.insert("categories".to_owned(), json!(definition.categories));
    }
    below(&mut described, served.subresources(), names);
    Value::Object(described)
}

/// A resource that is only there for what is below it has an empty kind and no verbs.
fn answered(resource: &VirtualResource) -> Value {
    let names = match resource.kind {
        "" => ("", "", ""),
        kind => (resource.group, resource.version, kind),
    };
    let mut described = Map::from_iter([
        ("resource".to_owned(), json!(resource.plural)),
        ("responseKind".to_owned(), kind(names)),
        ("scope".to_owned(), scope(resource.scope)),
        ("singularResource".to_owned(), json!(resource.singular)),
        ("verbs".to_owned(), json!(resource.verbs)),
    ]);
    below(&mut described, resource.subresources, names);
    Value::Object(described)
}

fn below(
    described: &mut Map<String, Value>,
    subresources: &[Subresource],
    own: (&str, &str, &str),
) {
    let subresources: Vec<Value> = subresources
        .iter()
        .map(|subresource| {
            json!({
                "subresource": subresource.name,
                "responseKind": kind(body(subresource, own)),
                "verbs": subresource.verbs,
            })
        })
        .collect();
    if !subresources.is_empty() {
        described.insert("subresources".to_owned(), Value::Array(subresources));
    }
}

fn kind((group, version, kind): (&str, &str, &str)) -> Value {
    json!({ "group": group, "version": version, "kind": kind })
}

fn scope(scope: Scope) -> Value {
    json!(match scope {
        Scope::Cluster => "Cluster",
        Scope::Namespaced => "Namespaced",
    })
}
