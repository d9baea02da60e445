//! What is written is kept: each manifest under `tests/manifests` decodes, and the typed object
//! writes the same JSON again, but for `null`s. Nothing is lost and nothing is added.

use expect_test::expect;
use ferry_api::{Kind, Object};
use serde_json::{Value, json};

use crate::common::{document, documents, encode, object, without_nulls};

pub(crate) const MANIFESTS: [(&str, &str); 12] = [
    ("breadth", include_str!("../manifests/breadth.yaml")),
    ("cluster", include_str!("../manifests/cluster.yaml")),
    ("hyperconverged-v1", include_str!("../manifests/hyperconverged-v1.yaml")),
    ("hyperconverged-v1beta1", include_str!("../manifests/hyperconverged-v1beta1.yaml")),
    ("kubevirt", include_str!("../manifests/kubevirt.yaml")),
    ("migrations", include_str!("../manifests/migrations.yaml")),
    ("networks", include_str!("../manifests/networks.yaml")),
    ("policies", include_str!("../manifests/policies.yaml")),
    ("vm-postgres", include_str!("../manifests/vm-postgres.yaml")),
    ("vm-realtime-gpu", include_str!("../manifests/vm-realtime-gpu.yaml")),
    ("vm-windows", include_str!("../manifests/vm-windows.yaml")),
    ("vmi-running", include_str!("../manifests/vmi-running.yaml")),
];

#[test]
fn objects_are_written_as_they_were_read() {
    for (file, text) in MANIFESTS {
        for document in documents(text) {
            let written = without_nulls(Value::Object(encode(&object(&document.value))));
            let read = without_nulls(Value::Object(document.value));
            assert_eq!(written, read, "{file}, {}", document.place);
        }
    }
}

#[test]
fn the_manifests_cover_every_kind() {
    let mut kinds: Vec<&str> = Vec::new();
    let all: Vec<_> = MANIFESTS.iter().flat_map(|(_, text)| documents(text)).collect();
    kinds.extend(all.iter().filter_map(|document| document.value["kind"].as_str()));
    for kind in Kind::ALL {
        assert!(kinds.contains(&kind.definition().kind), "no manifest of a {kind}");
    }
}

#[test]
fn the_deprecated_version_is_read_and_written_as_the_current_one() {
    for (file, text) in MANIFESTS {
        for document in documents(text) {
            let current = Value::Object(document.value.clone());
            if current["apiVersion"] != "kubevirt.io/v1" {
                continue;
            }
            let mut deprecated = document.value;
            deprecated.insert("apiVersion".to_owned(), json!("kubevirt.io/v1alpha3"));
            let written = without_nulls(Value::Object(encode(&object(&deprecated))));
            assert_eq!(written, without_nulls(current), "{file}, {}", document.place);
        }
    }
}

#[test]
fn quantities_keep_the_form_they_were_written_in() {
    let policy = |bandwidth: &str| {
        let text = format!(
            "apiVersion: migrations.kubevirt.io/v1alpha1\nkind: MigrationPolicy\n\
             metadata: {{name: a}}\nspec: {{selectors: {{}}, bandwidthPerMigration: {bandwidth}}}\n"
        );
        encode(&object(&document(&text)))["spec"]["bandwidthPerMigration"].clone()
    };
    assert_eq!(policy("1024Mi"), json!("1024Mi"));
    assert_eq!(policy("'0.5Gi'"), json!("0.5Gi"));
    assert_eq!(policy("1e3"), json!(1000));
    assert_eq!(policy("64"), json!(64));
    assert_eq!(policy("'64'"), json!("64"));
}

#[test]
fn a_node_may_write_its_size_in_numbers_and_says_it_in_texts() {
    let node = document(
        "apiVersion: v1\nkind: Node\nmetadata: {name: a}\n\
         status: {capacity: {cpu: 8, memory: 32Gi, pods: 110, ephemeral-storage: 0.5}}\n",
    );
    expect![[r#"{"cpu":"8","ephemeral-storage":"0.5","memory":"32Gi","pods":"110"}"#]]
        .assert_eq(&encode(&object(&node))["status"]["capacity"].to_string());
}

#[test]
fn a_machine_without_hardware_is_written_with_an_empty_one() {
    // As an example of the documentation has it; a cluster asks for the rest where there is a spec.
    let vm = document(
        "kind: VirtualMachine\napiVersion: kubevirt.io/v1\nmetadata: {name: a}\nspec: {template: {}}\n",
    );
    assert_eq!(
        encode(&object(&vm))["spec"]["template"],
        json!({ "spec": { "domain": { "devices": {} } } })
    );
}

#[test]
fn a_virtual_machine_in_the_group_of_policies_is_read_as_what_it_is() {
    let vm = document(
        "apiVersion: migrations.kubevirt.io/v1alpha1\nkind: VirtualMachine\n\
         metadata: {name: a}\nspec: {template: {}}\n",
    );
    assert!(matches!(object(&vm), Object::VirtualMachine(_)));
    assert_eq!(encode(&object(&vm))["apiVersion"], "kubevirt.io/v1");
}

#[test]
fn times_are_written_in_utc_and_whole_seconds() {
    let vmim = document(
        "apiVersion: kubevirt.io/v1\nkind: VirtualMachineInstanceMigration\n\
         metadata: {name: a, creationTimestamp: '2026-11-23T10:15:00.25+02:00'}\nspec: {vmiName: b}\n",
    );
    assert_eq!(encode(&object(&vmim))["metadata"]["creationTimestamp"], "2026-11-23T08:15:00Z");
}
