//! The paths of a document, and what can be done at each.

use serde_json::{Map, Value, json};

use super::operations::{Action, Operation, Target};
use crate::catalog::{KindVersion, Misfiled, Scope, Subresource, VirtualResource};

/// The paths of a group and version.
pub(super) fn of(group: &str, version: &str, misfiled: Misfiled) -> Map<String, Value> {
    let mut paths = Map::new();
    for served in KindVersion::all().filter(|served| misfiled.has(*served)) {
        if (served.group(), served.version()) == (group, version) {
            add_kind(&mut paths, served);
        }
    }
    for resource in VirtualResource::ALL {
        if (resource.group, resource.version) == (group, version) {
            add_virtual(&mut paths, resource);
        }
    }
    paths
}

fn root(group: &str, version: &str) -> String {
    if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") }
}

/// The path of a collection, and the names that stand for parts of it.
fn collection(
    group: &str,
    version: &str,
    plural: &str,
    scope: Scope,
) -> (String, Vec<&'static str>) {
    let root = root(group, version);
    match scope {
        Scope::Cluster => (format!("{root}/{plural}"), vec![]),
        Scope::Namespaced => {
            (format!("{root}/namespaces/{{namespace}}/{plural}"), vec!["namespace"])
        }
    }
}

fn add_kind(paths: &mut Map<String, Value>, served: KindVersion) {
    let definition = served.definition();
    let (group, version) = (served.group(), served.version());
    let target = Target {
        custom: served.kind().is_custom(),
        names: (group, version, definition.kind),
        body: (group, version, definition.kind),
        part: "",
    };
    let (collection, mut parts) = collection(group, version, definition.plural, definition.scope);
    let mut actions = vec![("get", Action::List), ("post", Action::Create)];
    if served.kind().verbs().contains(&"deletecollection") {
        actions.push(("delete", Action::DeleteCollection));
    }
    paths.insert(collection.clone(), item(&target, &actions, &parts));
    if definition.scope == Scope::Namespaced {
        let everywhere = format!("{}/{}", root(group, version), definition.plural);
        let list = Target { part: "ForAllNamespaces", ..target };
        paths.insert(everywhere, item(&list, &[("get", Action::List)], &[]));
    }
    parts.push("name");
    let object = format!("{collection}/{{name}}");
    let actions = [
        ("get", Action::Get),
        ("put", Action::Update),
        ("patch", Action::Patch),
        ("delete", Action::Delete),
    ];
    paths.insert(object.clone(), item(&target, &actions, &parts));
    for below in served.subresources() {
        add_below(paths, &object, &target, below, &parts);
    }
}

fn add_virtual(paths: &mut Map<String, Value>, resource: &VirtualResource) {
    let names = (resource.group, resource.version, resource.kind);
    let (collection, mut parts) =
        collection(resource.group, resource.version, resource.plural, resource.scope);
    let target = Target { custom: false, names, body: names, part: "" };
    if !resource.kind.is_empty() {
        paths.insert(collection.clone(), item(&target, &[("post", Action::Create)], &parts));
    }
    parts.push("name");
    let object = format!("{collection}/{{name}}");
    for below in resource.subresources {
        let target = Target { names: (names.0, names.1, resource.singular), ..target };
        add_below(paths, &object, &target, below, &parts);
    }
}

/// A path below an object.
fn add_below(
    paths: &mut Map<String, Value>,
    object: &str,
    owner: &Target<'_>,
    below: &Subresource,
    parts: &[&str],
) {
    let body = below.body.map_or(owner.body, |body| (body.group, body.version, body.kind));
    let target = Target { body, part: below.name, ..*owner };
    let actions: Vec<(&str, Action)> = below
        .verbs
        .iter()
        .filter_map(|verb| match *verb {
            "create" => Some(("post", Action::Create)),
            "get" => Some(("get", Action::Get)),
            "patch" => Some(("patch", Action::Patch)),
            "update" => Some(("put", Action::Update)),
            _ => None,
        })
        .collect();
    paths.insert(format!("{object}/{}", below.name), item(&target, &actions, parts));
}

/// One path: its parts, and an operation for each method.
fn item(target: &Target<'_>, actions: &[(&str, Action)], parts: &[&str]) -> Value {
    let parameters: Vec<Value> = parts
        .iter()
        .map(|part| {
            json!({
                "name": part,
                "in": "path",
                "required": true,
                "description": format!("The {part} of the object."),
                "schema": { "type": "string", "uniqueItems": true },
            })
        })
        .collect();
    let mut item = Map::new();
    for (method, action) in actions {
        let namespaced = parts.contains(&"namespace");
        let operation = Operation { action: *action, target, namespaced }.describe();
        item.insert((*method).to_owned(), operation);
    }
    if !parameters.is_empty() {
        item.insert("parameters".to_owned(), Value::Array(parameters));
    }
    Value::Object(item)
}
