//! The documents that describe the API: complete, consistent, and what kubectl looks for in them.

use std::collections::BTreeSet;

use expect_test::expect;
use ferry_api::{KindVersion, Misfiled, VirtualResource, discovery, openapi};
use serde_json::{Value, json};

use crate::common::text;

fn document(group: &str, version: &str) -> Value {
    openapi::v3(group, version, Misfiled::Served).expect("it is served")
}

fn documents() -> impl Iterator<Item = Value> {
    discovery::group_versions().into_iter().map(|(group, version)| document(group, version))
}

/// Calls `see` with each field of each object within `value`.
fn walk(value: &Value, see: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                see(name, value);
                walk(value, see);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, see)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The operations of a document, each with its path and method.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().expect("an object") {
        for (method, operation) in item.as_object().expect("an object") {
            if method != "parameters" {
                operations.push((path.clone(), method.clone(), operation.clone()));
            }
        }
    }
    operations
}

/// The type that has this group, version and kind.
fn schema<'d>(document: &'d Value, group: &str, version: &str, kind: &str) -> &'d Value {
    let schemas = document["components"]["schemas"].as_object().expect("an object");
    let names = json!([{ "group": group, "version": version, "kind": kind }]);
    let mut found =
        schemas.values().filter(|schema| schema["x-kubernetes-group-version-kind"] == names);
    let schema = found.next().unwrap_or_else(|| panic!("no {kind} of {group}/{version}"));
    assert!(found.next().is_none(), "two {kind} of {group}/{version}");
    schema
}

#[test]
fn the_index_names_every_document_by_its_hash() {
    let index = openapi::v3_index(Misfiled::Served);
    let paths = index["paths"].as_object().unwrap();
    let served = discovery::group_versions();
    assert_eq!(paths.len(), served.len());
    let mut hashes = BTreeSet::new();
    for (group, version) in served {
        let path =
            if group.is_empty() { "api/v1".to_owned() } else { format!("apis/{group}/{version}") };
        let hash = openapi::v3_hash(group, version, Misfiled::Served).unwrap();
        assert!(hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{hash}");
        assert!(hashes.insert(hash), "{path}");
        let url = format!("/openapi/v3/{path}?hash={hash}");
        assert_eq!(paths[&path]["serverRelativeURL"], url);
    }
    assert_eq!(openapi::v3("apps", "v1", Misfiled::Served), None);
    assert_eq!(openapi::v3_hash("", "v2", Misfiled::Served), None);
}

#[test]
fn every_reference_leads_somewhere() {
    for document in documents() {
        let schemas = document["components"]["schemas"].as_object().unwrap();
        walk(&document, &mut |name, value| {
            if let ("$ref", Value::String(target)) = (name, value) {
                let target = target.strip_prefix("#/components/schemas/").unwrap();
                assert!(schemas.contains_key(target), "{target}");
            }
        });
    }
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let mut names = BTreeSet::new();
    for document in documents() {
        for (path, method, operation) in operations(&document) {
            let name = operation["operationId"].as_str().unwrap().to_owned();
            assert!(names.insert(name.clone()), "{name} at {method} {path}");
        }
    }
    assert!(names.contains("ListKubevirtIoV1NamespacedVirtualMachine"), "{names:?}");
    assert!(names.contains("ListKubevirtIoV1VirtualMachineForAllNamespaces"));
    assert!(
        names.contains("ReplaceSubresourcesKubevirtIoV1NamespacedVirtualmachineEvacuateCancel")
    );
}

#[test]
fn every_parameter_of_a_path_is_described() {
    for document in documents() {
        for (path, item) in document["paths"].as_object().unwrap() {
            let described = item["parameters"].as_array().map_or(&[][..], Vec::as_slice);
            let described: Vec<_> = described.iter().map(|p| p["name"].as_str().unwrap()).collect();
            let named: Vec<_> = path
                .split('/')
                .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
                .collect();
            assert_eq!(described, named, "{path}");
        }
    }
}

#[test]
fn paths_of_a_group_are_these() {
    let mut lines = Vec::new();
    for (group, version) in [
        ("migrations.kubevirt.io", "v1alpha1"),
        ("authorization.k8s.io", "v1"),
        ("subresources.kubevirt.io", "v1"),
    ] {
        for (path, method, operation) in operations(&document(group, version)) {
            let action = operation["x-kubernetes-action"].as_str().unwrap().to_owned();
            let kind = &operation["x-kubernetes-group-version-kind"]["kind"];
            lines.push(format!("{method} {path}: {action} {}", kind.as_str().unwrap()));
        }
    }
    expect![[r#"
        delete /apis/migrations.kubevirt.io/v1alpha1/migrationpolicies: deletecollection MigrationPolicy
        get /apis/migrations.kubevirt.io/v1alpha1/migrationpolicies: list MigrationPolicy
        post /apis/migrations.kubevirt.io/v1alpha1/migrationpolicies: post MigrationPolicy
        delete /apis/migrations.kubevirt.io/v1alpha1/migrationpolicies/{name}: delete MigrationPolicy
        get /apis/migrations.kubevirt.io/v1alpha1/migrationpolicies/{name}: get MigrationPolicy
        patch /apis/migrations.kubevirt.io/v1alpha1/migrationpolicies/{name}: patch MigrationPolicy
        put /apis/migrations.kubevirt.io/v1alpha1/migrationpolicies/{name}: put MigrationPolicy
        get /apis/migrations.kubevirt.io/v1alpha1/migrationpolicies/{name}/status: get MigrationPolicy
        patch /apis/migrations.kubevirt.io/v1alpha1/migrationpolicies/{name}/status: patch MigrationPolicy
        put /apis/migrations.kubevirt.io/v1alpha1/migrationpolicies/{name}/status: put MigrationPolicy
        delete /apis/migrations.kubevirt.io/v1alpha1/namespaces/{namespace}/virtualmachines: deletecollection VirtualMachine
        get /apis/migrations.kubevirt.io/v1alpha1/namespaces/{namespace}/virtualmachines: list VirtualMachine
        post /apis/migrations.kubevirt.io/v1alpha1/namespaces/{namespace}/virtualmachines: post VirtualMachine
        delete /apis/migrations.kubevirt.io/v1alpha1/namespaces/{namespace}/virtualmachines/{name}: delete VirtualMachine
        get /apis/migrations.kubevirt.io/v1alpha1/namespaces/{namespace}/virtualmachines/{name}: get VirtualMachine
        patch /apis/migrations.kubevirt.io/v1alpha1/namespaces/{namespace}/virtualmachines/{name}: patch VirtualMachine
        put /apis/migrations.kubevirt.io/v1alpha1/namespaces/{namespace}/virtualmachines/{name}: put VirtualMachine
        get /apis/migrations.kubevirt.io/v1alpha1/virtualmachines: list VirtualMachine
        post /apis/authorization.k8s.io/v1/namespaces/{namespace}/localsubjectaccessreviews: post LocalSubjectAccessReview
        post /apis/authorization.k8s.io/v1/selfsubjectaccessreviews: post SelfSubjectAccessReview
        post /apis/authorization.k8s.io/v1/selfsubjectrulesreviews: post SelfSubjectRulesReview
        post /apis/authorization.k8s.io/v1/subjectaccessreviews: post SubjectAccessReview
        put /apis/subresources.kubevirt.io/v1/namespaces/{namespace}/virtualmachineinstances/{name}/evacuate/cancel: put EvacuateCancelOptions
        put /apis/subresources.kubevirt.io/v1/namespaces/{namespace}/virtualmachineinstances/{name}/pause: put PauseOptions
        put /apis/subresources.kubevirt.io/v1/namespaces/{namespace}/virtualmachineinstances/{name}/unpause: put UnpauseOptions
        put /apis/subresources.kubevirt.io/v1/namespaces/{namespace}/virtualmachines/{name}/evacuate/cancel: put EvacuateCancelOptions
        put /apis/subresources.kubevirt.io/v1/namespaces/{namespace}/virtualmachines/{name}/migrate: put MigrateOptions
        put /apis/subresources.kubevirt.io/v1/namespaces/{namespace}/virtualmachines/{name}/restart: put RestartOptions
        put /apis/subresources.kubevirt.io/v1/namespaces/{namespace}/virtualmachines/{name}/start: put StartOptions
        put /apis/subresources.kubevirt.io/v1/namespaces/{namespace}/virtualmachines/{name}/stop: put StopOptions
    "#]].assert_eq(&text(&lines));
}

/// kubectl asks the patch of a kind whether the server validates fields, and takes a strategic
/// patch only where that is named.
#[test]
fn writes_can_be_validated_and_custom_kinds_take_no_strategic_patch() {
    for served in KindVersion::all() {
        let document = document(served.group(), served.version());
        let names = json!({
            "group": served.group(),
            "version": served.version(),
            "kind": served.definition().kind,
        });
        let all = operations(&document);
        let writes: Vec<_> = all
            .iter()
            .filter(|(_, _, operation)| operation["x-kubernetes-group-version-kind"] == names)
            .filter(|(_, method, _)| ["post", "put", "patch"].contains(&method.as_str()))
            .collect();
        assert!(writes.len() >= 3, "{served}");
        for (path, method, operation) in writes {
            let parameters = operation["parameters"].as_array().unwrap();
            for parameter in ["fieldValidation", "fieldManager", "dryRun"] {
                let known = parameters.iter().any(|known| known["name"] == parameter);
                assert!(known, "{method} {path} {parameter}");
            }
            if method == "patch" {
                let types = operation["requestBody"]["content"].as_object().unwrap();
                assert_eq!(
                    types.contains_key("application/strategic-merge-patch+json"),
                    !served.kind().is_custom(),
                    "{path}",
                );
                assert!(types.contains_key("application/merge-patch+json"), "{path}");
            }
        }
    }
}

#[test]
fn every_kind_has_a_type_and_a_list() {
    for served in KindVersion::all() {
        let document = document(served.group(), served.version());
        let kind = served.definition().kind;
        let own = schema(&document, served.group(), served.version(), kind);
        let meta = "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
        assert_eq!(own["properties"]["metadata"]["allOf"], json!([{ "$ref": meta }]), "{served}");
        let list = schema(&document, served.group(), served.version(), &format!("{kind}List"));
        let item = list["properties"]["items"]["items"]["allOf"][0]["$ref"].as_str().unwrap();
        let name = item.strip_prefix("#/components/schemas/").unwrap();
        assert_eq!(&document["components"]["schemas"][name], own, "{served}");
    }
    for resource in VirtualResource::ALL.iter().filter(|resource| !resource.kind.is_empty()) {
        let document = document(resource.group, resource.version);
        schema(&document, resource.group, resource.version, resource.kind);
    }
    for (kind, field) in [
        ("MigrateOptions", "addedNodeSelector"),
        ("StopOptions", "gracePeriod"),
        ("RestartOptions", "gracePeriodSeconds"),
        ("StartOptions", "paused"),
        ("EvacuateCancelOptions", "evacuationNodeName"),
        ("PauseOptions", "dryRun"),
    ] {
        let document = document("subresources.kubevirt.io", "v1");
        let options = schema(&document, "kubevirt.io", "v1", kind);
        assert!(options["properties"][field].is_object(), "{kind}.{field}");
    }
}

#[test]
fn types_have_the_names_of_real_clusters() {
    let mut names = BTreeSet::new();
    for served in KindVersion::all() {
        let document = document(served.group(), served.version());
        let types = document["components"]["schemas"].as_object().unwrap();
        let suffix = format!(".{}", served.definition().kind);
        names.extend(types.keys().filter(|name| name.ends_with(&suffix)).cloned());
    }
    expect![[r#"
        io.cncf.cni.k8s.v1.NetworkAttachmentDefinition
        io.k8s.api.coordination.v1.Lease
        io.k8s.api.core.v1.ConfigMap
        io.k8s.api.core.v1.Event
        io.k8s.api.core.v1.Namespace
        io.k8s.api.core.v1.Node
        io.k8s.api.core.v1.PersistentVolumeClaim
        io.k8s.api.core.v1.Pod
        io.k8s.api.core.v1.Secret
        io.k8s.api.core.v1.Service
        io.k8s.api.core.v1.ServiceAccount
        io.k8s.api.events.v1.Event
        io.k8s.api.rbac.v1.ClusterRole
        io.k8s.api.rbac.v1.ClusterRoleBinding
        io.k8s.api.rbac.v1.Role
        io.k8s.api.rbac.v1.RoleBinding
        io.kubevirt.hco.v1.HyperConverged
        io.kubevirt.hco.v1beta1.HyperConverged
        io.kubevirt.migrations.v1alpha1.MigrationPolicy
        io.kubevirt.migrations.v1alpha1.VirtualMachine
        io.kubevirt.v1.KubeVirt
        io.kubevirt.v1.VirtualMachine
        io.kubevirt.v1.VirtualMachineInstance
        io.kubevirt.v1.VirtualMachineInstanceMigration
        io.kubevirt.v1alpha3.KubeVirt
        io.kubevirt.v1alpha3.VirtualMachine
        io.kubevirt.v1alpha3.VirtualMachineInstance
        io.kubevirt.v1alpha3.VirtualMachineInstanceMigration
    "#]]
    .assert_eq(&text(&names.into_iter().collect::<Vec<_>>()));
}

/// What `kubectl explain vmim.spec.addedNodeSelector` and `kubectl explain migrationpolicy` print.
#[test]
fn fields_are_explained() {
    let document = document("kubevirt.io", "v1");
    let migration = schema(&document, "kubevirt.io", "v1", "VirtualMachineInstanceMigration");
    let field = &migration["properties"]["spec"]["properties"]["addedNodeSelector"];
    assert_eq!(field["type"], "object");
    assert_eq!(field["additionalProperties"], json!({ "type": "string" }));
    assert!(field["description"].as_str().unwrap().len() > 40, "{field}");
    let document = self::document("migrations.kubevirt.io", "v1alpha1");
    let policy = schema(&document, "migrations.kubevirt.io", "v1alpha1", "MigrationPolicy");
    assert!(policy["description"].as_str().unwrap().starts_with("Settings for the migrations"));
    let spec = policy["properties"]["spec"]["properties"].as_object().unwrap();
    for (name, field) in spec {
        assert!(field["description"].as_str().is_some_and(|text| !text.is_empty()), "{name}");
    }
}

#[test]
fn version_two_has_the_same_types() {
    let document = openapi::v2_json(Misfiled::Served);
    assert_eq!(document["swagger"], "2.0");
    let definitions = document["definitions"].as_object().unwrap();
    for third in documents() {
        for name in third["components"]["schemas"].as_object().unwrap().keys() {
            assert!(definitions.contains_key(name), "{name}");
        }
    }
    walk(&document, &mut |name, value| {
        if let ("$ref", Value::String(target)) = (name, value) {
            let target = target.strip_prefix("#/definitions/").unwrap();
            assert!(definitions.contains_key(target), "{target}");
        }
        assert!(!(["allOf", "anyOf"].contains(&name) && value.is_array()), "{name} {value}");
        assert!(!(name == "nullable" && value.is_boolean()), "{value}");
    });
    let service = &definitions["io.k8s.api.core.v1.Service"]["properties"]["spec"]["properties"];
    assert_eq!(service["ports"]["items"]["properties"]["targetPort"]["format"], "int-or-string");
}
