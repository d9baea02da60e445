//! What is special about namespaces: others live in them, and they wait for those to go.

use ferry_api::{Kind, KindVersion};
use serde_json::{Value, json};

use crate::admission::Admission;
use crate::decide::{Job, namespace_of};
use crate::document::{meta_text, metadata_mut, section_mut};
use crate::object::Document;
use crate::refusal::{DeniedCause, Refusal};

/// The namespaces that cannot be deleted.
// PARITY: apiserver/pkg/admission/plugin/namespace/lifecycle/admission.go#NewLifecycle
const IMMORTAL: [&str; 3] = ["default", "kube-system", "kube-public"];

/// The label that every namespace has, so that selectors can name it.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// Checks that the namespace of a new object is there and stays there.
// PARITY: apiserver/pkg/admission/plugin/namespace/lifecycle/admission.go#Admit
pub(super) fn check_lifecycle<A: Admission>(job: &Job<'_, A>) -> Result<(), Refusal> {
    let target = job.target();
    let Some(key) = namespace_of(target) else { return Ok(()) };
    let served = KindVersion::storage(Kind::Namespace);
    let Some(namespace) = job.state.object(&key) else {
        return Err(Refusal::NotFound { served, name: key.name });
    };
    if namespace.meta.deleted().is_none() {
        return Ok(());
    }
    let name = match &job.request.write {
        crate::request::Write::Create(draft) => meta_text(draft.object(), "name").to_owned(),
        crate::request::Write::Update(_)
        | crate::request::Write::Patch(_)
        | crate::request::Write::Delete(_) => target.name.clone(),
    };
    Err(Refusal::Forbidden {
        served: target.served,
        name,
        message: format!(
            "unable to create new content in namespace {} because it is being terminated",
            key.name
        ),
        cause: Some(Box::new(DeniedCause {
            reason: "NamespaceTerminating".to_owned(),
            message: format!("namespace {} is being terminated", key.name),
            field: "metadata.namespace".to_owned(),
        })),
    })
}

/// Checks that a namespace may be deleted.
pub(super) fn check_mortal<A: Admission>(job: &Job<'_, A>) -> Result<(), Refusal> {
    let target = job.target();
    if job.kind() != Kind::Namespace || !IMMORTAL.contains(&target.name.as_str()) {
        return Ok(());
    }
    Err(Refusal::Forbidden {
        served: target.served,
        name: target.name.clone(),
        message: "this namespace may not be deleted".to_owned(),
        cause: None,
    })
}

/// What a new namespace has.
// PARITY: pkg/registry/core/namespace/strategy.go#PrepareForCreate
pub(super) fn prepare(namespace: &mut Document) {
    let finalizers = section_mut(namespace, "spec").entry("finalizers").or_insert(Value::Null);
    if !finalizers.is_array() {
        *finalizers = json!([]);
    }
    if let Some(finalizers) = finalizers.as_array_mut()
        && !finalizers.iter().any(|one| one == "kubernetes")
    {
        finalizers.push(Value::from("kubernetes"));
    }
    namespace.insert("status".to_owned(), json!({ "phase": "Active" }));
}

/// Labels a namespace with its own name.
// PARITY: pkg/apis/core/v1/defaults.go#SetDefaults_Namespace
pub(super) fn label(namespace: &mut Document) {
    let name = meta_text(namespace, "name").to_owned();
    let labels = section_mut(metadata_mut(namespace), "labels");
    labels.insert(NAME_LABEL.to_owned(), Value::from(name));
}

/// The finalizers in the spec of a namespace: it stays as long as there are any.
pub(super) fn spec_finalizers(namespace: &Document) -> usize {
    let finalizers = crate::document::at(namespace, "spec.finalizers").and_then(Value::as_array);
    finalizers.map_or(0, Vec::len)
}
