//! What the tests of this folder share: from text to objects and back to JSON.

use expect_test::Expect;
use ferry_api::manifest::{self, Document};
use ferry_api::{Decoded, FieldError, Object, decode};
use serde_json::{Map, Value, json};

/// The one document of a YAML text.
pub(crate) fn document(yaml: &str) -> Map<String, Value> {
    let mut documents = manifest::read(yaml).expect("the test's own YAML is well-formed");
    assert_eq!(documents.len(), 1, "one document expected in:\n{yaml}");
    documents.remove(0).value
}

/// All documents of a file under `tests/manifests`.
pub(crate) fn documents(text: &str) -> Vec<Document> {
    manifest::read(text).expect("the test's own manifests are well-formed")
}

/// The object that a document is.
pub(crate) fn object(document: &Map<String, Value>) -> Object {
    match decode(document) {
        Ok(Decoded::Known { object, .. }) => object,
        Ok(Decoded::Foreign { api_version, kind }) => panic!("{kind} of {api_version} is foreign"),
        Err(errors) => panic!("{}", lines(&errors)),
    }
}

/// One error a line.
pub(crate) fn lines(errors: &[FieldError]) -> String {
    text(errors)
}

/// One item a line.
pub(crate) fn text<T: ToString>(items: &[T]) -> String {
    let lines: Vec<String> = items.iter().map(ToString::to_string).collect();
    if lines.is_empty() { String::new() } else { lines.join("\n") + "\n" }
}

/// An object as the API writes it. The built-in types of `k8s-openapi` write their own
/// `apiVersion` and `kind`, as ours do.
pub(crate) fn encode(object: &Object) -> Map<String, Value> {
    let encoded = match object {
        Object::VirtualMachine(object) => json!(object),
        Object::VirtualMachineInstance(object) => json!(object),
        Object::VirtualMachineInstanceMigration(object) => json!(object),
        Object::MigrationPolicy(object) => json!(object),
        Object::KubeVirt(object) => json!(object),
        Object::HyperConvergedV1(object) => json!(object),
        Object::HyperConvergedV1Beta1(object) => json!(object),
        Object::NetworkAttachmentDefinition(object) => json!(object),
        Object::Node(object) => json!(object),
        Object::Namespace(object) => json!(object),
        Object::Pod(object) => json!(object),
        Object::Event(object) => json!(object),
        Object::Lease(object) => json!(object),
        Object::PersistentVolumeClaim(object) => json!(object),
        Object::ConfigMap(object) => json!(object),
        Object::Secret(object) => json!(object),
        Object::Service(object) => json!(object),
        Object::ServiceAccount(object) => json!(object),
        Object::ClusterRole(object) => json!(object),
        Object::ClusterRoleBinding(object) => json!(object),
        Object::Role(object) => json!(object),
        Object::RoleBinding(object) => json!(object),
    };
    match encoded {
        Value::Object(encoded) => encoded,
        other => panic!("an object is a mapping, not {other}"),
    }
}

/// The value without fields that are `null`, which mean "not written".
pub(crate) fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, without_nulls(value)))
            .collect(),
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        scalar => scalar,
    }
}

/// Holds what `decode` says of a wrong document against `expected`.
pub(crate) fn check_errors(yaml: &str, expected: &Expect) {
    let errors = decode(&document(yaml)).expect_err("the document is wrong");
    expected.assert_eq(&lines(&errors));
}

/// Each object with its place, one a line; or the error.
pub(crate) fn read(manifest: &str) -> String {
    match manifest::read(manifest) {
        Ok(documents) => {
            let line =
                |document: &Document| format!("{}: {}", document.place, json!(document.value));
            text(&documents.iter().map(line).collect::<Vec<_>>())
        }
        Err(error) => format!("error in {error}\n"),
    }
}

pub(crate) fn check_read(manifest: &str, expected: &Expect) {
    expected.assert_eq(&read(manifest));
}
