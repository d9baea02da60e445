//! What a person asks a cluster about itself: describe, explain, api-resources, events, can-i.

use anyhow::Result;
use expect_test::expect;

use crate::common::{Cluster, WEB, rows};

#[test]
fn describe_shows_an_object_and_its_events() -> Result<()> {
    let cluster = Cluster::with_a_machine_that_runs()?;
    let uid = cluster.ok("kubectl get vmi web -o jsonpath={.metadata.uid}")?;
    cluster.shell.ok_with(
        "kubectl create -f -",
        &format!(
            "\
apiVersion: v1
kind: Event
metadata: {{name: web.1, namespace: default}}
involvedObject: {{apiVersion: kubevirt.io/v1, kind: VirtualMachineInstance, name: web, namespace: default, uid: {uid}}}
reason: SuccessfulCreate
message: Created Migration kubevirt-evacuation-x
type: Normal
count: 1
source: {{component: virt-controller}}
firstTimestamp: '2026-01-01T00:00:00Z'
lastTimestamp: '2999-01-01T00:00:00Z'
"
        ),
    )?;
    let described = cluster.ok("kubectl describe vmi web")?;
    for part in ["Name:         web", "1Gi", "Events:", "SuccessfulCreate"] {
        assert!(described.contains(part), "{part} in\n{described}");
    }
    for (what, parts) in [
        (
            "node node-1",
            &["Roles:              worker", "virt-launcher-web-abcde", "MemoryPressure|Ready"][..2],
        ),
        ("ns default", &["Status:       Active"]),
        ("pod virt-launcher-web-abcde", &["Controlled By:  VirtualMachineInstance/web"]),
    ] {
        let described = cluster.ok(&format!("kubectl describe {what}"))?;
        for part in parts {
            assert!(described.contains(part), "{part} in\n{described}");
        }
    }
    let events = cluster.ok("kubectl events --for vmi/web --no-headers")?;
    assert!(events.contains("Created Migration kubevirt-evacuation-x"), "{events}");
    let events = cluster.ok("kubectl get events --no-headers")?;
    assert!(events.contains("virtualmachineinstance/web"), "{events}");
    let events = cluster.ok("kubectl get events.events.k8s.io -o jsonpath={.items[0].note}")?;
    assert_eq!(events, "Created Migration kubevirt-evacuation-x");
    Ok(())
}

#[test]
fn explain_tells_of_the_fields_that_matter() -> Result<()> {
    let cluster = Cluster::start()?;
    // kubectl indents empty lines, which editors and formatters take for a mistake.
    let explained = cluster.ok("kubectl explain vmim.spec.addedNodeSelector")?;
    let explained: Vec<_> = explained.lines().map(str::trim_end).collect();
    expect![[r#"
        GROUP:      kubevirt.io
        KIND:       VirtualMachineInstanceMigration
        VERSION:    v1

        FIELD: addedNodeSelector <map[string]string>


        DESCRIPTION:
            Labels that the target node must have on top of what the virtual machine
            asks for, all of them, for this one attempt.


    "#]]
    .assert_eq(&(explained.join("\n") + "\n"));
    let policy = cluster.ok("kubectl explain migrationpolicy.spec --recursive")?;
    for field in ["allowPostCopy", "bandwidthPerMigration", "virtualMachineInstanceSelector"] {
        assert!(policy.contains(field), "{field} in\n{policy}");
    }
    cluster.ok("kubectl explain node.spec.taints")?;
    cluster.ok("kubectl explain hyperconverged.spec.liveMigrationConfig --api-version=hco.kubevirt.io/v1beta1")?;
    Ok(())
}

#[test]
fn what_is_served_is_listed() -> Result<()> {
    let cluster = Cluster::start()?;
    let resources = cluster.ok("kubectl api-resources --no-headers")?;
    let kinds: Vec<_> = rows(&resources).iter().map(|row| row.join(" ")).collect();
    expect![[r#"
        bindings v1 true Binding
        configmaps cm v1 true ConfigMap
        events ev v1 true Event
        namespaces ns v1 false Namespace
        nodes no v1 false Node
        persistentvolumeclaims pvc v1 true PersistentVolumeClaim
        pods po v1 true Pod
        secrets v1 true Secret
        serviceaccounts sa v1 true ServiceAccount
        services svc v1 true Service
        selfsubjectreviews authentication.k8s.io/v1 false SelfSubjectReview
        tokenreviews authentication.k8s.io/v1 false TokenReview
        localsubjectaccessreviews authorization.k8s.io/v1 true LocalSubjectAccessReview
        selfsubjectaccessreviews authorization.k8s.io/v1 false SelfSubjectAccessReview
        selfsubjectrulesreviews authorization.k8s.io/v1 false SelfSubjectRulesReview
        subjectaccessreviews authorization.k8s.io/v1 false SubjectAccessReview
        leases coordination.k8s.io/v1 true Lease
        events ev events.k8s.io/v1 true Event
        hyperconvergeds hco,hcos hco.kubevirt.io/v1 true HyperConverged
        network-attachment-definitions net-attach-def,nad k8s.cni.cncf.io/v1 true NetworkAttachmentDefinition
        kubevirts kv,kvs kubevirt.io/v1 true KubeVirt
        virtualmachineinstancemigrations vmim,vmims kubevirt.io/v1 true VirtualMachineInstanceMigration
        virtualmachineinstances vmi,vmis kubevirt.io/v1 true VirtualMachineInstance
        virtualmachines vm,vms kubevirt.io/v1 true VirtualMachine
        migrationpolicies migrations.kubevirt.io/v1alpha1 false MigrationPolicy
        virtualmachines migrations.kubevirt.io/v1alpha1 true VirtualMachine
        clusterrolebindings rbac.authorization.k8s.io/v1 false ClusterRoleBinding
        clusterroles rbac.authorization.k8s.io/v1 false ClusterRole
        rolebindings rbac.authorization.k8s.io/v1 true RoleBinding
        roles rbac.authorization.k8s.io/v1 true Role
    "#]].assert_eq(&(kinds.join("\n") + "\n"));
    expect![[r#"
        authentication.k8s.io/v1
        authorization.k8s.io/v1
        coordination.k8s.io/v1
        events.k8s.io/v1
        hco.kubevirt.io/v1
        hco.kubevirt.io/v1beta1
        k8s.cni.cncf.io/v1
        kubevirt.io/v1
        kubevirt.io/v1alpha3
        migrations.kubevirt.io/v1alpha1
        rbac.authorization.k8s.io/v1
        subresources.kubevirt.io/v1
        v1
    "#]]
    .assert_eq(&cluster.ok("kubectl api-versions")?);
    let version = cluster.ok("kubectl version -o json")?;
    assert!(version.contains("serverVersion"), "{version}");
    let info = cluster.ok("kubectl cluster-info")?;
    assert!(info.contains("https://127.0.0.1:"), "{info}");
    Ok(())
}

#[test]
fn the_administrator_may_do_everything_and_is_told_so() -> Result<()> {
    let cluster = Cluster::with(&[WEB])?;
    assert_eq!(cluster.ok("kubectl auth can-i create vmim")?, "yes\n");
    assert_eq!(cluster.ok("kubectl auth can-i '*' '*'")?, "yes\n");
    let who = cluster.ok("kubectl auth whoami -o jsonpath={.status.userInfo.groups}")?;
    assert!(who.contains("system:masters"), "{who}");
    let list = cluster.ok("kubectl auth can-i --list")?;
    assert!(list.contains("*.*"), "{list}");
    for path in ["/healthz", "/livez", "/readyz"] {
        assert_eq!(cluster.ok(&format!("kubectl get --raw {path}"))?, "ok", "{path}");
    }
    Ok(())
}
