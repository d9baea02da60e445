//! Who gets in, and what each may do: people with roles, nodes, programs, and nobody.

use anyhow::Result;
use expect_test::expect;
use ferry_harness::Shell;

use crate::common::{Cluster, LAUNCHER, NODE, WEB_INSTANCE};

const MOVE: &str = "\
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstanceMigration
metadata: {generateName: move-}
spec: {vmiName: web, addedNodeSelector: {zone: a}}
";

/// Whether kubectl may, and whether it is told the truth about it beforehand.
fn may(shell: &Shell, verb: &str, resource: &str) -> Result<bool> {
    let answer = shell.run(&format!("kubectl auth can-i {verb} {resource} 2>/dev/null"))?;
    Ok(answer.stdout.trim() == "yes")
}

#[test]
fn viewing_is_not_migrating() -> Result<()> {
    let cluster = Cluster::with(&[WEB_INSTANCE])?;
    let alice = cluster.server.shell_of("alice", &[])?;
    let refused = alice.fails("kubectl get vmi")?;
    expect![[r#"
        Error from server (Forbidden): virtualmachineinstances.kubevirt.io is forbidden: User "alice" cannot list resource "virtualmachineinstances" in API group "kubevirt.io" in the namespace "default"
    "#]].assert_eq(&refused);

    cluster.ok("kubectl create rolebinding alice --clusterrole=view --user=alice")?;
    alice.ok("kubectl get vmi,vmim")?;
    assert!(!may(&alice, "create", "vmim")?);
    let refused = alice.fails_with("kubectl create -f -", MOVE)?;
    expect![[r#"
        Error from server (Forbidden): error when creating "STDIN": virtualmachineinstancemigrations.kubevirt.io is forbidden: User "alice" cannot create resource "virtualmachineinstancemigrations" in API group "kubevirt.io" in the namespace "default"
    "#]].assert_eq(&refused);

    for role in ["edit", "admin"] {
        cluster.ok(&format!(
            "kubectl create rolebinding a-{role} --clusterrole={role} --user=alice"
        ))?;
        assert!(!may(&alice, "create", "vmim")?, "{role} does not migrate");
        alice.fails_with("kubectl create -f -", MOVE)?;
    }
    cluster.ok("kubectl create rolebinding move --clusterrole=kubevirt.io:migrate --user=alice")?;
    assert!(may(&alice, "create", "vmim")?);
    alice.ok_with("kubectl create -f -", MOVE)?;
    assert!(!may(&alice, "create", "migrationpolicies.migrations.kubevirt.io")?);
    Ok(())
}

#[test]
fn a_role_is_of_its_namespace_and_nobody_grants_what_he_has_not() -> Result<()> {
    let cluster = Cluster::start()?;
    cluster.ok("kubectl create namespace team")?;
    cluster.ok("kubectl create rolebinding bob --clusterrole=admin --user=bob -n team")?;
    let bob = cluster.server.shell_of("bob", &[])?;
    bob.ok("kubectl create configmap mine -n team")?;
    bob.fails("kubectl create configmap mine -n default")?;
    bob.ok("kubectl create rolebinding eve --clusterrole=view --user=eve -n team")?;
    let refused = bob.fails(
        "kubectl create rolebinding eve-all --clusterrole=cluster-admin --user=eve -n team",
    )?;
    assert!(
        refused.contains("attempting to grant RBAC permissions not currently held"),
        "{refused}"
    );
    assert!(bob.fails("kubectl get nodes")?.contains("at the cluster scope"));
    Ok(())
}

#[test]
fn a_node_writes_only_what_is_its_own() -> Result<()> {
    let cluster = Cluster::start()?;
    let node = cluster.server.shell_of("system:node:node-1", &["system:nodes"])?;
    let other = cluster.server.shell_of("system:node:node-2", &["system:nodes"])?;
    let refused = node.fails_with("kubectl create -f -", NODE)?;
    assert!(
        refused.contains("node-role.kubernetes.io/worker"),
        "it gives itself no role: {refused}"
    );
    let plain = NODE.replace(", node-role.kubernetes.io/worker: ''", "");
    other.fails_with("kubectl create -f -", &plain)?;
    node.ok_with("kubectl create -f -", &plain)?;
    node.ok("kubectl label node node-1 zone=a")?;
    other.fails("kubectl label node node-1 zone=b --overwrite")?;

    cluster.create(WEB_INSTANCE)?;
    let uid = cluster.ok("kubectl get vmi web -o jsonpath={.metadata.uid}")?;
    cluster.shell.ok_with("kubectl create -f -", &LAUNCHER.replace("UID", &uid))?;
    let status = |shell: &Shell| {
        shell.run(r#"kubectl patch vmi web --type=merge -p '{"status":{"guestOSInfo":{"name":"'$RANDOM'"}}}'"#)
    };
    assert_eq!(status(&node)?.code, 0);
    assert_ne!(status(&other)?.code, 0, "the machine is not on node-2");
    node.fails("kubectl annotate vmi web seen=yes")?;
    node.fails("kubectl taint nodes node-1 a=b:NoSchedule")?;
    other.fails(
        "kubectl delete pod virt-launcher-web-abcde --grace-period=0 --force --wait=false",
    )?;
    node.ok("kubectl delete pod virt-launcher-web-abcde --grace-period=0 --force --wait=false")?;
    node.fails("kubectl get secrets -A")?;
    node.fails("kubectl delete vmi web")?;
    Ok(())
}

#[test]
fn whoever_does_not_say_who_he_is_gets_no_further_than_the_door() -> Result<()> {
    let cluster = Cluster::start()?;
    let url = cluster.server.url()?;
    for (path, code) in [
        ("/healthz", "200"),
        ("/livez", "200"),
        ("/readyz", "200"),
        ("/version", "200"),
        ("/api", "401"),
        ("/apis/kubevirt.io/v1/virtualmachines", "401"),
        ("/metrics", "401"),
        ("/openapi/v3", "401"),
    ] {
        for header in ["", "-H 'Authorization: Bearer nonsense'"] {
            let asked = cluster.ok(&format!(
                "curl --silent --insecure {header} --output body --write-out '%{{http_code}}' {url}{path}; rm body"
            ))?;
            let expected = if header.is_empty() { code } else { "401" };
            assert_eq!(asked, expected, "{path} {header}");
        }
    }
    Ok(())
}

#[test]
fn a_service_account_is_whom_its_token_says_until_it_is_gone() -> Result<()> {
    let cluster = Cluster::start()?;
    cluster.ok("kubectl create serviceaccount robot")?;
    cluster
        .ok("kubectl create rolebinding robot --clusterrole=view --serviceaccount=default:robot")?;
    let url = cluster.server.url()?;
    let token = cluster.ok("kubectl create token robot")?;
    let ask = |token: &str| {
        let token = token.trim();
        cluster.ok(&format!(
            "curl --silent --insecure -H 'Authorization: Bearer {token}' --output body --write-out '%{{http_code}}' {url}/api/v1/namespaces/default/configmaps"
        ))
    };
    assert_eq!(ask(&token)?, "200");
    // One letter of the signature is another.
    let forged = if token.trim().ends_with('A') { "B" } else { "A" };
    assert_eq!(ask(&format!("{}{forged}", &token.trim()[..token.trim().len() - 1]))?, "401");
    cluster.ok("kubectl delete serviceaccount robot")?;
    assert_eq!(ask(&token)?, "401");
    assert!(!cluster.server.log().contains(token.trim()), "a token in the log");
    Ok(())
}

#[test]
fn a_user_who_may_impersonate_sees_what_others_see() -> Result<()> {
    let cluster = Cluster::start()?;
    let refused = cluster.fails("kubectl get vmi --as=alice")?;
    assert!(
        refused.contains("User \"alice\" cannot list resource \"virtualmachineinstances\""),
        "{refused}"
    );
    assert_eq!(cluster.ok("kubectl auth can-i list vmi --as=alice || true")?, "no\n");
    let alice = cluster.server.shell_of("alice", &[])?;
    let refused = alice.fails("kubectl get vmi --as=bob")?;
    // It is refused as soon as kubectl asks what there is, whose answers it does not print.
    assert!(refused.contains("(Forbidden)"), "{refused}");
    Ok(())
}
