//! The table of kinds: what discovery, `kubectl get` and `kubectl api-resources` show of each.

use expect_test::expect;
use ferry_api::{CellSource, Column, Kind, Scope, Shown, StatusSubresource};

use crate::common::text;

#[test]
fn kinds_have_these_names_versions_and_scopes() {
    let mut table = Vec::new();
    for kind in Kind::ALL {
        let definition = kind.definition();
        let versions = definition.versions.iter().map(|version| {
            let stored = if version.name == definition.storage_version { "*" } else { "" };
            let leaving = if version.deprecation_warning.is_some() { " (deprecated)" } else { "" };
            format!("{}{stored}{leaving}", definition.api_version(version.name))
        });
        let scope = match definition.scope {
            Scope::Cluster => "Cluster",
            Scope::Namespaced => "Namespaced",
        };
        let status = match definition.status {
            StatusSubresource::Served => "status",
            StatusSubresource::None => "-",
        };
        table.push(format!(
            "{kind} {} {} | {} | {} | {scope} | {status} | {}",
            definition.plural,
            definition.singular,
            definition.short_names.join(","),
            definition.categories.join(","),
            versions.collect::<Vec<_>>().join(" "),
        ));
    }
    expect![[r#"
        VirtualMachine virtualmachines virtualmachine | vm,vms | all | Namespaced | status | kubevirt.io/v1* kubevirt.io/v1alpha3 (deprecated)
        VirtualMachineInstance virtualmachineinstances virtualmachineinstance | vmi,vmis | all | Namespaced | - | kubevirt.io/v1* kubevirt.io/v1alpha3 (deprecated)
        VirtualMachineInstanceMigration virtualmachineinstancemigrations virtualmachineinstancemigration | vmim,vmims | all | Namespaced | status | kubevirt.io/v1* kubevirt.io/v1alpha3 (deprecated)
        MigrationPolicy migrationpolicies migrationpolicy |  |  | Cluster | status | migrations.kubevirt.io/v1alpha1*
        KubeVirt kubevirts kubevirt | kv,kvs | all | Namespaced | status | kubevirt.io/v1* kubevirt.io/v1alpha3 (deprecated)
        HyperConverged hyperconvergeds hyperconverged | hco,hcos | all | Namespaced | status | hco.kubevirt.io/v1 hco.kubevirt.io/v1beta1*
        NetworkAttachmentDefinition network-attachment-definitions network-attachment-definition | net-attach-def,nad |  | Namespaced | - | k8s.cni.cncf.io/v1*
        Node nodes node | no |  | Cluster | status | v1*
        Namespace namespaces namespace | ns |  | Cluster | status | v1*
        Pod pods pod | po | all | Namespaced | status | v1*
        Event events event | ev |  | Namespaced | - | v1*
        Lease leases lease |  |  | Namespaced | - | coordination.k8s.io/v1*
        PersistentVolumeClaim persistentvolumeclaims persistentvolumeclaim | pvc |  | Namespaced | status | v1*
        ConfigMap configmaps configmap | cm |  | Namespaced | - | v1*
        Secret secrets secret |  |  | Namespaced | - | v1*
        Service services service | svc | all | Namespaced | status | v1*
        ServiceAccount serviceaccounts serviceaccount | sa |  | Namespaced | - | v1*
        ClusterRole clusterroles clusterrole |  |  | Cluster | - | rbac.authorization.k8s.io/v1*
        ClusterRoleBinding clusterrolebindings clusterrolebinding |  |  | Cluster | - | rbac.authorization.k8s.io/v1*
        Role roles role |  |  | Namespaced | - | rbac.authorization.k8s.io/v1*
        RoleBinding rolebindings rolebinding |  |  | Namespaced | - | rbac.authorization.k8s.io/v1*
    "#]].assert_eq(&text(&table));
}

/// Columns after the name; those in parentheses only with `-o wide`, those with an asterisk made by
/// the API server's printer rather than from a path.
#[test]
fn kubectl_get_shows_these_columns() {
    let shown = |column: &Column| {
        let printer = match column.source {
            CellSource::Path(_) => "",
            CellSource::Printer => "*",
        };
        match column.shown {
            Shown::Always => format!("{}{printer}", column.name),
            Shown::Wide => format!("({}{printer})", column.name),
        }
    };
    let mut table = Vec::new();
    for kind in Kind::ALL {
        let columns: Vec<_> = kind.definition().columns.iter().map(shown).collect();
        table.push(format!("{kind}: {}", columns.join(", ")));
    }
    expect![[r#"
        VirtualMachine: Age, Status, Ready
        VirtualMachineInstance: Age, Phase, IP, NodeName, Ready, (Live-Migratable), (Paused)
        VirtualMachineInstanceMigration: Phase, VMI
        MigrationPolicy: Age
        KubeVirt: Age, Phase
        HyperConverged: Age
        NetworkAttachmentDefinition: Age
        Node: Status*, Roles*, Age*, Version*, (Internal-IP*), (External-IP*), (OS-Image*), (Kernel-Version*), (Container-Runtime*)
        Namespace: Status*, Age*
        Pod: Ready*, Status*, Restarts*, Age*, (IP*), (Node*), (Nominated Node*), (Readiness Gates*)
        Event: Last Seen*, Type*, Reason*, Object*, (Subobject*), (Source*), Message*, (First Seen*), (Count*), (Name*)
        Lease: Holder*, Age*
        PersistentVolumeClaim: Status*, Volume*, Capacity*, Access Modes*, StorageClass*, VolumeAttributesClass*, Age*, (VolumeMode*)
        ConfigMap: Data*, Age*
        Secret: Type*, Data*, Age*
        Service: Type*, Cluster-IP*, External-IP*, Port(s)*, Age*, (Selector*)
        ServiceAccount: Secrets*, Age*
        ClusterRole: Created At
        ClusterRoleBinding: Role*, Age*, (Users*), (Groups*), (ServiceAccounts*)
        Role: Created At
        RoleBinding: Role*, Age*, (Users*), (Groups*), (ServiceAccounts*)
    "#]].assert_eq(&text(&table));
}

#[test]
fn columns_of_custom_kinds_come_from_these_paths() {
    let mut table = Vec::new();
    for kind in Kind::ALL.into_iter().filter(|kind| kind.is_custom()) {
        for column in kind.definition().columns {
            if let CellSource::Path(path) = column.source {
                table.push(format!("{kind} {} {} {path}", column.name, column.type_));
            }
        }
    }
    expect![[r#"
        VirtualMachine Age date .metadata.creationTimestamp
        VirtualMachine Status string .status.printableStatus
        VirtualMachine Ready string .status.conditions[?(@.type=='Ready')].status
        VirtualMachineInstance Age date .metadata.creationTimestamp
        VirtualMachineInstance Phase string .status.phase
        VirtualMachineInstance IP string .status.interfaces[0].ipAddress
        VirtualMachineInstance NodeName string .status.nodeName
        VirtualMachineInstance Ready string .status.conditions[?(@.type=='Ready')].status
        VirtualMachineInstance Live-Migratable string .status.conditions[?(@.type=='LiveMigratable')].status
        VirtualMachineInstance Paused string .status.conditions[?(@.type=='Paused')].status
        VirtualMachineInstanceMigration Phase string .status.phase
        VirtualMachineInstanceMigration VMI string .spec.vmiName
        MigrationPolicy Age date .metadata.creationTimestamp
        KubeVirt Age date .metadata.creationTimestamp
        KubeVirt Phase string .status.phase
        HyperConverged Age date .metadata.creationTimestamp
        NetworkAttachmentDefinition Age date .metadata.creationTimestamp
    "#]].assert_eq(&text(&table));
}

#[test]
fn every_column_is_described_and_has_a_type_of_kubernetes() {
    for kind in Kind::ALL {
        for column in kind.definition().columns {
            assert!(
                ["string", "integer", "date"].contains(&column.type_),
                "{kind} {}",
                column.name
            );
            assert!(!column.description.is_empty(), "{kind} {}", column.name);
            // Kubernetes prints the ages of its own kinds as texts, and those of roles as dates.
            let custom = kind.is_custom();
            let date = column.name == "Created At" || (column.name == "Age" && custom);
            assert_eq!(column.type_ == "date", date, "{kind} {}", column.name);
        }
    }
}

#[test]
fn requests_for_the_deprecated_version_are_answered_with_a_warning() {
    let definition = Kind::VirtualMachineInstanceMigration.definition();
    expect!["kubevirt.io/v1alpha3 is now deprecated and will be removed in a future release."]
        .assert_eq(definition.version("v1alpha3").unwrap().deprecation_warning.unwrap());
    assert_eq!(definition.version("v1").unwrap().deprecation_warning, None);
    assert_eq!(definition.version("v2"), None);
}

#[test]
fn kinds_are_found_by_group_and_kind() {
    for kind in Kind::ALL {
        let definition = kind.definition();
        assert_eq!(Kind::find(definition.group, definition.kind), Some(kind));
        assert_eq!(kind.to_string(), definition.kind);
        assert!(definition.version(definition.storage_version).is_some());
    }
    assert_eq!(Kind::find("", "VirtualMachine"), None);
    assert_eq!(Kind::find("kubevirt.io", "virtualmachine"), None);
}

#[test]
fn no_two_kinds_share_a_name_that_people_type() {
    let mut names: Vec<&str> = Vec::new();
    for kind in Kind::ALL {
        let definition = kind.definition();
        names.extend([definition.plural, definition.singular]);
        names.extend(definition.short_names);
    }
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all, "{names:?}");
}
