//! Schemas: complete enough to explain, strict enough for a CustomResourceDefinition.

use expect_test::expect;
use ferry_api::schema::{Schema, Shape, Text, UnknownFields};
use ferry_api::{Kind, KindVersion};
use serde_json::{Value, json};

use crate::common::text;

/// Every schema of every kind and version, with its name.
fn schemas() -> impl Iterator<Item = (String, &'static Schema)> {
    KindVersion::all().map(|served| {
        let elsewhere = served.group() != served.definition().group;
        let group = if elsewhere { format!("{}/", served.group()) } else { String::new() };
        (format!("{}/{group}{}", served.kind(), served.version()), served.schema())
    })
}

/// Calls `see` with each schema within `schema` and its path; list items are `[]`, map values `{}`.
fn walk(path: &str, schema: &Schema, see: &mut impl FnMut(&str, &Schema)) {
    see(path, schema);
    match &schema.shape {
        Shape::Array(items) => walk(&format!("{path}[]"), items, see),
        Shape::Map(values) => walk(&format!("{path}{{}}"), values, see),
        Shape::Object(object) => {
            for (name, property) in &object.properties {
                walk(&format!("{path}.{name}"), property, see);
            }
        }
        Shape::Anything
        | Shape::Boolean
        | Shape::Integer { .. }
        | Shape::Number
        | Shape::String(_)
        | Shape::IntOrString(_) => {}
    }
}

#[test]
fn every_version_that_is_served_has_a_schema_and_no_other_has() {
    assert_eq!(schemas().count(), 28);
    assert_eq!(Kind::VirtualMachine.schema("v2"), None);
}

#[test]
fn every_field_is_described() {
    for (kind, schema) in schemas() {
        walk(&kind, schema, &mut |path, schema| {
            let has_name = !path.ends_with("[]") && !path.ends_with("{}");
            // k8s-openapi describes the fields of its metadata, but not always the whole.
            let described = schema.description.as_ref().is_some_and(|text| !text.is_empty());
            assert!(described || !has_name, "{path} has no description");
        });
    }
}

#[test]
fn only_fields_of_the_platforms_configuration_and_protocols_of_ports_have_defaults() {
    let mut defaults = Vec::new();
    for (kind, schema) in schemas() {
        walk(&kind, schema, &mut |path, schema| {
            if let Some(default) = &schema.default {
                defaults.push(format!("{path} = {default}"));
            }
        });
    }
    expect![[r#"
        HyperConverged/v1.spec = {}
        HyperConverged/v1.spec.virtualization = {}
        HyperConverged/v1.spec.virtualization.liveMigrationConfig = {}
        HyperConverged/v1.spec.virtualization.liveMigrationConfig.allowAutoConverge = false
        HyperConverged/v1.spec.virtualization.liveMigrationConfig.allowPostCopy = false
        HyperConverged/v1.spec.virtualization.liveMigrationConfig.completionTimeoutPerGiB = 150
        HyperConverged/v1.spec.virtualization.liveMigrationConfig.parallelMigrationsPerCluster = 5
        HyperConverged/v1.spec.virtualization.liveMigrationConfig.parallelOutboundMigrationsPerNode = 2
        HyperConverged/v1.spec.virtualization.liveMigrationConfig.progressTimeout = 150
        HyperConverged/v1beta1.spec = {}
        HyperConverged/v1beta1.spec.featureGates = {}
        HyperConverged/v1beta1.spec.liveMigrationConfig = {}
        HyperConverged/v1beta1.spec.liveMigrationConfig.allowAutoConverge = false
        HyperConverged/v1beta1.spec.liveMigrationConfig.allowPostCopy = false
        HyperConverged/v1beta1.spec.liveMigrationConfig.completionTimeoutPerGiB = 150
        HyperConverged/v1beta1.spec.liveMigrationConfig.parallelMigrationsPerCluster = 5
        HyperConverged/v1beta1.spec.liveMigrationConfig.parallelOutboundMigrationsPerNode = 2
        HyperConverged/v1beta1.spec.liveMigrationConfig.progressTimeout = 150
        Pod/v1.spec.containers[].ports[].protocol = "TCP"
        Pod/v1.spec.ephemeralContainers[].ports[].protocol = "TCP"
        Pod/v1.spec.initContainers[].ports[].protocol = "TCP"
        Service/v1.spec.ports[].protocol = "TCP"
    "#]].assert_eq(&text(&defaults));
}

#[test]
fn a_number_or_a_name_is_only_ever_a_port() {
    for (kind, schema) in schemas() {
        walk(&kind, schema, &mut |path, schema| {
            if schema.shape == Shape::IntOrString(Text::Any) {
                let field = path.rsplit('.').next();
                let port = match kind.as_str() {
                    "Pod/v1" => field == Some("port"),
                    "Service/v1" => field == Some("targetPort"),
                    _ => false,
                };
                assert!(port, "{path}");
            }
        });
    }
}

#[test]
fn these_fields_hold_quantities() {
    let mut fields: Vec<String> = Vec::new();
    for (kind, schema) in schemas().filter(|(kind, _)| !kind.ends_with("v1alpha3")) {
        walk(&kind, schema, &mut |path, schema| {
            let quantity = matches!(
                schema.shape,
                Shape::String(Text::Quantity) | Shape::IntOrString(Text::Quantity)
            );
            // All kinds of containers have the same fields.
            if quantity && !path.contains("phemeral") && !path.contains("initC") {
                fields.push(path.to_owned());
            }
        });
    }
    expect![[r#"
        VirtualMachine/v1.spec.template.spec.domain.memory.guest
        VirtualMachine/v1.spec.template.spec.domain.memory.maxGuest
        VirtualMachine/v1.spec.template.spec.domain.resources.limits{}
        VirtualMachine/v1.spec.template.spec.domain.resources.requests{}
        VirtualMachine/v1.spec.template.spec.volumes[].emptyDisk.capacity
        VirtualMachine/v1.spec.template.spec.volumes[].hostDisk.capacity
        VirtualMachine/migrations.kubevirt.io/v1alpha1.spec.template.spec.domain.memory.guest
        VirtualMachine/migrations.kubevirt.io/v1alpha1.spec.template.spec.domain.memory.maxGuest
        VirtualMachine/migrations.kubevirt.io/v1alpha1.spec.template.spec.domain.resources.limits{}
        VirtualMachine/migrations.kubevirt.io/v1alpha1.spec.template.spec.domain.resources.requests{}
        VirtualMachine/migrations.kubevirt.io/v1alpha1.spec.template.spec.volumes[].emptyDisk.capacity
        VirtualMachine/migrations.kubevirt.io/v1alpha1.spec.template.spec.volumes[].hostDisk.capacity
        VirtualMachineInstance/v1.spec.domain.memory.guest
        VirtualMachineInstance/v1.spec.domain.memory.maxGuest
        VirtualMachineInstance/v1.spec.domain.resources.limits{}
        VirtualMachineInstance/v1.spec.domain.resources.requests{}
        VirtualMachineInstance/v1.spec.volumes[].emptyDisk.capacity
        VirtualMachineInstance/v1.spec.volumes[].hostDisk.capacity
        VirtualMachineInstance/v1.status.migratedVolumes[].destinationPVCInfo.capacity{}
        VirtualMachineInstance/v1.status.migratedVolumes[].destinationPVCInfo.requests{}
        VirtualMachineInstance/v1.status.migratedVolumes[].sourcePVCInfo.capacity{}
        VirtualMachineInstance/v1.status.migratedVolumes[].sourcePVCInfo.requests{}
        VirtualMachineInstance/v1.status.migrationState.migrationConfiguration.bandwidthPerMigration
        VirtualMachineInstance/v1.status.migrationState.targetMemoryOverhead
        VirtualMachineInstanceMigration/v1.status.migrationState.migrationConfiguration.bandwidthPerMigration
        VirtualMachineInstanceMigration/v1.status.migrationState.targetMemoryOverhead
        MigrationPolicy/v1alpha1.spec.bandwidthPerMigration
        KubeVirt/v1.spec.configuration.cpuRequest
        KubeVirt/v1.spec.configuration.migrations.bandwidthPerMigration
        HyperConverged/v1.spec.virtualization.liveMigrationConfig.bandwidthPerMigration
        HyperConverged/v1beta1.spec.liveMigrationConfig.bandwidthPerMigration
        Node/v1.status.allocatable{}
        Node/v1.status.capacity{}
        Pod/v1.spec.containers[].env[].valueFrom.resourceFieldRef.divisor
        Pod/v1.spec.containers[].resources.limits{}
        Pod/v1.spec.containers[].resources.requests{}
        Pod/v1.spec.overhead{}
        Pod/v1.spec.resources.limits{}
        Pod/v1.spec.resources.requests{}
        Pod/v1.spec.volumes[].downwardAPI.items[].resourceFieldRef.divisor
        Pod/v1.spec.volumes[].emptyDir.sizeLimit
        Pod/v1.spec.volumes[].projected.sources[].downwardAPI.items[].resourceFieldRef.divisor
        Pod/v1.status.allocatedResources{}
        Pod/v1.status.containerStatuses[].allocatedResources{}
        Pod/v1.status.containerStatuses[].resources.limits{}
        Pod/v1.status.containerStatuses[].resources.requests{}
        Pod/v1.status.nodeAllocatableResourceClaimStatuses[].mapping[].quantity
        Pod/v1.status.nodeAllocatableResourceClaimStatuses[].overhead[].perContainer
        Pod/v1.status.nodeAllocatableResourceClaimStatuses[].overhead[].perPod
        Pod/v1.status.resources.limits{}
        Pod/v1.status.resources.requests{}
        PersistentVolumeClaim/v1.spec.resources.limits{}
        PersistentVolumeClaim/v1.spec.resources.requests{}
        PersistentVolumeClaim/v1.status.allocatedResources{}
        PersistentVolumeClaim/v1.status.capacity{}
    "#]].assert_eq(&text(&fields));
}

#[test]
fn closed_parts_are_closed_and_open_ones_open() {
    let unknown_at = |kind: Kind, version: &str, dotted: &str| {
        let mut schema = kind.schema(version).unwrap();
        for name in dotted.split('.') {
            schema = match &schema.shape {
                Shape::Object(object) => &object.properties[name],
                other => panic!("{dotted}: {other:?}"),
            };
        }
        match &schema.shape {
            Shape::Object(object) => object.unknown,
            other => panic!("{dotted}: {other:?}"),
        }
    };
    let configuration = "spec.configuration.migrations";
    for (kind, version, closed) in [
        (Kind::MigrationPolicy, "v1alpha1", "spec"),
        (Kind::MigrationPolicy, "v1alpha1", "spec.selectors"),
        (Kind::MigrationPolicy, "v1alpha1", "spec.experimental"),
        (Kind::VirtualMachineInstanceMigration, "v1", "spec"),
        (Kind::VirtualMachineInstanceMigration, "v1", "spec.sendTo"),
        (Kind::VirtualMachineInstanceMigration, "v1", "spec.receive"),
        (Kind::VirtualMachineInstanceMigration, "v1", "status"),
        (Kind::VirtualMachineInstanceMigration, "v1", "status.migrationState"),
        (Kind::KubeVirt, "v1", "spec"),
        (Kind::KubeVirt, "v1", "spec.configuration"),
        (Kind::KubeVirt, "v1", configuration),
        (Kind::KubeVirt, "v1", "spec.configuration.developerConfiguration"),
        (Kind::KubeVirt, "v1", "status"),
        (Kind::HyperConverged, "v1beta1", "spec"),
        (Kind::HyperConverged, "v1beta1", "spec.liveMigrationConfig"),
        (Kind::HyperConverged, "v1beta1", "spec.resourceRequirements"),
        (Kind::HyperConverged, "v1beta1", "status"),
        (Kind::HyperConverged, "v1", "spec"),
        (Kind::HyperConverged, "v1", "spec.virtualization"),
        (Kind::HyperConverged, "v1", "spec.virtualization.liveMigrationConfig"),
        (Kind::HyperConverged, "v1", "spec.deployment.nodePlacements"),
        (Kind::HyperConverged, "v1", "status"),
        (Kind::VirtualMachine, "v1", "metadata"),
        (Kind::VirtualMachine, "v1", "spec"),
        (Kind::VirtualMachine, "v1", "spec.instancetype"),
        (Kind::VirtualMachine, "v1", "spec.template"),
        (Kind::VirtualMachine, "v1", "spec.template.spec"),
        (Kind::VirtualMachine, "v1", "status"),
        (Kind::VirtualMachineInstance, "v1", "spec"),
        (Kind::VirtualMachineInstance, "v1", "status"),
        (Kind::VirtualMachineInstance, "v1", "status.migrationState"),
        (Kind::NetworkAttachmentDefinition, "v1", "spec"),
    ] {
        assert_eq!(unknown_at(kind, version, closed), UnknownFields::Pruned, "{kind} {closed}");
    }
    for (kind, version, open) in [
        (Kind::VirtualMachine, "v1", "spec.template.metadata"),
        (Kind::VirtualMachine, "v1", "spec.template.spec.domain"),
        (Kind::VirtualMachine, "v1", "spec.template.spec.domain.cpu"),
        (Kind::VirtualMachine, "v1", "spec.template.spec.dnsConfig"),
        (Kind::VirtualMachineInstance, "v1", "status.guestOSInfo"),
        (Kind::VirtualMachineInstance, "v1", "status.migrationState.targetState"),
        (Kind::KubeVirt, "v1", "spec.configuration.network"),
        (Kind::KubeVirt, "v1", "spec.customizeComponents"),
        (Kind::HyperConverged, "v1", "spec.security.certConfig"),
        (Kind::HyperConverged, "v1beta1", "spec.certConfig"),
    ] {
        assert_eq!(unknown_at(kind, version, open), UnknownFields::Kept, "{kind} {open}");
    }
}

#[test]
fn what_is_published_is_structural() {
    for (kind, schema) in schemas() {
        check_structural(&kind, &schema.to_openapi());
    }
}

/// The rules of a structural schema
/// (apiextensions-apiserver `pkg/apiserver/schema/validation.go`).
fn check_structural(path: &str, schema: &Value) {
    const KNOWN: [&str; 14] = [
        "type",
        "format",
        "description",
        "properties",
        "additionalProperties",
        "items",
        "required",
        "enum",
        "pattern",
        "minimum",
        "maximum",
        "default",
        "nullable",
        "anyOf",
    ];
    let schema = schema.as_object().unwrap_or_else(|| panic!("{path}: {schema} is no schema"));
    for name in schema.keys() {
        assert!(
            KNOWN.contains(&name.as_str()) || name.starts_with("x-kubernetes-"),
            "{path}: {name}"
        );
    }
    let flag = |name: &str| schema.get(name) == Some(&Value::Bool(true));
    let int_or_string = flag("x-kubernetes-int-or-string");
    let free = flag("x-kubernetes-preserve-unknown-fields");
    match schema.get("type").and_then(Value::as_str) {
        None => assert!(int_or_string || free, "{path} has no type"),
        Some("object") => {
            let fixed = schema.contains_key("properties");
            assert!(
                !(fixed && schema.contains_key("additionalProperties")),
                "{path} is two things"
            );
        }
        Some("array") => assert!(schema.contains_key("items"), "{path} has no items"),
        Some("string" | "integer" | "number" | "boolean") => {}
        Some(other) => panic!("{path}: {other} is no type"),
    }
    assert_eq!(schema.contains_key("anyOf"), int_or_string, "{path}");
    for (name, property) in
        schema.get("properties").and_then(Value::as_object).into_iter().flatten()
    {
        check_structural(&format!("{path}.{name}"), property);
    }
    for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
        let name = name.as_str().expect("a name");
        assert!(schema["properties"].get(name).is_some(), "{path}: {name} is required but unknown");
    }
    for inner in ["items", "additionalProperties"] {
        if let Some(schema) = schema.get(inner) {
            check_structural(&format!("{path}.{inner}"), schema);
        }
    }
}

#[test]
fn bounds_and_patterns_are_published() {
    let policy = Kind::MigrationPolicy.schema("v1alpha1").unwrap().to_openapi();
    let spec = &policy["properties"]["spec"];
    let mut shown = Vec::new();
    for name in
        ["bandwidthPerMigration", "maxDowntimeMs", "allowPostCopy", "completionTimeoutPerGiB"]
    {
        let mut property = spec["properties"][name].clone();
        property.as_object_mut().unwrap().remove("description");
        shown.push(format!("{name} {property}"));
    }
    shown.push(format!(
        "selectors {}",
        spec["properties"]["selectors"]["properties"]["namespaceSelector"]
    ));
    shown.push(format!("required {}", spec["required"]));
    expect![[r#"
        bandwidthPerMigration {"anyOf":[{"type":"integer"},{"type":"string"}],"pattern":"^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$","x-kubernetes-int-or-string":true}
        maxDowntimeMs {"format":"int32","maximum":2000000,"minimum":1,"type":"integer"}
        allowPostCopy {"type":"boolean"}
        completionTimeoutPerGiB {"format":"int64","type":"integer"}
        selectors {"additionalProperties":{"type":"string"},"description":"Labels of the namespace.","type":"object"}
        required ["selectors"]
    "#]].assert_eq(&text(&shown));
}

#[test]
fn what_nothing_here_reads_is_one_of_the_words_that_the_real_system_knows() {
    for (api_version, kind, path, word) in [
        ("kubevirt.io/v1", "KubeVirt", "/spec/configuration/vmRolloutStrategy", "LiveUpdate"),
        ("hco.kubevirt.io/v1beta1", "HyperConverged", "/spec/tuningPolicy", "highBurst"),
        ("hco.kubevirt.io/v1", "HyperConverged", "/spec/virtualization/tuningPolicy", "highBurst"),
        ("hco.kubevirt.io/v1beta1", "HyperConverged", "/spec/uninstallStrategy", "RemoveWorkloads"),
    ] {
        let schema = KindVersion::of_document(api_version, kind).expect("it is served").schema();
        let with = |word: &str| {
            let steps = path.split('/').skip(1).collect::<Vec<_>>().into_iter().rev();
            steps.fold(json!(word), |inner, field| json!({ field: inner }))
        };
        let is_told = |word: &str| {
            let errors = schema.check(&with(word));
            errors.iter().any(|error| error.to_string().contains("Unsupported value"))
        };
        assert!(!is_told(word), "{path}");
        assert!(is_told("foo"), "{path}: {:?}", schema.check(&with("foo")));
    }
}
