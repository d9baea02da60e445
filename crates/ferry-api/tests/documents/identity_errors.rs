//! What `decode` says of documents that do not say properly what they are: their type, their name,
//! their labels.

use expect_test::{Expect, expect};
use ferry_api::{Decoded, decode};

use crate::common::{check_errors, document};

/// The error of a migration with `metadata`.
fn check_metadata(metadata: &str, expected: &Expect) {
    check_errors(
        &format!(
            "apiVersion: kubevirt.io/v1\nkind: VirtualMachineInstanceMigration\n\
             metadata: {metadata}\nspec: {{vmiName: b}}\n"
        ),
        expected,
    );
}

#[test]
fn a_document_says_what_it_is() {
    check_errors(
        "metadata: {name: a}",
        &expect![[r#"
        apiVersion: Required value: must be a string such as kubevirt.io/v1
        kind: Required value: must be a string such as VirtualMachine
    "#]],
    );
    check_errors(
        "apiVersion: 1\nkind: [VirtualMachine]\n",
        &expect![[r#"
        apiVersion: Invalid value: 1: must be a string such as kubevirt.io/v1
        kind: Invalid value: ["VirtualMachine"]: must be a string such as VirtualMachine
    "#]],
    );
    check_errors(
        "apiVersion: ''\nkind: null\n",
        &expect![[r#"
        apiVersion: Required value: must be a string such as kubevirt.io/v1
        kind: Required value: must be a string such as VirtualMachine
    "#]],
    );
}

#[test]
fn a_kind_of_ours_in_another_group_is_sent_to_its_own() {
    check_errors(
        "apiVersion: kubevirt.io/v1\nkind: MigrationPolicy\n",
        &expect![[r#"
        apiVersion: Invalid value: "kubevirt.io/v1": no matches for kind "MigrationPolicy" in version "kubevirt.io/v1"; use migrations.kubevirt.io/v1alpha1
    "#]],
    );
    check_errors(
        "apiVersion: v1\nkind: VirtualMachine\n",
        &expect![[r#"
        apiVersion: Invalid value: "v1": no matches for kind "VirtualMachine" in version "v1"; use kubevirt.io/v1 or kubevirt.io/v1alpha3
    "#]],
    );
    check_errors(
        "apiVersion: kubevirt.io/v1\nkind: HyperConverged\n",
        &expect![[r#"
        apiVersion: Invalid value: "kubevirt.io/v1": no matches for kind "HyperConverged" in version "kubevirt.io/v1"; use hco.kubevirt.io/v1 or hco.kubevirt.io/v1beta1
    "#]],
    );
    check_errors(
        "apiVersion: kubevirt.io/v1\nkind: Node\n",
        &expect![[r#"
        apiVersion: Invalid value: "kubevirt.io/v1": no matches for kind "Node" in version "kubevirt.io/v1"; use v1
    "#]],
    );
}

#[test]
fn a_version_that_nobody_serves_is_refused() {
    check_errors(
        "apiVersion: kubevirt.io/v1beta1\nkind: VirtualMachineInstanceMigration\n",
        &expect![[r#"
            apiVersion: Invalid value: "kubevirt.io/v1beta1": no matches for kind "VirtualMachineInstanceMigration" in version "kubevirt.io/v1beta1"; use kubevirt.io/v1 or kubevirt.io/v1alpha3
        "#]],
    );
    check_errors(
        "apiVersion: migrations.kubevirt.io/v1\nkind: MigrationPolicy\n",
        &expect![[r#"
        apiVersion: Invalid value: "migrations.kubevirt.io/v1": no matches for kind "MigrationPolicy" in version "migrations.kubevirt.io/v1"; use migrations.kubevirt.io/v1alpha1
    "#]],
    );
}

#[test]
fn a_kind_in_other_letters_is_corrected() {
    check_errors(
        "apiVersion: kubevirt.io/v1\nkind: virtualmachine\n",
        &expect![[r#"
        kind: Invalid value: "virtualmachine": no matches for kind "virtualmachine" in version "kubevirt.io/v1"; use VirtualMachine in kubevirt.io/v1 or kubevirt.io/v1alpha3
    "#]],
    );
    check_errors(
        "apiVersion: k8s.cni.cncf.io/v1\nkind: NetworkAttachmentdefinition\n",
        &expect![[r#"
        kind: Invalid value: "NetworkAttachmentdefinition": no matches for kind "NetworkAttachmentdefinition" in version "k8s.cni.cncf.io/v1"; use NetworkAttachmentDefinition in k8s.cni.cncf.io/v1
    "#]],
    );
}

#[test]
fn what_is_not_ours_is_foreign() {
    for (api_version, kind) in [
        ("apps/v1", "Deployment"),
        ("cdi.kubevirt.io/v1beta1", "DataVolume"),
        ("events.k8s.io/v1", "Event"),
        ("example.com/v1", "VirtualMachine"),
        ("v1", "ReplicationController"),
    ] {
        let found = decode(&document(&format!("apiVersion: {api_version}\nkind: {kind}\n")));
        let (api_version, kind) = (api_version.to_owned(), kind.to_owned());
        assert_eq!(found, Ok(Decoded::Foreign { api_version, kind }));
    }
}

#[test]
fn an_object_has_a_name_of_the_right_form() {
    check_metadata(
        "{}",
        &expect![[r#"
        metadata.name: Required value: name or generateName is required
    "#]],
    );
    check_metadata(
        "{name: ''}",
        &expect![[r#"
        metadata.name: Required value: name or generateName is required
    "#]],
    );
    check_metadata(
        "{name: My_VM}",
        &expect![[r#"
        metadata.name: Invalid value: "My_VM": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
    "#]],
    );
    check_metadata(
        "{generateName: Evacuate-}",
        &expect![[r#"
        metadata.generateName: Invalid value: "Evacuate-": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
    "#]],
    );
    check_metadata(
        "{name: a, namespace: a.b}",
        &expect![[r#"
        metadata.namespace: Invalid value: "a.b": must not contain dots
    "#]],
    );
    check_metadata(
        "[]",
        &expect![[r#"
            metadata: Invalid value: []: must be an object
        "#]],
    );
    check_errors(
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: a.b}\n",
        &expect![[r#"
        metadata.name: Invalid value: "a.b": must not contain dots
    "#]],
    );
    check_errors(
        "apiVersion: v1\nkind: Node\nmetadata: {name: a, namespace: default}\n",
        &expect![[r#"
        metadata.namespace: Invalid value: "default": must not be set: objects of this kind belong to the whole cluster
    "#]],
    );
}

#[test]
fn a_name_that_looks_like_a_number_needs_quotes() {
    check_metadata(
        "{name: 007}",
        &expect![[r#"
            metadata.name: Invalid value: 7: must be a string; put it in quotes
        "#]],
    );
    check_metadata(
        "{name: yes}",
        &expect![[r#"
            metadata.name: Invalid value: true: must be a string; put it in quotes
        "#]],
    );
}

#[test]
fn parity_the_key_of_an_annotation_may_have_capitals_before_its_slash() {
    let with = |field: &str| {
        document(&format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{name: a, {field}: {{Example.com/a: b}}}}\n"
        ))
    };
    assert!(decode(&with("annotations")).is_ok());
    assert!(decode(&with("labels")).is_err());
}

#[test]
fn labels_and_annotations_have_keys_and_values_of_the_right_form() {
    check_metadata(
        "{name: a, labels: {a b: c}}",
        &expect![[r#"
        metadata.labels: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
    "#]],
    );
    check_metadata(
        "{name: a, labels: {a: b c}}",
        &expect![[r#"
        metadata.labels[a]: Invalid value: "b c": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')
    "#]],
    );
    check_metadata(
        "{name: a, labels: {a: }}",
        &expect![[r#"
        metadata.labels[a]: Invalid value: null: must be a string; write "" for an empty one
    "#]],
    );
    check_metadata(
        "{name: a, labels: {a: true, b: 1.5}}",
        &expect![[r#"
            metadata.labels[a]: Invalid value: true: must be a string; put it in quotes
            metadata.labels[b]: Invalid value: 1.5: must be a string; put it in quotes
        "#]],
    );
    check_metadata(
        "{name: a, annotations: {/a: b}}",
        &expect![[r#"
        metadata.annotations: Invalid value: "/a": prefix part must be non-empty
    "#]],
    );
    check_errors(
        "apiVersion: kubevirt.io/v1\nkind: VirtualMachine\nmetadata: {name: a}\n\
         spec: {template: {metadata: {labels: {size: very large}}}}\n",
        &expect![[r#"
            spec.template.metadata.labels[size]: Invalid value: "very large": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')
        "#]],
    );
}
