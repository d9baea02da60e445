//! The same handful of commands with every kubectl that the machine has, from the oldest to the
//! newest: they ask for different documents, and send different bodies.

use anyhow::{Context, Result};
use ferry_harness::{ApiServer, Shell, kubectls};

use crate::common::{NODE, WEB};

/// Each has to succeed. They run in this order, in a namespace of the version's own.
const BATTERY: &[&str] = &[
    "kubectl version",
    "kubectl api-resources",
    "kubectl create -f vm.yaml",
    "kubectl get vm,nodes,ns",
    "kubectl get vm web -o yaml",
    "kubectl apply -f vm.yaml",
    "kubectl apply --server-side --force-conflicts -f vm.yaml",
    "kubectl diff -f vm.yaml",
    "kubectl explain vmim.spec",
    "kubectl patch vm web --type=merge -p '{\"spec\":{\"runStrategy\":\"Halted\"}}'",
    "kubectl label vm web a=b",
    "kubectl annotate vm web a=b",
    "kubectl describe vm web",
    "kubectl describe node node-1",
    "KUBE_EDITOR='sed -i s/Halted/Manual/' kubectl edit vm web",
    "kubectl get vm web -o yaml | kubectl replace -f -",
    "kubectl create configmap settings --from-literal=a=b",
    "kubectl create secret generic key --from-literal=a=b",
    "kubectl create serviceaccount robot",
    "kubectl create token robot",
    "kubectl create role reader --verb=get --resource=virtualmachines.kubevirt.io",
    "kubectl create rolebinding readers --role=reader --user=alice",
    "kubectl auth can-i delete vm",
    "kubectl auth can-i --list",
    "kubectl cordon node-1",
    "kubectl uncordon node-1",
    "kubectl taint nodes node-1 a=b:NoSchedule --overwrite",
    "kubectl drain node-1 --ignore-daemonsets --timeout=20s",
    "kubectl uncordon node-1",
    "kubectl wait --for=jsonpath='{.spec.runStrategy}'=Manual vm/web --timeout=30s",
    "kubectl get events",
    "kubectl delete vm web",
    "kubectl wait --for=delete vm/web --timeout=30s",
    "kubectl cluster-info",
];

#[test]
fn every_kubectl_of_this_machine_does_its_work() -> Result<()> {
    let server = ApiServer::start()?;
    server.shell()?.ok_with("kubectl create -f -", NODE)?;
    for (version, kubectl) in kubectls() {
        let shell = Shell::with(&server.kubeconfig(), &kubectl)?;
        let namespace = format!("with-{}", version.replace('.', "-"));
        shell.file("vm.yaml", WEB)?;
        let run = |script: &str| shell.ok(script).with_context(|| format!("kubectl {version}"));
        run(&format!("kubectl create namespace {namespace}"))?;
        run(&format!("kubectl config set-context --current --namespace={namespace}"))?;
        for script in BATTERY {
            run(script)?;
        }
        run(&format!("kubectl delete namespace {namespace} --timeout=30s"))?;
    }
    Ok(())
}
