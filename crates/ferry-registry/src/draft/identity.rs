//! Is an object what the URL says it is?

use ferry_api::{KindVersion, Scope};
use serde_json::Value;

use crate::document::{meta_text, metadata_mut, text};
use crate::draft::has_status_path;
use crate::object::{Document, Part, Target};
use crate::refusal::Refusal;

/// The `apiVersion` that the documentation's example of a VirtualMachine carries.
const POLICY_API_VERSION: &str = "migrations.kubevirt.io/v1alpha1";

/// How much of a body that says nothing of itself is repeated to its sender.
const LONGEST_BODY_SHOWN: usize = 512;

fn refuse<T>(message: String) -> Result<T, Refusal> {
    Err(Refusal::BadRequest { message })
}

/// Checks that an object is of the kind, name and namespace that the URL names, and writes into it
/// what it leaves open. Gives what the client should be warned of.
pub(super) fn identify(target: &Target, object: &mut Document) -> Result<Vec<String>, Refusal> {
    let mut warnings = Vec::new();
    check_kind(target.served, object, &mut warnings)?;
    match object.get("metadata") {
        None | Some(Value::Null | Value::Object(_)) => {}
        Some(_) => return refuse("metadata: must be an object".to_owned()),
    }
    check_name(target, object)?;
    check_namespace(target, object)?;
    object.insert("apiVersion".to_owned(), Value::from(target.served.api_version()));
    object.insert("kind".to_owned(), Value::from(target.served.definition().kind));
    Ok(warnings)
}

// PARITY: apiserver/pkg/endpoints/handlers/create.go#createHandler
fn check_kind(
    served: KindVersion,
    object: &Document,
    warnings: &mut Vec<String>,
) -> Result<(), Refusal> {
    let expected = served.definition().kind;
    let (api_version, kind) = (text(object, "apiVersion"), text(object, "kind"));
    if served.kind().is_custom() && (kind.is_empty() || api_version.is_empty()) {
        let missing = if kind.is_empty() { "Kind" } else { "apiVersion" };
        let mut shown = Value::Object(object.clone()).to_string();
        if let Some((end, _)) = shown.char_indices().nth(LONGEST_BODY_SHOWN) {
            shown.truncate(end);
        }
        return refuse(format!(
            "the object provided is unrecognized (must be of type {expected}): Object '{missing}' \
             is missing in '{shown}'"
        ));
    }
    let refiled = api_version == POLICY_API_VERSION
        && kind == "VirtualMachine"
        && served.kind() == ferry_api::Kind::VirtualMachine;
    if refiled {
        warnings.push(format!(
            "there is no VirtualMachine in {POLICY_API_VERSION}; it was read as {}",
            served.api_version()
        ));
        return Ok(());
    }
    if !kind.is_empty() && kind != expected {
        let (_, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
        return refuse(format!("{kind} in version {version:?} cannot be handled as a {expected}"));
    }
    if !api_version.is_empty() && api_version != served.api_version() {
        return refuse(format!(
            "the API version in the data ({api_version}) does not match the expected API version \
             ({})",
            served.api_version()
        ));
    }
    Ok(())
}

/// Checks that an object has the name that the URL names.
// PARITY: apiserver/pkg/endpoints/handlers/rest.go#checkName
pub(crate) fn check_name(target: &Target, object: &Document) -> Result<(), Refusal> {
    if target.name.is_empty() {
        return Ok(());
    }
    match meta_text(object, "name") {
        "" => refuse(format!(
            "the name of the object ({} based on URL) was undeterminable: name must be provided",
            target.name
        )),
        name if name != target.name => refuse(format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            target.name
        )),
        _ => Ok(()),
    }
}

/// Checks that an object is in the namespace that the URL names, and writes that into it; an object
/// of the whole cluster is in none.
// PARITY: apiserver/pkg/registry/rest/meta.go#EnsureObjectNamespaceMatchesRequestNamespace
pub(crate) fn check_namespace(target: &Target, object: &mut Document) -> Result<(), Refusal> {
    let found = meta_text(object, "namespace");
    match target.served.definition().scope {
        Scope::Cluster => {
            if !found.is_empty() {
                metadata_mut(object).remove("namespace");
            }
            Ok(())
        }
        Scope::Namespaced if found.is_empty() => {
            let namespace = Value::from(target.namespace.as_str());
            metadata_mut(object).insert("namespace".to_owned(), namespace);
            Ok(())
        }
        Scope::Namespaced if found != target.namespace => refuse(
            "the namespace of the provided object does not match the namespace sent on the request"
                .to_owned(),
        ),
        Scope::Namespaced => Ok(()),
    }
}

/// Drops what is not written through the path that was used.
pub(super) fn keep_part(target: &Target, object: &mut Document) {
    match target.part {
        // Of the built-in kinds, some take the status when they are created.
        Part::Main if has_status_path(target.served) && target.served.kind().is_custom() => {
            object.remove("status");
        }
        Part::Main | Part::Binding => {}
        Part::Status => object.retain(|name, _| {
            matches!(name.as_str(), "apiVersion" | "kind" | "metadata" | "status")
        }),
        Part::Finalize => object
            .retain(|name, _| matches!(name.as_str(), "apiVersion" | "kind" | "metadata" | "spec")),
    }
}

/// Checks that a body binds the pod that the URL names, if it names one, to a node.
pub(super) fn check_binding(target: &Target, binding: &Document) -> Result<(), Refusal> {
    let (api_version, kind) = (text(binding, "apiVersion"), text(binding, "kind"));
    if !matches!(kind, "" | "Binding") || !matches!(api_version, "" | "v1") {
        let (_, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
        return refuse(format!("{kind} in version {version:?} cannot be handled as a Binding"));
    }
    let name = meta_text(binding, "name");
    if !name.is_empty() && !target.name.is_empty() && name != target.name {
        return refuse("name in URL does not match name in Binding object".to_owned());
    }
    match meta_text(binding, "namespace") {
        "" => Ok(()),
        namespace if namespace == target.namespace => Ok(()),
        _ => refuse(
            "the namespace of the provided object does not match the namespace sent on the request"
                .to_owned(),
        ),
    }
}
